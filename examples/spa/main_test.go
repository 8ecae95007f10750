package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

// The flow of the application, run by Node.js against a real server.
func TestFlow(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Node.js")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is not installed")
	}
	srv := identitytest.NewServer(t, &identitytest.Options{Pool: &identity.PoolSettings{Name: "test", Defaults: identity.CognitoDefaults, Algorithm: "ES256"}})
	srv.AddUser("ann", "Passw0rd!", map[string]string{"email": "ann@example.com"})
	const home = "http://localhost:3000/"
	client, err := srv.Pool().Admin().Clients().Create(t.Context(), &identity.ClientSettings{
		Name: "spa", OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email"},
		CallbackURLs: []string{home}, LogoutURLs: []string{home}, Rotation: &identity.RefreshRotation{Enabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--test", "flow.test.mjs")
	cmd.Env = append(os.Environ(), "ISSUER="+srv.URL+"/"+srv.PoolID, "CLIENT_ID="+client.ID, "SITE="+home)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The page may run its own scripts and call the authorization server, and nothing else.
func TestSite(t *testing.T) {
	if _, err := newSite("issuer", ""); err == nil {
		t.Error("no error without a client")
	}
	site, err := newSite("https://id.example.com/pool", "client-1")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": `src="app.js"`, "/app.js": "import { Client }", "/signin.js": "code_challenge", "/config.json": `"clientID":"client-1"`,
	} {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) || !strings.Contains(policy, "connect-src 'self' https://id.example.com;") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %d %s\n%s", path, w.Code, policy, w.Body)
		}
	}
}
