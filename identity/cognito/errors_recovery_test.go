package cognito_test

import (
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// Errors of recovery that several situations share.
var (
	noRecovery  = invalid("Cannot reset password for the user as there is no registered/verified email or phone_number")
	cannotReset = problem{"NotAuthorizedException", "User password cannot be reset in the current state.", 0}
	reused      = problem{"PasswordHistoryPolicyViolationException", "Password has previously been used.", 0}
)

func (c *client) forgotBody(name string) obj {
	body := obj{"ClientId": c.id, "Username": name}
	if h := c.hash(name); h != "" {
		body["SecretHash"] = h
	}
	return body
}

func (c *client) resetBody(name, code, password string) obj {
	return with(c.forgotBody(name), obj{"ConfirmationCode": code, "Password": password})
}

// forgot asks for a reset code and returns it.
func (c *client) forgot(name string) string {
	c.t.Helper()
	c.ok("ForgotPassword", c.forgotBody(name))
	return c.outbox.LastCode(name)
}

func open(w *world) *client   { return w.open }
func hidden(w *world) *client { return w.hidden }

func forgot(of func(*world) *client, name string) func(*world) *answer {
	return func(w *world) *answer { return w.call("ForgotPassword", of(w).forgotBody(name)) }
}

func reset(of func(*world) *client, name string) func(*world) *answer {
	return func(w *world) *answer {
		return w.call("ConfirmForgotPassword", of(w).resetBody(name, "000", otherPass))
	}
}

func TestErrorsOfForgotPassword(t *testing.T) {
	recovery := func(settings obj) func(*world) *answer {
		return func(w *world) *answer {
			c := w.client(w.server.pool(settings), nil)
			w.made(c.pool, "eve", "email", "eve@example.com", "email_verified", "true")
			return w.call("ForgotPassword", c.forgotBody("eve"))
		}
	}
	option := func(name string) obj {
		return obj{"AccountRecoverySetting": obj{"RecoveryMechanisms": list{obj{"Name": name, "Priority": 1}}}}
	}
	checkFacts(t, []fact{
		{"unknown user", recorded, forgot(open, "nobody"), noNameOrID},
		{"no verified address", recorded, forgot(open, "una"), noRecovery},
		{"no address of the pool's way", recorded, recovery(option("verified_phone_number")), noRecovery},
		{"operators only", recorded, recovery(option("admin_only")), problem{"NotAuthorizedException", "Contact administrator to reset password.", 0}},
		{"invited", recorded, forgot(open, "fred"), cannotReset},
		{"invited, existence hidden", unsure, forgot(hidden, "fred"), cannotReset},
		{"disabled", unsure, forgot(open, "dora"), disabled},
		{"too many", recorded, func(w *world) *answer {
			for range 20 {
				forgot(open, "alice")(w)
			}
			return forgot(open, "alice")(w)
		}, tooMany},
		{"too many, unknown user", unsure, func(w *world) *answer {
			for range 20 {
				forgot(hidden, "nobody")(w)
			}
			return forgot(hidden, "nobody")(w)
		}, tooMany},
		{"unknown client", recorded, func(w *world) *answer {
			w.open.id = "nosuchclient"
			return forgot(open, "alice")(w)
		}, noClient("nosuchclient")},
		{
			"a trigger that cannot be called", recorded, recovery(obj{"LambdaConfig": obj{"CustomMessage": function}}),
			problem{"UnexpectedLambdaException", "CustomMessage invocation failed due to error ResourceNotFoundException.", 0},
		},
	})
}

func TestErrorsOfConfirmForgotPassword(t *testing.T) {
	withCode := func(code, password string) func(*world) *answer {
		return func(w *world) *answer {
			right := w.open.forgot("alice")
			if code == "" {
				code = right
			}
			return w.call("ConfirmForgotPassword", w.open.resetBody("alice", code, password))
		}
	}
	checkFacts(t, []fact{
		{"wrong code", recorded, withCode("000", otherPass), wrongCode},
		{"no code was asked for", recorded, reset(open, "alice"), expiredCode},
		{"code too old", recorded, func(w *world) *answer {
			code := w.open.forgot("alice")
			w.advance(time.Hour)
			return w.call("ConfirmForgotPassword", w.open.resetBody("alice", code, otherPass))
		}, expiredCode},
		{"code used before", recorded, func(w *world) *answer {
			body := w.open.resetBody("alice", w.open.forgot("alice"), otherPass)
			w.ok("ConfirmForgotPassword", body)
			return w.call("ConfirmForgotPassword", body)
		}, expiredCode},
		{"password breaks the policy", recorded, withCode("", "passw0rd!"), problem{
			"InvalidPasswordException", "Password does not conform to policy: Password must have uppercase characters", 0,
		}},
		{"unknown user", recorded, reset(open, "nobody"), noNameOrID},
		{"unknown user who did not ask, existence hidden", recorded, reset(hidden, "nobody"), expiredCode},
		{"unknown user who asked, existence hidden", recorded, func(w *world) *answer {
			forgot(hidden, "nobody")(w)
			return reset(hidden, "nobody")(w)
		}, wrongCode},
		{"disabled", unsure, reset(open, "dora"), disabled},
		{"disabled who did not ask, existence hidden", recorded, reset(hidden, "dora"), expiredCode},
		{"disabled who asked, existence hidden", recorded, func(w *world) *answer {
			forgot(hidden, "dora")(w)
			return reset(hidden, "dora")(w)
		}, wrongCode},
		{"too many codes", recorded, func(w *world) *answer {
			code := w.open.forgot("alice")
			for range 19 {
				reset(open, "alice")(w)
			}
			return w.call("ConfirmForgotPassword", w.open.resetBody("alice", code, otherPass))
		}, tooMany},
	})
}

func TestErrorsOfAdminResetUserPassword(t *testing.T) {
	ask := func(name string) func(*world) *answer {
		return func(w *world) *answer {
			return w.call("AdminResetUserPassword", obj{"UserPoolId": w.pool, "Username": name})
		}
	}
	checkFacts(t, []fact{
		{"unknown user", recorded, ask("nobody"), noUser},
		{"disabled", moto, ask("dora"), problem{"NotAuthorizedException", "User is disabled", 0}},
		{"unconfirmed", moto, ask("una"), cannotReset},
		{"invited", moto, ask("fred"), cannotReset},
		{"no verified address", moto, func(w *world) *answer {
			w.editUser("alice", func(u obj) { u["attributes"].(obj)["email_verified"] = "false" })
			return ask("alice")(w)
		}, noRecovery},
		{"and then sign-in", recorded, func(w *world) *answer {
			ask("alice")(w).wantOK(w.t)
			ask("alice")(w).wantOK(w.t) // again, for a user who must reset already
			return byPassword("alice", goodPass)(w)
		}, mustReset},
	})
}

func TestErrorsOfPasswordHistory(t *testing.T) {
	in := func(ask func(c *client) *answer) func(*world) *answer {
		return func(w *world) *answer {
			c := w.client(w.server.pool(obj{
				"AutoVerifiedAttributes": list{"email"},
				"Policies":               obj{"PasswordPolicy": obj{"MinimumLength": 8, "PasswordHistorySize": 2}},
			}), nil)
			c.join("eve", "eve@example.com")
			return ask(c)
		}
	}
	set := func(c *client, password string, permanent bool) *answer {
		return c.call("AdminSetUserPassword", obj{"UserPoolId": c.pool, "Username": "eve", "Password": password, "Permanent": permanent})
	}
	checkFacts(t, []fact{
		{"AdminSetUserPassword", unsure, in(func(c *client) *answer { return set(c, goodPass, true) }), reused},
		{"ConfirmForgotPassword", unsure, in(func(c *client) *answer {
			return c.call("ConfirmForgotPassword", c.resetBody("eve", c.forgot("eve"), goodPass))
		}), reused},
		{"NEW_PASSWORD_REQUIRED", unsure, in(func(c *client) *answer {
			set(c, otherPass, false).wantOK(c.t)
			session := str(c.t, c.ok("InitiateAuth", c.passwordAuth("eve", otherPass)), "Session")
			return c.call("RespondToAuthChallenge", c.respond("NEW_PASSWORD_REQUIRED", session, obj{"USERNAME": "eve", "NEW_PASSWORD": goodPass}))
		}), reused},
	})
}

// Where it is hidden who exists, everybody gets an answer of one shape.
func TestAnswerOfForgotPassword(t *testing.T) {
	w := newWorld(t)
	out := w.ok("ForgotPassword", w.open.forgotBody("alice"))
	wantMembers(t, "ForgotPassword", out, "CodeDeliveryDetails")
	wantSame(t, "delivery", out["CodeDeliveryDetails"], any(obj{"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": "a***@e***"}))
	for _, name := range []string{"nobody", "dora", "una"} {
		out := w.ok("ForgotPassword", w.hidden.forgotBody(name))
		wantForm(t, name, dig(out, "CodeDeliveryDetails", "Destination"), `^[a-z]\*\*\*@[a-z]\*\*\*$`)
		if dig(out, "CodeDeliveryDetails", "DeliveryMedium") != "EMAIL" {
			t.Errorf("%s: %v, want a delivery by mail", name, out)
		}
	}
}

// A user who was imported, or whose password an operator reset, recovers by the code.
func TestRecovery(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"alice", "rita", "rob"} {
		w.ok("ConfirmForgotPassword", w.open.resetBody(name, w.open.forgot(name), otherPass))
		w.ok("InitiateAuth", w.open.passwordAuth(name, otherPass))
		if got := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": name})["UserStatus"]; got != "CONFIRMED" {
			t.Errorf("%s: status %v, want CONFIRMED", name, got)
		}
	}
}

// A reset password does without no second factor.
func TestRecoveryKeepsTheSecondFactor(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"SmsConfiguration": smsSettings})
	c := s.client(pool, nil)
	sub := s.made(pool, "eve", "email", "eve@example.com", "email_verified", "true", "phone_number", "+15550101234")
	s.edit("pools", func(p obj) { p["settings"].(obj)["mfa"], p["settings"].(obj)["smsMfa"] = "ON", true }, pool)
	s.edit("users", func(u obj) { u["mfa"] = obj{"sms": true} }, pool, sub)
	s.ok("ConfirmForgotPassword", c.resetBody("eve", c.forgot("eve"), otherPass))
	res, err := s.engine.AppClient(t.Context(), c.id)
	if err != nil {
		t.Fatal(err)
	}
	in, err := res.SignIn(t.Context(), passwordOf("eve", otherPass))
	if err != nil || in.Tokens != nil || in.Challenge == nil {
		t.Errorf("sign-in gives %+v, %v, want a challenge", in, err)
	}
}

func passwordOf(name, password string) identity.SignIn {
	return identity.SignIn{Username: name, Password: identity.Secret(password)}
}
