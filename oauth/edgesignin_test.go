package oauth_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/edge"
)

func TestSignIn(t *testing.T) {
	w := newEdgeWorld(t, nil)
	b := w.browser()
	if to := b.signIn(edgeApp, "/shelf?a=1&b=2", "ann"); to != "/shelf?a=1&b=2" {
		t.Errorf("after the sign-in: to %q", to)
	}
	for name, res := range map[string]*http.Response{
		"nginx":   w.ask(nginx("GET", edgeApp+"/shelf?x=1", "Cookie", b.cookie(edgeApp))),
		"traefik": w.ask(traefik("GET", edgeApp+"/shelf?x=1", "Cookie", b.cookie(edgeApp))),
		"envoy":   w.askEnvoy("GET", edgeApp+"/shelf?x=1", "Cookie", b.cookie(edgeApp)),
	} {
		want := map[string]int{"nginx": 202, "traefik": 200, "envoy": 200}[name]
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, want)
		}
		for header, want := range map[string]string{
			"X-Auth-Request-Email": "ann@example.com", "X-Auth-Request-Preferred-Username": "ann", "X-Auth-Request-Groups": "admins,staff",
			"Remote-User": "ann", "Remote-Groups": "admins,staff", "Remote-Name": "Dr. ann", "Remote-Email": "ann@example.com",
		} {
			if got := res.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if sub := res.Header.Get("X-Auth-Request-User"); len(sub) != 36 {
			t.Errorf("%s: X-Auth-Request-User is %q, want the sub", name, sub)
		}
		if got := res.Header.Values("X-Auth-Request-Access-Token"); got != nil {
			t.Errorf("%s: the access token is there unasked", name)
		}
	}
	w.offset.Add(int64(2 * time.Hour))
	if res := w.ask(nginx("GET", edgeApp+"/", "Cookie", b.cookie(edgeApp))); res.StatusCode != 401 {
		t.Errorf("after two idle hours: %d", res.StatusCode)
	}
}

// A refresh of tokens sets no cookie, because a gateway does not hand it on.
func TestRefreshNeedsNoCookie(t *testing.T) {
	w := newEdgeWorld(t, nil)
	b := w.browser()
	b.signIn(edgeApp, "/", "ann")
	for range 6 { // each is 50 minutes after the other: the access token lives 60
		w.offset.Add(int64(50 * time.Minute))
		res := w.ask(nginx("GET", edgeApp+"/", "Cookie", b.cookie(edgeApp)))
		if res.StatusCode != 202 || len(res.Cookies()) > 0 {
			t.Fatalf("%d, and cookies %v", res.StatusCode, res.Cookies())
		}
	}
}

func TestSignOut(t *testing.T) {
	w := newEdgeWorld(t, nil)
	b := w.browser()
	b.signIn(edgeApp, "/", "ann")
	before := b.cookie(edgeApp)
	if res := b.page(http.MethodGet, edgeApp, "/oauth2/sign_out"); res.StatusCode != 200 {
		t.Errorf("the page: %d", res.StatusCode)
	}
	if res := b.page(http.MethodPost, edgeApp, "/oauth2/sign_out", "Sec-Fetch-Site", "cross-site"); res.StatusCode != 403 {
		t.Errorf("from another site: %d", res.StatusCode)
	}
	if res := w.ask(nginx("GET", edgeApp+"/", "Cookie", before)); res.StatusCode != 202 {
		t.Errorf("nobody has signed out: %d", res.StatusCode)
	}
	res := b.page(http.MethodPost, edgeApp, "/oauth2/sign_out")
	if to := res.Header.Get("Location"); res.StatusCode != 303 || !strings.HasPrefix(to, w.idp.URL+"/logout?") || !strings.Contains(to, "logout_uri=https%3A%2F%2Fapp.example.com%2F") {
		t.Errorf("sign-out: %d to %q", res.StatusCode, to)
	}
	if res := w.ask(nginx("GET", edgeApp+"/", "Cookie", before)); res.StatusCode != 401 {
		t.Errorf("the cookie after the sign-out: %d", res.StatusCode)
	}
}

func TestSignedOut(t *testing.T) {
	w := newEdgeWorld(t, nil)
	const signIn = edgeApp + "/oauth2/sign_in?rd=%2Fshelf%3Fa%3D1%26b%3D2"
	html := []string{"Accept", "text/html,application/xhtml+xml"}
	xhr := append(html[:2:2], "X-Requested-With", "XMLHttpRequest")
	fetch := append(html[:2:2], "Sec-Fetch-Mode", "cors")
	for _, tt := range []struct {
		name     string
		res      *http.Response
		status   int
		location string
	}{
		{"nginx, browser", w.ask(nginx("GET", edgeApp+"/shelf?a=1&b=2", html...)), 401, signIn},
		{"nginx, API", w.ask(nginx("GET", edgeApp+"/shelf?a=1&b=2", "Accept", "*/*")), 401, ""},
		{"nginx, XHR", w.ask(nginx("GET", edgeApp+"/shelf?a=1&b=2", xhr...)), 401, ""},
		{"traefik, browser", w.ask(traefik("GET", edgeApp+"/shelf?a=1&b=2", html...)), 302, signIn},
		{"traefik, HEAD", w.ask(traefik("HEAD", edgeApp+"/shelf?a=1&b=2", html...)), 302, signIn},
		{"traefik, form", w.ask(traefik("POST", edgeApp+"/shelf?a=1&b=2", html...)), 303, edgeApp + "/oauth2/sign_in"},
		{"traefik, API", w.ask(traefik("GET", edgeApp+"/shelf?a=1&b=2", "Accept", "application/json")), 401, ""},
		{"traefik, no Accept", w.ask(traefik("GET", edgeApp+"/shelf?a=1&b=2")), 401, ""},
		{"traefik, XHR", w.ask(traefik("GET", edgeApp+"/shelf?a=1&b=2", xhr...)), 401, ""},
		{"traefik, fetch", w.ask(traefik("GET", edgeApp+"/shelf?a=1&b=2", fetch...)), 401, ""},
		{"envoy, browser", w.askEnvoy("GET", edgeApp+"/shelf?a=1&b=2", html...), 302, signIn},
		{"envoy, API", w.askEnvoy("GET", edgeApp+"/shelf?a=1&b=2"), 401, ""},
		{"traefik, a path that comes back elsewhere", w.ask(traefik("GET", edgeApp+"/@evil.example/x", html...)), 302, edgeApp + "/oauth2/sign_in?rd=%2F%40evil.example%2Fx"},
	} {
		if got := tt.res.Header.Get("Location"); tt.res.StatusCode != tt.status || got != tt.location {
			t.Errorf("%s: %d to %q, want %d to %q", tt.name, tt.res.StatusCode, got, tt.status, tt.location)
		}
		if tt.status == 401 && tt.res.Header.Get("WWW-Authenticate") != `Bearer realm="edge"` {
			t.Errorf("%s: WWW-Authenticate is %q", tt.name, tt.res.Header.Get("WWW-Authenticate"))
		}
		if tt.res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: it may be stored", tt.name)
		}
	}
}

// A sign-in outlives a restart and a new key, as long as the old key is there.
func TestKeys(t *testing.T) {
	w := newEdgeWorld(t, nil)
	b := w.browser()
	b.signIn(edgeApp, "/", "ann")
	newer := []byte("another key, 32 bytes in length.")
	for _, tt := range []struct {
		name string
		keys [][]byte
		want int
	}{{"a new key in front", [][]byte{newer, edgeKey}, 200}, {"the new key alone", [][]byte{newer}, 401}} {
		e, err := edge.New(&w.config, tt.keys, w.store, &edge.Options{Secret: edgeClientSecret, Clock: w.now, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		request := traefik("GET", edgeApp+"/", "Cookie", b.cookie(edgeApp))
		if got := w.sendTo(e, edgeGateway, "GET", request[0], request[1:]...).StatusCode; got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	for name, keys := range map[string][][]byte{"no key": nil, "a short key": {[]byte("short")}} {
		if _, err := edge.New(&w.config, keys, w.store, nil); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := edge.New(&w.config, [][]byte{edgeKey}, nil, nil); err == nil {
		t.Error("an edge without a store")
	}
}
