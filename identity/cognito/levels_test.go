package cognito_test

import (
	"reflect"
	"testing"

	"github.com/cognate-id/cognate/mfa"
)

const (
	loa1 = "urn:cognito:loa:1"
	loa4 = "urn:cognito:loa:4"
)

func wantLevelClaims(t testing.TB, out obj, acr any, amr any) {
	t.Helper()
	for _, name := range []string{"AccessToken", "IdToken"} {
		if c := claimsOf(t, str(t, out, "AuthenticationResult", name)); !reflect.DeepEqual(c["acr"], acr) || !reflect.DeepEqual(c["amr"], amr) {
			t.Errorf("%s with acr %v and amr %v, want %v and %v", name, c["acr"], c["amr"], acr, amr)
		}
	}
}

// TestAuthenticationLevels signs in to a level, and from there to a higher one, by both pairs of operations.
func TestAuthenticationLevels(t *testing.T) {
	w := newMFAWorld(t, "OPTIONAL")
	w.ok("AdminSetUserMFAPreference", obj{"UserPoolId": w.pool, "Username": "alice", "SoftwareTokenMfaSettings": obj{"Enabled": false}}) // her app stays set up
	w.ok("UpdateUserPool", obj{
		"UserPoolId": w.pool, "MfaConfiguration": "OPTIONAL", "SmsConfiguration": smsArn, "AcrConfiguration": obj{"Level4": obj{"AcrValue": "gold"}},
	})
	w.ok("SetUserPoolMfaConfig", obj{"UserPoolId": w.pool, "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}})
	c := w.client(w.pool, obj{"ExplicitAuthFlows": list{"ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}})
	for _, by := range []struct{ begin, respond string }{{"InitiateAuth", "RespondToAuthChallenge"}, {"AdminInitiateAuth", "AdminRespondToAuthChallenge"}} {
		of := func(body obj) obj {
			if by.begin == "AdminInitiateAuth" {
				body["UserPoolId"] = w.pool
			}
			return body
		}
		begin := func(more obj) obj { return of(c.auth("USER_AUTH", with(obj{"USERNAME": "alice"}, more))) }
		low := w.ok(by.begin, begin(obj{"TARGET_ACR_VALUES": "silver " + loa1, "PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": goodPass}))
		wantLevelClaims(t, low, loa1, list{"pwd"})
		out := w.ok(by.begin, begin(obj{"TARGET_ACR_VALUES": "gold " + loa1, "ACCESS_TOKEN": str(t, low, "AuthenticationResult", "AccessToken"), "MAX_AGE": "60"}))
		if out["ChallengeName"] != "SOFTWARE_TOKEN_MFA" {
			t.Fatalf("%s: %v, want SOFTWARE_TOKEN_MFA", by.begin, out)
		}
		w.advance(mfa.Period)
		high := w.ok(by.respond, of(c.respond("SOFTWARE_TOKEN_MFA", str(t, out, "Session"), obj{"USERNAME": "alice", "SOFTWARE_TOKEN_MFA_CODE": w.code()})))
		wantTokens(t, high)
		wantLevelClaims(t, high, "gold", list{"pwd", "otp", "mfa"})
		again := w.ok("InitiateAuth", c.auth("REFRESH_TOKEN_AUTH", obj{"REFRESH_TOKEN": str(t, high, "AuthenticationResult", "RefreshToken")}))
		wantLevelClaims(t, again, "gold", list{"pwd", "otp", "mfa"})
		wantLevelClaims(t, w.ok(by.begin, begin(obj{"PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": goodPass})), nil, nil)

		access := str(t, high, "AuthenticationResult", "AccessToken")
		refused := func(text string) problem { return problem{"InvalidParameterException", text, 0} }
		for _, tt := range []struct {
			more obj
			want problem
		}{
			{obj{"TARGET_ACR_VALUES": loa4}, refused("TARGET_ACR_VALUES has no authentication level of the user pool.")}, // it is called gold
			{obj{"TARGET_ACR_VALUES": ""}, refused("TARGET_ACR_VALUES has no authentication level of the user pool.")},
			{obj{"TARGET_ACR_VALUES": " "}, refused("TARGET_ACR_VALUES has no authentication level of the user pool.")},
			{obj{"ACCESS_TOKEN": access}, refused("ACCESS_TOKEN requires TARGET_ACR_VALUES.")},
			{obj{"TARGET_ACR_VALUES": "gold", "ACCESS_TOKEN": access}, refused("The access token already meets the requested authentication level.")},
			{obj{"TARGET_ACR_VALUES": "gold", "USERNAME": "pat"}, refused("The user has no factors to meet any of the requested authentication levels.")},
			{obj{"TARGET_ACR_VALUES": "gold", "USERNAME": "pat", "ACCESS_TOKEN": access}, problem{"NotAuthorizedException", "Invalid Access Token", 0}},
			{obj{"TARGET_ACR_VALUES": "gold", "ACCESS_TOKEN": "x"}, problem{"NotAuthorizedException", "Invalid Access Token", 0}},
			{obj{"MAX_AGE": "-1"}, refused("MAX_AGE must be a number of seconds, 0 or more.")},
			{obj{"MAX_AGE": "1m"}, refused("MAX_AGE must be a number of seconds, 0 or more.")},
			{obj{"MAX_AGE": ""}, refused("MAX_AGE must be a number of seconds, 0 or more.")},
			{obj{"MAX_AGE": "99999999999999999999"}, refused("MAX_AGE must be a number of seconds, 0 or more.")},
		} {
			w.call(by.begin, begin(tt.more)).want(t, tt.want)
		}
	}
	w.ok("UpdateUserPool", obj{"UserPoolId": w.pool, "UserPoolTier": "LITE"}) // and back to the names of the service
	if a := w.call("InitiateAuth", c.auth("USER_AUTH", obj{"USERNAME": "alice", "TARGET_ACR_VALUES": loa1})); a.body["__type"] != "FeatureUnavailableInTierException" {
		t.Errorf("on LITE: %d %s", a.status, a.raw)
	}
	w.ok("UpdateUserPool", obj{"UserPoolId": w.pool, "UserPoolTier": "PLUS"})
	names := dig(w.ok("DescribeUserPool", obj{"UserPoolId": w.pool}), "UserPool", "AcrConfiguration")
	if want := parse[obj](t, newPool)["AcrConfiguration"]; !reflect.DeepEqual(names, want) {
		t.Errorf("AcrConfiguration %v after an update without it, want %v", names, want)
	}
}
