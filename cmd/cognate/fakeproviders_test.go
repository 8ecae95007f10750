package main

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/internal/fake"
)

var (
	providerLink = regexp.MustCompile(`href="(/oauth2/authorize\?[^"]*identity_provider=([^"&]*))"`)
	formAction   = regexp.MustCompile(`action="([^"]*)"`)
	formField    = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)
)

// startFakeProviders starts a server with fake providers, as cognate dev does.
func startFakeProviders(t *testing.T) (f *fake.Server, p *fakeProviders, self string) {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	self = "http://" + front.Listener.Addr().String()
	p, err := (&devCommand{Providers: "fake"}).startProviders(self)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	f, err = fake.New(t.Context(), &fake.Options{URL: self, Providers: p.settings, Client: p.client, Social: p.social})
	if err != nil {
		t.Fatal(err)
	}
	front.Config.Handler = f
	front.Start()
	t.Cleanup(front.Close)
	return f, p, self
}

// TestFakeProviders presses each button of the sign-in page, and says who it is at the provider.
func TestFakeProviders(t *testing.T) {
	if testing.Short() {
		t.Skip("makes RSA keys; TestProviders of `identity/identitytest` signs in at fake providers")
	}
	f, _, self := startFakeProviders(t)
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

// TestFakeProvidersOfIdentityPools gets tokens of the fakes, and credentials for each token.
func TestFakeProvidersOfIdentityPools(t *testing.T) {
	if testing.Short() {
		t.Skip("makes RSA keys; `identity/idpool` verifies tokens of each provider")
	}
	f, p, self := startFakeProviders(t)
	pool, other := fakePool(t, f, fakeClient), fakePool(t, f, "other")
	identities := map[string]string{}
	for _, tt := range []struct{ login, provider, kind string }{
		{"accounts.google.com", "Google", "id_token"},
		{"appleid.apple.com", "SignInWithApple", "id_token"},
		{"graph.facebook.com", "Facebook", "access_token"},
		{"www.amazon.com", "LoginWithAmazon", "access_token"},
	} {
		logins := map[string]any{tt.login: p.token(t, self, tt.provider)[tt.kind]}
		status, got := callIdentities(t, self, "GetId", map[string]any{"IdentityPoolId": pool, "Logins": logins})
		id, _ := got["IdentityId"].(string)
		if status != http.StatusOK || identities[id] != "" {
			t.Errorf("%s: GetId: %d %v, and before: %v", tt.login, status, got, identities)
			continue
		}
		identities[id] = tt.login
		status, got = callIdentities(t, self, "GetCredentialsForIdentity", map[string]any{"IdentityId": id, "Logins": logins})
		c, _ := got["Credentials"].(map[string]any)
		if key, _ := c["AccessKeyId"].(string); status != http.StatusOK || !strings.HasPrefix(key, "ASIA") {
			t.Errorf("%s: GetCredentialsForIdentity: %d %v", tt.login, status, got)
		}
		if status, got = callIdentities(t, self, "GetId", map[string]any{"IdentityPoolId": other, "Logins": logins}); status != http.StatusBadRequest {
			t.Errorf("%s: with a token for another client: %d %v", tt.login, status, got)
		}
		logins[tt.login] = "x"
		if status, got = callIdentities(t, self, "GetId", map[string]any{"IdentityPoolId": pool, "Logins": logins}); got["__type"] != "NotAuthorizedException" {
			t.Errorf("%s: with no token: %d %v", tt.login, status, got)
		}
	}
}

// fakePool makes an identity pool that takes tokens for a client of each social provider.
func fakePool(t *testing.T, f *fake.Server, client string) string {
	t.Helper()
	set := idpool.Settings{Name: client, Social: map[string]string{}}
	for _, name := range []string{"accounts.google.com", "appleid.apple.com", "graph.facebook.com", "www.amazon.com"} {
		set.Social[name] = client
	}
	pool, err := f.IdentityPools().Pools().Create(t.Context(), "", set)
	if err == nil {
		err = f.IdentityPools().Pools().SetRoles(t.Context(), pool.ID, idpool.Roles{Authenticated: "arn:aws:iam::123456789012:role/users"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return pool.ID
}

// token signs somebody in at a fake, and returns what it answers to the code.
func (p *fakeProviders) token(t *testing.T, self, name string) map[string]any {
	t.Helper()
	q := url.Values{"client_id": {fakeClient}, "response_type": {"code"}, "redirect_uri": {self + "/"}}
	_, end := load(t, http.DefaultClient, p.at+"/"+name+"/authorize?"+q.Encode(), url.Values{"fake_email": {"ann@example.com"}, "fake_name": {"Ann Arbor"}})
	back, err := url.Parse(end)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {fakeClient}, "client_secret": {fakeSecret}, "redirect_uri": {self + "/"}, "code": {back.Query().Get("code")}}
	text, _ := load(t, http.DefaultClient, p.at+"/"+name+"/token", form)
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil || out["access_token"] == nil {
		t.Fatalf("%s: %v: %s", name, err, text)
	}
	return out
}

// callIdentities calls an operation of identity pools, unsigned as users do.
func callIdentities(t *testing.T, self, operation string, body map[string]any) (status int, out map[string]any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, self+"/", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService."+operation)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, out
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
