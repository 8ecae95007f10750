package main

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/examples/internal/web"
	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/memory"
)

const (
	alice    = "alice@example.com"
	password = "correct horse battery staple"
	other    = "a horse of another colour"
)

// A browser keeps cookies and follows redirects. It calls the app without a
// network, so that its clock can be the test's.
type browser struct {
	*testing.T
	client http.Client
	pool   *identity.UserPool
	site   string
	outbox *identity.Outbox
	access identity.Secret // of the last request of a member
}

// An answer is the page that a request ended at.
type answer struct {
	status       int
	path, body   string
	header       http.Header
	title, alert string
}

type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.ServeHTTP(w, r)
	res := w.Result()
	res.Request = r
	return res, nil
}

// open opens a browser on a new app.
func open(t *testing.T, https bool) *browser {
	t.Helper()
	outbox := identity.NewOutbox(0)
	engine := identity.New(memory.New(), &identity.Options{Sender: outbox, InsecureCheapHashing: true})
	pool, err := engine.OpenUserPool(t.Context(), "main", &settings)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{T: t, pool: pool, site: "http://app.example", outbox: outbox}
	if https {
		b.site = "https://app.example"
	}
	app := newSite(pool, web.Options{HTTPS: https})
	check := app.Check
	app.Check = func(ctx context.Context, v *visit) error {
		b.access = v.tokens.Access
		return check(ctx, v)
	}
	b.client.Transport = direct{app}
	b.forget()
	return b
}

// forget empties the browser: it is another one from then on.
func (b *browser) forget() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.client.Jar = jar
}

func (b *browser) get(path string) *answer {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, b.site+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	return b.do(req)
}

// post sends a form, of names and values in turn.
func (b *browser) post(path string, pairs ...string) *answer {
	b.Helper()
	req := b.form(path, pairs...)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(req)
}

func (b *browser) form(path string, pairs ...string) *http.Request {
	b.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, b.site+path, strings.NewReader(values.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

func (b *browser) do(req *http.Request) *answer {
	b.Helper()
	res, err := b.client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	var body strings.Builder
	if err := res.Write(&body); err != nil {
		b.Fatal(err)
	}
	a := &answer{status: res.StatusCode, path: res.Request.URL.RequestURI(), body: body.String(), header: res.Header}
	a.title = html.UnescapeString(find(a.body, `<title>([^<]*) – Cognate example</title>`))
	a.alert = html.UnescapeString(find(a.body, `role="alert">([^<]*)<`))
	return a
}

func find(text, pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// shows checks which page a request ended at.
func (b *browser) shows(a *answer, status int, title string) *answer {
	b.Helper()
	if a.status != status || a.title != title {
		b.Fatalf("at %s: status %d, page %q, want %d, %q:\n%s", a.path, a.status, a.title, status, title, a.body)
	}
	return a
}

// refuses checks that a form came back with an error at a field, in words.
func (b *browser) refuses(a *answer, status int, title, field, words string) *answer {
	b.Helper()
	b.shows(a, status, "Error: "+title)
	if !strings.Contains(a.alert, words) {
		b.Errorf("%s: alert %q, want %q in it", a.path, a.alert, words)
	}
	described := find(a.body, `<input id="`+field+`"[^>]* aria-describedby="([^" ]*)[^>]* aria-invalid="true"`)
	if field != "" && (described == "" || !strings.Contains(a.body, `id="`+described+`" role="alert"`)) {
		b.Errorf("%s: the field %s is not described by the error:\n%s", a.path, field, a.body)
	}
	return a
}

func (b *browser) code() string { return b.outbox.LastCode(alice) }

func (b *browser) join() {
	b.Helper()
	b.shows(b.post("/sign-up", "email", alice, "password", password), 200, "Confirm your e-mail address")
	b.shows(b.post("/confirm", "email", alice, "code", b.code()), 200, "Sign in")
}

func (b *browser) signIn() *answer {
	b.Helper()
	return b.post("/sign-in", "email", alice, "password", password)
}

// enroll sets up an authenticator app, and returns its key.
func (b *browser) enroll() mfa.Secret {
	b.Helper()
	page := b.shows(b.post("/app"), 200, "Set up your app")
	key, err := mfa.ParseSecret(find(page.body, `<code>([A-Z2-7 ]*)</code>`))
	if err != nil {
		b.Fatalf("no key in the page: %v", err)
	}
	if link := html.UnescapeString(find(page.body, `<a href="(otpauth:[^"]*)"`)); link != key.URI("Cognate example", alice) {
		b.Errorf("link to the app = %q", link)
	}
	b.refuses(b.post("/app/verify", "code", "000000"), 422, "Set up your app", "code", "wrong")
	b.shows(b.post("/app/verify", "code", key.Code(time.Now())), 200, "Your account")
	return key
}

func TestLifeOfAnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, false)
		b.shows(b.get("/"), 200, "Sign in")
		b.join()
		page := b.shows(b.signIn(), 200, "Your account")
		if !strings.Contains(page.body, "<dd>"+alice+"</dd>") {
			t.Errorf("the page does not say who is signed in:\n%s", page.body)
		}
		key := b.enroll()
		b.shows(b.post("/sign-out"), 200, "Sign in")
		b.shows(b.get("/"), 200, "Sign in")

		time.Sleep(mfa.Period) // a code counts once
		page = b.shows(b.signIn(), 200, "Enter your code")
		state := html.UnescapeString(find(page.body, `name="state" value="([^"]*)"`))
		b.shows(b.get("/"), 200, "Sign in")
		page = b.refuses(b.post("/factor", "state", state, "code", "000000"), 422, "Enter your code", "code", "wrong")
		if again := html.UnescapeString(find(page.body, `name="state" value="([^"]*)"`)); again != state {
			t.Errorf("state after a wrong code = %q, want %q", again, state)
		}
		code := key.Code(time.Now())
		b.shows(b.post("/factor", "state", state, "code", code[:3]+" "+code[3:]), 200, "Your account")
		if page := b.post("/factor", "state", state, "code", code); page.path != "/sign-in?note=again" {
			t.Errorf("a state that was used leads to %s", page.path)
		}

		b.post("/sign-out")
		b.shows(b.post("/forgot", "email", alice), 200, "Choose a new password")
		page = b.refuses(b.post("/reset", "email", alice, "code", "000000", "password", other), 422, "Choose a new password", "code", "wrong")
		if strings.Contains(page.body, "000000") {
			t.Error("a wrong code is filled in again")
		}
		page = b.refuses(b.post("/reset", "email", alice, "code", b.code(), "password", "short"), 422, "Choose a new password", "password", "15 to 256")
		if !strings.Contains(page.body, `value="`+b.code()+`"`) {
			t.Error("the code, which is good still, is not filled in again")
		}
		b.shows(b.post("/reset", "email", alice, "code", b.code(), "password", other), 200, "Sign in")
		b.refuses(b.signIn(), 422, "Sign in", "password", "wrong")
		b.shows(b.post("/sign-in", "email", alice, "password", other), 200, "Enter your code")
	})
}

func TestConfirmLater(t *testing.T) {
	b := open(t, false)
	b.post("/sign-up", "email", alice, "password", password)
	first := b.code()
	b.refuses(b.post("/confirm", "email", alice, "code", "000000"), 422, "Confirm your e-mail address", "code", "wrong")
	b.refuses(b.post("/sign-in", "email", alice, "password", other), 422, "Sign in", "password", "wrong")
	b.refuses(b.signIn(), 422, "Sign in", "password", "not confirmed")
	page := b.shows(b.get("/confirm"), 200, "Confirm your e-mail address")
	if !strings.Contains(page.body, `value="`+alice+`"`) {
		t.Errorf("the address is not filled in:\n%s", page.body)
	}
	b.shows(b.post("/resend", "email", alice), 200, "Confirm your e-mail address")
	if b.code() != first {
		b.refuses(b.post("/confirm", "email", alice, "code", first), 422, "Confirm your e-mail address", "code", "wrong")
	}
	b.shows(b.post("/confirm", "email", " "+alice+" ", "code", b.code()), 200, "Sign in")
}

func TestWrongInput(t *testing.T) {
	b := open(t, false)
	for _, tt := range []struct {
		name, path string
		pairs      []string
		title      string
		field      string
		words      string
	}{
		{"no address", "/sign-up", []string{"password", password}, "Create an account", "email", "Fill this in"},
		{"no password", "/sign-up", []string{"email", alice}, "Create an account", "password", "Fill this in"},
		{"not an address", "/sign-up", []string{"email", "alice", "password", password}, "Create an account", "email", "such as"},
		{"short password", "/sign-up", []string{"email", alice, "password", "horse"}, "Create an account", "password", "15 to 256"},
		{"unknown user", "/sign-in", []string{"email", alice, "password", password}, "Sign in", "password", "wrong"},
		{"no code", "/confirm", []string{"email", alice}, "Confirm your e-mail address", "code", "Fill this in"},
		{"unknown user's code", "/confirm", []string{"email", alice, "code", "123456"}, "Confirm your e-mail address", "code", "wrong"},
		{"no address to recover", "/forgot", nil, "Recover your password", "email", "Fill this in"},
		{"unknown user's new password", "/reset", []string{"email", alice, "code", "123456", "password", password}, "Choose a new password", "code", "wrong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := *b
			b.T = t
			page := b.refuses(b.post(tt.path, tt.pairs...), 422, tt.title, tt.field, tt.words)
			if strings.Contains(page.body, password) {
				t.Errorf("the page repeats the password:\n%s", page.body)
			}
		})
	}
}

// TestNobodyIsToldWhoHasAnAccount compares the answers about a user with those
// about nobody, also when nobody has signed up just before.
func TestNobodyIsToldWhoHasAnAccount(t *testing.T) {
	b := open(t, false)
	b.join()
	const nobody = "nobody@example.com"
	for _, form := range [][]string{
		{"/sign-up", "password", other},
		{"/sign-in", "password", other},
		{"/confirm", "code", "000000"},
		{"/resend"},
		{"/forgot"},
		{"/reset", "code", "000000", "password", other},
	} {
		told := func(email string) string {
			b.forget()
			page := b.post(form[0], append([]string{"email", email}, form[1:]...)...)
			return page.path + "\n" + strings.NewReplacer(email, "EMAIL", url.QueryEscape(email), "EMAIL").Replace(page.body)
		}
		if about, of := told(alice), told(nobody); about != of {
			t.Errorf("%s tells users from others:\n%s\n%s", form[0], about, of)
		}
	}
	b.forget()
	b.shows(b.signIn(), 200, "Your account") // the second sign-up has changed nothing
}

func TestTooManyTries(t *testing.T) {
	b := open(t, false)
	for range 10 {
		b.post("/sign-in", "email", alice, "password", other)
	}
	b.refuses(b.signIn(), 429, "Sign in", "", "too many")
}

func TestVisitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, false)
		b.join()
		b.signIn()
		time.Sleep(59 * time.Minute)
		b.shows(b.get("/"), 200, "Your account")
		time.Sleep(2 * time.Minute) // longer than an access token lives
		b.shows(b.get("/"), 200, "Sign in")

		b.signIn()
		phone := *b
		phone.forget()
		phone.signIn()
		phone.post("/forgot", "email", alice)
		phone.post("/reset", "email", alice, "code", b.code(), "password", other)
		b.shows(b.get("/"), 200, "Sign in") // a new password ends all visits
	})
}

func TestSignOut(t *testing.T) {
	b := open(t, false)
	b.join()
	b.signIn()
	site, err := url.Parse(b.site)
	if err != nil {
		t.Fatal(err)
	}
	cookies := b.client.Jar.Cookies(site)
	b.shows(b.post("/sign-out"), 200, "Sign in")
	b.client.Jar.SetCookies(site, cookies)
	b.shows(b.get("/"), 200, "Sign in") // the old cookie is good no more
	if _, err := b.pool.Session(t.Context(), b.access); !errors.Is(err, identity.ErrAccessTokenRevoked) {
		t.Errorf("the engine says of the tokens: %v", err)
	}
}

func TestMarkupIsEscaped(t *testing.T) {
	b := open(t, false)
	const script = `"><script>alert(1)</script>@example.com`
	for _, path := range []string{"/sign-up", "/sign-in"} {
		page := b.post(path, "email", script, "password", "x")
		if strings.Contains(page.body, "<script") || !strings.Contains(page.body, "&lt;script&gt;") {
			t.Errorf("%s does not escape the address:\n%s", path, page.body)
		}
	}
	b.post("/forgot", "email", script) // remembered, for the next page
	if page := b.get("/reset"); strings.Contains(page.body, "<script") || !strings.Contains(page.body, "&lt;script&gt;") {
		t.Errorf("the next page does not escape the address:\n%s", page.body)
	}
	page := b.post("/factor", "state", script, "code", "")
	if strings.Contains(page.body, "<script") || !strings.Contains(page.body, "&lt;script&gt;") {
		t.Errorf("the state is not escaped:\n%s", page.body)
	}
	b.forget()
	if page := b.get("/sign-in?note=" + url.QueryEscape(script)); strings.Contains(page.body, "script") {
		t.Errorf("a note of others is shown:\n%s", page.body)
	}
}

func TestCookieByHTTPS(t *testing.T) {
	b := open(t, true)
	b.join()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if cookie := b.signIn().header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-visit=") {
		t.Errorf("Set-Cookie = %q", cookie)
	}
}

func TestRunStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.db")
	for range 2 { // the second finds what the first has made
		ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := run(ctx, file, web.Options{Addr: "127.0.0.1:0"}); err != nil {
			t.Fatal(err)
		}
		stop()
	}
}
