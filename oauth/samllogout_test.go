package oauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
)

// leaves signs a browser out here, and returns the form that the provider has it post.
func (w *contosoWorld) leaves(b *browser, m fakeidp.MisbehaveSAML) url.Values {
	w.Helper()
	w.idp.Misbehave(m)
	defer w.idp.Misbehave(fakeidp.MisbehaveSAML{})
	_, out := b.get("/logout?" + url.Values{"client_id": {w.client.ClientID()}, "logout_uri": {contosoBye}, "state": {"s t"}}.Encode())
	if out == nil || out.Host != "contoso.example.com" || out.Path != "/slo" || out.Query().Get("Signature") == "" {
		w.Fatalf("signing out leads to %v\n%s", out, b.page)
	}
	form, action := w.at(out.String())
	if action != "/saml2/logout" {
		w.Fatalf("the provider answers to %s", action)
	}
	return form
}

// TestSAMLSignOut has answers to a sign-out that are forged, late or not there. The sign-in here is over before any of them.
func TestSAMLSignOut(t *testing.T) {
	if testing.Short() {
		t.Skip("makes two RSA keys; `oauth/federation/saml` has the answers to sign-outs")
	}
	w := newContosoWorld(t)
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	said := func(change func(*fakeidp.LogoutAnswer)) fakeidp.MisbehaveSAML {
		return fakeidp.MisbehaveSAML{Logout: change}
	}
	same := func(_ *browser, form url.Values) (*browser, url.Values) { return nil, form }
	for _, tt := range []struct {
		name  string
		wrong fakeidp.MisbehaveSAML
		post  func(b *browser, form url.Values) (*browser, url.Values) // a nil browser is that which has left
		back  bool
	}{
		{"good", fakeidp.MisbehaveSAML{}, same, true},
		{"unsigned", fakeidp.MisbehaveSAML{Unsigned: true}, same, false},
		{"another key", fakeidp.MisbehaveSAML{Key: foreign}, same, false},
		{"changed", fakeidp.MisbehaveSAML{Tamper: func(x string) string { return strings.Replace(x, `ID="_`, `ID="_x`, 1) }}, same, false},
		{"another destination", said(func(a *fakeidp.LogoutAnswer) { a.Destination = w.server.URL + "/saml2/idpresponse" }), same, false},
		{"another issuer", said(func(a *fakeidp.LogoutAnswer) { a.Issuer = "https://other.example.com/metadata" }), same, false},
		{"another request", said(func(a *fakeidp.LogoutAnswer) { a.InResponseTo = "_other" }), same, false},
		{"no request", said(func(a *fakeidp.LogoutAnswer) { a.InResponseTo = "" }), same, false},
		{"failed", said(func(a *fakeidp.LogoutAnswer) { a.Status = "urn:oasis:names:tc:SAML:2.0:status:Responder" }), same, false},
		{"by another browser", fakeidp.MisbehaveSAML{}, func(_ *browser, form url.Values) (*browser, url.Values) { return w.browser(), form }, false},
		{"without a state", fakeidp.MisbehaveSAML{}, func(_ *browser, form url.Values) (*browser, url.Values) { return nil, with(form, "RelayState", "") }, false},
		{"a state that is a URL", fakeidp.MisbehaveSAML{}, func(_ *browser, form url.Values) (*browser, url.Values) {
			return nil, with(form, "RelayState", "https://evil.example")
		}, false},
		{"the answer of another sign-out", fakeidp.MisbehaveSAML{}, func(_ *browser, form url.Values) (*browser, url.Values) {
			return nil, with(form, "SAMLResponse", w.leaves(w.signedIn(), fakeidp.MisbehaveSAML{}).Get("SAMLResponse"))
		}, false},
		{"the state of a sign-in", fakeidp.MisbehaveSAML{}, func(b *browser, form url.Values) (*browser, url.Values) {
			_, out := b.get(w.authorizeURL(w.client))
			return nil, with(form, "RelayState", out.Query().Get("RelayState"))
		}, false},
		{"a request in place of an answer", fakeidp.MisbehaveSAML{}, func(_ *browser, form url.Values) (*browser, url.Values) {
			return nil, with(form, "SAMLRequest", form.Get("SAMLResponse"))
		}, false},
		{"too late", fakeidp.MisbehaveSAML{}, func(_ *browser, form url.Values) (*browser, url.Values) {
			w.advance(identity.RoundTripLife)
			return nil, form
		}, false},
	} {
		b := w.signedIn()
		before := w.idp.Sessions()
		form := w.leaves(b, tt.wrong)
		if w.idp.Sessions() != before-1 {
			t.Errorf("%s: nobody has signed out at the provider", tt.name)
		}
		if _, out := b.get(w.authorizeURL(w.client, "prompt", "none")); out == nil || out.Query().Get("error") != "login_required" {
			t.Errorf("%s: the browser is signed in still: %v", tt.name, out)
		}
		by, form := tt.post(b, form)
		if by == nil {
			by = b
		}
		status, out := by.send(http.MethodPost, "/saml2/logout", form)
		if (out != nil) != tt.back || tt.back && out.String() != contosoBye+"?state=s+t" || !tt.back && status != http.StatusBadRequest {
			t.Errorf("%s: %d, to %v\n%s", tt.name, status, out, by.page)
		}
		if status, out := by.send(http.MethodPost, "/saml2/logout", form); out != nil || status != http.StatusBadRequest {
			t.Errorf("%s, again: %d, to %v", tt.name, status, out)
		}
	}
	b := w.signedIn()
	form := w.leaves(b, fakeidp.MisbehaveSAML{})
	if status, out := b.send(http.MethodPost, "/saml2/idpresponse", form); out != nil || status != http.StatusBadRequest {
		t.Errorf("an answer to a sign-out as one to a sign-in: %d, to %v", status, out)
	}
	if status, _ := b.get("/saml2/logout?" + form.Encode()); status != http.StatusMethodNotAllowed {
		t.Errorf("an answer by GET: %d", status)
	}
	w.signsOutByForm()
	w.signsOutHereAlone()
}

// signsOutByForm is for a provider that takes requests by HTTP-POST. Applications are told by frames, once the browser is back.
func (w *contosoWorld) signsOutByForm() {
	w.Helper()
	frame := "https://app.example.com/front"
	_, err := w.pool.Admin().Clients().Update(w.Context(), w.client.ClientID(), func(c *identity.ClientSettings) error { c.FrontChannelLogoutURI = new(frame); return nil })
	if err != nil {
		w.Fatal(err)
	}
	w.idp.LogoutByPost = true
	_, err = w.pool.Admin().Providers().Update(w.Context(), "Contoso", func(p *identity.ProviderSettings) error {
		p.Details["MetadataFile"] = w.idp.Metadata()
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	b := w.signedIn()
	_, out := b.get(w.authorizeURL(w.client))
	if out == nil {
		w.Fatalf("no code:\n%s", b.page)
	}
	if status, doc, _ := w.post("/oauth2/token", "grant_type", "authorization_code", "client_id", w.client.ClientID(), "redirect_uri", callback, "code", out.Query().Get("code"), "code_verifier", verifier); status != http.StatusOK {
		w.Fatalf("%d %v", status, doc)
	}
	before := w.idp.Sessions()
	b.get("/logout?" + url.Values{"client_id": {w.client.ClientID()}, "logout_uri": {contosoBye}}.Encode())
	form := url.Values{}
	for _, h := range hiddenTag.FindAllStringSubmatch(b.page, -1) {
		form.Set(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
	}
	b.sees("https://contoso.example.com/slo")
	if strings.Contains(b.page, frame) {
		w.Errorf("the page that sends the form has frames:\n%s", b.page)
	}
	r := httptest.NewRequest(http.MethodPost, "/slo", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	back, action := w.ask(r)
	if status, out := b.send(http.MethodPost, action, back); status != http.StatusOK || out != nil || w.idp.Sessions() != before-1 {
		w.Errorf("%d, to %v, %d sessions there", status, out, w.idp.Sessions())
	}
	b.sees(frame)
	b.sees(contosoBye)
}

// signsOutHereAlone is for providers that are not to be told, or not any more.
func (w *contosoWorld) signsOutHereAlone() {
	w.Helper()
	providers := w.pool.Admin().Providers()
	off := func() error {
		_, err := providers.Update(w.Context(), "Contoso", func(p *identity.ProviderSettings) error { p.Details["IDPSignout"] = "false"; return nil })
		return err
	}
	another := func() error { // under the name
		other := fakeidp.NewSAML()
		other.Serve("https://other.example.com")
		_, err := providers.Update(w.Context(), "Contoso", func(p *identity.ProviderSettings) error {
			p.Details["MetadataFile"] = other.Metadata()
			return nil
		})
		return err
	}
	again := func() error {
		_, err := providers.Update(w.Context(), "Contoso", func(p *identity.ProviderSettings) error {
			p.Details["MetadataFile"], p.Details["IDPSignout"] = w.idp.Metadata(), "true"
			return nil
		})
		return err
	}
	for name, change := range map[string]func() error{"IDPSignout is off": off, "another provider": another} {
		if err := again(); err != nil {
			w.Fatal(err)
		}
		b := w.signedIn()
		if err := change(); err != nil {
			w.Fatal(err)
		}
		if _, out := b.get("/logout?" + url.Values{"client_id": {w.client.ClientID()}, "logout_uri": {contosoBye}}.Encode()); out == nil || out.String() != contosoBye {
			w.Errorf("%s: to %v\n%s", name, out, b.page)
		}
	}
	if err := again(); err != nil {
		w.Fatal(err)
	}
	b := w.signedIn()
	if err := providers.Delete(w.Context(), "Contoso"); err != nil {
		w.Fatal(err)
	}
	if _, out := b.get("/logout?" + url.Values{"client_id": {w.client.ClientID()}, "logout_uri": {contosoBye}}.Encode()); out == nil || out.String() != contosoBye {
		w.Errorf("the provider is gone: to %v\n%s", out, b.page)
	}
}
