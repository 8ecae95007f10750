package cognito

import (
	"cmp"
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Identity providers. The rules about their details are in package settings, with the service's texts where these are known.

// providers is a handle on the identity providers of the pool that a call names.
func (s *service) providers(ctx context.Context, pool *string) (identity.Providers, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.Providers{}, err
	}
	return p.Admin().Providers(), nil
}

func (s *service) createIdentityProvider(ctx context.Context, in *idp.CreateIdentityProviderRequest) (*idp.CreateIdentityProviderResponse, error) {
	providers, err := s.providers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := providers.Create(ctx, identity.ProviderSettings{
		Name: text(in.ProviderName), Type: identity.ProviderType(val(in.ProviderType)), Details: in.ProviderDetails,
		Mapping: in.AttributeMapping, Identifiers: in.IdpIdentifiers, AcrMapping: in.AcrMapping,
	})
	if err != nil {
		return nil, err
	}
	return &idp.CreateIdentityProviderResponse{IdentityProvider: ptr(providerType(p))}, nil
}

func (s *service) describeIdentityProvider(ctx context.Context, in *idp.DescribeIdentityProviderRequest) (*idp.DescribeIdentityProviderResponse, error) {
	providers, err := s.providers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := providers.Get(ctx, text(in.ProviderName))
	if err != nil {
		return nil, err
	}
	return &idp.DescribeIdentityProviderResponse{IdentityProvider: ptr(providerType(p))}, nil
}

func (s *service) getIdentityProviderByIdentifier(ctx context.Context, in *idp.GetIdentityProviderByIdentifierRequest) (*idp.GetIdentityProviderByIdentifierResponse, error) {
	providers, err := s.providers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := providers.ByIdentifier(ctx, text(in.IdpIdentifier))
	if err != nil {
		return nil, err
	}
	return &idp.GetIdentityProviderByIdentifierResponse{IdentityProvider: ptr(providerType(p))}, nil
}

// updateIdentityProvider replaces what is given as a whole, and leaves the rest.
func (s *service) updateIdentityProvider(ctx context.Context, in *idp.UpdateIdentityProviderRequest) (*idp.UpdateIdentityProviderResponse, error) {
	providers, err := s.providers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := providers.Update(ctx, text(in.ProviderName), func(set *identity.ProviderSettings) error {
		if in.ProviderDetails != nil {
			set.Details = in.ProviderDetails
		}
		if in.AttributeMapping != nil {
			set.Mapping = in.AttributeMapping
		}
		if in.IdpIdentifiers != nil {
			set.Identifiers = in.IdpIdentifiers
		}
		if in.AcrMapping != nil {
			set.AcrMapping = in.AcrMapping
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &idp.UpdateIdentityProviderResponse{IdentityProvider: ptr(providerType(p))}, nil
}

func (s *service) deleteIdentityProvider(ctx context.Context, in *idp.DeleteIdentityProviderRequest) error {
	providers, err := s.providers(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return providers.Delete(ctx, text(in.ProviderName))
}

// providersPage is how many identity providers a page has at most.
const providersPage = 60

func (s *service) listIdentityProviders(ctx context.Context, in *idp.ListIdentityProvidersRequest) (*idp.ListIdentityProvidersResponse, error) {
	providers, err := s.providers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(ctx, "ListIdentityProviders", text(in.UserPoolId), in.NextToken)
	if err != nil {
		return nil, err
	}
	page, last, err := page(providers.List(ctx, after), cmp.Or(in.MaxResults, ptr(int32(providersPage))))
	if err != nil {
		return nil, err
	}
	out := &idp.ListIdentityProvidersResponse{Providers: make([]idp.ProviderDescription, len(page))}
	for i, p := range page {
		out.Providers[i] = idp.ProviderDescription{
			ProviderName: ptr(p.Name), ProviderType: ptr(idp.IdentityProviderTypeType(p.Type)),
			CreationDate: date(p.Created), LastModifiedDate: date(p.Modified),
		}
	}
	if last != nil {
		out.NextToken = pageToken("ListIdentityProviders", text(in.UserPoolId), last.Name)
	}
	return out, nil
}

func (s *service) getSigningCertificate(ctx context.Context, in *idp.GetSigningCertificateRequest) (*idp.GetSigningCertificateResponse, error) {
	providers, err := s.providers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	certificate, err := providers.SigningCertificate(ctx)
	if err != nil {
		return nil, err
	}
	return &idp.GetSigningCertificateResponse{Certificate: ptr(certificate)}, nil
}

// providerType is an identity provider as the service shows it: with its client_secret, and without its private_key.
func providerType(p *identity.Provider) idp.IdentityProviderType {
	details := map[string]string{}
	for key, value := range p.Details {
		if key != "private_key" {
			details[key] = value
		}
	}
	return idp.IdentityProviderType{
		UserPoolId: ptr(p.Pool), ProviderName: ptr(p.Name), ProviderType: ptr(idp.IdentityProviderTypeType(p.Type)), ProviderDetails: details,
		AttributeMapping: p.Mapping, IdpIdentifiers: append([]string{}, p.Identifiers...), AcrMapping: p.AcrMapping,
		CreationDate: date(p.Created), LastModifiedDate: date(p.Modified),
	}
}

func (s *service) adminLinkProviderForUser(ctx context.Context, in *idp.AdminLinkProviderForUserRequest) (*idp.AdminLinkProviderForUserResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().Link(ctx, providerUser(in.DestinationUser), providerUser(in.SourceUser))
}

func (s *service) adminDisableProviderForUser(ctx context.Context, in *idp.AdminDisableProviderForUserRequest) (*idp.AdminDisableProviderForUserResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().Unlink(ctx, providerUser(in.User))
}

func providerUser(in *idp.ProviderUserIdentifierType) identity.ProviderUser {
	if in == nil {
		return identity.ProviderUser{}
	}
	return identity.ProviderUser{Provider: text(in.ProviderName), Attribute: text(in.ProviderAttributeName), Value: text(in.ProviderAttributeValue)}
}
