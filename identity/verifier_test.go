package identity_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/token"
)

func verifierOf(t *testing.T, f *fixture, pool *identity.UserPool, client string, o *token.VerifierOptions) *token.Verifier {
	t.Helper()
	v, err := f.Verifier(t.Context(), pool.PoolID(), []string{client}, o)
	check(t, "Verifier", err)
	return v
}

// A token that is good until it expires is refused once its sign-in was ended,
// however that came about, and also if the verifier has seen the token before.
func TestVerifierRefusesAnEndedSignIn(t *testing.T) {
	for name, end := range few.Named(2, map[string]func(f *fixture, pool *identity.UserPool, a *identity.AppClient, in *identity.Tokens) error{
		"signed out everywhere": func(f *fixture, pool *identity.UserPool, _ *identity.AppClient, in *identity.Tokens) error {
			s, err := pool.Session(context.Background(), in.Access)
			if err != nil {
				return err
			}
			return s.SignOutEverywhere(context.Background())
		},
		"refresh token revoked": func(_ *fixture, _ *identity.UserPool, a *identity.AppClient, in *identity.Tokens) error {
			return a.Revoke(context.Background(), in.Refresh, "")
		},
		"user disabled": func(_ *fixture, pool *identity.UserPool, _ *identity.AppClient, _ *identity.Tokens) error {
			return pool.Admin().Users().Disable(context.Background(), "alice")
		},
		"user deleted": func(_ *fixture, pool *identity.UserPool, _ *identity.AppClient, _ *identity.Tokens) error {
			return pool.Admin().Users().Delete(context.Background(), "alice")
		},
		"client deleted": func(_ *fixture, pool *identity.UserPool, a *identity.AppClient, _ *identity.Tokens) error {
			return pool.Admin().Clients().Delete(context.Background(), a.ClientID())
		},
	}) {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, identity.PoolSettings{})
			a := f.client(t, pool, identity.ClientSettings{})
			f.join(t, pool, "alice", email)
			in := f.signIn(t, a, "alice")
			access := verifierOf(t, f, pool, a.ClientID(), &token.VerifierOptions{Use: token.UseAccess})
			id := verifierOf(t, f, pool, a.ClientID(), &token.VerifierOptions{Use: token.UseID})
			check(t, "access token", second(access.Verify(t.Context(), string(in.Access))))
			check(t, "ID token", second(id.Verify(t.Context(), string(in.ID))))
			wantErr(t, "ID token as an access token", second(access.Verify(t.Context(), string(in.ID))), token.ErrUse)
			check(t, name, end(f, pool, a, in))
			wantErr(t, "access token", second(access.Verify(t.Context(), string(in.Access))), token.ErrRevoked)
			wantErr(t, "ID token", second(id.Verify(t.Context(), string(in.ID))), token.ErrRevoked)
		})
	}
}

func TestVerifierOfAnotherPoolOrClient(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	in := f.signIn(t, a, "alice")
	other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	use := &token.VerifierOptions{Use: token.UseAccess}
	wantErr(t, "another pool", second(verifierOf(t, f, other, other.ClientID(), use).Verify(t.Context(), string(in.Access))), token.ErrIssuer)
	wantErr(t, "another client", second(verifierOf(t, f, pool, pool.ClientID(), use).Verify(t.Context(), string(in.Access))), token.ErrAudience)
	_, err = f.Verifier(t.Context(), pool.PoolID(), []string{a.ClientID()}, nil)
	if err == nil {
		t.Error("Verifier without a kind of tokens succeeds")
	}
	_, err = f.Verifier(t.Context(), "us-east-1_none", []string{"a"}, use)
	wantErr(t, "Verifier of no pool", err, identity.ErrPoolNotFound)
}

// What the program asks in addition is asked of good tokens alone.
func TestVerifierAsksTheProgramToo(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	in := f.signIn(t, a, "alice")
	refused, asked := errors.New("not here"), 0
	v := verifierOf(t, f, pool, a.ClientID(), &token.VerifierOptions{Use: token.UseAccess, Revoked: func(context.Context, *token.Claims) error {
		asked++
		return refused
	}})
	wantErr(t, "Verify", second(v.Verify(t.Context(), string(in.Access))), refused)
	check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
	wantErr(t, "Verify", second(v.Verify(t.Context(), string(in.Access))), token.ErrRevoked)
	if asked != 1 {
		t.Errorf("the program was asked %d times, want once", asked)
	}
}

// If the store cannot be read, no token is good.
func TestVerifierFailsClosed(t *testing.T) {
	inner := memory.New()
	f := newEngineOn(t, inner)
	pool := f.open(t, identity.PoolSettings{})
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	in := f.signIn(t, a, "alice")
	v := verifierOf(t, f, pool, a.ClientID(), &token.VerifierOptions{Use: token.UseAccess})
	check(t, "Verify", second(v.Verify(t.Context(), string(in.Access))))
	check(t, "Close", inner.Close())
	wantErr(t, "Verify", second(v.Verify(t.Context(), string(in.Access))), store.ErrClosed)
}

func ExampleEngine_Verifier() {
	ctx := context.Background()
	engine := identity.New(memory.New(), nil)
	pool, err := engine.OpenUserPool(ctx, "main", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := engine.Verifier(ctx, pool.PoolID(), []string{pool.ClientID()}, &token.VerifierOptions{Use: token.UseAccess})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = v.Verify(ctx, "not a token") // in an API: v.Require(handler)
	fmt.Println(err)
	// Output: token: malformed: not three parts
}
