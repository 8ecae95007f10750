package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

// On the domain of a pool there are the clients of this pool alone.
func TestDomainsServeTheirPool(t *testing.T) {
	w := newWorld(t, nil)
	other, err := w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "other", Region: "us-east-1", Algorithm: "ES256", Defaults: identity.CognitoDefaults})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := w.engine.UserPool(t.Context(), other.ID)
	if err != nil {
		t.Fatal(err)
	}
	for p, set := range map[*identity.UserPool][]identity.DomainSettings{
		w.pool: {{Name: "acme"}, {Name: "login.acme.example", Certificate: "arn:aws:acm:us-east-1:123456789012:certificate/1d1a2b3c-1111-2222-3333-444455556666"}},
		pool:   {{Name: "globex"}},
	} {
		for _, d := range set {
			if _, err := p.Admin().Domains().Create(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	for host, want := range map[string]int{
		"acme.auth.us-east-1.amazoncognito.com": 302, "ACME.auth.localhost:9229": 302, "login.acme.example": 302, "login.acme.example.:443": 302, "Login.Acme.Example:8443": 302,
		"globex.auth.us-east-1.amazoncognito.com": 400, "globex.auth.localhost": 400,
		"localhost:9229": 302, "127.0.0.1:9229": 302, "[::1]:9229": 302, "example.com": 302, "globex.example.com": 302, "globex": 302, "auth.example.com": 302,
	} {
		for path, want := range map[string]int{
			w.authorizeURL(w.public): want,
			"/logout?client_id=" + w.public.ClientID() + "&logout_uri=https://app.example.com/bye": want,
		} {
			a := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			r.Host = host
			w.handler.ServeHTTP(a, r)
			if a.Code != want {
				t.Errorf("%s at %s: %d, want %d", path[:10], host, a.Code, want)
			}
		}
	}
	if _, err := w.pool.Admin().SetUICustomization(t.Context(), "", "", png); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	b.get(w.authorizeURL(w.public))
	picture := regexp.MustCompile(`/branding/[^"]+`).FindString(b.page)
	for host, want := range map[string]int{"acme.auth.localhost": 200, "globex.auth.localhost": 404, "localhost": 200} {
		a := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, picture, nil)
		r.Host = host
		w.handler.ServeHTTP(a, r)
		if a.Code != want {
			t.Errorf("%s at %s: %d, want %d", picture, host, a.Code, want)
		}
	}
}
