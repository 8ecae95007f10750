package oauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
)

// A contosoWorld is a world with a fake SAML provider of ours, which a client has as the provider Contoso.
type contosoWorld struct {
	*world
	client *identity.AppClient
	idp    *fakeidp.SAML
}

const contosoBye = "https://app.example.com/bye"

// newContosoWorld returns a world whose provider may begin sign-ins, and is told of sign-outs.
func newContosoWorld(t *testing.T) *contosoWorld {
	t.Helper()
	w := &contosoWorld{world: newWorld(t, func(p *identity.PoolSettings) { p.OpenID = new(true) }), idp: fakeidp.NewSAML()}
	w.idp.Serve("https://contoso.example.com")
	w.idp.SetUser(map[string]any{"sub": "ann", "email": "ann@contoso.example"})
	w.provider("Contoso", "true", w.idp)
	w.client = w.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Contoso"} })
	w.idp.Trust(fakeidp.ServiceProvider{EntityID: "urn:amazon:cognito:sp:" + w.pool.PoolID(), ACS: w.server.URL + "/saml2/idpresponse"})
	return w
}

// provider makes a SAML provider of the pool.
func (w *contosoWorld) provider(name, init string, idp *fakeidp.SAML) {
	w.Helper()
	details := idp.Details()
	details["IDPInit"] = init
	set := identity.ProviderSettings{Name: name, Type: identity.ProviderSAML, Details: details, Mapping: map[string]string{"email": "email"}}
	if _, err := w.pool.Admin().Providers().Create(w.Context(), set); err != nil {
		w.Fatal(err)
	}
}

// at asks the provider, and returns the form that it has the browser post, and where to.
func (w *contosoWorld) at(to string) (form url.Values, action string) {
	w.Helper()
	return w.ask(httptest.NewRequest(http.MethodGet, strings.TrimPrefix(to, "https://contoso.example.com"), nil))
}

// ask is at for a request.
func (w *contosoWorld) ask(r *http.Request) (form url.Values, action string) {
	w.Helper()
	out, to := httptest.NewRecorder(), r.URL
	w.idp.ServeHTTP(out, r)
	m := formTag.FindStringSubmatch(strings.Replace(out.Body.String(), `method="post" `, "", 1))
	if out.Code != http.StatusOK || m == nil {
		w.Fatalf("%s: %d %s", to, out.Code, out.Body)
	}
	form = url.Values{}
	for _, h := range hiddenTag.FindAllStringSubmatch(m[2], -1) {
		form.Set(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
	}
	return form, strings.TrimPrefix(html.UnescapeString(m[1]), w.server.URL)
}

// begins is the form of a sign-in that the provider begins.
func (w *contosoWorld) begins(more ...string) url.Values {
	w.Helper()
	q := url.Values{"identity_provider": {"Contoso"}, "client_id": {w.client.ClientID()}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid email"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
		if more[i+1] == "" {
			q.Del(more[i])
		}
	}
	form, _ := w.at("/init?" + url.Values{"RelayState": {q.Encode()}}.Encode())
	return form
}

// signedIn is a browser that has signed in by the provider.
func (w *contosoWorld) signedIn() *browser {
	w.Helper()
	b := w.browser()
	_, out := b.get(w.authorizeURL(w.client))
	if out == nil {
		w.Fatalf("nowhere to go:\n%s", b.page)
	}
	form, action := w.at(out.String())
	if _, out = b.send(http.MethodPost, action, form); out == nil || out.Query().Get("code") == "" {
		w.Fatalf("to %v\n%s", out, b.page)
	}
	return b
}

// TestSAMLProviderBegins signs somebody in without a request, whatever the browser has had before.
func TestSAMLProviderBegins(t *testing.T) {
	if testing.Short() {
		t.Skip("makes RSA keys for two providers; the response of one is in `oauth/federation/saml`, and that it counts once in `identity`")
	}
	w := newContosoWorld(t)
	other := fakeidp.NewSAML() // with the same key: it has another name
	other.Serve("https://other.example.com")
	w.provider("Other", "false", other)
	if _, err := w.pool.Admin().Providers().Create(t.Context(), identity.ProviderSettings{Name: "Google", Type: identity.ProviderGoogle, Details: map[string]string{"client_id": "a", "client_secret": "b", "authorize_scopes": "openid"}}); err != nil {
		t.Fatal(err)
	}
	both := w.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Contoso", "Other"} })
	mixed := w.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Contoso", "Google"} })
	native := w.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Contoso", "COGNITO"} })
	without := w.world.client(func(c *identity.ClientSettings) { c.Providers = []string{"Other"} })
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cases := append(w.messages(foreign, both.ClientID(), other.EntityID()), w.relayStates(map[string]string{
		"Google": mixed.ClientID(), "COGNITO": native.ClientID(), "Other": without.ClientID(),
	})...)
	for _, tt := range cases {
		b := w.browser()
		status, out := b.send(http.MethodPost, "/saml2/idpresponse", tt.form())
		got := toldPage
		switch {
		case out != nil && !strings.HasPrefix(out.String(), callback):
			got = out.String()
		case out != nil && out.Query().Get("code") != "":
			got = toldCode
		case out != nil:
			got = out.Query().Get("error_description")
		case status != http.StatusBadRequest:
			got = b.page
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	w.countsOnceOfMany(w.begins())
	w.showsCertificatesOfTwoYears()
}

// What becomes of a sign-in that a provider begins.
const (
	toldPage      = "page" // and no application is told
	toldCode      = "code"
	toldReplay    = "Invalid SAML response received: SAML Assertion was used before. "
	toldSignature = "Invalid SAML response received: SAML Assertion signature is invalid. "
	toldRequest   = "Invalid SAML response received: InResponseTo is invalid. "
	toldPlace     = "Invalid SAML response received: Recipient is invalid. "
	toldIssuer    = "Invalid SAML response received: Issuer is invalid. "
)

// An initCase is a form that a provider has a browser post.
type initCase struct {
	name string
	form func() url.Values
	want string
}

// messages are responses. both is a client with a second provider, whose entity id is issuer.
func (w *contosoWorld) messages(foreign *rsa.PrivateKey, both, issuer string) []initCase {
	used := w.begins()
	return []initCase{
		{"good", func() url.Values { return used }, toldCode},
		{"again", func() url.Values { return used }, toldReplay},
		{"again, for another client", func() url.Values {
			return url.Values{"SAMLResponse": used["SAMLResponse"], "RelayState": w.begins("client_id", both)["RelayState"]}
		}, toldReplay},
		{"a client with two SAML providers", func() url.Values { return w.begins("client_id", both) }, toldCode},
		{"unsigned", func() url.Values { return w.wrong(fakeidp.MisbehaveSAML{Unsigned: true}) }, toldSignature},
		{"another key", func() url.Values { return w.wrong(fakeidp.MisbehaveSAML{Key: foreign}) }, toldSignature},
		{"another destination", func() url.Values {
			return w.wrong(fakeidp.MisbehaveSAML{Assertion: func(a *fakeidp.Assertion) { a.Destination = w.server.URL + "/saml2/logout" }})
		}, toldPlace},
		{"another recipient", func() url.Values {
			return w.wrong(fakeidp.MisbehaveSAML{Assertion: func(a *fakeidp.Assertion) { a.Recipient = "https://sp.example.com/saml2/idpresponse" }})
		}, toldPlace},
		{"an answer to a request", func() url.Values {
			return w.wrong(fakeidp.MisbehaveSAML{Assertion: func(a *fakeidp.Assertion) { a.InResponseTo = "_request" }})
		}, toldRequest},
		{"too old", func() url.Values {
			return w.wrong(fakeidp.MisbehaveSAML{Assertion: func(a *fakeidp.Assertion) { a.IssueInstant = a.IssueInstant.Add(-9 * time.Minute) }})
		}, "Invalid SAML response received: SAML Assertion is not valid at this time. "},
		{"the name of another provider", func() url.Values { return w.begins("client_id", both, "identity_provider", "Other") }, toldPage}, // IDPInit is off there
		{"by another provider", func() url.Values {
			return w.wrong(fakeidp.MisbehaveSAML{Assertion: func(a *fakeidp.Assertion) { a.Issuer = issuer }})
		}, toldIssuer},
	}
}

// relayStates are about the application: by clients that have a further provider, or that one alone.
func (w *contosoWorld) relayStates(clients map[string]string) []initCase {
	return []initCase{
		{"a client with Google too", func() url.Values { return w.begins("client_id", clients["Google"]) }, toldPage},
		{"a client with a form", func() url.Values { return w.begins("client_id", clients["COGNITO"]) }, toldPage},
		{"a client without the provider", func() url.Values { return w.begins("client_id", clients["Other"]) }, toldPage},
		{"no client", func() url.Values { return w.begins("client_id", "") }, toldPage},
		{"an unknown client", func() url.Values { return w.begins("client_id", "nobody") }, toldPage},
		{"an unknown provider", func() url.Values { return w.begins("identity_provider", "Nobody") }, toldPage},
		{"no provider", func() url.Values { return w.begins("identity_provider", "") }, toldPage},
		{"an address that is not the client's", func() url.Values { return w.begins("redirect_uri", "https://evil.example/cb") }, toldPage},
		{"nearly an address of the client", func() url.Values { return w.begins("redirect_uri", callback+"/") }, toldPage},
		{"an address of the client in another writing", func() url.Values { return w.begins("redirect_uri", "https://APP.example.com/cb") }, toldPage},
		{"no address", func() url.Values { return w.begins("redirect_uri", "") }, toldPage},
		{"tokens", func() url.Values { return w.begins("response_type", "token") }, toldPage},
		{"no kind of answer", func() url.Values { return w.begins("response_type", "") }, toldPage},
		{"a parameter that is none of these", func() url.Values { return w.begins("nonce", "n") }, toldPage},
		{"a form of the application's", func() url.Values { return w.begins("response_mode", "form_post") }, toldPage},
		{"a URL", func() url.Values { return with(w.begins(), "RelayState", "https://evil.example/?a=b") }, toldPage},
		{"a parameter twice", func() url.Values { f := w.begins(); f.Set("RelayState", f.Get("RelayState")+"&client_id=x"); return f }, toldPage},
		{"nothing", func() url.Values { return with(w.begins(), "RelayState", "") }, toldPage},
		{"no response", func() url.Values { return with(w.begins(), "SAMLResponse", "") }, "Invalid SAML response received: SAML response is malformed. "},
	}
}

// showsCertificatesOfTwoYears looks at our metadata a year later. Requests are good with either certificate, which are of one key.
func (w *contosoWorld) showsCertificatesOfTwoYears() {
	w.Helper()
	b := w.browser()
	for _, want := range []int{1, 2} {
		if b.get("/saml2/metadata?" + url.Values{"client_id": {w.client.ClientID()}, "identity_provider": {"Contoso"}}.Encode()); strings.Count(b.page, `use="signing"`) != want {
			w.Errorf("%d years later: not %d signing certificates\n%s", want-1, want, b.page)
		}
		w.advance(366 * 24 * time.Hour)
	}
}

func with(form url.Values, name, value string) url.Values {
	form.Set(name, value)
	return form
}

// wrong is the form of a sign-in by a provider that is wrong.
func (w *contosoWorld) wrong(m fakeidp.MisbehaveSAML) url.Values {
	w.idp.Misbehave(m)
	defer w.idp.Misbehave(fakeidp.MisbehaveSAML{})
	return w.begins()
}

// countsOnceOfMany has many browsers post one response at once.
func (w *contosoWorld) countsOnceOfMany(form url.Values) {
	w.Helper()
	var all sync.WaitGroup
	won := make(chan bool, 20)
	for range cap(won) {
		b := w.browser()
		all.Go(func() {
			_, out := b.send(http.MethodPost, "/saml2/idpresponse", form)
			won <- out != nil && out.Query().Get("code") != ""
		})
	}
	all.Wait()
	close(won)
	n := 0
	for in := range won {
		if in {
			n++
		}
	}
	if n != 1 {
		w.Errorf("one response has signed %d browsers in", n)
	}
}
