package identity_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// recoveryPool is a pool with recovery codes and all second factors.
func recoveryPool() identity.PoolSettings {
	s := mfaPool("OPTIONAL")
	s.RecoveryCodes, s.EmailMFA = true, &identity.EmailMFASettings{}
	s.Notices, s.SignOutOnFactorChange = new(true), new(true)
	return s
}

// withCodes makes the user alice with an authenticator app and recovery codes.
func (f *fixture) withCodes(t testing.TB) (*identity.UserPool, *identity.AppClient, []identity.Secret) {
	t.Helper()
	pool := f.open(t, recoveryPool())
	a := f.client(t, pool, identity.ClientSettings{})
	f.join(t, pool, "alice", email)
	s := f.session(t, a, "alice")
	f.enroll(t, s)
	codes, err := s.NewRecoveryCodes(t.Context())
	check(t, "NewRecoveryCodes", err)
	return pool, a, codes
}

// recovers tries a recovery code in a new sign-in.
func recovers(t testing.TB, a *identity.AppClient, code identity.Secret) error {
	t.Helper()
	return recovered(asked[*identity.TOTPRequired](t, a).Recover(t.Context(), identity.FactorCode{Code: code}))
}

func recovered(in *identity.SignInResult, err error) error {
	if err == nil && in.Tokens == nil {
		return errors.New("a recovery code does not end the sign-in")
	}
	return err
}

func (f *fixture) wantLeft(t testing.TB, pool *identity.UserPool, want int) {
	t.Helper()
	got, err := pool.Admin().Users().RecoveryCodesLeft(t.Context(), "alice")
	check(t, "RecoveryCodesLeft", err)
	if got != want {
		t.Errorf("%d recovery codes are left, want %d", got, want)
	}
}

func TestRecoveryCodes(t *testing.T) {
	f := newEngine(t)
	pool, a, codes := f.withCodes(t)
	form, seen := regexp.MustCompile(`^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$`), map[identity.Secret]bool{}
	for _, c := range codes {
		if !form.MatchString(string(c)) || seen[c] {
			t.Errorf("the code %q is malformed, or there twice", string(c))
		}
		seen[c] = true
	}
	f.wantLeft(t, pool, 10)
	check(t, "the first", recovers(t, a, codes[0]))
	wantErr(t, "the first again", recovers(t, a, codes[0]), identity.ErrRecoveryCodeMismatch)
	f.wantLeft(t, pool, 9)
	check(t, "as people type it", recovers(t, a, identity.Secret(" "+strings.NewReplacer("-", "", "0", "o", "1", "l").Replace(strings.ToLower(string(codes[9])))+" ")))
	f.wantLeft(t, pool, 8)
	for _, bad := range []identity.Secret{"0000-0000-0000-0000", codes[1][:18], codes[1] + "0", identity.Secret(strings.Repeat("-", 1<<16)) + codes[1], "é"} {
		f.advance(24 * time.Hour) // so that no limit is met
		wantErr(t, string(bad[:min(len(bad), 30)]), recovers(t, a, bad), identity.ErrRecoveryCodeMismatch)
	}
	wantErr(t, "none", recovers(t, a, ""), identity.ErrMissingParameter)
	f.wantLeft(t, pool, 8)

	s, err := f.Session(t.Context(), f.recoverIn(t, a, codes[1]).Access)
	check(t, "Session", err)
	next, err := s.NewRecoveryCodes(t.Context())
	check(t, "NewRecoveryCodes", err)
	wantErr(t, "a code that was replaced", recovers(t, a, codes[2]), identity.ErrRecoveryCodeMismatch)
	check(t, "a new code", recovers(t, a, next[2]))
	f.wantLeft(t, pool, 9)
	check(t, "ResetMFA", pool.Admin().Users().ResetMFA(t.Context(), "alice"))
	f.wantLeft(t, pool, 0)
}

func (f *fixture) recoverIn(t testing.TB, a *identity.AppClient, code identity.Secret) *identity.Tokens {
	t.Helper()
	in, err := asked[*identity.TOTPRequired](t, a).Recover(t.Context(), identity.FactorCode{Code: code})
	check(t, "Recover", err)
	return in.Tokens
}

// TestRecoveryCodeAnswersEachChallenge: of each factor, and of the choice between several.
func TestRecoveryCodeAnswersEachChallenge(t *testing.T) {
	sms, mail := identity.MFASetting{Enabled: true}, identity.MFASetting{Enabled: true}
	off := identity.MFASetting{}
	for _, tt := range []struct {
		name   string
		on     identity.MFAUpdate
		resume func(a *identity.AppClient, state string) recoverer
	}{
		{"app", nil, func(a *identity.AppClient, state string) recoverer { return a.TOTP("alice", state) }},
		{"SMS", identity.MFAUpdate{identity.MFASMS: sms, identity.MFATOTP: off}, func(a *identity.AppClient, state string) recoverer { return a.SMSCode("alice", state) }},
		{"mail", identity.MFAUpdate{identity.MFAEmail: mail, identity.MFATOTP: off}, func(a *identity.AppClient, state string) recoverer { return a.EmailCode("alice", state) }},
		{"choice", identity.MFAUpdate{identity.MFASMS: sms, identity.MFATOTP: {Enabled: true}}, func(a *identity.AppClient, state string) recoverer { return a.MFAChoice("alice", state) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool, a, codes := f.withCodes(t)
			f.edit(t, pool, "alice", func(u *identity.User) {
				u.Attributes["phone_number"], u.Attributes["phone_number_verified"] = phone, "true"
			})
			if tt.on != nil {
				check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", tt.on))
			}
			in, err := a.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
			check(t, "SignIn", err)
			ch, ok := in.Challenge.(recoverer)
			if !ok {
				t.Fatalf("the challenge %T takes no recovery code", in.Challenge)
			}
			_, err = ch.Recover(t.Context(), identity.FactorCode{Code: codes[1][:18] + "U"})
			wantErr(t, "a wrong code", err, identity.ErrRecoveryCodeMismatch)
			state := in.Challenge.State()
			check(t, "Recover", recovered(tt.resume(a, state).Recover(t.Context(), identity.FactorCode{Code: codes[0]})))
			_, err = tt.resume(a, state).Recover(t.Context(), identity.FactorCode{Code: codes[1]})
			wantErr(t, "the state again", err, identity.ErrSessionUsed)
			f.wantLeft(t, pool, 9)
		})
	}
}

// TestRecoveryCodesAreCountedAsCodesOfFactors: five wrong ones end the challenge, and all count for the account.
func TestRecoveryCodesAreCountedAsCodesOfFactors(t *testing.T) {
	f := newEngine(t)
	pool, a, codes := f.withCodes(t)
	ch := asked[*identity.TOTPRequired](t, a)
	for range 5 {
		_, err := ch.Recover(t.Context(), identity.FactorCode{Code: "0000-0000-0000-0000"})
		wantErr(t, "a wrong code", err, identity.ErrRecoveryCodeMismatch)
	}
	_, err := ch.Recover(t.Context(), identity.FactorCode{Code: codes[0]})
	wantErr(t, "the sixth try of a challenge", err, identity.ErrSessionInvalid, identity.ErrTooManyAttempts)
	wantErr(t, "the password", byPassword(t, a, "alice", password), identity.ErrTooManyAttempts)
	f.wantLeft(t, pool, 10)
	var failed int
	for ev, err := range pool.Admin().Events(t.Context(), identity.EventQuery{}) {
		check(t, "Events", err)
		if ev.Kind == identity.EventMFAFailed && ev.Failure == identity.FailureWrongCode {
			failed++
		}
	}
	if failed != 5 {
		t.Errorf("%d events of failures, want 5", failed)
	}
}

// TestRecoveryCodeCountsOnce: of many sign-ins with one code at once, one succeeds.
func TestRecoveryCodeCountsOnce(t *testing.T) {
	for _, s := range backEnds {
		t.Run(s.name, func(t *testing.T) {
			f := newEngineOn(t, s.open(t))
			pool, a, codes := f.withCodes(t)
			const crowd = 8
			var challenges []*identity.TOTPRequired
			for range crowd {
				challenges = append(challenges, asked[*identity.TOTPRequired](t, a))
			}
			var group sync.WaitGroup
			results := make([]error, crowd)
			for i, ch := range challenges {
				group.Go(func() { results[i] = recovered(ch.Recover(t.Context(), identity.FactorCode{Code: codes[0]})) })
			}
			group.Wait()
			right := 0
			for _, err := range results {
				if err == nil {
					right++
					continue
				}
				wantErr(t, "the others", err, identity.ErrRecoveryCodeMismatch, identity.ErrTooManyAttempts)
			}
			if right != 1 {
				t.Errorf("%d sign-ins succeeded, want 1", right)
			}
			f.wantLeft(t, pool, 9)
		})
	}
}

// TestRecoveryCodesAreOffByDefault: pools without the setting make none, and take none that were made before.
func TestRecoveryCodesAreOffByDefault(t *testing.T) {
	f := newEngine(t)
	pool, a, codes := f.withCodes(t)
	access := f.recoverIn(t, a, codes[1]).Access
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.RecoveryCodes = false }))
	wantErr(t, "a code", recovers(t, a, codes[0]), identity.ErrRecoveryCodesDisabled)
	s, err := f.Session(t.Context(), access)
	check(t, "Session", err)
	_, err = s.NewRecoveryCodes(t.Context())
	wantErr(t, "NewRecoveryCodes", err, identity.ErrRecoveryCodesDisabled)
	if (&identity.PoolSettings{}).RecoveryCodes {
		t.Error("safe pools have recovery codes by default")
	}
}

// TestOwnerIsToldOfRecoveryCodes: when they are made, and when one is used.
func TestOwnerIsToldOfRecoveryCodes(t *testing.T) {
	f := newEngine(t)
	pool, a, codes := f.withCodes(t)
	if m := f.outbox.Messages(nil)[0]; m.Kind != identity.MessageFactorChanged || m.To != email {
		t.Errorf("after making: %s to %s", m.Kind, m.To)
	}
	check(t, "Recover", recovers(t, a, codes[0]))
	if m := f.outbox.Messages(nil)[0]; m.Kind != identity.MessageRecoveryCodeUsed || m.To != email || !strings.Contains(m.Body, "with a recovery code") {
		t.Errorf("after a use: %s to %s: %s", m.Kind, m.To, m.Body)
	}
	var kinds []string
	for ev, err := range pool.Admin().Events(t.Context(), identity.EventQuery{}) {
		check(t, "Events", err)
		if strings.HasPrefix(string(ev.Kind), "RecoveryCode") {
			kinds = append(kinds, string(ev.Kind)+" "+ev.Data["left"])
		}
		for _, c := range codes {
			for _, v := range ev.Data {
				if strings.Contains(v, string(c)) {
					t.Errorf("the event %s has a code", ev.Kind)
				}
			}
		}
	}
	if strings.Join(kinds, ", ") != "RecoveryCodesMade , RecoveryCodeUsed 9" && strings.Join(kinds, ", ") != "RecoveryCodeUsed 9, RecoveryCodesMade " {
		t.Errorf("events %q", kinds)
	}
}

// TestNewRecoveryCodesEndOtherSignIns: whoever has signed in before may have seen the earlier codes.
func TestNewRecoveryCodesEndOtherSignIns(t *testing.T) {
	f := newEngine(t)
	_, a, codes := f.withCodes(t)
	other, own := f.recoverIn(t, a, codes[0]), f.recoverIn(t, a, codes[1])
	s, err := f.Session(t.Context(), own.Access)
	check(t, "Session", err)
	_, err = s.NewRecoveryCodes(t.Context())
	check(t, "NewRecoveryCodes", err)
	_, err = f.Session(t.Context(), own.Access)
	check(t, "the own sign-in", err)
	_, err = f.Session(t.Context(), other.Access)
	wantErr(t, "another sign-in", err, identity.ErrAccessTokenRevoked)
}

// What follows are the acts of TestEveryChangeLeavesAnEvent about recovery codes.

// A recoverer is a challenge that takes a recovery code.
type recoverer interface {
	Recover(context.Context, identity.FactorCode) (*identity.SignInResult, error)
}

func makeRecoveryCodes(ctx context.Context, l *life) error {
	if err := l.EditPool(ctx, l.pool.PoolID(), func(s *identity.PoolSettings) { s.RecoveryCodes = true }); err != nil {
		return err
	}
	s, err := l.Session(ctx, l.tokens.Access)
	if err == nil {
		l.recovery, err = s.NewRecoveryCodes(ctx)
	}
	return err
}

func failToRecover(ctx context.Context, l *life) error {
	_, err := l.challenged(ctx).(recoverer).Recover(ctx, identity.FactorCode{Code: "0"})
	wantErr(l.t, "Recover", err, identity.ErrRecoveryCodeMismatch)
	return nil
}

// recoverBy signs ada in by a recovery code in place of a factor, or of the choice of one.
func recoverBy(only ...identity.MFAMethod) func(context.Context, *life) error {
	return func(ctx context.Context, l *life) error {
		code := l.recovery[0]
		l.recovery = l.recovery[1:]
		return second(l.challenged(ctx, only...).(recoverer).Recover(ctx, identity.FactorCode{Code: code}))
	}
}

// challenged signs ada in by password, with only some factors turned on if any are given, and returns the challenge.
func (l *life) challenged(ctx context.Context, only ...identity.MFAMethod) identity.Challenge {
	id := l.pool.PoolID()
	before := l.user(l.t, l.pool, "ada").MFA
	check(l.t, "EditPool", l.EditPool(ctx, id, func(s *identity.PoolSettings) { s.EmailMFA = &identity.EmailMFASettings{} }))
	if len(only) > 0 {
		check(l.t, "EditUser", l.EditUser(ctx, id, "ada", func(u *identity.User) { u.MFA = identity.MFAPreference{Methods: only} }))
	}
	in, err := l.open2(ctx, "ada", password3)
	check(l.t, "SignIn", err)
	check(l.t, "EditUser", l.EditUser(ctx, id, "ada", func(u *identity.User) { u.MFA = before }))
	check(l.t, "EditPool", l.EditPool(ctx, id, func(s *identity.PoolSettings) { s.EmailMFA = nil }))
	return in.Challenge
}
