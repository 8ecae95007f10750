package token_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/token"
)

// hello answers with the user's name.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	c, ok := token.FromContext(r.Context())
	if !ok {
		http.Error(w, "no claims", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, "hello "+c.Username)
})

func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestRequire(t *testing.T) {
	o := options()
	o.Scopes, o.Groups = []string{"openid", "orders/read"}, []string{"admins"}
	h := newVerifier(t, o).Require(hello)
	good := sign(t, token.EdDSA, accessClaims(nil))
	const missing, invalid = `Bearer realm="api"`, `Bearer realm="api", error="invalid_token"`
	const scope = `Bearer realm="api", error="insufficient_scope", error_description="the token does not allow this", scope="openid orders/read"`
	for _, tt := range []struct {
		name      string
		values    []string
		status    int
		challenge string
	}{
		{"good", []string{"Bearer " + good}, 200, ""},
		{"scheme in small letters", []string{"bearer " + good}, 200, ""},
		{"more spaces", []string{"Bearer   " + good + " "}, 200, ""},
		{"none", nil, 401, missing},
		{"empty", []string{""}, 401, missing},
		{"scheme alone", []string{"Bearer"}, 401, missing},
		{"scheme and space", []string{"Bearer "}, 401, missing},
		{"other scheme", []string{"Basic YTpi"}, 401, missing},
		{"token without scheme", []string{good}, 401, missing},
		{"two headers", []string{"Bearer " + good, "Bearer " + good}, 400, `Bearer realm="api", error="invalid_request"`},
		{"two tokens", []string{"Bearer " + good + " " + good}, 401, invalid},
		{"list", []string{"Bearer " + good + ", Bearer " + good}, 401, invalid},
		{"garbage", []string{"Bearer x\", evil=\"y"}, 401, invalid},
		{"expired", []string{"Bearer " + sign(t, token.EdDSA, accessClaims(claims{"exp": 1}))}, 401, invalid + `, error_description="the token has expired"`},
		{"other client", []string{"Bearer " + sign(t, token.EdDSA, accessClaims(claims{"client_id": "x"}))}, 401, invalid},
		{"scope missing", []string{"Bearer " + sign(t, token.EdDSA, accessClaims(claims{"scope": "openid"}))}, 403, scope},
		{"group missing", []string{"Bearer " + sign(t, token.EdDSA, accessClaims(claims{"cognito:groups": nil}))}, 403, scope},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			for _, v := range tt.values {
				r.Header.Add("Authorization", v)
			}
			res := serve(h, r)
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status {
				t.Errorf("status = %d, want %d", res.StatusCode, tt.status)
			}
			got := res.Header.Get("WWW-Authenticate")
			if !strings.HasPrefix(got, tt.challenge) || tt.challenge == missing && got != missing || tt.challenge == "" && got != "" {
				t.Errorf("WWW-Authenticate = %s, want %s", got, tt.challenge)
			}
			if tt.status == 200 && string(body) != "hello anna" {
				t.Errorf("body = %q", body)
			}
			if tt.status != 200 && res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control = %q, want no-store", res.Header.Get("Cache-Control"))
			}
		})
	}
}

func TestRequireReadsTheHeaderOnly(t *testing.T) {
	h := newVerifier(t, options()).Require(hello)
	good := sign(t, token.EdDSA, accessClaims(nil))
	form := url.Values{"access_token": {good}}.Encode()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?"+form, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.AddCookie(&http.Cookie{Name: "access_token", Value: good})
	r.Header.Set("X-Access-Token", good)
	if res := serve(h, r); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("status = %d, want 401", res.StatusCode)
	}
}

func TestRequireWhenItCannotTell(t *testing.T) {
	good := sign(t, token.EdDSA, accessClaims(nil))
	request := func() *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+good)
		return r
	}
	o := options()
	o.Revoked = func(context.Context, *token.Claims) error { return errors.New("secret detail") }
	res := serve(newVerifier(t, o).Require(hello), request())
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusServiceUnavailable || strings.Contains(string(body), "secret") {
		t.Errorf("answer = %d %q, want 503 without detail", res.StatusCode, body)
	}
	o.Revoked = func(context.Context, *token.Claims) error { return token.ErrRevoked }
	if res := serve(newVerifier(t, o).Require(hello), request()); res.StatusCode != http.StatusUnauthorized ||
		!strings.Contains(res.Header.Get("WWW-Authenticate"), "revoked") {
		t.Errorf("revoked: %d %s, want 401", res.StatusCode, res.Header.Get("WWW-Authenticate"))
	}
}

func TestFromContext(t *testing.T) {
	if c, ok := token.FromContext(t.Context()); ok || c != nil {
		t.Error("FromContext found claims in an empty context")
	}
	if _, ok := token.FromContext(token.NewContext(t.Context(), nil)); ok {
		t.Error("FromContext found nil claims")
	}
	want := &token.Claims{Subject: "x"}
	if c, ok := token.FromContext(token.NewContext(t.Context(), want)); !ok || c != want {
		t.Error("FromContext did not find the claims")
	}
}
