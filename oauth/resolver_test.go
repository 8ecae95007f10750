package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
	providers "github.com/cognate-id/cognate/oauth/federation"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

func resolver(t *testing.T, o *fetch.Options) *providers.Resolver {
	t.Helper()
	f, err := fetch.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &providers.Resolver{Fetch: f}
}

func providerSettings(issuer string) *identity.ProviderSettings {
	return &identity.ProviderSettings{Name: "Northwind", Type: identity.ProviderOIDC, Details: identity.ProviderDetails{
		"client_id": "c", "client_secret": "s", "authorize_scopes": "openid email", "attributes_request_method": "GET", "oidc_issuer": issuer,
	}}
}

func TestResolver(t *testing.T) {
	idp := fakeidp.New("c", "s")
	s := httptest.NewServer(idp)
	t.Cleanup(s.Close)
	idp.Serve(s.URL)
	near := resolver(t, &fetch.Options{InsecureLoopback: true})
	if _, err := near.ResolveProvider(t.Context(), providerSettings(s.URL)); err != nil {
		t.Error(err)
	}
	unreachable := identity.ErrProviderUnreachable.Error()
	for name, err := range map[string]error{
		"another issuer": second(near.ResolveProvider(t.Context(), providerSettings(strings.Replace(s.URL, "127.0.0.1", "localhost", 1)))),
		"no provider":    second(near.ResolveProvider(t.Context(), providerSettings(s.URL+"/nothing"))),
		"this machine":   second(resolver(t, nil).ResolveProvider(t.Context(), providerSettings(s.URL))),
		"no port":        second(near.ResolveProvider(t.Context(), providerSettings("http://127.0.0.1:1"))),
	} {
		if !errors.Is(err, identity.ErrProviderUnreachable) || err.Error() != unreachable { // one sentence, whatever has answered
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestResolverOfOtherTypes(t *testing.T) {
	r := resolver(t, nil)
	for typ, ok := range map[identity.ProviderType]bool{
		identity.ProviderGoogle: true, identity.ProviderFacebook: true, identity.ProviderAmazon: true, identity.ProviderApple: true,
		identity.ProviderSAML: false, "Myspace": false, "": false,
	} {
		_, err := r.ResolveProvider(t.Context(), &identity.ProviderSettings{Type: typ})
		if (err == nil) != ok {
			t.Errorf("%q: %v", typ, err)
		}
	}
	for _, doc := range []string{"x", "<EntityDescriptor/>"} {
		_, err := r.ResolveProvider(t.Context(), &identity.ProviderSettings{Type: identity.ProviderSAML, Details: identity.ProviderDetails{"MetadataFile": doc}})
		if !errors.Is(err, identity.ErrProviderMetadata) {
			t.Errorf("metadata %q: %v", doc, err)
		}
	}
}

// TestConfig has each type as the engine stores it, with the details that it fills in.
func TestConfigOfAProvider(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fetch.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for typ, want := range map[identity.ProviderType]struct {
		kind oidc.Kind
		at   string
	}{
		identity.ProviderGoogle:   {oidc.Google, "https://accounts.google.com/o/oauth2/v2/auth?"},
		identity.ProviderFacebook: {oidc.Facebook, "https://www.facebook.com/v19.0/dialog/oauth?"},
		identity.ProviderAmazon:   {oidc.Amazon, "https://www.amazon.com/ap/oa?"},
		identity.ProviderApple:    {oidc.Apple, "https://appleid.apple.com/auth/authorize?"},
	} {
		p := &identity.ProviderSettings{Name: string(typ), Type: typ, Details: identity.ProviderDetails{
			"client_id": "c", "client_secret": "s", "authorize_scopes": "email,name x", "api_version": "v19.0",
			"team_id": "t", "key_id": "k", "private_key": base64.StdEncoding.EncodeToString(der),
		}}
		p.Fill()
		c, err := providers.Config(p)
		if err != nil || c.Kind != want.kind || !slices.Equal(c.Scopes, []string{"email", "name", "x"}) {
			t.Errorf("%s: %+v, %v", typ, c, err)
			continue
		}
		rp, err := oidc.New(c, f)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		if to, err := rp.AuthURL(t.Context(), oidc.NewLogin("https://auth.example.com/oauth2/idpresponse"), oidc.Hints{}); err != nil || !strings.HasPrefix(to, want.at) {
			t.Errorf("%s: %s, %v", typ, to, err)
		}
	}
	for _, typ := range []identity.ProviderType{identity.ProviderSAML, "", "Myspace"} {
		if _, err := providers.Config(&identity.ProviderSettings{Type: typ}); err == nil {
			t.Errorf("%q has a configuration", typ)
		}
	}
	if _, err := providers.Config(&identity.ProviderSettings{Type: identity.ProviderApple, Details: identity.ProviderDetails{"private_key": "???"}}); err == nil {
		t.Error("a key that is none is taken")
	}
}
