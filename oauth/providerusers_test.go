package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
	providers "github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
)

// asked returns a resolver, a provider of a type, and the fake behind it.
func asked(t *testing.T, typ identity.ProviderType) (*providers.Resolver, *identity.Provider, *fakeidp.Provider) {
	t.Helper()
	idp := fakeidp.New("c", "s")
	s := httptest.NewServer(idp)
	t.Cleanup(s.Close)
	idp.Serve(s.URL)
	details, err := idp.Details(string(typ))
	if err != nil {
		t.Fatal(err)
	}
	return resolver(t, &fetch.Options{InsecureLoopback: true}), &identity.Provider{Pool: "p", ProviderSettings: identity.ProviderSettings{Name: string(typ), Type: typ, Details: details}}, idp
}

// TestVerifyProviderToken: ID tokens of each type that has them are verified, with one look at the keys for all.
func TestVerifyProviderToken(t *testing.T) {
	ctx := context.Background()
	for _, typ := range []identity.ProviderType{identity.ProviderOIDC, identity.ProviderGoogle, identity.ProviderApple} {
		r, p, idp := asked(t, typ)
		user := map[string]any{"sub": "u-1", "email": "ann@example.com", "email_verified": "true", "amr": []string{"pwd"}, "acr": "gold"}
		for range 2 {
			who, end, err := r.VerifyProviderToken(ctx, p, identity.Secret(idp.IDToken(user, "n", nil)), "n", nil)
			if err != nil || who.Subject != "u-1" || who.Claims["email"] != "ann@example.com" || who.ACR != "gold" || len(who.AMR) != 1 || end.IsZero() {
				t.Errorf("%s: %+v until %s, %v", typ, who, end, err)
			}
		}
		if n := idp.Requests("/jwks"); n != 1 {
			t.Errorf("%s: %d looks at the keys", typ, n)
		}
		for name, token := range map[string]string{
			"another nonce":  idp.IDToken(user, "m", nil),
			"no nonce":       idp.IDToken(user, "", nil),
			"for an app":     idp.IDToken(map[string]any{"sub": "u-1", "aud": "app"}, "n", nil),
			"expired":        idp.IDToken(map[string]any{"sub": "u-1", "exp": 1_000_000}, "n", nil),
			"another issuer": idp.IDToken(map[string]any{"sub": "u-1", "iss": "https://evil.example"}, "n", nil),
			"nobody":         idp.IDToken(map[string]any{}, "n", nil),
			"no token":       "x",
		} {
			who, _, err := r.VerifyProviderToken(ctx, p, identity.Secret(token), "n", []string{"other"})
			if !errors.Is(err, identity.ErrProviderToken) || who.Subject != "" {
				t.Errorf("%s, %s: %+v, %v", typ, name, who, err)
			}
		}
		if _, _, err := r.VerifyProviderToken(ctx, p, identity.Secret(idp.IDToken(map[string]any{"sub": "u-1", "aud": "app"}, "n", nil)), "n", []string{"app"}); err != nil {
			t.Errorf("%s, for an app that is named: %v", typ, err)
		}
	}
	for _, typ := range []identity.ProviderType{identity.ProviderFacebook, identity.ProviderAmazon} {
		r, p, idp := asked(t, typ)
		if _, _, err := r.VerifyProviderToken(ctx, p, identity.Secret(idp.IDToken(map[string]any{"sub": "u-1"}, "n", nil)), "n", nil); !errors.Is(err, identity.ErrProviderTokens) {
			t.Errorf("%s: %v", typ, err)
		}
	}
	r := resolver(t, nil)
	if _, _, err := r.VerifyProviderToken(ctx, &identity.Provider{ProviderSettings: identity.ProviderSettings{Type: identity.ProviderSAML}}, "x", "n", nil); err == nil {
		t.Error("SAML has ID tokens")
	}
	r, p, idp := asked(t, identity.ProviderOIDC)
	idp.Misbehave(fakeidp.Misbehave{Discovery: func(d map[string]any) { d["issuer"] = "https://evil.example" }})
	if _, _, err := r.VerifyProviderToken(ctx, p, identity.Secret(idp.IDToken(map[string]any{"sub": "u-1"}, "n", nil)), "n", nil); !errors.Is(err, identity.ErrProviderUnreachable) {
		t.Errorf("a provider that cannot be discovered: %v", err)
	}
}

func TestRefreshProvider(t *testing.T) {
	r, p, idp := asked(t, identity.ProviderOIDC)
	idp.Refreshes = true
	if _, err := r.RefreshProvider(t.Context(), p, "made up"); !errors.Is(err, identity.ErrNoProviderToken) {
		t.Error(err)
	}
	idp.Misbehave(fakeidp.Misbehave{Handler: func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }})
	_, err := r.RefreshProvider(t.Context(), p, "made up")
	if !errors.Is(err, identity.ErrProviderUnreachable) || strings.Contains(err.Error(), "made up") {
		t.Error(err)
	}
}
