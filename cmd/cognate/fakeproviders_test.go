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

	"github.com/cognate-id/cognate/internal/fake"
)

var (
	providerLink = regexp.MustCompile(`href="(/oauth2/authorize\?[^"]*identity_provider=([^"&]*))"`)
	formAction   = regexp.MustCompile(`action="([^"]*)"`)
	formField    = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
)

// TestFakeProviders presses each button of the sign-in page, and says who it is at the provider.
func TestFakeProviders(t *testing.T) {
	if testing.Short() {
		t.Skip("makes RSA keys; TestProviders of `identity/identitytest` signs in at fake providers")
	}
	front := httptest.NewUnstartedServer(nil)
	self := "http://" + front.Listener.Addr().String()
	p, err := (&devCommand{Providers: "fake"}).startProviders(self)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	f, err := fake.New(t.Context(), &fake.Options{URL: self, Providers: p.settings, Client: p.client})
	if err != nil {
		t.Fatal(err)
	}
	front.Config.Handler = f
	front.Start()
	t.Cleanup(front.Close)
	q := url.Values{"client_id": {f.Pool().ClientID()}, "response_type": {"code"}, "scope": {"openid email"}, "redirect_uri": {self + "/"}}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	page, _ := load(t, c, self+"/login?"+q.Encode(), nil)
	links := providerLink.FindAllStringSubmatch(page, -1)
	if len(links) != 6 {
		t.Fatalf("%d buttons:\n%s", len(links), page)
	}
	for _, link := range links {
		_, at := load(t, c, self+html.UnescapeString(link[1]), nil)
		page, end := load(t, c, at, url.Values{"fake_email": {"ann@example.com"}, "fake_name": {"Ann Arbor"}})
		end = submitted(t, c, page, end)
		if !strings.HasPrefix(end, self+"/?code=") {
			t.Errorf("%s leads to %s", link[2], end)
		}
	}
	out := url.Values{"client_id": {f.Pool().ClientID()}, "logout_uri": {self + "/"}}
	page, end := load(t, c, self+"/logout?"+out.Encode(), nil) // by way of the SAML provider, which the browser signed in by last
	if end = submitted(t, c, page, end); end != self+"/" {
		t.Errorf("the sign-out leads to %s", end)
	}
}

// submitted sends the form of a page that sends itself, and returns where the browser is then.
func submitted(t *testing.T, c *http.Client, page, at string) string {
	t.Helper()
	if !strings.Contains(page, "document.forms[0].submit()") {
		return at
	}
	form := url.Values{}
	for _, m := range formField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	_, at = load(t, c, html.UnescapeString(formAction.FindStringSubmatch(page)[1]), form)
	return at
}

// load goes to an address, by POST if there is a form, and returns the page and where it is in the end.
func load(t *testing.T, c *http.Client, to string, form url.Values) (page, at string) {
	t.Helper()
	get := func() (*http.Response, error) { return c.Get(to) }
	if form != nil {
		get = func() (*http.Response, error) { return c.PostForm(to, form) }
	}
	answer, err := get()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), answer.Request.URL.String()
}
