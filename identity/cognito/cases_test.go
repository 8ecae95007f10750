package cognito_test

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/store/memory"
)

// A text message by a pool without settings of SMS is refused, whatever it is
// for; what it was about is done all the same.
func TestErrorsOfSMSWithoutSettings(t *testing.T) {
	noSMS := invalid("User pool does not have SMS configuration to send messages.")
	phone := attrs("phone_number", "+14155550121")
	create := func(w *world) *answer {
		return w.call("AdminCreateUser", obj{"UserPoolId": w.pool, "Username": "new", "UserAttributes": phone})
	}
	withPhone := func(w *world) *world {
		w.ok("AdminUpdateUserAttributes", obj{"UserPoolId": w.pool, "Username": "alice", "UserAttributes": append(attrs("phone_number_verified", "true"), phone...)})
		return w
	}
	checkFacts(t, []fact{
		{"invitation", recorded, create, noSMS},
		{"invitation again", unsure, func(w *world) *answer {
			create(w).want(t, noSMS)
			return w.call("AdminCreateUser", obj{"UserPoolId": w.pool, "Username": "new", "MessageAction": "RESEND"})
		}, noSMS},
		{"forgotten password", unsure, func(w *world) *answer {
			return withPhone(w).call("ForgotPassword", obj{"ClientId": w.open.id, "Username": "alice"})
		}, noSMS},
		{"reset by an operator", unsure, func(w *world) *answer {
			return withPhone(w).call("AdminResetUserPassword", obj{"UserPoolId": w.pool, "Username": "alice"})
		}, noSMS},
		{"code for a phone number", unsure, func(w *world) *answer {
			withPhone(w)
			return w.call("GetUserAttributeVerificationCode", obj{"AccessToken": w.open.access("alice"), "AttributeName": "phone_number"})
		}, noSMS},
	})
	w := newWorld(t)
	create(w).want(t, noSMS)
	if got := dig(w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "new"}), "UserStatus"); got != "FORCE_CHANGE_PASSWORD" {
		t.Errorf("the user is %v, want one who was made", got)
	}
	hidden := newServerWith(t, serverOptions{mayFail: true}) // it logs what it does not answer
	pool := hidden.pool(nil)
	client := hidden.client(pool, obj{"PreventUserExistenceErrors": "ENABLED"})
	hidden.made(pool, "alice", "phone_number", "+14155550121", "phone_number_verified", "true")
	a := hidden.call("ForgotPassword", obj{"ClientId": client.id, "Username": "alice"})
	if a.status != 200 || len(hidden.outbox.Messages(nil)) > 0 {
		t.Errorf("where users are hidden: %d %s, want a decoy", a.status, a.raw)
	}
}

// A fake says in its log what to set where it is as strict as the service.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		op   string
		body string
		hint string
	}{
		{"CreateUserPool", `{"PoolName":"p","AutoVerifiedAttributes":["phone_number"]}`, "set SmsConfiguration"},
		{"CreateUserPool", `{"PoolName":"p","EmailConfiguration":{"EmailSendingAccount":"DEVELOPER"}}`, "SourceArn"},
		{"CreateUserPool", `{"PoolName":"p","LambdaConfig":{"PreSignUp":"arn:aws:lambda:eu-west-1:123456789012:function:a"}}`, "--region"},
		{"CreateUserPool", `{"PoolName":"p","SmsConfiguration":{"SnsCallerArn":"arn:aws:iam::999999999999:role/x"}}`, "--account"},
		{"CreateUserPool", `{"PoolName":"p","Policies":{"SignInPolicy":{"AllowedFirstAuthFactors":["EMAIL_OTP"]}}}`, ""},
	} {
		for _, on := range []bool{true, false} {
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, nil))
			h := cognito.NewHandler(identity.New(memory.New(), &identity.Options{Logger: logger}), &cognito.Options{Logger: logger, Hints: on})
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+tt.op)
			r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost"
			answer := httptest.NewRecorder()
			if h.ServeHTTP(answer, r); answer.Code != 400 {
				t.Errorf("%s: %d %s", tt.body, answer.Code, answer.Body)
			}
			if hinted := strings.Contains(log.String(), "hint="); hinted != (on && tt.hint != "") || hinted && !strings.Contains(log.String(), tt.hint) {
				t.Errorf("%s, hints %t: log %q, want %q", tt.body, on, log.String(), tt.hint)
			}
		}
	}
}

// Old names of flows only add to SRP and refresh; CUSTOM_AUTH_FLOW_ONLY takes SRP away.
func TestSRPWithOldFlowNames(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		flows list
		srp   bool
	}{
		{list{"USER_PASSWORD_AUTH"}, true},
		{list{"ADMIN_NO_SRP_AUTH"}, true},
		{list{"USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"}, true},
		{list{"CUSTOM_AUTH_FLOW_ONLY"}, false},
		{list{"CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH"}, false},
		{list{"ALLOW_USER_PASSWORD_AUTH"}, false},
	} {
		c := w.client(w.pool, obj{"ExplicitAuthFlows": tt.flows})
		a := w.call("InitiateAuth", obj{"ClientId": c.id, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": obj{"USERNAME": "alice", "SRP_A": "2"}})
		if tt.srp {
			if a.wantOK(t); a.body["ChallengeName"] != "PASSWORD_VERIFIER" {
				t.Errorf("%v: %s", tt.flows, a.raw)
			}
			continue
		}
		a.want(t, invalid("USER_SRP_AUTH is not enabled for the client."))
	}
}

// The attribute of a filter may be in quotes, as in the sample request of the API reference.
func TestQuotedFilter(t *testing.T) {
	w := newWorld(t)
	for _, filter := range []string{`"email"^="ali"`, `"email" ^= "ali"`, ` "username" = "alice" `, `"cognito:user_status" = "CONFIRMED"`} {
		if got := usersOf(t, w.ok("ListUsers", obj{"UserPoolId": w.pool, "Filter": filter})); len(got) == 0 || got[0] != "alice" && !strings.Contains(filter, "status") {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

// Spaces inside a password are taken by every call, at its ends by none.
func TestSpacesInPasswords(t *testing.T) {
	const inner, outer = "Pass word 1x", " Password1x!"
	for _, tt := range []struct {
		call string
		set  func(w *world, password string) *answer
	}{
		{"SignUp", func(w *world, p string) *answer {
			return w.call("SignUp", obj{"ClientId": w.open.id, "Username": "new", "Password": p})
		}},
		{"AdminCreateUser", func(w *world, p string) *answer {
			return w.call("AdminCreateUser", obj{"UserPoolId": w.pool, "Username": "new", "TemporaryPassword": p, "MessageAction": "SUPPRESS"})
		}},
		{"AdminSetUserPassword", func(w *world, p string) *answer {
			return w.call("AdminSetUserPassword", obj{"UserPoolId": w.pool, "Username": "alice", "Password": p, "Permanent": true})
		}},
		{"ChangePassword", func(w *world, p string) *answer {
			return w.call("ChangePassword", obj{"AccessToken": w.open.access("alice"), "PreviousPassword": goodPass, "ProposedPassword": p})
		}},
		{"ConfirmForgotPassword", func(w *world, p string) *answer {
			return w.call("ConfirmForgotPassword", w.open.resetBody("alice", w.open.forgot("alice"), p))
		}},
		{"RespondToAuthChallenge", func(w *world, p string) *answer {
			first := w.ok("InitiateAuth", w.open.passwordAuth("fred", goodPass))
			return w.call("RespondToAuthChallenge", obj{
				"ClientId": w.open.id, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": first["Session"],
				"ChallengeResponses": obj{"USERNAME": "fred", "NEW_PASSWORD": p},
			})
		}},
	} {
		t.Run(tt.call, func(t *testing.T) {
			if a := tt.set(newWorld(t), inner); a.status != 200 {
				t.Errorf("spaces inside: %d %s", a.status, a.raw)
			}
			for _, p := range []string{outer, strings.TrimSpace(outer) + " "} {
				if a := tt.set(newWorld(t), p); a.status != 400 {
					t.Errorf("%q: %d %s, want it refused", p, a.status, a.raw)
				}
			}
		})
	}
}
