package cognito_test

import (
	"testing"
	"time"

	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/mfa/webauthn/webauthntest"
)

// Passkeys where a second factor is demanded or turned on, as clients of the service have recorded it.

var bothFactors = obj{"RelyingPartyId": "example.com", "FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION"}

// TestFirstFactorsWithMFA has the rules of SetUserPoolMfaConfig and UpdateUserPool about first factors where MFA is ON, recorded in 2026.
func TestFirstFactorsWithMFA(t *testing.T) {
	const (
		oneFactor = "Cannot set WebAuthn factor configuration to SINGLE_FACTOR if MFA is required and WebAuthn is an allowed first auth factor"
		codes     = "Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth factor if MFA is enabled"
		update    = "WEB_AUTHN cannot be used as an auth factor when MFA is enabled if not configured for MFA."
	)
	s := newServer(t)
	first := func(factors ...any) obj {
		return obj{"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": append(list{"PASSWORD"}, factors...)}}}
	}
	config := func(pool, mode string, webAuthn obj) *answer {
		body := obj{"UserPoolId": pool, "MfaConfiguration": mode}
		if mode != "OFF" {
			body["SoftwareTokenMfaConfiguration"] = obj{"Enabled": true}
		}
		if webAuthn != nil {
			body["WebAuthnConfiguration"] = webAuthn
		}
		return s.call("SetUserPoolMfaConfig", body)
	}
	ok := func(what string, a *answer) {
		t.Helper()
		if a.status != 200 {
			t.Errorf("%s: %d %s", what, a.status, a.raw)
		}
	}
	refused := func(a *answer, text string) {
		t.Helper()
		a.want(t, problem{"InvalidParameterException", text, 0})
	}
	pool := s.pool(first("WEB_AUTHN"))
	ok("ON, both factors", config(pool, "ON", bothFactors))
	ok("ON, both factors, preferred", config(pool, "ON", with(bothFactors, obj{"UserVerification": "preferred"})))
	refused(config(pool, "ON", nil), oneFactor) // the block replaces what was there
	refused(config(pool, "ON", obj{"FactorConfiguration": "SINGLE_FACTOR"}), oneFactor)
	ok("OFF, both factors", config(pool, "OFF", bothFactors))
	ok("OPTIONAL, one factor", config(pool, "OPTIONAL", obj{"FactorConfiguration": "SINGLE_FACTOR"}))
	refused(config(s.pool(first("EMAIL_OTP")), "ON", bothFactors), codes)
	refused(config(s.pool(first("SMS_OTP")), "ON", nil), codes)
	ok("OPTIONAL with codes", config(s.pool(first("EMAIL_OTP", "SMS_OTP")), "OPTIONAL", nil))

	pool = s.pool(nil)
	ok("ON", config(pool, "ON", nil))
	on := obj{"UserPoolId": pool, "MfaConfiguration": "ON"}
	refused(s.call("UpdateUserPool", with(on, first("WEB_AUTHN"))), update)
	refused(s.call("UpdateUserPool", with(on, first("EMAIL_OTP"))), codes)
	ok("ON, both factors", config(pool, "ON", bothFactors))
	ok("WEB_AUTHN as both", s.call("UpdateUserPool", with(on, first("WEB_AUTHN"))))
}

// TestUpdateKeepsFirstFactors: an update without the list keeps it, with or without SignInPolicy (recorded).
func TestUpdateKeepsFirstFactors(t *testing.T) {
	s := newServer(t)
	pool := s.pool(obj{"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": list{"PASSWORD", "EMAIL_OTP"}}}})
	for _, update := range []obj{{}, {"Policies": obj{}}, {"Policies": obj{"SignInPolicy": obj{}}}} {
		s.ok("UpdateUserPool", with(update, obj{"UserPoolId": pool}))
		shown := dig(s.ok("DescribeUserPool", obj{"UserPoolId": pool}), "UserPool", "Policies", "SignInPolicy", "AllowedFirstAuthFactors")
		wantSame(t, "AllowedFirstAuthFactors", shown, any(list{"PASSWORD", "EMAIL_OTP"}))
	}
}

// TestPasskeyMFA: WebAuthnMfaSettings by the user and by the operator, and what sign-ins then ask.
func TestPasskeyMFA(t *testing.T) {
	s := newServer(t)
	pool := s.passkeyPool(bothFactors).pool
	c := s.client(pool, obj{"ExplicitAuthFlows": list{"ALLOW_USER_AUTH", "ALLOW_USER_PASSWORD_AUTH"}})
	s.made(pool, "pat")
	access := c.access("pat")
	s.ok("SetUserPoolMfaConfig", obj{
		"UserPoolId": pool, "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}, "WebAuthnConfiguration": bothFactors,
	})
	key, err := mfa.ParseSecret(str(t, s.ok("AssociateSoftwareToken", obj{"AccessToken": access}), "SecretCode"))
	if err != nil {
		t.Fatal(err)
	}
	s.ok("VerifySoftwareToken", obj{"AccessToken": access, "UserCode": key.Code(s.now())})
	on := obj{"Enabled": true}
	both := obj{"SoftwareTokenMfaSettings": on, "WebAuthnMfaSettings": on}
	set := func(settings obj) *answer {
		return s.call("SetUserMFAPreference", with(obj{"AccessToken": access}, settings))
	}
	adminSet := func(settings obj) *answer {
		return s.call("AdminSetUserMFAPreference", with(obj{"UserPoolId": pool, "Username": "pat"}, settings))
	}
	for _, set := range []func(obj) *answer{set, adminSet} {
		set(both).want(t, problem{"InvalidParameterException", "User does not have applicable WebAuthn credentials to enable WebAuthn MFA.", 0})
		set(obj{"WebAuthnMfaSettings": on}).want(t, problem{"InvalidParameterException", "WebAuthn MFA requires enabling an additional MFA setting.", 0})
	}
	phone := &webauthntest.Authenticator{}
	s.ok("CompleteWebAuthnRegistration", s.passkeyBody(access, phone))
	s.ok("SetUserMFAPreference", obj{"AccessToken": access, "SoftwareTokenMfaSettings": on})
	set(obj{"WebAuthnMfaSettings": on}).want(t, problem{"InvalidParameterException", "WebAuthn MFA requires enabling an additional MFA setting.", 0})
	begin := func() obj {
		return s.ok("InitiateAuth", c.auth("USER_AUTH", obj{"USERNAME": "pat", "PREFERRED_CHALLENGE": "WEB_AUTHN"}))
	}
	wantStep(t, begin(), "SELECT_CHALLENGE", list{"PASSWORD_SRP", "PASSWORD"}, obj{"USERNAME": "pat"})

	s.ok("SetUserMFAPreference", with(obj{"AccessToken": access}, both))
	want := any(list{"SOFTWARE_TOKEN_MFA", "WEB_AUTHN_MFA"})
	wantSame(t, "GetUser", s.ok("GetUser", obj{"AccessToken": access})["UserMFASettingList"], want)
	wantSame(t, "AdminGetUser", s.ok("AdminGetUser", obj{"UserPoolId": pool, "Username": "pat"})["UserMFASettingList"], want)
	wantSame(t, "GetUserAuthFactors", s.ok("GetUserAuthFactors", obj{"AccessToken": access})["UserMFASettingList"], want)
	out := begin()
	answer, err := phone.Get(passkeyPage, []byte(str(t, out["ChallengeParameters"].(obj), "CREDENTIAL_REQUEST_OPTIONS")))
	if err != nil {
		t.Fatal(err)
	}
	wantTokens(t, s.ok("RespondToAuthChallenge", c.respond("WEB_AUTHN", str(t, out, "Session"), obj{"USERNAME": "pat", "CREDENTIAL": string(answer)})))
	s.advance(time.Minute)
	if out := s.ok("InitiateAuth", c.passwordAuth("pat", goodPass)); out["ChallengeName"] != "SOFTWARE_TOKEN_MFA" {
		t.Errorf("after the password: %v", out)
	}
	s.ok("AdminSetUserMFAPreference", obj{"UserPoolId": pool, "Username": "pat", "SoftwareTokenMfaSettings": obj{}, "WebAuthnMfaSettings": obj{}})
	if left := s.ok("GetUser", obj{"AccessToken": access})["UserMFASettingList"]; left != nil {
		t.Errorf("left %v", left)
	}
}
