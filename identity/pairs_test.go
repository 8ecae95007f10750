package identity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

// What follows each first factor, for each second factor of the user, on a remembered device and without one.

// seconds are the second factors of a user, and what asks for them.
var seconds = []struct {
	name, asks string
	methods    []identity.MFAMethod
}{
	{"none", "tokens", nil},
	{"SMS", "SMSCodeRequired", []identity.MFAMethod{identity.MFASMS}},
	{"app", "TOTPRequired", []identity.MFAMethod{identity.MFATOTP}},
	{"mail", "EmailCodeRequired", []identity.MFAMethod{identity.MFAEmail}},
	{"SMS and app", "MFAChoiceRequired", []identity.MFAMethod{identity.MFASMS, identity.MFATOTP}},
}

// pairsDiffer are the pairs that ask for something other than the second factor does after a password. The mark
// says how it is known: of the service (measured, guide), or ours.
var pairsDiffer = map[string]struct{ safe, cognito, mark string }{
	"EMAIL_OTP, mail":        {"not offered", "not offered", "ours: one address is not both factors"},
	"SMS_OTP, SMS":           {"not offered", "not offered", "ours: one address is not both factors"},
	"SMS_OTP, SMS and app":   {"not offered", "not offered", "ours: one address is not both factors"},
	"WEB_AUTHN, SMS":         {"", "not offered", "measured"},
	"WEB_AUTHN, app":         {"", "not offered", "measured"},
	"WEB_AUTHN, mail":        {"", "not offered", "measured"},
	"WEB_AUTHN, SMS and app": {"", "not offered", "measured"},
}

// pairs is a pool with alice, who can begin with everything, her phone, and a device that is remembered.
type pairs struct {
	*fixture
	pool   *identity.UserPool
	client *identity.AppClient
	phone  *webauthntest.Authenticator
	device string
}

func newPairs(t *testing.T, defaults identity.Defaults) *pairs {
	f := newEngine(t)
	p := &pairs{fixture: f, phone: &webauthntest.Authenticator{Synced: true}}
	var s *identity.Session
	p.pool, p.client, s = f.signers(t, func(s *identity.PoolSettings) {
		*s = everyFactor(*s)
		s.FirstFactors = append(s.FirstFactors, byPasskey)
		s.MFA, s.TOTP, s.SMSMFA, s.EmailMFA = identity.MFAOptional, new(true), true, &identity.EmailMFASettings{}
		s.Devices = &identity.DeviceSettings{ChallengeNew: new(true), RememberOnPrompt: new(false)}
		s.SignOutOnFactorChange = new(false) // else the device would be forgotten
		if s.Defaults = defaults; defaults == identity.CognitoDefaults {
			s.PasswordPolicy, s.AutoVerified = cognitoPool.PasswordPolicy, cognitoPool.AutoVerified
		}
	}, p.phone, true)
	f.setUp(t, s)
	f.edit(t, p.pool, "alice", func(u *identity.User) {
		u.Attributes["phone_number"], u.Attributes["phone_number_verified"] = phone, "true"
	})
	res, err := p.client.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byWord, Password: password})
	check(t, "Begin", err)
	p.device = f.confirmIn(t, res.Tokens).Key
	return p
}

// turnOn turns on the factors of a user, and no others.
func (p *pairs) turnOn(t *testing.T, methods []identity.MFAMethod) {
	update := identity.MFAUpdate{}
	for _, m := range []identity.MFAMethod{identity.MFASMS, identity.MFATOTP, identity.MFAEmail} {
		update[m] = identity.MFASetting{Enabled: slices.Contains(methods, m)}
	}
	check(t, "SetMFA", p.pool.Admin().Users().SetMFA(t.Context(), "alice", update))
	p.advance(3 * time.Hour) // ends the budgets of messages
}

// follows names what alice is asked for after a first factor.
func (p *pairs) follows(t *testing.T, first identity.FirstFactor, device string) string {
	t.Helper()
	res, err := p.client.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: first, DeviceKey: device})
	check(t, "Begin", err)
	switch ch := res.Challenge.(type) {
	case *identity.PasswordRequired:
		res, err = ch.Answer(t.Context(), identity.PasswordAnswer{Password: password})
	case *identity.SRPRequired:
		res, err = p.exchange(t, ch, device)
	case *identity.EmailOTPRequired:
		res, err = ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(p.outbox.LastCode(email))})
	case *identity.SMSOTPRequired:
		res, err = ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(p.outbox.LastCode(phone))})
	case *identity.PasskeyRequired:
		options, jsonErr := json.Marshal(ch.Options)
		check(t, "JSON", jsonErr)
		answer, getErr := p.phone.Get(pageOrigin, options)
		if getErr != nil { // it is asked for a decoy
			return "not offered"
		}
		res, err = ch.Answer(t.Context(), identity.PasskeyAnswer{Credential: answer})
	default:
		return "not offered"
	}
	if err != nil {
		wantErr(t, string(first), err, identity.ErrCodeMismatch, identity.ErrIncorrectCredentials)
		return "not offered" // the challenge was for a decoy
	}
	if res.Tokens != nil {
		return "tokens"
	}
	return fmt.Sprintf("%T", res.Challenge)[len("*identity."):]
}

// exchange proves the password by SRP. The proof names the device, as the SDKs do.
func (p *pairs) exchange(t *testing.T, ch *identity.SRPRequired, device string) (*identity.SignInResult, error) {
	t.Helper()
	x := &exchange{pool: p.pool.PoolID(), client: srp.NewClient()}
	res, err := ch.Answer(t.Context(), identity.PublicValue{A: x.client.A()})
	check(t, "the public value", err)
	x.ch = challengeOf[*identity.PasswordVerifier](t, res)
	proof := x.proof(t, password)
	proof.DeviceKey = device
	return x.ch.Answer(t.Context(), proof)
}

func TestWhatFollowsEachPairOfFactors(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in with each pair of factors")
	}
	for _, defaults := range []identity.Defaults{identity.SafeDefaults, identity.CognitoDefaults} {
		p := newPairs(t, defaults)
		for _, next := range few.Of(2, seconds) {
			p.turnOn(t, next.methods)
			for _, first := range few.Of(2, []identity.FirstFactor{byWord, bySRP, byMail, byText, byPasskey}) {
				pair := string(first) + ", " + next.name
				want, differs := next.asks, pairsDiffer[pair]
				special := differs.safe
				if defaults == identity.CognitoDefaults {
					special = differs.cognito
				}
				if special != "" {
					want = special
				}
				if got := p.follows(t, first, ""); got != want {
					t.Errorf("%v: after %s: %s, want %s (%s)", defaults, pair, got, want, differs.mark)
				}
				if want != "tokens" && want != "not offered" {
					want = "DeviceRequired" // in place of the second factor
				}
				if got := p.follows(t, first, p.device); got != want {
					t.Errorf("%v: after %s on the device: %s, want %s (%s)", defaults, pair, got, want, differs.mark)
				}
			}
		}
	}
}

// TestNobodyIsAskedTheSame: in safe pools, a name that nobody has is asked for the same as alice, whatever she has turned on. In pools with the
// service's behaviour it is so for every factor that most users have.
func TestNobodyIsAskedTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("asks for each pair of factors")
	}
	for _, tt := range []struct {
		defaults identity.Defaults
		firsts   []identity.FirstFactor
	}{
		{identity.SafeDefaults, []identity.FirstFactor{"", byWord, bySRP, byMail, byText, byPasskey}},
		{identity.CognitoDefaults, []identity.FirstFactor{byWord, bySRP}},
	} {
		p := newPairs(t, tt.defaults)
		for _, next := range few.Of(2, seconds) {
			p.turnOn(t, next.methods)
			for _, first := range tt.firsts {
				for _, device := range []string{"", p.device} {
					asks := func(name string) string {
						res, err := p.client.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: first, DeviceKey: device})
						check(t, "Begin", err)
						if tt.defaults == identity.CognitoDefaults { // it lists what the user has, as the service does
							res.Available = nil
						}
						return fmt.Sprintf("%T of %v", res.Challenge, res.Available)
					}
					if alice, nobody := asks("alice"), asks("nobody"); alice != nobody {
						t.Errorf("%v, %q, %s: alice is asked %s, nobody %s", tt.defaults, first, next.name, alice, nobody)
					}
					p.advance(3 * time.Hour)
				}
			}
		}
	}
}
