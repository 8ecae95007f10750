package identity_test

import (
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
)

// The clock is set back by an hour. What was used stays used and what was
// locked stays locked, also after a sweep. (What only a time of expiry ends, such
// as an access token, or a code that was not swept yet, counts again until then.)

const stepBack = -time.Hour

func (f *fixture) sweep(t testing.TB) int {
	t.Helper()
	n, err := f.Sweep(t.Context())
	check(t, "Sweep", err)
	return n
}

func TestClockStepsBackUsedAppCodeStaysUsed(t *testing.T) {
	f := newEngine(t)
	_, a, key := f.enrolled(t, "OPTIONAL")
	used := key.Code(f.now())
	check(t, "Answer", answer(t.Context(), asked[*identity.TOTPRequired](t, a), used))
	f.advance(stepBack)
	f.sweep(t)
	ch := asked[*identity.TOTPRequired](t, a)
	wantErr(t, "a code of an hour ago", answer(t.Context(), ch, key.Code(f.now())), identity.ErrTOTPUsed)
	wantErr(t, "the used code", answer(t.Context(), ch, used), identity.ErrMFACodeMismatch)
	f.advance(-stepBack)
	ch = asked[*identity.TOTPRequired](t, a)
	wantErr(t, "the used code, when its time comes again", answer(t.Context(), ch, used), identity.ErrTOTPUsed)
	f.advance(mfa.Period)
	check(t, "the next code", answer(t.Context(), ch, key.Code(f.now())))
}

// An answered challenge expires within minutes and is swept soon after.
func TestClockStepsBackAnsweredChallengeStaysAnswered(t *testing.T) {
	f := newEngine(t)
	_, a, key := f.enrolled(t, "OPTIONAL")
	ch := asked[*identity.TOTPRequired](t, a)
	check(t, "Answer", answer(t.Context(), ch, key.Code(f.now())))
	f.advance(30 * time.Minute)
	wantErr(t, "after its time", answer(t.Context(), ch, key.Code(f.now())), identity.ErrSessionExpired)
	f.sweep(t)
	f.advance(stepBack / 2)
	f.advance(mfa.Period) // for a code that was not used
	wantErr(t, "the same state again", answer(t.Context(), ch, key.Code(f.now())), identity.ErrSessionUsed)
	f.advance(2 * 24 * time.Hour)
	f.sweep(t)
	for _, e := range entries(t, f.store, "") {
		if len(e) > 5 && e[:5] == "spent" {
			t.Errorf("%q is never swept", e)
		}
	}
}

func TestClockStepsBackLockStays(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for range 5 {
		wantErr(t, "wrong password", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials)
	}
	wantErr(t, "locked", byPassword(t, pool.AppClient, "alice", password), identity.ErrTooManyAttempts)
	f.advance(stepBack)
	f.sweep(t)
	wantErr(t, "an hour earlier", byPassword(t, pool.AppClient, "alice", password), identity.ErrTooManyAttempts)
	f.advance(-stepBack + 2*time.Second)
	wantErr(t, "after the lock", byPassword(t, pool.AppClient, "alice", password), nil)
}

func TestClockStepsBackSignInsGoOn(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	before := f.signIn(t, client, "alice")
	ended := f.signIn(t, client, "alice")
	check(t, "Revoke", client.Revoke(t.Context(), ended.Refresh, ""))
	f.advance(stepBack)
	if n := f.sweep(t); n != 0 {
		t.Errorf("a sweep removed %d records that had not expired", n)
	}
	renewed, err := client.Refresh(t.Context(), identity.Refresh{Token: before.Refresh})
	check(t, "Refresh", err)
	after := f.signIn(t, client, "alice")
	seen := make(map[identity.Secret]bool)
	for _, access := range []identity.Secret{before.Access, renewed.Access, after.Access} {
		check(t, "Session", second(pool.Session(t.Context(), access)))
		seen[access] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d of 3 tokens are different", len(seen))
	}
	wantErr(t, "a sign-in that was ended", second(client.Refresh(t.Context(), identity.Refresh{Token: ended.Refresh})), identity.ErrRefreshTokenRevoked)
	check(t, "SignOut", pool.Admin().Users().SignOut(t.Context(), "alice"))
	f.advance(stepBack)
	wantErr(t, "a token of before the sign-out", second(pool.Session(t.Context(), after.Access)), identity.ErrAccessTokenRevoked)
	check(t, "Session", second(pool.Session(t.Context(), f.signIn(t, client, "alice").Access)))
	f.join(t, pool, "bob", "bob@example.com")
	check(t, "Verify", verify(t, f.store))
}

// The time of grace, in which the token before the last counts, does not become longer.
func TestClockStepsBackRotatedTokenStaysUsed(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.rotating(t, pool, 10)
	f.join(t, pool, "alice", email)
	first := f.signIn(t, client, "alice").Refresh
	check(t, "Refresh", second(client.Refresh(t.Context(), identity.Refresh{Token: first, Rotating: true})))
	f.advance(-5 * time.Second) // another machine's clock is a little behind
	check(t, "Refresh", second(client.Refresh(t.Context(), identity.Refresh{Token: first, Rotating: true})))
	f.advance(stepBack)
	wantErr(t, "the used token", second(client.Refresh(t.Context(), identity.Refresh{Token: first, Rotating: true})), identity.ErrRefreshTokenReused)
}
