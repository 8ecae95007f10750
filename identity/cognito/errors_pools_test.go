package cognito_test

import "testing"

func updatePool(settings obj) func(*world) *answer {
	return func(w *world) *answer { return w.call("UpdateUserPool", with(obj{"UserPoolId": w.pool}, settings)) }
}

func setMFA(settings obj) func(*world) *answer {
	return func(w *world) *answer {
		return w.call("SetUserPoolMfaConfig", with(obj{"UserPoolId": w.pool}, settings))
	}
}

func beyondPlan(plan, feature string) problem {
	return problem{"FeatureUnavailableInTierException", "The following features need to be disabled for the " + plan + " pricing tier configured: " + feature, 0}
}

var (
	noFactor = invalid("Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled.")
	offAndOn = invalid("Invalid MFA configuration given, can't turn off MFA and configure an MFA together.")
	apps     = obj{"Enabled": true}
)

func TestErrorsOfMFAConfig(t *testing.T) {
	checkFacts(t, []fact{
		{"optional without factors", recorded, setMFA(obj{"MfaConfiguration": "OPTIONAL"}), noFactor},
		{"required without factors", recorded, setMFA(obj{"MfaConfiguration": "ON"}), noFactor},
		{"required with passkeys alone", recorded, setMFA(obj{"MfaConfiguration": "ON", "WebAuthnConfiguration": obj{"UserVerification": "required"}}), noFactor},
		{"required with apps that are off", recorded, setMFA(obj{"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": obj{"Enabled": false}}), noFactor},
		{"off with apps", recorded, setMFA(obj{"MfaConfiguration": "OFF", "SoftwareTokenMfaConfiguration": apps}), offAndOn},
		{"off with SMS", recorded, setMFA(obj{"MfaConfiguration": "OFF", "SmsMfaConfiguration": obj{"SmsConfiguration": smsSettings}}), offAndOn},
		{"no mode, factors, off before", unsure, setMFA(obj{"SoftwareTokenMfaConfiguration": apps}), offAndOn},
		{"SMS without the means to send any", unsure, setMFA(obj{"MfaConfiguration": "ON", "SmsMfaConfiguration": obj{}}), needSMS},
		{
			"no mode, no factors, required before", unsure, func(w *world) *answer {
				setMFA(obj{"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": apps})(w).wantOK(w.t)
				return setMFA(obj{"WebAuthnConfiguration": obj{"UserVerification": "required"}})(w)
			}, noFactor,
		},
		{
			"codes by the service's e-mail", recorded, setMFA(obj{"MfaConfiguration": "ON", "EmailMfaConfiguration": obj{"Subject": "s"}}),
			invalid("Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an EmailSendingAccount of COGNITO_DEFAULT. Update the value of EmailSendingAccount."),
		},
		{"off with codes by e-mail", recorded, func(w *world) *answer {
			w.ownMail()
			return setMFA(obj{"MfaConfiguration": "OFF", "EmailMfaConfiguration": obj{"Subject": "s"}})(w)
		}, offAndOn},
		{"codes by e-mail in the plan LITE", unsure, func(w *world) *answer {
			w.ownMail("UserPoolTier", "LITE")
			return setMFA(obj{"MfaConfiguration": "ON", "EmailMfaConfiguration": obj{"Subject": "s"}})(w)
		}, problem{"FeatureUnavailableInTierException", "The following features need to be disabled for the LITE pricing tier configured: Email MFA", 0}},
		{
			"relying party with a scheme", recorded, setMFA(obj{"MfaConfiguration": "OFF", "WebAuthnConfiguration": obj{"RelyingPartyId": "https://example.com"}}),
			invalid("RelyingPartyId contains invalid characters"),
		},
		{
			"SMS by the role of another account", recorded, setMFA(obj{"MfaConfiguration": "ON", "SmsMfaConfiguration": obj{"SmsConfiguration": obj{"SnsCallerArn": foreignRole}}}),
			invalid("Cross-account pass role is not allowed."),
		},
		{
			"text without its code", ours, setMFA(obj{"SmsMfaConfiguration": obj{"SmsAuthenticationMessage": "no code"}}),
			violation(`Value 'no code' at 'smsMfaConfiguration.smsAuthenticationMessage' failed to satisfy constraint: Member must satisfy regular expression pattern: (?s).*\{####\}(?s).*`),
		},
		{"update to optional without SMS", recorded, updatePool(obj{"MfaConfiguration": "OPTIONAL"}), needSMS},
		{"update to required without SMS", recorded, updatePool(obj{"MfaConfiguration": "ON"}), needSMS},
		{
			"update to required", recorded, updatePool(obj{"MfaConfiguration": "ON", "SmsConfiguration": smsSettings}),
			invalid("Cannot turn MFA functionality ON, once the user pool has been created."),
		},
		{"update to optional without SMS, SMS before", unsure, func(w *world) *answer {
			w.pool = w.server.pool(obj{"MfaConfiguration": "ON", "SmsConfiguration": smsSettings})
			return updatePool(obj{"MfaConfiguration": "ON"})(w)
		}, needSMS},
	})
}

func TestErrorsOfPlans(t *testing.T) {
	lite := func(settings obj) func(*world) *answer {
		return createPool(with(settings, obj{"UserPoolTier": "LITE"}))
	}
	history := obj{"Policies": obj{"PasswordPolicy": obj{"PasswordHistorySize": 1}}}
	hook := obj{"LambdaConfig": obj{"PreTokenGenerationConfig": obj{"LambdaArn": function, "LambdaVersion": "V2_0"}}}
	threats := obj{"UserPoolAddOns": obj{"AdvancedSecurityMode": "AUDIT"}}
	checkFacts(t, []fact{
		{"password history on LITE", unsure, lite(history), beyondPlan("LITE", "Password History")},
		{"claims of access tokens on LITE", recorded, lite(hook), beyondPlan("LITE", "Token Customization with Pre-Token Generation Lambda V2_0")},
		{"threat protection on LITE", unsure, lite(threats), beyondPlan("LITE", "Threat Protection")},
		{"threat protection on ESSENTIALS", unsure, createPool(threats), beyondPlan("ESSENTIALS", "Threat Protection")},
		{
			"other first factors on LITE", recorded, lite(obj{"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": list{"PASSWORD", "EMAIL_OTP"}}}}),
			beyondPlan("LITE", "Passwordless Sign-In"),
		},
		{"update beyond the plan", unsure, updatePool(threats), beyondPlan("ESSENTIALS", "Threat Protection")},
		{"down to LITE with a password history", unsure, updatePool(with(history, obj{"UserPoolTier": "LITE"})), beyondPlan("LITE", "Password History")},
		{"down to LITE, then a password history", unsure, func(w *world) *answer {
			updatePool(obj{"UserPoolTier": "LITE"})(w).wantOK(w.t)
			return updatePool(history)(w)
		}, beyondPlan("LITE", "Password History")},
		{"names of levels on LITE", unsure, lite(obj{"AcrConfiguration": obj{"Level1": obj{"AcrValue": "x"}}}), beyondPlan("LITE", "Custom ACR Values")},
		{
			"a level named as another one's default", unsure, createPool(obj{"AcrConfiguration": obj{"Level1": obj{"AcrValue": "urn:cognito:loa:2"}}}),
			invalid("Invalid AcrConfiguration. AcrValue urn:cognito:loa:2 is used by more than one level."),
		},
		{"passkeys on LITE", unsure, func(w *world) *answer {
			updatePool(obj{"UserPoolTier": "LITE"})(w).wantOK(w.t)
			return setMFA(obj{"WebAuthnConfiguration": obj{"UserVerification": "required"}})(w)
		}, beyondPlan("LITE", "Passkeys")},
	})
}

func TestErrorsOfUpdates(t *testing.T) {
	gone := problem{"ResourceNotFoundException", "User pool us-east-1_none does not exist.", 0}
	nowhere := func(op string, body obj) func(*world) *answer {
		return func(w *world) *answer { return w.call(op, with(obj{"UserPoolId": "us-east-1_none"}, body)) }
	}
	updateClient := func(settings obj) func(*world) *answer {
		return func(w *world) *answer {
			return w.call("UpdateUserPoolClient", with(obj{"UserPoolId": w.pool, "ClientId": w.open.id}, settings)).without(w.pool)
		}
	}
	checkFacts(t, []fact{
		{"update of no pool", recorded, nowhere("UpdateUserPool", nil), gone},
		{"attributes of no pool", recorded, nowhere("AddCustomAttributes", obj{"CustomAttributes": list{stringAttribute(nil)}}), gone},
		{"factors of no pool", recorded, nowhere("SetUserPoolMfaConfig", nil), gone},
		{"factors of no pool, read", recorded, nowhere("GetUserPoolMfaConfig", nil), gone},
		{"two lives of a temporary password", ours, updatePool(obj{
			"Policies":              obj{"PasswordPolicy": obj{"TemporaryPasswordValidityDays": 3}},
			"AdminCreateUserConfig": obj{"UnusedAccountValidityDays": 4},
		}), invalid("Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays")},
		{
			"verified before an update and not at all", recorded, updatePool(obj{"UserAttributeUpdateSettings": obj{"AttributesRequireVerificationBeforeUpdate": list{"email"}}}),
			invalid("All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes"),
		},
		{"too many tags", unsure, updatePool(obj{"UserPoolTags": manyTags(51)}), problem{"UserPoolTaggingException", "A user pool has at most 50 tags.", 0}},
		{"too many tags of a new pool", unsure, createPool(obj{"UserPoolTags": manyTags(51)}), problem{"UserPoolTaggingException", "A user pool has at most 50 tags.", 0}},
		{
			"attribute that is required", moto, func(w *world) *answer {
				return w.call("AddCustomAttributes", obj{"UserPoolId": w.pool, "CustomAttributes": list{with(stringAttribute(nil), obj{"Required": true})}})
			}, invalid("Required custom attributes are not supported currently."),
		},
		{"provider that there is not", recorded, updateClient(obj{"SupportedIdentityProviders": list{"Google"}}), invalid("The provider Google does not exist for User Pool ID.")},
		{
			"client_credentials without a secret", recorded,
			updateClient(obj{"AllowedOAuthFlows": list{"client_credentials"}, "AllowedOAuthScopes": list{"openid"}, "AllowedOAuthFlowsUserPoolClient": true}),
			grantsProblem("client_credentials flow can not be selected if client does not have a client secret."),
		},
		{"access token of two days", recorded, updateClient(obj{"AccessTokenValidity": 2, "TokenValidityUnits": obj{"AccessToken": "days"}}), badValidity},
		{"may write the flag", recorded, updateClient(obj{"WriteAttributes": list{"email", "email_verified"}}), badRewrite},
		{"may write what there is not", recorded, updateClient(obj{"WriteAttributes": list{"custom:x"}}), badRewrite},
		{"may read what there is not", unsure, updateClient(obj{"ReadAttributes": list{"custom:x"}}), invalid("Invalid read attributes specified while updating a client")},
		{"analytics by id alone", recorded, updateClient(obj{"AnalyticsConfiguration": obj{"ApplicationId": "d70b2ba36a8c4dc5a04a0451a31a1e12"}}), badAnalytics},
		{"role of another account", recorded, func(w *world) *answer {
			w.ok("CreateGroup", obj{"UserPoolId": w.pool, "GroupName": "g"})
			return w.call("UpdateGroup", obj{"UserPoolId": w.pool, "GroupName": "g", "RoleArn": foreignRole})
		}, invalid("Cross-account pass role is not allowed.")},
		{"no SMS for phone numbers", recorded, updatePool(obj{"AutoVerifiedAttributes": list{"phone_number"}}), invalid("SMS configuration is required when phone_number is selected for auto verification")},
		{"attribute that there is", moto, func(w *world) *answer {
			one := obj{"UserPoolId": w.pool, "CustomAttributes": list{stringAttribute(nil)}}
			w.ok("AddCustomAttributes", one)
			return w.call("AddCustomAttributes", one)
		}, invalid("custom:x: Existing attribute already has name custom:x.")},
		{"attribute for developers that there is", unsure, func(w *world) *answer {
			one := obj{"UserPoolId": w.pool, "CustomAttributes": list{with(stringAttribute(nil), obj{"DeveloperOnlyAttribute": true})}}
			w.ok("AddCustomAttributes", one)
			return w.call("AddCustomAttributes", one)
		}, invalid("custom:x: Existing attribute already has name custom:x.")},
	})
}

func TestErrorsOfTags(t *testing.T) {
	tag := func(arn func(w *world) string, tags obj) func(*world) *answer {
		return func(w *world) *answer {
			return w.call("TagResource", obj{"ResourceArn": arn(w), "Tags": tags}).without(w.pool)
		}
	}
	of := func(arn string) func(*world) string { return func(*world) string { return arn } }
	own := func(w *world) string { return w.arn(w.pool) }
	const base = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/"
	gone := func(id string) problem {
		return problem{"ResourceNotFoundException", "User pool " + id + " does not exist.", 0}
	}
	one := obj{"k": "v"}
	checkFacts(t, []fact{
		{"no such pool", unsure, tag(of(base+"us-east-1_none"), one), gone("us-east-1_none")},
		{"pool of another region", unsure, tag(of("arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_none"), one), gone("eu-west-1_none")},
		{"pool of another account", unsure, tag(func(w *world) string { return "arn:aws:cognito-idp:us-east-1:999999999999:userpool/" + w.pool }, one), gone("ID")},
		{"another service", unsure, tag(func(w *world) string { return "arn:aws:s3:us-east-1:123456789012:userpool/" + w.pool }, one), gone("ID")},
		{"no pool at all", unsure, tag(of("arn:aws:cognito-idp:us-east-1:123456789012:thing/x"), one), gone("")},
		{"too many", unsure, tag(own, manyTags(51)), invalid("A user pool has at most 50 tags.")},
		{"too many with those there are", unsure, func(w *world) *answer {
			tag(own, manyTags(50))(w).wantOK(w.t)
			return tag(own, obj{"one more": ""})(w)
		}, invalid("A user pool has at most 50 tags.")},
	})
}

func TestErrorsOfClientSecrets(t *testing.T) {
	add := func(c func(*world) *client) func(*world) *answer {
		return func(w *world) *answer {
			return w.call("AddUserPoolClientSecret", obj{"UserPoolId": w.pool, "ClientId": c(w).id})
		}
	}
	remove := func(w *world, id string) *answer {
		return w.call("DeleteUserPoolClientSecret", obj{"UserPoolId": w.pool, "ClientId": w.keeper.id, "ClientSecretId": id}).without(w.keeper.id)
	}
	keeper := func(w *world) *client { return w.keeper }
	checkFacts(t, []fact{
		{"third secret", unsure, func(w *world) *answer {
			w.keeper.addSecret(ownSecret)
			return add(keeper)(w)
		}, problem{"LimitExceededException", "Client secrets cannot exceed limit of 2 secrets.", 0}},
		{
			"secret for a client without", unsure, add(func(w *world) *client { return w.open }),
			invalid("A client that was made without a secret cannot be given one."),
		},
		{"last secret", unsure, func(w *world) *answer { return remove(w, w.keeper.secretIDs()[0]) }, invalid("The last client secret of an app client cannot be deleted.")},
		{"no such secret", unsure, func(w *world) *answer { return remove(w, "x--1") }, problem{"ResourceNotFoundException", "Client secret x--1 does not exist.", 0}},
		{"page of secrets that there is not", unsure, func(w *world) *answer {
			return w.call("ListUserPoolClientSecrets", obj{"UserPoolId": w.pool, "ClientId": w.keeper.id, "NextToken": "x"})
		}, invalid("Invalid pagination token given.")},
	})
}
