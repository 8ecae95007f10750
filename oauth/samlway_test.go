package oauth_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"html"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crewjam/saml/samlidp"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
)

// A samlWorld is a world with crewjam's samlidp, which a client has as the provider Contoso.
type samlWorld struct {
	*world
	client *identity.AppClient
	idp    http.Handler
	kept   []*http.Cookie
}

const (
	contoso = "https://idp.example.com"
	hunter2 = "$2a$04$kcBb07RR9QfHRrQy2CHHk.LFAiNKKKCVnJKcZFWkyAe4T2g9tNm/q" // by bcrypt, as cheap as can be
)

func newSAMLWorld(t *testing.T, edit func(*identity.ProviderSettings)) *samlWorld {
	t.Helper()
	return samlWorldIn(t, newWorld(t, nil), edit)
}

func samlWorldIn(t *testing.T, in *world, edit func(*identity.ProviderSettings)) *samlWorld {
	t.Helper()
	key := fakeidp.New("", "").Key // which the process has made already
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	to, err := url.Parse(contoso)
	if err != nil {
		t.Fatal(err)
	}
	w, kept := &samlWorld{world: in}, &samlidp.MemoryStore{}
	w.idp, err = samlidp.New(samlidp.Options{URL: *to, Key: key, Certificate: cert, Logger: log.New(io.Discard, "", 0), Store: kept})
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Put("/users/ann", samlidp.User{Name: "ann", Email: "ann@contoso.example", HashedPassword: []byte(hunter2), Groups: []string{"a", "b"}}); err != nil {
		t.Fatal(err)
	}
	set := identity.ProviderSettings{
		Name: "Contoso", Type: identity.ProviderSAML, Mapping: map[string]string{"email": "urn:oid:0.9.2342.19200300.100.1.3"},
		Details: identity.ProviderDetails{"MetadataFile": w.visit(http.MethodGet, "/metadata", "")},
	}
	if edit != nil {
		edit(&set)
	}
	if _, err := w.pool.Admin().Providers().Create(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	w.client = w.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Contoso"} })
	res, err := (&http.Client{Transport: w.wire}).Get(w.server.URL + "/saml2/metadata?client_id=" + w.client.ClientID() + "&identity_provider=Contoso")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	doc, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %v %s", res.StatusCode, err, doc)
	}
	w.visit(http.MethodPut, "/services/pool", string(doc))
	return w
}

// visit asks the provider, and returns the body of its answer.
func (w *samlWorld) visit(method, target, body string) string {
	w.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "idp.example.com"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range w.kept {
		r.AddCookie(c)
	}
	out := httptest.NewRecorder()
	w.idp.ServeHTTP(out, r)
	if out.Code >= 400 {
		w.Fatalf("%s %s: %d %s", method, target, out.Code, out.Body)
	}
	for _, c := range out.Result().Cookies() {
		w.kept = append(slices.DeleteFunc(w.kept, func(old *http.Cookie) bool { return old.Name == c.Name }), c)
	}
	return out.Body.String()
}

var postedField = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// away goes to the provider and signs in there. It returns the form that the browser is to post to us.
func (w *samlWorld) away(b *browser) url.Values {
	w.Helper()
	return w.awayAs(b, "ann")
}

func (w *samlWorld) awayAs(b *browser, user string) url.Values {
	w.Helper()
	status, out := b.get(w.authorizeURL(w.client, "identity_provider", "Contoso"))
	if out == nil || !strings.HasPrefix(out.String(), contoso+"/sso?") {
		w.Fatalf("%d, to %v:\n%s", status, out, b.page)
	}
	w.visit(http.MethodPost, "/login", url.Values{"user": {user}, "password": {"hunter2"}}.Encode())
	form := w.posts(out)
	if form.Get("SAMLResponse") == "" || form.Get("RelayState") == "" {
		w.Fatalf("the provider has the browser post %v", form)
	}
	return form
}

// posts goes to the provider, and returns the form that it has the browser post.
func (w *samlWorld) posts(to *url.URL) url.Values {
	w.Helper()
	form := url.Values{}
	for _, m := range postedField.FindAllStringSubmatch(w.visit(http.MethodGet, to.String(), ""), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return form
}

// signsIn signs a user of the provider in, and returns the claims of the ID token.
func (w *samlWorld) signsIn(b *browser, user string) map[string]any {
	w.Helper()
	_, out := w.back(b, w.awayAs(b, user))
	if out == nil || out.Query().Get("code") == "" || out.Query().Get("state") != "s t&" {
		w.Fatalf("%v\n%s", out, b.page)
	}
	status, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.client.ClientID(), "redirect_uri", callback, "code", out.Query().Get("code"), "code_verifier", verifier)
	if status != http.StatusOK {
		w.Fatalf("%d %v", status, doc)
	}
	return claims(w, doc["id_token"])
}

// back posts a form as the provider's page does.
func (w *samlWorld) back(b *browser, form url.Values) (int, *url.URL) {
	w.Helper()
	return b.send(http.MethodPost, "/saml2/idpresponse", form)
}

func TestSignInBySAML(t *testing.T) {
	if testing.Short() {
		t.Skip("makes an RSA key for each of three providers; TestSAMLResponsesCountOnce signs in by one")
	}
	for name, edit := range map[string]func(*identity.ProviderSettings){
		"plain":           nil,
		"signed requests": func(p *identity.ProviderSettings) { p.Details["RequestSigningAlgorithm"] = "rsa-sha256" },
		"encrypted":       func(p *identity.ProviderSettings) { p.Details["EncryptedResponses"] = "true" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newSAMLWorld(t, edit)
			var sub any
			for range 2 { // the second time it is the same user
				c := w.signsIn(w.browser(), "ann")
				if name, _ := c["cognito:username"].(string); !strings.HasPrefix(strings.ToLower(name), "contoso_") || c["email"] != "ann@contoso.example" || sub != nil && c["sub"] != sub {
					t.Errorf("%v", c)
				}
				sub = c["sub"]
			}
		})
	}
}

// TestAccountAtSAMLIDP goes with a provider that we did not write through the life of an account: the first sign-in makes the user, the next
// ones write what has changed, a link leads to a user of the pool, and signing out ends the session here and there.
func TestAccountAtSAMLIDP(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys, and signs people in at a provider that hashes their passwords by bcrypt")
	}
	w := newSAMLWorld(t, func(p *identity.ProviderSettings) {
		p.Mapping["name"], p.Details["IDPSignout"] = "urn:oid:2.5.4.3", "true"
	})
	put := func(user, name string) {
		w.visit(http.MethodPut, "/users/"+user, `{"email":"`+user+`@contoso.example","password":"hunter2","common_name":"`+name+`"}`)
	}
	get := func(name string) *identity.User {
		u, err := w.pool.Admin().Users().Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	const username = "Contoso_ann@contoso.example"
	if _, err := w.pool.Admin().Users().Get(t.Context(), username); !errors.Is(err, identity.ErrUserNotFound) {
		t.Fatalf("before the first sign-in: %v", err)
	}
	var sub any
	for _, name := range []string{"Ann Arbor", "Ann Arbor", "Ann Miller"} { // the first time, again, and after a wedding
		put("ann", name)
		c, u := w.signsIn(w.browser(), "ann"), get(username)
		if c["sub"] != u.Sub || sub != nil && sub != c["sub"] || u.Attributes["name"] != name || u.Attributes["email"] != "ann@contoso.example" || u.Status != identity.StatusExternalProvider || len(u.Identities) != 1 {
			t.Errorf("%s: %v, %+v", name, c, u)
		}
		sub = c["sub"]
	}

	put("bea", "Bea Miller")
	bea := w.user("bea")
	link := func() error {
		return w.pool.Admin().Users().Link(t.Context(), identity.ProviderUser{Provider: "Cognito", Value: "bea"}, identity.ProviderUser{Provider: "Contoso", Value: "bea@contoso.example"})
	}
	if err := link(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if c := w.signsIn(w.browser(), "bea"); c["sub"] != bea.Sub || c["cognito:username"] != "bea" || get("bea").Attributes["name"] != "Bea Miller" {
			t.Errorf("who is linked signs in as %v", c)
		}
	}
	if err := link(); !errors.Is(err, identity.ErrAlreadyLinked) {
		t.Errorf("a second link: %v", err)
	}

	b := w.browser()
	w.signsIn(b, "ann")
	if _, out := b.get(w.authorizeURL(w.client, "prompt", "none")); out == nil || out.Query().Get("code") == "" {
		t.Errorf("the browser is not signed in: %v", out)
	}
	thief := w.browser() // who has the cookies of before
	thief.http.Jar.SetCookies(b.at, b.http.Jar.Cookies(b.at))
	_, out := b.get("/logout?" + url.Values{"client_id": {w.client.ClientID()}, "logout_uri": {contosoBye}}.Encode())
	if out == nil || !strings.HasPrefix(out.String(), contoso+"/slo?") {
		t.Fatalf("signing out leads to %v\n%s", out, b.page)
	}
	if _, out := b.get(w.authorizeURL(w.client, "prompt", "none")); out == nil || out.Query().Get("error") != "login_required" {
		t.Errorf("before it comes back, the browser is signed in: %v", out)
	}
	if _, out := thief.get(w.authorizeURL(w.client, "prompt", "none")); out == nil || out.Query().Get("error") != "login_required" {
		t.Errorf("the cookies are good still: %v", out)
	}
	form := w.posts(out)
	if _, out := b.send(http.MethodPost, "/saml2/logout", form); out == nil || out.String() != contosoBye {
		t.Errorf("from there, it goes to %v\n%s", out, b.page)
	}
	_, out = b.get(w.authorizeURL(w.client, "identity_provider", "Contoso"))
	if form := w.posts(out); form.Get("SAMLResponse") != "" {
		t.Error("the browser is signed in at the provider still")
	}
	if c := w.signsIn(b, "ann"); c["sub"] != sub {
		t.Errorf("the sign-in after signing out is of %v", c)
	}
}

// TestSAMLResponsesCountOnce has a response posted again, by another browser, with the state of another sign-in, and without one.
func TestSAMLResponsesCountOnce(t *testing.T) {
	w := newSAMLWorld(t, nil)
	b, other := w.browser(), w.browser()
	form, second := w.away(b), w.away(other)
	lost := func(name string, b *browser, form url.Values) {
		t.Helper()
		if status, out := w.back(b, form); out != nil || status != http.StatusBadRequest {
			t.Errorf("%s: %d, to %v:\n%s", name, status, out, b.page)
		}
	}
	lost("by another browser", other, form)
	lost("no state", b, url.Values{"SAMLResponse": form["SAMLResponse"]})
	lost("a state that is a URL", b, url.Values{"SAMLResponse": form["SAMLResponse"], "RelayState": {"https://evil.example"}})
	if _, out := w.back(other, url.Values{"SAMLResponse": form["SAMLResponse"], "RelayState": second["RelayState"]}); out == nil || out.Query().Get("error_description") != "Invalid SAML response received: InResponseTo is invalid. " {
		t.Errorf("a response to another request: to %v", out)
	}
	if _, out := w.back(b, form); out == nil || out.Query().Get("code") == "" {
		t.Fatalf("the first time: to %v\n%s", out, b.page)
	}
	lost("again", b, form)
}

func TestSAMLErrorsReachTheApplication(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys; TestForgeries of `oauth/federation/saml` refuses each malformed response")
	}
	w := newSAMLWorld(t, nil)
	for _, tt := range []struct {
		name, response, description string
	}{
		{"no response", "", "Invalid SAML response received: SAML response is malformed. "},
		{"no XML", "AAAA", "Invalid SAML response received: SAML response is malformed. "},
		{"100,000 characters", strings.Repeat("A", 100_000), "Invalid SAML response received: SAML response is malformed. "},
	} {
		b := w.browser()
		form := w.away(b)
		form.Set("SAMLResponse", tt.response)
		_, out := w.back(b, form)
		if out == nil || out.Query().Get("error") != "server_error" || out.Query().Get("error_description") != tt.description {
			t.Errorf("%s: to %v\n%s", tt.name, out, b.page)
		}
	}
	b := w.browser()
	form := w.away(b)
	form.Set("SAMLResponse", strings.Repeat("A", 100_001))
	if status, out := w.back(b, form); out != nil || status != http.StatusBadRequest {
		t.Errorf("a response that is too long: %d, to %v", status, out)
	}
}
