package saml_test

import (
	"crypto/rsa"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*saml.Config){
		"no pool":                   func(c *saml.Config) { c.PoolID = "" },
		"no ACS":                    func(c *saml.Config) { c.ACS = "" },
		"ACS is a path":             func(c *saml.Config) { c.ACS = "/saml2/idpresponse" },
		"sign-out without a place":  func(c *saml.Config) { c.IDPSignout, c.Logout = true, "" },
		"sign-out at the ACS":       func(c *saml.Config) { c.IDPSignout, c.Logout = true, acs },
		"no metadata":               func(c *saml.Config) { c.IdP = nil },
		"no issuer":                 func(c *saml.Config) { c.IdP.EntityID = "" },
		"no keys":                   func(c *saml.Config) { c.IdP.Keys = nil },
		"no sign-on":                func(c *saml.Config) { c.IdP.SSORedirect = "" },
		"another algorithm":         func(c *saml.Config) { c.RequestSigningAlgorithm = "rsa-sha1" },
		"signs without a key":       func(c *saml.Config) { c.RequestSigningAlgorithm, c.SigningKey = saml.RSASHA256, nil },
		"signs out without a key":   func(c *saml.Config) { c.IDPSignout, c.SigningKey = true, nil },
		"no certificate":            func(c *saml.Config) { c.SigningCertificate = nil },
		"another certificate":       func(c *saml.Config) { c.SigningCertificate = pairs().other.cert },
		"another earlier one":       func(c *saml.Config) { c.EarlierCertificate = pairs().other.cert },
		"encrypted without a key":   func(c *saml.Config) { c.EncryptedResponses, c.DecryptionKeys = true, nil },
		"another encryption":        func(c *saml.Config) { c.EncryptionCertificate = pairs().other.cert },
		"many decryption keys":      func(c *saml.Config) { c.DecryptionKeys = append(c.DecryptionKeys, make([]*rsa.PrivateKey, 4)...) },
		"an old key that is no key": func(c *saml.Config) { c.DecryptionKeys = append(c.DecryptionKeys, nil) },
		"skew":                      func(c *saml.Config) { c.Skew = 3*time.Minute + 1 },
		"negative skew":             func(c *saml.Config) { c.Skew = -1 },
	} {
		c := config()
		change(&c)
		if _, err := saml.New(c); !errors.Is(err, saml.ErrConfig) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestOnePlace shows that the place of sign-out does not matter where nobody is signed out.
func TestOnePlace(t *testing.T) {
	for _, place := range []string{"", acs} {
		p := newProvider(t, func(c *saml.Config) { c.Logout = place })
		if _, err := p.Response(encode(valid().xml()), requestID); err != nil {
			t.Errorf("%q: %v", place, err)
		}
	}
}

// TestMalformed shows that what is no message is refused quickly, and with little memory.
func TestMalformed(t *testing.T) {
	p := newProvider(t, func(c *saml.Config) { c.IDPInit = true })
	good := valid().xml()
	for name, encoded := range map[string]string{
		"nothing":        "",
		"no base64":      "<samlp:Response>",
		"base64 of URLs": strings.NewReplacer("+", "-", "/", "_").Replace(encode(good + "???>>>")),
		"no XML":         encode("SAMLResponse"),
		"zeros":          encode(strings.Repeat("\x00", 70_000)),
		"deflated":       encode("\x78\x9c\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0"),
		"UTF-16":         encode("\xff\xfe<\x00a\x00/\x00>\x00"),
		"an encoding":    encode(`<?xml version="1.0" encoding="UTF-7"?>` + good),
		"another root":   encode("<a>" + good + "</a>"),
		"an assertion":   encode(text(valid().assertion())),
		"200000 levels":  encode(strings.Repeat("<a>", 200_000)),
		"levels":         encode(strings.Repeat("<a>", 24_000)),
		"10 MB":          strings.Repeat("A", 10<<20),
		"no time":        encode(strings.Replace(good, "IssueInstant", "Instant", 1)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, err := p.Response(encoded, requestID)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, saml.ErrMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; took > time.Second || used > 64<<20 {
			t.Errorf("%s: %v and %d bytes", name, took, used)
		}
	}
}

// TestCostliest shows that the most expensive message that gets as far as the keys is refused within a second.
func TestCostliest(t *testing.T) {
	p := newProvider(t, func(c *saml.Config) {
		for len(c.IdP.Keys) < saml.MaxKeys {
			c.IdP.Keys = append(c.IdP.Keys, pairs().next.cert)
		}
	})
	m := valid()
	m.signer, m.signResponse = pairs().other, true
	m.attributes = `<saml:Attribute Name="x"><saml:AttributeValue>` + strings.Repeat(`<a b="urn:x:y"/>`, 3900) + `</saml:AttributeValue></saml:Attribute>`
	doc := encode(m.xml())
	began := time.Now()
	_, err := p.Response(doc, requestID)
	if took := time.Since(began); !errors.Is(err, saml.ErrSignature) || took > time.Second {
		t.Errorf("got %v after %v", err, took)
	}
	t.Logf("%d characters in %v", len(doc), time.Since(began))
}

// TestTwoProviders shows that a response of one identity provider is none of another, which serves the same pool.
func TestTwoProviders(t *testing.T) {
	const otherID = "https://other.example/saml"
	other := newProvider(t, func(c *saml.Config) {
		m := *c.IdP
		m.EntityID, m.Keys = otherID, m.Keys[:0:0]
		m.Keys = append(m.Keys, pairs().other.cert)
		c.IdP = &m
	})
	theirs := valid()
	theirs.issuer, theirs.assertionIssuer, theirs.signer = otherID, otherID, pairs().other
	a, err := other.Response(encode(theirs.xml()), requestID)
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := newProvider(t, nil).Response(encode(valid().xml()), requestID); err != nil || ours.ID != a.ID || ours.ReplayKey == a.ReplayKey {
		t.Errorf("two providers that use one id: got %v, %v", ours, err)
	}
	if _, err := newProvider(t, nil).Response(encode(theirs.xml()), requestID); !errors.Is(err, saml.ErrIssuer) {
		t.Errorf("the other's response: got %v", err)
	}
	posing := theirs
	posing.issuer, posing.assertionIssuer = idpID, idpID
	if _, err := newProvider(t, nil).Response(encode(posing.xml()), requestID); !errors.Is(err, saml.ErrSignature) {
		t.Errorf("the other in our name: got %v", err)
	}
}

// TestEncryption shows that the settings of encryption are obeyed.
func TestEncryption(t *testing.T) {
	secret := valid()
	secret.encrypt = gcm()
	required := newProvider(t, func(c *saml.Config) { c.EncryptedResponses = true })
	if _, err := required.Response(encode(valid().xml()), requestID); !errors.Is(err, saml.ErrEncryption) {
		t.Errorf("plain where encrypted is required: got %v", err)
	}
	none := newProvider(t, func(c *saml.Config) { c.DecryptionKeys, c.EncryptionCertificate = nil, nil })
	if _, err := none.Response(encode(secret.xml()), requestID); !errors.Is(err, saml.ErrEncryption) {
		t.Errorf("encrypted without a key: got %v", err)
	}
	another := newProvider(t, func(c *saml.Config) {
		c.DecryptionKeys, c.EncryptionCertificate = []*rsa.PrivateKey{pairs().other.key}, pairs().other.cert
	})
	if _, err := another.Response(encode(secret.xml()), requestID); !errors.Is(err, saml.ErrEncryption) {
		t.Errorf("encrypted for another key: got %v", err)
	}
	doc := text(secret.tree())
	for _, tt := range []struct {
		name, old, with string
		want            error
		reason          string
	}{
		{"a plain one beside it", "</samlp:Response>", text(evil()) + "</samlp:Response>", saml.ErrMalformed, "more than one"},
		{"two algorithms", "<xenc:CipherData", `<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><xenc:CipherData`, saml.ErrEncryption, "2 algorithms"},
		{"a block cipher for the key", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", "http://www.w3.org/2009/xmlenc11#aes256-gcm", saml.ErrEncryption, "the algorithm"},
		{"3DES", "http://www.w3.org/2009/xmlenc11#aes256-gcm", "http://www.w3.org/2001/04/xmlenc#tripledes-cbc", saml.ErrEncryption, "the algorithm"},
		{"a cipher elsewhere", "<xenc:CipherValue", `<xenc:CipherReference URI="https://evil.example"/><xenc:CipherValue`, saml.ErrMalformed, "CipherReference"},
	} {
		if !strings.Contains(doc, tt.old) {
			t.Fatalf("%s: nothing to replace", tt.name)
		}
		_, err := newProvider(t, nil).Response(encode(strings.Replace(doc, tt.old, tt.with, 1)), requestID)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// TestNoAssertion shows that success alone signs nobody in.
func TestNoAssertion(t *testing.T) {
	m := valid()
	m.leaveAssertion = true
	root := m.tree()
	root.RemoveChild(root.SelectElement("Assertion"))
	sign(root, m.signer, m.algorithm)
	_, err := newProvider(t, nil).Response(encode(text(root)), requestID)
	if !errors.Is(err, saml.ErrMalformed) || !strings.Contains(err.Error(), ": no assertion") {
		t.Errorf("got %v", err)
	}
}

// TestExpiredKey shows that a key of the metadata is good until its certificate ends.
func TestExpiredKey(t *testing.T) {
	p := newProvider(t, func(c *saml.Config) { c.IdP.Keys = append(c.IdP.Keys, pairs().expired.cert) })
	m := valid()
	m.signer = pairs().expired
	if _, err := p.Response(encode(m.xml()), requestID); !errors.Is(err, saml.ErrSignature) {
		t.Errorf("got %v", err)
	}
}
