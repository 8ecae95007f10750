package examples

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

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

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{T: t, http: &http.Client{Jar: jar}}
}

// A member signs up and in on pages that look like the program, and out again. After a new password, which ends all
// sign-ins, the program asks again at once.
func TestEmbedLogin(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and runs it; vet compiles it")
	}
	bin, dir, addr := build(t, "embedlogin"), t.TempDir(), freeAddress(t)
	base := "http://" + addr
	site := run(t, bin, dir, "-addr", addr, "-url", base)
	site.listens(addr)
	typed := func() url.Values { return url.Values{"username": {"ann@example.com"}, "password": {password}} }
	b := newBrowser(t)
	b.do(http.MethodGet, base+"/notes", nil)
	b.sees("/login", "Your notes are where you left them.")
	b.sees("/login", "Welcome back to Fernway")
	b.sees("/login", `src="/static/logo.svg"`)
	b.do(http.MethodGet, base+"/signup?"+b.at.RawQuery, nil)
	b.submit(typed())
	b.submit(url.Values{"code": site.says(`kind=SignUp .*to=ann@example.com .*code=(\d+)\n`)})
	b.sees("/confirm", "Your account is confirmed.")
	b.submit(typed())
	b.sees("/notes", "Notes of ann@example.com")

	b.do(http.MethodPost, base+"/sign-out", url.Values{})
	b.sees("/", "My notes")
	b.do(http.MethodGet, base+"/notes", nil)
	b.sees("/login", "Welcome back to Fernway")
	b.submit(typed())
	b.sees("/notes", "Notes of")

	key := cookieKey(t, dir)
	site.stop()
	site = run(t, bin, dir, "-addr", addr, "-url", base)
	site.listens(addr)
	if cookieKey(t, dir) != key {
		t.Error("the second start has made another key of cookies")
	}
	b.do(http.MethodGet, base+"/notes", nil)
	b.sees("/notes", "Notes of")

	other := newBrowser(t)
	other.do(http.MethodGet, base+"/notes", nil)
	other.do(http.MethodGet, base+"/forgotPassword?"+other.at.RawQuery, nil)
	other.submit(url.Values{"username": {"ann@example.com"}})
	code := site.says(`kind=ForgotPassword .*to=ann@example.com .*code=(\d+)\n`)
	other.submit(url.Values{"username": {"ann@example.com"}, "code": code, "new_password": {password + "-2"}})
	other.sees("/forgotPassword", "Your password was changed.")
	b.do(http.MethodGet, base+"/notes", nil)
	b.sees("/login", "Welcome back to Fernway")
}

// cookieKey returns the key of cookies that the program has made. Nobody else can read it.
func cookieKey(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "users.db.cookies")
	key, err := os.ReadFile(file)
	if err != nil || len(key) != 32 {
		t.Fatalf("%d bytes, %v", len(key), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info, err)
	}
	return string(key)
}
