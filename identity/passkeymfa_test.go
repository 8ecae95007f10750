package identity_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

// bothFactors says that a passkey is both factors.
var bothFactors = "MULTI_FACTOR_WITH_USER_VERIFICATION"

// passkeyOn turns the app and the passkey on, in one update.
var passkeyOn = identity.MFAUpdate{identity.MFATOTP: {Enabled: true}, identity.MFAPasskey: {Enabled: true}}

// cognitoSigners is signers in a pool with the service's behaviour, in which passkeys are both factors.
func (f *fixture) cognitoSigners(t testing.TB, phone *webauthntest.Authenticator) (*identity.UserPool, *identity.AppClient, *identity.Session) {
	t.Helper()
	return f.signers(t, func(s *identity.PoolSettings) {
		s.Defaults, s.MFA, s.TOTP, s.PasswordPolicy = identity.CognitoDefaults, identity.MFAOptional, new(true), cognitoPool.PasswordPolicy
		s.AutoVerified = cognitoPool.AutoVerified
		s.Passkeys.Factor = &bothFactors
	}, phone, false)
}

// TestPasskeyOfAUserWithAFactor: in pools with the service's behaviour, whoever has a second factor begins with a passkey only if it was turned
// on as one. In safe pools the setting of the pool is enough.
func TestPasskeyOfAUserWithAFactor(t *testing.T) {
	for _, tt := range few.Of(3, []struct {
		name     string
		defaults identity.Defaults
		mode     identity.MFAMode
		app, on  bool
		offered  bool
	}{
		{"no factor", identity.CognitoDefaults, identity.MFAOptional, false, false, true},
		{"an app", identity.CognitoDefaults, identity.MFAOptional, true, false, false},
		{"an app and the passkey", identity.CognitoDefaults, identity.MFAOptional, true, true, true},
		{"demanded, no factor", identity.CognitoDefaults, identity.MFAOn, false, false, false},
		{"demanded, an app", identity.CognitoDefaults, identity.MFAOn, true, false, false},
		{"demanded, an app and the passkey", identity.CognitoDefaults, identity.MFAOn, true, true, true},
		{"off", identity.CognitoDefaults, identity.MFAOff, true, false, true},
		{"safe, an app", identity.SafeDefaults, identity.MFAOptional, true, false, true},
		{"safe, demanded, an app", identity.SafeDefaults, identity.MFAOn, true, false, true},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			phone := &webauthntest.Authenticator{}
			pool, a, s := f.cognitoSigners(t, phone)
			if tt.app {
				f.setUp(t, s)
				check(t, "SetMFA", s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true}}))
			}
			if tt.on {
				check(t, "SetMFA", s.SetMFA(t.Context(), passkeyOn))
			}
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA, s.Defaults = tt.mode, tt.defaults }))
			res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice"})
			check(t, "Begin", err)
			if got := slices.Contains(res.Available, byPasskey); got != tt.offered {
				t.Fatalf("available %v, want the passkey: %v", res.Available, tt.offered)
			}
			if tt.offered {
				res, err = touch(t, a, phone, "alice")
				wantTokens(t, "the passkey", res, err)
			}
			// No sign-in asks for a passkey after a password.
			res, err = a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byWord, Password: password})
			check(t, "the password", err)
			want := "<nil>"
			switch {
			case tt.mode != identity.MFAOff && tt.app:
				want = "*identity.TOTPRequired"
			case tt.mode == identity.MFAOn:
				want = "*identity.MFASetupRequired"
			}
			if got := fmt.Sprintf("%T", res.Challenge); got != want {
				t.Errorf("after the password: %s, want %s", got, want)
			}
		})
	}
}

// TestPasskeyAsBothFactorsIsRefused has what SetMFA refuses, and that it then changes nothing.
func TestPasskeyAsBothFactorsIsRefused(t *testing.T) {
	alone := identity.MFAUpdate{identity.MFAPasskey: {Enabled: true}}
	for _, tt := range few.Of(3, []struct {
		name   string
		do     func(t *testing.T, f *fixture, pool *identity.UserPool, again func() *identity.Session)
		update identity.MFAUpdate
		want   error
	}{
		{"alone", nil, alone, identity.ErrPasskeyAlone},
		{"beside one that stays on", func(t *testing.T, _ *fixture, _ *identity.UserPool, again func() *identity.Session) {
			check(t, "SetMFA", again().SetMFA(t.Context(), appOn))
		}, alone, identity.ErrPasskeyAlone},
		{"beside one that is turned off", nil, identity.MFAUpdate{identity.MFATOTP: {}, identity.MFAPasskey: {Enabled: true}}, identity.ErrPasskeyAlone},
		{"beside none in a safe pool", func(t *testing.T, f *fixture, pool *identity.UserPool, _ func() *identity.Session) {
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Defaults = identity.SafeDefaults }))
		}, alone, identity.ErrPasskeyAlone},
		{"preferred", nil, identity.MFAUpdate{identity.MFATOTP: {Enabled: true}, identity.MFAPasskey: {Enabled: true, Preferred: true}}, identity.ErrMFAPreference},
		{"one factor", func(t *testing.T, f *fixture, pool *identity.UserPool, _ func() *identity.Session) {
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Passkeys.Factor = nil }))
		}, passkeyOn, identity.ErrInvalidParameter},
		{"no passkey", func(t *testing.T, _ *fixture, _ *identity.UserPool, again func() *identity.Session) {
			check(t, "DeletePasskey", again().DeletePasskey(t.Context(), wantPasskeys(t, again(), 1)[0].ID))
		}, passkeyOn, identity.ErrMFANotReady},
		{"another relying party", func(t *testing.T, f *fixture, pool *identity.UserPool, _ func() *identity.Session) {
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Passkeys.RelyingParty = new("example.net") }))
		}, passkeyOn, identity.ErrMFANotReady},
		{"not verified", func(t *testing.T, f *fixture, pool *identity.UserPool, again func() *identity.Session) {
			check(t, "DeletePasskey", again().DeletePasskey(t.Context(), wantPasskeys(t, again(), 1)[0].ID))
			edit := func(factor *string) {
				check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Passkeys.Factor = factor }))
			}
			edit(nil)
			addPasskey(t, again(), &webauthntest.Authenticator{Unverified: true})
			edit(&bothFactors)
		}, passkeyOn, identity.ErrMFANotReady},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool, _, s := f.cognitoSigners(t, &webauthntest.Authenticator{})
			tokens := f.signIn(t, f.client(t, pool, identity.ClientSettings{}), "alice")
			again := func() *identity.Session { // with the settings as they are now
				s, err := f.Session(t.Context(), tokens.Access)
				check(t, "Session", err)
				return s
			}
			f.setUp(t, s)
			if tt.do != nil {
				tt.do(t, f, pool, again)
			}
			s = again()
			before := mfaOf(t, pool)
			wantErr(t, "SetMFA", s.SetMFA(t.Context(), tt.update), tt.want)
			wantErr(t, "the operator's", pool.Admin().Users().SetMFA(t.Context(), "alice", tt.update), tt.want)
			if after := mfaOf(t, pool); after != before {
				t.Errorf("MFA %s, was %s", after, before)
			}
		})
	}
}

func mfaOf(t testing.TB, pool *identity.UserPool) string {
	t.Helper()
	u, err := pool.Admin().Users().Get(t.Context(), "alice")
	check(t, "Get", err)
	return fmt.Sprint(u.MFA.Methods, u.MFA.Preferred)
}

// TestPasskeyDoesNotStayTheOnlyFactor: it ends with the last other factor, and with the last passkey.
func TestPasskeyDoesNotStayTheOnlyFactor(t *testing.T) {
	for _, tt := range few.Of(2, []struct {
		name string
		do   func(t *testing.T, pool *identity.UserPool, s *identity.Session) error
		want string
	}{
		{"turned off", func(t *testing.T, _ *identity.UserPool, s *identity.Session) error {
			return s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFAPasskey: {}})
		}, "[SOFTWARE_TOKEN_MFA]"},
		{"the app is turned off", func(t *testing.T, _ *identity.UserPool, s *identity.Session) error {
			return s.SetMFA(t.Context(), identity.MFAUpdate{identity.MFATOTP: {}})
		}, "[]"},
		{"the app is deleted", func(t *testing.T, pool *identity.UserPool, _ *identity.Session) error {
			return pool.Admin().Users().DeleteTOTP(t.Context(), "alice")
		}, "[]"},
		{"one passkey of two is deleted", func(t *testing.T, pool *identity.UserPool, s *identity.Session) error {
			other := addPasskey(t, s, &webauthntest.Authenticator{})
			return pool.Admin().Users().DeletePasskey(t.Context(), "alice", other.ID)
		}, "[SOFTWARE_TOKEN_MFA WEB_AUTHN_MFA]"},
		{"the passkey is deleted", func(t *testing.T, pool *identity.UserPool, s *identity.Session) error {
			return pool.Admin().Users().DeletePasskey(t.Context(), "alice", wantPasskeys(t, s, 1)[0].ID)
		}, "[SOFTWARE_TOKEN_MFA]"},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool, _, s := f.cognitoSigners(t, &webauthntest.Authenticator{})
			f.setUp(t, s)
			check(t, "SetMFA", s.SetMFA(t.Context(), passkeyOn))
			if got := mfaOf(t, pool); got != "[SOFTWARE_TOKEN_MFA WEB_AUTHN_MFA]" {
				t.Fatalf("MFA %s", got)
			}
			check(t, tt.name, tt.do(t, pool, s))
			if got := mfaOf(t, pool); got != tt.want {
				t.Errorf("MFA %s, want %s", got, tt.want)
			}
		})
	}
}
