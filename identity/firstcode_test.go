package identity_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/storetest"
)

// Codes that begin sign-ins, and what wrong ones count for.

// missAll answers a code that was just sent with five wrong ones.
func missAll(t *testing.T, a *identity.AppClient, name string) error {
	t.Helper()
	res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: byMail})
	if err != nil {
		return err
	}
	ch := challengeOf[*identity.EmailOTPRequired](t, res)
	for range 5 {
		wantErr(t, "a wrong code", answer(t.Context(), ch, "00000000"), identity.ErrCodeMismatch)
	}
	return nil
}

// TestFirstCodesAreAHundredGuessesADay: wrong codes count for the day of the account, and a code is sent only if there is room for all of its
// tries. For a name that nobody has, the answers are the same.
func TestFirstCodesAreAHundredGuessesADay(t *testing.T) {
	f := newEngine(t)
	pool, _ := f.choosers(t, identity.PoolSettings{})
	a := f.choosing(t, pool, true)
	sent := map[string]int{}
	for range 6 { // five codes an hour are an account's
		for range 5 {
			for _, name := range []string{"alice", "nobody"} {
				if err := missAll(t, a, name); err == nil {
					sent[name]++
				} else {
					wantErr(t, name, err, identity.ErrLimitExceeded)
				}
			}
		}
		f.advance(61 * time.Minute)
	}
	if n := sent["alice"]; n != sent["nobody"] || n < 15 || n > 20 {
		t.Errorf("codes that were sent: %v, want as many for each, and at most 20", sent)
	}
}

// TestWrongFirstCodesCountForTheAddress: whoever has several accounts with one address has no more guesses of codes that go there.
func TestWrongFirstCodesCountForTheAddress(t *testing.T) {
	f := newEngineWith(t, storetest.Twice(memory.New()), func(o *identity.Options) {
		o.Limits.AddressPerDay, o.Limits.AddressPerHour = 4, 4
	})
	pool, a := f.choosers(t, identity.PoolSettings{})
	names := []string{"alice", "bob", "carol", "dave", "erin"}
	for _, name := range names[1:] {
		f.join(t, pool, name, name+"@example.org")
		f.edit(t, pool, name, func(u *identity.User) { u.Attributes["email"] = email })
	}
	f.advance(25 * time.Hour) // forgets the codes of the sign-ups
	sent := 0
	for _, name := range names {
		before := len(f.outbox.Messages(nil))
		err := missAll(t, a, name)
		if err != nil {
			wantErr(t, name, err, identity.ErrLimitExceeded)
		}
		sent += len(f.outbox.Messages(nil)) - before
		f.advance(5 * time.Hour) // an hour's messages are over, the day's guesses are not
	}
	if sent > 4 {
		t.Errorf("%d codes went to one address, with five guesses each", sent)
	}
}

// TestSpentSourceTriesNoFirstFactor: a source that has given too many wrong codes has none judged by an account that does not know it, not even a
// right one, nor a passkey.
func TestSpentSourceTriesNoFirstFactor(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.Limits{SourceFailuresPerHour: 3} })
	pool, a := f.choosers(t, identity.PoolSettings{})
	thief := from(t, "203.0.113.7")
	for i := range 3 {
		_ = signInFrom(t, f.client(t, pool, identity.ClientSettings{}), "203.0.113.7", fmt.Sprintf("nobody%d", i), wrong)
	}
	res, err := a.Begin(from(t, "192.0.2.1"), identity.BeginSignIn{Username: "alice", Preferred: byMail})
	check(t, "Begin", err)
	ch := challengeOf[*identity.EmailOTPRequired](t, res)
	code := f.outbox.LastCode(email)
	if err := answer(thief, ch, code); !errors.Is(err, identity.ErrLimitExceeded) {
		t.Errorf("the right code from a spent source: %v", err)
	}
	check(t, "the right code from elsewhere", answer(from(t, "192.0.2.1"), ch, code))
	wantErr(t, "a known source of another kind", answer(thief, ch, code), identity.ErrLimitExceeded, identity.ErrSessionUsed)
}

// TestFirstCodeIsOfItsAddress: once the address has changed, the code is wrong, even if it is the same user's.
func TestFirstCodeIsOfItsAddress(t *testing.T) {
	f := newEngine(t)
	pool, a := f.choosers(t, identity.PoolSettings{})
	ch := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
	code := f.outbox.LastCode(email)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = "new@example.com" })
	wantErr(t, "a code that went to an earlier address", answer(t.Context(), ch, code), identity.ErrCodeMismatch)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = email })
	check(t, "the address is back", answer(t.Context(), ch, code))
}
