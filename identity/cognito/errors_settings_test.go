package cognito_test

import "testing"

func createPool(settings obj) func(*world) *answer {
	return func(w *world) *answer { return w.call("CreateUserPool", with(obj{"PoolName": "p"}, settings)) }
}

func createSchema(attributes ...obj) func(*world) *answer {
	l := list{}
	for _, a := range attributes {
		l = append(l, a)
	}
	return createPool(obj{"Schema": l})
}

func stringAttribute(constraints obj) obj {
	return obj{"Name": "x", "AttributeDataType": "String", "StringAttributeConstraints": constraints}
}

func numberAttribute(constraints obj) obj {
	return obj{"Name": "x", "AttributeDataType": "Number", "NumberAttributeConstraints": constraints}
}

func createPolicy(p obj) func(*world) *answer {
	return createPool(obj{"Policies": obj{"PasswordPolicy": p}})
}

func violation(text string) problem { return invalid("1 validation error detected: " + text) }

var (
	needSMS     = invalid("SMS configuration and Auto verification for phone_number are required when MFA is required/optional")
	smsSettings = obj{"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}
)

func TestErrorsOfSchemas(t *testing.T) {
	checkFacts(t, []fact{
		{"attribute twice", recorded, createSchema(stringAttribute(nil), stringAttribute(nil)), invalid("Duplicate custom attribute names custom:x are not allowed in a user pool schema.")},
		{"required custom attribute", moto, createSchema(with(stringAttribute(nil), obj{"Required": true})), invalid("Required custom attributes are not supported currently.")},
		{
			"other type of a standard attribute", moto, createSchema(obj{"Name": "email", "AttributeDataType": "Number"}),
			invalid("You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"),
		},
		{
			"standard attribute for developers only", moto, createSchema(obj{"Name": "email", "DeveloperOnlyAttribute": true}),
			invalid("You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email"),
		},
		{
			"custom attribute without a type", moto, createSchema(obj{"Name": "x"}),
			invalid("Invalid AttributeDataType input, consider using the provided AttributeDataType enum."),
		},
		{"length is no number", moto, createSchema(stringAttribute(obj{"MaxLength": "many"})), invalid("Invalid StringAttributeConstraints for schema attribute custom:x")},
		{"length below zero", moto, createSchema(stringAttribute(obj{"MinLength": "-1"})), invalid("Invalid StringAttributeConstraints for schema attribute custom:x")},
		{"value is no number", moto, createSchema(numberAttribute(obj{"MinValue": "few"})), invalid("Invalid NumberAttributeConstraints for schema attribute custom:x")},
		{"length beyond 2048", moto, createSchema(stringAttribute(obj{"MaxLength": "2049"})), invalid("user.x: String attributes cannot have a length of more than 2048")},
		{"lengths the wrong way round", recorded, createSchema(stringAttribute(obj{"MinLength": "2", "MaxLength": "1"})), invalid("Attribute custom:x cannot have a max length shorter than it's min length")},
		{"values the wrong way round", recorded, createSchema(numberAttribute(obj{"MinValue": "2", "MaxValue": "1"})), invalid("Attribute custom:x cannot have a max value smaller than it's min value")},
		{"no name", ours, createPool(obj{"PoolName": nil}), violation("Value null at 'poolName' failed to satisfy constraint: Member must not be null")},
		{
			"name with other characters", ours, createPool(obj{"PoolName": "a/b"}),
			violation(`Value 'a/b' at 'poolName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w\s+=,.@-]+`),
		},
		{
			"aliases and username attributes", recorded, createPool(obj{"AliasAttributes": list{"email"}, "UsernameAttributes": list{"email"}}),
			invalid("Only one of the aliasAttributes or usernameAttributes can be set in a User pool."),
		},
	})
}

func TestErrorsOfPoolSettings(t *testing.T) {
	checkFacts(t, []fact{
		{
			"password too short to ask for", ours, createPolicy(obj{"MinimumLength": 5}),
			violation("Value '5' at 'policies.passwordPolicy.minimumLength' failed to satisfy constraint: Member must have value greater than or equal to 6"),
		},
		{
			"password too long to ask for", ours, createPolicy(obj{"MinimumLength": 100}),
			violation("Value '100' at 'policies.passwordPolicy.minimumLength' failed to satisfy constraint: Member must have value less than or equal to 99"),
		},
		{"two lives of a temporary password", ours, createPool(obj{
			"Policies":              obj{"PasswordPolicy": obj{"TemporaryPasswordValidityDays": 3}},
			"AdminCreateUserConfig": obj{"UnusedAccountValidityDays": 4},
		}), invalid("Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays")},
		{
			"first factors without a password", recorded, createPool(obj{"Policies": obj{"SignInPolicy": obj{"AllowedFirstAuthFactors": list{"EMAIL_OTP"}}}}),
			invalid("Password should be configured as one of the allowed first auth factors."),
		},
		{"optional MFA without SMS", recorded, createPool(obj{"MfaConfiguration": "OPTIONAL"}), needSMS},
		{"required MFA without SMS", recorded, createPool(obj{"MfaConfiguration": "ON"}), needSMS},
		{"recovery by an operator and by mail", recorded, createPool(obj{"AccountRecoverySetting": obj{"RecoveryMechanisms": list{
			obj{"Name": "admin_only", "Priority": 1}, obj{"Name": "verified_email", "Priority": 2},
		}}}), invalid("Invalid account recovery setting parameter. Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms.")},
		{"recovery with one priority twice", recorded, createPool(obj{"AccountRecoverySetting": obj{"RecoveryMechanisms": list{
			obj{"Name": "verified_phone_number", "Priority": 1}, obj{"Name": "verified_email", "Priority": 1},
		}}}), invalid("Invalid account recovery setting parameter. Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.")},
		{
			"verified before an update and not at all", recorded, createPool(obj{"UserAttributeUpdateSettings": obj{"AttributesRequireVerificationBeforeUpdate": list{"email"}}}),
			invalid("All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes"),
		},
		{
			"no number of pools to list", ours, func(w *world) *answer { return w.call("ListUserPools", obj{}) },
			violation("Value null at 'maxResults' failed to satisfy constraint: Member must not be null"),
		},
		{
			"too many pools to list", ours, func(w *world) *answer { return w.call("ListUserPools", obj{"MaxResults": 61}) },
			violation("Value '61' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 60"),
		},
		{
			"page token is garbage", recalled, func(w *world) *answer { return w.call("ListUserPools", obj{"MaxResults": 1, "NextToken": "garbage"}) },
			invalid("Invalid pagination token given."),
		},
	})
}

func createClient(settings obj) func(*world) *answer {
	return func(w *world) *answer {
		a := w.call("CreateUserPoolClient", with(obj{"UserPoolId": w.pool, "ClientName": "c"}, settings))
		return a.without(w.pool)
	}
}

func grantsProblem(message string) problem { return problem{"InvalidOAuthFlowException", message, 0} }

func createOAuth(settings obj) func(*world) *answer {
	return createClient(with(obj{"AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthScopes": list{"openid"}}, settings))
}

var (
	back        = list{"https://example.com/back"}
	badWrite    = invalid("Invalid write attributes specified while creating a client")
	badValidity = invalid("Invalid range for token validity.")
	badRewrite  = invalid("Invalid write attributes specified while updating a client")

	badAnalytics = invalid("Invalid analytics configuration given, either <application arn> or <application id, role arn, external id> are valid")
)

func TestErrorsOfCallbacks(t *testing.T) {
	facts := []fact{}
	for u, text := range map[string]string{
		"http://example.com/": "http://example.com/ cannot use the HTTP protocol.", "http://localhost.example.com/": "http://localhost.example.com/ cannot use the HTTP protocol.",
		"https://example.com/#x": "https://example.com/#x cannot use fragment",
	} {
		facts = append(facts,
			fact{"callback " + u, recorded, createClient(obj{"CallbackURLs": list{u}}), invalid(text)},
			fact{"logout " + u, recorded, createClient(obj{"LogoutURLs": list{u}}), invalid(text)})
	}
	for _, u := range []string{
		"/back", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https:///x",
	} {
		facts = append(facts, fact{
			"callback " + u, unsure, createClient(obj{"CallbackURLs": list{u}}),
			invalid(u + " is not an absolute URL without fragment, https unless to the loopback address."),
		})
	}
	checkFacts(t, facts)
}

func TestErrorsOfClientSettings(t *testing.T) {
	checkFacts(t, []fact{
		{
			"client_credentials beside code", recorded, createOAuth(obj{"AllowedOAuthFlows": list{"client_credentials", "code"}, "CallbackURLs": back, "GenerateSecret": true}),
			grantsProblem("client_credentials flow can not be selected along with code flow or implicit flow."),
		},
		{
			"client_credentials without a secret", recorded, createOAuth(obj{"AllowedOAuthFlows": list{"client_credentials"}}),
			grantsProblem("client_credentials flow can not be selected if client does not have a client secret."),
		},
		{
			"OAuth without flows", recorded, createOAuth(nil),
			invalid("AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows."),
		},
		{
			"OAuth with an empty list of flows", recorded, createOAuth(obj{"AllowedOAuthFlows": list{}, "CallbackURLs": back}),
			invalid("AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows."),
		},
		{
			"OAuth without scopes", recorded, createOAuth(obj{"AllowedOAuthFlows": list{"code"}, "AllowedOAuthScopes": list{}, "CallbackURLs": back}),
			invalid("AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows."),
		},
		{
			"code without a callback", recorded, createOAuth(obj{"AllowedOAuthFlows": list{"code"}}),
			grantsProblem("CallbackUrls can not be empty when code flow or implicit flow is selected"),
		},
		{
			"implicit without a callback", recorded, createOAuth(obj{"AllowedOAuthFlows": list{"implicit"}}),
			grantsProblem("CallbackUrls can not be empty when code flow or implicit flow is selected"),
		},
		{
			"default redirect that is no callback", recorded, createClient(obj{"CallbackURLs": back, "DefaultRedirectURI": "https://example.com/other"}),
			invalid("The default redirect URI https://example.com/other is not in the callback URIs list."),
		},
		{
			"scope of no resource server", recorded, createClient(obj{"AllowedOAuthScopes": list{"api/read"}}),
			problem{"ScopeDoesNotExistException", "Invalid scope requested: api/read", 0},
		},
		{
			"provider that there is not", recorded, createClient(obj{"SupportedIdentityProviders": list{"COGNITO", "Google"}}),
			invalid("The provider Google does not exist for User Pool ID."),
		},
		{"may write the flag", recorded, createClient(obj{"WriteAttributes": list{"email", "email_verified"}}), badWrite},
		{"may write the other flag", recorded, createClient(obj{"WriteAttributes": list{"phone_number_verified"}}), badWrite},
		{"may write the sub", recorded, createClient(obj{"WriteAttributes": list{"sub"}}), badWrite},
	})
}

func TestErrorsOfClientGrants(t *testing.T) {
	checkFacts(t, []fact{
		{"may write what there is not", unsure, createClient(obj{"WriteAttributes": list{"custom:x"}}), badWrite},
		{"may read what there is not", unsure, createClient(obj{"ReadAttributes": list{"custom:x"}}), invalid("Invalid read attributes specified while creating a client")},
		{"may not write what is required", recorded, func(w *world) *answer {
			w.pool = w.server.pool(obj{"Schema": list{obj{"Name": "email", "Required": true}}})
			return createClient(obj{"WriteAttributes": list{"nickname"}})(w)
		}, badWrite},
		{"access token of a second", recorded, createClient(obj{"AccessTokenValidity": 1, "TokenValidityUnits": obj{"AccessToken": "seconds"}}), badValidity},
		{"access token of two days", recorded, createClient(obj{"AccessTokenValidity": 2, "TokenValidityUnits": obj{"AccessToken": "days"}}), badValidity},
		{"ID token of 25 hours", recorded, createClient(obj{"IdTokenValidity": 25}), badValidity},
		{"refresh token of a minute", recorded, createClient(obj{"RefreshTokenValidity": 1, "TokenValidityUnits": obj{"RefreshToken": "minutes"}}), badValidity},
		{
			"refresh token of eleven years", recorded, createClient(obj{"RefreshTokenValidity": 4015, "TokenValidityUnits": obj{"RefreshToken": "days"}}),
			badValidity,
		},
		{"refresh token shorter than the access token", recorded, createClient(obj{"RefreshTokenValidity": 1, "AccessTokenValidity": 2, "TokenValidityUnits": obj{"RefreshToken": "hours"}}), invalid("Access and Id Token expiration times must be less than or equal to refresh token expiration times.")},
		{
			"old and new names of flows", recorded, createClient(obj{"ExplicitAuthFlows": list{"ALLOW_USER_SRP_AUTH", "ADMIN_NO_SRP_AUTH"}}),
			invalid("Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names."),
		},
		{
			"rotation beside the flow without", recorded, createClient(obj{"ExplicitAuthFlows": list{"ALLOW_REFRESH_TOKEN_AUTH"}, "RefreshTokenRotation": obj{"Feature": "ENABLED"}}),
			invalid("ALLOW_REFRESH_TOKEN_AUTH is not a permitted ExplicitAuthFlow when refresh token rotation is enabled"),
		},
		{
			"two ways to a secret", unsure, createClient(obj{"GenerateSecret": true, "ClientSecret": "012345678901234567890123"}),
			invalid("ClientSecret cannot be specified when GenerateSecret is true."),
		},
		{
			"user data without a secret", recorded, createClient(obj{"EnablePropagateAdditionalUserContextData": true}),
			invalid("Client Secret is required to set EnablePropagateAdditionalUserContextData as true"),
		},
	})
}
