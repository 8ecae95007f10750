package identity_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

const (
	loa1 = "urn:cognito:loa:1"
	loa2 = "urn:cognito:loa:2"
	loa3 = "urn:cognito:loa:3"
	loa4 = "urn:cognito:loa:4"
)

// levelPool is a pool with all factors, in which a second one is the user's choice.
func levelPool() identity.PoolSettings {
	s := withPasskeys(everyFactor(mfaPool("OPTIONAL")), true)
	s.EmailMFA = &identity.EmailMFASettings{}
	return s
}

// A climber is alice, who has a password and a verified address, in a pool with levels.
type climber struct {
	*fixture
	t    *testing.T
	pool *identity.UserPool
	a    *identity.AppClient // may begin with any factor
	key  mfa.Secret          // of the app, once there is one
}

func newClimber(t *testing.T, s identity.PoolSettings, hidden bool) *climber {
	t.Helper()
	c := &climber{fixture: newEngine(t), t: t}
	c.pool = c.open(t, s)
	c.join(t, c.pool, "alice", email)
	c.a = c.choosing(t, c.pool, hidden)
	return c
}

// withApp sets an authenticator app up, and turns it on if on says so.
func (c *climber) withApp(on bool) *climber {
	c.t.Helper()
	s := c.session(c.t, c.client(c.t, c.pool, identity.ClientSettings{}), "alice")
	c.key = c.setUp(c.t, s)
	if on {
		check(c.t, "SetMFA", s.SetMFA(c.t.Context(), identity.MFAUpdate{identity.MFATOTP: {Enabled: true}}))
	}
	c.advance(mfa.Period)
	return c
}

// withPhone gives alice a phone number that is verified, and turns codes to it on if on says so.
func (c *climber) withPhone(on bool) *climber {
	c.t.Helper()
	users := c.pool.Admin().Users()
	check(c.t, "UpdateAttributes", users.UpdateAttributes(c.t.Context(), "alice", map[string]string{"phone_number": phone, "phone_number_verified": "true"}))
	if on {
		check(c.t, "SetMFA", users.SetMFA(c.t.Context(), "alice", identity.MFAUpdate{identity.MFASMS: {Enabled: true, Preferred: true}}))
	}
	return c
}

// to begins a sign-in that names levels.
func (c *climber) to(levels ...string) identity.BeginSignIn {
	return identity.BeginSignIn{Username: "alice", Levels: levels}
}

func (c *climber) begin(in identity.BeginSignIn) (*identity.SignInResult, error) {
	return c.a.Begin(c.t.Context(), in)
}

// up signs alice in to a level by her password, and by more if it takes more.
func (c *climber) up(levels ...string) *identity.Tokens {
	c.t.Helper()
	in := c.to(levels...)
	in.Preferred, in.Password = byWord, password
	return c.prove(c.begin(in))
}

// prove answers second factors until there are tokens.
func (c *climber) prove(res *identity.SignInResult, err error) *identity.Tokens {
	c.t.Helper()
	for {
		check(c.t, "a step of the sign-in", err)
		switch ch := res.Challenge.(type) {
		case nil:
			return res.Tokens
		case *identity.TOTPRequired:
			c.advance(mfa.Period)
			res, err = ch.Answer(c.t.Context(), c.code(c.key.Code(c.now())))
		case *identity.SMSCodeRequired:
			res, err = ch.Answer(c.t.Context(), c.code(c.sent(phone)))
		case *identity.EmailCodeRequired:
			res, err = ch.Answer(c.t.Context(), c.code(c.sent(email)))
		case *identity.EmailOTPRequired:
			res, err = ch.Answer(c.t.Context(), c.code(c.sent(email)))
		case *identity.SMSOTPRequired:
			res, err = ch.Answer(c.t.Context(), c.code(c.sent(phone)))
		case *identity.PasswordRequired:
			res, err = ch.Answer(c.t.Context(), identity.PasswordAnswer{Password: password})
		case *identity.MFAChoiceRequired:
			res, err = ch.Answer(c.t.Context(), identity.FactorChoice{Method: ch.Methods[0]})
		case *identity.SRPRequired:
			res, err = byExchange(c.t, c.pool, ch), nil
		default:
			c.t.Fatalf("the challenge %T", ch)
		}
	}
}

func (c *climber) code(text string) identity.FactorCode {
	return identity.FactorCode{Code: identity.Secret(text)}
}

// sent is the last code that was sent to an address.
func (c *climber) sent(address string) string {
	c.t.Helper()
	for _, m := range c.outbox.Messages(nil) { // the newest first
		if m.To == address {
			return string(m.Code)
		}
	}
	c.t.Fatalf("no message to %s", address)
	return ""
}

// wantLevel checks both claims in both tokens.
func wantLevel(t *testing.T, what string, tokens *identity.Tokens, level string, methods ...string) {
	t.Helper()
	for kind, raw := range map[string]identity.Secret{"access": tokens.Access, "ID": tokens.ID} {
		_, claims := parts(t, raw)
		acr, _ := claims["acr"].(string)
		if amr := texts(claims["amr"]); acr != level || !slices.Equal(amr, methods) {
			t.Errorf("%s: %s token with acr %q and amr %q, want %q and %q", what, kind, acr, amr, level, methods)
		}
	}
}

// wantStep checks what a sign-in asks for, by the type of the challenge and what there is to choose from.
func wantStep(t *testing.T, what string, res *identity.SignInResult, err error, want string) {
	t.Helper()
	got := fmt.Sprint(err)
	if err == nil {
		got = strings.TrimPrefix(fmt.Sprintf("%T", res.Challenge), "*identity.")
		switch ch := res.Challenge.(type) {
		case *identity.FirstFactorRequired:
			got += fmt.Sprint(ch.Available)
		case *identity.MFAChoiceRequired:
			got += fmt.Sprint(ch.Methods)
		}
	}
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// TestClaimsOfEachSignIn signs in with each pair of factors that a user can have, by a target that it reaches. A refresh keeps
// both claims and the time of the sign-in. Without a target the tokens tell neither.
func TestClaimsOfEachSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in with each pair of factors")
	}
	for _, tt := range few.Of(3, []struct {
		name   string
		first  identity.FirstFactor
		second string
		level  string
		amr    []string
	}{
		{"password", byWord, "", loa1, []string{"pwd"}},
		{"password by SRP", bySRP, "", loa1, []string{"pwd"}},
		{"password and app", byWord, "app", loa4, []string{"pwd", "otp", "mfa"}},
		{"password by SRP and app", bySRP, "app", loa4, []string{"pwd", "otp", "mfa"}},
		{"password and SMS", byWord, "SMS", loa3, []string{"pwd", "sms", "mfa"}},
		{"password and mail", byWord, "mail", loa3, []string{"pwd", "email_otp", "mfa"}},
		{"mail", byMail, "", loa2, []string{"email_otp"}},
		{"mail and app", byMail, "app", loa2, []string{"email_otp", "otp", "mfa"}},
		{"mail and SMS", byMail, "SMS", loa2, []string{"email_otp", "sms", "mfa"}},
		{"SMS", byText, "", loa2, []string{"sms"}},
		{"SMS and app", byText, "app", loa2, []string{"sms", "otp", "mfa"}},
		{"SMS and mail", byText, "mail", loa2, []string{"sms", "email_otp", "mfa"}},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			c := newClimber(t, levelPool(), false).withPhone(false)
			on := identity.MFAUpdate{}
			switch tt.second {
			case "app":
				c.withApp(true)
			case "SMS":
				on[identity.MFASMS] = identity.MFASetting{Enabled: true}
			case "mail":
				on[identity.MFAEmail] = identity.MFASetting{Enabled: true}
			}
			if len(on) > 0 {
				check(t, "SetMFA", c.pool.Admin().Users().SetMFA(t.Context(), "alice", on))
			}
			in := c.to(tt.level)
			if tt.level == loa2 { // level 2 for a user who could reach more
				in.Levels = []string{loa1}
			}
			in.Preferred = tt.first
			tokens := c.prove(c.begin(in))
			wantLevel(t, "the sign-in", tokens, tt.level, tt.amr...)
			_, before := parts(t, tokens.Access)
			c.advance(20 * time.Minute)
			again, err := c.a.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
			check(t, "Refresh", err)
			wantLevel(t, "the refresh", again, tt.level, tt.amr...)
			if _, after := parts(t, again.Access); after["auth_time"] != before["auth_time"] {
				t.Errorf("auth_time %v after a refresh, want %v", after["auth_time"], before["auth_time"])
			}
			in.Levels = nil
			wantLevel(t, "without a target", c.prove(c.begin(in)), "")
		})
	}
}

// A passkey is one method, whatever it verifies: of a phone software, of a security key hardware.
func TestClaimsOfAPasskey(t *testing.T) {
	for method, phone := range map[string]*webauthntest.Authenticator{"swk": {}, "hwk": {Unverified: true}} {
		c := newClimber(t, levelPool(), false)
		addPasskey(t, c.session(t, c.client(t, c.pool, identity.ClientSettings{}), "alice"), phone)
		for _, level := range []string{loa1, loa2, loa3} {
			in := c.to(level)
			in.Preferred = byPasskey
			wantLevel(t, level, c.touch(phone, in), loa3, method)
		}
	}
}

// touch answers the challenge for a passkey.
func (c *climber) touch(phone *webauthntest.Authenticator, in identity.BeginSignIn) *identity.Tokens {
	c.t.Helper()
	res, err := c.begin(in)
	check(c.t, "Begin", err)
	ch := challengeOf[*identity.PasskeyRequired](c.t, res)
	options, err := json.Marshal(ch.Options)
	check(c.t, "options", err)
	answer, err := phone.Get(pageOrigin, options)
	check(c.t, "Get", err)
	res, err = ch.Answer(c.t.Context(), identity.PasskeyAnswer{Credential: answer})
	return c.prove(res, err)
}

// TestTargets names what a sign-in from scratch asks for.
func TestTargets(t *testing.T) {
	none, app, appOff, both, onlyText := "none", "app", "app that is off", "app and SMS", "SMS"
	const choice, unreachable = "FirstFactorRequired", "begin sign-in: identity: the user cannot reach the level"
	for _, tt := range few.Of(3, []struct {
		name, has string
		levels    []string
		first     string // what is asked for
		second    string // after the password; empty for tokens
	}{
		{"level 1", none, []string{loa1}, choice + "[PASSWORD_SRP PASSWORD EMAIL_OTP]", ""},
		{"level 2: a code to the address is a first factor, and a second", none, []string{loa2}, choice + "[PASSWORD_SRP PASSWORD EMAIL_OTP]", "EmailCodeRequired"},
		{"level 3", none, []string{loa3}, choice + "[PASSWORD_SRP PASSWORD]", "EmailCodeRequired"},
		{"level 4, out of reach", none, []string{loa4}, unreachable, ""},
		{"level 4 or 1", none, []string{loa4, loa1}, choice + "[PASSWORD_SRP PASSWORD EMAIL_OTP]", ""},
		{"unknown names are ignored", none, []string{"gold", loa4, "", loa1}, choice + "[PASSWORD_SRP PASSWORD EMAIL_OTP]", ""},
		{"level 4", app, []string{loa4}, choice + "[PASSWORD_SRP PASSWORD]", "TOTPRequired"},
		{"level 4 before 1", app, []string{loa4, loa1}, choice + "[PASSWORD_SRP PASSWORD]", "TOTPRequired"},
		{"level 1 before 4: the app is on, so it is asked for", app, []string{loa1, loa4}, choice + "[PASSWORD_SRP PASSWORD EMAIL_OTP]", "TOTPRequired"},
		{"level 4 by an app that is off", appOff, []string{loa4}, choice + "[PASSWORD_SRP PASSWORD]", "TOTPRequired"},
		{"level 3 by what is set up", appOff, []string{loa3}, choice + "[PASSWORD_SRP PASSWORD]", "MFAChoiceRequired[SOFTWARE_TOKEN_MFA EMAIL_OTP]"},
		{"level 1 with an app that is off", appOff, []string{loa1}, choice + "[PASSWORD_SRP PASSWORD EMAIL_OTP]", ""},
		{"level 4 though SMS is preferred", both, []string{loa4}, choice + "[PASSWORD_SRP PASSWORD]", "TOTPRequired"},
		{"level 3 as preferred", both, []string{loa3}, choice + "[PASSWORD_SRP PASSWORD]", "SMSCodeRequired"},
		{"level 1 as preferred", both, []string{loa1}, choice + "[PASSWORD_SRP PASSWORD EMAIL_OTP]", "SMSCodeRequired"},
		{"what is off does not replace what is on", onlyText, []string{loa4}, unreachable, ""},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			c := newClimber(t, levelPool(), false)
			switch tt.has {
			case app:
				c.withApp(true)
			case appOff:
				c.withApp(false)
			case both:
				c.withApp(true).withPhone(true)
			case onlyText:
				c.withApp(false).withPhone(true)
			}
			res, err := c.begin(c.to(tt.levels...))
			wantStep(t, "Begin", res, err, tt.first)
			if err != nil {
				return
			}
			res, err = challengeOf[*identity.FirstFactorRequired](t, res).Answer(t.Context(), identity.FirstChoice{Factor: byWord, Password: password})
			wantStep(t, "the password", res, err, orNil(tt.second))
			c.prove(res, err)
		})
	}
}

func orNil(step string) string {
	if step == "" {
		return "<nil>"
	}
	return step
}

// TestPoolsDemandMore: a target asks for no less than the pool does, and sets nothing up.
func TestPoolsDemandMore(t *testing.T) {
	s := levelPool()
	s.MFA, s.EmailMFA, s.FirstFactors = "ON", nil, nil
	c := newClimber(t, s, false)
	in := c.to(loa4)
	in.Preferred, in.Password = byWord, password
	wantErr(t, "level 4 without an app", second(c.begin(in)), identity.ErrLevelUnreachable)
	in.Levels = []string{loa1}
	res, err := c.begin(in)
	wantStep(t, "level 1, and nothing set up", res, err, "MFASetupRequired")
	c.edit(t, c.pool, "alice", func(u *identity.User) { u.Attributes["phone_number"] = phone })
	wantLevel(t, "level 1", c.up(loa1), loa3, "pwd", "sms", "mfa")

	s.MFA, s.TOTP, s.SMSMFA = "OFF", nil, false
	off := newClimber(t, s, false)
	wantErr(t, "a pool without second factors", second(off.begin(off.to(loa4))), identity.ErrLevelUnreachable)
	wantErr(t, "the same, level 3", second(off.begin(off.to(loa3))), identity.ErrLevelUnreachable)
	wantLevel(t, "the same, level 1", off.up(loa3, loa1), loa1, "pwd")
}
