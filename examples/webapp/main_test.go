package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

const secret = "abcdefghijklmnopqrstuvwxyz0123456789"

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	hiddenTag = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// A world is a server, the program, and browsers.
type world struct {
	*testing.T
	app *httptest.Server
	srv *identitytest.Server

	program *app
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, app: httptest.NewUnstartedServer(nil)}
	t.Cleanup(w.app.Close)
	base := "http://" + w.app.Listener.Addr().String()
	w.srv = identitytest.NewServer(t, nil)
	w.srv.AddUser("ann", "Passw0rd!", map[string]string{"email": "ann@example.com"})
	client, err := w.srv.Pool().Admin().Clients().Create(t.Context(), &identity.ClientSettings{
		Name: "webapp", Secret: secret, OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email"},
		CallbackURLs: []string{base + "/callback"}, LogoutURLs: []string{base + "/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(t.Context(), w.srv.URL+"/"+w.srv.PoolID, client.ID, secret, base)
	if err != nil {
		t.Fatal(err)
	}
	w.program, w.app.Config.Handler = a, a.handler()
	w.app.Start()
	return w
}

// A browser follows redirects, and shows a page.
type browser struct {
	*world
	http *http.Client
	page string
	at   *url.URL
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	return &browser{world: w, http: &http.Client{Jar: jar}}
}

func (b *browser) do(method, to string, form url.Values, header ...string) int {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
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
	return res.StatusCode
}

func (b *browser) signIn() int {
	b.Helper()
	b.do(http.MethodGet, b.app.URL+"/me", nil)
	m := formTag.FindStringSubmatch(b.page)
	if m == nil {
		b.Fatalf("no form at %s:\n%s", b.at, b.page)
	}
	form := url.Values{"username": {"ann"}, "password": {"Passw0rd!"}}
	for _, h := range hiddenTag.FindAllStringSubmatch(m[2], -1) {
		form.Set(h[1], h[2])
	}
	to, err := b.at.Parse(m[1])
	if err != nil {
		b.Fatal(err)
	}
	return b.do(http.MethodPost, to.String(), form)
}

func TestSignInAndOut(t *testing.T) {
	b := newWorld(t).browser()
	if status := b.signIn(); status != http.StatusOK || b.at.Path != "/me" || !strings.Contains(b.page, "Hello ann@example.com") {
		t.Fatalf("%d at %s\n%s", status, b.at, b.page)
	}
	if status := b.do(http.MethodPost, b.app.URL+"/sign-out", url.Values{}, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("another site signs people out: %d", status)
	}
	b.do(http.MethodPost, b.app.URL+"/sign-out", url.Values{})
	if b.at.Path != "/" || !strings.Contains(b.page, `href="/sign-in"`) {
		t.Errorf("at %s\n%s", b.at, b.page)
	}
	if b.do(http.MethodGet, b.app.URL+"/me", nil); b.at.Path != "/login" {
		t.Errorf("after the sign-out, the server knows the browser: %s", b.at)
	}
}

// The answer to another browser's sign-in signs nobody in.
func TestForeignAnswer(t *testing.T) {
	w := newWorld(t)
	mallory, victim := w.browser(), w.browser()
	var answer string
	mallory.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/callback" {
			answer = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	mallory.signIn()
	if answer == "" {
		t.Fatalf("no answer\n%s", mallory.page)
	}
	victim.do(http.MethodGet, w.app.URL+"/sign-in", nil)
	if status := victim.do(http.MethodGet, answer, nil); status != http.StatusBadRequest {
		t.Errorf("%d at %s", status, victim.at)
	}
	r := httptest.NewRequest(http.MethodGet, answer, nil)
	r.AddCookie(&http.Cookie{Name: "attempt", Value: "state.nonce.verifier"})
	if _, err := w.program.answered(r); err == nil || !strings.Contains(err.Error(), "state") { // before the code is used
		t.Errorf("another state: %v", err)
	}
	if victim.do(http.MethodGet, w.app.URL+"/", nil); !strings.Contains(victim.page, `href="/sign-in"`) {
		t.Errorf("the victim is signed in:\n%s", victim.page)
	}
}
