package oauth_test

import (
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/internal/few"
)

// A federation is a world with a provider that a client has.
type federation struct {
	*world
	idp    *fakeidp.Provider
	client *identity.AppClient // with the pool and Northwind
}

// newFederation returns a world with the OpenID provider Northwind. edit may change the provider.
func newFederation(t *testing.T, edit func(*identity.ProviderSettings)) *federation {
	t.Helper()
	return federationIn(t, newWorld(t, nil), edit)
}

func federationIn(t *testing.T, w *world, edit func(*identity.ProviderSettings)) *federation {
	t.Helper()
	f := &federation{world: w, idp: fakeidp.New("upstream", "s3cr3t")}
	s := httptest.NewServer(f.idp)
	t.Cleanup(s.Close)
	f.idp.Serve(s.URL)
	f.idp.SetUser(map[string]any{"sub": "u-1", "email": "ann@northwind.example", "email_verified": true, "name": "Ann"})
	f.provider("Northwind", func(set *identity.ProviderSettings) {
		if edit != nil {
			edit(set)
		}
	})
	f.client = f.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"COGNITO", "Northwind"} })
	return f
}

// provider makes a provider of the pool, which is the fake one.
func (f *federation) provider(name string, edit func(*identity.ProviderSettings)) {
	f.Helper()
	set := identity.ProviderSettings{
		Name: name, Type: identity.ProviderOIDC, Mapping: map[string]string{"email": "email", "email_verified": "email_verified", "name": "name"},
		Details: identity.ProviderDetails{
			"client_id": "upstream", "client_secret": "s3cr3t", "authorize_scopes": "openid email", "attributes_request_method": "GET", "oidc_issuer": f.idp.URL(),
		},
	}
	edit(&set)
	if _, err := f.pool.Admin().Providers().Create(f.Context(), set); err != nil {
		f.Fatal(err)
	}
}

// away goes to an address that leads to the provider, and returns where the provider sends the browser back to.
func (f *federation) away(b *browser, to string) *url.URL {
	f.Helper()
	status, out := b.get(to)
	if out == nil || !strings.HasPrefix(out.String(), f.idp.URL()+"/authorize?") {
		f.Fatalf("%d, to %v:\n%s", status, out, b.page)
	}
	r, err := http.NewRequestWithContext(f.Context(), http.MethodGet, out.String(), nil)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := b.http.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	defer answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		f.Fatal(err)
	}
	if !strings.HasPrefix(back.String(), f.server.URL+"/oauth2/idpresponse?") {
		f.Fatalf("the provider sends the browser to %s", back)
	}
	return back
}

func (f *federation) byNorthwind(more ...string) string {
	return f.authorizeURL(f.client, append([]string{"identity_provider", "Northwind"}, more...)...)
}

// told fails unless the application got an error.
func (f *federation) told(out *url.URL, code, description string) {
	f.Helper()
	if out == nil {
		f.Fatalf("no application is told, want %s %q", code, description)
	}
	q := out.Query()
	if !strings.HasPrefix(out.String(), callback+"?") || q.Get("error") != code || q.Get("error_description") != description || q.Get("state") != "s t&" {
		f.Errorf("the application is told %s, want %s %q", out, code, description)
	}
}

// lost fails unless the browser got a page about a state that is good for nothing.
func (f *federation) lost(b *browser, status int, out *url.URL) {
	f.Helper()
	if out != nil || status != http.StatusBadRequest {
		f.Errorf("%d, to %v:\n%s", status, out, b.page)
	}
}

func TestSignInByProvider(t *testing.T) {
	f := newFederation(t, nil)
	b := f.browser()
	_, out := b.get(f.away(b, f.byNorthwind()).String()[len(f.server.URL):])
	if out == nil || out.Query().Get("code") == "" || out.Query().Get("state") != "s t&" {
		t.Fatalf("%v\n%s", out, b.page)
	}
	status, doc, _ := f.post("/oauth2/token", "grant_type", "authorization_code", "client_id", f.client.ClientID(), "redirect_uri", callback, "code", out.Query().Get("code"), "code_verifier", verifier)
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, doc)
	}
	c := claims(t, doc["id_token"])
	if c["cognito:username"] != "northwind_u-1" && c["cognito:username"] != "Northwind_u-1" || c["email"] != "ann@northwind.example" || c["nonce"] != "n-1" {
		t.Errorf("%v", c)
	}
	// The next request of the application goes through at once, and one that wants another way does not.
	if _, out := b.get(f.byNorthwind()); out == nil || out.Query().Get("code") == "" {
		t.Errorf("to %v", out)
	}
	if _, out := b.get(f.authorizeURL(f.client, "identity_provider", "COGNITO")); out != nil {
		t.Errorf("to %v", out)
	}
	f.away(b, f.byNorthwind("prompt", "login"))
	if _, out := b.get(f.authorizeURL(f.client, "identity_provider", "COGNITO", "prompt", "none")); out == nil || out.Query().Get("error") != "login_required" {
		t.Errorf("to %v", out)
	}
	if _, out := f.browser().get(f.byNorthwind("prompt", "none")); out == nil || out.Query().Get("error") != "login_required" {
		t.Errorf("to %v", out)
	}
}

func TestWhatGoesToTheProvider(t *testing.T) {
	f := newFederation(t, nil)
	_, out := f.browser().get(f.byNorthwind("login_hint", "ann", "lang", "de"))
	q := out.Query()
	if q.Get("redirect_uri") != f.server.URL+"/oauth2/idpresponse" || q.Get("scope") != "openid email" || q.Get("login_hint") != "ann" || q.Get("client_id") != "upstream" {
		t.Errorf("%v", q)
	}
	if q.Get("nonce") == "n-1" || q.Get("code_challenge") == challenge || q.Has("lang") || strings.Contains(q.Get("state"), "s t") {
		t.Errorf("what is the application's goes to the provider: %v", q)
	}
}

// TestStates has states that are good for nothing. No application is told of them.
func TestStates(t *testing.T) {
	f := newFederation(t, nil)
	path := func(u *url.URL, edit func(url.Values)) string {
		q := u.Query()
		edit(q)
		return "/oauth2/idpresponse?" + q.Encode()
	}
	set := func(value string) func(url.Values) { return func(q url.Values) { q.Set("state", value) } }
	b := f.browser()
	back := f.away(b, f.byNorthwind())
	state := back.Query().Get("state")
	_, sealed, _ := strings.Cut(state, ".")
	other := f.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Northwind"} })
	for name, edit := range map[string]func(url.Values){
		"missing":              func(q url.Values) { q.Del("state") },
		"made up":              set("abc"),
		"of nobody":            set("nobody." + sealed),
		"of another client":    set(other.ClientID() + "." + sealed),
		"changed":              set(state[:len(state)-2] + "AA"),
		"error without state":  func(q url.Values) { q.Del("state"); q.Set("error", "access_denied") },
		"the application's":    set("s t&"),
		"a cookie of sign-ins": set(f.client.ClientID() + "." + "eyJ"),
	} {
		t.Run(name, func(t *testing.T) {
			status, out := b.get(path(back, edit))
			f.lost(b, status, out)
		})
	}
	t.Run("of another browser", func(t *testing.T) {
		for _, thief := range []*browser{f.browser(), f.browser()} {
			status, out := thief.get(path(back, func(url.Values) {}))
			f.lost(thief, status, out)
			thief.get(f.byNorthwind()) // now it has a cookie of its own
			status, out = thief.get(path(back, func(url.Values) {}))
			f.lost(thief, status, out)
		}
	})
	if n := f.idp.Requests("/token"); n != 0 {
		t.Errorf("the provider was asked for tokens %d times", n)
	}
	t.Run("twice", func(t *testing.T) {
		if _, out := b.get(path(back, func(url.Values) {})); out == nil || out.Query().Get("code") == "" {
			t.Fatalf("the first time: %v\n%s", out, b.page)
		}
		status, out := b.get(path(back, func(url.Values) {}))
		f.lost(b, status, out)
	})
	t.Run("expired", func(t *testing.T) {
		b := f.browser()
		back := f.away(b, f.byNorthwind())
		f.advance(identity.RoundTripLife)
		status, out := b.get(path(back, func(url.Values) {}))
		f.lost(b, status, out)
	})
}

// TestOneCallbackOfMany has a callback that comes 20 times at once.
func TestOneCallbackOfMany(t *testing.T) {
	f := newFederation(t, nil)
	b := f.browser()
	back := f.away(b, f.byNorthwind())
	u, err := url.Parse(f.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	codes := make(chan string, 20)
	for range crowd() {
		all.Go(func() {
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, back.String(), nil)
			for _, c := range b.http.Jar.Cookies(u) {
				r.AddCookie(c)
			}
			answer, err := (&http.Client{CheckRedirect: b.http.CheckRedirect}).Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if to, err := answer.Location(); err == nil && to.Query().Get("code") != "" {
				codes <- to.Query().Get("code")
			}
		})
	}
	all.Wait()
	if len(codes) != 1 {
		t.Errorf("%d codes for one callback", len(codes))
	}
}

func TestErrorsOfProvidersGoToTheApplication(t *testing.T) {
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { m[name] = value }
	}
	type answer struct {
		name              string
		wrong             fakeidp.Misbehave
		code, description string
	}
	for _, tt := range few.Of(2, []answer{
		{"refused", fakeidp.Misbehave{Callback: func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("error_description", "She said <no>")
		}}, "access_denied", "Northwind Error - She said <no>"},
		{"no tokens", fakeidp.Misbehave{Callback: func(q url.Values) { q.Set("code", "x") }}, "invalid_request", "Northwind Error - 400 error getting token"},
		{"a forged token", fakeidp.Misbehave{Claims: set("nonce", "another")}, "invalid_request", "Invalid ID token"},
		{"for somebody else", fakeidp.Misbehave{Claims: set("aud", "another")}, "invalid_request", "Invalid ID token"},
		{"another user", fakeidp.Misbehave{UserInfo: set("sub", "u-2")}, "invalid_request", "Invalid user info response"},
		{"no keys", fakeidp.Misbehave{Handler: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/jwks" {
				http.Error(w, "canary", http.StatusInternalServerError)
			}
			return r.URL.Path == "/jwks"
		}}, "invalid_request", "Error in calling jwks uri"},
		{"a name that is too long", fakeidp.Misbehave{Claims: set("sub", strings.Repeat("x", 200)), UserInfo: set("sub", strings.Repeat("x", 200))}, "invalid_request", "Invalid subject from identity provider"},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newFederation(t, nil)
			f.idp.Misbehave(tt.wrong)
			b := f.browser()
			_, out := b.get(f.away(b, f.byNorthwind()).String())
			f.told(out, tt.code, tt.description)
		})
	}
	t.Run("no discovery", func(t *testing.T) {
		f := newFederation(t, nil)
		f.idp.Misbehave(fakeidp.Misbehave{Discovery: set("issuer", "https://evil.example")})
		_, out := f.browser().get(f.byNorthwind())
		f.told(out, "invalid_request", "Unable to contact well-known endpoint")
	})
	t.Run("another issuer in the callback", func(t *testing.T) {
		f := newFederation(t, nil)
		f.idp.Misbehave(fakeidp.Misbehave{Callback: func(q url.Values) { q.Set("iss", "https://evil.example") }})
		b := f.browser()
		status, out := b.get(f.away(b, f.byNorthwind()).String())
		f.lost(b, status, out)
		if f.idp.Requests("/token") != 0 {
			t.Error("a code of another provider was sent to this one")
		}
	})
}

func TestErrorsOfTheEngineGoToTheApplication(t *testing.T) {
	signIn := func(f *federation) *url.URL {
		b := f.browser()
		_, out := b.get(f.away(b, f.byNorthwind("prompt", "login")).String())
		return out
	}
	t.Run("disabled", func(t *testing.T) {
		f := newFederation(t, nil)
		if out := signIn(f); out.Query().Get("code") == "" {
			t.Fatal(out)
		}
		if err := f.pool.Admin().Users().Disable(t.Context(), "northwind_u-1"); err != nil {
			if err = f.pool.Admin().Users().Disable(t.Context(), "Northwind_u-1"); err != nil {
				t.Fatal(err)
			}
		}
		f.told(signIn(f), "invalid_request", "User is not enabled")
	})
	t.Run("provider gone", func(t *testing.T) {
		f := newFederation(t, nil)
		b := f.browser()
		back := f.away(b, f.byNorthwind())
		if err := f.pool.Admin().Providers().Delete(t.Context(), "Northwind"); err != nil {
			t.Fatal(err)
		}
		if status, out := b.get(back.String()); out != nil || status != http.StatusOK {
			t.Errorf("%d, to %v", status, out)
		}
		b.sees("is not available")
	})
	t.Run("not the client's any more", func(t *testing.T) {
		f := newFederation(t, nil)
		b := f.browser()
		back := f.away(b, f.byNorthwind())
		if _, err := f.pool.Admin().Clients().Update(t.Context(), f.client.ClientID(), func(c *identity.ClientSettings) error { c.Providers = []string{"COGNITO"}; return nil }); err != nil {
			t.Fatal(err)
		}
		if _, out := b.get(back.String()); out != nil {
			t.Errorf("to %v", out)
		}
		if f.idp.Requests("/token") != 0 {
			t.Error("the code was exchanged")
		}
	})
}

func TestProvidersThatTheClientDoesNotHave(t *testing.T) {
	f := newFederation(t, nil)
	f.provider("Contoso", func(set *identity.ProviderSettings) { set.Identifiers = []string{"contoso.example"} })
	for _, q := range [][]string{
		{"identity_provider", "Contoso"},
		{"identity_provider", "Nobody"},
		{"identity_provider", "northwind"},
		{"idp_identifier", "contoso.example"},
		{"idp_identifier", "nobody"},
		{"identity_provider", "SAML"},
	} {
		for _, path := range []string{"/oauth2/authorize?", "/login?"} {
			_, query, _ := strings.Cut(f.authorizeURL(f.client, q...), "?")
			b := f.browser()
			if status, out := b.get(path + query); out != nil || status != http.StatusOK {
				t.Errorf("%s %v: %d, to %v", path, q, status, out)
			}
			b.sees("is not available")
		}
	}
	b := f.browser()
	if _, out := b.get(f.authorizeURL(f.public, "identity_provider", "Northwind")); out != nil { // it names no provider
		t.Errorf("to %v", out)
	}
	b.get(f.authorizeURL(f.client))
	if strings.Contains(b.page, "Contoso") {
		t.Error("the page offers a provider that the client does not have")
	}
}

func TestIdentifier(t *testing.T) {
	f := newFederation(t, func(set *identity.ProviderSettings) { set.Identifiers = []string{"nw"} })
	f.away(f.browser(), f.authorizeURL(f.client, "idp_identifier", "nw"))
}

func TestButtons(t *testing.T) {
	f := newFederation(t, nil)
	b := f.browser()
	b.get(f.authorizeURL(f.client, "login_hint", "ann"))
	b.sees("<bdi>Northwind</bdi>")
	i := strings.Index(b.page, `href="/oauth2/authorize?`)
	if i < 0 {
		t.Fatal(b.page)
	}
	href, _, _ := strings.Cut(b.page[i+6:], `"`)
	back := f.away(b, html.UnescapeString(href))
	if _, out := b.get(back.String()); out == nil || out.Query().Get("code") == "" || out.Query().Get("state") != "s t&" {
		t.Errorf("to %v", out)
	}
	f.user("bob") // users of the pool sign in as ever
	b = f.browser()
	b.get(f.authorizeURL(f.client))
	if _, out := b.submit(map[string]string{"username": "bob", "password": password}); out == nil || out.Query().Get("code") == "" {
		t.Errorf("to %v", out)
	}
}

// TestButtonsOfBrands look as their guides say, and those of others as the rest of the page.
func TestButtonsOfBrands(t *testing.T) {
	f := newFederation(t, nil)
	names := []string{"Northwind"}
	for _, typ := range []identity.ProviderType{identity.ProviderGoogle, identity.ProviderFacebook, identity.ProviderAmazon, identity.ProviderApple} {
		details, err := f.idp.Details(string(typ))
		if err != nil {
			t.Fatal(err)
		}
		f.provider(string(typ), func(set *identity.ProviderSettings) { set.Type, set.Details = typ, details })
		names = append(names, string(typ))
	}
	b := f.browser()
	b.get(f.authorizeURL(f.world.client(func(c *identity.ClientSettings) { c.Providers = names }), "lang", "de"))
	for _, button := range []string{
		`class="button provider google"`, `class="button provider facebook"`, `class="button provider amazon"`, `class="button provider apple"`, `class="button second provider"`,
		"<bdi>Google</bdi>", "<bdi>Apple</bdi>", `<bdi lang="en">Login with Amazon</bdi>`,
	} {
		b.sees(button)
	}
}

// TestClientsWithoutThePool have no form, and no page on which somebody could get something in the pool.
func TestClientsWithoutThePool(t *testing.T) {
	f := newFederation(t, nil)
	f.user("bob")
	only := f.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Northwind"} })
	f.away(f.browser(), f.authorizeURL(only)) // there is one way
	f.provider("Contoso", func(*identity.ProviderSettings) {})
	two := f.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Northwind", "Contoso"} })
	b := f.browser()
	b.get(f.authorizeURL(two))
	b.sees("<bdi>Contoso</bdi>")
	if strings.Contains(b.page, `name="password"`) {
		t.Error("the page asks for a password")
	}
	native := f.browser()
	native.get(f.authorizeURL(f.client))               // its page has a form, with a token for this browser
	token := hiddenTag.FindStringSubmatch(native.page) // the first field of the form
	if token == nil || token[1] != "_csrf" {
		t.Fatal(native.page)
	}
	_, query, _ := strings.Cut(f.authorizeURL(two), "?")
	for _, path := range []string{"/login", "/signup", "/forgotPassword", "/confirm"} {
		form := url.Values{"username": {"bob"}, "password": {password}, "_csrf": {token[2]}}
		if status, out := native.send(http.MethodPost, path+"?"+query, form); out != nil || status != http.StatusOK {
			t.Errorf("%s: %d, to %v", path, status, out)
		}
		native.sees("not available")
	}
	if _, out := b.get(f.authorizeURL(two, "identity_provider", "COGNITO")); out != nil {
		t.Errorf("to %v", out)
	}
	b.sees("not available")
}

func TestHomeRealm(t *testing.T) {
	f := newFederation(t, func(set *identity.ProviderSettings) { set.Identifiers = []string{"northwind.example"} })
	f.user("bob")
	b := f.browser()
	b.get(f.authorizeURL(f.client))
	if strings.Contains(b.page, `name="password"`) {
		t.Error("the page asks for a password before the name")
	}
	var refresh string
	b.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		a, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && a.Header.Get("Refresh") != "" {
			refresh = a.Header.Get("Refresh")
		}
		return a, err
	})
	b.submit(map[string]string{"username": "ann@NorthWind.example"})
	to, ok := strings.CutPrefix(refresh, "0; url=")
	if !ok {
		t.Fatalf("Refresh: %q\n%s", refresh, b.page)
	}
	f.away(b, to)
	if got := f.idp.Last("/authorize").Get("login_hint"); got != "ann@NorthWind.example" {
		t.Errorf("login_hint %q", got)
	}
	b = f.browser()
	b.get(f.authorizeURL(f.client))
	b.submit(map[string]string{"username": "bob"})
	if _, out := b.submit(map[string]string{"username": "bob", "password": password}); out == nil || out.Query().Get("code") == "" {
		t.Errorf("to %v\n%s", out, b.page)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestPostedCallback has a browser that comes back by a form, as from Apple.
func TestPostedCallback(t *testing.T) {
	f := newFederation(t, nil)
	b := f.browser()
	back := f.away(b, f.byNorthwind())
	form := maps.Clone(back.Query())
	if _, out := b.send(http.MethodPost, "/oauth2/idpresponse", form); out == nil || out.Query().Get("code") == "" {
		t.Errorf("to %v\n%s", out, b.page)
	}
	status, out := b.send(http.MethodPost, "/oauth2/idpresponse", form)
	f.lost(b, status, out)
}

// TestTripCookie holds that by https the cookie comes along with a POST of another site, and is no one else's.
func TestTripCookie(t *testing.T) {
	f := newFederation(t, nil)
	get := func(insecure bool) *http.Cookie {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, f.byNorthwind(), nil)
		rec := httptest.NewRecorder()
		f.served(insecure).ServeHTTP(rec, r)
		for _, c := range rec.Result().Cookies() {
			if strings.HasSuffix(c.Name, "csrf-state") {
				return c
			}
		}
		t.Fatalf("no cookie: %d %v", rec.Code, rec.Header())
		return nil
	}
	c := get(false)
	if c.Name != "__Host-csrf-state" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteNoneMode || c.MaxAge != 300 {
		t.Errorf("%+v", c)
	}
	if c = get(true); c.Secure || c.SameSite == http.SameSiteLaxMode || c.SameSite == http.SameSiteStrictMode || !c.HttpOnly {
		t.Errorf("%+v", c)
	}
}

// TestTwoProvidersWithOneSubject are two users.
func TestTwoProvidersWithOneSubject(t *testing.T) {
	f := newFederation(t, nil)
	f.provider("Contoso", func(*identity.ProviderSettings) {})
	both := f.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Northwind", "Contoso"} })
	subs := map[any]bool{}
	for _, name := range []string{"Northwind", "Contoso"} {
		b := f.browser()
		_, out := b.get(f.away(b, f.authorizeURL(both, "identity_provider", name)).String())
		_, doc, _ := f.post("/oauth2/token", "grant_type", "authorization_code", "client_id", both.ClientID(), "redirect_uri", callback, "code", out.Query().Get("code"), "code_verifier", verifier)
		subs[claims(t, doc["id_token"])["sub"]] = true
	}
	if len(subs) != 2 {
		t.Errorf("%v", subs)
	}
	b := f.browser() // who is signed in by one is not signed in by the other
	if _, out := b.get(f.away(b, f.authorizeURL(both, "identity_provider", "Northwind")).String()); out.Query().Get("code") == "" {
		t.Fatal(out)
	}
	f.away(b, f.authorizeURL(both, "identity_provider", "Contoso"))
}

// TestMixUpOfProviders has a state of one provider, and a code of another.
func TestMixUpOfProviders(t *testing.T) {
	f := newFederation(t, nil)
	evil := fakeidp.New("upstream", "s3cr3t")
	s := httptest.NewServer(evil)
	t.Cleanup(s.Close)
	evil.Serve(s.URL)
	f.provider("Evil", func(set *identity.ProviderSettings) { set.Details["oidc_issuer"] = s.URL })
	both := f.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Northwind", "Evil"} })
	b := f.browser()
	honest := f.away(b, f.authorizeURL(both, "identity_provider", "Northwind"))
	_, toEvil := b.get(f.authorizeURL(both, "identity_provider", "Evil"))
	q := honest.Query()
	q.Set("state", toEvil.Query().Get("state")) // the honest provider's code comes with the evil one's state
	q.Set("iss", f.idp.URL())
	status, out := b.get("/oauth2/idpresponse?" + q.Encode())
	f.lost(b, status, out)
	if evil.Requests("/token") != 0 {
		t.Error("the code of the honest provider was sent to the evil one")
	}
}

func TestTimeIsShort(t *testing.T) {
	if identity.RoundTripLife > 5*time.Minute {
		t.Error(identity.RoundTripLife)
	}
}
