package token_test

import (
	"testing"

	"github.com/cognate-id/cognate/token"
)

func TestDiscoveryAsRecorded(t *testing.T) {
	d := token.Discovery{
		AuthorizationEndpoint: "https://d/oauth2/authorize", IDTokenAlgorithms: []token.Algorithm{token.RS256},
		Issuer: issuer, JWKSURI: issuer + "/.well-known/jwks.json", ResponseTypes: []string{"code", "token"},
		Scopes: []string{"openid", "email", "phone", "profile"}, SubjectTypes: []string{"public"},
		TokenEndpoint: "https://d/oauth2/token", TokenEndpointAuthMethods: []string{"client_secret_basic", "client_secret_post"},
		UserinfoEndpoint: "https://d/oauth2/userInfo",
	}
	want := `{"authorization_endpoint":"https://d/oauth2/authorize","id_token_signing_alg_values_supported":["RS256"],` +
		`"issuer":"` + issuer + `","jwks_uri":"` + issuer + `/.well-known/jwks.json",` +
		`"response_types_supported":["code","token"],"scopes_supported":["openid","email","phone","profile"],` +
		`"subject_types_supported":["public"],"token_endpoint":"https://d/oauth2/token",` +
		`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],` +
		`"userinfo_endpoint":"https://d/oauth2/userInfo"}`
	if got := string(marshal(t, d)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d.EndSessionEndpoint, d.RevocationEndpoint = "https://d/logout", "https://d/oauth2/revoke"
	if got := string(marshal(t, d)); len(got) <= len(want) {
		t.Errorf("optional endpoints are missing: %s", got)
	}
}
