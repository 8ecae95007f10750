package clients_test

import (
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

func (w *world) describe() *types.UserPoolType {
	w.Helper()
	return must(w.api.DescribeUserPool(w.Context(), &cip.DescribeUserPoolInput{UserPoolId: &w.pool}))(w).UserPool
}

// An update replaces all settings: what it leaves out goes back to its default.
func TestUpdateUserPool(t *testing.T) {
	w := newWorld(t, withPlan, nil)
	want := &types.UserPoolType{
		Name: aws.String("renamed"),
		Policies: &types.UserPoolPolicyType{
			PasswordPolicy: &types.PasswordPolicyType{MinimumLength: aws.Int32(20), TemporaryPasswordValidityDays: 2, PasswordHistorySize: aws.Int32(0)},
			SignInPolicy:   &types.SignInPolicyType{AllowedFirstAuthFactors: []types.AuthFactorType{"PASSWORD"}},
		},
		DeletionProtection: "ACTIVE", AutoVerifiedAttributes: []types.VerifiedAttributeType{"email"},
		AdminCreateUserConfig: &types.AdminCreateUserConfigType{AllowAdminCreateUserOnly: true, UnusedAccountValidityDays: 2},
		AccountRecoverySetting: &types.AccountRecoverySettingType{
			RecoveryMechanisms: []types.RecoveryOptionType{{Name: "verified_email", Priority: aws.Int32(1)}},
		},
		UserPoolTags: map[string]string{"stage": "test"},
	}
	must(w.api.UpdateUserPool(t.Context(), &cip.UpdateUserPoolInput{
		UserPoolId: &w.pool, PoolName: want.Name, Policies: want.Policies, DeletionProtection: want.DeletionProtection,
		AutoVerifiedAttributes: want.AutoVerifiedAttributes, AccountRecoverySetting: want.AccountRecoverySetting, UserPoolTags: want.UserPoolTags,
		AdminCreateUserConfig: &types.AdminCreateUserConfigType{AllowAdminCreateUserOnly: true},
	}))(t)
	got := w.describe()
	same(t, got, want)
	if got.LastModifiedDate.Before(*got.CreationDate) {
		t.Errorf("made %v, modified %v", got.CreationDate, got.LastModifiedDate)
	}
	_, err := w.signUp("alice")
	refused[*types.NotAuthorizedException](t, err, "SignUp is not permitted for this user pool")

	must(w.api.UpdateUserPool(t.Context(), &cip.UpdateUserPoolInput{UserPoolId: &w.pool, AutoVerifiedAttributes: want.AutoVerifiedAttributes}))(t)
	got = w.describe()
	same(t, got, &types.UserPoolType{Name: want.Name, AdminCreateUserConfig: &types.AdminCreateUserConfigType{UnusedAccountValidityDays: 7}})
	if *got.Policies.PasswordPolicy.MinimumLength != 8 || got.DeletionProtection == "ACTIVE" {
		t.Errorf("after an update without settings: %s, %s", text(t, got.Policies), got.DeletionProtection)
	}
	must(w.signUp("alice"))(t)
}

func TestAddCustomAttributes(t *testing.T) {
	w := newWorld(t, withPlan, nil)
	w.newUser("alice")
	must(w.api.AddCustomAttributes(t.Context(), &cip.AddCustomAttributesInput{UserPoolId: &w.pool, CustomAttributes: []types.SchemaAttributeType{
		{Name: aws.String("seats"), AttributeDataType: "Number", Mutable: aws.Bool(true), NumberAttributeConstraints: &types.NumberAttributeConstraintsType{MaxValue: aws.String("9")}},
	}}))(t)
	signed := w.tokens("alice", password)
	update := func(seats string) error {
		_, err := w.api.UpdateUserAttributes(t.Context(), &cip.UpdateUserAttributesInput{AccessToken: signed.AccessToken, UserAttributes: listed("custom:seats", seats)})
		return err
	}
	if err := update("9"); err != nil {
		t.Error(err)
	}
	w.has(signed, "custom:seats", "9")
	refused[*types.InvalidParameterException](t, update("ten"), "Attributes did not conform to the schema: custom:seats: Attribute value must be a number\n")
}

func TestMFAConfigReadsBackAsItWasSet(t *testing.T) {
	w := newWorld(t, nil, nil)
	get := func() *cip.GetUserPoolMfaConfigOutput {
		return must(w.api.GetUserPoolMfaConfig(t.Context(), &cip.GetUserPoolMfaConfigInput{UserPoolId: &w.pool}))(t)
	}
	if got := get(); got.MfaConfiguration != "OFF" {
		t.Errorf("a new pool: got %s", text(t, got))
	}
	_, err := w.api.SetUserPoolMfaConfig(t.Context(), &cip.SetUserPoolMfaConfigInput{UserPoolId: &w.pool, MfaConfiguration: "ON"})
	refused[*types.InvalidParameterException](t, err, "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled.")
	want := &cip.GetUserPoolMfaConfigOutput{
		MfaConfiguration: "OPTIONAL", SoftwareTokenMfaConfiguration: &types.SoftwareTokenMfaConfigType{Enabled: true},
		SmsMfaConfiguration: &types.SmsMfaConfigType{SmsAuthenticationMessage: aws.String("Code: {####}"), SmsConfiguration: smsSender()},
	}
	set := must(w.api.SetUserPoolMfaConfig(t.Context(), &cip.SetUserPoolMfaConfigInput{
		UserPoolId: &w.pool, MfaConfiguration: want.MfaConfiguration,
		SoftwareTokenMfaConfiguration: want.SoftwareTokenMfaConfiguration, SmsMfaConfiguration: want.SmsMfaConfiguration,
	}))(t)
	same(t, set, &cip.SetUserPoolMfaConfigOutput{
		MfaConfiguration: want.MfaConfiguration, SoftwareTokenMfaConfiguration: want.SoftwareTokenMfaConfiguration, SmsMfaConfiguration: want.SmsMfaConfiguration,
	})
	same(t, get(), want)
	if got := w.describe().MfaConfiguration; got != "OPTIONAL" {
		t.Errorf("DescribeUserPool: MfaConfiguration is %s, want OPTIONAL", got)
	}
	must(w.api.SetUserPoolMfaConfig(t.Context(), &cip.SetUserPoolMfaConfigInput{UserPoolId: &w.pool, MfaConfiguration: "OFF"}))(t)
	if got := get(); got.MfaConfiguration != "OFF" {
		t.Errorf("after it was turned off: got %s", text(t, got))
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t, func(in *cip.CreateUserPoolInput) { in.UserPoolTags = map[string]string{"stage": "test"} }, nil)
	arn := w.describe().Arn
	tags := func(want map[string]string) {
		t.Helper()
		if got := must(w.api.ListTagsForResource(t.Context(), &cip.ListTagsForResourceInput{ResourceArn: arn}))(t).Tags; !maps.Equal(got, want) {
			t.Errorf("ListTagsForResource: got %v, want %v", got, want)
		}
		if got := w.describe().UserPoolTags; !maps.Equal(got, want) {
			t.Errorf("DescribeUserPool: got %v, want %v", got, want)
		}
	}
	tags(map[string]string{"stage": "test"})
	must(w.api.TagResource(t.Context(), &cip.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"stage": "live", "team": "blue"}}))(t)
	tags(map[string]string{"stage": "live", "team": "blue"})
	must(w.api.UntagResource(t.Context(), &cip.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team", "none"}}))(t)
	tags(map[string]string{"stage": "live"})
}

func TestUpdateUserPoolClient(t *testing.T) {
	w := newWorld(t, nil, func(in *cip.CreateUserPoolClientInput) { in.GenerateSecret = true })
	w.newUser("alice")
	signed := w.tokens("alice", password)
	want := &types.UserPoolClientType{
		ClientName: aws.String("tests"), ClientSecret: &w.secret, PreventUserExistenceErrors: "ENABLED",
		ExplicitAuthFlows:   []types.ExplicitAuthFlowsType{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
		AccessTokenValidity: aws.Int32(15), TokenValidityUnits: &types.TokenValidityUnitsType{AccessToken: "minutes"},
		ReadAttributes: []string{"name"}, RefreshTokenValidity: 10,
	}
	out := must(w.api.UpdateUserPoolClient(t.Context(), &cip.UpdateUserPoolClientInput{
		UserPoolId: &w.pool, ClientId: &w.client, PreventUserExistenceErrors: want.PreventUserExistenceErrors, ExplicitAuthFlows: want.ExplicitAuthFlows,
		AccessTokenValidity: want.AccessTokenValidity, TokenValidityUnits: want.TokenValidityUnits,
		ReadAttributes: want.ReadAttributes, RefreshTokenValidity: want.RefreshTokenValidity,
	}))(t)
	same(t, out.UserPoolClient, want)
	found := must(w.api.DescribeUserPoolClient(t.Context(), &cip.DescribeUserPoolClientInput{UserPoolId: &w.pool, ClientId: &w.client}))(t)
	same(t, found.UserPoolClient, want)
	again := must(w.initiate("REFRESH_TOKEN_AUTH", w.with("alice", map[string]string{"REFRESH_TOKEN": *signed.RefreshToken})))(t)
	if got := again.AuthenticationResult.ExpiresIn; got != 900 {
		t.Errorf("an access token after the update: %d s, want 900", got)
	}
	if _, there := claims(t, again.AuthenticationResult.IdToken)["email"]; there {
		t.Error("the ID token has an attribute that the client may no longer read")
	}
	_, err := w.signIn("nobody", password)
	refused[*types.NotAuthorizedException](t, err, "Incorrect username or password.")
	must(w.api.UpdateUserPoolClient(t.Context(), &cip.UpdateUserPoolClientInput{UserPoolId: &w.pool, ClientId: &w.client, ExplicitAuthFlows: want.ExplicitAuthFlows}))(t)
	_, err = w.signIn("nobody", password)
	refused[*types.UserNotFoundException](t, err, "User does not exist.")
}

// While a client's secret is rotated both are good, then the newer one only.
func TestRotationOfAClientsSecret(t *testing.T) {
	w := newWorld(t, nil, func(in *cip.CreateUserPoolClientInput) { in.GenerateSecret = true })
	w.newUser("alice")
	older := w.secret
	list := func() []types.ClientSecretDescriptorType {
		return must(w.api.ListUserPoolClientSecrets(t.Context(), &cip.ListUserPoolClientSecretsInput{UserPoolId: &w.pool, ClientId: &w.client}))(t).ClientSecrets
	}
	first := list()
	if len(first) != 1 || first[0].ClientSecretValue != nil {
		t.Fatalf("a new client: got the secrets %s, want one without its value", text(t, first))
	}
	remove := func(id *string) error {
		_, err := w.api.DeleteUserPoolClientSecret(t.Context(), &cip.DeleteUserPoolClientSecretInput{UserPoolId: &w.pool, ClientId: &w.client, ClientSecretId: id})
		return err
	}
	if remove(first[0].ClientSecretId) == nil {
		t.Error("the only secret was deleted")
	}
	add := func() (*cip.AddUserPoolClientSecretOutput, error) {
		return w.api.AddUserPoolClientSecret(t.Context(), &cip.AddUserPoolClientSecretInput{UserPoolId: &w.pool, ClientId: &w.client},
			func(o *cip.Options) { o.RetryMaxAttempts = 1 }) // LimitExceededException is a reason to try again for the SDK
	}
	newer := *must(add())(t).ClientSecretDescriptor.ClientSecretValue
	_, err := add()
	refused[*types.LimitExceededException](t, err, "Client secrets cannot exceed limit of 2 secrets.")
	for _, w.secret = range []string{older, newer} {
		w.tokens("alice", password)
	}
	if err := remove(first[0].ClientSecretId); err != nil {
		t.Fatal(err)
	}
	w.tokens("alice", password)
	w.secret = older
	_, err = w.signIn("alice", password)
	refused[*types.NotAuthorizedException](t, err, "Unable to verify secret hash for client "+w.client)
}
