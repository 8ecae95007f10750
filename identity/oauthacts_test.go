package identity_test

import (
	"context"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// An oauthLife is what oauthActs remember.
var oauthLife struct {
	browser identity.Secret
	auth    *identity.Authorization
	code    identity.Secret
}

const redirect = "https://app.example.com/cb"

// oauthSettings turn OAuth on.
func oauthSettings(c *identity.ClientSettings) {
	c.OAuth, c.OAuthFlows, c.OAuthScopes = true, []string{"code", "implicit"}, []string{"openid", "profile", "email"}
	c.CallbackURLs, c.LogoutURLs = []string{redirect}, []string{"https://app.example.com/bye"}
}

// machineSettings are those of a client that gets tokens for itself.
var machineSettings = identity.ClientSettings{
	Secret: "abcdefghijklmnopqrstuvwxyz0123456789", OAuth: true, OAuthFlows: []string{"client_credentials"}, OAuthScopes: []string{"https://api.example.com/read"},
}

// machineServer is the API of its scopes.
var machineServer = identity.ResourceServerSettings{Identifier: "https://api.example.com", Name: "API", Scopes: []identity.ResourceScope{{Name: "read", Description: "Read"}}}

// signedInBrowser signs alice in on pages, for an application that asks by a grant.
func (f *fixture) signedInBrowser(t *testing.T, grant string) (*identity.UserPool, *identity.AppClient, *identity.Authorization, identity.Secret) {
	t.Helper()
	pool, _ := f.hookPool(t)
	set := identity.ClientSettings{}
	oauthSettings(&set)
	a := f.client(t, pool, set)
	in, err := a.Pages().SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	auth, err := a.Authorization(t.Context(), identity.AuthorizationRequest{Grant: grant, RedirectURI: redirect})
	check(t, "Authorization", err)
	return pool, a, auth, in.Browser
}

// oauthActs sign ada in on pages, and let an application act for her.
var oauthActs = []act{
	{"AppClient.Authorization", func(ctx context.Context, l *life) (err error) {
		check(l.t, "Update", second(l.admin.Clients().Update(l.t.Context(), l.client.ClientID(), func(c *identity.ClientSettings) error {
			oauthSettings(c)
			return nil
		})))
		in, err := l.client.Pages().SignIn(l.t.Context(), identity.SignIn{Username: "ada", Password: password})
		check(l.t, "SignIn", err)
		oauthLife.browser = in.Browser
		oauthLife.auth, err = l.client.Authorization(ctx, identity.AuthorizationRequest{Grant: identity.GrantCode, RedirectURI: redirect})
		return err
	}, nil},
	{"Authorization.Code", func(ctx context.Context, l *life) (err error) {
		oauthLife.code, err = oauthLife.auth.Code(ctx, oauthLife.browser)
		return err
	}, nil}, // the exchange has the event: a code that is not exchanged changes nothing
	{"AppClient.Exchange", func(ctx context.Context, l *life) error {
		return second(l.client.Exchange(ctx, identity.CodeExchange{Code: oauthLife.code, RedirectURI: redirect}))
	}, []string{"TokensGranted user:ada ada scopes=openid profile email"}},
	{"AppClient.Exchange of a code that was exchanged", func(ctx context.Context, l *life) error {
		wantErr(l.t, "Exchange", second(l.client.Exchange(ctx, identity.CodeExchange{Code: oauthLife.code, RedirectURI: redirect})), identity.ErrInvalidAuthCode)
		return nil
	}, []string{"AuthCodeReused client ada TokenReused"}},
	{"Authorization.Tokens", func(ctx context.Context, l *life) error {
		auth, err := l.client.Authorization(l.t.Context(), identity.AuthorizationRequest{Grant: identity.GrantImplicit, RedirectURI: redirect, Scopes: []string{"openid"}})
		check(l.t, "Authorization", err)
		return second(auth.Tokens(ctx, oauthLife.browser))
	}, []string{"TokensGranted user:ada ada scopes=openid"}},
	{"Authorization.Consent", func(ctx context.Context, l *life) error {
		auth, err := l.client.Authorization(l.t.Context(), identity.AuthorizationRequest{Grant: identity.GrantImplicit, RedirectURI: redirect, Scopes: []string{"openid"}})
		check(l.t, "Authorization", err)
		return auth.Consent(ctx, oauthLife.browser)
	}, []string{"Consented user:ada ada scopes=openid"}},
	{"Browser.SignOut", func(ctx context.Context, l *life) error {
		b, err := l.client.Browser(l.t.Context(), oauthLife.browser)
		check(l.t, "Browser", err)
		return b.SignOut(ctx)
	}, []string{"SignInRevoked user:ada ada"}},
}
