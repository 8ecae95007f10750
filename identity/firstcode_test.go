package identity_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
	"github.com/cognate-id/cognate/store/memory"
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

// unmetered is an engine that counts for accounts alone, and neither for addresses nor for sources.
func unmetered(t *testing.T) *fixture {
	t.Helper()
	return newEngineWith(t, twice(memory.New()), func(o *identity.Options) { o.Limits = identity.NoMessageLimits })
}

// TestFirstCodesAreAHundredGuessesADay: wrong codes count for the day of the account, and a code is sent only if there is room for all of its
// tries. For a name that nobody has, the answers are the same.
func TestFirstCodesAreAHundredGuessesADay(t *testing.T) {
	if testing.Short() {
		t.Skip("sends sixty codes, each of them tried")
	}
	f := unmetered(t)
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

// TestUntriedFirstCodesStayWithinTheDay: codes that are asked for before any of them is tried have no more tries together than
// the account has guesses left. For a name that nobody has, the answers are the same.
func TestUntriedFirstCodesStayWithinTheDay(t *testing.T) {
	if testing.Short() {
		t.Skip("sends a hundred codes, each of them tried")
	}
	f := unmetered(t)
	pool, _ := f.choosers(t, identity.PoolSettings{})
	a := f.choosing(t, pool, true)
	tries := map[string]int{}
	for _, name := range []string{"alice", "nobody"} {
		check(t, "the first code", missAll(t, a, name)) // so that the last hour begins with fewer guesses than five codes have
		tries[name] = 5
	}
	for range 6 {
		f.advance(121 * time.Minute)
		for name := range tries {
			var open []*identity.EmailOTPRequired
			for range 5 {
				res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: byMail})
				if errors.Is(err, identity.ErrLimitExceeded) {
					break
				}
				check(t, "Begin", err)
				open = append(open, challengeOf[*identity.EmailOTPRequired](t, res))
			}
			for _, ch := range open {
				for range 5 {
					wantErr(t, "a wrong code", answer(t.Context(), ch, "00000000"), identity.ErrCodeMismatch)
					tries[name]++
				}
			}
		}
	}
	if n := tries["alice"]; n != tries["nobody"] || n != 100 {
		t.Errorf("codes that were tried: %v, want 100 for each", tries)
	}
}

// TestWrongFirstCodesCountForTheAddress: whoever has several accounts with one address has no more guesses of codes that go there, however many
// messages the address may get.
func TestWrongFirstCodesCountForTheAddress(t *testing.T) {
	if testing.Short() {
		t.Skip("sends twenty codes, each of them tried")
	}
	f := newEngineWith(t, twice(memory.New()), func(o *identity.Options) {
		o.Limits.AddressPerDay, o.Limits.AddressPerHour = 1000, 1000
	})
	pool, a := f.choosers(t, identity.PoolSettings{})
	names := []string{"alice", "bob", "carol", "dave", "erin"}
	for _, name := range names[1:] {
		f.join(t, pool, name, name+"@example.org")
		f.edit(t, pool, name, func(u *identity.User) { u.Attributes["email"] = email })
	}
	sent := 0
	for range 5 { // five codes an hour are an account's
		for _, name := range names {
			before := len(f.outbox.Messages(nil))
			if err := missAll(t, a, name); err != nil {
				wantErr(t, name, err, identity.ErrLimitExceeded)
			}
			sent += len(f.outbox.Messages(nil)) - before
		}
	}
	if sent != 20 {
		t.Errorf("%d codes went to one address, with five guesses each, want 20", sent)
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

// TestSpentSourceTriesNoPasskey: neither is the answer of a passkey judged.
func TestSpentSourceTriesNoPasskey(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) {
		o.Limits, o.RelyingParty = identity.Limits{SourceFailuresPerHour: 3}, "example.com"
	})
	var phone webauthntest.Authenticator
	pool, a, _ := f.signers(t, nil, &phone, false)
	for i := range 3 {
		_ = signInFrom(t, f.client(t, pool, identity.ClientSettings{}), "203.0.113.7", fmt.Sprintf("nobody%d", i), wrong)
	}
	ch, options := askedPasskey(t, a, "alice")
	credential, err := phone.Get(pageOrigin, options)
	check(t, "Get", err)
	in := identity.PasskeyAnswer{Credential: credential}
	wantErr(t, "from the spent source", second(ch.Answer(from(t, "203.0.113.7"), in)), identity.ErrLimitExceeded)
	check(t, "from elsewhere", second(ch.Answer(from(t, "192.0.2.1"), in)))
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

// TestWrongFirstCodesOfAKnownSource: a source that the account knows has five guesses of its own, which take none from strangers. Wrong codes
// lock nobody out for the moment.
func TestWrongFirstCodesOfAKnownSource(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses two hundred codes")
	}
	f := unmetered(t)
	pool, _ := f.choosers(t, identity.PoolSettings{})
	a := f.choosing(t, pool, false)
	word := f.client(t, pool, identity.ClientSettings{})
	check(t, "SignIn", signInFrom(t, word, "192.0.2.1", "alice", password))
	codes := func(address string) (n int) {
		for range 8 {
			for range 5 {
				res, err := a.Begin(from(t, address), identity.BeginSignIn{Username: "alice", Preferred: byMail})
				if err != nil {
					wantErr(t, "Begin", err, identity.ErrLimitExceeded)
					break
				}
				n++
				for range 5 {
					wantErr(t, "a wrong code", answer(from(t, address), challengeOf[*identity.EmailOTPRequired](t, res), "00000000"), identity.ErrCodeMismatch)
				}
				if address == "192.0.2.1" {
					return n
				}
			}
			f.advance(61 * time.Minute)
		}
		return n
	}
	if n := codes("192.0.2.1"); n != 1 {
		t.Fatalf("%d codes to the known source", n)
	}
	if n := codes("203.0.113.7"); n != 15 { // 100 guesses, less the five of the source and 20 that are left to it
		t.Errorf("%d codes to a stranger, want 15", n)
	}
	check(t, "the right password, from the stranger's place", signInFrom(t, word, "203.0.113.7", "alice", password))
}
