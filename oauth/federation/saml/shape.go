package saml

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"
)

// The namespaces of the documents.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
)

// The algorithms that a message may use. There is no SHA-1, no HMAC and no RSA PKCS #1 v1.5 encryption among them.
const (
	canonicalization = "http://www.w3.org/2001/10/xml-exc-c14n#"
	enveloped        = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
)

var (
	signatureMethods = []string{
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
	}
	digestMethods = []string{
		"http://www.w3.org/2001/04/xmlenc#sha256",
		"http://www.w3.org/2001/04/xmldsig-more#sha384",
		"http://www.w3.org/2001/04/xmlenc#sha512",
	}
	encryptionMethods = []string{
		"http://www.w3.org/2009/xmlenc11#aes128-gcm",
		"http://www.w3.org/2009/xmlenc11#aes192-gcm",
		"http://www.w3.org/2009/xmlenc11#aes256-gcm",
		"http://www.w3.org/2001/04/xmlenc#aes128-cbc", // CBC only within a signed response
		"http://www.w3.org/2001/04/xmlenc#aes192-cbc",
		"http://www.w3.org/2001/04/xmlenc#aes256-cbc",
	}
	transportMethods = []string{
		"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
		"http://www.w3.org/2009/xmlenc11#rsa-oaep",
	}
)

// refused are elements, by local name in any namespace, that no message has at any place.
var refused = []string{
	"Object", "Manifest", "SignatureProperties", "RetrievalMethod", "CipherReference", // of signatures and ciphers
	"BaseID", "EncryptedID", "NewEncryptedID", "EncryptedAttribute",
}

// placed are elements, by local name in any namespace, that may be at one place only.
var placed = []string{"Response", "LogoutResponse", "Assertion", "EncryptedAssertion"}

// parts are what is known of a message by its shape alone. Nothing in them is verified.
type parts struct {
	root       *etree.Element
	assertions int // plain
	encrypted  int
	signed     bool // the root or the assertion has a signature
}

// shape checks the element that a signature may cover: a Response, a LogoutResponse or an Assertion.
// Each part of it is at its place, and at no other.
func shape(root *etree.Element, space, tag string) (*parts, error) {
	if root == nil || root.Tag != tag || root.NamespaceURI() != space {
		return nil, fmt.Errorf("%w: the root is not a %s", ErrMalformed, tag)
	}
	p := &parts{root: root}
	ids := map[string]bool{}
	if err := p.walk(root, ids); err != nil {
		return nil, err
	}
	if p.assertions+p.encrypted > 1 {
		return nil, fmt.Errorf("%w: more than one assertion", ErrMalformed)
	}
	return p, nil
}

func (p *parts) walk(el *etree.Element, ids map[string]bool) error {
	if err := p.place(el); err != nil {
		return err
	}
	for _, a := range el.Attr {
		if !strings.EqualFold(a.Key, "ID") || a.Space == "xmlns" {
			continue
		}
		if a.Value == "" || ids[a.Value] {
			return fmt.Errorf("%w: the id %q is empty or not unique", ErrMalformed, a.Value)
		}
		ids[a.Value] = true
	}
	for _, child := range el.ChildElements() {
		if err := p.walk(child, ids); err != nil {
			return err
		}
	}
	return nil
}

// place checks that el may be where it is.
func (p *parts) place(el *etree.Element) error {
	if slices.Contains(refused, el.Tag) {
		return fmt.Errorf("%w: an element %s", ErrMalformed, el.Tag)
	}
	if el.Tag == "Signature" {
		return p.signature(el)
	}
	if el.Tag == "NameID" || el.Tag == "DigestValue" || el.Tag == "SignatureValue" {
		if len(el.ChildElements()) > 0 {
			return fmt.Errorf("%w: an element within a %s", ErrMalformed, el.Tag)
		}
	}
	if el.Tag == "EncryptedData" || el.Tag == "EncryptedKey" {
		return encryption(el)
	}
	if el == p.root || !slices.Contains(placed, el.Tag) {
		return nil
	}
	if el.Parent() != p.root || p.root.Tag != "Response" || el.NamespaceURI() != nsAssertion {
		return fmt.Errorf("%w: an element %s at another place", ErrMalformed, el.Tag)
	}
	switch el.Tag {
	case "Assertion":
		p.assertions++
	case "EncryptedAssertion":
		p.encrypted++
	default:
		return fmt.Errorf("%w: an element %s at another place", ErrMalformed, el.Tag)
	}
	return nil
}

// signature checks a signature: it is a child of what it covers, there is one, and it says so in the one way that is accepted.
func (p *parts) signature(sig *etree.Element) error {
	parent := sig.Parent()
	isAssertion := parent != nil && parent.Parent() == p.root && parent.Tag == "Assertion"
	if parent == nil || parent != p.root && !isAssertion || sig.NamespaceURI() != nsSignature {
		return fmt.Errorf("%w: a signature at another place", ErrMalformed)
	}
	for _, other := range parent.ChildElements() {
		if other != sig && other.Tag == "Signature" {
			return fmt.Errorf("%w: two signatures of one element", ErrMalformed)
		}
	}
	if err := signatureShape(sig, parent.SelectAttrValue("ID", "")); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	p.signed = true
	return nil
}

func signatureShape(sig *etree.Element, id string) error {
	top, err := exactly(sig, "SignedInfo", "SignatureValue", "KeyInfo?")
	if err != nil {
		return err
	}
	info, err := exactly(top[0], "CanonicalizationMethod", "SignatureMethod", "Reference")
	if err != nil {
		return err
	}
	if got := algorithm(info[0]); got != canonicalization {
		return fmt.Errorf("the canonicalization %q", got)
	}
	if got := algorithm(info[1]); !slices.Contains(signatureMethods, got) {
		return fmt.Errorf("the signature algorithm %q", got)
	}
	if id == "" || info[2].SelectAttrValue("URI", "") != "#"+id {
		return errors.New("the reference does not name the element that holds the signature")
	}
	ref, err := exactly(info[2], "Transforms", "DigestMethod", "DigestValue")
	if err != nil {
		return err
	}
	transforms, err := exactly(ref[0], "Transform", "Transform")
	if err != nil {
		return err
	}
	if algorithm(transforms[0]) != enveloped || algorithm(transforms[1]) != canonicalization {
		return errors.New("the transforms are not those of an enveloped signature")
	}
	if got := algorithm(ref[1]); !slices.Contains(digestMethods, got) {
		return fmt.Errorf("the digest algorithm %q", got)
	}
	digest, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(ref[2].Text()), ""))
	if err != nil || len(digest) < 32 {
		return errors.New("the digest is not one")
	}
	return nil
}

// algorithm returns the algorithm that el names.
func algorithm(el *etree.Element) string { return el.SelectAttrValue("Algorithm", "") }

// exactly returns the children of el, if they are the named elements of signatures, in this order, and no others.
// A name that ends in ? may be missing, at the end.
func exactly(el *etree.Element, names ...string) ([]*etree.Element, error) {
	children := el.ChildElements()
	for i, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		if i >= len(children) && optional {
			return children, nil
		}
		if i >= len(children) || children[i].Tag != name || children[i].NamespaceURI() != nsSignature {
			return nil, fmt.Errorf("%s has no %s at place %d", el.Tag, name, i+1)
		}
	}
	if len(children) > len(names) {
		return nil, fmt.Errorf("%s has a %s too many", el.Tag, children[len(names)].Tag)
	}
	return children, nil
}

// encryption checks that ciphertext uses an accepted algorithm.
func encryption(el *etree.Element) error {
	accepted := encryptionMethods
	if el.Tag == "EncryptedKey" {
		accepted = transportMethods
	}
	methods := 0
	for _, child := range el.ChildElements() {
		if child.Tag != "EncryptionMethod" {
			continue
		}
		methods++
		if got := algorithm(child); !slices.Contains(accepted, got) {
			return fmt.Errorf("%w: the algorithm %q", ErrEncryption, got)
		}
	}
	if methods != 1 {
		return fmt.Errorf("%w: %d algorithms", ErrEncryption, methods)
	}
	return nil
}

// parse reads a message of which scan and shape accept the form.
func parse(doc []byte, tag string) (*parts, error) {
	if err := scan(doc, messageLimits); err != nil {
		return nil, err
	}
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return shape(tree.Root(), nsProtocol, tag)
}

// decode returns the document in the value of a form.
func decode(encoded string) ([]byte, error) {
	if len(encoded) > MaxMessage {
		return nil, fmt.Errorf("%w: more than %d characters", ErrMalformed, MaxMessage)
	}
	doc, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return doc, nil
}
