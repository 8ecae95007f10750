package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

const secret = "abcdefghijklmnopqrstuvwxyz0123456789"

// A client with the scope is let in, others are not, and a token is used again.
func TestMachine(t *testing.T) {
	srv := identitytest.NewServer(t, &identitytest.Options{Pool: &identity.PoolSettings{Name: "test", Defaults: identity.CognitoDefaults, Algorithm: "ES256"}})
	admin := srv.Pool().Admin()
	_, err := admin.ResourceServers().Create(t.Context(), identity.ResourceServerSettings{
		Identifier: "orders", Name: "Orders", Scopes: []identity.ResourceScope{{Name: "read", Description: "Read orders"}, {Name: "write", Description: "Write orders"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := func(name string, scopes ...string) string {
		info, err := admin.Clients().Create(t.Context(), &identity.ClientSettings{
			Name: name, Secret: secret, OAuth: true, OAuthFlows: []string{"client_credentials"}, OAuthScopes: scopes,
		})
		if err != nil {
			t.Fatal(err)
		}
		return info.ID
	}
	reader, writer, stranger := client("reader", "orders/read"), client("writer", "orders/write"), client("stranger", "orders/read")
	issuer := srv.URL + "/" + srv.PoolID
	h, err := newService(issuer, []string{reader, writer})
	if err != nil {
		t.Fatal(err)
	}
	service := httptest.NewServer(h)
	t.Cleanup(service.Close)
	for _, tt := range []struct {
		name  string
		c     *caller
		wants string // of the answer or the error
	}{
		{"a client with the scope", &caller{issuer: issuer, id: reader, secret: secret, scope: "orders/read"}, "orders for " + reader},
		{"a client with another scope", &caller{issuer: issuer, id: writer, secret: secret, scope: "orders/write"}, "403"},
		{"a scope that the client does not have", &caller{issuer: issuer, id: writer, secret: secret, scope: "orders/read"}, "invalid_scope"},
		{"a client that the service does not know", &caller{issuer: issuer, id: stranger, secret: secret, scope: "orders/read"}, "401"},
		{"a wrong secret", &caller{issuer: issuer, id: reader, secret: strings.ToUpper(secret), scope: "orders/read"}, "invalid_client"},
	} {
		body, err := tt.c.get(t.Context(), service.URL+"/orders")
		if err != nil {
			body = err.Error()
		}
		if !strings.Contains(body, tt.wants) {
			t.Errorf("%s: %q, want %q", tt.name, body, tt.wants)
		}
	}
	c := &caller{issuer: issuer, id: reader, secret: secret, scope: "orders/read"}
	if _, err := c.get(t.Context(), service.URL+"/orders"); err != nil {
		t.Fatal(err)
	}
	had := c.token
	if _, err := c.get(t.Context(), service.URL+"/orders"); err != nil || c.token != had {
		t.Errorf("another token, %v", err)
	}
	if res, err := http.Get(service.URL + "/orders"); err != nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %v, %v", res, err)
	}
}
