package saml_test

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// gcm encrypts as it is best done, cbc as it is mostly done.
func gcm() xmlenc.Encrypter {
	e := xmlenc.OAEP()
	e.BlockCipher = xmlenc.AES256GCM
	return e
}

func cbc() xmlenc.Encrypter { return xmlenc.OAEP() }

func TestResponse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*message)
		config func(*saml.Config)
	}{
		{"signed assertion", func(*message) {}, nil},
		{"signed response", func(m *message) { m.signResponse, m.leaveAssertion = true, true }, nil},
		{"both signed", func(m *message) { m.signResponse = true }, nil},
		{"the other key", func(m *message) { m.signer = pairs().next }, nil},
		{"SHA-512", func(m *message) { m.algorithm = dsig.RSASHA512SignatureMethod }, nil},
		{"no destination", func(m *message) { m.destination = "" }, nil},
		{"a clock ahead", func(m *message) { m.issued, m.responseIssued = start.Add(90*time.Second), start.Add(90*time.Second) }, nil},
		{"five minutes old", func(m *message) {
			m.issued, m.responseIssued, m.notBefore = start.Add(-5*time.Minute), start.Add(-5*time.Minute), start.Add(-5*time.Minute)
		}, nil},
		{"encrypted", func(m *message) { m.encrypt = gcm() }, nil},
		{"encrypted and required", func(m *message) { m.encrypt = gcm() }, func(c *saml.Config) { c.EncryptedResponses = true }},
		{"encrypted, the response signed", func(m *message) { m.encrypt, m.signResponse, m.leaveAssertion = cbc(), true, true }, nil},
		{"an old key", func(m *message) { m.encrypt = gcm() }, func(c *saml.Config) {
			c.DecryptionKeys = append(c.DecryptionKeys[:0:0], pairs().other.key, pairs().sp.key)
			c.EncryptionCertificate = pairs().other.cert
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := valid()
			tt.change(&m)
			a, err := newProvider(t, tt.config).Response(encode(m.xml()), requestID)
			if err != nil {
				t.Fatal(err)
			}
			if a.NameID != alice || a.Issuer != idpID || a.ID != "_assertion" || a.SessionIndex != "_session" {
				t.Errorf("got %+v", a)
			}
			if !strings.HasSuffix(a.NameIDFormat, ":persistent") || !strings.HasSuffix(a.AuthnContextClassRef, ":PasswordProtectedTransport") {
				t.Errorf("got %+v", a)
			}
			if want := map[string][]string{"email": {alice}, "groups": {"a", "b"}}; !reflect.DeepEqual(a.Attributes, want) {
				t.Errorf("attributes: got %v, want %v", a.Attributes, want)
			}
			if len(a.ReplayKey) != 64 || !a.Expires.After(start) || a.Expires.After(start.Add(10*time.Minute)) {
				t.Errorf("replay: got %q until %v", a.ReplayKey, a.Expires)
			}
		})
	}
}

// TestInclusiveNamespaces shows that a signature may name the prefixes that it covers, as those of Okta do.
func TestInclusiveNamespaces(t *testing.T) {
	doc := byHand(func(h *handmade) {
		h.transforms = strings.Replace(h.transforms, `exc-c14n#"/>`, `exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="xs"/></ds:Transform>`, 1)
	})()
	if _, err := newProvider(t, nil).Response(encode(doc), requestID); err != nil {
		t.Error(err)
	}
}

// TestKeyInfo shows that what a response says of its key is not read.
func TestKeyInfo(t *testing.T) {
	signed := valid().tree()
	info := signed.FindElement("./Assertion/Signature/KeyInfo")
	for name, content := range map[string]string{
		"a name":           `<ds:KeyName>key</ds:KeyName>`,
		"another key":      `<ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(pairs().other.cert.Raw) + `</ds:X509Certificate></ds:X509Data>`,
		"no certificate":   `<ds:X509Data><ds:X509Certificate>?</ds:X509Certificate></ds:X509Data>`,
		"nothing":          ``,
		"a place to fetch": `<ds:X509Data><ds:X509IssuerSerial/></ds:X509Data>`,
	} {
		sig := info.Parent()
		sig.RemoveChild(info)
		info = element(`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + content + `</ds:KeyInfo>`)
		sig.AddChild(info)
		if _, err := newProvider(t, nil).Response(encode(text(signed)), requestID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	info.Parent().RemoveChild(info)
	if _, err := newProvider(t, nil).Response(encode(text(signed)), requestID); err != nil {
		t.Errorf("no KeyInfo: %v", err)
	}
}

func TestUnsolicited(t *testing.T) {
	m := valid()
	m.responseTo, m.confirmTo = "", ""
	open := newProvider(t, func(c *saml.Config) { c.IDPInit = true })
	if a, err := open.Unsolicited(encode(m.xml())); err != nil || a.NameID != alice {
		t.Errorf("got %v, %v", a, err)
	}
	if _, err := newProvider(t, nil).Unsolicited(encode(m.xml())); !errors.Is(err, saml.ErrUnsolicited) {
		t.Errorf("not allowed: got %v", err)
	}
	if _, err := open.Response(encode(m.xml()), requestID); !errors.Is(err, saml.ErrRequest) {
		t.Errorf("as an answer: got %v", err)
	}
	if _, err := open.Response(encode(m.xml()), ""); !errors.Is(err, saml.ErrRequest) {
		t.Errorf("as an answer to nothing: got %v", err)
	}
	for _, change := range []func(*message){
		func(m *message) { m.responseTo = requestID },
		func(m *message) { m.confirmTo = requestID },
		func(m *message) { m.responseTo, m.confirmTo = requestID, requestID },
	} {
		m := m
		change(&m)
		if _, err := open.Unsolicited(encode(m.xml())); !errors.Is(err, saml.ErrRequest) {
			t.Errorf("%q and %q: got %v", m.responseTo, m.confirmTo, err)
		}
	}
}

// TestReplayKey shows that what the caller stores is the same for the same assertion, another for each other, and
// is kept as long as the assertion is accepted.
func TestReplayKey(t *testing.T) {
	now := start
	p := newProvider(t, func(c *saml.Config) { c.Now = func() time.Time { return now } })
	first, err := p.Response(encode(valid().xml()), requestID)
	if err != nil {
		t.Fatal(err)
	}
	again := valid()
	again.id, again.signResponse = "_another", true // the same assertion in another envelope
	second, err := p.Response(encode(again.xml()), requestID)
	if err != nil || second.ReplayKey != first.ReplayKey {
		t.Errorf("again: got %v, %v", second, err)
	}
	again.assertionID = "_fresh"
	if third, err := p.Response(encode(again.xml()), requestID); err != nil || third.ReplayKey == first.ReplayKey {
		t.Errorf("another: got %v, %v", third, err)
	}
	now = first.Expires.Add(-time.Second)
	if _, err := p.Response(encode(valid().xml()), requestID); err != nil {
		t.Errorf("before it expires: got %v", err)
	}
	now = first.Expires
	if _, err := p.Response(encode(valid().xml()), requestID); !errors.Is(err, saml.ErrTime) {
		t.Errorf("after it expires: got %v", err)
	}
}

// TestExpires shows that a replay key is kept until the assertion is refused as too old, and no longer.
func TestExpires(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*message)
		want   time.Duration // after start
	}{
		{"conditions", func(m *message) { m.notOnOrAfter = start.Add(time.Minute) }, 3 * time.Minute},
		{"confirmation", func(m *message) { m.confirmEnd = start.Add(2 * time.Minute) }, 4 * time.Minute},
		{"session", func(m *message) {
			m.statement = strings.Replace(m.statement, "SessionIndex", `SessionNotOnOrAfter="2026-11-30T12:03:00Z" SessionIndex`, 1)
		}, 5 * time.Minute},
		{"age", func(m *message) { m.notOnOrAfter, m.confirmEnd = start.Add(time.Hour), start.Add(time.Hour) }, 8 * time.Minute},
	} {
		m := valid()
		tt.change(&m)
		a, err := newProvider(t, nil).Response(encode(m.xml()), requestID)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got := a.Expires.Sub(start); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestConfirmations shows that one confirmation must be right in everything: what one lacks the next does not make up for.
func TestConfirmations(t *testing.T) {
	confirmation := func(method, request, recipient string, from, to time.Time) string {
		return `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:` + method + `"><saml:SubjectConfirmationData` + attr("InResponseTo", request) +
			attr("Recipient", recipient) + attr("NotBefore", stamp(from)) + attr("NotOnOrAfter", stamp(to)) + `/></saml:SubjectConfirmation>`
	}
	late, early := start.Add(5*time.Minute), start.Add(-5*time.Minute)
	for _, tt := range []struct {
		name, second string
		want         error
	}{
		{"right", confirmation("bearer", requestID, acs, early, late), nil},
		{"method", confirmation("holder-of-key", requestID, acs, early, late), saml.ErrTime},
		{"request", confirmation("bearer", "_other", acs, early, late), saml.ErrRequest},
		{"recipient", confirmation("bearer", requestID, "https://evil.example", early, late), saml.ErrRecipient},
		{"not yet", confirmation("bearer", requestID, acs, late, late), saml.ErrTime},
		{"ended", confirmation("bearer", requestID, acs, early, start.Add(-3*time.Minute)), saml.ErrTime},
		{"no data", `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"/>`, saml.ErrContent},
	} {
		m := valid()
		m.issued, m.responseIssued = start.Add(-4*time.Minute), start.Add(-4*time.Minute)
		m.notBefore, m.confirmEnd = m.issued, start.Add(-3*time.Minute) // the first has ended
		m.confirmations = tt.second
		_, err := newProvider(t, nil).Response(encode(m.xml()), requestID)
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestStatus(t *testing.T) {
	const denied = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
	m := valid()
	m.status = crewjam.StatusResponder + `"><samlp:StatusCode Value="` + denied + `"/></samlp:StatusCode><samlp:StatusMessage x="`
	doc := strings.Replace(m.xml(), `<samlp:StatusMessage x=""/>`, "", 1)
	var status *saml.StatusError
	_, err := newProvider(t, nil).Response(encode(doc), requestID)
	if !errors.As(err, &status) || status.Code != denied || !errors.Is(err, saml.ErrStatus) {
		t.Errorf("got %v", err)
	}
	m.status = "&lt;script&gt;"
	if _, err := newProvider(t, nil).Response(encode(m.xml()), requestID); !errors.As(err, &status) || status.Code != "" {
		t.Errorf("a status that is no URI: got %v", err)
	}
	m.responseTo = "_other"
	if _, err := newProvider(t, nil).Response(encode(m.xml()), requestID); !errors.Is(err, saml.ErrRequest) {
		t.Errorf("for another request: got %v", err)
	}
}

func TestAttributes(t *testing.T) {
	const xsi = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	m := valid()
	m.attributes = `<saml:Attribute Name="none"/><saml:Attribute Name="null"><saml:AttributeValue` + xsi + ` xsi:nil="true"/></saml:Attribute>` +
		`<saml:Attribute Name="empty"><saml:AttributeValue/></saml:Attribute><saml:Attribute Name="two"><saml:AttributeValue>1</saml:AttributeValue></saml:Attribute>` +
		`<saml:Attribute Name="two"><saml:AttributeValue>2</saml:AttributeValue></saml:Attribute>` +
		`<saml:Attribute Name="id"><saml:AttributeValue><saml:NameID>x</saml:NameID></saml:AttributeValue></saml:Attribute>`
	a, err := newProvider(t, nil).Response(encode(m.xml()), requestID)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"none": nil, "null": nil, "empty": {""}, "two": {"1", "2"}, "id": {"x"}}
	if !reflect.DeepEqual(a.Attributes, want) {
		t.Errorf("got %#v, want %#v", a.Attributes, want)
	}
	m.attributes = `<saml:Attribute Name="x"><saml:AttributeValue>😀</saml:AttributeValue></saml:Attribute>`
	if _, err := newProvider(t, nil).Response(encode(m.xml()), requestID); !errors.Is(err, saml.ErrContent) {
		t.Errorf("four bytes: got %v", err)
	}
}
