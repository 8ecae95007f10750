package identity_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// session signs a user in.
func (f *fixture) session(t testing.TB, a *identity.AppClient, name string) *identity.Session {
	t.Helper()
	s, err := f.Session(t.Context(), f.signIn(t, a, name).Access)
	check(t, "Session", err)
	return s
}

func TestChangePassword(t *testing.T) {
	for name, tt := range map[string]struct {
		settings identity.PoolSettings
		others   error // what becomes of other sign-ins
	}{
		"safe":    {identity.PoolSettings{SRP: true}, identity.ErrAccessTokenRevoked},
		"Cognito": {cognitoPool, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			client := f.client(t, pool, identity.ClientSettings{})
			f.join(t, pool, "alice", email)
			other := f.signIn(t, client, "alice")
			own := f.signIn(t, client, "alice")
			f.advance(time.Minute)
			s, err := pool.Session(t.Context(), own.Access)
			check(t, "Session", err)
			wantErr(t, "bad password", s.ChangePassword(t.Context(), password, "short"), identity.ErrInvalidPassword)
			wantErr(t, "no previous one", s.ChangePassword(t.Context(), "", chosen), identity.ErrIncorrectCredentials)
			check(t, "ChangePassword", s.ChangePassword(t.Context(), password, chosen))
			for how, try := range ways {
				_, err := try(t, client, pool.PoolID(), "alice", chosen)
				wantErr(t, "the new password by "+how, err, nil)
				_, err = try(t, client, pool.PoolID(), "alice", password)
				wantErr(t, "the old one by "+how, err, identity.ErrIncorrectCredentials)
			}
			_, err = pool.Session(t.Context(), own.Access)
			wantErr(t, "this sign-in", err, nil)
			again, err := client.Refresh(t.Context(), identity.Refresh{Token: own.Refresh})
			check(t, "Refresh", err)
			_, err = pool.Session(t.Context(), again.Access)
			wantErr(t, "this sign-in, refreshed", err, nil)
			_, err = pool.Session(t.Context(), other.Access)
			wantErr(t, "another sign-in", err, tt.others)
			check(t, "Verify", verify(t, f.store))
		})
	}
}

// A wrong previous password is as good a guess as one at sign-in.
func TestWrongPreviousPasswordCounts(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, pool.AppClient, "alice")
	for range 5 {
		wantErr(t, "wrong", s.ChangePassword(t.Context(), wrong, chosen), identity.ErrIncorrectCredentials)
	}
	wantErr(t, "right, after five", s.ChangePassword(t.Context(), password, chosen), identity.ErrLimitExceeded)
	wantErr(t, "sign-in", byPassword(t, pool.AppClient, "alice", password), identity.ErrTooManyAttempts)
	f.advance(time.Second)
	wantErr(t, "sign-in after the lock", byPassword(t, pool.AppClient, "alice", password), nil)
	f.advance(54 * time.Minute) // the access token lives an hour
	s = f.session(t, pool.AppClient, "alice")
	f.advance(12 * time.Minute)
	for range 5 {
		_ = byPassword(t, pool.AppClient, "alice", wrong)
	}
	wantErr(t, "right, locked out", s.ChangePassword(t.Context(), password, chosen), identity.ErrTooManyAttempts)
	f.advance(time.Second)
	check(t, "right", s.ChangePassword(t.Context(), password, chosen))
}

func TestParallelGuessesOfThePreviousPassword(t *testing.T) {
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.join(t, pool, "alice", email)
		s := f.session(t, pool.AppClient, "alice")
		errs := together(40, func(int) error { return s.ChangePassword(t.Context(), wrong, chosen) })
		n := tally(t, errs, identity.ErrIncorrectCredentials, identity.ErrLimitExceeded, identity.ErrTooManyAttempts)[identity.ErrIncorrectCredentials]
		if n != 5 {
			t.Errorf("%d guesses were judged, want 5", n)
		}
	})
}

func TestOneOfManyChangesOfAPasswordWins(t *testing.T) {
	onBackEnds(t, cognitoPool, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		f.join(t, pool, "alice", email)
		client := f.client(t, pool, identity.ClientSettings{})
		s := f.session(t, client, "alice")
		f.advance(time.Second)
		errs := together(crowd, func(i int) error {
			return s.ChangePassword(t.Context(), password, identity.Secret(fmt.Sprintf("%s %d", chosen, i)))
		})
		wantOneWinner(t, errs, identity.ErrIncorrectCredentials, identity.ErrLimitExceeded, identity.ErrTooManyAttempts)
	})
}

func TestChangePasswordObeysTheState(t *testing.T) {
	for status, want := range map[identity.UserStatus]error{
		identity.StatusUnconfirmed: identity.ErrUserNotConfirmed, identity.StatusResetRequired: identity.ErrPasswordResetRequired,
		identity.StatusForceChangePassword: identity.ErrCannotReset,
	} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{})
		f.join(t, pool, "alice", email)
		access := f.signIn(t, pool.AppClient, "alice").Access
		before := f.session(t, pool.AppClient, "alice")
		f.edit(t, pool, "alice", func(u *identity.User) { u.Status = status })
		s, err := pool.Session(t.Context(), access)
		check(t, "Session", err)
		wantErr(t, string(status), s.ChangePassword(t.Context(), password, chosen), want)
		wantErr(t, string(status)+", since", before.ChangePassword(t.Context(), password, chosen), want)
	}
}

// A user without a password sets the first one without proof.
func TestFirstPasswordNeedsNoPrevious(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	sub := f.join(t, pool, "alice", email).Sub
	s, other := f.session(t, pool.AppClient, "alice"), f.signIn(t, pool.AppClient, "alice")
	check(t, "DropCredential", f.DropCredential(t.Context(), pool.PoolID(), sub))
	check(t, "ChangePassword", s.ChangePassword(t.Context(), "", chosen))
	check(t, "the password", byPassword(t, pool.AppClient, "alice", chosen))
	_, err := pool.Session(t.Context(), other.Access)
	wantErr(t, "another sign-in", err, nil)
	wantErr(t, "once more", s.ChangePassword(t.Context(), "", password), identity.ErrIncorrectCredentials)
}

func TestChangePasswordNeedsTheScope(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	sub := f.join(t, pool, "alice", email).Sub
	tokens := f.signIn(t, pool.AppClient, "alice")
	check(t, "EditScope", f.EditScope(t.Context(), pool.PoolID(), sub, "openid"))
	again, err := pool.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh, Rotating: true})
	check(t, "Refresh", err)
	s, err := pool.Session(t.Context(), again.Access)
	check(t, "Session", err)
	wantErr(t, "ChangePassword", s.ChangePassword(t.Context(), password, chosen), identity.ErrAccessTokenScope)
	_, err = s.UpdateAttributes(t.Context(), map[string]string{"nickname": "al"})
	wantErr(t, "UpdateAttributes", err, identity.ErrAccessTokenScope)
	wantErr(t, "DeleteAttributes", s.DeleteAttributes(t.Context(), "nickname"), identity.ErrAccessTokenScope)
	_, err = s.SendVerification(t.Context(), "email")
	wantErr(t, "SendVerification", err, identity.ErrAccessTokenScope)
	wantErr(t, "VerifyAttribute", s.VerifyAttribute(t.Context(), "email", "000000"), identity.ErrAccessTokenScope)
	wantErr(t, "Link", s.Link(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: "1"}), identity.ErrAccessTokenScope)
	wantErr(t, "MayLink", s.MayLink(), identity.ErrAccessTokenScope)
	wantErr(t, "Unlink", s.Unlink(t.Context(), bySubject("1")), identity.ErrAccessTokenScope)
	wantErr(t, "ProviderToken", second(s.ProviderToken(t.Context(), "Acme")), identity.ErrAccessTokenScope)
}
