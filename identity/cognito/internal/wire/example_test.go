package wire_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

func ExampleNewHandler() {
	h := wire.NewHandler(nil, idp.Service(&idp.Handlers{
		GetUser: func(_ context.Context, in *idp.GetUserRequest) (*idp.GetUserResponse, error) {
			if *in.AccessToken != "good" {
				return nil, wire.Errorf(idp.NotAuthorizedException, "Invalid Access Token")
			}
			return &idp.GetUserResponse{Username: new(wire.Secret("ann")), UserAttributes: []idp.AttributeType{}}, nil
		},
	}))
	for _, body := range []string{`{"AccessToken":"good"}`, `{"AccessToken":"bad"}`, `{"AccessToken":7}`} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService.GetUser")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"Username":"ann","UserAttributes":[]}
	// 400 {"__type":"NotAuthorizedException","message":"Invalid Access Token"}
	// 400 {"__type":"SerializationException","Message":"NUMBER_VALUE cannot be converted to String"}
}
