package clients_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// text shows a value of the SDK's, with what its pointers point to.
func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// same checks that got has, in each field that want sets, the same value.
func same(t *testing.T, got, want any) {
	t.Helper()
	g, w := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
	for i := range w.NumField() {
		field := w.Type().Field(i)
		if !field.IsExported() || w.Field(i).IsZero() {
			continue
		}
		if was := g.FieldByName(field.Name); !reflect.DeepEqual(was.Interface(), w.Field(i).Interface()) {
			t.Errorf("%s: got %s, want %s", field.Name, text(t, was.Interface()), text(t, w.Field(i).Interface()))
		}
	}
}

// What infrastructure tools set they read back, or they see a drift.
func TestPoolReadsBackAsItWasSet(t *testing.T) {
	want := &types.UserPoolType{
		Name: aws.String("many settings"),
		Policies: &types.UserPoolPolicyType{
			PasswordPolicy: &types.PasswordPolicyType{
				MinimumLength: aws.Int32(12), RequireLowercase: true, RequireNumbers: true,
				TemporaryPasswordValidityDays: 3, PasswordHistorySize: aws.Int32(0),
			},
			SignInPolicy: &types.SignInPolicyType{AllowedFirstAuthFactors: []types.AuthFactorType{"PASSWORD"}},
		},
		DeletionProtection:     "INACTIVE",
		AutoVerifiedAttributes: []types.VerifiedAttributeType{"email"},
		AliasAttributes:        []types.AliasAttributeType{"email", "preferred_username"},
		UsernameConfiguration:  &types.UsernameConfigurationType{CaseSensitive: aws.Bool(false)},
		MfaConfiguration:       "OFF",
		UserAttributeUpdateSettings: &types.UserAttributeUpdateSettingsType{
			AttributesRequireVerificationBeforeUpdate: []types.VerifiedAttributeType{"email"},
		},
		VerificationMessageTemplate: &types.VerificationMessageTemplateType{
			DefaultEmailOption: "CONFIRM_WITH_CODE",
			EmailSubject:       aws.String("Welcome"), EmailMessage: aws.String("Your code is {####}"),
		},
		EmailVerificationSubject: aws.String("Welcome"), EmailVerificationMessage: aws.String("Your code is {####}"),
		AdminCreateUserConfig: &types.AdminCreateUserConfigType{
			InviteMessageTemplate: &types.MessageTemplateType{
				EmailSubject: aws.String("Come in"), EmailMessage: aws.String("{username}, {####}"), SMSMessage: aws.String("{username} {####}"),
			},
			UnusedAccountValidityDays: 3,
		},
		AccountRecoverySetting: &types.AccountRecoverySettingType{
			RecoveryMechanisms: []types.RecoveryOptionType{{Name: "verified_email", Priority: aws.Int32(1)}},
		},
		UserPoolTags: map[string]string{"stage": "test"},
		UserPoolTier: "ESSENTIALS",
	}
	custom := []types.SchemaAttributeType{
		{
			Name: aws.String("plan"), AttributeDataType: "String", Mutable: aws.Bool(true),
			StringAttributeConstraints: &types.StringAttributeConstraintsType{MinLength: aws.String("1"), MaxLength: aws.String("20")},
		},
		{
			Name: aws.String("seats"), AttributeDataType: "Number", Mutable: aws.Bool(false),
			NumberAttributeConstraints: &types.NumberAttributeConstraintsType{MinValue: aws.String("0"), MaxValue: aws.String("99")},
		},
	}
	w := newWorld(t, func(in *cip.CreateUserPoolInput) {
		in.PoolName, in.Policies, in.AutoVerifiedAttributes, in.AliasAttributes = want.Name, want.Policies, want.AutoVerifiedAttributes, want.AliasAttributes
		in.DeletionProtection, in.UsernameConfiguration, in.MfaConfiguration = want.DeletionProtection, want.UsernameConfiguration, want.MfaConfiguration
		in.UserAttributeUpdateSettings, in.VerificationMessageTemplate = want.UserAttributeUpdateSettings, want.VerificationMessageTemplate
		in.AdminCreateUserConfig = &types.AdminCreateUserConfigType{InviteMessageTemplate: want.AdminCreateUserConfig.InviteMessageTemplate}
		in.AccountRecoverySetting, in.UserPoolTags, in.UserPoolTier, in.Schema = want.AccountRecoverySetting, want.UserPoolTags, want.UserPoolTier, custom
	}, nil)
	out, err := w.api.DescribeUserPool(t.Context(), &cip.DescribeUserPoolInput{UserPoolId: &w.pool})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.UserPool, want)
	schema := map[string]types.SchemaAttributeType{}
	for _, a := range out.UserPool.SchemaAttributes {
		schema[*a.Name] = a
	}
	for _, a := range custom {
		name := "custom:" + *a.Name
		got := schema[name]
		a.Name = &name
		same(t, &got, &a)
	}
}

func TestPoolDefaults(t *testing.T) {
	api := newWorld(t, nil, nil).api
	made, err := api.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{PoolName: aws.String("defaults")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, made.UserPool, &types.UserPoolType{
		Policies: &types.UserPoolPolicyType{
			PasswordPolicy: &types.PasswordPolicyType{
				MinimumLength: aws.Int32(8), RequireLowercase: true, RequireNumbers: true, RequireSymbols: true, RequireUppercase: true,
				TemporaryPasswordValidityDays: 7,
			},
			SignInPolicy: &types.SignInPolicyType{AllowedFirstAuthFactors: []types.AuthFactorType{"PASSWORD"}},
		},
		DeletionProtection: "INACTIVE", MfaConfiguration: "OFF", UserPoolTier: "ESSENTIALS",
		LambdaConfig:                &types.LambdaConfigType{},
		VerificationMessageTemplate: &types.VerificationMessageTemplateType{DefaultEmailOption: "CONFIRM_WITH_CODE"},
		EmailConfiguration:          &types.EmailConfigurationType{EmailSendingAccount: "COGNITO_DEFAULT"},
		AdminCreateUserConfig:       &types.AdminCreateUserConfigType{UnusedAccountValidityDays: 7},
		Arn:                         aws.String("arn:aws:cognito-idp:" + region + ":123456789012:userpool/" + *made.UserPool.Id),
	})
	found, err := api.DescribeUserPool(t.Context(), &cip.DescribeUserPoolInput{UserPoolId: made.UserPool.Id})
	if err != nil {
		t.Fatal(err)
	}
	same(t, found.UserPool, made.UserPool)
}

func TestClientReadsBackAsItWasSet(t *testing.T) {
	want := &types.UserPoolClientType{
		ClientName:          aws.String("many settings"),
		ExplicitAuthFlows:   []types.ExplicitAuthFlowsType{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"},
		AccessTokenValidity: aws.Int32(10), IdTokenValidity: aws.Int32(20), RefreshTokenValidity: 5,
		TokenValidityUnits:  &types.TokenValidityUnitsType{AccessToken: "minutes", IdToken: "minutes", RefreshToken: "hours"},
		AuthSessionValidity: aws.Int32(7), EnableTokenRevocation: aws.Bool(false), PreventUserExistenceErrors: "ENABLED",
		ReadAttributes: []string{"email", "name"}, WriteAttributes: []string{"name"},
		CallbackURLs: []string{"http://localhost:3000/"}, LogoutURLs: []string{"http://localhost:3000/bye"},
		AllowedOAuthFlows: []types.OAuthFlowType{"code"}, AllowedOAuthScopes: []string{"openid"}, AllowedOAuthFlowsUserPoolClient: aws.Bool(true),
		SupportedIdentityProviders: []string{"COGNITO"},
		RefreshTokenRotation:       &types.RefreshTokenRotationType{Feature: "ENABLED", RetryGracePeriodSeconds: aws.Int32(30)},
	}
	w := newWorld(t, nil, func(in *cip.CreateUserPoolClientInput) {
		in.ClientName, in.ExplicitAuthFlows, in.PreventUserExistenceErrors = want.ClientName, want.ExplicitAuthFlows, want.PreventUserExistenceErrors
		in.AccessTokenValidity, in.IdTokenValidity, in.RefreshTokenValidity = want.AccessTokenValidity, want.IdTokenValidity, want.RefreshTokenValidity
		in.TokenValidityUnits, in.AuthSessionValidity, in.EnableTokenRevocation = want.TokenValidityUnits, want.AuthSessionValidity, want.EnableTokenRevocation
		in.ReadAttributes, in.WriteAttributes, in.CallbackURLs, in.LogoutURLs = want.ReadAttributes, want.WriteAttributes, want.CallbackURLs, want.LogoutURLs
		in.AllowedOAuthFlows, in.AllowedOAuthScopes, in.AllowedOAuthFlowsUserPoolClient = want.AllowedOAuthFlows, want.AllowedOAuthScopes, true
		in.SupportedIdentityProviders, in.RefreshTokenRotation = want.SupportedIdentityProviders, want.RefreshTokenRotation
	})
	out, err := w.api.DescribeUserPoolClient(t.Context(), &cip.DescribeUserPoolClientInput{UserPoolId: &w.pool, ClientId: &w.client})
	if err != nil {
		t.Fatal(err)
	}
	same(t, out.UserPoolClient, want)
}

func TestListUserPools(t *testing.T) {
	w := newWorld(t, nil, nil)
	made := []string{w.pool}
	for range 70 {
		out, err := w.api.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{PoolName: aws.String("one of many")})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, *out.UserPool.Id)
	}
	listed := map[string]int{}
	pages := cip.NewListUserPoolsPaginator(w.api, &cip.ListUserPoolsInput{MaxResults: aws.Int32(25)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.UserPools {
			listed[*p.Id]++
		}
	}
	for _, id := range made {
		if listed[id] != 1 {
			t.Errorf("%s is listed %d times", id, listed[id])
		}
		if _, err := w.api.DeleteUserPool(t.Context(), &cip.DeleteUserPoolInput{UserPoolId: &id}); err != nil {
			t.Error(err)
		}
	}
	_, err := w.api.DescribeUserPool(t.Context(), &cip.DescribeUserPoolInput{UserPoolId: &w.pool})
	refused[*types.ResourceNotFoundException](t, err, "User pool "+w.pool+" does not exist.")
}
