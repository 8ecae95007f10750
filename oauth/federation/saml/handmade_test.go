package saml_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
)

// A handmade signature has the shape that a test wants.
type handmade struct {
	method, digest, uri, transforms string
	c14n                            string
	first                           string // a reference before the one
	values                          string // a digest before the one
	last                            string // an element after the value
	empty                           bool   // the digest
	whole                           bool   // the response is signed, and not the assertion
}

// byHand is a valid response with a signature by hand.
func byHand(change func(*handmade)) func() string {
	return func() string {
		h := handmade{
			c14n:   "http://www.w3.org/2001/10/xml-exc-c14n#",
			method: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", digest: "http://www.w3.org/2001/04/xmlenc#sha256", uri: "#_assertion",
			transforms: `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`,
		}
		change(&h)
		m := valid()
		m.leaveAssertion = true
		root := m.tree()
		el := root.SelectElement("Assertion")
		if h.whole {
			el = root
		}
		el.InsertChildAt(1, h.signature(el))
		return text(root)
	}
}

func (h handmade) signature(el *etree.Element) *etree.Element {
	covered, err := canonical(el.Copy())
	if err != nil {
		panic(err)
	}
	digest := base64.StdEncoding.EncodeToString(hash(h.digest, covered))
	if h.empty {
		digest = ""
	}
	info := element(`<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="` + h.c14n + `"/>` +
		`<ds:SignatureMethod Algorithm="` + h.method + `"/>` + h.first + `<ds:Reference URI="` + h.uri + `"><ds:Transforms>` + h.transforms + `</ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + h.digest + `"/>` + h.values +
		`<ds:DigestValue>` + digest + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`)
	signed, err := canonical(info.Copy())
	if err != nil {
		panic(err)
	}
	sig := element(`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`)
	sig.AddChild(info)
	sig.CreateElement("ds:SignatureValue").SetText(base64.StdEncoding.EncodeToString(h.value(signed)))
	if h.last != "" {
		sig.AddChild(element(`<x xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + h.last + `</x>`).ChildElements()[0])
	}
	return sig
}

func (h handmade) value(signed []byte) []byte {
	if strings.Contains(h.method, "hmac") {
		m := hmac.New(sha256.New, pairs().idp.cert.Raw)
		m.Write(signed)
		return m.Sum(nil)
	}
	sum := sha256.Sum256(signed)
	value, err := rsa.SignPKCS1v15(nil, pairs().idp.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return value
}

// digestOf returns the digest that the assertion of a document would have, without its signature.
func digestOf(doc string) string {
	covered, err := canonical(bare(element(doc).SelectElement("Assertion")))
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(hash("sha256", covered))
}

// twoInfos adds a second SignedInfo, with the digest of the changed assertion, to a document.
func twoInfos(doc string) string {
	doc = strings.Replace(doc, alice+"</saml:NameID>", mallory+"</saml:NameID>", 1)
	root := element(doc)
	sig := root.FindElement("./Assertion/Signature")
	second := sig.SelectElement("SignedInfo").Copy()
	second.FindElement("./Reference/DigestValue").SetText(digestOf(doc))
	sig.InsertChildAt(1, second)
	return text(root)
}
