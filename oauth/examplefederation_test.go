package oauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
	providers "github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/store/memory"
)

// An app on a phone signs in at a provider by itself, with a nonce that it has made, and sends its ID token to the program. The resolver verifies it.
func Example_signInWithToken() {
	idp := fakeidp.New("web-client", "secret") // in place of Google, Apple or any OpenID provider
	server := httptest.NewServer(idp)
	defer server.Close()
	idp.Serve(server.URL)

	ctx := context.Background()
	calls, err := fetch.New(&fetch.Options{InsecureLoopback: true}) // nil for providers on the Internet
	must(err)
	engine := identity.New(memory.New(), &identity.Options{Providers: &providers.Resolver{Fetch: calls}})
	pool, err := engine.OpenUserPool(ctx, "main", &identity.PoolSettings{
		Algorithm:        "ES256",
		ProviderPolicies: map[string]identity.ProviderPolicy{"Northwind": {NativeClients: []string{"ios-app"}}},
	})
	must(err)
	_, err = pool.Admin().Providers().Create(ctx, identity.ProviderSettings{
		Name: "Northwind", Type: identity.ProviderOIDC, Mapping: map[string]string{"email": "email"},
		Details: identity.ProviderDetails{
			"client_id": "web-client", "client_secret": "secret", "oidc_issuer": server.URL, "authorize_scopes": "openid email", "attributes_request_method": "GET",
		},
	})
	must(err)
	client, err := pool.Admin().Clients().Create(ctx, &identity.ClientSettings{Name: "phone", Providers: []string{"Northwind"}})
	must(err)

	token := idp.IDToken(map[string]any{"sub": "1182", "email": "ada@example.com", "aud": "ios-app"}, "the app's nonce", nil)
	in := identity.ProviderSignIn{Provider: "Northwind", IDToken: identity.Secret(token), Nonce: "the app's nonce"}
	res, err := pool.Client(client.ID).SignInWithToken(ctx, in)
	must(err)
	session, err := pool.Session(ctx, res.Tokens.Access)
	must(err)
	user, err := session.User()
	must(err)
	fmt.Println(user.Username, user.Attributes["email"])
	_, err = pool.Client(client.ID).SignInWithToken(ctx, in) // the token counts once
	fmt.Println(err)
	// Output:
	// northwind_1182 ada@example.com
	// sign in by a token of Northwind: identity: ID token of the identity provider is not valid: it was used before
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
