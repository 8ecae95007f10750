package webhook_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/webhook"
)

// What the events of tests begin with, and the attributes of their user.
const (
	attributesOf = `"userAttributes":{"cognito:email_alias":"a<b&c>@example.com","cognito:user_status":"CONFIRMED","email":"a<b&c>@example.com","nickname":"` + canary + `","sub":"sub1"}`
	metadata     = `"clientMetadata":{"k":"m"}`
	validation   = `"validationData":{"k":"v"}`
	groups       = `"groupConfiguration":{"groupsToOverride":["g","h"],"iamRolesToOverride":["arn:r"],"preferredRole":"arn:r"}`
	scopes       = `"scopes":["aws.cognito.signin.user.admin"]`
)

func envelope(version, source, rest string) string {
	return `{"version":"` + version + `","triggerSource":"` + source + `","region":"eu-west-1","userPoolId":"eu-west-1_abc","userName":"alice",` +
		`"callerContext":{"awsSdkVersion":"aws-sdk-unknown-unknown","clientId":"client1"},` + rest + `}`
}

// Each event, byte for byte.
func TestEvents(t *testing.T) {
	f := serve(t, echo)
	h := hooks(t, f, webhook.Options{})
	ctx := t.Context()
	newUser := `"userAttributes":{"email":"a<b&c>@example.com","nickname":"` + canary + `"}`
	wantEvents(t, f, map[string]sent{
		"PreSignUp": {
			func() error { _, err := h.PreSignUp(ctx, preSignUp()); return err },
			envelope("1", "PreSignUp_SignUp", `"request":{`+newUser+`,`+validation+`,`+metadata+`},"response":{"autoConfirmUser":false,"autoVerifyEmail":false,"autoVerifyPhone":false}`),
		},
		"PreSignUp of an operator, without data": {
			func() error {
				e := &hook.PreSignUp{Event: hook.Event{Source: hook.CreateUser, Pool: "us-east-1_x", Username: "bob"}}
				_, err := h.PreSignUp(ctx, e)
				return err
			},
			`{"version":"1","triggerSource":"PreSignUp_AdminCreateUser","region":"us-east-1","userPoolId":"us-east-1_x","userName":"bob",` +
				`"callerContext":{"awsSdkVersion":"aws-sdk-unknown-unknown","clientId":"CLIENT_ID_NOT_APPLICABLE"},"request":{"userAttributes":{},"validationData":null},` +
				`"response":{"autoConfirmUser":false,"autoVerifyEmail":false,"autoVerifyPhone":false}}`,
		},
		"PostConfirmation": {
			func() error {
				return h.PostConfirmation(ctx, &hook.PostConfirmation{Event: common(hook.ConfirmForgotPassword)})
			},
			envelope("1", "PostConfirmation_ConfirmForgotPassword", `"request":{`+attributesOf+`,`+metadata+`},"response":{}`),
		},
		"PreAuthentication": {
			func() error {
				return h.PreAuthentication(ctx, &hook.PreAuthentication{Event: common(hook.BeforeSignIn)})
			},
			envelope("1", "PreAuthentication_Authentication", `"request":{`+attributesOf+`,`+validation+`,"userNotFound":false},"response":{}`),
		},
		"PreAuthentication of nobody": {
			func() error {
				e := &hook.PreAuthentication{Event: hook.Event{Source: hook.BeforeSignIn, Pool: "us-east-1_x", Username: "bob", Client: "c"}, UserNotFound: true}
				return h.PreAuthentication(ctx, e)
			},
			`{"version":"1","triggerSource":"PreAuthentication_Authentication","region":"us-east-1","userPoolId":"us-east-1_x","userName":"bob",` +
				`"callerContext":{"awsSdkVersion":"aws-sdk-unknown-unknown","clientId":"c"},"request":{"userAttributes":{},"validationData":null,"userNotFound":true},"response":{}}`,
		},
		"PostAuthentication": {
			func() error {
				return h.PostAuthentication(ctx, &hook.PostAuthentication{Event: common(hook.AfterSignIn)})
			},
			envelope("1", "PostAuthentication_Authentication", `"request":{`+attributesOf+`,"newDeviceUsed":false,`+metadata+`},"response":{}`),
		},
		"V1": {
			func() error { _, err := h.PreTokenGeneration(ctx, tokens("V1_0")); return err },
			envelope("1", "TokenGeneration_Authentication", `"request":{`+attributesOf+`,`+groups+`,`+metadata+`},"response":{"claimsOverrideDetails":null}`),
		},
		"V2": {
			func() error { _, err := h.PreTokenGeneration(ctx, tokens("V2_0")); return err },
			envelope("2", "TokenGeneration_Authentication", `"request":{`+attributesOf+`,`+groups+`,`+scopes+`,`+metadata+`},"response":{"claimsAndScopeOverrideDetails":null}`),
		},
		"V3, of a refresh without groups": {
			func() error {
				e := &hook.PreTokenGeneration{Event: common(hook.TokensOfRefresh), Version: "V3_0"}
				e.Call = hook.Call{}
				_, err := h.PreTokenGeneration(ctx, e)
				return err
			},
			envelope("3", "TokenGeneration_RefreshTokens", `"request":{`+attributesOf+`,"groupConfiguration":{"groupsToOverride":[],"iamRolesToOverride":[],"preferredRole":null},"scopes":[]},"response":{"claimsAndScopeOverrideDetails":null}`),
		},
	})
}

func TestEventsOfMessagesAndMigration(t *testing.T) {
	f := serve(t, echo)
	h := hooks(t, f, webhook.Options{})
	ctx := t.Context()
	words := `"response":{"smsMessage":null,"emailMessage":null,"emailSubject":null}`
	migrated := `"response":{"userAttributes":null,"forceAliasCreation":null,"enableSMSMFA":null,"finalUserStatus":null,"messageAction":null,"desiredDeliveryMediums":null}`
	message := func(source, name string) string {
		return envelope("1", source, `"request":{`+attributesOf+`,"codeParameter":"{####}","linkParameter":"{##Click Here##}","usernameParameter":`+name+`,`+metadata+`},`+words)
	}
	wantEvents(t, f, map[string]sent{
		"CustomMessage": {
			func() error {
				_, err := h.CustomMessage(ctx, &hook.CustomMessage{Event: common("CustomMessage_ForgotPassword"), Medium: "SMS"})
				return err
			},
			message("CustomMessage_ForgotPassword", "null"),
		},
		"CustomMessage of an invitation": {
			func() error {
				_, err := h.CustomMessage(ctx, &hook.CustomMessage{Event: common("CustomMessage_AdminCreateUser"), Medium: "EMAIL"})
				return err
			},
			message("CustomMessage_AdminCreateUser", `"{username}"`),
		},
		"UserMigration": {
			func() error {
				_, err := h.UserMigration(ctx, &hook.UserMigration{Event: common(hook.MigrateSignIn), Password: "p<&"})
				return err
			},
			envelope("1", "UserMigration_Authentication", `"request":{"password":"p<&",`+validation+`,"userAttributes":null,`+metadata+`},`+migrated),
		},
		"InboundFederation by OIDC": {
			func() error {
				e := &hook.InboundFederation{Event: common(hook.FederatedSignIn), Provider: "Acme", ProviderType: "OIDC"}
				e.IDToken, e.UserInfo = map[string]json.RawMessage{"sub": raw(`"1"`), "groups": raw(`["a"]`)}, map[string]json.RawMessage{}
				_, err := h.InboundFederation(ctx, e)
				return err
			},
			envelope("1", "InboundFederation_ExternalProvider", `"request":{"providerName":"Acme","providerType":"OIDC",`+
				`"attributes":{"idToken":{"groups":["a"],"sub":"1"},"userInfo":{}}},"response":{"userAttributesToMap":null}`),
		},
		"CustomEmailSender": {
			func() error {
				return h.CustomEmailSender(ctx, &hook.CustomSender{Event: common("CustomEmailSender_SignUp"), To: "a<b&c>@example.com", Code: "123456"})
			},
			envelope("1", "CustomEmailSender_SignUp", `"request":{"type":"customEmailSenderRequestV1","code":"123456",`+metadata+`,`+attributesOf+`}`),
		},
		"CustomSMSSender to a new number, without a code": {
			func() error {
				e := &hook.CustomSender{Event: common("CustomSMSSender_UpdateUserAttribute"), To: "+15550100"}
				e.Attributes, e.Aliases, e.Call = map[string]string{"phone_number": "+15550199"}, nil, hook.Call{}
				return h.CustomSMSSender(ctx, e)
			},
			envelope("1", "CustomSMSSender_UpdateUserAttribute", `"request":{"type":"customSMSSenderRequestV1","code":null,"clientMetadata":null,`+
				`"userAttributes":{"cognito:user_status":"CONFIRMED","phone_number":"+15550100","sub":"sub1"}}`),
		},
	})
}

// A sent event is that of a call.
type sent struct {
	run  func() error
	want string
}

func wantEvents(t *testing.T, f *function, cases map[string]sent) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := c.run(); err != nil {
				t.Error(err)
			}
			if got := f.last(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// What a response decides. A decision is nil if the response is invalid.
func TestTokenDecisions(t *testing.T) {
	v1 := func(details string) string { return `{"claimsOverrideDetails":` + details + `}` }
	v2 := func(details string) string { return `{"claimsAndScopeOverrideDetails":` + details + `}` }
	for name, c := range map[string]struct {
		version, response string
		want              *hook.PreTokenGenerationDecision
	}{
		"V1 claims": {"V1_0", v1(`{"claimsToAddOrOverride":{"a":"b"},"claimsToSuppress":["email"]}`), &hook.PreTokenGenerationDecision{
			ID: hook.Claims{Set: map[string]json.RawMessage{"a": raw(`"b"`)}, Suppress: []string{"email"}},
		}},
		"V1 does not change the access token": {"V1_0", v2(`{"accessTokenGeneration":{"claimsToAddOrOverride":{"a":"b"}}}`), &hook.PreTokenGenerationDecision{}},
		"V1 groups": {"V1_0", v1(`{"groupOverrideDetails":{"groupsToOverride":["x"],"iamRolesToOverride":["r"],"preferredRole":"r"}}`), &hook.PreTokenGenerationDecision{
			Groups: &hook.GroupOverride{Names: []string{"x"}, Roles: []string{"r"}, PreferredRole: "r"},
		}},
		"null takes the groups away":    {"V1_0", v1(`{"groupOverrideDetails":null}`), &hook.PreTokenGenerationDecision{Groups: &hook.GroupOverride{}}},
		"so does an empty object":       {"V2_0", v2(`{"groupOverrideDetails":{}}`), &hook.PreTokenGenerationDecision{Groups: &hook.GroupOverride{}}},
		"V1 list as a value":            {"V1_0", v1(`{"claimsToAddOrOverride":{"a":["b"]}}`), nil},
		"V1 number as a value":          {"V1_0", v1(`{"claimsToAddOrOverride":{"a":1}}`), nil},
		"V1 null as a value":            {"V1_0", v1(`{"claimsToAddOrOverride":{"a":null}}`), nil},
		"V1 null as a list":             {"V1_0", v1(`{"claimsToSuppress":null}`), nil},
		"V1 null as a list of groups":   {"V1_0", v1(`{"groupOverrideDetails":{"groupsToOverride":null}}`), nil},
		"V1 null in a list":             {"V1_0", v1(`{"claimsToSuppress":["a",null]}`), nil},
		"V1 text as a list":             {"V1_0", v1(`{"claimsToSuppress":"email"}`), nil},
		"V1 details are a list":         {"V1_0", v1(`[]`), nil},
		"V1 a role that is a number":    {"V1_0", v1(`{"groupOverrideDetails":{"preferredRole":1}}`), nil},
		"V2 null as a list of scopes":   {"V2_0", v2(`{"accessTokenGeneration":{"scopesToAdd":null}}`), nil},
		"V2 scopes to suppress are one": {"V2_0", v2(`{"accessTokenGeneration":{"scopesToSuppress":"a"}}`), nil},
		"V2 null as a value":            {"V2_0", v2(`{"idTokenGeneration":{"claimsToAddOrOverride":{"a":null}}}`), nil},
		"V2 object for email_verified":  {"V2_0", v2(`{"idTokenGeneration":{"claimsToAddOrOverride":{"email_verified":{}}}}`), nil},
		"V2 token is text":              {"V2_0", v2(`{"accessTokenGeneration":"a"}`), nil},
		"V2 both tokens": {"V2_0", v2(`{"idTokenGeneration":{"claimsToAddOrOverride":{"n":1,"o":{"a":[true]}},"claimsToSuppress":["email"]},` +
			`"accessTokenGeneration":{"claimsToAddOrOverride":{"l":["x"]},"claimsToSuppress":["y"],"scopesToAdd":["s"],"scopesToSuppress":["t"]}}`), &hook.PreTokenGenerationDecision{
			ID:        hook.Claims{Set: map[string]json.RawMessage{"n": raw("1"), "o": raw(`{"a":[true]}`)}, Suppress: []string{"email"}},
			Access:    hook.Claims{Set: map[string]json.RawMessage{"l": raw(`["x"]`)}, Suppress: []string{"y"}},
			AddScopes: []string{"s"}, SuppressScopes: []string{"t"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := hooks(t, serve(t, responding(c.response)), webhook.Options{})
			d, err := h.PreTokenGeneration(t.Context(), tokens(c.version))
			if c.want == nil {
				wantInvalid(t, "response", err)
				if !reflect.DeepEqual(d, hook.PreTokenGenerationDecision{}) {
					t.Errorf("half a decision: %+v", d)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(tidy(d), *c.want) {
				t.Errorf("got %+v, %v", d, err)
			}
		})
	}
}

// tidy makes empty maps nil.
func tidy(d hook.PreTokenGenerationDecision) hook.PreTokenGenerationDecision {
	for _, c := range []*hook.Claims{&d.ID, &d.Access} {
		if len(c.Set) == 0 {
			c.Set = nil
		}
	}
	return d
}

func TestOtherDecisions(t *testing.T) {
	signUp := func(r string) (any, error) {
		return hooks(t, serve(t, responding(r)), webhook.Options{}).PreSignUp(t.Context(), preSignUp())
	}
	words := func(medium string) func(string) (any, error) {
		return func(r string) (any, error) {
			e := &hook.CustomMessage{Event: common("CustomMessage_SignUp"), Medium: medium}
			return hooks(t, serve(t, responding(r)), webhook.Options{}).CustomMessage(t.Context(), e)
		}
	}
	migrate := func(r string) (any, error) {
		e := &hook.UserMigration{Event: common(hook.MigrateSignIn), Password: canary}
		return hooks(t, serve(t, responding(r)), webhook.Options{}).UserMigration(t.Context(), e)
	}
	federate := func(r string) (any, error) {
		e := &hook.InboundFederation{Event: common(hook.FederatedSignIn), Provider: "Acme", ProviderType: "SAML"}
		return hooks(t, serve(t, responding(r)), webhook.Options{}).InboundFederation(t.Context(), e)
	}
	for _, c := range []struct {
		run      func(string) (any, error)
		response string
		want     any // nil if the response is invalid
	}{
		{signUp, `{}`, hook.PreSignUpDecision{}},
		{signUp, `{"autoConfirmUser":true,"autoVerifyEmail":null}`, hook.PreSignUpDecision{Confirm: true}},
		{signUp, `{"autoVerifyEmail":true,"autoVerifyPhone":true}`, hook.PreSignUpDecision{VerifyEmail: true, VerifyPhone: true}},
		{signUp, `{"autoConfirmUser":"true"}`, nil},
		{signUp, `{"autoConfirmUser":1}`, nil},
		{words("EMAIL"), `{"smsMessage":"s","emailMessage":"e","emailSubject":"t"}`, hook.CustomMessageDecision{Subject: "t", Body: "e"}},
		{words("SMS"), `{"smsMessage":"s","emailMessage":"e","emailSubject":"t"}`, hook.CustomMessageDecision{Body: "s"}},
		{words("SMS"), `{"smsMessage":null,"emailMessage":"","emailSubject":""}`, hook.CustomMessageDecision{}},
		{words("SMS"), `{"smsMessage":["s"]}`, nil},
		{words("SMS"), `{"emailSubject":{}}`, nil},
		{migrate, `{}`, hook.UserMigrationDecision{}},
		{
			migrate, `{"userAttributes":{"email":"a@example.com"},"finalUserStatus":"CONFIRMED","messageAction":"SUPPRESS","desiredDeliveryMediums":["EMAIL"],"forceAliasCreation":true,"enableSMSMFA":false}`,
			hook.UserMigrationDecision{Attributes: map[string]string{"email": "a@example.com"}, Status: "CONFIRMED", ForceAlias: true},
		},
		{federate, `{}`, hook.InboundFederationDecision{}},
		{federate, `{"userAttributesToMap":{"email":"a@example.com"}}`, hook.InboundFederationDecision{Attributes: map[string]string{"email": "a@example.com"}}},
		{federate, `{"userAttributesToMap":{"email":1}}`, nil},
		{federate, `{"userAttributesToMap":"email"}`, nil},
		{migrate, `{"userAttributes":{"email":null}}`, nil},
		{migrate, `{"userAttributes":{"email_verified":true}}`, nil},
		{migrate, `{"userAttributes":[]}`, nil},
		{migrate, `{"userAttributes":{},"finalUserStatus":"ARCHIVED"}`, nil},
		{migrate, `{"userAttributes":{},"forceAliasCreation":"yes"}`, nil},
		{migrate, `{"userAttributes":{},"desiredDeliveryMediums":"EMAIL"}`, nil},
	} {
		d, err := c.run(c.response)
		if c.want == nil {
			wantInvalid(t, c.response, err)
			continue
		}
		if err != nil || !reflect.DeepEqual(d, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", c.response, d, err, c.want)
		}
	}
	if _, err := words("PIGEON")(`{}`); err == nil {
		t.Error("an unknown medium passes")
	}
}

// No hook is there unless its trigger was named.
func TestHooksAreThoseThatWereNamed(t *testing.T) {
	c := newCaller(t, webhook.Options{})
	for _, trigger := range all {
		h, err := c.Hooks("https://hooks.example.com/x", trigger)
		if err != nil {
			t.Fatal(err)
		}
		v, n := reflect.ValueOf(*h), 0
		for i := range v.NumField() {
			if !v.Field(i).IsNil() {
				n++
				if name := v.Type().Field(i).Name; name != string(trigger) {
					t.Errorf("%s gives the hook %s", trigger, name)
				}
			}
		}
		if n != 1 {
			t.Errorf("%s gives %d hooks", trigger, n)
		}
	}
	for _, bad := range []identity.Trigger{"", "PreSignup", "HostedAuth"} {
		if _, err := c.Hooks("https://hooks.example.com/x", bad); err == nil {
			t.Errorf("the trigger %q passes", bad)
		}
	}
	if _, err := c.Hooks("http://hooks.example.com/x", identity.PreSignUp); err == nil {
		t.Error("http elsewhere passes")
	}
}
