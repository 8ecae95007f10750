package identity_test

import (
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

const chosen = "a password of my own"

// invite makes a user with a temporary password.
func (f *fixture) invite(t testing.TB, pool *identity.UserPool, name string, attributes map[string]string) *identity.User {
	t.Helper()
	u, err := pool.Admin().Users().Create(t.Context(), identity.CreateUser{
		Username: name, TemporaryPassword: password, SuppressInvitation: true, Attributes: attributes,
	})
	check(t, "Create", err)
	return u
}

// challenge signs in with a temporary password.
func challenge(t testing.TB, a *identity.AppClient, name string) *identity.NewPasswordRequired {
	t.Helper()
	res, err := a.SignIn(t.Context(), identity.SignIn{Username: name, Password: password})
	check(t, "SignIn", err)
	ch, ok := res.Challenge.(*identity.NewPasswordRequired)
	if !ok {
		t.Fatalf("SignIn = %+v, want a challenge for a new password", res)
	}
	return ch
}

func TestNewPasswordConfirmsAndSignsIn(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.invite(t, pool, "alice", map[string]string{"email": email})
	ch := challenge(t, pool.AppClient, "alice")
	res, err := pool.NewPassword("alice", ch.State()).Answer(t.Context(), identity.NewPassword{Password: chosen})
	check(t, "Answer", err)
	if res.Challenge != nil || res.Tokens == nil {
		t.Fatalf("Answer = %+v, want tokens", res)
	}
	_, err = pool.Session(t.Context(), res.Tokens.Access)
	check(t, "Session", err)
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	if err != nil || u.Status != identity.StatusConfirmed {
		t.Errorf("user %+v, %v, want confirmed", u, err)
	}
	for how, try := range ways {
		_, err := try(t, pool.AppClient, pool.PoolID(), "alice", chosen)
		wantErr(t, "the new password by "+how, err, nil)
		_, err = try(t, pool.AppClient, pool.PoolID(), "alice", password)
		wantErr(t, "the temporary one by "+how, err, identity.ErrIncorrectCredentials)
	}
	f.advance(30 * 24 * time.Hour)
	wantErr(t, "a month later", byPassword(t, pool.AppClient, "alice", chosen), nil)
}

func TestNewPasswordNeedsTheRightState(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.invite(t, pool, "alice", map[string]string{"email": email})
	f.invite(t, pool, "bob", nil)
	other := f.client(t, pool, identity.ClientSettings{})
	elsewhere, err := f.OpenUserPool(t.Context(), "elsewhere", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	f.invite(t, elsewhere, "alice", nil)
	state := challenge(t, pool.AppClient, "alice").State()
	for _, tt := range []struct {
		name   string
		client *identity.AppClient
		user   string
		state  string
	}{
		{"no state", pool.AppClient, "alice", ""},
		{"garbage", pool.AppClient, "alice", "garbage"},
		{"altered", pool.AppClient, "alice", flip(state, len(state)/2)},
		{"cut off", pool.AppClient, "alice", state[:len(state)-4]},
		{"of another client", other, "alice", state},
		{"of another pool", elsewhere.AppClient, "alice", state},
		{"of another user", pool.AppClient, "bob", state},
		{"of nobody", pool.AppClient, "nobody", state},
		{"for another pool's user", pool.AppClient, "alice", challenge(t, elsewhere.AppClient, "alice").State()},
		{"of an exchange by SRP", pool.AppClient, "alice", blockAsState(t, mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice").ch.State())},
	} {
		_, err := tt.client.NewPassword(tt.user, tt.state).Answer(t.Context(), identity.NewPassword{Password: chosen})
		wantErr(t, tt.name, err, identity.ErrSessionInvalid)
	}
	_, err = pool.NewPassword("ALICE", state).Answer(t.Context(), identity.NewPassword{Password: chosen})
	wantErr(t, "after all of these the right one", err, nil)
}

// blockAsState writes a secret block of SRP in the base64 of other states.
func blockAsState(t *testing.T, block string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(block)
	check(t, "secret block", err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func TestNewPasswordIsInTime(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.invite(t, pool, "alice", nil)
	ch := challenge(t, pool.AppClient, "alice")
	f.advance(3 * time.Minute)
	_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen})
	wantErr(t, "too late", err, identity.ErrSessionExpired)
	ch = challenge(t, pool.AppClient, "alice")
	f.advance(3*time.Minute - time.Millisecond)
	_, err = ch.Answer(t.Context(), identity.NewPassword{Password: chosen})
	wantErr(t, "just in time", err, nil)
}

func TestNewPasswordIsSetOnce(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.invite(t, pool, "alice", nil)
	one, two := challenge(t, pool.AppClient, "alice"), challenge(t, pool.AppClient, "alice")
	_, err := one.Answer(t.Context(), identity.NewPassword{Password: chosen})
	check(t, "Answer", err)
	f.advance(time.Second)
	_, err = one.Answer(t.Context(), identity.NewPassword{Password: "another of my own"})
	wantErr(t, "the same challenge again", err, identity.ErrSessionUsed)
	_, err = two.Answer(t.Context(), identity.NewPassword{Password: "another of my own"})
	wantErr(t, "another challenge of the time before", err, identity.ErrSessionInvalid)
	check(t, "SignIn", byPassword(t, pool.AppClient, "alice", chosen))
}

func TestNewPasswordIsVoidOnceTheTemporaryOneIsReplaced(t *testing.T) {
	for _, permanent := range []bool{false, true} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{})
		f.invite(t, pool, "alice", nil)
		ch := challenge(t, pool.AppClient, "alice")
		f.advance(time.Second)
		check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", wrong, permanent))
		_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen})
		wantErr(t, "Answer", err, identity.ErrSessionInvalid)
		wantErr(t, "SignIn", byPassword(t, pool.AppClient, "alice", wrong), nil)
	}
}

func TestNewPasswordOfAUserWhoMayNot(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*identity.User)
		want   error
	}{
		"disabled":  {func(u *identity.User) { u.Disabled = true }, identity.ErrUserDisabled},
		"reset":     {func(u *identity.User) { u.Status = identity.StatusResetRequired }, identity.ErrSessionInvalid},
		"confirmed": {func(u *identity.User) { u.Status = identity.StatusConfirmed }, identity.ErrSessionInvalid},
	} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{})
		f.invite(t, pool, "alice", nil)
		ch := challenge(t, pool.AppClient, "alice")
		f.edit(t, pool, "alice", tt.change)
		_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen})
		wantErr(t, name, err, tt.want)
	}
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	u := f.invite(t, pool, "alice", nil)
	ch := challenge(t, pool.AppClient, "alice")
	check(t, "DeleteUser", pool.Admin().Users().Delete(t.Context(), u.Sub))
	_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen})
	wantErr(t, "deleted", err, identity.ErrSessionInvalid)
}

func TestNewPasswordThatIsRefusedLeavesTheChallengeOpen(t *testing.T) {
	f := newEngine(t)
	settings := identity.PoolSettings{Schema: identity.StandardSchema()}
	require(&settings, "name")
	pool := f.open(t, settings)
	f.invite(t, pool, "alice", map[string]string{"name": "Alice"})
	ch := challenge(t, pool.AppClient, "alice")
	for _, tt := range []struct {
		name string
		in   identity.NewPassword
		want error
	}{
		{"no password", identity.NewPassword{}, identity.ErrMissingParameter},
		{"short password", identity.NewPassword{Password: "short"}, identity.ErrInvalidPassword},
		{"long password", identity.NewPassword{Password: identity.Secret(make([]byte, 128<<10))}, identity.ErrInvalidPassword},
		{"attribute with a value", identity.NewPassword{Password: chosen, Attributes: map[string]string{"name": "Bob"}}, identity.ErrAttributeProvided},
		{"attribute with this value", identity.NewPassword{Password: chosen, Attributes: map[string]string{"name": "Alice"}}, identity.ErrAttributeProvided},
		{"unknown attribute", identity.NewPassword{Password: chosen, Attributes: map[string]string{"custom:x": "y"}}, identity.ErrInvalidAttributes},
		{"badly formed attribute", identity.NewPassword{Password: chosen, Attributes: map[string]string{"email": "nowhere"}}, identity.ErrInvalidParameter},
		{"verified flag", identity.NewPassword{Password: chosen, Attributes: map[string]string{"email_verified": "true"}}, identity.ErrAttributeNotWritable},
		{"sub", identity.NewPassword{Password: chosen, Attributes: map[string]string{"sub": "x"}}, identity.ErrAttributeNotWritable},
		{"right", identity.NewPassword{Password: chosen, Attributes: map[string]string{"email": email, "nickname": ""}}, nil},
	} {
		_, err := ch.Answer(t.Context(), tt.in)
		wantErr(t, tt.name, err, tt.want)
	}
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	want := map[string]string{"name": "Alice", "email": email}
	if err != nil || !maps.Equal(u.Attributes, want) {
		t.Errorf("attributes %v, %v, want %v", u.Attributes, err, want)
	}
}

// require makes standard attributes required.
func require(s *identity.PoolSettings, names ...string) {
	for i := range s.Schema {
		if slices.Contains(names, s.Schema[i].Name) {
			s.Schema[i].Required = true
		}
	}
}

func TestNewPasswordBringsWhatIsRequired(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Schema: identity.StandardSchema()})
	f.invite(t, pool, "alice", map[string]string{"email": email})
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { require(s, "name", "locale", "email") }))
	ch := challenge(t, pool.AppClient, "alice")
	if want := []string{"locale", "name"}; !slices.Equal(ch.Required, want) || ch.Username != "alice" || ch.Attributes["email"] != email {
		t.Errorf("challenge %+v, want %q to be required", ch, want)
	}
	_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: map[string]string{"name": "Alice"}})
	p, ok := errors.AsType[*identity.ParameterError](err)
	if !ok || p.Name != "locale" {
		t.Errorf("error %v, want locale to be missing", err)
	}
	_, err = ch.Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: map[string]string{"name": "Alice", "locale": ""}})
	wantErr(t, "empty value", err, identity.ErrInvalidParameter)
	_, err = ch.Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: map[string]string{"name": "Alice", "locale": "de"}})
	wantErr(t, "all of them", err, nil)
}

func TestNewPasswordTakesNoNameOfAnother(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Aliases: []string{"preferred_username"}})
	f.member(t, pool, pool.AppClient, "bob", attrs{"preferred_username": "al"})
	f.invite(t, pool, "alice", nil)
	ch := challenge(t, pool.AppClient, "alice")
	_, err := ch.Answer(t.Context(), identity.NewPassword{Password: chosen, Attributes: map[string]string{"preferred_username": "al"}})
	wantErr(t, "Answer", err, identity.ErrAliasExists)
}

func TestChallengeShowsWhatTheClientMayRead(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.client(t, pool, identity.ClientSettings{ReadAttributes: []string{"name"}})
	f.invite(t, pool, "alice", map[string]string{"email": email, "name": "Alice"})
	ch := challenge(t, client, "alice")
	if want := map[string]string{"name": "Alice"}; !maps.Equal(ch.Attributes, want) {
		t.Errorf("attributes %v, want %v", ch.Attributes, want)
	}
}
