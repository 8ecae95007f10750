package identity_test

import (
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

func (f *fixture) refresh(t testing.TB, a *identity.AppClient, raw identity.Secret) (*identity.Tokens, error) {
	t.Helper()
	return a.Refresh(t.Context(), identity.Refresh{Token: raw, Rotating: true})
}

// A copy of a refresh token that was used is worth nothing in a safe pool, and its
// use ends the sign-in. No setting is needed for that.
func TestStolenRefreshTokenIsFoundOutInSafePools(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	first := f.signIn(t, pool.AppClient, "alice")
	second, err := f.refresh(t, pool.AppClient, first.Refresh)
	check(t, "Refresh", err)
	_, err = f.refresh(t, pool.AppClient, first.Refresh)
	wantErr(t, "the stolen token", err, identity.ErrRefreshTokenReused)
	_, err = f.refresh(t, pool.AppClient, second.Refresh)
	wantErr(t, "the owner's token", err, identity.ErrRefreshTokenRevoked)
	_, err = pool.Session(t.Context(), second.Access)
	wantErr(t, "the access token", err, identity.ErrAccessTokenRevoked)
}

// Pools with the service's defaults, and clients that are given the old flow, keep
// their refresh token.
func TestOldRefreshFlowDoesNotRotate(t *testing.T) {
	f := newEngine(t)
	old := []identity.AuthFlow{identity.AllowUserPassword, identity.AllowRefresh}
	for name, s := range map[string]identity.PoolSettings{"safe": {}, "the service's": cognitoPool} {
		s.Algorithm = "ES256"
		pool, err := f.OpenUserPool(t.Context(), name, &s)
		check(t, "OpenUserPool", err)
		a := f.client(t, pool, identity.ClientSettings{AuthFlows: old})
		f.join(t, pool, "alice", email)
		in := f.signIn(t, a, "alice")
		f.advance(20 * 24 * time.Hour) // longer than the idle limit of clients that rotate
		for range 2 {
			again, err := a.Refresh(t.Context(), identity.Refresh{Token: in.Refresh})
			if err != nil || again.Refresh != "" {
				t.Fatalf("%s: Refresh = %+v, %v, want no new refresh token", name, again, err)
			}
		}
	}
}

const day = 24 * time.Hour

// A sign-in ends when it was not refreshed for the idle limit, and at the latest when
// the absolute limit has passed.
func TestSignInEndsWhenIdleAndWhenOld(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	a := pool.AppClient
	in := f.signIn(t, a, "alice")
	f.advance(14*day - time.Second)
	in, err := f.refresh(t, a, in.Refresh)
	check(t, "Refresh just before the idle limit", err)
	f.advance(14 * day)
	_, err = f.refresh(t, a, in.Refresh)
	wantErr(t, "Refresh at the idle limit", err, identity.ErrRefreshTokenExpired)

	in = f.signIn(t, a, "alice")
	for range 5 {
		f.advance(5 * day)
		in, err = f.refresh(t, a, in.Refresh)
		check(t, "Refresh", err)
	}
	f.advance(5 * day)
	_, err = f.refresh(t, a, in.Refresh)
	wantErr(t, "Refresh after 30 days", err, identity.ErrRefreshTokenExpired)
}

// A client that does not rotate may have an idle limit too.
func TestIdleLimitWithoutRotation(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	a := f.client(t, pool, identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowUserPassword, identity.AllowRefresh}, IdleHours: new(2)})
	f.join(t, pool, "alice", email)
	in := f.signIn(t, a, "alice")
	for range 3 {
		f.advance(2*time.Hour - time.Second)
		check(t, "Refresh", second(a.Refresh(t.Context(), identity.Refresh{Token: in.Refresh})))
	}
	f.advance(2 * time.Hour)
	wantErr(t, "Refresh", second(a.Refresh(t.Context(), identity.Refresh{Token: in.Refresh})), identity.ErrRefreshTokenExpired)
}

// A limit that is turned on ends no sign-in that was in use before: it counts from the
// next refresh.
func TestIdleLimitThatIsTurnedOnEndsNoSignIn(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	a := f.client(t, pool, identity.ClientSettings{AuthFlows: allFlows, Rotation: &identity.RefreshRotation{}})
	f.join(t, pool, "alice", email)
	in := f.signIn(t, a, "alice")
	f.advance(20 * day)
	_, err := pool.Admin().Clients().Update(t.Context(), a.ClientID(), func(c *identity.ClientSettings) error {
		c.IdleHours = new(1)
		return nil
	})
	check(t, "Update", err)
	check(t, "the first refresh", second(a.Refresh(t.Context(), identity.Refresh{Token: in.Refresh})))
	f.advance(time.Hour)
	wantErr(t, "after an idle hour", second(a.Refresh(t.Context(), identity.Refresh{Token: in.Refresh})), identity.ErrRefreshTokenExpired)
}

// Whoever is in an account when its second factor changes is out, except the one who
// changes it.
func TestSignInsEndWhenAFactorChanges(t *testing.T) {
	for _, tt := range few.Of(3, []struct {
		name   string
		change func(t *testing.T, f *fixture, pool *identity.UserPool, s *identity.Session) error
		keeps  bool // the sign-in that changes it
	}{
		{"an app is enrolled", func(t *testing.T, f *fixture, _ *identity.UserPool, s *identity.Session) error {
			key, err := s.EnrollTOTP(t.Context())
			check(t, "EnrollTOTP", err)
			return s.VerifyTOTP(t.Context(), identity.Secret(key.Code(f.now())), "")
		}, true},
		{"a factor is turned off", func(t *testing.T, _ *fixture, _ *identity.UserPool, s *identity.Session) error {
			return s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {}})
		}, true},
		{"by an operator", func(t *testing.T, _ *fixture, pool *identity.UserPool, _ *identity.Session) error {
			return pool.Admin().Users().SetMFA(t.Context(), "alice", identity.MFAUpdate{identity.MFATOTP: {}})
		}, false},
		{"the phone of a factor", func(t *testing.T, _ *fixture, _ *identity.UserPool, s *identity.Session) error {
			return second(s.UpdateAttributes(t.Context(), map[string]string{"phone_number": "+15550101"}))
		}, true},
		{"the phone of a factor, by an operator", func(t *testing.T, _ *fixture, pool *identity.UserPool, _ *identity.Session) error {
			return pool.Admin().Users().UpdateAttributes(t.Context(), "alice", map[string]string{"phone_number": "+15550101"})
		}, false},
	}) {
		for _, ends := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				f := newEngine(t)
				pool := f.open(t, identity.PoolSettings{MFA: identity.MFAOptional, TOTP: new(true), SMSMFA: true, SignOutOnFactorChange: new(ends)})
				f.join(t, pool, "alice", email)
				other, own := f.signIn(t, pool.AppClient, "alice"), f.signIn(t, pool.AppClient, "alice")
				f.edit(t, pool, "alice", func(u *identity.User) {
					u.Attributes["phone_number"] = phone
					u.MFA.Methods = []identity.MFAMethod{identity.MFASMS, identity.MFATOTP}
				})
				s, err := pool.Session(t.Context(), own.Access)
				check(t, "Session", err)
				f.advance(time.Second)
				check(t, tt.name, tt.change(t, f, pool, s))
				standing(t, pool, "another sign-in", other, !ends)
				standing(t, pool, "the own sign-in", own, !ends || tt.keeps)
			})
		}
	}
}

// standing checks whether a sign-in stands, by its access token and its refresh token.
func standing(t *testing.T, pool *identity.UserPool, which string, in *identity.Tokens, want bool) {
	t.Helper()
	wantedAccess, wantedRefresh := error(nil), error(nil)
	if !want {
		wantedAccess, wantedRefresh = identity.ErrAccessTokenRevoked, identity.ErrRefreshTokenRevoked
	}
	wantErr(t, which+", access token", second(pool.Session(t.Context(), in.Access)), wantedAccess)
	wantErr(t, which+", refresh token", second(pool.Refresh(t.Context(), identity.Refresh{Token: in.Refresh, Rotating: true})), wantedRefresh)
}

// An app that is set up during a sign-in ends the sign-ins from before: they had the
// password alone.
func TestFactorSetUpAtSignInEndsEarlierSignIns(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, mfaPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	before := f.signIn(t, a, "alice")
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
		s.MFA, s.SignOutOnFactorChange = identity.MFAOn, new(true)
	}))
	ch := asked[*identity.MFASetupRequired](t, a)
	key, err := ch.Enroll(t.Context())
	check(t, "Enroll", err)
	f.advance(mfa.Period)
	check(t, "Verify", ch.Verify(t.Context(), identity.Secret(key.Code(f.now())), ""))
	res, err := ch.Answer(t.Context(), "")
	check(t, "Answer", err)
	wantErr(t, "before", second(pool.Session(t.Context(), before.Access)), identity.ErrAccessTokenRevoked)
	check(t, "after", second(pool.Session(t.Context(), res.Tokens.Access)))
}

func signInsOf(t *testing.T, s store.Store, pool, sub string) (n int) {
	t.Helper()
	check(t, "View", s.View(t.Context(), func(r store.Reader) error {
		n = 0
		for _, err := range r.Scan("families", store.Prefix(pool, sub)) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

// Sign-ins do not pile up: the oldest ends.
func TestSignInsOfAUserAreBounded(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{MaxSignIns: new(3)})
	sub := f.join(t, pool, "alice", email).Sub
	var all []*identity.Tokens
	for range 6 {
		all = append(all, f.signIn(t, pool.AppClient, "alice"))
		f.advance(time.Second)
	}
	for i, in := range all {
		standing(t, pool, "sign-in", in, i >= 3)
	}
	if n := signInsOf(t, f.store, pool.PoolID(), sub); n != 3 {
		t.Errorf("%d sign-ins are stored, want 3", n)
	}
	if n := f.events(t, "OldSignInsEnded"); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

// By default a safe pool bounds them at about 100, and a pool with the service's
// defaults does not.
func TestSignInsAreBoundedByDefault(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 400 sign-ins")
	}
	const tried = 400
	f := newEngine(t)
	for name, s := range map[string]identity.PoolSettings{"safe": {}, "the service's": cognitoPool} {
		s.Algorithm = "ES256"
		pool, err := f.OpenUserPool(t.Context(), name, &s)
		check(t, "OpenUserPool", err)
		a := f.client(t, pool, identity.ClientSettings{})
		sub := f.join(t, pool, "alice", email).Sub
		for range tried {
			f.signIn(t, a, "alice")
			f.advance(time.Second)
		}
		n := signInsOf(t, f.store, pool.PoolID(), sub)
		if name == "safe" && n > 250 || name != "safe" && n != tried {
			t.Errorf("%s: %d sign-ins of %d stand", name, n, tried)
		}
	}
}
