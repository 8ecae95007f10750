package idpool_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/sts"
)

// What an identity has when somebody revokes it: credentials, a token for STS, and a token of the developer.
type given struct {
	id          string
	credentials *idpool.Credentials
	open, own   identity.Secret
}

// give lets an identity have everything that can be revoked.
func (w *world) give(p *idpool.Pool, user string) given {
	w.t.Helper()
	ctx := w.t.Context()
	own, err := w.pools.Developers(p.ID).Token(ctx, idpool.TokenRequest{Logins: idpool.Logins{"acme": identity.Secret(user)}})
	if err != nil {
		w.t.Fatal(err)
	}
	g := given{id: own.IdentityID, own: own.Token}
	if g.credentials, err = w.pools.Credentials(ctx, g.id, g.logins(), ""); err != nil {
		w.t.Fatal(err)
	}
	open, err := w.pools.OpenIDToken(ctx, g.id, g.logins())
	if err != nil {
		w.t.Fatal(err)
	}
	g.open = open.Token
	return g
}

func (g *given) logins() idpool.Logins {
	return idpool.Logins{"cognito-identity.amazonaws.com": g.own}
}

// stands checks whether all that was given is good, or nothing of it.
func (w *world) stands(g given, want bool) {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := w.pools.STS().Open(ctx, string(g.credentials.SessionToken))
	if want && err != nil || !want && !errors.Is(err, sts.ErrRevoked) {
		w.t.Errorf("credentials: %v, want good = %t", err, want)
	}
	_, err = w.pools.VerifyWebIdentity(ctx, string(g.open))
	if want && err != nil || !want && !errors.Is(err, sts.ErrInvalidToken) {
		w.t.Errorf("open ID token: %v, want good = %t", err, want)
	}
	_, err = w.pools.Credentials(ctx, g.id, g.logins(), "")
	if want && err != nil || !want && !errors.Is(err, idpool.ErrTokenInactive) {
		w.t.Errorf("token of the developer: %v, want good = %t", err, want)
	}
}

func TestRevoke(t *testing.T) {
	yes := true
	w := newWorld(t, nil)
	p, other := w.pool(idpool.Settings{DeveloperProvider: "acme", Classic: &yes}), w.pool(idpool.Settings{DeveloperProvider: "acme", Classic: &yes})
	ann, bob, eve := w.give(p, "ann"), w.give(p, "bob"), w.give(other, "eve")
	w.advance(time.Second)
	if err := w.pools.Identities().Revoke(t.Context(), ann.id); err != nil {
		t.Fatal(err)
	}
	w.stands(ann, false)
	w.stands(bob, true)
	w.advance(time.Second)
	again := w.give(p, "ann")
	w.stands(again, true)
	w.advance(time.Second)
	if err := w.pools.Pools().Revoke(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	w.stands(again, false)
	w.stands(bob, false)
	w.stands(eve, true)
	w.advance(time.Second)
	if _, err := w.pools.Pools().Update(t.Context(), p.ID, idpool.Settings{Name: "app", DeveloperProvider: "acme", Classic: &yes}); err != nil {
		t.Fatal(err)
	}
	w.stands(bob, false) // an update does not forget it
	w.stands(w.give(p, "bob"), true)
	if err := w.pools.Identities().Revoke(t.Context(), "us-east-1:00000000-0000-0000-0000-000000000000"); !errors.Is(err, idpool.ErrIdentityNotFound) {
		t.Errorf("revoke nobody: %v", err)
	}
	if err := w.pools.Pools().Revoke(t.Context(), "us-east-1:00000000-0000-0000-0000-000000000000"); !errors.Is(err, idpool.ErrPoolNotFound) {
		t.Errorf("revoke no pool: %v", err)
	}
}

// Changes of roles leave events, with the names of those who made them. What changed nothing leaves none.
func TestRoleEvents(t *testing.T) {
	w := newWorld(t, nil)
	roles := w.pools.STS()
	by := func(who string) context.Context {
		return identity.WithCall(t.Context(), identity.Call{SystemUser: who})
	}
	role := &sts.Role{ARN: userRole, Trust: sts.PoolTrust("us-east-1:1f3a", false)}
	change := func(r *sts.Role) error { r.Description = "d"; return nil }
	stop := errors.New("stop")
	for _, step := range []struct {
		name string
		err  error
		want error
	}{
		{"create", second(roles.CreateRole(by("ada"), role)), nil},
		{"create again", second(roles.CreateRole(by("mallory"), role)), sts.ErrExists},
		{"change", second(roles.UpdateRole(by("bob"), userRole, change)), nil},
		{"change in vain", second(roles.UpdateRole(by("mallory"), userRole, func(*sts.Role) error { return stop })), stop},
		{"revoke", roles.RevokeRole(by("cy"), userRole), nil},
		{"delete", roles.DeleteRole(by("dee"), userRole), nil},
		{"delete again", roles.DeleteRole(by("mallory"), userRole), sts.ErrNotFound},
	} {
		if !errors.Is(step.err, step.want) {
			t.Errorf("%s: %v, want %v", step.name, step.err, step.want)
		}
	}
	var got []string
	for ev, err := range w.engine.Events(t.Context(), identity.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Subject.Kind == idpool.SubjectRole && ev.Subject.ID == userRole {
			got = append(got, string(ev.Kind)+" by "+string(ev.Actor.Kind)+" "+ev.Actor.ID)
		}
	}
	slices.Sort(got)
	want := []string{"RoleChanged by systemUser bob", "RoleCreated by systemUser ada", "RoleDeleted by systemUser dee", "RoleRevoked by systemUser cy"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

func second[T any](_ T, err error) error { return err }
