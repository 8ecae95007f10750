package oidc_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

// TestTokensByGet: token_request_method GET sends the code, and a refresh token, in the query.
func TestTokensByGet(t *testing.T) {
	for method, want := range map[string]string{"": http.MethodPost, http.MethodPost: http.MethodPost, http.MethodGet: http.MethodGet} {
		w := newWorld(t, func(w *world, c *oidc.Config) { w.idp.Refreshes, c.TokenMethod = true, method })
		who := w.signedIn()
		if got := w.idp.Method("/token"); got != want || who.Tokens.Refresh == "" || who.Tokens.Expires.IsZero() {
			t.Errorf("%q asks for tokens by %s: %+v", method, got, who.Tokens)
		}
		if _, err := w.p.Refresh(t.Context(), who.Tokens.Refresh); err != nil || w.idp.Method("/token") != want {
			t.Errorf("%q refreshes by %s: %v", method, w.idp.Method("/token"), err)
		}
	}
	w := newWorld(t, func(_ *world, c *oidc.Config) { c.TokenMethod = http.MethodGet })
	w.idp.Misbehave(fakeidp.Misbehave{Callback: func(q url.Values) { q.Set("code", "x") }})
	w.refused(oidc.ErrTokenEndpoint, "Northwind Error - 400 error getting token")
}

func TestRefresh(t *testing.T) {
	w := newWorld(t, func(w *world, _ *oidc.Config) { w.idp.Refreshes = true })
	first := w.signedIn().Tokens
	second, err := w.p.Refresh(t.Context(), first.Refresh)
	if err != nil || second.Access == "" || second.Access == first.Access || second.Refresh == "" || second.Expires.IsZero() {
		t.Fatalf("%+v, %v", second, err)
	}
	got, err := w.p.Refresh(t.Context(), first.Refresh)
	if got != nil {
		t.Errorf("%+v", got)
	}
	w.isRefusal(nil, err, oidc.ErrRefused, "")
	w.idp.Misbehave(fakeidp.Misbehave{Handler: func(w http.ResponseWriter, r *http.Request) bool {
		http.Error(w, `{"error":"temporarily_unavailable"}`, http.StatusServiceUnavailable)
		return true
	}})
	_, err = w.p.Refresh(t.Context(), second.Refresh)
	w.isRefusal(nil, err, oidc.ErrTokenEndpoint, "")
	w.idp.Misbehave(fakeidp.Misbehave{Token: func(doc map[string]any) { delete(doc, "access_token") }})
	_, err = w.p.Refresh(t.Context(), second.Refresh)
	w.isRefusal(nil, err, oidc.ErrTokenEndpoint, "")
}

// TestAddedAttributeNames: attributes_url_add_attributes appends what is mapped, for every kind.
func TestAddedAttributeNames(t *testing.T) {
	w := newWorld(t, func(w *world, c *oidc.Config) {
		c.AttributesURL, c.AddAttributeNames = w.idp.URL()+"/userinfo?fields=", true
		c.Attributes = []string{"name", "email", "name", "https://example.com/dept&x=y"}
	})
	w.signedIn()
	if q := w.idp.Last("/userinfo"); q.Get("fields") != "email,https://example.com/dept&x=y,name" || len(q) != 1 {
		t.Errorf("%v", q)
	}
	w = newWorld(t, func(w *world, c *oidc.Config) {
		c.AttributesURL, c.Attributes = w.idp.URL()+"/userinfo?fields=", []string{"name"}
	})
	w.signedIn()
	if q := w.idp.Last("/userinfo"); q.Get("fields") != "" {
		t.Errorf("%v", q)
	}
}

// TestVerifyForApps: an ID token may be for an app, if it is named, and for nobody else. One from a sign-in of ours is for our client alone.
func TestVerifyForApps(t *testing.T) {
	w := newWorld(t, nil)
	for name, tt := range map[string]struct {
		aud, azp any
		clients  []string
		ok       bool
	}{
		"ours":                          {clientID, nil, nil, true},
		"an app":                        {"app", nil, []string{"other", "app"}, true},
		"ours, issued to an app":        {clientID, "app", []string{"app"}, true},
		"several":                       {[]string{clientID, "app"}, "app", []string{"app"}, true},
		"an app that is not named":      {"app", nil, []string{"other"}, false},
		"an app, none is named":         {"app", nil, nil, false},
		"issued to an app not named":    {clientID, "app", []string{"other"}, false},
		"several, nobody says which":    {[]string{clientID, "app"}, nil, []string{"app"}, false},
		"nobody":                        {nil, nil, []string{"app", ""}, false},
		"the empty client":              {"", "", []string{""}, false},
		"an app by a part of its name":  {"ap", nil, []string{"app"}, false},
		"issued to nobody, for an app":  {"app", "", []string{"app"}, false},
		"an app, by a number as issuer": {"app", 1, []string{"app"}, false},
	} {
		raw := w.idp.IDToken(map[string]any{"sub": "u-1"}, "n-1", &fakeidp.Misbehave{Claims: func(c map[string]any) {
			delete(c, "aud")
			if tt.aud != nil {
				c["aud"] = tt.aud
			}
			if tt.azp != nil {
				c["azp"] = tt.azp
			}
		}})
		who, err := w.p.Verify(t.Context(), oidc.Secret(raw), "n-1", tt.clients...)
		if (err == nil) != tt.ok || tt.ok && who.Subject != "u-1" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

func TestEndSessionURL(t *testing.T) {
	w := newWorld(t, func(w *world, _ *oidc.Config) { w.idp.SignsOut = true })
	to, err := w.p.EndSessionURL(t.Context(), "hint", "https://app.example.com/back", "s&t")
	u, parseErr := url.Parse(to)
	if err != nil || parseErr != nil || !strings.HasPrefix(to, w.idp.URL()+"/endsession?") {
		t.Fatalf("%s, %v, %v", to, err, parseErr)
	}
	if q := u.Query(); q.Get("id_token_hint") != "hint" || q.Get("post_logout_redirect_uri") != "https://app.example.com/back" || q.Get("state") != "s&t" || q.Get("client_id") != clientID {
		t.Errorf("%v", q)
	}
	for _, wrong := range []any{nil, "ftp://example.com/x", "javascript:alert(1)"} {
		w = newWorld(t, func(w *world, _ *oidc.Config) {
			w.idp.Misbehave(fakeidp.Misbehave{Discovery: func(d map[string]any) { d["end_session_endpoint"] = wrong }})
		})
		if to, err := w.p.EndSessionURL(t.Context(), "hint", "https://app.example.com/back", "s"); to != "" || err != nil {
			t.Errorf("%v: %s, %v", wrong, to, err)
		}
	}
}
