package clients_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestSignUpRefused(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.newUser("alice")
	signUp := func(username, password string, attributes ...types.AttributeType) error {
		_, err := w.api.SignUp(t.Context(), &cip.SignUpInput{
			ClientId: &w.client, Username: &username, Password: &password, UserAttributes: attributes,
		})
		return err
	}
	refused[*types.UsernameExistsException](t, signUp("alice", password), "User already exists")
	for pw, rule := range map[string]string{
		"Aa1!":        "Password not long enough",
		"lower-case1": "Password must have uppercase characters",
		"UPPER-CASE1": "Password must have lowercase characters",
		"No-Numbers":  "Password must have numeric characters",
		"NoSymbols1":  "Password must have symbol characters",
	} {
		refused[*types.InvalidPasswordException](t, signUp("bob", pw), "Password did not conform with policy: "+rule)
	}
	refused[*types.InvalidParameterException](t, signUp("bob", password, types.AttributeType{Name: aws.String("email"), Value: aws.String("nobody")}),
		"Invalid email address format.")
	refused[*types.InvalidParameterException](t, signUp("bob", password, types.AttributeType{Name: aws.String("custom:x"), Value: aws.String("1")}),
		"Attributes did not conform to the schema: custom:x: Attribute does not exist in the schema.\n")
	refused[*types.InvalidParameterException](t, signUp("b ob", password),
		`1 validation error detected: Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+`)
	_, err := w.api.ResendConfirmationCode(t.Context(), &cip.ResendConfirmationCodeInput{ClientId: &w.client, Username: aws.String("alice")})
	refused[*types.InvalidParameterException](t, err, "User is already confirmed.")
}

func TestSignInRefused(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.newUser("alice")
	_, err := w.signIn("alice", "Wrong-Horse-1")
	refused[*types.NotAuthorizedException](t, err, "Incorrect username or password.")
	_, err = w.signIn("nobody", password)
	refused[*types.UserNotFoundException](t, err, "User does not exist.")
	_, err = w.initiate("USER_SRP_AUTH", map[string]string{"USERNAME": "alice", "SRP_A": "abcd"})
	refused[*types.InvalidParameterException](t, err, "USER_SRP_AUTH is not enabled for the client.")
	_, err = w.initiate("ADMIN_USER_PASSWORD_AUTH", map[string]string{"USERNAME": "alice", "PASSWORD": password})
	refused[*types.InvalidParameterException](t, err, "Initiate Auth method not supported.")
	_, err = w.initiate("NO_SUCH_FLOW", map[string]string{"USERNAME": "alice"})
	if e, ok := errors.AsType[*types.InvalidParameterException](err); !ok {
		t.Errorf("a flow that does not exist: got %v, want %T", err, e)
	}
	_, err = w.initiate("REFRESH_TOKEN_AUTH", map[string]string{"REFRESH_TOKEN": "garbage"})
	refused[*types.NotAuthorizedException](t, err, "Invalid Refresh Token.")
	_, err = w.getUser(aws.String("garbage.of.tokens"))
	refused[*types.NotAuthorizedException](t, err, "Invalid Access Token")
	_, err = w.getUser(w.tokens("alice", password).IdToken)
	refused[*types.NotAuthorizedException](t, err, "Invalid Access Token")

	w.client, _ = w.newClient(func(in *cip.CreateUserPoolClientInput) { in.PreventUserExistenceErrors = "ENABLED" })
	_, err = w.signIn("nobody", password)
	refused[*types.NotAuthorizedException](t, err, "Incorrect username or password.")
	w.client = "0123456789abcdefghijklmnop"
	_, err = w.signIn("alice", password)
	refused[*types.ResourceNotFoundException](t, err, "User pool client 0123456789abcdefghijklmnop does not exist.")
}

func TestSecretHashRefused(t *testing.T) {
	w := newWorld(t, nil, func(in *cip.CreateUserPoolClientInput) { in.GenerateSecret = true })
	w.newUser("alice")
	_, err := w.initiate("USER_PASSWORD_AUTH", map[string]string{"USERNAME": "alice", "PASSWORD": password})
	refused[*types.NotAuthorizedException](t, err, "Client "+w.client+" is configured with secret but SECRET_HASH was not received")
	_, err = w.initiate("USER_PASSWORD_AUTH", map[string]string{"USERNAME": "alice", "PASSWORD": password, "SECRET_HASH": *w.hash("bob")})
	refused[*types.NotAuthorizedException](t, err, "Unable to verify secret hash for client "+w.client)
	_, err = w.initiate("REFRESH_TOKEN_AUTH", map[string]string{
		"REFRESH_TOKEN": *w.tokens("alice", password).RefreshToken, "SECRET_HASH": *w.hash("bob"),
	})
	refused[*types.NotAuthorizedException](t, err, "SecretHash does not match for the client: "+w.client)
}

func TestOperatorRefused(t *testing.T) {
	w := newWorld(t, func(in *cip.CreateUserPoolInput) { in.DeletionProtection = "ACTIVE" }, nil)
	_, err := w.api.DeleteUserPool(t.Context(), &cip.DeleteUserPoolInput{UserPoolId: &w.pool})
	refused[*types.InvalidParameterException](t, err,
		"The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.")
	nowhere := region + "_000000000"
	_, err = w.api.DescribeUserPool(t.Context(), &cip.DescribeUserPoolInput{UserPoolId: &nowhere})
	refused[*types.ResourceNotFoundException](t, err, "User pool "+nowhere+" does not exist.")
	_, err = w.api.AdminGetUser(t.Context(), &cip.AdminGetUserInput{UserPoolId: &w.pool, Username: aws.String("nobody")})
	refused[*types.UserNotFoundException](t, err, "User does not exist.")
	for range 2 {
		_, err = w.api.AdminCreateUser(t.Context(), &cip.AdminCreateUserInput{UserPoolId: &w.pool, Username: aws.String("bob"), MessageAction: "SUPPRESS"})
	}
	refused[*types.UsernameExistsException](t, err, "User account already exists")
	_, err = w.api.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{
		PoolName: aws.String("short"), Policies: &types.UserPoolPolicyType{PasswordPolicy: &types.PasswordPolicyType{MinimumLength: aws.Int32(5)}},
	})
	refused[*types.InvalidParameterException](t, err, "1 validation error detected: Value '5' at 'policies.passwordPolicy.minimumLength' "+
		"failed to satisfy constraint: Member must have value greater than or equal to 6")
}

func TestUnknownOperation(t *testing.T) {
	w := newWorld(t, nil, nil)
	in := &cip.DescribeUserPoolInput{UserPoolId: &w.pool}
	_, err := w.api.DescribeUserPool(t.Context(), in, func(o *cip.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("X-Amz-Target", "AWSCognitoIdentityProviderService.NoSuchOperation"))
	})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "UnknownOperationException" {
		t.Errorf("an operation that does not exist: got %v", err)
	}
	// This version does not serve it yet.
	_, err = w.api.DescribeRiskConfiguration(t.Context(), &cip.DescribeRiskConfigurationInput{UserPoolId: &w.pool})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "UnknownOperationException" {
		t.Errorf("an operation that is not served: got %v", err)
	}
}

// The clock of a server for tests can be put forward.
func TestTimePasses(t *testing.T) {
	w := newWorld(t, nil, nil)
	t.Cleanup(func() { w.control("reset", "") })
	w.newUser("alice")
	signed := w.tokens("alice", password)
	if _, err := w.signUp("bob"); err != nil {
		t.Fatal(err)
	}
	old := w.code("bob")

	w.control("clock", `{"advance":"25h"}`)
	_, err := w.getUser(signed.AccessToken)
	refused[*types.NotAuthorizedException](t, err, "Access Token has expired")
	refused[*types.ExpiredCodeException](t, w.confirm("bob", old), "Invalid code provided, please request a code again.")
	if _, err := w.api.ResendConfirmationCode(t.Context(), &cip.ResendConfirmationCodeInput{ClientId: &w.client, Username: aws.String("bob")}); err != nil {
		t.Fatal(err)
	}
	if err := w.confirm("bob", w.code("bob")); err != nil {
		t.Error(err)
	}
	if _, err := w.initiate("REFRESH_TOKEN_AUTH", map[string]string{"REFRESH_TOKEN": *signed.RefreshToken}); err != nil {
		t.Error(err)
	}

	w.control("clock", `{"advance":"720h"}`)
	_, err = w.initiate("REFRESH_TOKEN_AUTH", map[string]string{"REFRESH_TOKEN": *signed.RefreshToken})
	refused[*types.NotAuthorizedException](t, err, "Refresh Token has expired")
}

func TestUserRefused(t *testing.T) {
	w := newWorld(t, func(in *cip.CreateUserPoolInput) { in.AliasAttributes = []types.AliasAttributeType{"email"} }, nil)
	w.newUser("alice")
	who := aws.String("alice")
	signed := w.tokens(*who, password)

	_, err := w.api.AssociateSoftwareToken(t.Context(), &cip.AssociateSoftwareTokenInput{AccessToken: signed.AccessToken})
	refused[*types.SoftwareTokenMFANotFoundException](t, err, "Software Token MFA has not been enabled by the userPool")
	_, err = w.api.UpdateUserAttributes(t.Context(), &cip.UpdateUserAttributesInput{AccessToken: signed.AccessToken, UserAttributes: listed("email_verified", "true")})
	refused[*types.NotAuthorizedException](t, err, "A client attempted to write unauthorized attribute")
	_, err = w.api.DeleteUserAttributes(t.Context(), &cip.DeleteUserAttributesInput{AccessToken: signed.AccessToken, UserAttributeNames: []string{"custom:none"}})
	refused[*types.InvalidParameterException](t, err, "Invalid user attributes: user.custom:none: Attribute does not exist in the schema.\n")
	_, err = w.api.ForgotPassword(t.Context(), &cip.ForgotPasswordInput{ClientId: &w.client, Username: aws.String("nobody")})
	refused[*types.UserNotFoundException](t, err, "Username/client id combination not found.")
	refused[*types.ExpiredCodeException](t, w.remember(*who, "123456", password), "Invalid code provided, please request a code again.")

	// Another user has the address as well, and verifies it too late.
	must(w.api.SignUp(t.Context(), &cip.SignUpInput{
		ClientId: &w.client, Username: aws.String("bob"), Password: aws.String(password), UserAttributes: listed("email", "alice@example.com"),
	}))(t)
	refused[*types.AliasExistsException](t, w.confirm("bob", w.code("bob")), "An account with the given email already exists.")

	change := func() error {
		_, err := w.api.ChangePassword(t.Context(), &cip.ChangePasswordInput{
			AccessToken: signed.AccessToken, PreviousPassword: aws.String("Wrong-Horse-1"), ProposedPassword: aws.String(anotherPassword),
		}, func(o *cip.Options) { o.RetryMaxAttempts = 1 }) // LimitExceededException is a reason to try again for the SDK
		return err
	}
	for range 5 {
		refused[*types.NotAuthorizedException](t, change(), "Incorrect username or password.")
	}
	refused[*types.LimitExceededException](t, change(), "Attempt limit exceeded, please try after some time.")
}

func TestOperatorOfUsersRefused(t *testing.T) {
	w := newWorld(t, nil, nil)
	w.newUser("alice")
	who := aws.String("alice")
	group := func() error {
		_, err := w.api.CreateGroup(t.Context(), &cip.CreateGroupInput{UserPoolId: &w.pool, GroupName: aws.String("readers")})
		return err
	}
	if err := group(); err != nil {
		t.Fatal(err)
	}
	refused[*types.GroupExistsException](t, group(), "A group with the name already exists.")
	_, err := w.api.GetGroup(t.Context(), &cip.GetGroupInput{UserPoolId: &w.pool, GroupName: aws.String("none")})
	refused[*types.ResourceNotFoundException](t, err, "Group not found.")
	_, err = w.api.AdminAddUserToGroup(t.Context(), &cip.AdminAddUserToGroupInput{UserPoolId: &w.pool, GroupName: aws.String("readers"), Username: aws.String("nobody")})
	refused[*types.UserNotFoundException](t, err, "User does not exist.")
	_, err = w.api.CreateGroup(t.Context(), &cip.CreateGroupInput{UserPoolId: &w.pool, GroupName: aws.String("readers"), Precedence: aws.Int32(-1)})
	refused[*types.InvalidParameterException](t, err,
		"1 validation error detected: Value '-1' at 'precedence' failed to satisfy constraint: Member must have value greater than or equal to 0")

	_, err = w.api.AdminConfirmSignUp(t.Context(), &cip.AdminConfirmSignUpInput{UserPoolId: &w.pool, Username: who})
	refused[*types.NotAuthorizedException](t, err, "User cannot be confirmed. Current status is CONFIRMED")
	_, err = w.api.AdminCreateUser(t.Context(), &cip.AdminCreateUserInput{UserPoolId: &w.pool, Username: who, MessageAction: "RESEND"})
	refused[*types.UnsupportedUserStateException](t, err, "Resend not possible. alice status is not FORCE_CHANGE_PASSWORD")
	_, err = w.api.AdminSetUserPassword(t.Context(), &cip.AdminSetUserPasswordInput{UserPoolId: &w.pool, Username: who, Password: aws.String("short")})
	refused[*types.InvalidPasswordException](t, err, "Password does not conform to policy: Password not long enough")
	_, err = w.api.AdminSetUserMFAPreference(t.Context(), &cip.AdminSetUserMFAPreferenceInput{
		UserPoolId: &w.pool, Username: who, SMSMfaSettings: &types.SMSMfaSettingsType{Enabled: true},
	})
	refused[*types.InvalidParameterException](t, err, "User does not have delivery config set to turn on SMS_MFA")
	_, err = w.api.ListUsers(t.Context(), &cip.ListUsersInput{UserPoolId: &w.pool, PaginationToken: aws.String("garbage")})
	refused[*types.InvalidParameterException](t, err, "Invalid pagination token given.")
	_, err = w.api.UpdateUserPoolClient(t.Context(), &cip.UpdateUserPoolClientInput{
		UserPoolId: &w.pool, ClientId: &w.client, AllowedOAuthFlows: []types.OAuthFlowType{"client_credentials"},
		AllowedOAuthScopes: []string{"openid"}, AllowedOAuthFlowsUserPoolClient: true,
	})
	refused[*types.InvalidOAuthFlowException](t, err, "client_credentials flow can not be selected if client does not have a client secret.")
}
