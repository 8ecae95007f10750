package identity_test

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/identity"
)

// Somebody signs in by an identity provider of the pool. Package oauth does this for web pages; a program that has verified the answer of a
// provider itself does it so.
func ExampleAppClient_FederatedSignIn() {
	ctx := context.Background()
	pool, _ := newPool(ctx, nil)
	_, err := pool.Admin().Providers().Create(ctx, identity.ProviderSettings{
		Name: "Google", Type: identity.ProviderGoogle,
		Details: map[string]string{"client_id": "1-a.apps.googleusercontent.com", "client_secret": "from Google", "authorize_scopes": "openid email"},
		Mapping: map[string]string{"email": "email", "email_verified": "email_verified"},
	})
	must(err)
	made, err := pool.Admin().Clients().Create(ctx, &identity.ClientSettings{Name: "web", Providers: []string{"COGNITO", "Google"}})
	must(err)

	res, err := pool.Client(made.ID).FederatedSignIn(ctx, identity.FederatedIdentity{
		Provider: "Google", Subject: "1182", Claims: map[string]any{"email": "ada@example.com", "email_verified": true},
	})
	must(err)
	session, err := pool.Session(ctx, res.Tokens.Access)
	must(err)
	user, err := session.User()
	must(err)
	fmt.Println(user.Username, user.Status, user.Attributes["email"], user.Attributes["email_verified"])
	// Output: google_1182 EXTERNAL_PROVIDER ada@example.com true
}
