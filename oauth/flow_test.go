package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
)

func TestCodeFlow(t *testing.T) {
	w := newWorld(t, nil)
	u := w.user("ann")
	b := w.browser()
	status, _ := b.get(w.authorizeURL(w.public))
	if status != http.StatusOK || b.at.Path != "/login" {
		t.Fatalf("%d at %s", status, b.at)
	}
	if status, out := b.submit(map[string]string{"username": "ann", "password": "wrong password"}); status != http.StatusOK || out != nil {
		t.Fatalf("a wrong password: %d, %v", status, out)
	}
	b.sees("Incorrect user name or password.")
	status, out := b.submit(map[string]string{"username": "ann", "password": password})
	if status != http.StatusFound || out == nil || !strings.HasPrefix(out.String(), callback+"?code=") || out.Query().Get("state") != "s t&" {
		t.Fatalf("%d, %v\n%s", status, out, b.page)
	}
	fields := []string{"grant_type", "authorization_code", "client_id", w.public.ClientID(), "code", out.Query().Get("code"), "redirect_uri", callback, "code_verifier", verifier}
	status, got, header := w.post("/oauth2/token", fields...)
	if status != http.StatusOK || got["token_type"] != "Bearer" || got["expires_in"] != 3600.0 || got["refresh_token"] == nil {
		t.Fatalf("%d %v", status, got)
	}
	if header.Get("Content-Type") != "application/json;charset=UTF-8" || !strings.Contains(header.Get("Cache-Control"), "no-store") {
		t.Errorf("header %v", header)
	}
	id, access := claims(t, got["id_token"]), claims(t, got["access_token"])
	sum := sha256.Sum256([]byte(got["access_token"].(string)))
	for name, want := range map[string]any{
		"sub": u.Sub, "nonce": "n-1", "aud": w.public.ClientID(), "email": "ann@example.com", "email_verified": true, "name": nil,
		"token_use": "id", "cognito:username": "ann", "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	} {
		if id[name] != want {
			t.Errorf("ID token: %s = %v, want %v", name, id[name], want)
		}
	}
	for name, want := range map[string]any{
		"sub": u.Sub, "scope": "openid email", "version": 2.0, "client_id": w.public.ClientID(), "token_use": "access", "username": "ann", "aud": nil,
	} {
		if access[name] != want {
			t.Errorf("access token: %s = %v, want %v", name, access[name], want)
		}
	}
	if id["origin_jti"] != access["origin_jti"] || id["auth_time"] != access["auth_time"] {
		t.Errorf("%v and %v", id, access)
	}

	w.usesTokens(b, u, got)
}

// usesTokens does with the tokens of a user what an application does: user info, a refresh, a
// second sign-in, a revocation and a logout.
func (w *world) usesTokens(b *browser, u *identity.User, got map[string]any) {
	t := w.TB
	access := claims(t, got["access_token"])
	bearer := "Bearer " + got["access_token"].(string)
	status, info, _ := w.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", bearer)
	if want := map[string]any{"sub": u.Sub, "username": "ann", "email": "ann@example.com", "email_verified": "true"}; status != http.StatusOK || len(info) != len(want) {
		t.Errorf("user info: %d %v", status, info)
	} else {
		for name, value := range want {
			if info[name] != value {
				t.Errorf("user info: %s = %v, want %v", name, info[name], value)
			}
		}
	}

	status, again, _ := w.post("/oauth2/token", "grant_type", "refresh_token", "client_id", w.public.ClientID(), "refresh_token", got["refresh_token"].(string))
	if status != http.StatusOK || again["refresh_token"] != nil {
		t.Fatalf("refresh: %d %v", status, again)
	}
	if c := claims(t, again["access_token"]); c["scope"] != "openid email" || c["auth_time"] != access["auth_time"] || c["origin_jti"] != access["origin_jti"] {
		t.Errorf("refreshed access token %v, was %v", c, access)
	}
	if c := claims(t, again["id_token"]); c["name"] != nil || c["email"] != "ann@example.com" {
		t.Errorf("refreshed ID token %v", c)
	}

	status, out := b.get(w.authorizeURL(w.public, "prompt", "none"))
	if status != http.StatusFound || out.Query().Get("code") == "" {
		t.Errorf("a second time: %d %v", status, out)
	}
	status, _, _ = w.post("/oauth2/revoke", "client_id", w.public.ClientID(), "token", got["refresh_token"].(string))
	if status != http.StatusOK {
		t.Errorf("revoke: %d", status)
	}
	status, refused, header := w.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", bearer)
	const gone = "Access token is expired, disabled, or deleted, or the user has globally signed out."
	if status != http.StatusUnauthorized || refused["error"] != "invalid_token" || refused["error_description"] != gone ||
		header.Get("WWW-Authenticate") != `error="invalid_token", error_description="`+gone+`"` {
		t.Errorf("user info after the revocation: %d %v %v", status, refused, header)
	}

	if status, out = b.get("/logout?client_id=" + w.public.ClientID() + "&logout_uri=https://app.example.com/bye&state=x"); status != http.StatusFound || out.String() != "https://app.example.com/bye?state=x" {
		t.Errorf("logout: %d %v", status, out)
	}
	if _, out = b.get(w.authorizeURL(w.public, "prompt", "none")); out == nil || out.Query().Get("error") != "login_required" {
		t.Errorf("after the logout: %v", out)
	}
}

func TestCodeIsExchangedOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	other := w.client(func(*identity.ClientSettings) {})
	fields := func(client, code string) []string {
		return []string{"grant_type", "authorization_code", "client_id", client, "code", code, "redirect_uri", callback, "code_verifier", verifier}
	}
	id := w.public.ClientID()
	b := w.browser()
	code := b.code(w.public, "ann")
	for name, wrong := range map[string][]string{
		"of another client":     fields(other.ClientID(), code),
		"for another URI":       append(fields(id, code), "redirect_uri", "https://app.example.com/other?x=1"),
		"with another verifier": append(fields(id, code), "code_verifier", strings.Repeat("a", 43)),
		"without a verifier":    append(fields(id, code), "code_verifier", ""),
		"unknown":               append(fields(id, code), "code", "0b0b0b0b-0000-4000-8000-000000000000"),
	} {
		if status, got, _ := w.post("/oauth2/token", wrong...); status != http.StatusBadRequest || got["error"] != "invalid_grant" {
			t.Errorf("a code %s: %d %v", name, status, got)
		}
	}
	status, got, _ := w.post("/oauth2/token", fields(id, code)...)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, got)
	}
	if status, again, _ := w.post("/oauth2/token", fields(id, code)...); status != http.StatusBadRequest || again["error"] != "invalid_grant" {
		t.Errorf("a second time: %d %v", status, again)
	}
	status, refused, _ := w.post("/oauth2/token", "grant_type", "refresh_token", "client_id", id, "refresh_token", got["refresh_token"].(string))
	if status != http.StatusBadRequest || refused["error"] != "invalid_grant" {
		t.Errorf("the sign-in of a code that came twice goes on: %d %v", status, refused)
	}

	late := b.code(w.public, "ann")
	w.advance(5 * 60 * 1e9)
	if status, got, _ := w.post("/oauth2/token", fields(id, late)...); status != http.StatusBadRequest || got["error"] != "invalid_grant" {
		t.Errorf("after five minutes: %d %v", status, got)
	}
}
