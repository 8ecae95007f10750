package oauth_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/oauth/login"
)

func groupOf(name string) identity.GroupSettings { return identity.GroupSettings{Name: name} }

func serve(h http.Handler, method, target string, body io.Reader, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

// edited returns a callback with other parameters. The value "" deletes one.
func loginEdited(t testing.TB, callback string, more ...string) string {
	t.Helper()
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
		if more[i+1] == "" {
			q.Del(more[i])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// A callback that is not the answer to a sign-in of this browser signs nobody in.
func TestForgedCallbacks(t *testing.T) {
	t.Parallel()
	for name, edit := range few.Named(2, modes) {
		t.Run(name, func(t *testing.T) {
			w := newLoginWorld(t, edit)
			mallory := w.browser()
			for name, change := range map[string]func(b *loginBrowser, callback string) string{
				"the callback of another browser": func(*loginBrowser, string) string { return mallory.begin("bob") },
				"the code of another browser": func(b *loginBrowser, callback string) string {
					other, err := url.Parse(mallory.begin("bob"))
					if err != nil {
						t.Fatal(err)
					}
					return loginEdited(t, callback, "code", other.Query().Get("code")) // bound to another verifier
				},
				"the state of another browser": func(b *loginBrowser, callback string) string {
					other, err := url.Parse(mallory.begin("bob"))
					if err != nil {
						t.Fatal(err)
					}
					return loginEdited(t, callback, "state", other.Query().Get("state"))
				},
				"no state":      func(_ *loginBrowser, c string) string { return loginEdited(t, c, "state", "") },
				"a short state": func(_ *loginBrowser, c string) string { return loginEdited(t, c, "state", "ABC") },
				"a state with a line": func(_ *loginBrowser, c string) string {
					return loginEdited(t, c, "state", "ABCDEFGHIJKLMNOPQRSTUVWX\r\n")
				},
				"two states":             func(_ *loginBrowser, c string) string { return c + "&state=ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
				"two codes":              func(_ *loginBrowser, c string) string { return c + "&code=x" },
				"no code":                func(_ *loginBrowser, c string) string { return loginEdited(t, c, "code", "") },
				"a code and an error":    func(_ *loginBrowser, c string) string { return c + "&error=access_denied" },
				"another issuer":         func(_ *loginBrowser, c string) string { return loginEdited(t, c, "iss", "https://evil.example.com") },
				"two issuers":            func(_ *loginBrowser, c string) string { return c + "&iss=" + w.issuer + "&iss=" + w.issuer },
				"a refusal":              func(_ *loginBrowser, c string) string { return loginEdited(t, c, "code", "", "error", "access_denied") },
				"a malformed query":      func(_ *loginBrowser, c string) string { return c + "&%zz" },
				"too long":               func(_ *loginBrowser, c string) string { return c + "&x=" + strings.Repeat("x", 9000) },
				"a code that is made up": func(_ *loginBrowser, c string) string { return loginEdited(t, c, "code", "x") },
				"an hour later": func(_ *loginBrowser, c string) string {
					w.advance(time.Hour)
					return c
				},
				"a cookie of the sign-in that is forged": func(b *loginBrowser, c string) string {
					for name, value := range b.cookies() {
						b.plant(map[string]string{name: value[:30] + "AAAA" + value[34:]})
					}
					return c
				},
				"no cookie of the sign-in": func(b *loginBrowser, c string) string {
					b.forget()
					return c
				},
			} {
				b := w.browser()
				c := change(b, b.begin("ann"))
				a := b.get(c)
				if a.status < 400 || a.status >= 500 {
					t.Errorf("%s: %d to %q %q", name, a.status, a.location, a.body)
				}
				b.in("")
			}
		})
	}
}

// The cookie of one sign-in, under the name of another one, is no answer to that one.
func TestCrossedStates(t *testing.T) {
	w := newLoginWorld(t, nil)
	victim, mallory := w.browser(), w.browser()
	his := mallory.begin("bob")
	u, _ := url.Parse(his)
	state := u.Query().Get("state")
	_ = victim.begin("ann")
	for name, value := range victim.cookies() {
		prefix, _, _ := strings.Cut(name, "-try-")
		victim.plant(map[string]string{prefix + "-try-" + state[:8]: value})
	}
	if a := victim.get(his); a.status != http.StatusBadRequest {
		t.Errorf("%d to %q", a.status, a.location)
	}
	victim.in("")
}

// A callback counts once, even with the cookies of before.
func TestReplayedCallback(t *testing.T) {
	w := newLoginWorld(t, nil)
	b := w.browser()
	c := b.begin("ann")
	before := b.cookies()
	b.get(c)
	b.in("ann")
	calls := w.tokenCalls.Load()
	if a := b.get(c); a.status != http.StatusBadRequest || w.tokenCalls.Load() != calls {
		t.Errorf("again: %d, %d calls of the token endpoint", a.status, w.tokenCalls.Load()-calls)
	}
	b.in("ann")
	thief := w.browser()
	thief.plant(before)
	if a := thief.get(c); a.status != http.StatusBadRequest {
		t.Errorf("with the cookies of before: %d to %q", a.status, a.location)
	}
	thief.in("")
}

// An issuer that is promised must be there (RFC 9207).
func TestIssuerThatIsPromised(t *testing.T) {
	w := newLoginWorld(t, nil)
	e := &login.Endpoints{Authorization: w.idp.URL + "/oauth2/authorize", Token: w.idp.URL + "/oauth2/token", NamesIssuer: true}
	w.options.Endpoints = e
	w.app.Config.Handler = program(w.middleware(w.options, keyOne))
	b := w.browser()
	if a := b.get(loginEdited(t, b.begin("ann"), "iss", "")); a.status != http.StatusBadRequest {
		t.Errorf("without an issuer: %d", a.status)
	}
	b.in("")
	if a := b.get(loginEdited(t, b.begin("ann"), "iss", w.issuer)); a.status != http.StatusSeeOther {
		t.Errorf("with the issuer: %d", a.status)
	}
	b.in("ann")
}

// Cookies that are not this program's, or not as it set them, sign nobody in.
func TestForgedCookies(t *testing.T) {
	w := newLoginWorld(t, nil)
	ann, bob := w.browser(), w.browser()
	w.large("large")
	w.large("wide")
	ann.signIn("large")
	bob.signIn("wide")
	attempt := w.browser()
	attempt.get("/sign-in")
	head := ann.head()
	if len(ann.cookies()) < 2 {
		t.Fatalf("the tokens fit into one cookie: %d", len(ann.cookies()))
	}
	changed := func(edit func(c map[string]string)) map[string]string {
		c := maps.Clone(ann.cookies())
		edit(c)
		return c
	}
	other := w.newClient(func(*identity.ClientSettings) {})
	elsewhere, err := login.New(w.issuer, other.ClientID(), w.callback(), [][]byte{keyOne}, &w.options)
	if err != nil {
		t.Fatal(err)
	}
	for name, cookies := range map[string]map[string]string{
		"truncated":               changed(func(c map[string]string) { c[head] = c[head][:len(c[head])-1] }),
		"a bit is flipped":        changed(func(c map[string]string) { c[head] = c[head][:100] + flip(c[head][100]) + c[head][101:] }),
		"the count is less":       changed(func(c map[string]string) { c[head] = "1" + c[head][1:] }),
		"the count is more":       changed(func(c map[string]string) { c[head] = "3" + c[head][1:] }),
		"the count is large":      changed(func(c map[string]string) { c[head] = "999999999" + c[head][1:] }),
		"the count is negative":   changed(func(c map[string]string) { c[head] = "-" + c[head] }),
		"no count":                changed(func(c map[string]string) { c[head] = c[head][2:] }),
		"without the second":      changed(func(c map[string]string) { delete(c, head+"-1") }),
		"the second of another":   changed(func(c map[string]string) { c[head+"-1"] = bob.cookies()[head+"-1"] }),
		"the first of another":    changed(func(c map[string]string) { c[head] = bob.cookies()[head] }),
		"empty":                   {head: ""},
		"one of a sign-in begun":  {head: "1." + first(attempt.cookies())},
		"a token":                 {head: "1.eyJhbGciOiJub25lIn0.e30."},
		"a text for the store":    {head: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		"a piece that is too big": {head: "1." + strings.Repeat("A", 4000)},
	} {
		b := w.browser()
		b.plant(cookies)
		if a := b.get("/me"); a.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	same := w.browser()
	same.plant(ann.cookies())
	same.in("large") // the helper does set cookies

	// Another program with the same keys.
	theirs := nameOf(t, elsewhere, w)
	var parts []string
	for name, value := range ann.cookies() {
		parts = append(parts, strings.Replace(name, head, theirs, 1)+"="+value)
	}
	res := serve(program(elsewhere), http.MethodGet, w.app.URL+"/me", nil, "Cookie", strings.Join(parts, "; "))
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the cookie of another program: %d", res.StatusCode)
	}
}

// nameOf is the name of the cookie of a middleware.
func nameOf(t *testing.T, m *login.Middleware, w *loginWorld) string {
	t.Helper()
	for _, c := range serve(program(m), http.MethodGet, w.app.URL+"/sign-in", nil).Cookies() {
		name, _, _ := strings.Cut(c.Name, "-try-")
		return name
	}
	t.Fatal("no cookie")
	return ""
}

func first(m map[string]string) string {
	for _, v := range m {
		return v
	}
	return ""
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// A program with the same store knows only its own records.
func TestRecordOfAnotherProgram(t *testing.T) {
	w := newLoginWorld(t, modes["in the store"])
	b := w.browser()
	b.signIn("ann")
	other := w.newClient(func(*identity.ClientSettings) {})
	m, err := login.New(w.issuer, other.ClientID(), w.callback(), [][]byte{keyOne}, &w.options)
	if err != nil {
		t.Fatal(err)
	}
	cookie := nameOf(t, m, w) + "=" + first(b.cookies())
	if res := serve(program(m), http.MethodGet, w.app.URL+"/me", nil, "Cookie", cookie); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d", res.StatusCode)
	}
	if res := serve(program(m), http.MethodPost, w.app.URL+"/sign-out", nil, "Cookie", cookie); res.StatusCode != http.StatusSeeOther {
		t.Errorf("sign-out: %d", res.StatusCode)
	}
	b.in("ann")
}

// A sign-in changes the cookie, whatever the browser had, and ends what it had.
func TestSessionFixation(t *testing.T) {
	for name, edit := range few.Named(2, modes) {
		t.Run(name, func(t *testing.T) {
			w := newLoginWorld(t, edit)
			mallory, victim := w.browser(), w.browser()
			mallory.signIn("bob")
			planted := mallory.cookies()
			victim.plant(planted)
			victim.signIn("ann")
			victim.in("ann")
			for name, value := range victim.cookies() {
				if planted[name] == value {
					t.Errorf("the cookie %s is as before", name)
				}
			}
			mallory.in(map[bool]string{true: "bob", false: ""}[edit == nil]) // a record is gone at once
			w.advance(time.Hour)
			mallory.in("") // the refresh token is revoked
			victim.in("ann")
		})
	}
}

// What another site makes a browser send changes nothing.
func TestCrossSite(t *testing.T) {
	w := newLoginWorld(t, nil)
	b := w.browser()
	b.signIn("ann")
	for _, tt := range []struct {
		method, path string
		header       []string
		status       int
	}{
		{"POST", "/sign-out", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", "/sign-out", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"POST", "/sign-out", []string{"Origin", "https://evil.example.com"}, 403},
		{"POST", "/me", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"PUT", "/me", []string{"Origin", "null"}, 403},
		{"DELETE", "/", []string{"Sec-Fetch-Site", "cross-site"}, 403}, // a handler without Require, too
		{"GET", "/me", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		{"POST", "/me", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"POST", "/me", []string{"Origin", w.app.URL}, 200},
	} {
		if a := b.send(tt.method, tt.path, nil, tt.header...); a.status != tt.status {
			t.Errorf("%s %s %v: %d, want %d", tt.method, tt.path, tt.header, a.status, tt.status)
		}
	}
	b.in("ann")
	m := w.middleware(w.options, keyOne)
	bare := m.Require(http.NotFoundHandler(), nil)
	var cookie []string
	for name, value := range b.cookies() {
		cookie = append(cookie, name+"="+value)
	}
	if res := serve(bare, http.MethodPost, w.app.URL+"/me", nil, "Cookie", strings.Join(cookie, "; "), "Sec-Fetch-Site", "cross-site"); res.StatusCode != 403 {
		t.Errorf("Require without Handler: %d", res.StatusCode)
	}
}

// Sign-ins that begin and do not end leave at most five cookies.
func TestAttemptsAreBounded(t *testing.T) {
	w := newLoginWorld(t, nil)
	b := w.browser()
	c := b.begin("ann")
	for range 20 {
		b.get("/sign-in")
		w.advance(time.Second)
	}
	if n := len(b.cookies()); n != 5 {
		t.Errorf("%d cookies", n)
	}
	if a := b.get(c); a.status != http.StatusBadRequest {
		t.Errorf("the oldest: %d", a.status)
	}
	two := b.begin("ann")
	three := b.begin("ann")
	for _, c := range []string{two, three} { // several tabs
		if a := b.get(c); a.status != http.StatusSeeOther {
			t.Errorf("a tab: %d %s", a.status, a.body)
		}
	}
	b.in("ann")
}

// FuzzCookie opens what browsers send: nothing opens but what was sealed.
func FuzzCookie(f *testing.F) {
	w := newLoginWorld(f, nil)
	b := w.browser()
	w.large("large")
	b.signIn("large")
	name, good := b.head(), b.cookies()
	h := program(w.middleware(w.options, keyOne))
	f.Add(good[name], good[name+"-1"])
	f.Add("2."+good[name][2:], good[name+"-1"][1:])
	f.Add("1.", "")
	f.Add("4.A", "B")
	f.Add("-1.A", "")
	f.Add("00000000002."+good[name][2:], good[name+"-1"])
	f.Fuzz(func(t *testing.T, head, second string) {
		r := httptest.NewRequest(http.MethodGet, w.app.URL+"/me", nil)
		r.Header.Set("Cookie", fmt.Sprintf("%s=%s; %s-1=%s", name, head, name, second))
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		joined := func(head, second string) string { _, rest, _ := strings.Cut(head, "."); return rest + second }
		in := rec.Code == http.StatusOK
		if in && joined(strings.Trim(head, " \""), strings.Trim(second, " \"")) != joined(good[name], good[name+"-1"]) {
			t.Errorf("%q and %q sign in", head, second)
		}
		if !in && rec.Code != http.StatusUnauthorized {
			t.Errorf("%d", rec.Code)
		}
	})
}
