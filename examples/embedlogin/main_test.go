package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/store/memory"
)

const password = "correct horse battery staple"

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// A browser is signed out at first, and follows redirects.
type browser struct {
	*testing.T
	http *http.Client
	page string
	at   *url.URL
}

func (b *browser) do(method, to string, form url.Values) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	b.page, b.at = html.UnescapeString(string(body)), res.Request.URL
}

// submit sends the first form of the page.
func (b *browser) submit(typed url.Values) {
	b.Helper()
	m := formTag.FindStringSubmatch(b.page)
	if m == nil {
		b.Fatalf("no form at %s:\n%s", b.at, b.page)
	}
	for _, h := range hiddenTag.FindAllStringSubmatch(m[2], -1) {
		typed.Set(h[1], h[2])
	}
	to, err := b.at.Parse(m[1])
	if err != nil {
		b.Fatal(err)
	}
	b.do(http.MethodPost, to.String(), typed)
}

func (b *browser) sees(path, text string) {
	b.Helper()
	if b.at.Path != path || !strings.Contains(b.page, text) {
		b.Fatalf("%s, want %s with %q:\n%s", b.at, path, text, b.page)
	}
}

// A member signs in on pages that look like the program, and out again. After a sign-out everywhere
// the program asks again at once.
func TestSite(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	base := "http://" + server.Listener.Addr().String()
	catalog := identity.Tables().With(login.Tables()...)
	engine := identity.New(memory.New(), &identity.Options{
		Catalog: catalog, Issuer: identity.FixedIssuer(base), InsecureCheapHashing: true, Sender: identity.NewOutbox(0),
	})
	pool, err := engine.OpenUserPool(t.Context(), "main", &identity.PoolSettings{UsernameAttributes: []string{"email"}, Algorithm: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := newSite(t.Context(), engine, base, [][]byte{[]byte(strings.Repeat("k", 32))}, &login.Options{Store: memory.New(), Scopes: []string{"openid", "email"}})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = site
	server.Start()
	users := pool.Admin().Users()
	u, err := users.Create(t.Context(), identity.CreateUser{
		Username: "ann@example.com", Attributes: map[string]string{"email_verified": "true"}, SuppressInvitation: true,
	})
	if err == nil {
		err = users.SetPassword(t.Context(), "ann@example.com", password, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{T: t, http: &http.Client{Jar: jar}}
	b.do(http.MethodGet, base+"/notes", nil)
	b.sees("/login", "Your notes are where you left them.")
	b.sees("/login", "Welcome back to Fernway")
	b.sees("/login", `src="/static/logo.svg"`)
	b.submit(url.Values{"username": {"ann@example.com"}, "password": {password}})
	b.sees("/notes", "Notes of ann@example.com")

	b.do(http.MethodPost, base+"/sign-out", url.Values{})
	b.sees("/", "My notes")
	b.do(http.MethodGet, base+"/notes", nil)
	b.sees("/login", "Welcome back to Fernway")
	b.submit(url.Values{"username": {"ann@example.com"}, "password": {password}})
	b.sees("/notes", "Notes of")

	if err := users.SignOut(t.Context(), u.Username); err != nil {
		t.Fatal(err)
	}
	b.do(http.MethodGet, base+"/notes", nil)
	b.sees("/login", "Welcome back to Fernway")
}

// The key of cookies is made once, and nobody else can read it.
func TestCookieKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.db.cookies")
	first, err := openCookieKey(file)
	if err != nil || len(first) != 32 {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	if second, err := openCookieKey(file); err != nil || string(second) != string(first) {
		t.Errorf("another key, %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info, err)
	}
}
