package identity_test

import (
	"errors"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
)

func TestOneOfManyUsesOfASignInCodeWins(t *testing.T) {
	onBackEnds(t, mfaPool("OPTIONAL"), func(t *testing.T, f *fixture, pool *identity.UserPool) {
		a := f.client(t, pool, identity.ClientSettings{})
		s := f.member(t, pool, a, "alice", attrs{"phone_number": phone})
		check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFASMS: {Enabled: true}}))
		ch := asked[*identity.SMSCodeRequired](t, a)
		code := f.outbox.LastCode(phone)
		errs := together(crowd, func(int) error { return answer(t.Context(), ch, code) })
		wantOneWinner(t, errs, identity.ErrSessionUsed)
		check(t, "Verify", verify(t, f.store))
	})
}

func TestFiveOfManyGuessesOfASignInCodeAreJudged(t *testing.T) {
	onBackEnds(t, mfaPool("OPTIONAL"), func(t *testing.T, f *fixture, pool *identity.UserPool) {
		a := f.client(t, pool, identity.ClientSettings{})
		s := f.member(t, pool, a, "alice", attrs{"phone_number": phone})
		check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFASMS: {Enabled: true}}))
		var states []*identity.SMSCodeRequired
		for range 4 {
			states = append(states, asked[*identity.SMSCodeRequired](t, a))
		}
		errs := together(crowd, func(i int) error { return answer(t.Context(), states[i%len(states)], "not a code") })
		judged := tally(t, errs, identity.ErrMFACodeMismatch, identity.ErrTooManyAttempts)[identity.ErrMFACodeMismatch]
		if judged != 5 {
			t.Errorf("%d guesses were judged, want 5", judged)
		}
	})
}

func TestOneOfManyVerificationsOfAnAppWins(t *testing.T) {
	onBackEnds(t, mfaPool("OPTIONAL"), func(t *testing.T, f *fixture, pool *identity.UserPool) {
		a := f.client(t, pool, identity.ClientSettings{})
		f.join(t, pool, "alice", email)
		s := f.session(t, a, "alice")
		key, err := s.EnrollTOTP(t.Context())
		check(t, "EnrollTOTP", err)
		code := identity.Secret(key.Code(f.now()))
		errs := together(crowd, func(int) error { return s.VerifyTOTP(t.Context(), code, "") })
		wantOneWinner(t, errs, identity.ErrTOTPUsed, identity.ErrTOTPMismatch)
	})
}

// Each step of setting a factor up is taken once.
func TestOneOfManySetupsWins(t *testing.T) {
	onBackEnds(t, mfaPool("ON"), func(t *testing.T, f *fixture, pool *identity.UserPool) {
		a := f.client(t, pool, identity.ClientSettings{})
		f.join(t, pool, "alice", email)
		state := asked[*identity.MFASetupRequired](t, a).State()
		keys := make([]mfa.Secret, crowd)
		setups := make([]*identity.MFASetupRequired, crowd)
		step := func(what string, do func(i int) error, losers ...error) (winner int) {
			t.Helper()
			for i := range setups {
				setups[i] = a.MFASetup("alice", state)
			}
			errs := together(crowd, do)
			wantOneWinner(t, errs, losers...)
			for i, err := range errs {
				if err == nil {
					winner = i
				} else if errors.Is(err, identity.ErrSessionInvalid) {
					t.Errorf("%s: %v", what, err)
				}
			}
			state = setups[winner].State()
			return winner
		}
		winner := step("Enroll", func(i int) (err error) {
			keys[i], err = setups[i].Enroll(t.Context())
			return err
		}, identity.ErrSessionUsed)
		code := identity.Secret(keys[winner].Code(f.now()))
		step("Verify", func(i int) error { return setups[i].Verify(t.Context(), code, "") }, identity.ErrSessionUsed)
		step("Answer", func(i int) error { return second(setups[i].Answer(t.Context(), "")) }, identity.ErrSessionUsed)
	})
}
