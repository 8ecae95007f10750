package cognito_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/internal/few"
)

// A choiceWorld is a world whose pool lets sign-ins begin with codes, and a client with the flow for it.
type choiceWorld struct {
	*world
	chooser *client
}

func newChoiceWorld(t testing.TB, settings obj) *choiceWorld {
	t.Helper()
	w := newWorld(t)
	w.ok("UpdateUserPool", obj{
		"UserPoolId": w.pool, "AutoVerifiedAttributes": list{"email"}, "SmsConfiguration": smsSettings,
		"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": list{"PASSWORD", "EMAIL_OTP", "SMS_OTP"}}},
	})
	return &choiceWorld{w, w.client(w.pool, with(obj{"ExplicitAuthFlows": list{"ALLOW_USER_AUTH"}}, settings))}
}

// begin is the body of a sign-in with a factor of the user's choice.
func (w *choiceWorld) begin(name, preferred string, more ...string) obj {
	p := obj{"USERNAME": name}
	if preferred != "" {
		p["PREFERRED_CHALLENGE"] = preferred
	}
	for i := 0; i < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return w.chooser.auth("USER_AUTH", p)
}

// choose is the body of an answer to SELECT_CHALLENGE.
func (w *choiceWorld) choose(name, factor string, more ...string) obj {
	w.t.Helper()
	session := str(w.t, w.ok("InitiateAuth", w.begin(name, "")), "Session")
	p := obj{"USERNAME": name, "ANSWER": factor}
	for i := 0; i < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return w.chooser.respond("SELECT_CHALLENGE", session, p)
}

// wantStep checks all that an answer with a challenge has but its session, which it returns.
func wantStep(t *testing.T, out obj, name string, available list, parameters obj) string {
	t.Helper()
	session := str(t, out, "Session")
	if len(out) != 4 || out["ChallengeName"] != name || !reflect.DeepEqual(out["AvailableChallenges"], available) || !reflect.DeepEqual(out["ChallengeParameters"], parameters) {
		t.Fatalf("%v, want %s with %v among %v", out, name, parameters, available)
	}
	return session
}

var aliceHas = list{"PASSWORD_SRP", "PASSWORD", "EMAIL_OTP"}

func TestUserAuth(t *testing.T) {
	w := newChoiceWorld(t, nil)
	factors := dig(w.ok("DescribeUserPool", obj{"UserPoolId": w.pool}), "UserPool", "Policies", "SignInPolicy", "AllowedFirstAuthFactors")
	if want := (list{"PASSWORD", "EMAIL_OTP", "SMS_OTP"}); !reflect.DeepEqual(factors, want) {
		t.Errorf("AllowedFirstAuthFactors = %v, want %v", factors, want)
	}
	alice := obj{"USERNAME": "alice"}
	mailed := obj{"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL", "CODE_DELIVERY_DESTINATION": "a***@e***"}

	session := wantStep(t, w.ok("InitiateAuth", w.begin("alice", "")), "SELECT_CHALLENGE", aliceHas, alice)
	out := w.ok("RespondToAuthChallenge", w.chooser.respond("SELECT_CHALLENGE", session, obj{"USERNAME": "alice", "ANSWER": "PASSWORD"}))
	session = wantStep(t, out, "PASSWORD", aliceHas, alice)
	wrong := w.chooser.respond("PASSWORD", session, obj{"USERNAME": "alice", "PASSWORD": otherPass})
	w.call("RespondToAuthChallenge", wrong).want(t, incorrect)
	wantTokens(t, w.ok("RespondToAuthChallenge", w.chooser.respond("PASSWORD", session, obj{"USERNAME": "alice", "PASSWORD": goodPass})))
	w.call("RespondToAuthChallenge", wrong).want(t, problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0})

	wantTokens(t, w.ok("RespondToAuthChallenge", w.choose("alice", "PASSWORD", "PASSWORD", goodPass)))
	wantStep(t, w.ok("InitiateAuth", w.begin("alice", "PASSWORD")), "PASSWORD", aliceHas, alice)
	wantTokens(t, w.ok("InitiateAuth", w.begin("alice", "PASSWORD", "PASSWORD", goodPass)))

	session = wantStep(t, w.ok("InitiateAuth", w.begin("alice", "EMAIL_OTP")), "EMAIL_OTP", aliceHas, mailed)
	code := func(session, code string) obj {
		return w.chooser.respond("EMAIL_OTP", session, obj{"USERNAME": "alice", "EMAIL_OTP_CODE": code})
	}
	mismatch := problem{"CodeMismatchException", "Invalid code or auth state for the user.", 0}
	w.call("RespondToAuthChallenge", code(session, "00000000")).want(t, mismatch)
	right := w.outbox.LastCode("alice@example.com")
	if len(right) != 8 {
		t.Errorf("code %q, want 8 digits", right)
	}
	wantTokens(t, w.ok("RespondToAuthChallenge", code(session, right)))
	w.call("RespondToAuthChallenge", code(session, right)).want(t, problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0})
	session = wantStep(t, w.ok("RespondToAuthChallenge", w.choose("alice", "EMAIL_OTP")), "EMAIL_OTP", aliceHas, mailed)
	right = w.outbox.LastCode("alice@example.com")
	for range 6 { // recorded: the same each time. The right code after five is ours
		w.call("RespondToAuthChallenge", code(session, "00000000")).want(t, mismatch)
	}
	w.call("RespondToAuthChallenge", code(session, right)).want(t, mismatch)

	wantStep(t, w.ok("InitiateAuth", w.begin("alice", "SMS_OTP")), "SELECT_CHALLENGE", aliceHas, alice)
	wantStep(t, w.ok("InitiateAuth", w.begin("alice", "PIGEON")), "SELECT_CHALLENGE", aliceHas, alice)
	wantStep(t, w.ok("InitiateAuth", w.begin("fred", "EMAIL_OTP")), "SELECT_CHALLENGE", list{"PASSWORD_SRP", "PASSWORD"}, obj{"USERNAME": "fred"})
}

func TestUserAuthBySMS(t *testing.T) {
	w := newChoiceWorld(t, nil)
	w.ok("AdminUpdateUserAttributes", obj{"UserPoolId": w.pool, "Username": "alice", "UserAttributes": attrs("phone_number", "+15550100", "phone_number_verified", "true")})
	session := wantStep(t, w.ok("InitiateAuth", w.begin("alice", "SMS_OTP")), "SMS_OTP", append(slices.Clone(aliceHas), "SMS_OTP"), obj{
		"CODE_DELIVERY_DELIVERY_MEDIUM": "SMS", "CODE_DELIVERY_DESTINATION": "+****0100",
	})
	code := w.outbox.LastCode("+15550100")
	answer := func(name, member string) obj {
		return w.chooser.respond(name, session, obj{"USERNAME": "alice", member: code})
	}
	w.call("RespondToAuthChallenge", answer("SMS_MFA", "SMS_MFA_CODE")).want(t, badSession)
	w.call("RespondToAuthChallenge", answer("EMAIL_OTP", "EMAIL_OTP_CODE")).want(t, badSession)
	w.call("RespondToAuthChallenge", answer("SMS_OTP", "SMS_MFA_CODE")).want(t, missingParameter("SMS_OTP_CODE"))
	wantTokens(t, w.ok("RespondToAuthChallenge", answer("SMS_OTP", "SMS_OTP_CODE")))
}

// By SRP, the public value comes at once, with the choice, or as an answer of its own. An operator's program has
// the same flow.
func TestUserAuthBySRP(t *testing.T) {
	w := newChoiceWorld(t, nil)
	for what, start := range few.Named(2, map[string]func(a string) obj{
		"at once": func(a string) obj { return w.ok("InitiateAuth", w.begin("alice", "PASSWORD_SRP", "SRP_A", a)) },
		"with the choice": func(a string) obj {
			return w.ok("RespondToAuthChallenge", w.choose("alice", "PASSWORD_SRP", "SRP_A", a))
		},
		"by itself": func(a string) obj {
			session := wantStep(t, w.ok("InitiateAuth", w.begin("alice", "PASSWORD_SRP")), "PASSWORD_SRP", aliceHas, obj{"USERNAME": "alice"})
			return w.ok("RespondToAuthChallenge", w.chooser.respond("PASSWORD_SRP", session, obj{"USERNAME": "alice", "SRP_A": a}))
		},
		"by an operator": func(a string) obj {
			in := with(w.begin("alice", ""), obj{"UserPoolId": w.pool})
			session := wantStep(t, w.ok("AdminInitiateAuth", in), "SELECT_CHALLENGE", aliceHas, obj{"USERNAME": "alice"})
			answer := w.chooser.respond("SELECT_CHALLENGE", session, obj{"USERNAME": "alice", "ANSWER": "PASSWORD_SRP", "SRP_A": a})
			return w.ok("AdminRespondToAuthChallenge", with(answer, obj{"UserPoolId": w.pool}))
		},
	}) {
		x := srp.NewClient()
		out := start(x.A())
		if out["ChallengeName"] != "PASSWORD_VERIFIER" || !reflect.DeepEqual(out["AvailableChallenges"], aliceHas) {
			t.Fatalf("%s: %v", what, out)
		}
		w.call("RespondToAuthChallenge", w.chooser.prove(x, out, otherPass)).want(t, incorrect)
		x = srp.NewClient()
		wantTokens(t, w.ok("RespondToAuthChallenge", w.chooser.prove(x, start(x.A()), goodPass)))
	}
}

// A name that nobody has gets the shape that a user gets, if the client hides who exists.
func TestUserAuthOfNobody(t *testing.T) {
	w := newChoiceWorld(t, obj{"PreventUserExistenceErrors": "ENABLED"})
	for _, preferred := range []string{"", "PASSWORD", "PASSWORD_SRP", "EMAIL_OTP"} {
		someone, nobody := w.ok("InitiateAuth", w.begin("alice", preferred)), w.ok("InitiateAuth", w.begin("annie", preferred))
		if n := len(str(t, someone, "Session")); len(str(t, nobody, "Session")) != n {
			t.Errorf("%s: sessions of %d and %d", preferred, n, len(str(t, nobody, "Session")))
		}
		for _, out := range []obj{someone, nobody} {
			delete(out, "Session")
			if p := out["ChallengeParameters"].(obj); p["USERNAME"] != nil {
				p["USERNAME"] = strings.ToUpper(p["USERNAME"].(string)[:1])
			} else {
				p["CODE_DELIVERY_DESTINATION"] = len(p["CODE_DELIVERY_DESTINATION"].(string))
			}
		}
		if !reflect.DeepEqual(someone, nobody) {
			t.Errorf("%s: %v, and for nobody %v", preferred, someone, nobody)
		}
	}
	w.call("InitiateAuth", w.begin("annie", "PASSWORD", "PASSWORD", goodPass)).want(t, incorrect)
	w.call("RespondToAuthChallenge", w.choose("annie", "PASSWORD", "PASSWORD", goodPass)).want(t, incorrect)
	session := str(t, w.ok("RespondToAuthChallenge", w.choose("annie", "EMAIL_OTP")), "Session")
	w.call("RespondToAuthChallenge", w.chooser.respond("EMAIL_OTP", session, obj{"USERNAME": "annie", "EMAIL_OTP_CODE": "12345678"})).
		want(t, problem{"CodeMismatchException", "Invalid code or auth state for the user.", 0})
}

func TestErrorsOfUserAuth(t *testing.T) {
	in := func(do func(w *choiceWorld) *answer) func(*world) *answer {
		return func(w *world) *answer {
			c := newChoiceWorld(w.t, nil)
			return do(c)
		}
	}
	begin := func(name, preferred string, more ...string) func(*world) *answer {
		return in(func(w *choiceWorld) *answer { return w.call("InitiateAuth", w.begin(name, preferred, more...)) })
	}
	choose := func(name, factor string, more ...string) func(*world) *answer {
		return in(func(w *choiceWorld) *answer { return w.call("RespondToAuthChallenge", w.choose(name, factor, more...)) })
	}
	checkFacts(t, []fact{
		{"unknown user", recorded, begin("nobody", ""), noUser},
		{"unconfirmed", recorded, begin("una", "EMAIL_OTP"), unconfirmed},
		{"disabled", recorded, begin("dora", "EMAIL_OTP"), disabled},
		{"must reset, has no password", recorded, begin("rob", ""), mustReset},
		{"wrong password", recorded, begin("alice", "PASSWORD", "PASSWORD", otherPass), incorrect},
		{"no USERNAME", unsure, begin("", ""), missingParameter("USERNAME")},
		{"A is no number", unsure, begin("alice", "PASSWORD_SRP", "SRP_A", "xyz"), problem{"InvalidParameterException", "SRP_A is not a valid public value.", 0}},
		{"a choice of nothing", unsure, choose("alice", ""), missingParameter("ANSWER")},
		{"a choice of what the user does not have", unsure, choose("alice", "SMS_OTP"), problem{"InvalidParameterException", "The factor is not one of those to choose from.", 0}},
		{"a choice with a wrong password", unsure, choose("alice", "PASSWORD", "PASSWORD", otherPass), incorrect},
		{"a choice without a session", unsure, in(func(w *choiceWorld) *answer {
			return w.call("RespondToAuthChallenge", w.chooser.respond("SELECT_CHALLENGE", "", obj{"USERNAME": "alice", "ANSWER": "PASSWORD"}))
		}), missingParameter("Session")},
		{"a choice of another user", recorded, in(func(w *choiceWorld) *answer {
			body := w.choose("alice", "PASSWORD", "PASSWORD", goodPass)
			body["ChallengeResponses"].(obj)["USERNAME"] = "fred"
			return w.call("RespondToAuthChallenge", body)
		}), badSession},
		{"too many codes", unsure, in(func(w *choiceWorld) *answer {
			for range 5 {
				w.ok("InitiateAuth", w.begin("alice", "EMAIL_OTP"))
			}
			return w.call("InitiateAuth", w.begin("alice", "EMAIL_OTP"))
		}), problem{"TooManyRequestsException", "Attempt limit exceeded, please try after some time.", 0}},
	})
}

// Who confirms a sign-up is signed in by the session of the confirmation, without another code.
func TestSignInRightAfterASignUp(t *testing.T) {
	w := newChoiceWorld(t, nil)
	for _, name := range []string{"gina", "hugo"} {
		body := w.chooser.signUpBody(name, "email", name+"@example.com")
		if name == "hugo" { // has no password
			delete(body, "Password")
		}
		out := w.ok("SignUp", body)
		confirm := with(w.chooser.confirmBody(name, w.outbox.LastCode(name+"@example.com")), obj{"Session": str(t, out, "Session")})
		w.call("ConfirmSignUp", with(confirm, obj{"Session": strings.Repeat("A", 40)})).want(t, badSession)
		out = w.ok("ConfirmSignUp", confirm)
		in := with(w.begin(name, "EMAIL_OTP"), obj{"Session": str(t, out, "Session")})
		wantTokens(t, w.ok("InitiateAuth", in))
		w.call("InitiateAuth", in).want(t, problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0})
		wantStep(t, w.ok("InitiateAuth", w.begin(name, "EMAIL_OTP")), "EMAIL_OTP", map[bool]list{true: {"EMAIL_OTP"}, false: aliceHas}[name == "hugo"], obj{
			"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL", "CODE_DELIVERY_DESTINATION": name[:1] + "***@e***",
		})
	}
	if out := w.open.signUp("ida", "email", "ida@example.com"); out["Session"] != nil {
		t.Errorf("a client without the flow: %v", out)
	}
	out := w.ok("AdminCreateUser", obj{"UserPoolId": w.pool, "Username": "jan", "UserAttributes": attrs("email", "jan@example.com", "email_verified", "true")})
	if dig(out, "User", "UserStatus") != "CONFIRMED" {
		t.Errorf("AdminCreateUser without a password: %v", out)
	}
	factors := w.ok("AdminGetUserAuthFactors", obj{"UserPoolId": w.pool, "Username": "jan"})["ConfiguredUserAuthFactors"]
	if !reflect.DeepEqual(factors, list{"EMAIL_OTP"}) {
		t.Errorf("ConfiguredUserAuthFactors = %v", factors)
	}
}
