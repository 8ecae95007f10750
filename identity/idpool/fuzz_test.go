package idpool_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
)

// Whatever a login is called and whatever its token is, it makes no identity and no panic.
func FuzzLogins(f *testing.F) {
	w := newWorld(f, nil)
	p := w.pool(idpool.Settings{
		OIDC: []string{oidcARN}, SAML: []string{samlARN}, DeveloperProvider: "acme", Social: map[string]string{"accounts.google.com": "1"},
		UserPools: []idpool.UserPool{{Name: "cognito-idp.us-east-1.amazonaws.com/us-east-1_x", ClientID: "c"}},
	})
	if err := w.pools.Providers().Set(f.Context(), idpool.Provider{ARN: oidcARN, OIDC: &idpool.OIDCProvider{ClientIDs: []string{"web"}, JWKS: w.upstream.URL + "/keys"}}); err != nil {
		f.Fatal(err)
	}
	stray := string(w.idToken(strayKey(), nil))
	for _, name := range []string{"idp.example.com", samlARN, "acme", "accounts.google.com", "cognito-idp.us-east-1.amazonaws.com/us-east-1_x", "127.0.0.1:9229/us-east-1_x", "cognito-identity.amazonaws.com", "x"} {
		f.Add(name, stray)
		f.Add(name, "..")
		f.Add(name, "PHNhbWxwOlJlc3BvbnNlLz4=")
	}
	f.Fuzz(func(t *testing.T, name, raw string) {
		logins := idpool.Logins{name: identity.Secret(raw)}
		if id, err := w.pools.GetID(t.Context(), p.ID, logins); err == nil {
			t.Errorf("%q with %q is the identity %s", name, raw, id)
		}
		if _, err := w.pools.VerifyWebIdentity(t.Context(), raw); err == nil {
			t.Errorf("%q is a web identity", raw)
		}
	})
}
