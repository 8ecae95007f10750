package clients_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/smithy-go"
)

// A server for real users takes operators' calls with a key of its own only.
func TestServeWantsOperatorsToSign(t *testing.T) {
	endpoint, id, secret := env(t, "COGNATE_SERVE_URL"), env(t, "COGNATE_KEY_ID"), env(t, "COGNATE_KEY_SECRET")
	in := &cip.ListUserPoolsInput{MaxResults: aws.Int32(1)}
	for _, tt := range []struct {
		name, code, message string
		api                 *cip.Client
	}{
		{"Signed", "", "", sdk(endpoint, id, secret)},
		{
			"WrongSecret", "InvalidSignatureException",
			"The request signature we calculated does not match the signature you provided. " +
				"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
			sdk(endpoint, id, secret+"x"),
		},
		{
			"UnknownKey", "UnrecognizedClientException", "The security token included in the request is invalid.",
			sdk(endpoint, "AKIAIOSFODNN7EXAMPLE", secret),
		},
		{"Unsigned", "MissingAuthenticationTokenException", "Missing Authentication Token", anonymous(endpoint)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.api.ListUserPools(t.Context(), in)
			if tt.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[smithy.APIError](err)
			if !ok || e.ErrorCode() != tt.code || e.ErrorMessage() != tt.message {
				t.Errorf("got %v, want %s: %s", err, tt.code, tt.message)
			}
		})
	}
}

// Users sign nothing, and have real password hashes there.
func TestServeUsers(t *testing.T) {
	endpoint := env(t, "COGNATE_SERVE_URL")
	operator := sdk(endpoint, env(t, "COGNATE_KEY_ID"), env(t, "COGNATE_KEY_SECRET"))
	w := &world{T: t, url: endpoint, api: operator}
	made, err := operator.CreateUserPool(t.Context(), &cip.CreateUserPoolInput{PoolName: aws.String("real")})
	if err != nil {
		t.Fatal(err)
	}
	w.pool = *made.UserPool.Id
	w.client, _ = w.newClient(nil)
	w.api = anonymous(endpoint)
	if _, err := w.signUp("alice"); err != nil {
		t.Fatal(err)
	}
	_, err = w.signIn("alice", password)
	refused[*types.UserNotConfirmedException](t, err, "User is not confirmed.")
	_, err = operator.AdminSetUserPassword(t.Context(), &cip.AdminSetUserPasswordInput{
		UserPoolId: &w.pool, Username: aws.String("alice"), Password: aws.String(password), Permanent: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.getUser(w.tokens("alice", password).AccessToken); err != nil {
		t.Error(err)
	}
	w.verify(w.tokens("alice", password), false)
	_, err = w.api.AdminGetUser(t.Context(), &cip.AdminGetUserInput{UserPoolId: &w.pool, Username: aws.String("alice")})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "MissingAuthenticationTokenException" {
		t.Errorf("an operator's call without a signature: got %v", err)
	}
}
