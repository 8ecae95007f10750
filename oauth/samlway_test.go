package oauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"html"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crewjam/saml/samlidp"

	"github.com/cognate-id/cognate/identity"
)

// A samlWorld is a world with crewjam's samlidp, which a client has as the provider Contoso.
type samlWorld struct {
	*world
	client *identity.AppClient
	idp    http.Handler
	kept   []*http.Cookie
}

// contosoKey is made once: it takes long.
var contosoKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

const contoso = "https://idp.example.com"

func newSAMLWorld(t *testing.T, edit func(*identity.ProviderSettings)) *samlWorld {
	t.Helper()
	return samlWorldIn(t, newWorld(t, nil), edit)
}

func samlWorldIn(t *testing.T, in *world, edit func(*identity.ProviderSettings)) *samlWorld {
	t.Helper()
	key, err := contosoKey()
	if err != nil {
		t.Fatal(err)
	}
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
	w := &samlWorld{world: in}
	w.idp, err = samlidp.New(samlidp.Options{URL: *to, Key: key, Certificate: cert, Logger: log.New(io.Discard, "", 0), Store: &samlidp.MemoryStore{}})
	if err != nil {
		t.Fatal(err)
	}
	w.visit(http.MethodPut, "/users/ann", `{"name":"ann","email":"ann@contoso.example","password":"hunter2","groups":["a","b"]}`)
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
	res, err := http.Get(w.server.URL + "/saml2/metadata?client_id=" + w.client.ClientID() + "&identity_provider=Contoso")
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
	w.kept = append(w.kept, out.Result().Cookies()...)
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
	form := url.Values{}
	for _, m := range postedField.FindAllStringSubmatch(w.visit(http.MethodGet, out.String(), ""), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if form.Get("SAMLResponse") == "" || form.Get("RelayState") == "" {
		w.Fatalf("the provider has the browser post %v", form)
	}
	return form
}

// back posts a form as the provider's page does.
func (w *samlWorld) back(b *browser, form url.Values) (int, *url.URL) {
	w.Helper()
	return b.send(http.MethodPost, "/saml2/idpresponse", form)
}

func TestSignInBySAML(t *testing.T) {
	for name, edit := range map[string]func(*identity.ProviderSettings){
		"plain":           nil,
		"signed requests": func(p *identity.ProviderSettings) { p.Details["RequestSigningAlgorithm"] = "rsa-sha256" },
		"encrypted":       func(p *identity.ProviderSettings) { p.Details["EncryptedResponses"] = "true" },
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "encrypted" {
				t.Skip("makes two RSA keys, as each of these does")
			}
			w := newSAMLWorld(t, edit)
			var sub any
			for range 2 { // the second time it is the same user
				b := w.browser()
				_, out := w.back(b, w.away(b))
				if out == nil || out.Query().Get("code") == "" || out.Query().Get("state") != "s t&" {
					t.Fatalf("%v\n%s", out, b.page)
				}
				status, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.client.ClientID(), "redirect_uri", callback, "code", out.Query().Get("code"), "code_verifier", verifier)
				if status != http.StatusOK {
					t.Fatalf("%d %v", status, doc)
				}
				c := claims(t, doc["id_token"])
				if name, _ := c["cognito:username"].(string); !strings.HasPrefix(strings.ToLower(name), "contoso_") || c["email"] != "ann@contoso.example" || sub != nil && c["sub"] != sub {
					t.Errorf("%v", c)
				}
				sub = c["sub"]
			}
		})
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
