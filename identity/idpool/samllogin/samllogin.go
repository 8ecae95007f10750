// Package samllogin verifies logins of identity pools by SAML: it joins package idpool, which
// knows no XML, with oauth/federation/saml.
//
//	pools, err := idpool.New(engine, store, &idpool.Options{SAML: &samllogin.Verifier{}})
//
// A response must be for the audience and the recipient that the service has: those which
// identity providers know as the sign-in to AWS. It must not answer a request, as nobody here has made one.
//
// # Caveats
//
// A response counts as often as it comes until it expires, because a client gives it to GetId and then to
// GetCredentialsForIdentity. Whoever has it is the user for that time.
package samllogin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/oauth/federation/saml"
)

// What the service is called by identity providers.
const (
	Audience  = "urn:amazon:webservices"
	Recipient = "https://signin.aws.amazon.com/saml"
)

// A Verifier verifies responses. The zero value is ready.
type Verifier struct {
	// Audience is the audience that responses must be for. Defaults to [Audience].
	Audience string
	// Recipient is the URL that responses must be sent to. Defaults to [Recipient].
	Recipient string
}

// CheckMetadata implements [idpool.SAMLVerifier].
func (v *Verifier) CheckMetadata(metadata string, now time.Time) error {
	_, err := saml.ParseMetadata([]byte(metadata), now)
	return err
}

// VerifySAML implements [idpool.SAMLVerifier].
func (v *Verifier) VerifySAML(_ context.Context, metadata, response string, now time.Time) (*idpool.Assertion, error) {
	idp, err := saml.ParseMetadata([]byte(metadata), now)
	if err != nil {
		return nil, fmt.Errorf("%w: the metadata of the provider: %w", idpool.ErrTokenUnverified, err)
	}
	audience := cmp.Or(v.Audience, Audience)
	p, err := saml.New(saml.Config{
		EntityID: audience, ACS: cmp.Or(v.Recipient, Recipient), IdP: idp, IDPInit: true, Now: func() time.Time { return now },
	})
	if err != nil {
		return nil, err
	}
	a, err := p.Unsolicited(response)
	switch {
	case errors.Is(err, saml.ErrTime):
		return nil, fmt.Errorf("%w: %w", idpool.ErrTokenExpired, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", idpool.ErrTokenUnverified, err)
	}
	return &idpool.Assertion{Subject: a.NameID, Issuer: a.Issuer, Audience: audience, Attributes: a.Attributes}, nil
}
