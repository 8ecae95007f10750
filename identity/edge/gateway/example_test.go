package gateway_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"

	"github.com/cognate-id/cognate/identity/edge/gateway"
	"github.com/cognate-id/cognate/token"
)

// region authorizer
func newAuthorizer(issuer, clientID string) (http.Handler, error) {
	keys, err := token.NewRemoteKeys([]string{issuer}, nil)
	if err != nil {
		return nil, err
	}
	v, err := token.NewVerifier([]string{issuer}, keys, []string{clientID}, &token.VerifierOptions{Use: token.UseAccess, Scopes: []string{"api/read"}})
	if err != nil {
		return nil, err
	}
	return gateway.NewLambda(v, nil), nil
}

// endregion

// A Lambda authorizer is a handler.
func ExampleNewLambda() {
	authorizer, err := newAuthorizer("https://auth.example.com/us-east-1_AbCdEf123", "1example23456789")
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("POST /authorizer", authorizer)
}

// What a function reads of a caller with temporary credentials.
func ExampleCaller_HTTP() {
	c := gateway.Caller{
		AccessKey: "ASIAEXAMPLE", Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/guest/CognitoIdentityCredentials",
		UserID: "AROAEXAMPLE:CognitoIdentityCredentials", IdentityID: "us-east-1:i", PoolID: "us-east-1:p", AMR: []string{"unauthenticated"},
	}
	text, err := json.Marshal(c.HTTP().IAM.CognitoIdentity)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	// Output: {"amr":["unauthenticated"],"identityId":"us-east-1:i","identityPoolId":"us-east-1:p"}
}
