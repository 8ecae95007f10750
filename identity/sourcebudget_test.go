package identity_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/store/memory"
)

// guessUntil gives wrong passwords from an address, one in 80 seconds, until n were judged
// or the day is over. It returns how many were.
func (f *fixture) guessUntil(t *testing.T, a *identity.AppClient, address string, n int) (judged int) {
	t.Helper()
	for tries := 0; judged < n && tries < 1040; tries++ {
		if errors.Is(signInFrom(t, a, address, "alice", wrong), identity.ErrIncorrectCredentials) {
			judged++
		}
		f.advance(80 * time.Second)
	}
	return judged
}

// An owner who signs in from one new source after another makes no room for more guesses: a
// source that has guessed today is not forgotten for a new one, with guesses of its own.
func TestNewSourcesBringNoMoreGuesses(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses three hundred passwords")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	judged := 0
	for i := range 60 {
		_ = signInFrom(t, pool.AppClient, host(i), "alice", password)
		for range 5 {
			if errors.Is(signInFrom(t, pool.AppClient, host(i), "alice", wrong), identity.ErrIncorrectCredentials) {
				judged++
			}
		}
		f.advance(20 * time.Minute)
	}
	if judged > 100 {
		t.Errorf("%d guesses were judged in a day, want at most 100", judged)
	}
}

// A source becomes known only while the day has guesses left to give it.
func TestALateSourceBringsNoMoreGuesses(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses a hundred passwords")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	check(t, "the owner's first sign-in", signInFrom(t, pool.AppClient, "192.0.2.1", "alice", password))
	judged := f.guessUntil(t, pool.AppClient, "203.0.113.7", 91)
	if judged != 91 {
		t.Fatalf("%d guesses were judged, want 91", judged)
	}
	for tries := 0; signInFrom(t, pool.AppClient, "192.0.2.2", "alice", password) != nil; tries++ {
		if f.advance(time.Minute); tries > 60 {
			t.Fatal("the owner does not get in from another source")
		}
	}
	for _, address := range []string{"192.0.2.1", "192.0.2.2", "203.0.113.7"} {
		for range 10 {
			if errors.Is(signInFrom(t, pool.AppClient, address, "alice", wrong), identity.ErrIncorrectCredentials) {
				judged++
			}
			f.advance(time.Second)
		}
	}
	if judged > 100 {
		t.Errorf("%d guesses were judged in a day, want at most 100", judged)
	}
}

// A source that has given too many wrong codes and passwords has no code judged by an
// account that does not know it, not even a right one.
func TestOneSourceDoesNotTryTheCodesOfManyAccounts(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses a hundred codes")
	}
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{})
	const nat = "203.0.113.7"
	f.join(t, pool, "alice", email)
	check(t, "alice", signInFrom(t, pool.AppClient, nat, "alice", password))
	f.join(t, pool, "bob", "bob@example.com")
	alices, bobs := f.forgot(t, pool.AppClient, "alice"), f.forgot(t, pool.AppClient, "bob")
	for i := range 100 {
		err := recoverAs(from(t, nat), pool.AppClient, fmt.Sprintf("user%03d", i), "none", chosen)
		wantErr(t, "a wrong code", err, identity.ErrCodeMismatch)
	}
	wantErr(t, "bob's code", recoverAs(from(t, nat), pool.AppClient, "bob", bobs, chosen), identity.ErrLimitExceeded)
	wantErr(t, "bob's password", signInFrom(t, pool.AppClient, nat, "bob", password), identity.ErrTooManyAttempts)
	check(t, "alice's code, whose account knows the source", recoverAs(from(t, nat), pool.AppClient, "alice", alices, chosen))
	check(t, "bob's code from another source", recoverAs(from(t, "203.0.113.8"), pool.AppClient, "bob", bobs, chosen))
}

// A process counts for a bounded number of sources.
func TestSourcesDoNotFillTheMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("counts 220,000 sources")
	}
	if kept := identity.CountedSources(220_000); kept > 100_000 {
		t.Errorf("after 220,000 sources %d are kept", kept)
	}
}

// The queue of hashes is told who asks: the user's source, or that it is an operator.
func TestHashesWaitInTheLineOfTheirSource(t *testing.T) {
	user, program := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.9")
	for name, tt := range map[string]struct {
		call identity.Call
		want passhash.Source
	}{
		"a user":                    {identity.Call{Address: user}, passhash.Source{Name: "192.0.2.1"}},
		"a network":                 {identity.Call{Address: netip.MustParseAddr("2001:db8::1")}, passhash.Source{Name: "2001:db8::/64"}},
		"a device":                  {identity.Call{Address: user, Device: "d"}, passhash.Source{Name: "192.0.2.1"}},
		"this machine":              {identity.Call{Address: netip.MustParseAddr("127.0.0.1")}, passhash.Source{}},
		"an operator":               {identity.Call{Address: program, AccessKey: "AK"}, passhash.Source{Name: "AK", Operator: true}},
		"an operator's user":        {identity.Call{Address: program, AccessKey: "AK", Context: &hook.ContextData{Address: user}}, passhash.Source{Name: "192.0.2.1"}},
		"who says to be another":    {identity.Call{Address: program, Context: &hook.ContextData{Address: user}}, passhash.Source{Name: "198.51.100.9"}},
		"the program of the engine": {identity.Call{}, passhash.Source{Operator: true}},
	} {
		if got := identity.HashSource(identity.WithCall(t.Context(), tt.call)); got != tt.want {
			t.Errorf("%s waits as %+v, want %+v", name, got, tt.want)
		}
	}
}

// Where a sign-up with a known address looks like any other, its messages are bounded like
// those of any other.
func TestTheBoundOfMessagesDoesNotTellWhoHasAnAccount(t *testing.T) {
	f := newLimited(t)
	pool := f.open(t, identity.PoolSettings{UsernameAttributes: []string{"email"}})
	client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: ptr("ENABLED")})
	in := func(address string) identity.SignUp {
		return identity.SignUp{Username: address, Password: password, Attributes: attrs{"email": address}}
	}
	check(t, "SignUp", second(client.SignUp(t.Context(), in("owner@example.com"))))
	check(t, "Confirm", client.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "owner@example.com", Code: identity.Secret(f.outbox.LastCode("owner@example.com"))}))
	f.advance(48 * time.Hour)
	for i := range 20 {
		known, unknown := second(client.SignUp(t.Context(), in("owner@example.com"))), second(client.SignUp(t.Context(), in("nobody@example.com")))
		if errors.Is(known, identity.ErrLimitExceeded) != errors.Is(unknown, identity.ErrLimitExceeded) {
			t.Errorf("sign-up %d: with a known address %v, with an unknown one %v", i, known, unknown)
		}
		if i == 19 {
			wantErr(t, "the last sign-up", known, identity.ErrLimitExceeded)
		}
		f.advance(2 * time.Minute)
	}
}

// Names that nobody has share rows, and no counts: wrong passwords for one lock no other. Of
// 180 names, some fifteen pairs share one of the 1,024 rows.
func TestNamesOfOneRowDoNotLockEachOther(t *testing.T) {
	if testing.Short() {
		t.Skip("tries 720 passwords")
	}
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	for i := range 180 {
		for range 4 {
			wantErr(t, fmt.Sprint("name ", i), byPassword(t, pool.AppClient, fmt.Sprint("nobody", i), wrong), identity.ErrIncorrectCredentials)
		}
	}
}

// Whatever it is that a source guesses wrong, its guesses at all accounts together are bounded:
// accounts that do not know it take nothing more from it.
func TestEachWrongGuessCountsForItsSource(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses each kind of secret until no guess is left")
	}
	const nat = "203.0.113.7"
	for _, tt := range []struct {
		name  string
		guess func(t *testing.T, f *fixture, a *identity.AppClient, s *identity.Session) error
		want  error
	}{
		{"a second factor", func(t *testing.T, f *fixture, a *identity.AppClient, s *identity.Session) error {
			key := f.enroll(t, s)
			return answer(from(t, nat), asked[*identity.TOTPRequired](t, a), otherCode(key.Code(f.now())))
		}, identity.ErrMFACodeMismatch},
		{"a recovery code", func(t *testing.T, f *fixture, a *identity.AppClient, s *identity.Session) error {
			f.enroll(t, s)
			return second(asked[*identity.TOTPRequired](t, a).Recover(from(t, nat), identity.FactorCode{Code: "0000-0000-0000-0000"}))
		}, identity.ErrRecoveryCodeMismatch},
		{"a code of an address", func(t *testing.T, f *fixture, _ *identity.AppClient, s *identity.Session) error {
			check(t, "SendVerification", second(s.SendVerification(t.Context(), "email")))
			return s.VerifyAttribute(from(t, nat), "email", identity.Secret(otherCode(f.outbox.LastCode("alice"))))
		}, identity.ErrCodeMismatch},
		{"a password that is changed", func(t *testing.T, _ *fixture, _ *identity.AppClient, s *identity.Session) error {
			return s.ChangePassword(from(t, nat), wrong, chosen)
		}, identity.ErrIncorrectCredentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.Limits{SourceFailuresPerHour: 1} })
			pool := f.open(t, identity.PoolSettings{MFA: identity.MFAOptional, TOTP: new(true), RecoveryCodes: true})
			f.join(t, pool, "alice", email)
			f.join(t, pool, "bob", "bob@example.com")
			s := f.session(t, pool.AppClient, "alice")
			wantErr(t, "the guess", tt.guess(t, f, pool.AppClient, s), tt.want)
			wantErr(t, "bob from that source", signInFrom(t, pool.AppClient, nat, "bob", password), identity.ErrTooManyAttempts)
			check(t, "bob from another source", signInFrom(t, pool.AppClient, "203.0.113.8", "bob", password))
		})
	}
}

// A source that has given too many wrong codes and passwords has no second factor judged by an
// account that does not know it. The challenge stays open for the owner.
func TestOneSourceDoesNotTryTheSecondFactorsOfManyAccounts(t *testing.T) {
	const nat = "203.0.113.7"
	for known, want := range map[bool]error{true: nil, false: identity.ErrTooManyAttempts} {
		f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.Limits{SourceFailuresPerHour: 1} })
		pool := f.open(t, identity.PoolSettings{MFA: identity.MFAOptional, TOTP: new(true)})
		f.join(t, pool, "alice", email)
		if known {
			check(t, "alice's first sign-in", signInFrom(t, pool.AppClient, nat, "alice", password))
		}
		key := f.enroll(t, f.session(t, pool.AppClient, "alice"))
		challenge := asked[*identity.TOTPRequired](t, pool.AppClient)
		wantErr(t, "a wrong password", signInFrom(t, pool.AppClient, nat, "nobody", wrong), identity.ErrIncorrectCredentials)
		right := key.Code(f.now())
		wantErr(t, fmt.Sprintf("a right code from a source that is known: %v", known), answer(from(t, nat), challenge, right), want)
		if !known {
			check(t, "the same code from another source", answer(from(t, "203.0.113.8"), challenge, right))
		}
	}
}
