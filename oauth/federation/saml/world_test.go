package saml_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	"github.com/crewjam/saml/xmlenc"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/cognate-id/cognate/oauth/federation/saml"
)

const (
	idpID     = "https://idp.example.com/saml"
	poolID    = "eu-west-1_Abc123"
	spID      = "urn:amazon:cognito:sp:" + poolID
	acs       = "https://auth.example.com/saml2/idpresponse"
	logout    = "https://auth.example.com/saml2/logout"
	requestID = "_request"
	alice     = "alice@example.com"
	mallory   = "mallory@evil.example"
)

// start is the time of every test.
var start = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// A pair is a key with a certificate of itself.
type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// newPair takes the next key of the file. Keys are kept in a file, because the processes of a fuzz target must agree on them.
func newPair(file *[]byte, from, to time.Time) pair {
	block, rest := pem.Decode(*file)
	*file = rest
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	key := private.(*rsa.PrivateKey)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return pair{key, cert}
}

// pairs are made once: our key, those of two identity providers, and one that has expired.
var pairs = sync.OnceValue(func() (p struct{ sp, idp, next, other, expired pair }) {
	file, err := os.ReadFile("testdata/keys.pem")
	if err != nil {
		panic(err)
	}
	from, to := start.AddDate(-1, 0, 0), start.AddDate(9, 0, 0)
	for _, next := range []*pair{&p.sp, &p.idp, &p.next, &p.other} {
		*next = newPair(&file, from, to)
	}
	p.expired = newPair(&file, from, start.AddDate(0, -1, 0))
	return p
})

func config() saml.Config {
	return saml.Config{
		PoolID: poolID, ACS: acs, Logout: logout,
		IdP: &saml.Metadata{
			EntityID: idpID, SSORedirect: "https://idp.example.com/sso?x=1", SLORedirect: "https://idp.example.com/slo",
			Keys: []*x509.Certificate{pairs().next.cert, pairs().idp.cert},
		},
		SigningKey: pairs().sp.key, SigningCertificate: pairs().sp.cert,
		DecryptionKeys: []*rsa.PrivateKey{pairs().sp.key}, EncryptionCertificate: pairs().sp.cert,
		Now: func() time.Time { return start },
	}
}

func newProvider(t testing.TB, change func(*saml.Config)) *saml.Provider {
	t.Helper()
	c := config()
	if change != nil {
		change(&c)
	}
	p, err := saml.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A message is a response that an identity provider makes. What is not set is as it should be.
type message struct {
	id, assertionID, issuer, assertionIssuer, audience, recipient, destination string
	responseTo, confirmTo, status, version, assertionVersion, method           string
	nameID, conditions, statement, attributes, extensions, confirmations       string // XML
	issued, responseIssued, notBefore, notOnOrAfter, confirmEnd                time.Time
	signResponse, leaveAssertion                                               bool
	algorithm                                                                  string
	signer                                                                     pair
	encrypt                                                                    xmlenc.Encrypter
}

func valid() message {
	return message{
		id: "_response", assertionID: "_assertion", issuer: idpID, assertionIssuer: idpID, audience: spID, recipient: acs, destination: acs,
		responseTo: requestID, confirmTo: requestID, status: crewjam.StatusSuccess, version: "2.0", assertionVersion: "2.0",
		method: "urn:oasis:names:tc:SAML:2.0:cm:bearer", nameID: `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">` + alice + `</saml:NameID>`,
		statement: `<saml:AuthnStatement AuthnInstant="2026-11-30T11:59:00Z" SessionIndex="_session"><saml:AuthnContext>` +
			`<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`,
		attributes: `<saml:Attribute Name="email"><saml:AttributeValue>` + alice + `</saml:AttributeValue></saml:Attribute>` +
			`<saml:Attribute Name="groups"><saml:AttributeValue>a</saml:AttributeValue><saml:AttributeValue>b</saml:AttributeValue></saml:Attribute>`,
		issued: start, responseIssued: start, notBefore: start.Add(-time.Minute), notOnOrAfter: start.Add(5 * time.Minute), confirmEnd: start.Add(5 * time.Minute),
		algorithm: dsig.RSASHA256SignatureMethod, signer: pairs().idp,
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// attr is an attribute, or nothing if it is empty.
func attr(name, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf(` %s="%s"`, name, value)
}

func (m message) assertion() *etree.Element {
	audience := ""
	if m.audience != "" {
		audience = `<saml:AudienceRestriction><saml:Audience>` + m.audience + `</saml:Audience></saml:AudienceRestriction>`
	}
	return element(`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"` + attr("ID", m.assertionID) + attr("Version", m.assertionVersion) + attr("IssueInstant", stamp(m.issued)) + `>` +
		`<saml:Issuer>` + m.assertionIssuer + `</saml:Issuer><saml:Subject>` + m.nameID + `<saml:SubjectConfirmation` + attr("Method", m.method) + `>` +
		`<saml:SubjectConfirmationData` + attr("InResponseTo", m.confirmTo) + attr("Recipient", m.recipient) + attr("NotOnOrAfter", stamp(m.confirmEnd)) + `/>` +
		`</saml:SubjectConfirmation>` + m.confirmations + `</saml:Subject>` +
		`<saml:Conditions` + attr("NotBefore", stamp(m.notBefore)) + attr("NotOnOrAfter", stamp(m.notOnOrAfter)) + `>` + audience + m.conditions + `</saml:Conditions>` +
		m.statement + `<saml:AttributeStatement>` + m.attributes + `</saml:AttributeStatement></saml:Assertion>`)
}

// tree is the signed message.
func (m message) tree() *etree.Element {
	root := element(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"` +
		attr("ID", m.id) + attr("Version", m.version) + attr("IssueInstant", stamp(m.responseIssued)) + attr("Destination", m.destination) + attr("InResponseTo", m.responseTo) + `>` +
		`<saml:Issuer>` + m.issuer + `</saml:Issuer>` + m.extensions + `<samlp:Status><samlp:StatusCode Value="` + m.status + `"/></samlp:Status></samlp:Response>`)
	if m.status == crewjam.StatusSuccess {
		a := m.assertion()
		if !m.leaveAssertion {
			sign(a, m.signer, m.algorithm)
		}
		if m.encrypt != nil {
			a = encrypted(a, m.encrypt)
		}
		root.AddChild(a)
	}
	if m.signResponse {
		sign(root, m.signer, m.algorithm)
	}
	return root
}

func (m message) xml() string { return text(m.tree()) }

func element(s string) *etree.Element {
	d := etree.NewDocument()
	if err := d.ReadFromString(s); err != nil {
		panic(err)
	}
	return d.Root()
}

func text(el *etree.Element) string {
	d := etree.NewDocument()
	d.SetRoot(el.Copy())
	s, err := d.WriteToString()
	if err != nil {
		panic(err)
	}
	return s
}

// A remembering key signs the same only once: most forgeries have the same assertion in them.
type remembering struct {
	*rsa.PrivateKey
}

// signed are the signatures that remembering keys have made.
var signed sync.Map

func (k remembering) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	at := struct {
		key    *rsa.PrivateKey
		digest string
		opts   crypto.SignerOpts
	}{k.PrivateKey, string(digest), opts}
	if known, ok := signed.Load(at); ok {
		return known.([]byte), nil
	}
	value, err := k.PrivateKey.Sign(random, digest, opts)
	if err == nil {
		signed.Store(at, value)
	}
	return value, err
}

// sign adds an enveloped signature after the issuer.
func sign(el *etree.Element, by pair, method string) {
	c, err := dsig.NewSigningContext(remembering{by.key}, [][]byte{by.cert.Raw})
	if err != nil {
		panic(err)
	}
	c.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := c.SetSignatureMethod(method); err != nil {
		panic(err)
	}
	sig, err := c.ConstructSignature(el, true)
	if err != nil {
		panic(err)
	}
	el.InsertChildAt(1, sig)
}

func encrypted(a *etree.Element, by xmlenc.Encrypter) *etree.Element {
	data, err := by.Encrypt(pairs().sp.cert, []byte(text(a)), nil)
	if err != nil {
		panic(err)
	}
	out := element(`<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>`)
	out.AddChild(data)
	return out
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// evil is an assertion for somebody else, which nobody has signed.
func evil() *etree.Element {
	m := valid()
	m.assertionID = "_evil"
	m.nameID = strings.ReplaceAll(m.nameID, alice, mallory)
	return m.assertion()
}
