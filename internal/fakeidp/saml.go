package fakeidp

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"html/template"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A SAML is a SAML 2.0 identity provider. Make one with [NewSAML]. It signs by code of its own (samlmessage.go), so that a mistake of
// what verifies its messages is not in them too.
//
//	idp := fakeidp.NewSAML()
//	idp.Serve(httptest.NewServer(idp).URL)
//	settings.Details = idp.Details()
//
// Whoever comes is signed in as the user that was set, without a page. It takes requests at /sso and /slo by HTTP-Redirect, and begins a
// sign-in by itself at /init.
type SAML struct {
	// Key signs. Certificate is of it.
	Key         *rsa.PrivateKey
	Certificate *x509.Certificate
	// Ask shows a page on which whoever comes says who they are, in place of the user that was set. Title is its heading.
	Ask   bool
	Title string
	// LogoutByPost takes requests to sign out by HTTP-POST. Their signatures are not verified.
	LogoutByPost bool
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time

	mu       sync.Mutex
	url      string
	user     map[string]any
	wrong    MisbehaveSAML
	sp       ServiceProvider
	sessions map[string]string // the NameID by index
	last     string            // the last response, encoded
	lastACS  string            // where it was posted to
	seen     map[string]int
}

// A ServiceProvider is whom a [SAML] trusts.
type ServiceProvider struct {
	// EntityID is its name. Empty for any with the form of a user pool's.
	EntityID string
	// ACS is where a sign-in without a request is posted to, and where those with one must be posted to. Empty for anywhere.
	ACS string
	// Logout is where answers to sign-outs are posted to. Empty for /saml2/logout on the host of the ACS that came last.
	Logout string
	// Certificate is of the key that signs its requests, which must be signed then. Nil for requests that are not verified.
	Certificate *x509.Certificate
}

// MisbehaveSAML are ways in which a [SAML] can be wrong. The zero value changes nothing.
type MisbehaveSAML struct {
	// Assertion changes what is about to be signed and sent.
	Assertion func(*Assertion)
	// Unsigned leaves the signature out, of assertions and of answers to sign-outs. Key signs in place of the provider's.
	Unsigned bool
	Key      *rsa.PrivateKey
	// Replay posts the last response again. Tamper changes a message after it was signed.
	Replay bool
	Tamper func(xml string) string
	// RelayState changes what is sent back of it.
	RelayState func(string) string
	// Logout changes the answer to a sign-out. NoLogout gives a page in place of the answer.
	Logout   func(*LogoutAnswer)
	NoLogout bool
}

// NewSAML returns a provider with the key that each provider of the process begins with.
func NewSAML() *SAML {
	p := &SAML{Key: firstKey(), Now: time.Now, sessions: map[string]string{}, seen: map[string]int{}}
	p.Certificate = Certify(p.Key, "fake identity provider", time.Now().Add(-time.Hour), time.Now().AddDate(10, 0, 0))
	return p
}

// Certify makes a certificate of a key by itself.
func Certify(key crypto.Signer, name string, from, to time.Time) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		panic(err)
	}
	cert := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		panic(err) // the key is good
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		panic(err)
	}
	return cert
}

func (p *SAML) locked(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

// Serve says at which URL the provider is reached.
func (p *SAML) Serve(at string) { p.locked(func() { p.url = at }) }

// URL is where the provider is.
func (p *SAML) URL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.url
}

// EntityID is the name of the provider.
func (p *SAML) EntityID() string { return p.URL() + "/metadata" }

// SetUser sets who signs in: "sub" is the NameID, and all else are attributes, each a value or a list of strings.
func (p *SAML) SetUser(claims map[string]any) { p.locked(func() { p.user = claims }) }

// Misbehave sets in which ways the provider is wrong.
func (p *SAML) Misbehave(m MisbehaveSAML) { p.locked(func() { p.wrong = m }) }

// Trust sets the service provider.
func (p *SAML) Trust(sp ServiceProvider) { p.locked(func() { p.sp = sp }) }

// Sessions is how many people are signed in at the provider.
func (p *SAML) Sessions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}

// Requests is how many requests there were for a path.
func (p *SAML) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[path]
}

// Metadata is the metadata document, with further certificates of keys that may sign.
func (p *SAML) Metadata(more ...*x509.Certificate) string {
	at := p.URL()
	doc := `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + inAttribute(at+"/metadata") + `">` +
		`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`
	for _, c := range append([]*x509.Certificate{p.Certificate}, more...) {
		doc += `<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` +
			base64.StdEncoding.EncodeToString(c.Raw) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`
	}
	binding := "HTTP-Redirect"
	if p.LogoutByPost {
		binding = "HTTP-POST"
	}
	return doc + `<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:` + binding + `" Location="` + inAttribute(at+"/slo") + `"/>` +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` + inAttribute(at+"/sso") + `"/>` +
		`</IDPSSODescriptor></EntityDescriptor>`
}

// Details returns the details by which a pool reaches the provider. Requests are signed, and people are signed out here too.
func (p *SAML) Details() map[string]string {
	return map[string]string{"MetadataFile": p.Metadata(), "RequestSigningAlgorithm": "rsa-sha256", "IDPSignout": "true"}
}

// ServeHTTP implements [http.Handler].
func (p *SAML) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.locked(func() { p.seen[r.URL.Path]++ })
	var err error
	switch r.URL.Path {
	case "/metadata":
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		_, err = w.Write([]byte(p.Metadata()))
	case "/sso":
		err = p.signIn(w, r)
	case "/slo":
		err = p.signOut(w, r)
	case "/init":
		err = p.begin(w, r)
	default:
		http.NotFound(w, r)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// signIn answers a request to sign in.
func (p *SAML) signIn(w http.ResponseWriter, r *http.Request) error {
	sp := p.trusted()
	q, err := p.request(r, "AuthnRequest", "/sso", &sp, sp.Certificate != nil)
	if err != nil {
		return err
	}
	if q.ACS == "" || sp.ACS != "" && q.ACS != sp.ACS {
		return fmt.Errorf("the AssertionConsumerServiceURL is %q", q.ACS)
	}
	return p.respond(w, r, q.Issuer, q.ACS, q.ID)
}

// begin begins a sign-in without a request: RelayState, sp and acs are in the query. The latter two default to those that are trusted.
func (p *SAML) begin(w http.ResponseWriter, r *http.Request) error {
	sp := p.trusted()
	issuer, acs := r.Form.Get("sp"), r.Form.Get("acs")
	if issuer == "" {
		issuer = sp.EntityID
	}
	if acs == "" {
		acs = sp.ACS
	}
	if issuer == "" || acs == "" || sp.ACS != "" && acs != sp.ACS {
		return fmt.Errorf("no service provider %q at %q", issuer, acs)
	}
	return p.respond(w, r, issuer, acs, "")
}

func (p *SAML) trusted() ServiceProvider {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sp
}

// respond has the browser post a response about the user.
func (p *SAML) respond(w http.ResponseWriter, r *http.Request, audience, acs, requestID string) error {
	if p.Ask && r.Method != http.MethodPost {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		return askPage.Execute(w, p.Title)
	}
	p.mu.Lock()
	user, wrong, last := p.user, p.wrong, p.last
	p.mu.Unlock()
	if p.Ask {
		user = asked(r)
		delete(user, "apple_user")
	}
	a := p.assertion(user, audience, acs, requestID)
	if wrong.Assertion != nil {
		wrong.Assertion(a)
	}
	encoded := p.encode(a.xml(p.signer(&wrong)), &wrong)
	if wrong.Replay && last != "" {
		encoded = last
	}
	p.locked(func() { p.last, p.lastACS, p.sessions[a.SessionIndex] = encoded, acs, a.NameID })
	relayState := r.Form.Get("RelayState")
	if wrong.RelayState != nil {
		relayState = wrong.RelayState(relayState)
	}
	return post(w, acs, encoded, relayState)
}

// signOut answers a request to sign out.
func (p *SAML) signOut(w http.ResponseWriter, r *http.Request) error {
	sp := p.trusted()
	q, err := p.request(r, "LogoutRequest", "/slo", &sp, sp.Certificate != nil && !p.LogoutByPost)
	if err != nil {
		return err
	}
	p.mu.Lock()
	wrong := p.wrong
	if sp.Logout == "" {
		sp.Logout = strings.TrimSuffix(p.lastACS, "/idpresponse") + "/logout"
	}
	name, ok := p.sessions[q.SessionIndex]
	if ok && name == q.NameID {
		delete(p.sessions, q.SessionIndex)
	}
	p.mu.Unlock()
	if wrong.NoLogout {
		_, err := w.Write([]byte("You have signed out."))
		return err
	}
	answer := &LogoutAnswer{ID: "_" + rand.Text(), Issuer: p.EntityID(), Destination: sp.Logout, InResponseTo: q.ID, Status: statusSuccess, IssueInstant: p.Now()}
	if !ok || name != q.NameID {
		answer.Status = statusRequester
	}
	if wrong.Logout != nil {
		wrong.Logout(answer)
	}
	to := answer.To
	if to == "" {
		to = sp.Logout
	}
	return post(w, to, p.encode(answer.xml(p.signer(&wrong)), &wrong), r.Form.Get("RelayState"))
}

// signer is the key that signs, or nil for none.
func (p *SAML) signer(wrong *MisbehaveSAML) *rsa.PrivateKey {
	switch {
	case wrong.Unsigned:
		return nil
	case wrong.Key != nil:
		return wrong.Key
	}
	return p.Key
}

func (p *SAML) encode(xml string, wrong *MisbehaveSAML) string {
	if wrong.Tamper != nil {
		xml = wrong.Tamper(xml)
	}
	return base64.StdEncoding.EncodeToString([]byte(xml))
}

// post is a page that has the browser post a message.
func post(w http.ResponseWriter, to, message, relayState string) error {
	if !strings.HasPrefix(to, "https://") && !strings.HasPrefix(to, "http://") {
		return fmt.Errorf("nowhere to post to: %q", to)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fields := url.Values{"SAMLResponse": {message}}
	if relayState != "" {
		fields.Set("RelayState", relayState)
	}
	return formPost.Execute(w, map[string]any{"To": template.URL(to), "Fields": fields}) //nolint:gosec // it was checked above
}
