package fakeidp

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The messages are written in the form that exclusive canonicalization (https://www.w3.org/TR/xml-exc-c14n/) would give them: a namespace is
// declared by each outermost element that uses it, attributes are in order, and no element is abbreviated. So what is signed is the text itself.

const (
	statusSuccess   = "urn:oasis:names:tc:SAML:2.0:status:Success"
	statusRequester = "urn:oasis:names:tc:SAML:2.0:status:Requester"

	declareAssertion = ` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`
	declareProtocol  = ` xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"`
	declareSignature = ` xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`

	persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	password   = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
)

// An Assertion is a response with what it asserts. Empty members are left out.
type Assertion struct {
	ID, ResponseID, Issuer, Audience, Recipient, Destination string
	InResponseTo                                             string
	NameID, Format, SessionIndex, Status                     string
	IssueInstant, NotBefore, NotOnOrAfter                    time.Time
	Attributes                                               map[string]any // values are strings, lists of them, booleans or numbers
}

// assertion is what is asserted of a user.
func (p *SAML) assertion(user map[string]any, audience, acs, requestID string) *Assertion {
	now := p.Now()
	a := &Assertion{
		ID: "_" + rand.Text(), ResponseID: "_" + rand.Text(), Issuer: p.EntityID(), Audience: audience, Recipient: acs, Destination: acs,
		InResponseTo: requestID, Format: persistent, SessionIndex: "_" + rand.Text(), Status: statusSuccess,
		IssueInstant: now, NotBefore: now.Add(-time.Minute), NotOnOrAfter: now.Add(5 * time.Minute), Attributes: maps.Clone(user),
	}
	a.NameID, _ = user["sub"].(string)
	delete(a.Attributes, "sub")
	return a
}

// xml is the response with its assertion, which key signs unless it is nil.
func (a *Assertion) xml(key *rsa.PrivateKey) string {
	body := ""
	if a.Status == statusSuccess {
		body = signed(a.assertion(), a.ID, key)
	}
	return `<samlp:Response` + declareProtocol + attribute("Destination", a.Destination) + attribute("ID", a.ResponseID) + attribute("InResponseTo", a.InResponseTo) +
		attribute("IssueInstant", stamp(a.IssueInstant)) + ` Version="2.0">` + issuer(a.Issuer, declareAssertion) + status(a.Status) + body + `</samlp:Response>`
}

func (a *Assertion) assertion() string {
	s := `<saml:Assertion` + declareAssertion + attribute("ID", a.ID) + attribute("IssueInstant", stamp(a.IssueInstant)) + ` Version="2.0">` +
		issuer(a.Issuer, "") + `<saml:Subject>`
	if a.NameID != "" {
		s += `<saml:NameID` + attribute("Format", a.Format) + `>` + inText(a.NameID) + `</saml:NameID>`
	}
	s += `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData` + attribute("InResponseTo", a.InResponseTo) +
		attribute("NotOnOrAfter", stamp(a.NotOnOrAfter)) + attribute("Recipient", a.Recipient) + `></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>` +
		`<saml:Conditions` + attribute("NotBefore", stamp(a.NotBefore)) + attribute("NotOnOrAfter", stamp(a.NotOnOrAfter)) + `>`
	if a.Audience != "" {
		s += `<saml:AudienceRestriction><saml:Audience>` + inText(a.Audience) + `</saml:Audience></saml:AudienceRestriction>`
	}
	s += `</saml:Conditions><saml:AuthnStatement` + attribute("AuthnInstant", stamp(a.IssueInstant)) + attribute("SessionIndex", a.SessionIndex) + `><saml:AuthnContext>` +
		`<saml:AuthnContextClassRef>` + password + `</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`
	if len(a.Attributes) > 0 {
		s += `<saml:AttributeStatement>`
		for _, name := range slices.Sorted(maps.Keys(a.Attributes)) {
			s += `<saml:Attribute` + attribute("Name", name) + `>`
			for _, value := range valuesOf(a.Attributes[name]) {
				s += `<saml:AttributeValue>` + inText(value) + `</saml:AttributeValue>`
			}
			s += `</saml:Attribute>`
		}
		s += `</saml:AttributeStatement>`
	}
	return s + `</saml:Assertion>`
}

func valuesOf(value any) []string {
	if list, ok := value.([]string); ok {
		return list
	}
	return []string{fmt.Sprint(value)}
}

// A LogoutAnswer is the answer to a sign-out.
type LogoutAnswer struct {
	ID, Issuer, Destination, InResponseTo, Status string
	IssueInstant                                  time.Time
	To                                            string // where it is posted to; empty for where it should be
}

func (a *LogoutAnswer) xml(key *rsa.PrivateKey) string {
	return signed(`<samlp:LogoutResponse`+declareProtocol+attribute("Destination", a.Destination)+attribute("ID", a.ID)+attribute("InResponseTo", a.InResponseTo)+
		attribute("IssueInstant", stamp(a.IssueInstant))+` Version="2.0">`+issuer(a.Issuer, declareAssertion)+status(a.Status)+`</samlp:LogoutResponse>`, a.ID, key)
}

func issuer(name, declare string) string {
	return `<saml:Issuer` + declare + `>` + inText(name) + `</saml:Issuer>`
}

func status(code string) string {
	return `<samlp:Status><samlp:StatusCode` + attribute("Value", code) + `></samlp:StatusCode></samlp:Status>`
}

// signed puts an enveloped signature after the issuer of an element. A nil key signs nothing.
func signed(element, id string, key *rsa.PrivateKey) string {
	if key == nil {
		return element
	}
	digest := sha256.Sum256([]byte(element))
	info := `><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference` + attribute("URI", "#"+id) + `><ds:Transforms>` +
		`<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>` + base64.StdEncoding.EncodeToString(digest[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	sum := sha256.Sum256([]byte(`<ds:SignedInfo` + declareSignature + info))
	value, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is good
	}
	signature := `<ds:Signature` + declareSignature + `><ds:SignedInfo` + info + `<ds:SignatureValue>` + base64.StdEncoding.EncodeToString(value) + `</ds:SignatureValue></ds:Signature>`
	before, after, _ := strings.Cut(element, `</saml:Issuer>`)
	return before + `</saml:Issuer>` + signature + after
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// attribute is an attribute with a blank before it, or nothing if it is empty.
func attribute(name, value string) string {
	if value == "" {
		return ""
	}
	return ` ` + name + `="` + inAttribute(value) + `"`
}

// inText and inAttribute escape as canonical XML does.
func inText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;").Replace(s)
}

func inAttribute(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;").Replace(s)
}

// A samlRequest is a request of a service provider.
type samlRequest struct {
	XMLName      xml.Name
	ID           string `xml:"ID,attr"`
	Destination  string `xml:"Destination,attr"`
	ACS          string `xml:"AssertionConsumerServiceURL,attr"`
	Issuer       string `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	NameID       string `xml:"urn:oasis:names:tc:SAML:2.0:assertion NameID"`
	SessionIndex string `xml:"urn:oasis:names:tc:SAML:2.0:protocol SessionIndex"`
}

// maxRequest is how large a request may be, in bytes.
const maxRequest = 64 << 10

// document is the request in a query, or in a form where that is expected.
func (p *SAML) document(r *http.Request, posted bool) ([]byte, error) {
	if posted {
		return base64.StdEncoding.DecodeString(r.PostForm.Get("SAMLRequest"))
	}
	deflated, err := base64.StdEncoding.DecodeString(r.URL.Query().Get("SAMLRequest"))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(deflated)), maxRequest))
}

// request reads a request that came to a path.
func (p *SAML) request(r *http.Request, kind, path string, sp *ServiceProvider, mustBeSigned bool) (*samlRequest, error) {
	doc, err := p.document(r, path == "/slo" && p.LogoutByPost)
	if err != nil {
		return nil, err
	}
	q := &samlRequest{}
	if err := xml.Unmarshal(doc, q); err != nil {
		return nil, err
	}
	if q.XMLName.Local != kind || q.ID == "" || q.Destination != p.URL()+path {
		return nil, fmt.Errorf("a %s with the id %q for %q", q.XMLName.Local, q.ID, q.Destination)
	}
	if !strings.HasPrefix(q.Issuer, "urn:amazon:cognito:sp:") || sp.EntityID != "" && q.Issuer != sp.EntityID {
		return nil, fmt.Errorf("the issuer is %q", q.Issuer)
	}
	if mustBeSigned {
		err = checkQuery(r.URL.RawQuery, sp)
	}
	return q, err
}

// checkQuery verifies the signature of a query (SAML bindings, section 3.4.4.1).
func checkQuery(query string, sp *ServiceProvider) error {
	at := strings.Index(query, "SAMLRequest=")
	covered, signature, ok := strings.Cut(query[max(at, 0):], "&Signature=")
	if at < 0 || !ok || !strings.Contains(covered, "&SigAlg="+url.QueryEscape("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")) {
		return errors.New("the request is not signed")
	}
	unescaped, err := url.QueryUnescape(signature)
	if err != nil {
		return err
	}
	value, err := base64.StdEncoding.DecodeString(unescaped)
	if err != nil {
		return err
	}
	key, ok := sp.Certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the key of the service provider is not one of RSA")
	}
	sum := sha256.Sum256([]byte(covered))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], value)
}
