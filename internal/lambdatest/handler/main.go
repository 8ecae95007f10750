// Command handler is a function of the trigger PreSignUp.
package main

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(_ context.Context, e events.CognitoEventUserPoolsPreSignup) (events.CognitoEventUserPoolsPreSignup, error) {
		if !strings.HasSuffix(e.Request.UserAttributes["email"], "@example.com") {
			return e, errors.New("Invalid email domain") //nolint:staticcheck // it is shown to users
		}
		e.Response.AutoConfirmUser = e.Request.ValidationData["from"] == "validation" && e.Request.ClientMetadata["from"] == "metadata"
		return e, nil
	})
}
