package identity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// wantUnhandled checks that an error names what was not handled, and is none that
// a caller branches on: so it is an internal error on the wire.
func wantUnhandled(t *testing.T, what string, err error, names string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), names) || !strings.Contains(err.Error(), "not handled") {
		t.Errorf("%s: error %v, want one that says that %s is not handled", what, err, names)
	}
	for _, known := range knownErrors {
		if errors.Is(err, known) {
			t.Errorf("%s: error %v is %v", what, err, known)
		}
	}
}

func TestUnknownMediumSendsNothing(t *testing.T) {
	f := newEngine(t)
	for _, medium := range []identity.Medium{"", "PIGEON"} {
		err := f.SendMessage(t.Context(), &identity.Message{To: email, Medium: medium, Code: "123456"})
		wantUnhandled(t, "send by "+string(medium), err, "medium")
	}
	if sent := f.outbox.Messages(nil); len(sent) > 0 {
		t.Errorf("%d messages were sent, want none", len(sent))
	}
	check(t, "send by mail", f.SendMessage(t.Context(), &identity.Message{To: email, Medium: "EMAIL"}))
	for attribute, want := range map[string]identity.Medium{"email": "EMAIL", "phone_number": "SMS", "fax": ""} {
		if got := identity.MediumOf(attribute); got != want {
			t.Errorf("medium of %s is %q, want %q", attribute, got, want)
		}
	}
}

func TestUnknownStatusChangesNoPassword(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	access := f.signIn(t, a, "alice").Access
	check(t, "EditUser", f.EditUser(t.Context(), pool.PoolID(), "alice", func(u *identity.User) { u.Status = "ELSEWHERE" }))
	s, err := f.Session(t.Context(), access)
	check(t, "Session", err)
	wantUnhandled(t, "ChangePassword", s.ChangePassword(t.Context(), password, password+"!"), "ELSEWHERE")
}

func TestUnknownDefaultsAreRefused(t *testing.T) {
	f := newEngine(t)
	_, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Defaults: "safe"})
	wantErr(t, "CreateUserPool", err, identity.ErrInvalidSettings)
}

func TestUnknownAttributeTypeTakesNoValue(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, cognitoPool)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
		s.Schema = append(s.Schema, identity.SchemaAttribute{Name: "custom:shape", Type: "Blob", Mutable: true})
	}))
	_, err := pool.Admin().Users().Create(t.Context(), identity.CreateUser{
		Username: "alice", Attributes: map[string]string{"custom:shape": "round"},
	})
	wantErr(t, "Create", err, identity.ErrInvalidAttributes)
}
