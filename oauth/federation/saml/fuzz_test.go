package saml_test

import (
	"testing"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// FuzzResponse shows that no response panics, and that what is accepted says what was signed.
func FuzzResponse(f *testing.F) {
	for _, group := range [][]forgery{wrapped, signatures, statements} {
		for i, g := range group {
			if !testing.Short() || i%16 == 0 { // TestForgeries has them all
				f.Add(g.make())
			}
		}
	}
	f.Add(valid().xml())
	p := newProvider(f, func(c *saml.Config) { c.IDPInit = true })
	f.Fuzz(func(t *testing.T, doc string) {
		if a, err := p.Response(encode(doc), requestID); err == nil && a.NameID != alice {
			t.Errorf("accepted as %q", a.NameID)
		}
		if a, err := p.Unsolicited(encode(doc)); err == nil && a.NameID != alice {
			t.Errorf("accepted without a request, as %q", a.NameID)
		}
	})
}

// FuzzLogoutResponse shows that no answer to a sign-out panics.
func FuzzLogoutResponse(f *testing.F) {
	p := newProvider(f, func(c *saml.Config) { c.IDPSignout = true })
	f.Add(valid().xml())
	f.Fuzz(func(t *testing.T, doc string) {
		if err := p.LogoutResponse(encode(doc), requestID); err == nil {
			t.Error("accepted")
		}
	})
}

// FuzzMetadata shows that no metadata panics, and that what is accepted can be used.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(goodDocument().entity()))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := saml.ParseMetadata(doc, start)
		if err != nil {
			return
		}
		p := newProvider(t, func(c *saml.Config) { c.IdP, c.IDPSignout = m, true })
		if _, err := p.AuthnRequest(saml.NewID(), "x"); err != nil {
			t.Error(err)
		}
		if m.SLORedirect == "" && m.SLOPost == "" {
			return
		}
		if _, err := p.LogoutRequest(saml.NewID(), saml.Subject{NameID: alice}, "x"); err != nil {
			t.Error(err)
		}
	})
}
