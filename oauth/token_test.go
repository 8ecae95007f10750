package oauth_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.user("ann")
	id, secret := w.public.ClientID(), w.secret.ClientID()
	for name, tt := range map[string]struct {
		fields []string
		want   string
	}{
		"nothing":                     {nil, "invalid_request"},
		"no grant type":               {[]string{"client_id", id}, "invalid_request"},
		"an unknown grant type":       {[]string{"client_id", id, "grant_type", "password", "username", "ann", "password", password}, "unsupported_grant_type"},
		"no client":                   {[]string{"grant_type", "authorization_code", "code", "x", "redirect_uri", callback}, "invalid_request"},
		"an unknown client":           {[]string{"grant_type", "authorization_code", "client_id", "unknown", "code", "x", "redirect_uri", callback}, "invalid_client"},
		"no code":                     {[]string{"grant_type", "authorization_code", "client_id", id, "redirect_uri", callback}, "invalid_request"},
		"no redirect URI":             {[]string{"grant_type", "authorization_code", "client_id", id, "code", "x"}, "invalid_request"},
		"an unknown code":             {[]string{"grant_type", "authorization_code", "client_id", id, "code", "x", "redirect_uri", callback}, "invalid_grant"},
		"no secret":                   {[]string{"grant_type", "authorization_code", "client_id", secret, "code", "x", "redirect_uri", callback}, "invalid_client"},
		"a wrong secret":              {[]string{"grant_type", "refresh_token", "client_id", secret, "client_secret", "wrong", "refresh_token", "x"}, "invalid_client"},
		"no refresh token":            {[]string{"grant_type", "refresh_token", "client_id", id}, "invalid_request"},
		"an unknown refresh token":    {[]string{"grant_type", "refresh_token", "client_id", id, "refresh_token", "x"}, "invalid_grant"},
		"a token for a public client": {[]string{"grant_type", "client_credentials", "client_id", id}, "unauthorized_client"},
		"a token for another grant":   {[]string{"grant_type", "client_credentials", "client_id", secret, "client_secret", clientSecret}, "unauthorized_client"},
	} {
		status, got, header := w.post("/oauth2/token", tt.fields...)
		if status != http.StatusBadRequest || got["error"] != tt.want || header.Get("Content-Type") != "application/json;charset=UTF-8" {
			t.Errorf("%s: %d %v, want %s", name, status, got, tt.want)
		}
	}
	if _, got, _ := w.post("/oauth2/token", "grant_type", "refresh_token", "client_id", secret, "client_secret", "wrong", "refresh_token", "x"); got["error_description"] != "invalid_client_secret" {
		t.Errorf("a wrong secret: %v", got)
	}
	for name, body := range map[string]string{
		"grant_type twice": "grant_type=refresh_token&grant_type=refresh_token&client_id=" + id,
		"NUL":              "grant_type=refresh_token&refresh_token=%00&client_id=" + id,
		"100 KB":           "grant_type=refresh_token&client_id=" + id + "&refresh_token=" + strings.Repeat("a", 100<<10),
	} {
		status, got, _ := w.call(http.MethodPost, "/oauth2/token", strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded")
		if status != http.StatusBadRequest || got["error"] != "invalid_request" {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
	if status, got, _ := w.call(http.MethodPost, "/oauth2/token", strings.NewReader(`{"grant_type":"refresh_token"}`), "Content-Type", "application/json"); status != http.StatusBadRequest || got["error"] != "invalid_request" {
		t.Errorf("JSON: %d %v", status, got)
	}
	if status, _, _ := w.call(http.MethodGet, "/oauth2/token", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", status)
	}
}

// The secret comes in the header or in the body, and not in both.
func TestClientAuthentication(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	id := w.secret.ClientID()
	basic := func(id, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
	}
	b := w.browser()
	for name, tt := range map[string]struct {
		header string
		more   url.Values
		want   any
	}{
		"Basic":                   {basic(id, clientSecret), nil, nil},
		"Basic with client_id":    {basic(id, clientSecret), url.Values{"client_id": {id}}, nil},
		"post":                    {"", url.Values{"client_id": {id}, "client_secret": {clientSecret}}, nil},
		"both":                    {basic(id, clientSecret), url.Values{"client_id": {id}, "client_secret": {clientSecret}}, "invalid_request"},
		"Basic of another client": {basic(id, clientSecret), url.Values{"client_id": {w.public.ClientID()}}, "invalid_request"},
		"a wrong secret":          {basic(id, clientSecret+"x"), nil, "invalid_client"},
		"no secret":               {basic(id, ""), nil, "invalid_client"},
		"Bearer":                  {"Bearer x", url.Values{"client_id": {id}}, "invalid_client"},
		"nothing":                 {"", url.Values{"client_id": {id}}, "invalid_client"},
	} {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {b.code(w.secret, "ann")}, "redirect_uri": {callback}, "code_verifier": {verifier}}
		for k, v := range tt.more {
			form[k] = v
		}
		header := []string{"Content-Type", "application/x-www-form-urlencoded"}
		if tt.header != "" {
			header = append(header, "Authorization", tt.header)
		}
		status, got, _ := w.call(http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()), header...)
		if got["error"] != tt.want || (status == http.StatusOK) != (tt.want == nil) {
			t.Errorf("%s: %d %v, want %v", name, status, got["error"], tt.want)
		}
	}
}

func TestUserInfoRefuses(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	api, err := w.client(func(c *identity.ClientSettings) { c.AuthFlows = []identity.AuthFlow{identity.AllowUserPassword} }).SignIn(t.Context(), identity.SignIn{Username: "ann", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		method, header, body string
		status               int
		want                 string
	}{
		"nothing":           {"GET", "", "", http.StatusBadRequest, "invalid_request"},
		"another scheme":    {"GET", "Basic abc", "", http.StatusBadRequest, "invalid_request"},
		"no token":          {"GET", "Bearer x", "", http.StatusUnauthorized, "invalid_token"},
		"an ID token":       {"GET", "Bearer " + string(api.Tokens.ID), "", http.StatusUnauthorized, "invalid_token"},
		"a token of an API": {"GET", "Bearer " + string(api.Tokens.Access), "", http.StatusUnauthorized, "insufficient_scope"},
		"in a body":         {"POST", "", "access_token=" + string(api.Tokens.Access), http.StatusUnauthorized, "insufficient_scope"},
	} {
		header := []string{}
		if tt.header != "" {
			header = append(header, "Authorization", tt.header)
		}
		if tt.body != "" {
			header = append(header, "Content-Type", "application/x-www-form-urlencoded")
		}
		status, got, h := w.call(tt.method, "/oauth2/userInfo", strings.NewReader(tt.body), header...)
		if status != tt.status || got["error"] != tt.want || !strings.Contains(h.Get("WWW-Authenticate"), tt.want) {
			t.Errorf("%s: %d %v %s, want %d %s", name, status, got, h.Get("WWW-Authenticate"), tt.status, tt.want)
		}
	}
	if status, got, _ := w.call(http.MethodGet, "/oauth2/userInfo?access_token="+string(api.Tokens.Access), nil); status != http.StatusBadRequest {
		t.Errorf("a token in the query: %d %v", status, got)
	}
}

func TestRevocation(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	id := w.public.ClientID()
	for name, tt := range map[string]struct {
		fields []string
		status int
		want   any
	}{
		"no token":          {[]string{"client_id", id}, http.StatusBadRequest, "invalid_request"},
		"no client":         {[]string{"token", "x"}, http.StatusBadRequest, "invalid_request"},
		"an unknown client": {[]string{"client_id", "unknown", "token", "x"}, http.StatusUnauthorized, "invalid_client"},
		"a wrong secret":    {[]string{"client_id", w.secret.ClientID(), "client_secret", "x", "token", "x"}, http.StatusUnauthorized, "invalid_client"},
		"an unknown token":  {[]string{"client_id", id, "token", "x"}, http.StatusOK, nil},
		"an access token":   {[]string{"client_id", id, "token", "a.b.c"}, http.StatusBadRequest, "unsupported_token_type"},
	} {
		if status, got, _ := w.post("/oauth2/revoke", tt.fields...); status != tt.status || got["error"] != tt.want {
			t.Errorf("%s: %d %v, want %d %v", name, status, got, tt.status, tt.want)
		}
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	id := w.public.ClientID()
	for name, query := range map[string]string{
		"no client": "logout_uri=https://app.example.com/bye", "nothing": "client_id=" + id,
		"another address":  "client_id=" + id + "&logout_uri=https://evil.example/",
		"a callback":       "client_id=" + id + "&logout_uri=" + callback,
		"another callback": "client_id=" + id + "&response_type=code&redirect_uri=https://evil.example/",
	} {
		b := w.browser()
		b.code(w.public, "ann")
		if status, out := b.get("/logout?" + query); status != http.StatusBadRequest || out != nil {
			t.Errorf("%s: %d, to %v", name, status, out)
		}
		if _, out := b.get(w.authorizeURL(w.public, "prompt", "none")); out == nil || out.Query().Get("code") == "" {
			t.Errorf("%s: signed out by a request that was refused: %v", name, out)
		}
	}
	b := w.browser()
	b.code(w.public, "ann")
	if status, _ := b.get("/logout?client_id=" + id + "&response_type=code&redirect_uri=" + url.QueryEscape(callback) + "&state=x"); status != http.StatusOK || b.at.Path != "/login" || b.at.Query().Get("state") != "x" {
		t.Errorf("to sign in again: %d at %s", status, b.at)
	}
	if _, out := b.get(w.authorizeURL(w.public, "prompt", "none")); refusedAt(out) != "login_required" {
		t.Errorf("after that: %v", out)
	}
}

func TestClientCredentials(t *testing.T) {
	w := newWorld(t, nil)
	servers := w.pool.Admin().ResourceServers()
	if _, err := servers.Create(t.Context(), identity.ResourceServerSettings{Identifier: "api", Name: "API", Scopes: []identity.ResourceScope{
		{Name: "read", Description: "Read"}, {Name: "write", Description: "Write"}, {Name: "gone", Description: "Gone"},
	}}); err != nil {
		t.Fatal(err)
	}
	client := w.client(func(c *identity.ClientSettings) {
		c.Secret, c.OAuthFlows, c.OAuthScopes, c.CallbackURLs, c.LogoutURLs = clientSecret, []string{"client_credentials"}, []string{"api/read", "api/write", "api/gone"}, nil, nil
	})
	if _, err := servers.Update(t.Context(), "api", func(s *identity.ResourceServerSettings) error {
		s.Scopes = s.Scopes[:2]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	id := client.ClientID()
	for name, tt := range map[string]struct{ scope, want string }{"all": {"", "api/read api/write"}, "one": {"api/write", "api/write"}} {
		status, got, _ := w.post("/oauth2/token", "grant_type", "client_credentials", "client_id", id, "client_secret", clientSecret, "scope", tt.scope)
		if status != http.StatusOK || got["id_token"] != nil || got["refresh_token"] != nil || got["expires_in"] != 3600.0 {
			t.Fatalf("%s: %d %v", name, status, got)
		}
		c := claims(t, got["access_token"])
		for claim, want := range map[string]any{"sub": id, "client_id": id, "scope": tt.want, "token_use": "access", "version": 2.0, "username": nil, "origin_jti": nil} {
			if c[claim] != want {
				t.Errorf("%s: %s = %v, want %v", name, claim, c[claim], want)
			}
		}
		if status, got, _ := w.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", "Bearer "+got["access_token"].(string)); status != http.StatusUnauthorized {
			t.Errorf("user info of a program: %d %v", status, got)
		}
	}
	for _, scope := range []string{"api/admin", "openid", "api/read openid", "api/gone"} {
		if status, got, _ := w.post("/oauth2/token", "grant_type", "client_credentials", "client_id", id, "client_secret", clientSecret, "scope", scope); status != http.StatusBadRequest || got["error"] != "invalid_scope" {
			t.Errorf("%s: %d %v", scope, status, got)
		}
	}
	for _, metadata := range []string{"x", "[]", `{"a":1}`} {
		if status, got, _ := w.post("/oauth2/token", "grant_type", "client_credentials", "client_id", id, "client_secret", clientSecret, "aws_client_metadata", metadata); status != http.StatusBadRequest || got["error"] != "invalid_request" {
			t.Errorf("metadata %s: %d %v", metadata, status, got)
		}
	}
}

// Applications in browsers call the endpoints for programs, and no page.
func TestCrossOrigin(t *testing.T) {
	w := newWorld(t, nil)
	for path, open := range map[string]bool{
		"/oauth2/token": true, "/oauth2/userInfo": true, "/oauth2/revoke": true, "/oauth2/authorize": false, "/login": false, "/logout": false,
	} {
		status, _, h := w.call(http.MethodOptions, path, nil, "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
		allowed := h.Get("Access-Control-Allow-Origin") == "*" && strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") && strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization")
		if allowed != open || open != (status == http.StatusNoContent) || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, status, h)
		}
	}
	if _, _, h := w.post("/oauth2/token", "grant_type", "refresh_token"); h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("an answer has %v", h)
	}
}
