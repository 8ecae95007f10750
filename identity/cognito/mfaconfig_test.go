package cognito_test

import "testing"

func TestMFAConfig(t *testing.T) {
	s := newServer(t)
	id := obj{"UserPoolId": s.pool(nil)}
	get := func(want obj) {
		t.Helper()
		wantSame(t, "GetUserPoolMfaConfig", any(s.ok("GetUserPoolMfaConfig", id)), any(asJSON(t, want)))
	}
	set := func(in, want obj) {
		t.Helper()
		wantSame(t, "SetUserPoolMfaConfig", any(s.ok("SetUserPoolMfaConfig", with(id, in))), any(asJSON(t, want)))
		get(want)
	}
	get(obj{"MfaConfiguration": "OFF"})
	app := obj{"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}}
	set(app, app)
	texts := obj{
		"MfaConfiguration":      "OPTIONAL",
		"SmsMfaConfiguration":   obj{"SmsAuthenticationMessage": "code {####}", "SmsConfiguration": smsSettings},
		"WebAuthnConfiguration": obj{"RelyingPartyId": "example.com", "UserVerification": "required", "FactorConfiguration": "SINGLE_FACTOR"},
	}
	set(texts, texts)
	pool := dig(s.ok("DescribeUserPool", id), "UserPool")
	wantSame(t, "SmsConfiguration", dig(pool, "SmsConfiguration"), any(smsSettings))
	wantSame(t, "SmsAuthenticationMessage", dig(pool, "SmsAuthenticationMessage"), any("code {####}"))
	wantSame(t, "MfaConfiguration", dig(pool, "MfaConfiguration"), any("OPTIONAL"))
	// The means to send stay when the factor goes; a factor that is given as off is shown.
	off := obj{"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": obj{"Enabled": false}}
	set(off, off)
	wantSame(t, "SmsConfiguration", dig(s.ok("DescribeUserPool", id), "UserPool", "SmsConfiguration"), any(smsSettings))
	again := obj{"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": obj{}}
	set(again, with(again, obj{"SmsMfaConfiguration": obj{"SmsConfiguration": smsSettings}}))
	// Without a mode it stays.
	set(obj{"SoftwareTokenMfaConfiguration": obj{"Enabled": true}}, with(app, obj{"MfaConfiguration": "OPTIONAL"}))
}

// UpdateUserPool has a mode and no factors: apps stay on, and SMS does not come on beside them.
func TestUpdateLeavesFactorsAlone(t *testing.T) {
	s := newServer(t)
	id := obj{"UserPoolId": s.pool(nil)}
	app := obj{"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}}
	s.ok("SetUserPoolMfaConfig", with(id, app, obj{"WebAuthnConfiguration": obj{"UserVerification": "preferred"}}))
	app["WebAuthnConfiguration"] = obj{"UserVerification": "preferred"}
	want := func(want obj) {
		t.Helper()
		wantSame(t, "GetUserPoolMfaConfig", any(s.ok("GetUserPoolMfaConfig", id)), any(asJSON(t, want)))
	}
	s.ok("UpdateUserPool", with(id, obj{"MfaConfiguration": "ON"}))
	want(app)
	s.ok("UpdateUserPool", with(id, obj{"MfaConfiguration": "OPTIONAL", "SmsConfiguration": smsSettings}))
	want(with(app, obj{"MfaConfiguration": "OPTIONAL"}))
	s.ok("UpdateUserPool", id)
	want(with(app, obj{"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": obj{"Enabled": false}}))
	s.ok("UpdateUserPool", with(id, obj{"MfaConfiguration": "OPTIONAL", "SmsConfiguration": smsSettings}))
	want(with(app, obj{
		"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": obj{"Enabled": false},
		"SmsMfaConfiguration": obj{"SmsConfiguration": smsSettings},
	}))
	made := obj{"MfaConfiguration": "ON", "SmsConfiguration": smsSettings, "SmsAuthenticationMessage": "code {####}"}
	id = obj{"UserPoolId": s.pool(made)}
	want(obj{"MfaConfiguration": "ON", "SmsMfaConfiguration": obj{"SmsConfiguration": smsSettings, "SmsAuthenticationMessage": "code {####}"}})
}
