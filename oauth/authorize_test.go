package oauth_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/oauth"
)

// refusedAt is the error that an application is told.
func refusedAt(out *url.URL) string {
	if out == nil {
		return "nothing"
	}
	if q, err := url.ParseQuery(out.EscapedFragment()); err == nil && q.Get("error") != "" {
		return q.Get("error")
	}
	return out.Query().Get("error")
}

// stateOf is the state that an application gets back.
func stateOf(out *url.URL) string {
	if q, err := url.ParseQuery(out.EscapedFragment()); err == nil && q.Get("state") != "" {
		return q.Get("state")
	}
	return out.Query().Get("state")
}

func TestAuthorizeRefuses(t *testing.T) {
	w := newWorld(t, nil)
	for name, tt := range map[string]struct {
		more []string
		want string
	}{
		"no response type":            {[]string{"response_type", ""}, "invalid_request"},
		"an unknown response type":    {[]string{"response_type", "code id_token"}, "unsupported_response_type"},
		"the implicit grant":          {[]string{"response_type", "token", "code_challenge", "", "code_challenge_method", ""}, "unauthorized_client"},
		"a scope of no client":        {[]string{"scope", "openid api/admin"}, "invalid_scope"},
		"email without openid":        {[]string{"scope", "email"}, "invalid_scope"},
		"a challenge without method":  {[]string{"code_challenge_method", ""}, "invalid_request"},
		"a method without challenge":  {[]string{"code_challenge", ""}, "invalid_request"},
		"the method plain":            {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"a short challenge":           {[]string{"code_challenge", "abc"}, "invalid_request"},
		"a padded challenge":          {[]string{"code_challenge", challenge + "="}, "invalid_request"},
		"a long nonce":                {[]string{"nonce", strings.Repeat("n", 2049)}, "invalid_request"},
		"a request object":            {[]string{"request", "e30.e30."}, "request_not_supported"},
		"the URI of a request object": {[]string{"request_uri", "https://app.example.com/r"}, "request_uri_not_supported"},
		"an unknown prompt":           {[]string{"prompt", "create"}, "invalid_request"},
		"none and login":              {[]string{"prompt", "none login"}, "invalid_request"},
		"none without a session":      {[]string{"prompt", "none"}, "login_required"},
		"a negative age":              {[]string{"max_age", "-1"}, "invalid_request"},
		"an age in words":             {[]string{"max_age", "old"}, "invalid_request"},
		"an unknown response mode":    {[]string{"response_mode", "web_message"}, "invalid_request"},
	} {
		for _, path := range []string{"/oauth2/authorize", "/login", "/signup", "/confirm", "/forgotPassword"} {
			if path != "/oauth2/authorize" && name == "none without a session" {
				continue // these are what a browser without a session is sent to
			}
			status, out := w.browser().get(strings.Replace(w.authorizeURL(w.public, tt.more...), "/oauth2/authorize", path, 1))
			if status != http.StatusFound || refusedAt(out) != tt.want || !strings.HasPrefix(out.String(), callback) || stateOf(out) != "s t&" {
				t.Errorf("%s, %s: %d %v, want %s", path, name, status, out, tt.want)
			}
		}
	}
}

// Whatever a redirect URI looks like, it is one of the client's or nobody is redirected.
func TestRedirectURIsAreExact(t *testing.T) {
	w := newWorld(t, nil)
	variants := []string{
		"", "/", "//app.example.com/cb", "https://app.example.com", "https://app.example.com/", "https://app.example.com/cb/",
		"https://app.example.com/CB", "https://APP.example.com/cb", "HTTPS://app.example.com/cb", "http://app.example.com/cb",
		"https://app.example.com:443/cb", "https://app.example.com:8443/cb", "https://app.example.com./cb", "https://app.example.com/cb?",
		"https://app.example.com/cb?x=1", "https://app.example.com/cb#", "https://app.example.com/cb#x", "https://app.example.com/cb%00",
		"https://app.example.com/cb%2F", "https://app.example.com/%63b", "https://app.example.com/cb/../cb", "https://app.example.com/./cb",
		"https://app.example.com//cb", "https://app.example.com/cb;x", "https://app.example.com\\cb", "https:\\\\app.example.com\\cb",
		"https://app.example.com/cb\t", "https://app.example.com/cb ", " https://app.example.com/cb", "https://app.example.com/cb\n",
		"https://user@app.example.com/cb", "https://user:pass@app.example.com/cb", "https://app.example.com@evil.example/cb",
		"https://evil.example/https://app.example.com/cb", "https://app.example.com.evil.example/cb", "https://evilapp.example.com/cb",
		"https://evil.example?https://app.example.com/cb", "https://evil.example#https://app.example.com/cb", "https://sub.app.example.com/cb",
		"javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://app.example.com/other", "https://app.example.com/other?x=2",
		"https://app.example.com/other?x=1&y=2", "https://app.example.com/cb,https://app.example.com/other?x=1", "https://xn--app.example.com/cb",
		"https://app.example.com/cb\u200b", "https://\uff41pp.example.com/cb", "localhost", "http://127.0.0.1/cb",
	}
	if len(variants) < 45 {
		t.Fatalf("%d variants", len(variants))
	}
	paths := []string{"/oauth2/authorize", "/login", "/signup", "/confirm", "/forgotPassword"}
	for i, uri := range variants {
		for _, path := range few.Of(len(paths), append(paths[i%5:len(paths):len(paths)], paths[:i%5]...)) { // each with all, or by turns
			b := w.browser()
			at := strings.Replace(w.authorizeURL(w.public, "redirect_uri", uri), "/oauth2/authorize", path, 1)
			status, out := b.get(at)
			if status != http.StatusBadRequest || out != nil {
				t.Errorf("%s with %q: %d, to %v", path, uri, status, out)
			}
		}
	}
	b := w.browser()
	b.get(w.authorizeURL(w.public, "redirect_uri", "https://app.example.com/other?x=1"))
	if w.user("ann"); b.at.Path != "/login" {
		t.Fatalf("the other URI of the client: at %s", b.at)
	}
	if _, out := b.submit(map[string]string{"username": "ann", "password": password}); out == nil || !strings.HasPrefix(out.String(), "https://app.example.com/other?x=1&code=") {
		t.Errorf("an address with a query: %v", out)
	}
}

func TestUnknownClients(t *testing.T) {
	w := newWorld(t, nil)
	for _, id := range []string{"", "unknown", strings.Repeat("a", 10000), "a\x00b", "../x", "a b"} {
		for _, path := range []string{"/oauth2/authorize", "/login", "/logout"} {
			status, out := w.browser().get(path + "?" + url.Values{"client_id": {id}, "redirect_uri": {callback}, "response_type": {"code"}, "logout_uri": {"https://app.example.com/bye"}}.Encode())
			if status != http.StatusBadRequest || out != nil {
				t.Errorf("%s for the client %.20q: %d, to %v", path, id, status, out)
			}
		}
	}
}

// A parameter that comes twice, or is malformed, redirects nobody: nobody knows whose redirect
// URI it would be.
func TestMalformedParameters(t *testing.T) {
	w := newWorld(t, nil)
	good := w.authorizeURL(w.public)
	for name, at := range map[string]string{
		"redirect_uri twice": good + "&redirect_uri=" + url.QueryEscape(callback),
		"client_id twice":    good + "&client_id=" + w.public.ClientID(),
		"scope twice":        good + "&scope=openid",
		"unknown twice":      good + "&x=1&x=2",
		"NUL":                good + "&x=%00",
		"a line break":       good + "&x=%0d%0aSet-Cookie:%20a=b",
		"not UTF-8":          good + "&x=%ff",
		"a bad escape":       good + "&x=%zz",
		"10 KB":              good + "&x=" + strings.Repeat("a", 10<<10),
		"a query of 20 KB":   good + "&" + strings.Repeat("a=&", 7000),
	} {
		status, out := w.browser().get(at)
		if status != http.StatusBadRequest && status != http.StatusRequestEntityTooLarge || out != nil {
			t.Errorf("%s: %d, to %v", name, status, out)
		}
	}
}

func TestImplicitGrant(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	client := w.client(func(c *identity.ClientSettings) { c.OAuthFlows = []string{"implicit"} })
	b := w.browser()
	b.get(w.authorizeURL(client, "response_type", "token", "code_challenge", "", "code_challenge_method", ""))
	_, out := b.submit(map[string]string{"username": "ann", "password": password})
	if out == nil || out.RawQuery != "" {
		t.Fatalf("%v", out)
	}
	q, err := url.ParseQuery(out.EscapedFragment())
	if err != nil || q.Get("token_type") != "Bearer" || q.Get("expires_in") != "3600" || q.Get("state") != "s t&" || q.Get("refresh_token") != "" {
		t.Fatalf("%v %v", q, err)
	}
	if id := claims(t, q.Get("id_token")); id["nonce"] != "n-1" || id["at_hash"] == nil {
		t.Errorf("ID token %v", id)
	}
	if status, info, _ := w.call(http.MethodGet, "/oauth2/userInfo", nil, "Authorization", "Bearer "+q.Get("access_token")); status != http.StatusOK {
		t.Errorf("user info: %d %v", status, info)
	}
}

func TestFormPost(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	b := w.browser()
	b.get(w.authorizeURL(w.public, "response_mode", "form_post"))
	status, out := b.submit(map[string]string{"username": "ann", "password": password})
	if status != http.StatusOK || out != nil {
		t.Fatalf("%d %v", status, out)
	}
	m := formTag.FindStringSubmatch(b.page)
	if m == nil || html.UnescapeString(m[1]) != callback || !strings.Contains(m[2], `name="code"`) || !strings.Contains(html.UnescapeString(m[2]), `value="s t&"`) {
		t.Errorf("the form is\n%s", b.page)
	}
}

func TestPrompts(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	b := w.browser()
	first := b.code(w.public, "ann")
	exchange := func(code string) map[string]any {
		_, got, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.public.ClientID(), "code", code, "redirect_uri", callback, "code_verifier", verifier)
		return claims(t, got["id_token"])
	}
	before := exchange(first)
	w.advance(time.Minute)
	for name, tt := range map[string]struct {
		more  []string
		login bool
	}{
		"nothing": {nil, false}, "none": {[]string{"prompt", "none"}, false}, "an age that is met": {[]string{"max_age", "61"}, false},
		"login": {[]string{"prompt", "login"}, true}, "select_account": {[]string{"prompt", "select_account"}, true}, "an age that is not met": {[]string{"max_age", "59"}, true},
	} {
		again := w.browser()
		again.http.Jar = b.http.Jar
		_, out := again.get(w.authorizeURL(w.public, tt.more...))
		if asks := out == nil; asks != tt.login {
			t.Errorf("%s: asks %v, want %v", name, asks, tt.login)
		}
	}
	if after := exchange(b.code(w.public, "ann")); after["auth_time"] != before["auth_time"] {
		t.Errorf("auth_time %v, was %v", after["auth_time"], before["auth_time"])
	}
	at, err := url.Parse(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	stale := w.browser()
	stale.http.Jar.SetCookies(at, b.http.Jar.Cookies(at))
	if after := exchange(b.code(w.public, "ann", "prompt", "login")); after["auth_time"].(float64) != before["auth_time"].(float64)+60 {
		t.Errorf("after a new sign-in auth_time is %v, was %v", after["auth_time"], before["auth_time"])
	}
	if _, out := stale.get(w.authorizeURL(w.public, "prompt", "none")); refusedAt(out) != "login_required" {
		t.Errorf("the cookie from before the new sign-in: %v", out)
	}
	w.advance(time.Hour)
	if _, out := b.get(w.authorizeURL(w.public, "prompt", "none")); refusedAt(out) != "login_required" {
		t.Errorf("after an hour: %v", out)
	}
}

// A safe pool demands PKCE of clients without a secret.
func TestSafePoolsDemandAChallenge(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) { p.Defaults = identity.SafeDefaults })
	_, out := w.browser().get(w.authorizeURL(w.public, "code_challenge", "", "code_challenge_method", ""))
	if refusedAt(out) != "invalid_request" {
		t.Errorf("without a secret: %v", out)
	}
	if status, out := w.browser().get(w.authorizeURL(w.secret, "code_challenge", "", "code_challenge_method", "")); status != http.StatusOK {
		t.Errorf("with a secret: %d %v", status, out)
	}
}

// A cookie of one pool means nothing in another on the same host.
func TestPoolsDoNotShareBrowsers(t *testing.T) {
	w := newWorld(t, nil)
	w.user("ann")
	other, err := w.engine.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "other", Region: "us-east-1", Algorithm: "ES256", Defaults: identity.CognitoDefaults})
	if err != nil {
		t.Fatal(err)
	}
	mine := w.pool
	if w.pool, err = w.engine.UserPool(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	there := w.client(func(*identity.ClientSettings) {})
	w.pool = mine
	b := w.browser()
	b.code(w.public, "ann")
	if _, out := b.get(w.authorizeURL(there, "prompt", "none")); refusedAt(out) != "login_required" {
		t.Errorf("another pool: %v", out)
	}
	u, err := url.Parse(w.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar := b.http.Jar.Cookies(u)
	stolen := w.browser()
	for _, c := range jar {
		if strings.HasPrefix(c.Name, "cognito-") {
			stolen.get(w.authorizeURL(there))
			stolen.http.Jar.SetCookies(u, []*http.Cookie{{Name: oauth.BrowserName(other.ID), Value: c.Value, Path: "/"}})
		}
	}
	if _, out := stolen.get(w.authorizeURL(there, "prompt", "none")); refusedAt(out) != "login_required" {
		t.Errorf("the cookie of one pool under the name of another: %v", out)
	}
}

// A client may let applications on the user's machine take any port, and nothing else differs.
func TestAnyLoopbackPort(t *testing.T) {
	w := newWorld(t, nil)
	known := []string{"http://127.0.0.1/cb", "http://[::1]:1234/cb", "https://app.example.com:8443/cb", "http://localhost/cb"}
	app := w.client(func(c *identity.ClientSettings) { c.AnyLoopbackPort, c.CallbackURLs = true, known })
	exact := w.client(func(c *identity.ClientSettings) { c.CallbackURLs = known })
	for uri, want := range map[string]bool{
		"http://127.0.0.1/cb": true, "http://127.0.0.1:49152/cb": true, "http://127.0.0.1:1/cb": true, "http://127.0.0.1:65535/cb": true, "http://[::1]:49152/cb": true, "http://[::1]:1234/cb": true,
		"http://127.0.0.1:65536/cb": false, "http://127.0.0.1:0/cb": false, "http://127.0.0.1:080/cb": false, "http://127.0.0.1:/cb": false, "http://127.0.0.1:80/cb/": false,
		"http://127.0.0.1:80/cb?x": false, "http://127.0.0.1:80/cb#x": false, "http://127.0.0.1:80@evil.example/cb": false, "http://127.0.0.1:80/cb\n": false,
		"https://127.0.0.1:80/cb": false, "http://localhost:80/cb": false, "http://127.0.0.2:80/cb": false, "https://app.example.com:1/cb": false, "http://[::1]/cb": false,
		"http://127.0.0.1.evil.example:80/cb": false, "http://127.0.0.1:80": false,
	} {
		status, _ := w.browser().get(w.authorizeURL(app, "redirect_uri", uri))
		if (status == http.StatusOK) != want {
			t.Errorf("%q: %d, want it taken: %t", uri, status, want)
		}
		status, _ = w.browser().get(w.authorizeURL(exact, "redirect_uri", uri))
		if want := uri == known[0] || uri == known[1]; (status == http.StatusOK) != want {
			t.Errorf("%q without the setting: %d", uri, status)
		}
	}
}
