package idpool

import (
	"context"
	"errors"
	"time"
)

// Logins by SAML. The package knows no XML: a verifier that the program joins does the work.

// A SAMLVerifier verifies responses of SAML providers.
type SAMLVerifier interface {
	// VerifySAML verifies a response, in base64, of the provider that the metadata describe, at the time now. Its errors are [ErrTokenUnverified],
	// and [ErrTokenExpired] for one that was good once.
	VerifySAML(ctx context.Context, metadata, response string, now time.Time) (*Assertion, error)
	// CheckMetadata returns an error that says what is wrong with the metadata of a provider.
	CheckMetadata(metadata string, now time.Time) error
}

// An Assertion is what a verified response says.
type Assertion struct {
	Subject    string              // the NameID
	Issuer     string              // the entity id of the provider
	Audience   string              // whom the response is for
	Attributes map[string][]string // the values, by the name of the attribute
}

// Attributes of SAML assertions that the service knows.
const (
	samlRole = "https://aws.amazon.com/SAML/Attributes/Role"
	samlName = "nameidentifier"
)

func (s *Service) verifySAML(ctx context.Context, arn, raw string) (*proof, error) {
	p, err := s.provider(ctx, arn)
	if err != nil {
		return nil, err
	}
	if p == nil || p.SAML == nil || s.o.SAML == nil {
		s.o.Logger.WarnContext(ctx, "a login was refused: the provider is not set up", "provider", arn, "hint", "cognate provider set")
		return nil, ErrUnsupportedProvider
	}
	a, err := s.o.SAML.VerifySAML(ctx, p.SAML.Metadata, raw, s.now())
	switch {
	case errors.Is(err, ErrTokenExpired), errors.Is(err, ErrTokenUnverified):
		s.o.Logger.InfoContext(ctx, "a SAML response was refused", "provider", arn, "error", err)
		return nil, ErrTokenUnverified
	case err != nil:
		return nil, err
	}
	if !within(a.Subject, 1, maxSubject) {
		return nil, about(ErrTokenClaim, "NameID")
	}
	claims := map[string]any{}
	for name, values := range a.Attributes {
		all := make([]any, len(values))
		for i, v := range values {
			all[i] = v
		}
		if len(all) == 1 {
			claims[name] = all[0]
			continue
		}
		claims[name] = all
	}
	// No attribute takes the place of what the assertion says itself.
	claims[samlName], claims["sub"], claims["aud"], claims["iss"] = a.Subject, a.Subject, a.Audience, a.Issuer
	return &proof{
		kind: proofSAML, login: login{arn, a.Subject}, client: a.Audience, claims: claims, mapping: arn,
		method: arn + ":" + a.Audience + ":" + a.Subject,
	}, nil
}
