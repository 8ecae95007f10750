package oauth_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// modes are the two ways to keep tokens.
var modes = map[string]func(*login.Options){
	"in a cookie":  nil,
	"in the store": func(o *login.Options) { o.Store = memory.New() },
}

func TestSignInAndOut(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newLoginWorld(t, func(o *login.Options) {
				if o.Idle = 24 * time.Hour; edit != nil {
					edit(o)
				}
			})
			b := w.browser()
			b.in("")
			b.signIn("ann")
			b.in("ann")
			if a := b.get("/"); a.body != "hello again ann" {
				t.Errorf("a page for anybody: %q", a.body)
			}
			for name, value := range b.cookies() {
				if strings.Contains(name, "-try-") {
					t.Errorf("the cookie %s of the sign-in is left", name)
				}
				if name[:7] != "__Host-" || strings.Contains(value, "eyJhbGci") || edit != nil && len(value) != 26 {
					t.Errorf("the cookie %s=%s", name, value)
				}
			}
			stolen := b.cookies()
			a := b.send(http.MethodPost, "/sign-out", url.Values{})
			out, err := url.Parse(a.location)
			if err != nil || a.status != http.StatusSeeOther || out.Path != "/logout" || out.Query().Get("client_id") != w.client.ClientID() {
				t.Fatalf("sign-out: %d to %q", a.status, a.location)
			}
			if next := b.get(a.location); next.location != w.app.URL+"/" {
				t.Errorf("the authorization server sends the browser to %q\n%s", next.location, next.body)
			}
			b.in("")
			if left := b.cookies(); len(left) != 0 {
				t.Errorf("cookies are left: %v", left)
			}
			if a := b.get("/"); a.body != "hello stranger" {
				t.Errorf("a page for anybody: %q", a.body)
			}
			if a := b.get(b.get("/sign-in").location); !strings.HasPrefix(a.location, "/login") {
				t.Errorf("the authorization server knows the browser still: %d to %q", a.status, a.location)
			}
			// The refresh token was revoked: the cookie that somebody kept ends with the access token.
			b.plant(stolen)
			w.advance(time.Hour)
			b.in("")
		})
	}
}

func TestCookies(t *testing.T) {
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			w := newLoginWorld(t, edit)
			b := w.browser()
			begun, done := b.get("/sign-in"), b.get(b.begin("ann"))
			for _, a := range []*answer{begun, done} {
				if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" {
					t.Errorf("%d with %v", a.status, a.header)
				}
			}
			set := slices.Concat(begun.cookies, done.cookies)
			if len(set) < 2 {
				t.Fatalf("cookies %v", set)
			}
			for _, c := range set {
				if !strings.HasPrefix(c.Name, "__Host-login-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.String()) > 4096 {
					t.Errorf("the cookie %v", c)
				}
			}
		})
	}
}

// Over http, which is for this machine alone, the cookie has another name.
func TestCookieOverHTTP(t *testing.T) {
	w := newLoginWorld(t, nil)
	m, err := login.New(w.issuer, w.client.ClientID(), "http://127.0.0.1:1/callback", [][]byte{keyOne}, &w.options)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range serve(m.Handler(http.NotFoundHandler()), http.MethodGet, "http://127.0.0.1:1/sign-in", nil).Cookies() {
		if !strings.HasPrefix(c.Name, "login-") || c.Secure {
			t.Errorf("the cookie %v", c)
		}
	}
}

func TestReturnTo(t *testing.T) {
	w := newLoginWorld(t, nil)
	b := w.browser()
	for to, ok := range map[string]bool{
		"/": true, "/me": true, "/me?a=b&c=d%20e": true, "/a//b": true, "/a@b:c": true, "/x?next=https://example.com": true,
		"": false, "me": false, "//example.com": false, "/\\example.com": false, "/\t/example.com": false, "/\n/example.com": false,
		"https://example.com": false, "https:example.com": false, "javascript:alert(1)": false, "\\\\example.com": false, " /me": false,
		"/me\r\nSet-Cookie: a=b": false, "/\x00": false, "/é": false, "/%": false, "/" + strings.Repeat("x", 1024): false, "///example.com": false,
	} {
		a := b.get("/sign-in?return_to=" + url.QueryEscape(to))
		if ok != (a.status == http.StatusSeeOther) || !ok && (a.status != http.StatusBadRequest || len(a.cookies) != 0) {
			t.Errorf("return_to %q: %d to %q", to, a.status, a.location)
		}
		if !ok {
			continue
		}
		if a := b.get(b.authorized(a.location, "ann")); a.location != to {
			t.Errorf("return_to %q leads to %q", to, a.location)
		}
	}
	if a := b.get("/sign-in?return_to=/me&return_to=/you"); a.status != http.StatusBadRequest {
		t.Errorf("return_to twice: %d", a.status)
	}
	if a := b.get("//example.com/me"); a.status == http.StatusSeeOther && strings.Contains(a.location, "example.com") {
		t.Errorf("the way to the sign-in is %q", a.location)
	}
}

func TestRights(t *testing.T) {
	w := newLoginWorld(t, nil)
	ann, bob := w.browser(), w.browser()
	ann.signIn("ann")
	bob.signIn("bob")
	for _, tt := range []struct {
		b      *loginBrowser
		path   string
		status int
	}{
		{ann, "/readers", 200}, // one of the groups is enough
		{bob, "/readers", 403},
		{ann, "/writers", 403},
		{bob, "/writers", 403},
		{ann, "/both", 403},
		{ann, "/mail", 200}, // all scopes are needed
		{ann, "/admin", 403},
	} {
		if a := tt.b.get(tt.path); a.status != tt.status {
			t.Errorf("%s: %d %q, want %d", tt.path, a.status, a.body, tt.status)
		}
	}
	if _, err := w.pool.Admin().Groups().Create(t.Context(), groupOf("writers")); err != nil {
		t.Fatal(err)
	}
	if err := w.pool.Admin().Users().AddToGroup(t.Context(), "ann", "writers"); err != nil {
		t.Fatal(err)
	}
	if a := ann.get("/writers"); a.status != 403 {
		t.Errorf("a group counts before the refresh: %d", a.status)
	}
	w.advance(time.Hour - 10*time.Second)
	for _, path := range []string{"/writers", "/both"} {
		if a := ann.get(path); a.status != 200 {
			t.Errorf("after the refresh: %s: %d", path, a.status)
		}
	}
}

// Whoever asks for no page gets JSON, and no redirect.
func TestAccept(t *testing.T) {
	w := newLoginWorld(t, nil)
	b := w.browser()
	for _, tt := range []struct {
		method, path, accept string
		status               int
		kind, says           string
	}{
		{"GET", "/me", "text/html,*/*", 303, "", ""},
		{"HEAD", "/me", "text/html,*/*", 303, "", ""},
		{"GET", "/me", "application/json", 401, "application/json", `"error":"signed_out"`},
		{"GET", "/me", "*/*", 401, "application/json", `"sign_in":"/sign-in"`},
		{"POST", "/me", "*/*", 401, "application/json", `"error":"signed_out"`},
		{"GET", "/callback", "*/*", 400, "application/json", `"error":"bad_answer"`},
		{"GET", "/callback", "text/html", 400, "text/html; charset=utf-8", `<a href="/sign-in">`},
		{"GET", "/sign-out", "text/html", 405, "text/html; charset=utf-8", "not called in this way"},
		{"POST", "/sign-in", "*/*", 405, "application/json", "bad_method"},
		{"POST", "/callback", "*/*", 405, "application/json", "bad_method"},
	} {
		a := b.send(tt.method, tt.path, nil, "Accept", tt.accept)
		if a.status != tt.status || a.header.Get("Content-Type") != tt.kind && tt.kind != "" || !strings.Contains(a.body, tt.says) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s %s: %d %s %q %v", tt.method, tt.path, tt.accept, a.status, a.header.Get("Content-Type"), a.body, a.header)
		}
		if (tt.status == 401) != (a.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s %s: the header WWW-Authenticate is %q", tt.method, tt.path, a.header.Get("WWW-Authenticate"))
		}
	}
	if a := b.send("POST", "/me", url.Values{}); a.location != "/sign-in" {
		t.Errorf("after a form, the sign-in leads back: %q", a.location)
	}
}

func TestOptions(t *testing.T) {
	good := func() (issuer, id, callback string, keys [][]byte, o *login.Options) {
		return "https://id.example.com/pool", "client", "https://app.example.com/cb", [][]byte{keyOne}, &login.Options{}
	}
	for name, edit := range map[string]func(issuer, id, callback *string, keys *[][]byte, o *login.Options){
		"no issuer":           func(i, _, _ *string, _ *[][]byte, _ *login.Options) { *i = "" },
		"an issuer by http":   func(i, _, _ *string, _ *[][]byte, _ *login.Options) { *i = "http://id.example.com/pool" },
		"no client":           func(_, c, _ *string, _ *[][]byte, _ *login.Options) { *c = "" },
		"a callback by http":  func(_, _, c *string, _ *[][]byte, _ *login.Options) { *c = "http://app.example.com/cb" },
		"a host like a name":  func(_, _, c *string, _ *[][]byte, _ *login.Options) { *c = "http://localhost.example.com/cb" },
		"a relative callback": func(_, _, c *string, _ *[][]byte, _ *login.Options) { *c = "/cb" },
		"a callback's query":  func(_, _, c *string, _ *[][]byte, _ *login.Options) { *c += "?a=b" },
		"no path":             func(_, _, c *string, _ *[][]byte, _ *login.Options) { *c = "https://app.example.com" },
		"no key":              func(_, _, _ *string, k *[][]byte, _ *login.Options) { *k = nil },
		"a short key":         func(_, _, _ *string, k *[][]byte, _ *login.Options) { *k = [][]byte{keyOne, keyTwo[1:]} },
		"no openid":           func(_, _, _ *string, _ *[][]byte, o *login.Options) { o.Scopes = []string{"email"} },
		"one path twice":      func(_, _, _ *string, _ *[][]byte, o *login.Options) { o.SignIn = "/cb" },
		"a relative path":     func(_, _, _ *string, _ *[][]byte, o *login.Options) { o.SignOut = "out" },
		"a path to sign out":  func(_, _, _ *string, _ *[][]byte, o *login.Options) { o.SignedOut = "/bye" },
		"the state":           func(_, _, _ *string, _ *[][]byte, o *login.Options) { o.Parameters = map[string]string{"state": "x"} },
		"a negative life":     func(_, _, _ *string, _ *[][]byte, o *login.Options) { o.Life = -1 },
		"endpoints by http": func(_, _, _ *string, _ *[][]byte, o *login.Options) {
			o.Endpoints = &login.Endpoints{Authorization: "https://id.example.com/a", Token: "http://id.example.com/t"}
		},
		"no endpoint for tokens": func(_, _, _ *string, _ *[][]byte, o *login.Options) {
			o.Endpoints = &login.Endpoints{Authorization: "https://id.example.com/a"}
		},
	} {
		issuer, id, callback, keys, o := good()
		edit(&issuer, &id, &callback, &keys, o)
		if m, err := login.New(issuer, id, callback, keys, o); err == nil || m != nil {
			t.Errorf("%s: no error", name)
		}
	}
	issuer, id, callback, keys, _ := good()
	for _, c := range []string{callback, "http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:3000/cb", "http://app.localhost/cb"} {
		if _, err := login.New(issuer, id, c, keys, nil); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// What the store has is of no use without the keys of the program, and goes with time.
func TestStoredTokensAreSealed(t *testing.T) {
	s := memory.New()
	w := newLoginWorld(t, func(o *login.Options) { o.Store = s })
	b := w.browser()
	b.signIn("ann")
	var seen []string
	err := s.View(t.Context(), func(r store.Reader) error {
		for e, err := range r.Scan("logins", store.Range{}) {
			if err != nil {
				return err
			}
			seen = append(seen, string(e.Value)+e.Key)
		}
		return nil
	})
	if err != nil || len(seen) != 1 {
		t.Fatalf("%d records, %v", len(seen), err)
	}
	for _, value := range b.cookies() {
		if strings.Contains(seen[0], value) {
			t.Error("the store has the cookie")
		}
	}
	if strings.Contains(seen[0], "eyJhbGci") || strings.Contains(seen[0], "ann") {
		t.Errorf("the store has tokens: %s", seen[0])
	}
	w.advance(3 * time.Hour)
	if n, err := store.Catalog(login.Tables()).Sweep(t.Context(), s, w.now()); n != 1 || err != nil {
		t.Errorf("the sweep deletes %d records, %v", n, err)
	}
	if err := store.Catalog(login.Tables()).Err(); err != nil {
		t.Error(err)
	}
}

// Parameters of the program reach the authorization server, with those of the protocol.
func TestParameters(t *testing.T) {
	w := newLoginWorld(t, func(o *login.Options) { o.Parameters = map[string]string{"lang": "de"} })
	u, err := url.Parse(w.browser().get("/sign-in").location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	var names []string
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"client_id", "code_challenge", "code_challenge_method", "lang", "nonce", "redirect_uri", "response_type", "scope", "state"}
	if !slices.Equal(names, want) || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("lang") != "de" || q.Get("scope") != "openid email" {
		t.Errorf("the request is %v", q)
	}
}
