package main

import (
	"context"
	"encoding/base64"
	"errors"
	"html"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
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
	store := memory.New()
	engine := identity.New(store, &identity.Options{
		Sender: outbox, InsecureCheapHashing: true, Catalog: identity.Tables().With(web.Tables()...), RelyingParty: "localhost",
	})
	quick := settings
	quick.Algorithm = "ES256" // TestRunStops makes RSA keys
	pool, err := engine.OpenUserPool(t.Context(), "main", &quick)
	if err != nil {
		t.Fatal(err)
	}
	if err := allowPasskeys(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	b := &browser{T: t, pool: pool, site: "http://app.example", outbox: outbox}
	if https {
		b.site = "https://app.example"
	}
	app, err := newSite(pool, web.NewVisits(pool, store, &web.Options{InsecureHTTP: !https}))
	if err != nil {
		t.Fatal(err)
	}
	b.client.Transport = direct{app}
	b.forget()
	return b
}

// elsewhere is another browser, in which the same user has signed in.
func (b *browser) elsewhere() *browser {
	other := *b
	other.forget()
	other.signIn()
	return &other
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
	b.shows(b.post("/sign-up", "email", alice, "new-password", password), 200, "Confirm your e-mail address")
	b.shows(b.post("/confirm", "email", alice, "code", b.code()), 200, "Sign in")
}

func (b *browser) signIn() *answer {
	b.Helper()
	return b.post("/sign-in", "email", alice, "current-password", password)
}

// enroll sets up an authenticator app, and returns its key.
func (b *browser) enroll() mfa.Secret {
	b.Helper()
	page := b.shows(b.post("/app"), 200, "Set up your app")
	key, err := mfa.ParseSecret(find(page.body, `<code>([A-Z2-7 ]*)</code>`))
	if err != nil {
		b.Fatalf("no key in the page: %v", err)
	}
	picture, err := key.QR("Cognate example", alice)
	if err != nil || !strings.Contains(html.UnescapeString(page.body), `src="data:image/png;base64,`+base64.StdEncoding.EncodeToString(picture)+`"`) {
		b.Errorf("no QR code in the page (%v):\n%s", err, page.body)
	}
	if link := html.UnescapeString(find(page.body, `<a href="(otpauth:[^"]*)"`)); link != key.URI("Cognate example", alice) {
		b.Errorf("link to the app = %q", link)
	}
	for _, sent := range []string{key.Text(), "no key"} {
		page = b.refuses(b.post("/app/verify", "key", sent, "code", "000000"), 422, "Set up your app", "code", "wrong")
		if again := find(page.body, `<code>([A-Z2-7 ]*)</code>`); sent == key.Text() && strings.ReplaceAll(again, " ", "") != sent {
			b.Errorf("after a wrong code the page shows the key %q, want %q", again, sent)
		}
	}
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
		page = b.refuses(b.post("/reset", "email", alice, "code", "000000", "new-password", other), 422, "Choose a new password", "code", "wrong")
		for _, typed := range []string{"000000", other} {
			if !strings.Contains(page.body, `value="`+typed+`"`) {
				t.Errorf("%q must be typed again", typed)
			}
		}
		page = b.refuses(b.post("/reset", "email", alice, "code", b.code(), "new-password", "short"), 422, "Choose a new password", "new-password", "more characters")
		if !strings.Contains(page.body, `value="`+b.code()+`"`) {
			t.Error("the code, which is good still, is not filled in again")
		}
		b.shows(b.post("/reset", "email", alice, "code", b.code(), "new-password", other), 200, "Sign in")
		b.refuses(b.signIn(), 422, "Sign in", "current-password", "wrong")
		b.shows(b.post("/sign-in", "email", alice, "current-password", other), 200, "Enter your code")
	})
}

func TestConfirmLater(t *testing.T) {
	b := open(t, false)
	b.post("/sign-up", "email", alice, "new-password", password)
	first := b.code()
	b.refuses(b.post("/confirm", "email", alice, "code", "000000"), 422, "Confirm your e-mail address", "code", "wrong")
	b.refuses(b.post("/sign-in", "email", alice, "current-password", other), 422, "Sign in", "current-password", "wrong")
	b.refuses(b.signIn(), 422, "Sign in", "current-password", "not confirmed")
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
		{"no address", "/sign-up", []string{"new-password", password}, "Create an account", "email", "Fill this in"},
		{"no password", "/sign-up", []string{"email", alice}, "Create an account", "new-password", "Fill this in"},
		{"not an address", "/sign-up", []string{"email", "alice", "new-password", password}, "Create an account", "email", "such as"},
		{"short password", "/sign-up", []string{"email", alice, "new-password", "horse"}, "Create an account", "new-password", "more characters"},
		{"unknown user", "/sign-in", []string{"email", alice, "current-password", password}, "Sign in", "current-password", "wrong"},
		{"no code", "/confirm", []string{"email", alice}, "Confirm your e-mail address", "code", "Fill this in"},
		{"unknown user's code", "/confirm", []string{"email", alice, "code", "123456"}, "Confirm your e-mail address", "code", "wrong"},
		{"no address to recover", "/forgot", nil, "Recover your password", "email", "Fill this in"},
		{"unknown user's new password", "/reset", []string{"email", alice, "code", "123456", "new-password", password}, "Choose a new password", "code", "wrong"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := *b
			b.T = t
			page := b.refuses(b.post(tt.path, tt.pairs...), 422, tt.title, tt.field, tt.words)
			for i := 1; i < len(tt.pairs); i += 2 {
				if !strings.Contains(page.body, `value="`+tt.pairs[i]+`"`) {
					t.Errorf("%s must be typed again:\n%s", tt.pairs[i-1], page.body)
				}
			}
			if !strings.Contains(page.header.Get("Cache-Control"), "no-store") {
				t.Error("the answer may be cached")
			}
		})
	}
}

// newDevice is the random text that each browser gets.
var newDevice = regexp.MustCompile(`device=[A-Z2-7]{26}`)

// TestNobodyIsToldWhoHasAnAccount compares the answers about a user with those
// about nobody, also when nobody has signed up just before.
func TestNobodyIsToldWhoHasAnAccount(t *testing.T) {
	b := open(t, false)
	b.join()
	const nobody = "nobody@example.com"
	for _, form := range [][]string{
		{"/sign-up", "new-password", other},
		{"/sign-in", "current-password", other},
		{"/confirm", "code", "000000"},
		{"/resend"},
		{"/forgot"},
		{"/reset", "code", "000000", "new-password", other},
	} {
		told := func(email string) string {
			b.forget()
			page := b.post(form[0], append([]string{"email", email}, form[1:]...)...)
			text := page.path + "\n" + strings.NewReplacer(email, "EMAIL", url.QueryEscape(email), "EMAIL").Replace(page.body)
			return newDevice.ReplaceAllString(text, "device=DEVICE")
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
		b.post("/sign-in", "email", alice, "current-password", other)
	}
	b.refuses(b.signIn(), 429, "Sign in", "", "too many")
}

func TestVisitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, false)
		b.join()
		b.signIn()
		for range 5 {
			time.Sleep(50 * time.Minute) // an access token lives for an hour
			b.shows(b.get("/"), 200, "Your account")
		}
		time.Sleep(64 * time.Minute)
		b.shows(b.get("/"), 200, "Sign in")

		b.signIn()
		phone := b.elsewhere()
		phone.post("/forgot", "email", alice)
		phone.post("/reset", "email", alice, "code", b.code(), "new-password", other)
		b.shows(b.get("/"), 200, "Sign in") // a new password ends all visits
	})
}

func TestSignOut(t *testing.T) {
	b := open(t, false)
	b.join()
	b.signIn()
	phone := b.elsewhere()
	b.shows(b.post("/sign-out"), 200, "Sign in")
	b.shows(b.get("/"), 200, "Sign in")
	phone.shows(phone.get("/"), 200, "Your account")

	b.signIn()
	b.shows(b.post("/sign-out-everywhere"), 200, "Sign in")
	phone.shows(phone.get("/"), 200, "Sign in")
}

func TestChangePassword(t *testing.T) {
	b := open(t, false)
	b.join()
	b.signIn()
	phone := b.elsewhere()
	b.shows(b.get("/password"), 200, "Change your password")
	b.refuses(b.post("/password", "current-password", other, "new-password", other), 422, "Change your password", "current-password", "wrong")
	b.refuses(b.post("/password", "current-password", password, "new-password", "short"), 422, "Change your password", "new-password", "more characters")
	b.shows(b.post("/password", "current-password", password, "new-password", other), 200, "Your account")
	phone.shows(phone.get("/"), 200, "Sign in")
	b.refuses(phone.signIn(), 422, "Sign in", "current-password", "wrong")
}

func TestDeleteAccount(t *testing.T) {
	b := open(t, false)
	b.join()
	b.signIn()
	b.shows(b.get("/delete"), 200, "Delete your account")
	b.refuses(b.post("/delete", "current-password", other), 422, "Delete your account", "current-password", "wrong")
	if page := b.shows(b.post("/delete", "current-password", password), 200, "Create an account"); page.path != "/sign-up?note=deleted" {
		t.Errorf("after the deletion, the page is %s", page.path)
	}
	b.shows(b.get("/"), 200, "Sign in")
	b.refuses(b.signIn(), 422, "Sign in", "current-password", "wrong")
}

// TestLostApp is what the operator does for a user who has lost the app.
func TestLostApp(t *testing.T) {
	b := open(t, false)
	b.join()
	b.signIn()
	b.enroll()
	b.post("/sign-out")
	b.shows(b.signIn(), 200, "Enter your code")
	b.shows(b.get("/lost"), 200, "You lost your app")
	if err := b.pool.Admin().Users().ResetMFA(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	b.shows(b.signIn(), 200, "Your account")
}

// inFile calls fn with the pool in a file of the app.
func inFile(t *testing.T, file string, fn func(*identity.UserPool)) {
	t.Helper()
	keys, err := sealed.OpenKeyFile(file + ".key")
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	catalog := identity.Tables().With(web.Tables()...)
	pool, err := identity.New(sealed.New(db, keys, catalog), &identity.Options{Catalog: catalog}).OpenUserPool(t.Context(), "main", &settings)
	if err != nil {
		t.Fatal(err)
	}
	fn(pool)
}

// TestResetApp holds that the flag forgets the app, its key included.
func TestResetApp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.db")
	inFile(t, file, func(pool *identity.UserPool) {
		rec := &identity.UserRecord{
			Attributes: map[string]string{"email": alice, "email_verified": "true"}, Status: identity.StatusConfirmed,
			MFA:     identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFATOTP}},
			Secrets: &identity.UserSecrets{TOTPKey: make(mfa.Secret, 20)},
		}
		if res, err := pool.Admin().Users().Import(t.Context(), []*identity.UserRecord{rec}); err != nil || res.Imported != 1 {
			t.Fatalf("Import = %+v, %v", res, err)
		}
	})
	if err := run(t.Context(), "127.0.0.1:0", file, "localhost", alice, nil); err != nil {
		t.Fatal(err)
	}
	inFile(t, file, func(pool *identity.UserPool) {
		rec, err := pool.Admin().Users().Export(t.Context(), alice, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(rec.MFA.Methods) > 0 || rec.Secrets.TOTPKey != nil {
			t.Errorf("after the reset there are the factors %v, and a key: %t", rec.MFA.Methods, rec.Secrets.TOTPKey != nil)
		}
	})
}

// TestFocus holds the pages to one focus: at the first field that is empty, or at what is wrong.
func TestFocus(t *testing.T) {
	b := open(t, false)
	focus := func(a *answer) string {
		t.Helper()
		if n := strings.Count(a.body, " autofocus"); n != 1 {
			t.Errorf("%s: %d fields have the focus", a.path, n)
		}
		return find(a.body, `<input id="([^"]*)"[^>]* autofocus`)
	}
	for _, tt := range []struct {
		page *answer
		want string
	}{
		{b.get("/sign-in"), "email"},
		{b.post("/forgot", "email", alice), "code"},
		{b.get("/sign-in"), "current-password"},
		{b.post("/sign-up", "email", alice, "new-password", "short"), "new-password"},
		{b.post("/sign-up", "email", "alice", "new-password", password), "email"},
	} {
		if got := focus(tt.page); got != tt.want {
			t.Errorf("%s: the focus is at %q, want %q", tt.page.path, got, tt.want)
		}
	}
}

func TestUnknownPage(t *testing.T) {
	b := open(t, false)
	b.shows(b.get("/nothing"), 404, "This page does not exist")
	b.shows(b.post("/sign-up/more"), 404, "This page does not exist")
}

func TestMarkupIsEscaped(t *testing.T) {
	b := open(t, false)
	const script = `"><script>alert(1)</script>@example.com`
	for _, path := range []string{"/sign-up", "/sign-in"} {
		page := b.post(path, "email", script, "current-password", "x", "new-password", "x")
		if strings.Contains(page.body, "<script>") || !strings.Contains(page.body, "&lt;script&gt;") {
			t.Errorf("%s does not escape the address:\n%s", path, page.body)
		}
	}
	b.post("/forgot", "email", script) // remembered, for the next page
	if page := b.get("/reset"); strings.Contains(page.body, "<script>") || !strings.Contains(page.body, "&lt;script&gt;") {
		t.Errorf("the next page does not escape the address:\n%s", page.body)
	}
	page := b.post("/factor", "state", script, "code", "")
	if strings.Contains(page.body, "<script>") || !strings.Contains(page.body, "&lt;script&gt;") {
		t.Errorf("the state is not escaped:\n%s", page.body)
	}
	b.forget()
	if page := b.get("/sign-in?note=" + url.QueryEscape(script)); strings.Contains(page.body, "alert(1)") {
		t.Errorf("a note of others is shown:\n%s", page.body)
	}
}

func TestCookieByHTTPS(t *testing.T) {
	b := open(t, true)
	b.join()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cookies := b.signIn().header.Values("Set-Cookie")
	for _, name := range []string{"__Host-device=", "__Host-visit="} {
		if !slices.ContainsFunc(cookies, func(c string) bool { return strings.HasPrefix(c, name) }) {
			t.Errorf("Set-Cookie = %q, want %s", cookies, name)
		}
	}
}

// A cue is a log: it is called when the program tells where it is.
type cue func()

func (c cue) Write(line []byte) (int, error) {
	if strings.Contains(string(line), "open http://") {
		c()
	}
	return len(line), nil
}

func TestRunStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.db")
	before := log.Writer()
	defer log.SetOutput(before)
	for range 2 { // the second finds what the first has made
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		log.SetOutput(cue(stop))
		if err := run(ctx, "127.0.0.1:0", file, "localhost", "", nil); err != nil {
			t.Fatal(err)
		}
		stop()
	}
	if err := run(t.Context(), "127.0.0.1:0", file, "localhost", alice, nil); !errors.Is(err, identity.ErrUserNotFound) {
		t.Errorf("the app of nobody is turned off: %v", err)
	}
}
