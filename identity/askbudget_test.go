package identity_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// The guesses of codes that went to one address stay within those of a day, although the
// options allow more messages.
func TestMoreMessagesDoNotMultiplyTheGuesses(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 40 users up and guesses 200 codes")
	}
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Limits = identity.Limits{AddressPerHour: 1000, AddressPerDay: 1000}
	})
	pool := tellingPool(t, f)
	judged := 0
	for i := range 40 {
		for _, name := range manySignUps(t, pool, fmt.Sprintf("mallory%02d", i), 1) {
			code := otherCode(f.outbox.LastCode(name))
			for range 5 {
				if errors.Is(confirmAs(t, pool, name, code), identity.ErrCodeMismatch) {
					judged++
				}
			}
		}
	}
	if judged > 100 || judged < 90 {
		t.Errorf("%d guesses of codes that went to one address, want at most 100, and not far fewer", judged)
	}
}

// spendGuesses gives n times 15 wrong reset codes, each time in an hour of its own.
func (f *fixture) spendGuesses(t *testing.T, a *identity.AppClient, name string, n int) {
	t.Helper()
	for range n {
		for range 15 {
			_ = recoverAs(t.Context(), a, name, "none", chosen)
		}
		f.advance(66 * time.Minute)
	}
}

// A code that could be guessed five times more is not sent where the day has no five left.
func TestNoCodeBringsGuessesBeyondThoseOfTheDay(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses two hundred codes")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	for _, name := range lockable {
		f.spendGuesses(t, pool.AppClient, name, 7)
		f.outbox.Clear()
		_, err := pool.ForgotPassword(t.Context(), name, "")
		wantErr(t, name, err, identity.ErrLimitExceeded)
		if n := len(f.outbox.Messages(nil)); n != 0 {
			t.Errorf("%s: %d messages, want none", name, n)
		}
		f.advance(25 * time.Hour)
		check(t, name+" a day later", second(pool.ForgotPassword(t.Context(), name, "")))
	}
}

// Strangers leave a few codes to the sources that the account knows.
func TestStrangersDoNotUseUpTheOwnersMessages(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses ninety codes")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	check(t, "the owner's first sign-in", signInFrom(t, pool.AppClient, "192.0.2.1", "alice", password))
	f.spendGuesses(t, pool.AppClient, "alice", 6)
	_, err := pool.ForgotPassword(from(t, "203.0.113.7"), "alice", "")
	wantErr(t, "a stranger", err, identity.ErrLimitExceeded)
	f.outbox.Clear()
	check(t, "the owner", second(pool.ForgotPassword(from(t, "192.0.2.1"), "alice", "")))
	check(t, "the owner's code", recoverAs(t.Context(), pool.AppClient, "alice", f.outbox.LastCode("alice"), chosen))
}

// Tries of earlier codes take none of a code's own.
func TestSpentTriesDoNotKillTheNextCode(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses until the tries of four codes are used up")
	}
	f := newLimited(t)
	pool := f.open(t, cognitoPool)
	f.join(t, pool, "alice", email)
	for i := range 4 {
		code := f.forgot(t, pool.AppClient, "alice")
		if i == 3 {
			check(t, "the right code after 15 wrong ones", recoverAs(t.Context(), pool.AppClient, "alice", code, chosen))
			break
		}
		for range 5 {
			_ = recoverAs(t.Context(), pool.AppClient, "alice", otherCode(code), chosen)
		}
	}
}

// One source may ask for a hundred messages an hour, whatever the accounts, sign-ups included.
func TestOneSourceDoesNotSendMessagesToManyAddresses(t *testing.T) {
	if testing.Short() {
		t.Skip("signs 101 users up")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	signUp := func(i int, address string) error {
		in := identity.SignUp{Username: fmt.Sprintf("user%03d", i), Password: password, Attributes: attrs{"email": fmt.Sprintf("user%03d@example.com", i)}}
		return second(pool.SignUp(from(t, address), in))
	}
	for i := range 100 {
		check(t, "SignUp", signUp(i, "203.0.113.7"))
	}
	wantErr(t, "the 101st sign-up", signUp(100, "203.0.113.7"), identity.ErrLimitExceeded)
	f.advance(3 * time.Minute)
	ask := func(address string) error {
		return second(pool.ResendConfirmationCode(from(t, address), "user001", ""))
	}
	wantErr(t, "asking again", ask("203.0.113.7"), identity.ErrLimitExceeded)
	check(t, "another source", ask("203.0.113.8"))
	check(t, "another source", signUp(101, "203.0.113.8"))
	f.advance(66 * time.Minute)
	check(t, "an hour later", ask("203.0.113.7"))
}

// On the wire no request within the budget goes unanswered: each sends a new code.
func TestAskingAgainIsNotSilentOnTheWire(t *testing.T) {
	f := newLimited(t)
	pool := f.open(t, cognitoPool)
	f.join(t, pool, "alice", email)
	f.outbox.Clear()
	for range 3 {
		f.forgot(t, pool.AppClient, "alice")
	}
	if n := len(f.outbox.Messages(nil)); n != 3 {
		t.Errorf("%d messages for 3 requests", n)
	}
}
