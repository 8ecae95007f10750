package saml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// A forgery is a response that must be refused. A naive verifier without one check takes it for genuine.
type forgery struct {
	name    string
	make    func() string
	want    error
	reason  string   // in the text of the error, where several checks may refuse it
	without []string // the checks that the naive verifier leaves out
	as      string   // whom the naive verifier lets in
	config  func(*saml.Config)
}

// changed is a forgery that the identity provider has signed, and that is not for us, or not for now.
func changed(change func(*message)) func() string {
	return func() string {
		m := valid()
		change(&m)
		return m.xml()
	}
}

// rearranged is a forgery made of a valid response.
func rearranged(signResponse bool, change func(root, assertion, signature *etree.Element)) func() string {
	return func() string {
		m := valid()
		m.signResponse, m.leaveAssertion = signResponse, signResponse
		root := m.tree()
		a := root.SelectElement("Assertion")
		sig := a.SelectElement("Signature")
		if signResponse {
			sig = root.SelectElement("Signature")
		}
		change(root, a, sig)
		return text(root)
	}
}

// replaced is a forgery made of the text of a valid response.
func replaced(old, with string) func() string {
	return func() string {
		doc := valid().xml()
		if !strings.Contains(doc, old) {
			panic("nothing to replace: " + old)
		}
		return strings.Replace(doc, old, with, 1)
	}
}

// wrapResponse makes root an evil Response and returns the original one without its signature.
func wrapResponse(root, sig *etree.Element) *etree.Element {
	original := root.Copy()
	original.RemoveChild(original.SelectElement("Signature"))
	root.CreateAttr("ID", "_evilresponse")
	root.RemoveChild(root.SelectElement("Assertion"))
	root.RemoveChild(sig)
	root.AddChild(evil())
	return original
}

// bare returns a copy of an assertion without its signature.
func bare(a *etree.Element) *etree.Element {
	a = a.Copy()
	a.RemoveChild(a.SelectElement("Signature"))
	return a
}

const nsAssertionAttr = `xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`

var wrapping = []string{"wrapping", "one", "place", "namespace", "object"}

// wrapped are the forgeries of XML signature wrapping, by the numbers of "On Breaking SAML" (2012).
var wrapped = []forgery{
	{name: "XSW1", want: saml.ErrSignature, make: rearranged(true, func(root, _, sig *etree.Element) {
		original := wrapResponse(root, sig)
		root.AddChild(sig)
		sig.AddChild(original)
	})},
	{name: "XSW2", make: rearranged(true, func(root, _, sig *etree.Element) {
		root.AddChild(wrapResponse(root, sig))
		root.AddChild(sig)
	})},
	{name: "XSW3", make: rearranged(false, func(root, a, _ *etree.Element) {
		root.InsertChildAt(a.Index(), evil())
	})},
	{name: "XSW4", make: rearranged(false, func(root, a, _ *etree.Element) {
		e := evil()
		root.RemoveChild(a)
		root.AddChild(e)
		e.AddChild(a)
	})},
	{name: "XSW5", want: saml.ErrSignature, make: rearranged(false, func(root, a, sig *etree.Element) {
		original, e := bare(a), evil()
		root.RemoveChild(a)
		root.AddChild(e)
		e.InsertChildAt(1, sig)
		root.AddChild(original)
	})},
	{name: "XSW6", want: saml.ErrSignature, make: rearranged(false, func(root, a, sig *etree.Element) {
		original, e := bare(a), evil()
		root.RemoveChild(a)
		root.AddChild(e)
		e.InsertChildAt(1, sig)
		sig.AddChild(original)
	})},
	{name: "XSW7", make: rearranged(false, func(root, a, _ *etree.Element) {
		x := etree.NewElement("samlp:Extensions")
		x.AddChild(evil())
		root.InsertChildAt(1, x)
	})},
	{name: "XSW8", want: saml.ErrSignature, make: rearranged(false, func(root, a, sig *etree.Element) {
		original, e := bare(a), evil()
		root.RemoveChild(a)
		root.AddChild(e)
		e.InsertChildAt(1, sig)
		sig.CreateElement("ds:Object").AddChild(original)
	})},
	{name: "original within the subject", make: rearranged(false, func(root, a, _ *etree.Element) {
		e := evil()
		root.RemoveChild(a)
		root.AddChild(e)
		e.FindElement("./Subject/SubjectConfirmation/SubjectConfirmationData").AddChild(a)
	})},
	{name: "original within an attribute", make: rearranged(false, func(root, a, _ *etree.Element) {
		e := evil()
		root.RemoveChild(a)
		root.AddChild(e)
		e.FindElement("./AttributeStatement/Attribute/AttributeValue").AddChild(a)
	})},
	{name: "original within advice", make: rearranged(false, func(root, a, _ *etree.Element) {
		e := evil()
		root.RemoveChild(a)
		root.AddChild(e)
		e.CreateElement("saml:Advice").AddChild(a)
	})},
	{name: "signed metadata in extensions", make: func() string { // an identity provider publishes it
		m := valid()
		m.leaveAssertion, m.nameID = true, `<saml:NameID>`+mallory+`</saml:NameID>`
		root := m.tree()
		entity := element(strings.Replace(goodDocument().entity(), "entityID", `ID="_metadata" entityID`, 1))
		sign(entity, m.signer, m.algorithm)
		x := etree.NewElement("samlp:Extensions")
		x.AddChild(entity)
		root.InsertChildAt(1, x)
		return text(root)
	}, reason: "a signature at another place"},
	{name: "two signatures", make: rearranged(false, func(_, a, sig *etree.Element) {
		a.InsertChildAt(1, sig.Copy())
	}), without: []string{"signatures"}, as: alice, reason: "two signatures"},
	{name: "evil after", make: rearranged(false, func(root, a, _ *etree.Element) { // for those who read the last
		root.AddChild(evil())
	}), without: []string{"one"}, as: alice},
	{name: "same id", reason: "not unique", make: rearranged(false, func(root, a, sig *etree.Element) {
		e := evil()
		e.CreateAttr("ID", "_assertion")
		original := bare(a)
		root.RemoveChild(a)
		root.AddChild(e)
		e.InsertChildAt(1, sig)
		root.AddChild(original)
	}), without: []string{"ids", "one"}},
	{name: "alone in extensions", make: rearranged(false, func(root, a, _ *etree.Element) {
		x := etree.NewElement("samlp:Extensions")
		root.InsertChildAt(1, x)
		root.RemoveChild(a)
		x.AddChild(a)
	}), without: []string{"place"}, as: alice, reason: "an element Assertion at another place"},
	{name: "alone in another namespace", make: func() string {
		m := valid()
		m.status, m.signResponse = crewjam.StatusSuccess, false
		root := m.tree()
		root.RemoveChild(root.SelectElement("Assertion"))
		a := element(strings.Replace(text(m.assertion()), nsAssertionAttr, `xmlns:saml="urn:x:x"`, 1))
		root.AddChild(a)
		sign(root, m.signer, m.algorithm)
		return text(root)
	}, without: []string{"namespace"}, as: alice, reason: "an element Assertion at another place"},
	{name: "in another namespace", make: rearranged(false, func(root, a, _ *etree.Element) {
		e := evil()
		e.Space = "x"
		e.CreateAttr("xmlns:x", "urn:x:x")
		root.InsertChildAt(a.Index(), e)
	})},
}

// signatures are the forgeries of the signature itself.
var signatures = []forgery{
	{name: "unsigned", make: changed(func(m *message) { m.leaveAssertion = true }), without: []string{"signed"}, as: alice, reason: "there is none"},
	{name: "changed", make: replaced("alice@example.com</saml:NameID>", mallory+"</saml:NameID>"), without: []string{"signed"}, as: mallory},
	{name: "another key", make: changed(func(m *message) { m.signer = pairs().other }), without: []string{"key"}, as: alice},
	{name: "our own key", make: changed(func(m *message) { m.signer = pairs().sp }), without: []string{"key"}, as: alice},
	{name: "rsa-sha1", make: changed(func(m *message) { m.algorithm = dsig.RSASHA1SignatureMethod }), without: []string{"algorithm"}, as: alice, reason: "algorithm"},
	{name: "HMAC with the certificate", make: byHand(func(h *handmade) { h.method = "http://www.w3.org/2000/09/xmldsig#hmac-sha256" }), without: []string{"algorithm"}, as: alice, reason: "algorithm"},
	{name: "sha1 digest", make: byHand(func(h *handmade) { h.digest = "http://www.w3.org/2000/09/xmldsig#sha1" }), without: []string{"algorithm"}, as: alice, reason: "digest algorithm"},
	{name: "reference to the whole document", make: byHand(func(h *handmade) { h.uri, h.whole = "", true }), without: []string{"uri"}, as: alice, reason: "reference"},
	{name: "another canonicalisation", make: byHand(func(h *handmade) { h.c14n = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315" }), without: []string{"c14n"}, as: alice, reason: "canonicalization"},
	{name: "an object in the signature", make: byHand(func(h *handmade) { h.last = `<ds:Object/>` }), without: []string{"object"}, as: alice, reason: "no KeyInfo"},
	{name: "a manifest in the response", make: bomb(`<ds:Manifest xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`), without: []string{"object"}, as: alice, want: saml.ErrMalformed, reason: "an element Manifest"},
	{name: "no enveloped transform", make: byHand(func(h *handmade) {
		h.transforms = `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`
	}), without: []string{"transforms"}, as: alice, reason: "Transform"},
	{name: "another transform", make: byHand(func(h *handmade) {
		h.transforms = strings.Repeat(`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`, 2)
	}), without: []string{"transforms"}, as: alice, reason: "the transforms are not"},
	{name: "an empty digest", make: byHand(func(h *handmade) { h.empty = true }), without: []string{"empty"}, as: alice, reason: "the digest is not one"},
	{name: "two references", make: byHand(func(h *handmade) { h.first = `<ds:Reference URI="#_other"/>` }), without: []string{"references"}, as: alice, reason: "Reference"},
	{name: "two SignedInfo", make: func() string { // the value is of the first, the digest is read from the last
		return twoInfos(valid().xml())
	}, without: []string{"signedinfo"}, as: mallory, reason: "SignatureValue"},
	{name: "two DigestValue", make: byHand(func(h *handmade) { h.values = `<ds:DigestValue>AAAA</ds:DigestValue>` }), without: []string{"digestvalues"}, as: alice, reason: "DigestValue"},
	{name: "comment in DigestValue", make: func() string {
		doc := strings.Replace(valid().xml(), alice+"</saml:NameID>", mallory+"</saml:NameID>", 1)
		return strings.Replace(doc, "<ds:DigestValue>", "<ds:DigestValue><!--"+digestOf(doc)+"-->", 1)
	}, without: []string{"comment"}, as: mallory, want: saml.ErrMalformed, reason: "a comment"},
	{name: "canonicalisation that yields nothing", make: func() string {
		doc := strings.Replace(valid().xml(), alice+"</saml:NameID>", mallory+"</saml:NameID>", 1)
		return strings.Replace(doc, "<saml:NameID ", `<saml:NameID xmlns:x="relative" `, 1)
	}, without: []string{"void"}, as: mallory, want: saml.ErrMalformed, reason: "relative namespace"},
	{
		name: "an id with a prefix", make: replaced(`ID="_assertion"`, `xmlns:x="urn:x:x" x:ID="_x" ID="_assertion"`),
		without: []string{"prefix", "signed"}, as: alice, want: saml.ErrMalformed, reason: "attribute",
	},
}

// texts are the forgeries of the document around the signature.
var texts = []forgery{
	{name: "comment in NameID", make: func() string { // signed as one name, read as another
		m := valid()
		m.nameID = `<saml:NameID>` + alice + `.evil.example</saml:NameID>`
		return strings.Replace(m.xml(), alice+".evil", alice+"<!---->.evil", 1)
	}, without: []string{"comment"}, as: alice, reason: "a comment"},
	{
		name: "element in NameID", make: changed(func(m *message) { m.nameID = `<saml:NameID>` + alice + `<saml:X/>.evil.example</saml:NameID>` }),
		without: []string{"children"}, as: alice, reason: "within a NameID",
	},
	{name: "processing instruction", make: replaced("<saml:Conditions", "<?x y?><saml:Conditions"), without: []string{"instruction", "signed"}, as: alice, reason: "instruction"},
	{name: "entity", make: func() string {
		return `<!DOCTYPE x [<!ENTITY who "` + alice + `">]>` + strings.ReplaceAll(valid().xml(), alice, "&who;")
	}, without: []string{"doctype"}, as: alice, reason: "document type"},
	{name: "external entity", make: func() string {
		return `<!DOCTYPE x [<!ENTITY who "` + alice + `"><!ENTITY x SYSTEM "file:///etc/passwd">]>` + strings.ReplaceAll(valid().xml(), alice, "&who;")
	}, without: []string{"doctype"}, as: alice, reason: "document type"},
	{name: "billion laughs", make: func() string {
		bomb := `<!ENTITY a "ha">`
		for i := range 9 {
			bomb += "<!ENTITY b" + string(rune('0'+i)) + ` "` + strings.Repeat("&a;", 10) + `">`
		}
		return `<!DOCTYPE x [` + bomb + `]>` + valid().xml()
	}, without: []string{"doctype"}, as: alice, reason: "document type"},
	{name: "XInclude", make: changed(func(m *message) {
		m.extensions = `<samlp:Extensions><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/></samlp:Extensions>`
	}), without: []string{"xinclude"}, as: alice, reason: "XInclude"},
	{name: "10 MB", make: bomb(strings.Repeat("x", 10<<20)), without: []string{"size"}, as: alice, reason: "more than 100000 characters"},
	{name: "10000 attributes", make: bomb("<a" + manyAttributes(10_000) + "/>"), without: []string{"size", "attributes"}, as: alice, reason: "more than"},
	{name: "4000 attributes in bounds", make: bomb("<a" + manyAttributes(4000) + "/>"), without: []string{"attributes"}, as: alice, reason: "attributes"},
	{name: "500 levels", make: bomb(strings.Repeat("<a>", 500) + strings.Repeat("</a>", 500)), without: []string{"depth"}, as: alice, reason: "levels"},
	{name: "9000 elements", make: bomb(strings.Repeat("<a/>", 9000)), without: []string{"elements"}, as: alice, reason: "elements"},
	{name: "an attribute twice", make: replaced(` ID="_assertion"`, ` ID="_x" ID="_assertion"`), without: []string{"twice"}, as: alice, reason: "twice"},
}

// bomb is a valid response with a load that the signature does not cover.
func bomb(load string) func() string {
	return replaced("<samlp:Status>", "<samlp:Extensions>"+load+"</samlp:Extensions><samlp:Status>")
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

// statements are genuine, and not for us, not for this request, or not for now.
var statements = []forgery{
	{name: "audience", make: changed(func(m *message) { m.audience = "urn:amazon:cognito:sp:eu-west-1_Other" }), want: saml.ErrAudience, without: []string{"audience"}},
	{name: "no audience", make: changed(func(m *message) { m.audience = "" }), want: saml.ErrAudience, without: []string{"audience"}},
	{name: "recipient", make: changed(func(m *message) { m.recipient = "https://evil.example/acs" }), want: saml.ErrRecipient, without: []string{"recipient"}},
	{name: "no recipient", make: changed(func(m *message) { m.recipient = "" }), want: saml.ErrRecipient, without: []string{"recipient"}},
	{name: "destination", make: changed(func(m *message) { m.destination, m.signResponse = "https://evil.example/acs", true }), want: saml.ErrRecipient, without: []string{"destination"}},
	{name: "issuer of the assertion", make: changed(func(m *message) { m.assertionIssuer = "https://other.example" }), want: saml.ErrIssuer, without: []string{"issuer"}},
	{name: "issuer of the response", make: changed(func(m *message) { m.issuer = "https://other.example" }), want: saml.ErrIssuer, without: []string{"issuer"}},
	{name: "another request", make: changed(func(m *message) { m.responseTo, m.confirmTo = "_other", "_other" }), want: saml.ErrRequest, without: []string{"request"}},
	{name: "an assertion of another request", make: changed(func(m *message) { m.confirmTo = "_other" }), want: saml.ErrRequest, without: []string{"request"}},
	{name: "no request", make: changed(func(m *message) { m.responseTo, m.confirmTo = "", "" }), want: saml.ErrRequest, without: []string{"request"}},
	{name: "no request in the confirmation", make: changed(func(m *message) { m.confirmTo = "" }), want: saml.ErrRequest, without: []string{"request"}},
	{name: "no request allowed", make: changed(func(m *message) { m.responseTo, m.confirmTo = "", "" }), want: saml.ErrRequest, without: []string{"request"}, config: func(c *saml.Config) { c.IDPInit = true }},
	{name: "holder of key", make: changed(func(m *message) { m.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key" }), want: saml.ErrMalformed, reason: "bearer", without: []string{"method"}},
	{name: "not yet", make: changed(func(m *message) { m.notBefore = start.Add(2*time.Minute + time.Second) }), want: saml.ErrTime, without: []string{"early"}},
	{name: "too late", make: changed(func(m *message) {
		m.notOnOrAfter, m.issued, m.responseIssued = start.Add(-2*time.Minute), start.Add(-4*time.Minute), start.Add(-4*time.Minute)
		m.notBefore = m.issued
	}), want: saml.ErrTime, without: []string{"late"}},
	{name: "confirmation ended", make: changed(func(m *message) {
		m.confirmEnd, m.issued, m.responseIssued = start.Add(-2*time.Minute), start.Add(-4*time.Minute), start.Add(-4*time.Minute)
		m.notBefore = m.issued
	}), want: saml.ErrTime, without: []string{"confirmation"}},
	{name: "session ended", make: changed(func(m *message) {
		m.statement = strings.Replace(m.statement, "SessionIndex", `SessionNotOnOrAfter="2026-11-30T11:58:00Z" SessionIndex`, 1)
	}), want: saml.ErrTime, without: []string{"session"}},
	{name: "old", make: changed(func(m *message) {
		m.issued, m.responseIssued, m.notBefore = start.Add(-8*time.Minute), start.Add(-8*time.Minute), start.Add(-8*time.Minute)
	}), want: saml.ErrTime, without: []string{"age"}},
	{name: "old in a fresh envelope", make: changed(func(m *message) {
		m.issued, m.notBefore = start.Add(-8*time.Minute), start.Add(-8*time.Minute)
	}), want: saml.ErrTime, without: []string{"age"}},
	{name: "from the future", make: changed(func(m *message) {
		m.issued, m.responseIssued = start.Add(2*time.Minute+time.Second), start.Add(2*time.Minute+time.Second)
	}), want: saml.ErrTime, without: []string{"future"}},
	{name: "an assertion from the future", make: changed(func(m *message) { m.issued = start.Add(2*time.Minute + time.Second) }), want: saml.ErrTime, without: []string{"future"}},
	{name: "condition that is not known", make: changed(func(m *message) {
		m.conditions = `<saml:Condition xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="urn:x:x" xsi:type="x:Other"/>`
	}), want: saml.ErrMalformed, reason: "conditions", without: []string{"condition"}},
	{name: "SAML 1.1", make: changed(func(m *message) { m.assertionVersion = "1.1" }), want: saml.ErrMalformed, reason: "Version", without: []string{"version"}},
	{name: "failed", make: func() string { // an error of the provider, with an assertion
		return strings.Replace(valid().xml(), crewjam.StatusSuccess, crewjam.StatusResponder, 1)
	}, want: saml.ErrStatus, without: []string{"status"}},
	{name: "no statement of authentication", make: changed(func(m *message) { m.statement = "" }), want: saml.ErrMalformed, reason: "AuthnStatement", without: []string{"statement"}},
	{name: "empty NameID", make: changed(func(m *message) { m.nameID = `<saml:NameID> </saml:NameID>` }), want: saml.ErrContent, without: []string{"nameid"}, as: " "},
	{name: "nothing in NameID", make: changed(func(m *message) { m.nameID = `<saml:NameID></saml:NameID>` }), want: saml.ErrContent, reason: "it is empty", without: []string{"nameid"}, as: "-"},
	{name: "blanks around NameID", make: changed(func(m *message) { m.nameID = `<saml:NameID>` + alice + ` </saml:NameID>` }), want: saml.ErrContent, without: []string{"nameid"}, as: alice + " "},
	{name: "line in NameID", make: changed(func(m *message) { m.nameID = "<saml:NameID>a\nb</saml:NameID>" }), want: saml.ErrContent, without: []string{"nameid"}, as: "a\nb"},
	{
		name: "long NameID", make: changed(func(m *message) {
			m.nameID = `<saml:NameID>` + strings.Repeat("x", saml.MaxNameID+1) + `</saml:NameID>`
		}),
		want: saml.ErrContent, reason: "more than 2048", without: []string{"nameid"}, as: strings.Repeat("x", saml.MaxNameID+1),
	},
	{name: "no NameID", make: changed(func(m *message) { m.nameID = "" }), want: saml.ErrMalformed, reason: "NameID", without: []string{"nameid"}, as: "-"},
	{name: "encrypted NameID", make: changed(func(m *message) { m.nameID = `<saml:EncryptedID/>` }), want: saml.ErrMalformed, reason: "an element EncryptedID", without: []string{"nameid"}, as: "-"},
	{name: "CBC in an unsigned response", make: changed(func(m *message) { m.encrypt = cbc() }), want: saml.ErrSignature, reason: "CBC", without: []string{"cbc"}},
	{name: "PKCS #1 v1.5", make: changed(func(m *message) { m.encrypt, m.signResponse = xmlenc.PKCS1v15(), true }), want: saml.ErrEncryption, reason: "algorithm", without: []string{"transport"}},
	{name: "encrypted and unsigned", make: changed(func(m *message) { m.encrypt, m.leaveAssertion = gcm(), true }), want: saml.ErrSignature, without: []string{"signed"}},
	{name: "encrypted, by another key", make: changed(func(m *message) { m.encrypt, m.signer = gcm(), pairs().other }), want: saml.ErrSignature, without: []string{"key"}},
}

// TestForgeries refuses each forgery, and shows that it is real: our naive verifier accepts it without
// the checks that are against it. The short tier shows so for each fourth.
func TestForgeries(t *testing.T) {
	n := 0
	for _, group := range []struct {
		name      string
		forgeries []forgery
		want      error
		without   []string
		as        string
	}{
		{"wrapping", wrapped, saml.ErrMalformed, wrapping, mallory},
		{"signature", signatures, saml.ErrSignature, nil, ""},
		{"text", texts, saml.ErrMalformed, nil, ""},
		{"statement", statements, nil, nil, alice},
	} {
		for _, f := range group.forgeries {
			t.Run(group.name+"/"+f.name, func(t *testing.T) {
				if f.want == nil {
					f.want = group.want
				}
				if f.without == nil {
					f.without = group.without
				}
				if f.as == "" {
					f.as = group.as
				}
				doc := f.refused(t)
				if n++; !testing.Short() || n%8 == 0 {
					f.real(t, doc)
				}
			})
		}
	}
}

// refused checks that the forgery is refused, and returns it.
func (f forgery) refused(t *testing.T) (doc string) {
	t.Helper()
	doc = f.make()
	began := time.Now()
	a, err := newProvider(t, f.config).Response(encode(doc), requestID)
	if err == nil {
		t.Fatalf("accepted as %q", a.NameID)
	}
	if !errors.Is(err, f.want) || !strings.Contains(err.Error(), f.reason) {
		t.Errorf("refused because %v, want %v (%s)", err, f.want, f.reason)
	}
	if took := time.Since(began); took > 10*time.Second { // it takes milliseconds, but the race detector and a busy machine have times of their own
		t.Errorf("refused after %v", took)
	}
	return doc
}

// real checks that a verifier takes the forgery which lacks the checks against it, and only then.
func (f forgery) real(t *testing.T, doc string) {
	t.Helper()
	if as, err := (naive{}).verify(doc, requestID); err == nil {
		t.Errorf("the naive verifier with all checks accepts it as %q", as)
	}
	as, err := naive{without: f.without}.verify(doc, requestID)
	if f.as == "-" {
		f.as = ""
	}
	if err != nil || as != f.as {
		t.Errorf("the forgery is not real: without %q the naive verifier says %q, %v; want %q", f.without, as, err, f.as)
	}
}

// TestNaive shows that the naive verifier accepts what is genuine.
func TestNaive(t *testing.T) {
	for _, change := range []func(*message){
		func(*message) {},
		func(m *message) { m.signResponse, m.leaveAssertion = true, true },
		func(m *message) { m.encrypt = gcm() },
	} {
		if as, err := (naive{}).verify(changed(change)(), requestID); err != nil || as != alice {
			t.Errorf("got %q, %v", as, err)
		}
	}
}
