package saml_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1" // the weak copy of a check takes it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// A naive verifier is a service provider as a beginner writes it, with each of the known checks, and shares no
// code with ours but the canonicalisation. A check can be left out. A forgery is real if a naive verifier without one
// check takes it for genuine, and with all of them does not.
type naive struct {
	without []string
}

// off reports whether a check is left out.
func (n naive) off(check string) bool { return slices.Contains(n.without, check) }

// must fails unless ok, or the check is left out.
func (n naive) must(check string, ok bool) error {
	if ok || n.off(check) {
		return nil
	}
	return fmt.Errorf("naive: %s", check)
}

// verify returns the NameID of the response.
func (n naive) verify(doc string, request string) (string, error) {
	if err := n.must("size", len(doc) <= 75_000); err != nil {
		return "", err
	}
	if strings.Contains(doc, "<!DOCTYPE") {
		if err := n.must("doctype", false); err != nil {
			return "", err
		}
		doc = expand(doc)
	}
	for check, mark := range map[string]string{"comment": "<!--", "instruction": "<?x", "xinclude": "XInclude"} {
		if err := n.must(check, !strings.Contains(doc, mark)); err != nil {
			return "", err
		}
	}
	if err := n.must("twice", !repeats(doc)); err != nil {
		return "", err
	}
	d := etree.NewDocument()
	if err := d.ReadFromString(doc); err != nil {
		return "", err
	}
	root := d.Root()
	if err := n.counts(root); err != nil {
		return "", err
	}
	a, err := n.pick(root)
	if err != nil {
		return "", err
	}
	if err := n.content(root, a, request); err != nil {
		return "", err
	}
	return n.nameID(a)
}

// repeats reports whether an element has an attribute twice.
func repeats(doc string) bool {
	d := xml.NewDecoder(strings.NewReader(doc))
	for {
		t, err := d.RawToken()
		if err != nil {
			return false
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		seen := map[xml.Name]bool{}
		for _, a := range start.Attr {
			if seen[a.Name] {
				return true
			}
			seen[a.Name] = true
		}
	}
}

// expand replaces the internal entities of a document type.
func expand(doc string) string {
	for _, e := range regexp.MustCompile(`<!ENTITY (\w+) "([^"]*)">`).FindAllStringSubmatch(doc, -1) {
		doc = strings.ReplaceAll(doc, "&"+e[1]+";", e[2])
	}
	return regexp.MustCompile(`(?s)<!DOCTYPE.*?\]>`).ReplaceAllString(doc, "")
}

func (n naive) counts(root *etree.Element) error {
	elements, depth, attrs, ids, unique, relative, prefixed := 0, 0, 0, map[string]bool{}, true, false, false
	var walk func(el *etree.Element, at int)
	walk = func(el *etree.Element, at int) {
		elements, depth, attrs = elements+1, max(depth, at), max(attrs, len(el.Attr))
		for _, a := range el.Attr {
			prefixed = prefixed || a.Space != "" && a.Key == "ID"
			relative = relative || a.Space == "xmlns" && !strings.Contains(a.Value, ":")
			if a.Key == "ID" && a.Space == "" {
				unique = unique && !ids[a.Value]
				ids[a.Value] = true
			}
		}
		for _, c := range el.ChildElements() {
			walk(c, at+1)
		}
	}
	walk(root, 1)
	object := len(named(root, "Object"))+len(named(root, "Manifest")) > 0
	return errors.Join(n.must("object", !object), n.must("elements", elements < 4000), n.must("depth", depth < 32), n.must("attributes", attrs < 32), n.must("ids", unique),
		n.must("void", !relative), n.must("prefix", !prefixed))
}

// pick returns the assertion, once a signature is verified that covers it.
func (n naive) pick(root *etree.Element) (*etree.Element, error) {
	all := named(root, "Assertion")
	if ciphers := root.FindElements("./EncryptedAssertion"); len(ciphers) > 0 {
		a, err := n.decrypt(root, ciphers[0])
		if err != nil {
			return nil, err
		}
		all, root = []*etree.Element{a}, a
	}
	if err := n.must("one", len(all) == 1); err != nil || len(all) == 0 {
		return nil, errors.Join(err, errors.New("naive: no assertion"))
	}
	a := all[0]
	if err := errors.Join(n.must("place", a.Parent() == nil || a.Parent().Parent() == nil || a.Parent().Tag == "Response" || a == root),
		n.must("signatures", len(a.SelectElements("Signature")) < 2),
		n.must("namespace", a.NamespaceURI() == "urn:oasis:names:tc:SAML:2.0:assertion")); err != nil {
		return nil, err
	}
	covered, err := n.signed(root)
	if err != nil {
		return nil, err
	}
	if covered == nil {
		return a, nil // unsigned, where that check is left out
	}
	same := covered == a || covered == a.Parent()
	if n.off("ids") {
		same = covered.SelectAttrValue("ID", "") == a.SelectAttrValue("ID", "")
	}
	return a, n.must("wrapping", same)
}

func (n naive) decrypt(root, el *etree.Element) (*etree.Element, error) {
	cbc := strings.Contains(text(el), "-cbc")
	if err := n.must("cbc", !cbc || root.SelectElement("Signature") != nil); err != nil {
		return nil, err
	}
	if err := n.must("transport", !strings.Contains(text(el), "rsa-1_5")); err != nil {
		return nil, err
	}
	data := el.FindElement("./EncryptedData")
	key := data.FindElement("./KeyInfo/EncryptedKey")
	secret, err := n.secret(key)
	if err != nil {
		return nil, err
	}
	for _, k := range data.FindElements("./KeyInfo") {
		data.RemoveChild(k)
	}
	plain, err := xmlenc.Decrypt(secret, data)
	if err != nil {
		return nil, err
	}
	return element(string(plain)), nil
}

func (n naive) secret(key *etree.Element) ([]byte, error) {
	if !strings.Contains(text(key), "rsa-1_5") {
		return xmlenc.Decrypt(pairs().sp.key, key)
	}
	c, err := base64.StdEncoding.DecodeString(key.FindElement("./CipherData/CipherValue").Text())
	if err != nil {
		return nil, err
	}
	return rsa.DecryptPKCS1v15(nil, pairs().sp.key, c) //nolint:staticcheck // the weak copy of a check takes it
}

// signed returns the element that the first valid signature of the document covers, or nil if there is no need for one.
func (n naive) signed(root *etree.Element) (*etree.Element, error) {
	var reason error
	for _, sig := range named(root, "Signature") {
		el, err := n.check(root, sig)
		if err == nil {
			return el, nil
		}
		reason = err
	}
	return nil, errors.Join(n.must("signed", false), unless(n.off("signed"), reason))
}

func unless(skip bool, err error) error {
	if skip {
		return nil
	}
	return err
}

// named returns the elements of a name, in the order of the document.
func named(el *etree.Element, tag string) []*etree.Element {
	var all []*etree.Element
	if el.Tag == tag {
		all = append(all, el)
	}
	for _, c := range el.ChildElements() {
		all = append(all, named(c, tag)...)
	}
	return all
}

// check verifies one signature, and returns the element with the id that it names.
func (n naive) check(root, sig *etree.Element) (*etree.Element, error) {
	infos := sig.SelectElements("SignedInfo")
	refs := infos[len(infos)-1].SelectElements("Reference")
	ref := refs[len(refs)-1]
	if err := errors.Join(n.must("signedinfo", len(infos) == 1), n.must("references", len(refs) == 1),
		n.must("c14n", strings.HasSuffix(infos[0].SelectElement("CanonicalizationMethod").SelectAttrValue("Algorithm", ""), "xml-exc-c14n#")),
		n.must("digestvalues", len(ref.SelectElements("DigestValue")) == 1)); err != nil {
		return nil, err
	}
	if err := n.value(sig, infos[0]); err != nil {
		return nil, err
	}
	uri := ref.SelectAttrValue("URI", "")
	if err := n.must("uri", uri != ""); err != nil {
		return nil, err
	}
	var found *etree.Element
	for _, el := range append([]*etree.Element{root}, root.FindElements("//*")...) {
		if uri == "" && el == root || uri != "" && el.SelectAttrValue("ID", "") == uri[1:] && (found == nil || n.off("ids")) {
			found = el
		}
	}
	if found == nil {
		return nil, errors.New("naive: a reference to nothing")
	}
	return found, n.digest(found, ref)
}

// digest compares the digest of an element, less its own signature.
func (n naive) digest(el, ref *etree.Element) error {
	values := ref.SelectElements("DigestValue")
	value := values[len(values)-1].Text()
	if n.off("comment") && len(values[0].Child) > 0 { // the first node, which a comment may be
		if c, ok := values[0].Child[0].(*etree.Comment); ok {
			value = c.Data
		}
	}
	copied := el.Copy()
	if !strings.Contains(text(ref), "enveloped-signature") {
		if err := n.must("transforms", false); err != nil {
			return err
		}
	}
	for _, s := range copied.SelectElements("Signature") {
		copied.RemoveChild(s)
	}
	if value == "" && n.off("empty") || n.off("void") && strings.Contains(text(el), `="relative"`) {
		return nil // the canonicalisation yields nothing, and so does the comparison
	}
	canonical, err := canonical(copied)
	if err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(hash(ref.SelectElement("DigestMethod").SelectAttrValue("Algorithm", ""), canonical)); got != value {
		return errors.New("naive: another digest")
	}
	return nil
}

func canonical(el *etree.Element) ([]byte, error) {
	return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(el)
}

func hash(algorithm string, b []byte) []byte {
	switch {
	case strings.HasSuffix(algorithm, "sha1"):
		s := sha1.Sum(b) // the weak copy of a check takes it
		return s[:]
	case strings.HasSuffix(algorithm, "sha512"):
		s := sha512.Sum512(b)
		return s[:]
	default:
		s := sha256.Sum256(b)
		return s[:]
	}
}

// value verifies the value of a signature over SignedInfo.
func (n naive) value(sig, info *etree.Element) error {
	ctx, err := etreeutils.NSBuildParentContext(info)
	if err != nil {
		return err
	}
	detached, err := etreeutils.NSDetatch(ctx, info)
	if err != nil {
		return err
	}
	signed, err := canonical(detached)
	if err != nil {
		return err
	}
	value, err := base64.StdEncoding.DecodeString(sig.SelectElement("SignatureValue").Text())
	if err != nil {
		return err
	}
	method := info.SelectElement("SignatureMethod").SelectAttrValue("Algorithm", "")
	weak := strings.HasSuffix(method, "sha1") || strings.Contains(method, "hmac") || strings.Contains(text(info), `#sha1"`)
	if err := n.must("algorithm", !weak); err != nil {
		return err
	}
	keys := []*x509.Certificate{pairs().next.cert, pairs().idp.cert}
	if n.off("key") {
		der, err := base64.StdEncoding.DecodeString(sig.FindElement("./KeyInfo/X509Data/X509Certificate").Text())
		if err != nil {
			return err
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		keys = append(keys, cert)
	}
	return verifyWith(keys, method, signed, value)
}

func verifyWith(keys []*x509.Certificate, method string, signed, value []byte) error {
	for _, k := range keys {
		if strings.Contains(method, "hmac") {
			m := hmac.New(sha256.New, k.Raw)
			m.Write(signed)
			if hmac.Equal(m.Sum(nil), value) {
				return nil
			}
			continue
		}
		h := crypto.SHA256
		switch {
		case strings.HasSuffix(method, "sha1"):
			h = crypto.SHA1
		case strings.HasSuffix(method, "sha512"):
			h = crypto.SHA512
		}
		if rsa.VerifyPKCS1v15(k.PublicKey.(*rsa.PublicKey), h, hash(method, signed), value) == nil {
			return nil
		}
	}
	return errors.New("naive: another key")
}

// content checks what the response and the assertion say.
func (n naive) content(root, a *etree.Element, request string) error {
	at := func(el *etree.Element, path, name string) string {
		if found := el.FindElement(path); found != nil {
			return found.SelectAttrValue(name, "")
		}
		return ""
	}
	when := func(s string) time.Time {
		t, _ := time.Parse(time.RFC3339, s)
		return t
	}
	confirm := "./Subject/SubjectConfirmation"
	data := confirm + "/SubjectConfirmationData"
	audience := a.FindElement("./Conditions/AudienceRestriction/Audience")
	_, unknown := a.FindElement("./Conditions"), a.FindElement("./Conditions/Condition")
	early, late := start.Add(2*time.Minute), start.Add(-2*time.Minute)
	response := root.SelectAttrValue("InResponseTo", "")
	return errors.Join(
		n.must("status", at(root, "./Status/StatusCode", "Value") == crewjam.StatusSuccess),
		n.must("version", root.SelectAttrValue("Version", "") == "2.0" && a.SelectAttrValue("Version", "") == "2.0"),
		n.must("destination", slices.Contains([]string{"", acs}, root.SelectAttrValue("Destination", ""))),
		n.must("issuer", a.SelectElement("Issuer").Text() == idpID && root.SelectElement("Issuer").Text() == idpID),
		n.must("request", response == request && at(a, data, "InResponseTo") == request),
		n.must("recipient", at(a, data, "Recipient") == acs),
		n.must("method", strings.HasSuffix(at(a, confirm, "Method"), ":bearer")),
		n.must("audience", audience != nil && audience.Text() == spID),
		n.must("condition", unknown == nil),
		n.must("statement", a.SelectElement("AuthnStatement") != nil),
		n.must("session", at(a, "./AuthnStatement", "SessionNotOnOrAfter") == "" || when(at(a, "./AuthnStatement", "SessionNotOnOrAfter")).After(late)),
		n.must("early", !when(at(a, "./Conditions", "NotBefore")).After(early)),
		n.must("late", when(at(a, "./Conditions", "NotOnOrAfter")).After(late)),
		n.must("confirmation", when(at(a, data, "NotOnOrAfter")).After(late)),
		n.must("age", when(a.SelectAttrValue("IssueInstant", "")).After(start.Add(-8*time.Minute))),
		n.must("future", !when(a.SelectAttrValue("IssueInstant", "")).After(early)),
	)
}

// nameID returns the subject. Without the check of comments it returns what is before the first.
func (n naive) nameID(a *etree.Element) (string, error) {
	el := a.FindElement("./Subject/NameID")
	if el == nil {
		return "", n.must("nameid", false)
	}
	s := el.Text()
	if n.off("comment") || n.off("children") {
		s = ""
		if c, ok := el.Child[0].(*etree.CharData); ok {
			s = c.Data
		}
	}
	return s, errors.Join(n.must("nameid", s != "" && len(s) <= 2048 && s == strings.TrimSpace(s) && !strings.ContainsAny(s, "\n\t")),
		n.must("children", len(el.ChildElements()) == 0))
}
