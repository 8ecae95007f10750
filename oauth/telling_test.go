package oauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/hosted"
)

// A telling is a world whose server tells applications of sign-outs.
type telling struct {
	*world
	app    *identity.AppClient // is told
	posted chan [2]string      // where, and the logout token
	fail   error
}

func newTelling(t *testing.T) *telling {
	t.Helper()
	w := &telling{world: newWorld(t, func(s *identity.PoolSettings) { s.OpenID = new(true) }), posted: make(chan [2]string, 9)}
	w.user("ann")
	w.app = w.client(func(c *identity.ClientSettings) {
		c.BackChannelLogoutURI, c.FrontChannelLogoutURI = new("https://app.example.com/back"), new("https://app.example.com/front?x=1")
	})
	handler := oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: true, BackChannel: func(_ context.Context, uri string, token identity.Secret) error {
		w.posted <- [2]string{uri, string(token)}
		return w.fail
	}})
	w.server = httptest.NewServer(handler)
	t.Cleanup(w.server.Close)
	return w
}

// tokens signs ann in to an application through a browser.
func (w *telling) tokens(b *browser, client *identity.AppClient) map[string]any {
	w.Helper()
	_, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", client.ClientID(), "redirect_uri", callback,
		"code", b.code(client, "ann"), "code_verifier", verifier)
	return doc
}

func TestApplicationsAreToldOfASignOut(t *testing.T) {
	w := newTelling(t)
	b := w.browser()
	id := claims(t, w.tokens(b, w.app)["id_token"])
	if sid, _ := id["sid"].(string); len(sid) < 20 {
		t.Errorf("the ID token has the sid %v", id["sid"])
	}
	w.tokens(b, w.app)
	if plain := claims(t, w.tokens(b, w.public)["id_token"]); plain["sid"] != nil {
		t.Error("a client that is not told has a sid in its ID token")
	}
	other := w.client(func(c *identity.ClientSettings) { c.BackChannelLogoutURI = new("https://other.example.com/back") })
	w.tokens(w.browser(), other) // in another browser, which stays signed in
	status, out := b.get("/logout?client_id=" + w.app.ClientID() + "&logout_uri=https://app.example.com/bye")
	if status != http.StatusOK || out != nil {
		t.Fatalf("%d to %v", status, out)
	}
	b.sees(`src="https://app.example.com/front?iss=`)
	b.sees("sid=" + id["sid"].(string))
	b.sees(`content="2; url=https://app.example.com/bye"`)
	select {
	case got := <-w.posted:
		c := claims(t, got[1])
		head, err := base64.RawURLEncoding.DecodeString(strings.SplitN(got[1], ".", 2)[0])
		if err != nil || got[0] != "https://app.example.com/back" || !strings.Contains(string(head), `"typ":"logout+jwt"`) {
			t.Errorf("posted to %s, with the header %s", got[0], head)
		}
		events, _ := c["events"].(map[string]any)
		if events["http://schemas.openid.net/event/backchannel-logout"] == nil || c["sid"] != id["sid"] || c["sub"] != id["sub"] || c["aud"] != w.app.ClientID() || c["iss"] != id["iss"] || c["nonce"] != nil || c["token_use"] != nil || c["jti"] == nil {
			t.Errorf("the logout token has %v", c)
		}
		if _, err := w.engine.IDTokenHint(t.Context(), identity.Secret(got[1])); !errors.Is(err, identity.ErrInvalidParameter) {
			t.Errorf("a logout token passes for an ID token: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was told")
	}
	select {
	case more := <-w.posted:
		t.Errorf("told twice: %v", more)
	case <-time.After(50 * time.Millisecond):
	}
}

// An application that does not answer holds nobody up, and the account page tells applications too.
func TestSignOutOnTheAccountPageTells(t *testing.T) {
	w := newTelling(t)
	w.fail = errors.New("503")
	for _, do := range []string{"sign-out", "sign-out-all"} {
		b := w.browser()
		w.tokens(b, w.app)
		b.get("/account?client_id=" + w.app.ClientID())
		b.press(do, nil)
		b.sees("You are signed out")
		b.sees("https://app.example.com/front")
		select {
		case <-w.posted:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: nobody was told", do)
		}
	}
}

func TestLogoutURIsThatCannotBeCalled(t *testing.T) {
	w := newWorld(t, nil)
	for _, uri := range []string{"", "x", "app://out", "http://example.com/out", "https://example.com/out#x", "javascript:alert(1)"} {
		for _, edit := range []func(*identity.ClientSettings){
			func(c *identity.ClientSettings) { c.BackChannelLogoutURI = &uri }, func(c *identity.ClientSettings) { c.FrontChannelLogoutURI = &uri },
		} {
			set := &identity.ClientSettings{Name: "app"}
			edit(set)
			if _, err := w.pool.Admin().Clients().Create(t.Context(), set); !errors.Is(err, identity.ErrInvalidSettings) {
				t.Errorf("%q: %v", uri, err)
			}
		}
	}
}

// Frames are of the origins of applications alone.
func TestPolicyOfFrames(t *testing.T) {
	w := newTelling(t)
	b := w.browser()
	w.tokens(b, w.app)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/logout?client_id="+w.app.ClientID()+"&logout_uri=https://app.example.com/bye", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	parts := strings.Split(a.Header.Get("Content-Security-Policy"), "; ")
	if !slices.Contains(parts, "frame-src https://app.example.com") {
		t.Errorf("the policy is %q", parts)
	}
}

// One origin may begin as another one does.
func TestPolicyOfFramesWithOriginsAlike(t *testing.T) {
	pages, err := hosted.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	a := httptest.NewRecorder()
	frames := []string{"https://app.example.com:8443/x", "https://app.example.com/y", "https://app.example.com/z", "https://app.example.co/"}
	pages.Render(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/logout", nil), http.StatusOK, hosted.Page{Kind: hosted.SignedOut, Frames: frames})
	want := "frame-src https://app.example.com:8443 https://app.example.com https://app.example.co"
	if got := strings.Split(a.Header().Get("Content-Security-Policy"), "; "); !slices.Contains(got, want) {
		t.Errorf("the policy is %q", got)
	}
}

// Below a path the page with frames leads on below it.
func TestFramesBelowAPath(t *testing.T) {
	w := newTelling(t)
	w.server.Config.Handler = oauth.NewServer(w.engine, &oauth.Options{InsecureHTTP: true, Path: "/auth"})
	b := w.browser()
	at := "/auth" + w.authorizeURL(w.app)
	b.get(at)
	_, out := b.submit(map[string]string{"username": "ann", "password": password})
	if status, doc, _ := w.post("/auth/oauth2/token", "grant_type", "authorization_code", "client_id", w.app.ClientID(), "redirect_uri", callback,
		"code", out.Query().Get("code"), "code_verifier", verifier); status != http.StatusOK {
		t.Fatal(doc)
	}
	b.get(strings.Replace(at, "/oauth2/authorize", "/logout", 1))
	b.sees(`content="2; url=/auth/login?`)
}
