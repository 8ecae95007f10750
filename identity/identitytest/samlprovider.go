package identitytest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fakeidp"
)

// addSAML starts a fake SAML provider, and makes it trust the pool.
func (s *Server) addSAML(name string) *Provider {
	s.t.Helper()
	idp := fakeidp.NewSAML()
	front := httptest.NewServer(idp)
	s.t.Cleanup(front.Close)
	idp.Serve(front.URL)
	idp.SetUser(map[string]any{"sub": "subject-1", "email": "ann@example.com", "email_verified": true, "name": "Ann Arbor"})
	s.setProvider(identity.ProviderSAML, name, idp.Details())
	text, err := s.Pool().Admin().Providers().SigningCertificate(s.t.Context())
	var der []byte
	if err == nil {
		der, err = base64.StdEncoding.DecodeString(text)
	}
	var cert *x509.Certificate
	if err == nil {
		cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		s.t.Fatalf("identitytest: add provider %q: %v", name, err)
	}
	idp.Trust(fakeidp.ServiceProvider{
		EntityID: "urn:amazon:cognito:sp:" + s.PoolID, ACS: s.URL + "/saml2/idpresponse", Logout: s.URL + "/saml2/logout", Certificate: cert,
	})
	return &Provider{Name: name, URL: front.URL, s: s, saml: idp}
}

// The ways in which a SAML provider can be wrong, beside [ForgedSignature], [WrongIssuer], [WrongAudience], [WrongState] and [Refusal].
const (
	UnsignedAssertion  Misbehavior = "unsigned assertion"   // nothing of the response is signed
	TamperedAssertion  Misbehavior = "tampered assertion"   // the response was changed after it was signed
	WrongRecipient     Misbehavior = "wrong recipient"      // the assertion is for another URL
	WrongDestination   Misbehavior = "wrong destination"    // the response is
	ExpiredAssertion   Misbehavior = "expired assertion"    // the assertion ended an hour ago
	EarlyAssertion     Misbehavior = "early assertion"      // the assertion is valid in an hour
	ReplayedAssertion  Misbehavior = "replayed assertion"   // the response is the last one again, if there was one
	WrongInResponseTo  Misbehavior = "wrong in response to" // the response is to another request
	NoInResponseTo     Misbehavior = "no in response to"    // the response is to none
	TransientNameID    Misbehavior = "transient name id"    // the NameID is another each time, so each sign-in makes a user
	NoNameID           Misbehavior = "no name id"           // the assertion is about nobody
	NoAttributes       Misbehavior = "no attributes"        // the assertion has no attribute; that fails if the pool requires one
	LogoutUnsigned     Misbehavior = "logout unsigned"      // the answer to a sign-out is not signed
	LogoutForged       Misbehavior = "logout forged"        // it is signed by another key
	LogoutWrongRequest Misbehavior = "logout wrong request" // it is to another request
	LogoutWrongIssuer  Misbehavior = "logout wrong issuer"  // it is by another provider
	LogoutDestination  Misbehavior = "logout destination"   // it is for another URL
	LogoutFailed       Misbehavior = "logout failed"        // it says that the sign-out has failed
	NoLogoutAnswer     Misbehavior = "no logout answer"     // there is a page of the provider in place of it
)

// otherKey is a key that no provider has said is its own.
var otherKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func misbehaveSAML(way Misbehavior) (m fakeidp.MisbehaveSAML, err error) {
	const other = "https://other.example.com"
	if m, ok := wrongLogouts[way]; ok {
		return m, nil
	}
	switch way {
	case "":
	case ForgedSignature, LogoutForged:
		m.Key, err = otherKey()
	case UnsignedAssertion, LogoutUnsigned:
		m.Unsigned = true
	case TamperedAssertion:
		m.Tamper = func(xml string) string { return strings.Replace(xml, "</saml:NameID>", "x</saml:NameID>", 1) }
	case WrongIssuer:
		m.Assertion = func(a *fakeidp.Assertion) { a.Issuer = other }
	case WrongAudience:
		m.Assertion = func(a *fakeidp.Assertion) { a.Audience = "urn:amazon:cognito:sp:us-east-1_Other" }
	case WrongRecipient:
		m.Assertion = func(a *fakeidp.Assertion) { a.Recipient = other }
	case WrongDestination:
		m.Assertion = func(a *fakeidp.Assertion) { a.Destination = other }
	case ExpiredAssertion:
		m.Assertion = shifted(-time.Hour)
	case EarlyAssertion:
		m.Assertion = shifted(time.Hour)
	case ReplayedAssertion:
		m.Replay = true
	case WrongInResponseTo:
		m.Assertion = func(a *fakeidp.Assertion) { a.InResponseTo = "_other" }
	case NoInResponseTo:
		m.Assertion = func(a *fakeidp.Assertion) { a.InResponseTo = "" }
	case TransientNameID:
		m.Assertion = func(a *fakeidp.Assertion) {
			a.NameID, a.Format = rand.Text(), "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
		}
	case NoNameID:
		m.Assertion = func(a *fakeidp.Assertion) { a.NameID = "" }
	case NoAttributes:
		m.Assertion = func(a *fakeidp.Assertion) { a.Attributes = nil }
	case Refusal:
		m.Assertion = func(a *fakeidp.Assertion) { a.Status = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied" }
	case WrongState:
		m.RelayState = func(string) string { return "another-state" }
	default:
		return m, fmt.Errorf("no way to be wrong is called %q", way)
	}
	return m, err
}

// wrongLogouts are the answers to a sign-out that are wrong in what they say.
var wrongLogouts = map[Misbehavior]fakeidp.MisbehaveSAML{
	LogoutWrongRequest: {Logout: func(a *fakeidp.LogoutAnswer) { a.InResponseTo = "_other" }},
	LogoutWrongIssuer:  {Logout: func(a *fakeidp.LogoutAnswer) { a.Issuer = "https://other.example.com" }},
	LogoutDestination:  {Logout: func(a *fakeidp.LogoutAnswer) { a.Destination = "https://other.example.com" }},
	LogoutFailed:       {Logout: func(a *fakeidp.LogoutAnswer) { a.Status = "urn:oasis:names:tc:SAML:2.0:status:Responder" }},
	NoLogoutAnswer:     {NoLogout: true},
}

// shifted moves the times of an assertion.
func shifted(d time.Duration) func(*fakeidp.Assertion) {
	return func(a *fakeidp.Assertion) {
		a.IssueInstant, a.NotBefore, a.NotOnOrAfter = a.IssueInstant.Add(d), a.NotBefore.Add(d), a.NotOnOrAfter.Add(d)
	}
}

// InitiateURL is where a browser begins a sign-in at a SAML provider: IdP-initiated. relayState are the parameters of RelayState:
// identity_provider, client_id, redirect_uri, response_type and scope. It ends the test for another type of provider.
func (p *Provider) InitiateURL(relayState url.Values) string {
	p.s.t.Helper()
	if p.saml == nil {
		p.s.t.Fatalf("identitytest: %s is no SAML provider", p.Name)
	}
	return p.URL + "/init?" + url.Values{"RelayState": {relayState.Encode()}}.Encode()
}

// SignedIn is how many sign-ins there are at a SAML provider that did not end. It is 0 for other types.
func (p *Provider) SignedIn() int {
	if p.saml == nil {
		return 0
	}
	return p.saml.Sessions()
}
