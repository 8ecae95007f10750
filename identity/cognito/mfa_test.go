package cognito_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/cognate-id/cognate/mfa"
)

var smsArn = obj{"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}

// mfaWorld is a world whose pool has both second factors. alice has an
// authenticator app, pat a phone for codes, and una and the others none.
type mfaWorld struct {
	*world
	admin *client // allows operators' programs
	key   mfa.Secret
}

func newMFAWorld(t testing.TB, mode string) *mfaWorld {
	t.Helper()
	w := &mfaWorld{world: newWorld(t)}
	w.mode("OPTIONAL")
	w.admin = w.client(w.pool, obj{"ExplicitAuthFlows": list{"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"}})
	access := w.open.access("alice")
	w.key = w.associate(obj{"AccessToken": access})
	w.ok("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": w.code(), "FriendlyDeviceName": "phone"})
	w.ok("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": obj{"Enabled": true, "PreferredMfa": true}})
	w.made(w.pool, "pat", "email", "pat@example.com", "phone_number", "+15550100123")
	w.ok("AdminSetUserMFAPreference", obj{"UserPoolId": w.pool, "Username": "pat", "SMSMfaSettings": obj{"Enabled": true}})
	w.mode(mode)
	w.advance(mfa.Period)
	return w
}

// mode sets whether the pool asks for second factors.
func (w *mfaWorld) mode(mode string) {
	w.t.Helper()
	w.ok("SetUserPoolMfaConfig", obj{
		"UserPoolId": w.pool, "MfaConfiguration": mode, "SmsMfaConfiguration": obj{"SmsConfiguration": smsArn},
		"SoftwareTokenMfaConfiguration": obj{"Enabled": true},
	})
}

func (w *mfaWorld) associate(body obj) mfa.Secret {
	w.t.Helper()
	key, err := mfa.ParseSecret(str(w.t, w.ok("AssociateSoftwareToken", body), "SecretCode"))
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

// code is what alice's app shows.
func (w *mfaWorld) code() string { return w.key.Code(w.now()) }

// asks signs a user in by password and checks what is asked for next.
func (w *mfaWorld) asks(name, challenge string) obj {
	w.t.Helper()
	out := w.ok("InitiateAuth", w.open.passwordAuth(name, goodPass))
	if out["ChallengeName"] != challenge || out["AuthenticationResult"] != nil {
		w.t.Fatalf("InitiateAuth of %s = %v, want %s", name, out, challenge)
	}
	return out
}

// answerTOTP is the answer to a challenge that alice was just asked.
func (w *mfaWorld) answerTOTP(code string) obj {
	w.t.Helper()
	return w.open.respond("SOFTWARE_TOKEN_MFA", str(w.t, w.asks("alice", "SOFTWARE_TOKEN_MFA"), "Session"),
		obj{"USERNAME": "alice", "SOFTWARE_TOKEN_MFA_CODE": code})
}

func wantTokens(t testing.TB, out obj) {
	t.Helper()
	for _, name := range []string{"AccessToken", "IdToken", "RefreshToken"} {
		str(t, out, "AuthenticationResult", name)
	}
	if params, ok := out["ChallengeParameters"].(obj); !ok || len(params) != 0 {
		t.Errorf("ChallengeParameters = %v, want an empty object", out["ChallengeParameters"])
	}
}

func TestSoftwareTokenChallenge(t *testing.T) {
	w := newMFAWorld(t, "OPTIONAL")
	out := w.asks("alice", "SOFTWARE_TOKEN_MFA")
	if p := out["ChallengeParameters"].(obj); len(p) != 2 || p["USER_ID_FOR_SRP"] != "alice" || p["FRIENDLY_DEVICE_NAME"] != "phone" {
		t.Errorf("ChallengeParameters = %v", p)
	}
	wantTokens(t, w.ok("RespondToAuthChallenge", w.open.respond("SOFTWARE_TOKEN_MFA", str(t, out, "Session"),
		obj{"USERNAME": "alice", "SOFTWARE_TOKEN_MFA_CODE": w.code()})))
	u := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "alice"})
	if u["PreferredMfaSetting"] != "SOFTWARE_TOKEN_MFA" || len(u["UserMFASettingList"].(list)) != 1 || u["MFAOptions"] != nil {
		t.Errorf("AdminGetUser = %v", u)
	}
}

func TestSMSChallenge(t *testing.T) {
	w := newMFAWorld(t, "OPTIONAL")
	out := w.asks("pat", "SMS_MFA")
	p := out["ChallengeParameters"].(obj)
	if len(p) != 3 || p["CODE_DELIVERY_DELIVERY_MEDIUM"] != "SMS" || p["CODE_DELIVERY_DESTINATION"] != "+*******0123" || p["USER_ID_FOR_SRP"] != "pat" {
		t.Errorf("ChallengeParameters = %v", p)
	}
	wantTokens(t, w.ok("RespondToAuthChallenge", w.open.respond("SMS_MFA", str(t, out, "Session"),
		obj{"USERNAME": "pat", "SMS_MFA_CODE": w.outbox.LastCode("+15550100123")})))
	u := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "pat"})
	if attrMap(t, u["UserAttributes"])["phone_number_verified"] != "true" {
		t.Errorf("AdminGetUser = %v, want the number verified", u)
	}
}

func TestSelectMFAType(t *testing.T) {
	w := newMFAWorld(t, "OPTIONAL")
	w.editUser("alice", func(u obj) { u["attributes"].(obj)["phone_number"] = "+15550100124" })
	w.ok("AdminSetUserMFAPreference", obj{
		"UserPoolId": w.pool, "Username": "alice", "SMSMfaSettings": obj{"Enabled": true},
		"SoftwareTokenMfaSettings": obj{"Enabled": true, "PreferredMfa": false},
	})
	out := w.asks("alice", "SELECT_MFA_TYPE")
	if got := str(t, out, "ChallengeParameters", "MFAS_CAN_CHOOSE"); got != `["SMS_MFA","SOFTWARE_TOKEN_MFA"]` {
		t.Errorf("MFAS_CAN_CHOOSE = %s", got)
	}
	out = w.ok("RespondToAuthChallenge", w.open.respond("SELECT_MFA_TYPE", str(t, out, "Session"),
		obj{"USERNAME": "alice", "ANSWER": "SOFTWARE_TOKEN_MFA"}))
	wantTokens(t, w.ok("RespondToAuthChallenge", w.open.respond(str(t, out, "ChallengeName"), str(t, out, "Session"),
		obj{"USERNAME": "alice", "SOFTWARE_TOKEN_MFA_CODE": w.code()})))
}

func TestMFASetup(t *testing.T) {
	w := newMFAWorld(t, "ON")
	w.made(w.pool, "new", "email", "new@example.com")
	out := w.asks("new", "MFA_SETUP")
	var methods []string
	if err := json.Unmarshal([]byte(str(t, out, "ChallengeParameters", "MFAS_CAN_SETUP")), &methods); err != nil || len(methods) != 2 {
		t.Errorf("MFAS_CAN_SETUP: %v, %v", methods, err)
	}
	associated := w.ok("AssociateSoftwareToken", obj{"Session": str(t, out, "Session")})
	key, err := mfa.ParseSecret(str(t, associated, "SecretCode"))
	if err != nil || len(str(t, associated, "SecretCode")) != 52 {
		t.Fatalf("SecretCode %v: %v", associated, err)
	}
	verified := w.ok("VerifySoftwareToken", obj{"Session": str(t, associated, "Session"), "UserCode": key.Code(w.now())})
	if verified["Status"] != "SUCCESS" {
		t.Errorf("VerifySoftwareToken = %v", verified)
	}
	wantTokens(t, w.ok("RespondToAuthChallenge", w.open.respond("MFA_SETUP", str(t, verified, "Session"), obj{"USERNAME": "new"})))
	w.call("AssociateSoftwareToken", obj{"Session": str(t, out, "Session")}).want(t, sessionUsed)
	w.asks("new", "SOFTWARE_TOKEN_MFA")
}

func TestAdminFlows(t *testing.T) {
	w := newMFAWorld(t, "OPTIONAL")
	begin := func(flow string, params obj) obj {
		return obj{"UserPoolId": w.pool, "ClientId": w.admin.id, "AuthFlow": flow, "AuthParameters": params}
	}
	byPassword := func(name string) obj { return obj{"USERNAME": name, "PASSWORD": goodPass} }
	out := w.ok("AdminInitiateAuth", begin("ADMIN_USER_PASSWORD_AUTH", byPassword("alice")))
	body := w.admin.respond("SOFTWARE_TOKEN_MFA", str(t, out, "Session"), obj{"USERNAME": "alice", "SOFTWARE_TOKEN_MFA_CODE": w.code()})
	out = w.ok("AdminRespondToAuthChallenge", with(obj{"UserPoolId": w.pool}, body))
	wantTokens(t, out)
	refreshed := w.ok("AdminInitiateAuth", begin("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": str(t, out, "AuthenticationResult", "RefreshToken")}))
	if dig(refreshed, "AuthenticationResult", "RefreshToken") != nil {
		t.Errorf("refresh gives a refresh token: %v", refreshed)
	}
	w.ok("AdminInitiateAuth", begin("ADMIN_NO_SRP_AUTH", byPassword("alice")))
	first := w.ok("AdminInitiateAuth", begin("ADMIN_USER_PASSWORD_AUTH", byPassword("fred")))
	wantTokens(t, w.ok("AdminRespondToAuthChallenge", with(obj{"UserPoolId": w.pool},
		w.admin.respond("NEW_PASSWORD_REQUIRED", str(t, first, "Session"), obj{"USERNAME": "fred", "NEW_PASSWORD": otherPass}))))
	srp := w.ok("AdminInitiateAuth", begin("USER_SRP_AUTH", obj{"USERNAME": "pat", "SRP_A": "2a"}))
	if srp["ChallengeName"] != "PASSWORD_VERIFIER" {
		t.Errorf("USER_SRP_AUTH = %v", srp)
	}

	w.call("AdminInitiateAuth", begin("USER_PASSWORD_AUTH", byPassword("alice"))).want(t, notAllowed)
	w.call("AdminInitiateAuth", with(begin("ADMIN_USER_PASSWORD_AUTH", byPassword("alice")), obj{"ClientId": w.open.id})).
		want(t, problem{"InvalidParameterException", "Auth flow not enabled for this client", 0})
	other := w.client(w.server.pool(nil), nil)
	w.call("AdminInitiateAuth", with(begin("ADMIN_USER_PASSWORD_AUTH", byPassword("alice")), obj{"ClientId": other.id})).want(t, noClient(other.id))
	w.call("AdminInitiateAuth", with(begin("ADMIN_USER_PASSWORD_AUTH", byPassword("alice")), obj{"UserPoolId": "us-east-1_nothere"})).
		want(t, problem{"ResourceNotFoundException", "User pool us-east-1_nothere does not exist.", 0})
	w.call("AdminInitiateAuth", begin("ADMIN_USER_PASSWORD_AUTH", byPassword("nobody"))).want(t, noUser)
	w.call("AdminInitiateAuth", begin("ADMIN_USER_PASSWORD_AUTH", obj{"USERNAME": "alice", "PASSWORD": "wrong"})).want(t, incorrect)
	w.call("AdminInitiateAuth", begin("ADMIN_USER_PASSWORD_AUTH", byPassword("una"))).want(t, unconfirmed)
}

var (
	sessionUsed    = problem{"NotAuthorizedException", "Invalid session for the user, session can only be used once.", 0}
	sessionExpired = problem{"NotAuthorizedException", "Invalid session for the user, session is expired.", 0}
	totpUsed       = "Your software token has already been used once."
)

// An mfaFact is a fact of a world with second factors.
type mfaFact struct {
	situation string
	mark      evidence
	ask       func(*mfaWorld) *answer
	problem
}

func checkMFAFacts(t *testing.T, facts []mfaFact) {
	t.Helper()
	for _, f := range few(2, facts) {
		t.Run(f.situation+" "+string(f.mark), func(t *testing.T) {
			t.Parallel()
			w := newMFAWorld(t, "OPTIONAL")
			w.made(w.pool, "rich", "email", "rich@example.com")
			f.ask(w).want(t, f.problem)
		})
	}
}

func TestErrorsOfMFAChallenges(t *testing.T) {
	totp := func(code func(*mfaWorld) string) func(*mfaWorld) *answer {
		return func(w *mfaWorld) *answer { return w.call("RespondToAuthChallenge", w.answerTOTP(code(w))) }
	}
	checkMFAFacts(t, []mfaFact{
		{"wrong code of the app", recorded, totp(func(*mfaWorld) string { return "000000" }), problem{"CodeMismatchException", "Invalid code received for user", 0}},
		{"code used before", recorded, func(w *mfaWorld) *answer {
			w.ok("RespondToAuthChallenge", w.answerTOTP(w.code()))
			return w.call("RespondToAuthChallenge", w.answerTOTP(w.code()))
		}, problem{"ExpiredCodeException", totpUsed, 0}},
		{"no code", known, totp(func(*mfaWorld) string { return "" }), missingParameter("SOFTWARE_TOKEN_MFA_CODE")},
		{"session used before", recorded, func(w *mfaWorld) *answer {
			body := w.answerTOTP(w.code())
			w.ok("RespondToAuthChallenge", body)
			return w.call("RespondToAuthChallenge", body)
		}, sessionUsed},
		{"session too old", recorded, func(w *mfaWorld) *answer {
			body := w.answerTOTP(w.code())
			w.advance(3 * time.Minute)
			return w.call("RespondToAuthChallenge", body)
		}, sessionExpired},
		{"answer to another challenge", unsure, func(w *mfaWorld) *answer {
			body := w.answerTOTP(w.code())
			return w.call("RespondToAuthChallenge", with(body, obj{"ChallengeName": "SMS_MFA", "ChallengeResponses": obj{"USERNAME": "alice", "SMS_MFA_CODE": "123456"}}))
		}, badSession},
		{"five wrong codes in a session", ours, func(w *mfaWorld) *answer {
			body := w.answerTOTP("000000")
			for range 5 {
				w.call("RespondToAuthChallenge", body)
			}
			w.advance(time.Minute)
			return w.call("RespondToAuthChallenge", body)
		}, badSession},
		{"wrong code by SMS", recorded, func(w *mfaWorld) *answer {
			return w.call("RespondToAuthChallenge", w.open.respond("SMS_MFA", str(w.t, w.asks("pat", "SMS_MFA"), "Session"),
				obj{"USERNAME": "pat", "SMS_MFA_CODE": "000000"}))
		}, problem{"CodeMismatchException", "Invalid code or auth state for the user.", 0}},
	})
}

func TestErrorsOfMFASettings(t *testing.T) {
	prefer := func(name string, settings obj) func(*mfaWorld) *answer {
		return func(w *mfaWorld) *answer {
			return w.call("AdminSetUserMFAPreference", with(obj{"UserPoolId": w.pool, "Username": name}, settings))
		}
	}
	on := obj{"Enabled": true}
	best := obj{"Enabled": true, "PreferredMfa": true}
	checkMFAFacts(t, []mfaFact{
		{
			"app turned on before it was verified", recorded, prefer("pat", obj{"SoftwareTokenMfaSettings": on}),
			problem{"InvalidParameterException", "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA", 0},
		},
		{
			"SMS turned on without a number", unsure, prefer("alice", obj{"SMSMfaSettings": on}),
			problem{"InvalidParameterException", "User does not have delivery config set to turn on SMS_MFA", 0},
		},
		{
			"two preferred", unsure, prefer("alice", obj{"SMSMfaSettings": best, "SoftwareTokenMfaSettings": best}),
			problem{"InvalidParameterException", "Cannot set multiple preferred MFA methods", 0},
		},
		{"the last factor off", unsure, func(w *mfaWorld) *answer {
			w.mode("ON")
			return prefer("alice", obj{"SoftwareTokenMfaSettings": obj{"Enabled": false}})(w)
		}, problem{"InvalidParameterException", "The user pool requires MFA: one factor must stay enabled.", 0}},
		{"preference of nobody", recorded, prefer("nobody", nil), noUser},
		{"passkey where it is one factor", unsure, prefer("alice", obj{"SoftwareTokenMfaSettings": on, "WebAuthnMfaSettings": on}), problem{"InvalidParameterException", "Passkeys are no second factor in this pool.", 0}},
		{"codes by mail without an address", unsure, func(w *mfaWorld) *answer {
			w.editUser("alice", func(u obj) { delete(u["attributes"].(obj), "email") })
			return prefer("alice", obj{"EmailMfaSettings": on})(w)
		}, problem{"InvalidParameterException", "User does not have delivery config set to turn on EMAIL_OTP", 0}},
		{
			"enrol without any token", unsure, func(w *mfaWorld) *answer { return w.call("AssociateSoftwareToken", obj{}) },
			problem{"InvalidParameterException", "Either AccessToken or Session is required.", 0},
		},
		{"enrol with a session that is none", recorded, func(w *mfaWorld) *answer {
			return w.call("AssociateSoftwareToken", obj{"Session": "a session that is none at all"})
		}, badSession},
		{"wrong code at enrolment", recorded, func(w *mfaWorld) *answer {
			access := w.open.access("rich")
			w.associate(obj{"AccessToken": access})
			return w.call("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": "000000"})
		}, problem{"EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA", 0}},
		{"code used again at enrolment", recorded, func(w *mfaWorld) *answer {
			access := w.open.access("rich")
			body := obj{"AccessToken": access, "UserCode": w.associate(obj{"AccessToken": access}).Code(w.now())}
			w.ok("VerifySoftwareToken", body)
			return w.call("VerifySoftwareToken", body)
		}, problem{"EnableSoftwareTokenMFAException", totpUsed, 0}},
		{"verify what was never enrolled", unsure, func(w *mfaWorld) *answer {
			return w.call("VerifySoftwareToken", obj{"AccessToken": w.open.access("rich"), "UserCode": "000000"})
		}, problem{"SoftwareTokenMFANotFoundException", "Software Token MFA has not been set up for the user.", 0}},
		{"enrol in a pool without apps", known, func(w *mfaWorld) *answer {
			w.ok("SetUserPoolMfaConfig", obj{"UserPoolId": w.pool, "MfaConfiguration": "OFF"})
			return w.call("AssociateSoftwareToken", obj{"AccessToken": w.open.access("rich")})
		}, problem{"SoftwareTokenMFANotFoundException", "Software Token MFA has not been enabled by the userPool", 0}},
	})
}
