package identity_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// Codes of sign-ins that are sent again.

// TestFirstCodeAgain: the new code is good, the one of before is not, and neither is its state.
func TestFirstCodeAgain(t *testing.T) {
	f := newEngine(t)
	pool, _ := f.choosers(t, identity.PoolSettings{})
	a := f.choosing(t, pool, true)
	res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byMail})
	check(t, "Begin", err)
	before, old := challengeOf[*identity.EmailOTPRequired](t, res), f.outbox.LastCode(email)
	_, err = a.EmailOTP("mallory", before.State()).Resend(t.Context(), "")
	wantErr(t, "another user", err, identity.ErrSessionInvalid)
	_, err = a.SMSOTP("alice", before.State()).Resend(t.Context(), "")
	wantErr(t, "another factor", err, identity.ErrSessionInvalid)
	res, err = a.EmailOTP("alice", before.State()).Resend(t.Context(), "")
	check(t, "Resend", err)
	after := challengeOf[*identity.EmailOTPRequired](t, res)
	if d := after.Delivery; d == nil || d.Destination != before.Delivery.Destination || f.outbox.LastCode(email) == old {
		t.Errorf("another code went to %+v", d)
	}
	wantErr(t, "the code of before", answer(t.Context(), after, old), identity.ErrCodeMismatch)
	wantErr(t, "the challenge of before", answer(t.Context(), before, old), identity.ErrSessionUsed)
	_, err = before.Resend(t.Context(), "")
	wantErr(t, "a second request", err, identity.ErrSessionUsed)
	check(t, "the new code", answer(t.Context(), after, f.outbox.LastCode(email)))
	_, err = after.Resend(t.Context(), "")
	wantErr(t, "a request after the sign-in", err, identity.ErrSessionUsed)
}

// TestFirstCodesAgainHaveTheBudgetOfTheFirst: an account gets five codes an hour, however they are asked for. A request that is refused leaves the
// code of before good. For a name that nobody has, the answers are the same.
func TestFirstCodesAgainHaveTheBudgetOfTheFirst(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.NoMessageLimits })
	pool, _ := f.choosers(t, identity.PoolSettings{})
	a := f.choosing(t, pool, true)
	for _, name := range []string{"alice", "nobody"} {
		res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: byMail})
		check(t, "Begin", err)
		ch := challengeOf[*identity.EmailOTPRequired](t, res)
		for i := range 4 {
			res, err = ch.Resend(t.Context(), "")
			if err != nil {
				t.Fatalf("%s: code %d: %v", name, i+2, err)
			}
			ch = challengeOf[*identity.EmailOTPRequired](t, res)
		}
		_, err = ch.Resend(t.Context(), "")
		wantErr(t, name+": the sixth code", err, identity.ErrLimitExceeded)
		wantErr(t, name+": a wrong code", answer(t.Context(), ch, "00000000"), identity.ErrCodeMismatch)
		if name == "alice" {
			check(t, "the fifth code", answer(t.Context(), ch, f.outbox.LastCode(email)))
		}
	}
}

// A sentChallenge asks for a code that was sent as a second factor.
type sentChallenge interface {
	State() string
	Answer(ctx context.Context, in identity.FactorCode) (*identity.SignInResult, error)
	Resend(ctx context.Context, secretHash string) (*identity.SignInResult, error)
}

// again has a second code sent.
func again(t *testing.T, ch sentChallenge) (sentChallenge, error) {
	t.Helper()
	res, err := ch.Resend(t.Context(), "")
	if err != nil {
		return nil, err
	}
	return res.Challenge.(sentChallenge), nil
}

// TestSecondCodeAgain is TestFirstCodeAgain for second factors.
func TestSecondCodeAgain(t *testing.T) {
	f := newEngine(t)
	s := emailPool("OPTIONAL")
	s.SMSMFA = true
	pool := f.open(t, s)
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	f.edit(t, pool, "alice", func(u *identity.User) {
		u.Attributes["phone_number"], u.Attributes["phone_number_verified"] = phone, "true"
	})
	for _, tt := range []struct {
		method identity.MFAMethod
		to     string
	}{{identity.MFAEmail, email}, {identity.MFASMS, phone}} {
		update := identity.MFAUpdate{tt.method: {Enabled: true, Preferred: true}}
		check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", update))
		res, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
		check(t, "SignIn", err)
		before := res.Challenge.(sentChallenge)
		old := f.outbox.LastCode(tt.to)
		next, err := again(t, before)
		check(t, "Resend", err)
		if f.outbox.LastCode(tt.to) == old {
			t.Errorf("%s: no other code was sent", tt.method)
		}
		wantErr(t, "the code of before", answer(t.Context(), next, old), identity.ErrMFACodeMismatch)
		wantErr(t, "the challenge of before", answer(t.Context(), before, old), identity.ErrSessionUsed)
		_, err = again(t, before)
		wantErr(t, "a second request", err, identity.ErrSessionUsed)
		check(t, "the new code", answer(t.Context(), next, f.outbox.LastCode(tt.to)))
	}
}

// TestSecondCodesAgainAreLimited: messages to an address have a budget, and nobody gets a code that would not be judged. A request that is
// refused leaves the challenge open.
func TestSecondCodesAgainAreLimited(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Limits = identity.Limits{AddressPerHour: 6} })
	pool := f.open(t, emailPool("OPTIONAL"))
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	check(t, "SetMFA", f.session(t, a, "alice").SetMFA(t.Context(), emailOn))
	f.advance(25 * time.Hour)
	ch, sent := asked[*identity.EmailCodeRequired](t, a), 1
	for {
		next, err := again(t, ch)
		if err != nil {
			wantErr(t, "too many", err, identity.ErrLimitExceeded)
			break
		}
		if ch, sent = next.(*identity.EmailCodeRequired), sent+1; sent > 100 {
			t.Fatal("a hundred codes were sent")
		}
	}
	if sent < 3 {
		t.Errorf("%d codes were sent", sent)
	}
	check(t, "the last code", answer(t.Context(), ch, f.outbox.LastCode(email)))

	f.advance(25 * time.Hour)
	ch = asked[*identity.EmailCodeRequired](t, a)
	for range 5 {
		wantErr(t, "a wrong code", answer(t.Context(), ch, "000000"), identity.ErrMFACodeMismatch)
	}
	_, err := again(t, ch)
	wantErr(t, "after five wrong codes", err, identity.ErrTooManyAttempts)
	f.advance(time.Second)

	f.advance(25 * time.Hour)
	ch = asked[*identity.EmailCodeRequired](t, a)
	check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", identity.MFAUpdate{identity.MFAEmail: {}}))
	_, err = again(t, ch)
	wantErr(t, "a factor that was turned off", err, identity.ErrSessionInvalid)
}

// TestCodeOfASetupAgain goes to the address that is set up, and counts as a request for a code.
func TestCodeOfASetupAgain(t *testing.T) {
	f := newEngine(t)
	pool, a := f.addressless(t, nil, identity.ClientSettings{})
	ch, old := setUpBy(t, a, email), f.outbox.LastCode(email)
	var got []bool
	for range 5 {
		next, err := again(t, ch)
		if err != nil && !errors.Is(err, identity.ErrLimitExceeded) {
			t.Fatal(err)
		}
		if got = append(got, err == nil); err == nil {
			ch = next.(*identity.EmailCodeRequired)
		}
	}
	if want := []bool{true, true, true, true, false}; !slices.Equal(got, want) {
		t.Errorf("codes were sent: %v, want %v", got, want)
	}
	wantErr(t, "the first code", answer(t.Context(), ch, old), identity.ErrMFACodeMismatch)
	check(t, "the last code", answer(t.Context(), ch, f.outbox.LastCode(email)))
	if u := f.user(t, pool, "alice"); u.Attributes["email"] != email || u.Attributes["email_verified"] != "true" {
		t.Errorf("after the code: %v", u.Attributes)
	}
}
