package idpool

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// Providers of IAM: what the ARN of an OIDC or SAML provider in the settings of a pool stands for. With the service they are objects
// of IAM. Here an operator sets them up.

// A Provider is an OIDC or SAML provider that identity pools name by its ARN.
type Provider struct {
	// ARN is arn:aws:iam::ACCOUNT:oidc-provider/ISSUER, where the issuer is without https://, or arn:aws:iam::ACCOUNT:saml-provider/NAME.
	ARN      string        `json:"arn"`
	Created  time.Time     `json:"created"`        // when it was set first
	Modified time.Time     `json:"modified"`       // when it was set last
	OIDC     *OIDCProvider `json:"oidc,omitempty"` // of an OIDC provider, and nil for others
	SAML     *SAMLProvider `json:"saml,omitempty"` // of a SAML provider, and nil for others
}

// An OIDCProvider says whose tokens count.
type OIDCProvider struct {
	// ClientIDs are the clients that tokens must be for: their azp, or else their aud. 1 to 100.
	ClientIDs []string `json:"clientIds"`
	// Issuer is the iss of tokens, if it is not https:// and what the ARN says: for a provider of tests, by http.
	Issuer string `json:"issuer,omitempty"`
	// JWKS is the URL of the keys, if the issuer has no discovery document.
	JWKS string `json:"jwks,omitempty"`
}

// A SAMLProvider has the metadata of a SAML provider.
type SAMLProvider struct {
	Metadata string `json:"metadata"` // the document, XML
}

// maxClientIDs is how many clients a provider has at most. It is IAM's quota.
const maxClientIDs = 100

// Providers has what an operator may do with providers of IAM.
type Providers struct{ s *Service }

// Providers returns a handle on the providers of IAM.
func (s *Service) Providers() Providers { return Providers{s} }

// Set makes a provider, or replaces it. It returns [ErrInvalid] for one that is invalid.
func (ps Providers) Set(ctx context.Context, p Provider) error {
	s := ps.s
	if err := s.checkProvider(&p); err != nil {
		return err
	}
	ev, err := s.operated(ctx, EventProviderChanged, SubjectProvider, p.ARN, nil)
	if err != nil {
		return err
	}
	now := s.now()
	return s.store.Update(ctx, func(tx store.Tx) error {
		next := p
		next.Created, next.Modified = now, now
		old, err := providerRecords.Get(tx, store.Key(p.ARN))
		switch {
		case err == nil:
			next.Created = old.Created
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := providerRecords.Put(tx, &next); err != nil {
			return err
		}
		return identity.InsertEvent(tx, ev)
	})
}

func (s *Service) checkProvider(p *Provider) error {
	switch {
	case oidcForm().MatchString(p.ARN) && p.OIDC != nil && p.SAML == nil:
		return p.OIDC.check()
	case samlForm().MatchString(p.ARN) && p.SAML != nil && p.OIDC == nil:
		if s.o.SAML == nil {
			return invalid("This program does not verify SAML.")
		}
		if err := s.o.SAML.CheckMetadata(p.SAML.Metadata, s.now()); err != nil {
			return invalid("The metadata of the SAML provider are invalid: %v", err)
		}
		return nil
	default:
		return invalid("A provider has the ARN of an oidc-provider and client ids, or that of a saml-provider and metadata.")
	}
}

func (p *OIDCProvider) check() error {
	if len(p.ClientIDs) < 1 || len(p.ClientIDs) > maxClientIDs {
		return invalid("An OIDC provider has 1 to %d client ids.", maxClientIDs)
	}
	for _, id := range p.ClientIDs {
		if !within(id, 1, 255) {
			return invalid("The client id %.255q is invalid.", id)
		}
	}
	for _, url := range []string{p.Issuer, p.JWKS} {
		if url != "" && (!within(url, 8, 2048) || !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") || strings.ContainsAny(url, " ?#")) {
			return invalid("The URL %.255q is invalid.", url)
		}
	}
	return nil
}

// Get returns a provider, or [ErrProviderNotFound].
func (ps Providers) Get(ctx context.Context, arn string) (*Provider, error) {
	p, err := ps.s.provider(ctx, arn)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, about(ErrProviderNotFound, "%s", arn)
	}
	return p, nil
}

// Delete deletes a provider. Pools that name it take no tokens of it then.
func (ps Providers) Delete(ctx context.Context, arn string) error {
	s := ps.s
	ev, err := s.operated(ctx, EventProviderDeleted, SubjectProvider, arn, nil)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx store.Tx) error {
		ok, err := providerRecords.Delete(tx, store.Key(arn))
		if err != nil {
			return err
		}
		if !ok {
			return about(ErrProviderNotFound, "%s", arn)
		}
		return identity.InsertEvent(tx, ev)
	})
}

// List returns all providers, by ARN.
func (ps Providers) List(ctx context.Context) (out []*Provider, err error) {
	err = ps.s.store.View(ctx, func(r store.Reader) error {
		out = nil
		for p, err := range providerRecords.Scan(r, store.Range{}) {
			if err != nil {
				return err
			}
			out = append(out, p)
		}
		return nil
	})
	return out, err
}

// provider reads a provider. It is nil if there is none.
func (s *Service) provider(ctx context.Context, arn string) (p *Provider, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		p, err = providerRecords.Get(r, store.Key(arn))
		if errors.Is(err, store.ErrNotFound) {
			p, err = nil, nil
		}
		return err
	})
	return p, err
}
