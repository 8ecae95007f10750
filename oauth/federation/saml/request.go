package saml

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"

	crewjam "github.com/crewjam/saml"
)

// A Request is a message that a browser takes to the identity provider.
type Request struct {
	// ID is the id of the message: _ and a UUID. The answer names it. Keep it with the browser's state.
	ID string
	// URL is where to send the browser: by a redirect, or by a form with the fields of Form.
	URL string
	// Form are the fields that the browser posts to URL. Nil for a redirect.
	Form map[string]string
}

// MaxRelayState is the greatest length of RelayState, in bytes. The standard says 80, which neither the service nor
// identity providers keep to.
const MaxRelayState = 8192

// AuthnRequest returns a request for sign-in with an id of [NewID]. The identity provider returns relayState with its
// response, as it is. It must say nothing to others, and the browser may change it.
func (p *Provider) AuthnRequest(id, relayState string) (*Request, error) {
	if err := checkRelayState(relayState); err != nil {
		return nil, err
	}
	now := p.c.Now()
	sp := p.library(nil, now)
	r := crewjam.AuthnRequest{
		ID:                          id,
		Version:                     "2.0",
		IssueInstant:                now.UTC(),
		Destination:                 p.c.IdP.SSORedirect,
		Issuer:                      &crewjam.Issuer{Value: sp.EntityID},
		AssertionConsumerServiceURL: p.c.ACS,
		ProtocolBinding:             crewjam.HTTPPostBinding,
	}
	u, err := r.Redirect(relayState, sp)
	return request(r.ID, u, err)
}

func checkRelayState(relayState string) error {
	if len(relayState) > MaxRelayState {
		return fmt.Errorf("%w: a RelayState of more than %d bytes", ErrMalformed, MaxRelayState)
	}
	return nil
}

func request(id string, u *url.URL, err error) (*Request, error) {
	if err != nil {
		return nil, fmt.Errorf("saml: request: %w", err)
	}
	return &Request{ID: id, URL: u.String()}, nil
}

// NewID returns the id of a new request: _ and a random UUID, as the service's ids look.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it cannot fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("_%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// keyInfo returns a certificate as metadata holds it.
func keyInfo(c *x509.Certificate) crewjam.KeyInfo {
	data := base64.StdEncoding.EncodeToString(c.Raw)
	return crewjam.KeyInfo{X509Data: crewjam.X509Data{X509Certificates: []crewjam.X509Certificate{{Data: data}}}}
}
