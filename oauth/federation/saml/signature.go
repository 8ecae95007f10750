package saml

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// A verifier verifies the signatures of one message for the library, with the keys of the metadata, and remembers
// what they cover.
type verifier struct {
	keys    []*x509.Certificate
	now     time.Time
	covered map[string]bool // by tag and id
}

// VerifySignature fails: the library calls VerifySignedElement, which it must.
func (v *verifier) VerifySignature(*dsig.ValidationContext, *etree.Element) error {
	return fmt.Errorf("%w: it is not known what the signature covers", ErrSignature)
}

// VerifySignedElement returns what the signature of el covers, without the signature, read from the bytes that were digested.
func (v *verifier) VerifySignedElement(_ *dsig.ValidationContext, el *etree.Element) (*etree.Element, error) {
	p, err := shape(el, el.NamespaceURI(), el.Tag) // again, because this may be what was encrypted
	if err != nil {
		return nil, err
	}
	if !p.signed {
		return nil, fmt.Errorf("%w: there is none", ErrSignature)
	}
	var reasons []error
	for _, key := range v.keys {
		signed, err := verify(el, key, v.now)
		if err == nil {
			v.covered[signed.Tag+" "+signed.SelectAttrValue("ID", "")] = true
			return signed, nil
		}
		reasons = append(reasons, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrSignature, errors.Join(reasons...))
}

// covers reports whether a signature was verified that covers the assertion with the id.
func (v *verifier) covers(response, assertion string) bool {
	return response != "" && v.covered["Response "+response] || assertion != "" && v.covered["Assertion "+assertion]
}

// verify verifies the signature of el with one key. What the document says of its key is thrown away first.
func verify(el *etree.Element, key *x509.Certificate, now time.Time) (*etree.Element, error) {
	el = el.Copy()
	for _, child := range el.ChildElements() {
		if child.Tag != "Signature" {
			continue
		}
		for _, info := range child.ChildElements() {
			if info.Tag == "KeyInfo" {
				child.RemoveChild(info)
			}
		}
	}
	c := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{key}})
	c.Clock = dsig.NewFakeClockAt(now)
	signed, err := c.Validate(el)
	if err != nil {
		return nil, err
	}
	if signed == nil || signed.Tag != el.Tag || signed.NamespaceURI() != el.NamespaceURI() ||
		signed.SelectAttrValue("ID", "") != el.SelectAttrValue("ID", "") {
		return nil, errors.New("it covers something else")
	}
	return signed, nil
}
