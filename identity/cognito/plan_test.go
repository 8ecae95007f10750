package cognito_test

import "testing"

// TestPlans has what the plans include of factors: which settings each plan takes, and what clients of a pool are told.
func TestPlans(t *testing.T) {
	plans := []string{"LITE", "ESSENTIALS", "PLUS"}
	first := func(factor string) obj {
		return obj{"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": list{"PASSWORD", factor}}}}
	}
	mail := obj{"EmailConfiguration": obj{"EmailSendingAccount": "DEVELOPER", "SourceArn": mailSource}}
	for _, tt := range []struct {
		name string
		lite string // the feature that LITE does not have; empty if it has it
		make obj    // in CreateUserPool
		mfa  obj    // in SetUserPoolMfaConfig, if there is any
	}{
		{"a password alone", "", obj{}, nil},
		{"codes by mail first", "Passwordless Sign-In", first("EMAIL_OTP"), nil},
		{"codes by SMS first", "Passwordless Sign-In", first("SMS_OTP"), nil},
		{"passkeys first", "Passwordless Sign-In", first("WEB_AUTHN"), nil},
		{"apps second", "", obj{}, obj{"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": obj{"Enabled": true}}},
		{"SMS second", "", obj{}, obj{"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": obj{"SmsConfiguration": smsArn}}},
		{"mail second", "Email MFA", mail, obj{"MfaConfiguration": "OPTIONAL", "EmailMfaConfiguration": obj{}}},
		{"settings of passkeys", "Passkeys", obj{}, obj{"WebAuthnConfiguration": obj{"RelyingPartyId": "example.com"}}},
		{"passkeys as both factors", "Passkeys", obj{}, obj{"WebAuthnConfiguration": bothFactors}},
		{"devices", "", obj{"DeviceConfiguration": obj{"ChallengeRequiredOnNewDevice": true}}, nil},
	} {
		for _, plan := range plans {
			t.Run(tt.name+" on "+plan, func(t *testing.T) {
				s := newServer(t)
				a := s.call("CreateUserPool", with(tt.make, obj{"PoolName": "p", "UserPoolTier": plan}))
				if tt.mfa != nil && a.status == 200 {
					a = s.call("SetUserPoolMfaConfig", with(tt.mfa, obj{"UserPoolId": str(t, a.body, "UserPool", "Id")}))
				}
				if plan == "LITE" && tt.lite != "" {
					a.want(t, beyondPlan("LITE", tt.lite))
					return
				}
				if a.status != 200 {
					t.Errorf("%d %s", a.status, a.raw)
				}
			})
		}
	}
}

// TestChoiceOnEachPlan: USER_AUTH begins no sign-in on LITE, whoever asks.
func TestChoiceOnEachPlan(t *testing.T) {
	for _, plan := range []string{"LITE", "ESSENTIALS", "PLUS"} {
		t.Run(plan, func(t *testing.T) {
			s := newServer(t)
			pool := s.pool(obj{"UserPoolTier": plan})
			c := s.client(pool, obj{"ExplicitAuthFlows": list{"ALLOW_USER_AUTH"}})
			s.made(pool, "pat")
			for _, name := range []string{"pat", "nobody"} {
				for _, a := range []*answer{
					s.call("InitiateAuth", c.auth("USER_AUTH", obj{"USERNAME": name})),
					s.call("AdminInitiateAuth", with(c.auth("USER_AUTH", obj{"USERNAME": name}), obj{"UserPoolId": pool})),
				} {
					if plan == "LITE" {
						a.want(t, problem{"FeatureUnavailableInTierException", "The following feature is not available for the LITE pricing tier configured: Choice-based Sign-In", 0})
					} else if name == "pat" && a.status != 200 {
						t.Errorf("%s: %d %s", name, a.status, a.raw)
					}
				}
			}
		})
	}
}
