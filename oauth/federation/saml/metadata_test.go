package saml_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

const redirectBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"

// A document is the metadata of an identity provider. What is not set is as it should be.
type document struct {
	entityAttrs, roleAttrs, keys, sso, slo, before, inRole string
}

func keyDescriptor(use string, cert *x509.Certificate) string {
	if use != "" {
		use = ` use="` + use + `"`
	}
	data := base64.StdEncoding.EncodeToString(cert.Raw)
	return `<md:KeyDescriptor` + use + `><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + "\n" + data[:64] + "\n" + data[64:] + "\n" +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
}

func goodDocument() document {
	return document{
		entityAttrs: `entityID="` + idpID + `"`,
		keys:        keyDescriptor("signing", pairs().idp.cert) + keyDescriptor("encryption", pairs().other.cert),
		sso: `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/post"/>` +
			`<md:SingleSignOnService Binding="` + redirectBinding + `" Location="https://idp.example.com/sso?a=b&amp;c=d"/>`,
		slo: `<md:SingleLogoutService Binding="` + redirectBinding + `" Location="https://idp.example.com/slo"/>`,
	}
}

func (d document) entity() string {
	return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ` + d.entityAttrs + `>` + d.before +
		`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" ` + d.roleAttrs + `>` + d.inRole + d.keys + d.slo +
		`<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>` + d.sso + `</md:IDPSSODescriptor></md:EntityDescriptor>`
}

func TestParseMetadata(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*document)
		wrap   func(string) string
		check  func(*saml.Metadata) bool
	}{
		{"good", func(*document) {}, nil, func(m *saml.Metadata) bool { return !m.WantsSignedRequests && m.ValidUntil.IsZero() }},
		{"a declaration and a comment", func(*document) {}, func(s string) string { return `<?xml version="1.0" encoding="UTF-8"?><!-- by hand -->` + s }, nil},
		{"a byte order mark", func(*document) {}, func(s string) string { return "\xef\xbb\xbf<?xml version=\"1.0\"?>" + s }, nil},
		{"blanks around it", func(*document) {}, func(s string) string { return "\n<?xml version=\"1.0\"?>" + s + "\n" }, nil},
		{"no sign-out", func(d *document) { d.slo = "" }, nil, func(m *saml.Metadata) bool { return m.SLORedirect == "" && m.SLOPost == "" }},
		{"sign-out by POST only", func(d *document) { d.slo = strings.Replace(d.slo, "HTTP-Redirect", "HTTP-POST", 1) }, nil, func(m *saml.Metadata) bool {
			return m.SLORedirect == "" && m.SLOPost == "https://idp.example.com/slo"
		}},
		{"signed requests", func(d *document) { d.roleAttrs = `WantAuthnRequestsSigned="true"` }, nil, func(m *saml.Metadata) bool { return m.WantsSignedRequests }},
		{"a key without a use", func(d *document) { d.keys = keyDescriptor("", pairs().idp.cert) }, nil, nil},
		{"two keys", func(d *document) { d.keys += keyDescriptor("signing", pairs().next.cert) }, nil, func(m *saml.Metadata) bool { return m.Keys[1].Equal(pairs().next.cert) }},
		{"one of two has expired", func(d *document) { d.keys = keyDescriptor("signing", pairs().expired.cert) + d.keys }, nil, nil},
		{"valid", func(d *document) { d.entityAttrs += ` validUntil="2027-01-01T00:00:00Z"` }, nil, func(m *saml.Metadata) bool { return m.ValidUntil.Year() == 2027 }},
		{"the role ends earlier", func(d *document) {
			d.entityAttrs += ` validUntil="2027-01-01T00:00:00Z"`
			d.roleAttrs = `validUntil="2026-12-01T00:00:00Z"`
		}, nil, func(m *saml.Metadata) bool { return m.ValidUntil.Month() == time.December }},
		{"roles of WS-Federation", func(d *document) {
			d.before = `<md:RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706" xsi:type="fed:SecurityTokenServiceType" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706"/>`
		}, nil, nil},
		{"in a collection", func(*document) {}, func(s string) string {
			return `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + s + `</md:EntitiesDescriptor>`
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := goodDocument()
			tt.change(&d)
			doc := d.entity()
			if tt.wrap != nil {
				doc = tt.wrap(doc)
			}
			m, err := saml.ParseMetadata([]byte(doc), start)
			if err != nil {
				t.Fatal(err)
			}
			if m.EntityID != idpID || m.SSORedirect != "https://idp.example.com/sso?a=b&c=d" || !m.Keys[0].Equal(pairs().idp.cert) {
				t.Errorf("got %+v", m)
			}
			if tt.check != nil && !tt.check(m) {
				t.Errorf("got %+v", m)
			}
		})
	}
}

// certificateOf returns a certificate of a key that only it needs.
func certificateOf(t *testing.T, public, private any) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: start, NotAfter: start.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestParseMetadataRefuses(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string // the text is in the error
		change     func(*document)
		wrap       func(string) string
	}{
		{"POST only", "No SingleSignOn Http redirect binding location found in metadata.", func(d *document) { d.sso = strings.ReplaceAll(d.sso, "HTTP-Redirect", "HTTP-Artifact") }, nil},
		{"a script", "invalid url scheme", func(d *document) {
			d.sso = `<md:SingleSignOnService Binding="` + redirectBinding + `" Location="javascript:alert(1)"/>`
		}, nil},
		{"a relative place", "invalid url scheme", func(d *document) {
			d.sso = `<md:SingleSignOnService Binding="` + redirectBinding + `" Location="/sso"/>`
		}, nil},
		{"a password in the place", "No SingleSignOn Http redirect", func(d *document) {
			d.sso = `<md:SingleSignOnService Binding="` + redirectBinding + `" Location="https://a:b@idp.example.com/sso"/>`
		}, nil},
		{"no key", "no signing certificate", func(d *document) { d.keys = keyDescriptor("encryption", pairs().idp.cert) }, nil},
		{"expired key", "has expired", func(d *document) { d.keys = keyDescriptor("signing", pairs().expired.cert) }, nil},
		{"short key", "less than 2048", func(d *document) { d.keys = keyDescriptor("signing", certificateOf(t, short.Public(), short)) }, nil},
		{"Ed25519", "neither RSA", func(d *document) { d.keys = keyDescriptor("signing", certificateOf(t, public, private)) }, nil},
		{"no certificate", "not accepted", func(d *document) {
			d.keys = strings.Replace(d.keys, "MII", "AAA", 1)
		}, nil},
		{"long certificate", "more than 4096", func(d *document) {
			d.keys = strings.Replace(d.keys, "MII", "MII"+strings.Repeat("A", 4096), 1)
		}, nil},
		{"many keys", "more than 10", func(d *document) { d.keys = strings.Repeat(d.keys, 11) }, nil},
		{"expired", "expired at", func(d *document) { d.entityAttrs += ` validUntil="2026-11-30T12:00:00Z"` }, nil},
		{"expired role", "expired at", func(d *document) { d.roleAttrs = `validUntil="2026-11-30T12:00:00Z"` }, nil},
		{"no entity id", "entity id", func(d *document) { d.entityAttrs = "" }, nil},
		{"long entity id", "entity id", func(d *document) { d.entityAttrs = `entityID="` + strings.Repeat("x", 1025) + `"` }, nil},
		{"a service provider", "no identity provider", func(*document) {}, func(s string) string { return strings.ReplaceAll(s, "IDPSSODescriptor", "SPSSODescriptor") }},
		{"two in a collection", "more than one", func(*document) {}, func(s string) string {
			return `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + s + s + `</md:EntitiesDescriptor>`
		}},
		{"a document type", "document type", func(*document) {}, func(s string) string { return `<!DOCTYPE x [<!ENTITY a "b">]>` + s }},
		{"an instruction", "instruction", func(*document) {}, func(s string) string { return `<?xml-stylesheet href="x"?>` + s }},
		{"two roots", "second root", func(*document) {}, func(s string) string { return s + s }},
		{"text after", "text outside", func(*document) {}, func(s string) string { return s + "x" }},
		{"no end", "cannot be read", func(*document) {}, func(s string) string { return s[:len(s)-3] }},
		{"HTML", "cannot be read", func(*document) {}, func(string) string { return "<html><br></html>" }},
		{"HTML that is XML", "cannot be read", func(*document) {}, func(string) string { return "<html></html>" }},
		{"nothing", "cannot be read", func(*document) {}, func(string) string { return "" }},
		{"more than 1 MiB", "more than 1048576", func(d *document) { d.inRole = "<!--" + strings.Repeat("x", saml.MaxMetadata) + "-->" }, nil},
		{"deep", "levels", func(d *document) { d.inRole = strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := goodDocument()
			tt.change(&d)
			doc := d.entity()
			if tt.wrap != nil {
				doc = tt.wrap(doc)
			}
			m, err := saml.ParseMetadata([]byte(doc), start)
			var refused *saml.MetadataError
			if !errors.As(err, &refused) || !strings.Contains(refused.Text, tt.text) || m != nil {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
}

func TestOurMetadata(t *testing.T) {
	p := newProvider(t, func(c *saml.Config) { c.RequestSigningAlgorithm, c.IDPSignout = saml.RSASHA256, true })
	doc, err := p.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	el := element(string(doc))
	role := el.SelectElement("SPSSODescriptor")
	if el.SelectAttrValue("entityID", "") != spID || role.SelectAttrValue("AuthnRequestsSigned", "") != "true" || role.SelectAttrValue("WantAssertionsSigned", "") != "true" {
		t.Errorf("got %s", doc)
	}
	services := role.SelectElements("AssertionConsumerService")
	if len(services) != 1 || services[0].SelectAttrValue("Location", "") != acs || !strings.HasSuffix(services[0].SelectAttrValue("Binding", ""), "HTTP-POST") {
		t.Errorf("ACS: got %s", doc)
	}
	if s := role.SelectElement("SingleLogoutService"); s == nil || s.SelectAttrValue("Location", "") != logout {
		t.Errorf("logout: got %s", doc)
	}
	uses := ""
	for _, k := range role.SelectElements("KeyDescriptor") {
		uses += k.SelectAttrValue("use", "") + " "
	}
	if strings.Contains(string(doc), "validUntil") {
		t.Errorf("it ends: got %s", doc)
	}
	if uses != "signing encryption " || strings.Contains(string(doc), "rsa-1_5") || strings.Contains(string(doc), "tripledes") {
		t.Errorf("keys: got %s", doc)
	}
	later, err := x509.CreateCertificate(rand.Reader, pairs().sp.cert, pairs().sp.cert, pairs().sp.key.Public(), pairs().sp.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(later)
	if err != nil {
		t.Fatal(err)
	}
	renewed := newProvider(t, func(c *saml.Config) { c.SigningCertificate, c.EarlierCertificate = cert, pairs().sp.cert })
	if doc, err = renewed.Metadata(); err != nil {
		t.Fatal(err)
	}
	certificates := ""
	for _, k := range element(string(doc)).FindElements("./SPSSODescriptor/KeyDescriptor[@use='signing']//X509Certificate") {
		certificates += k.Text() + " "
	}
	if want := base64.StdEncoding.EncodeToString(cert.Raw) + " " + base64.StdEncoding.EncodeToString(pairs().sp.cert.Raw) + " "; certificates != want {
		t.Errorf("signing certificates after a year: got %s, want the new one and that of the last year", certificates)
	}
	bare := newProvider(t, func(c *saml.Config) {
		c.SigningKey, c.SigningCertificate, c.DecryptionKeys, c.EncryptionCertificate = nil, nil, nil, nil
	})
	if doc, err := bare.Metadata(); err != nil || strings.Contains(string(doc), "KeyDescriptor") || strings.Contains(string(doc), "SingleLogout") {
		t.Errorf("without keys: got %s, %v", doc, err)
	}
}
