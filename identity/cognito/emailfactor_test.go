package cognito_test

import "testing"

// ownMail lets the pool send mail from an address of its own, which codes by e-mail need.
func (w *world) ownMail(more ...string) {
	w.t.Helper()
	in := obj{"EmailConfiguration": obj{"EmailSendingAccount": "DEVELOPER", "SourceArn": mailSource}}
	for i := 0; i < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	updatePool(in)(w).wantOK(w.t)
}

// newEmailWorld is a world whose pool has codes by e-mail as a second factor.
func newEmailWorld(t testing.TB, mode string) *mfaWorld {
	t.Helper()
	w := newMFAWorld(t, mode)
	w.ownMail()
	w.ok("SetUserPoolMfaConfig", obj{
		"UserPoolId": w.pool, "MfaConfiguration": mode, "SoftwareTokenMfaConfiguration": obj{"Enabled": true},
		"EmailMfaConfiguration": obj{"Message": "your code: {####}", "Subject": "Sign in"},
	})
	return w
}

func TestEmailChallenge(t *testing.T) {
	w := newEmailWorld(t, "OPTIONAL")
	if got := w.ok("GetUserPoolMfaConfig", obj{"UserPoolId": w.pool})["EmailMfaConfiguration"].(obj); got["Message"] != "your code: {####}" || got["Subject"] != "Sign in" {
		t.Errorf("EmailMfaConfiguration = %v", got)
	}
	on := obj{"Enabled": true, "PreferredMfa": true}
	w.ok("SetUserMFAPreference", obj{"AccessToken": w.open.access("pat"), "EmailMfaSettings": on})
	u := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "pat"})
	if u["PreferredMfaSetting"] != "EMAIL_OTP" || u["UserMFASettingList"].(list)[1] != "EMAIL_OTP" {
		t.Errorf("AdminGetUser = %v", u)
	}
	out := w.asks("pat", "EMAIL_OTP")
	p := out["ChallengeParameters"].(obj)
	if len(p) != 3 || p["CODE_DELIVERY_DELIVERY_MEDIUM"] != "EMAIL" || p["CODE_DELIVERY_DESTINATION"] != "p***@e***" || p["USER_ID_FOR_SRP"] != "pat" {
		t.Errorf("ChallengeParameters = %v", p)
	}
	answer := func(code string) obj {
		return w.open.respond("EMAIL_OTP", str(t, out, "Session"), obj{"USERNAME": "pat", "EMAIL_OTP_CODE": code})
	}
	w.call("RespondToAuthChallenge", answer("000000")).want(t, problem{"CodeMismatchException", "Invalid code or auth state for the user.", 0})
	wantTokens(t, w.ok("RespondToAuthChallenge", answer(w.outbox.LastCode("pat@example.com"))))
}

// TestMFASetupByEmail: a user without an address answers MFA_SETUP with EMAIL, as Amplify does.
func TestMFASetupByEmail(t *testing.T) {
	w := newEmailWorld(t, "ON")
	w.made(w.pool, "new")
	out := w.asks("new", "MFA_SETUP")
	if got := str(t, out, "ChallengeParameters", "MFAS_CAN_SETUP"); got != `["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]` {
		t.Errorf("MFAS_CAN_SETUP = %s", got)
	}
	body := func(challenge, member, value string) obj {
		return w.open.respond(challenge, str(t, out, "Session"), obj{"USERNAME": "new", member: value})
	}
	w.call("RespondToAuthChallenge", body("MFA_SETUP", "EMAIL", "new")).want(t, problem{"InvalidParameterException", "Invalid email address format.", 0})
	out = w.ok("RespondToAuthChallenge", body("MFA_SETUP", "EMAIL", "new@example.com"))
	p := out["ChallengeParameters"].(obj)
	if out["ChallengeName"] != "EMAIL_OTP" || len(p) != 3 || p["CODE_DELIVERY_DESTINATION"] != "n***@e***" || p["USER_ID_FOR_SRP"] != "new" {
		t.Errorf("after EMAIL: %v", out)
	}
	w.call("RespondToAuthChallenge", body("EMAIL_OTP", "EMAIL_OTP_CODE", "000000")).want(t, problem{"CodeMismatchException", "Invalid code or auth state for the user.", 0})
	wantTokens(t, w.ok("RespondToAuthChallenge", body("EMAIL_OTP", "EMAIL_OTP_CODE", w.outbox.LastCode("new@example.com"))))
	u := w.ok("AdminGetUser", obj{"UserPoolId": w.pool, "Username": "new"})
	wantSame(t, "UserMFASettingList", u["UserMFASettingList"], any(list{"EMAIL_OTP"}))
	if attributes := attrMap(t, u["UserAttributes"]); attributes["email"] != "new@example.com" || attributes["email_verified"] != "true" {
		t.Errorf("UserAttributes = %v", attributes)
	}
	w.asks("new", "EMAIL_OTP")
}

func TestEmailAmongTheFactorsToChooseFrom(t *testing.T) {
	w := newEmailWorld(t, "OPTIONAL")
	w.ok("AdminSetUserMFAPreference", obj{
		"UserPoolId": w.pool, "Username": "alice", "EmailMfaSettings": obj{"Enabled": true},
		"SoftwareTokenMfaSettings": obj{"Enabled": true, "PreferredMfa": false},
	})
	out := w.asks("alice", "SELECT_MFA_TYPE")
	if got := str(t, out, "ChallengeParameters", "MFAS_CAN_CHOOSE"); got != `["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]` {
		t.Errorf("MFAS_CAN_CHOOSE = %s", got)
	}
	out = w.ok("RespondToAuthChallenge", w.open.respond("SELECT_MFA_TYPE", str(t, out, "Session"), obj{"USERNAME": "alice", "ANSWER": "EMAIL_OTP"}))
	if out["ChallengeName"] != "EMAIL_OTP" {
		t.Errorf("RespondToAuthChallenge = %v", out)
	}
}
