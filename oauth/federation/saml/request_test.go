package saml_test

import (
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// message reads the message in a URL, and the query with it.
func messageOf(t *testing.T, r *saml.Request) (*etree.Element, url.Values) {
	t.Helper()
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	deflated, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := io.ReadAll(flate.NewReader(strings.NewReader(string(deflated))))
	if err != nil {
		t.Fatal(err)
	}
	return element(string(doc)), u.Query()
}

// checkQuery verifies the signature of a query, as RFC-less SAML has it: over the parameters as they are written.
func checkQuery(t *testing.T, r *saml.Request) {
	t.Helper()
	_, query, _ := strings.Cut(r.URL, "?")
	if at := strings.Index(query, "SAMLRequest="); at > 0 {
		query = query[at:]
	}
	signed, signature, ok := strings.Cut(query, "&Signature=")
	if !ok {
		t.Fatal("not signed")
	}
	unescaped, err := url.QueryUnescape(signature)
	if err != nil {
		t.Fatal(err)
	}
	value, err := base64.StdEncoding.DecodeString(unescaped)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(signed))
	if err := rsa.VerifyPKCS1v15(&pairs().sp.key.PublicKey, crypto.SHA256, sum[:], value); err != nil {
		t.Error(err)
	}
}

func TestAuthnRequest(t *testing.T) {
	r, err := newProvider(t, nil).AuthnRequest(saml.NewID(), "https://evil.example/?a=b&c")
	if err != nil {
		t.Fatal(err)
	}
	el, query := messageOf(t, r)
	if !regexp.MustCompile(`^_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(r.ID) {
		t.Errorf("id: got %q", r.ID)
	}
	for name, want := range map[string]string{
		"ID": r.ID, "Version": "2.0", "Destination": "https://idp.example.com/sso?x=1", "AssertionConsumerServiceURL": acs,
		"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "IssueInstant": "2026-11-30T12:00:00Z", "ForceAuthn": "",
	} {
		if got := el.SelectAttrValue(name, ""); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if el.Tag != "AuthnRequest" || el.SelectElement("Issuer").Text() != spID || el.SelectElement("NameIDPolicy") != nil {
		t.Errorf("got %s", text(el))
	}
	if query.Get("RelayState") != "https://evil.example/?a=b&c" || query.Get("x") != "1" || query.Has("Signature") || query.Has("SigAlg") {
		t.Errorf("query: got %v", query)
	}
	if again, err := newProvider(t, nil).AuthnRequest(saml.NewID(), ""); err != nil || again.ID == r.ID {
		t.Errorf("again: got %v, %v", again, err)
	}
	if _, err := newProvider(t, nil).AuthnRequest(saml.NewID(), strings.Repeat("x", saml.MaxRelayState+1)); !errors.Is(err, saml.ErrMalformed) {
		t.Errorf("a long RelayState: got %v", err)
	}
}

func TestSignedAuthnRequest(t *testing.T) {
	r, err := newProvider(t, func(c *saml.Config) { c.RequestSigningAlgorithm = saml.RSASHA256 }).AuthnRequest(saml.NewID(), "state")
	if err != nil {
		t.Fatal(err)
	}
	if _, query := messageOf(t, r); query.Get("SigAlg") != dsig.RSASHA256SignatureMethod {
		t.Errorf("SigAlg: got %q", query.Get("SigAlg"))
	}
	checkQuery(t, r)
}

func TestLogoutRequest(t *testing.T) {
	p := newProvider(t, func(c *saml.Config) { c.IDPSignout = true })
	r, err := p.LogoutRequest(saml.NewID(), saml.Subject{NameID: alice, NameIDFormat: "urn:x:x", NameQualifier: "q", SPNameQualifier: "s", SessionIndex: "_session"}, "state")
	if err != nil {
		t.Fatal(err)
	}
	el, query := messageOf(t, r)
	name := el.SelectElement("NameID")
	if el.Tag != "LogoutRequest" || name.Text() != alice || name.SelectAttrValue("Format", "") != "urn:x:x" || name.SelectAttrValue("NameQualifier", "") != "q" ||
		name.SelectAttrValue("SPNameQualifier", "") != "s" || el.SelectElement("SessionIndex").Text() != "_session" || el.SelectAttrValue("ID", "") != r.ID {
		t.Errorf("got %s", text(el))
	}
	if query.Get("RelayState") != "state" || query.Get("SigAlg") != dsig.RSASHA256SignatureMethod {
		t.Errorf("query: got %v", query)
	}
	checkQuery(t, r)
	if _, err := p.LogoutRequest(saml.NewID(), saml.Subject{}, ""); !errors.Is(err, saml.ErrContent) {
		t.Errorf("nobody: got %v", err)
	}
	for name, change := range map[string]func(*saml.Config){
		"off":       func(*saml.Config) {},
		"no place":  func(c *saml.Config) { c.IDPSignout, c.IdP.SLORedirect = true, "" },
		"bad place": func(c *saml.Config) { c.IDPSignout, c.IdP.SLORedirect = true, "javascript:alert(1)" },
	} {
		if _, err := newProvider(t, change).LogoutRequest(saml.NewID(), saml.Subject{NameID: alice}, ""); !errors.Is(err, saml.ErrNoLogout) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestPostedLogoutRequest is about a provider that takes requests to sign out by HTTP-POST alone.
func TestPostedLogoutRequest(t *testing.T) {
	const at = "https://idp.example.com/slo-by-post"
	p := newProvider(t, func(c *saml.Config) { c.IDPSignout, c.IdP.SLORedirect, c.IdP.SLOPost = true, "", at })
	id := saml.NewID()
	r, err := p.LogoutRequest(id, saml.Subject{NameID: alice, SessionIndex: "_session"}, "state")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := base64.StdEncoding.DecodeString(r.Form["SAMLRequest"])
	if err != nil || r.URL != at || r.ID != id || r.Form["RelayState"] != "state" || p.LogoutPlace() != at || !p.LogoutByForm() {
		t.Fatalf("%v, %+v", err, r)
	}
	c := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{pairs().sp.cert}})
	c.Clock = dsig.NewFakeClockAt(start)
	el, err := c.Validate(element(string(doc)))
	if err != nil {
		t.Fatal(err)
	}
	if el.SelectAttrValue("ID", "") != id || el.SelectAttrValue("Destination", "") != at || el.SelectElement("NameID").Text() != alice || el.SelectElement("SessionIndex").Text() != "_session" {
		t.Errorf("%s", text(el))
	}
	if p := newProvider(t, func(c *saml.Config) { c.IDPSignout, c.IdP.SLOPost = true, at }); p.LogoutByForm() {
		t.Error("a provider that takes both gets a form")
	}
}

// answer is the answer to a sign-out.
func answer(change func(el *etree.Element), by pair, algorithm string) string {
	el := element(`<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_answer" Version="2.0"` +
		` IssueInstant="2026-11-30T12:00:00Z" Destination="` + logout + `" InResponseTo="` + requestID + `"><saml:Issuer>` + idpID + `</saml:Issuer>` +
		`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status></samlp:LogoutResponse>`)
	change(el)
	if algorithm != "" {
		sign(el, by, algorithm)
	}
	return text(el)
}

func TestLogoutResponse(t *testing.T) {
	p := newProvider(t, func(c *saml.Config) { c.IDPSignout = true })
	set := func(name, value string) func(*etree.Element) {
		return func(el *etree.Element) { el.CreateAttr(name, value) }
	}
	same := func(*etree.Element) {}
	failed := func(el *etree.Element) {
		el.FindElement("./Status/StatusCode").CreateAttr("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
	}
	const sha256 = dsig.RSASHA256SignatureMethod
	good := answer(same, pairs().idp, sha256)
	for _, tt := range []struct {
		name, doc string
		want      error
	}{
		{"good", good, nil},
		{"the other key", answer(same, pairs().next, sha256), nil},
		{"unsigned", answer(same, pairs().idp, ""), saml.ErrSignature},
		{"another key", answer(same, pairs().other, sha256), saml.ErrSignature},
		{"rsa-sha1", answer(same, pairs().idp, dsig.RSASHA1SignatureMethod), saml.ErrSignature},
		{"changed", strings.Replace(good, "2026-11-30T12:00:00Z", "2026-11-30T12:00:01Z", 1), saml.ErrSignature},
		{"another request", answer(set("InResponseTo", "_other"), pairs().idp, sha256), saml.ErrRequest},
		{"no request", answer(set("InResponseTo", ""), pairs().idp, sha256), saml.ErrRequest},
		{"destination", answer(set("Destination", acs), pairs().idp, sha256), saml.ErrRecipient},
		{"old", answer(set("IssueInstant", "2026-11-30T11:51:00Z"), pairs().idp, sha256), saml.ErrTime},
		{"future", answer(set("IssueInstant", "2026-11-30T12:03:00Z"), pairs().idp, sha256), saml.ErrTime},
		{"no time", answer(set("IssueInstant", "now"), pairs().idp, sha256), saml.ErrMalformed},
		{"version", answer(set("Version", "1.1"), pairs().idp, sha256), saml.ErrMalformed},
		{"issuer", answer(func(el *etree.Element) { el.SelectElement("Issuer").SetText("https://other.example") }, pairs().idp, sha256), saml.ErrIssuer},
		{"failed", answer(failed, pairs().idp, sha256), saml.ErrStatus},
		{"failed, for another request", answer(func(el *etree.Element) {
			failed(el)
			el.CreateAttr("InResponseTo", "_other")
		}, pairs().idp, sha256), saml.ErrRequest},
		{"a response", valid().xml(), saml.ErrMalformed},
		{"an assertion within", answer(func(el *etree.Element) { el.AddChild(evil()) }, pairs().idp, sha256), saml.ErrMalformed},
		{"wrapped", wrappedAnswer(good), saml.ErrSignature},
		{"nothing", "", saml.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := p.LogoutResponse(encode(tt.doc), requestID); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if err := p.LogoutResponse(encode(good), ""); !errors.Is(err, saml.ErrRequest) {
		t.Errorf("no request: got %v", err)
	}
	if err := newProvider(t, nil).LogoutResponse(encode(good), requestID); !errors.Is(err, saml.ErrNoLogout) {
		t.Errorf("off: got %v", err)
	}
}

// wrappedAnswer wraps a signed answer in another.
func wrappedAnswer(good string) string {
	root, original := element(good), element(good)
	original.RemoveChild(original.SelectElement("Signature"))
	root.CreateAttr("ID", "_evil")
	root.SelectElement("Signature").CreateElement("ds:Object").AddChild(original)
	return text(root)
}
