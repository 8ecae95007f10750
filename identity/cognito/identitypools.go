package cognito

import (
	"context"
	"maps"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/idpool"
)

// Identity pools, as operators make and change them. An identity pool, like a user pool, is found in its own region
// alone, and by access keys that are for it.

// identityHandlers lists what is served of identity pools: nothing without a service for them.
func (s *service) identityHandlers() *fedid.Handlers {
	h := &fedid.Handlers{}
	if s.idpools == nil {
		return h
	}
	// identitypools.go
	h.CreateIdentityPool = s.createIdentityPool
	h.DescribeIdentityPool = s.describeIdentityPool
	h.UpdateIdentityPool = s.updateIdentityPool
	h.DeleteIdentityPool = s.deleteIdentityPool
	h.ListIdentityPools = s.listIdentityPools
	h.TagResource = s.tagIdentityPool
	h.UntagResource = s.untagIdentityPool
	h.ListTagsForResource = s.listTagsOfIdentityPool

	// identityroles.go
	h.SetIdentityPoolRoles = s.setIdentityPoolRoles
	h.GetIdentityPoolRoles = s.getIdentityPoolRoles
	h.SetPrincipalTagAttributeMap = s.setPrincipalTagAttributeMap
	h.GetPrincipalTagAttributeMap = s.getPrincipalTagAttributeMap

	// poolidentities.go
	h.GetId = s.getID
	h.GetCredentialsForIdentity = s.getCredentialsForIdentity
	h.GetOpenIdToken = s.getOpenIDToken
	h.UnlinkIdentity = s.unlinkIdentity
	h.DescribeIdentity = s.describeIdentity
	h.ListIdentities = s.listIdentities
	h.DeleteIdentities = s.deleteIdentities

	// developeridentities.go
	h.GetOpenIdTokenForDeveloperIdentity = s.getOpenIDTokenForDeveloperIdentity
	h.LookupDeveloperIdentity = s.lookupDeveloperIdentity
	h.MergeDeveloperIdentities = s.mergeDeveloperIdentities
	h.UnlinkDeveloperIdentity = s.unlinkDeveloperIdentity
	return h
}

// identityPool returns the id of the pool that an operator's call names, if the call may know of it.
func (s *service) identityPool(ctx context.Context, id *string) (string, error) {
	region := wire.RequestFrom(ctx).Region
	if region != "" && !strings.HasPrefix(text(id), region+":") {
		return "", &idpool.Error{Err: idpool.ErrPoolNotFound, About: text(id)}
	}
	return text(id), permitPool(ctx, text(id))
}

func (s *service) readIdentityPool(ctx context.Context, id *string) (*idpool.Pool, error) {
	name, err := s.identityPool(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.idpools.Pools().Get(ctx, name)
}

func (s *service) createIdentityPool(ctx context.Context, in *fedid.CreateIdentityPoolInput) (*fedid.IdentityPool, error) {
	p, err := s.idpools.Pools().Create(ctx, s.region(ctx), idpool.Settings{
		Name: text(in.IdentityPoolName), Guests: val(in.AllowUnauthenticatedIdentities), Classic: in.AllowClassicFlow,
		Social: tags(in.SupportedLoginProviders), DeveloperProvider: text(in.DeveloperProviderName),
		OIDC: list[string](in.OpenIdConnectProviderARNs), UserPools: userPoolProviders(in.CognitoIdentityProviders),
		SAML: list[string](in.SamlProviderARNs), Tags: tags(in.IdentityPoolTags), Defaults: identity.CognitoDefaults,
	})
	if err != nil {
		return nil, err
	}
	return identityPoolType(p), nil
}

func (s *service) describeIdentityPool(ctx context.Context, in *fedid.DescribeIdentityPoolInput) (*fedid.IdentityPool, error) {
	p, err := s.readIdentityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	return identityPoolType(p), nil
}

// updateIdentityPool replaces the settings: what the request leaves out is unset. Whether tags too is (unsure).
func (s *service) updateIdentityPool(ctx context.Context, in *fedid.IdentityPool) (*fedid.IdentityPool, error) {
	id, err := s.identityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	p, err := s.idpools.Pools().Update(ctx, id, idpool.Settings{
		Name: text(in.IdentityPoolName), Guests: val(in.AllowUnauthenticatedIdentities), Classic: in.AllowClassicFlow,
		Social: tags(in.SupportedLoginProviders), DeveloperProvider: text(in.DeveloperProviderName),
		OIDC: list[string](in.OpenIdConnectProviderARNs), UserPools: userPoolProviders(in.CognitoIdentityProviders),
		SAML: list[string](in.SamlProviderARNs), Tags: tags(in.IdentityPoolTags),
	})
	if err != nil {
		return nil, err
	}
	return identityPoolType(p), nil
}

func (s *service) deleteIdentityPool(ctx context.Context, in *fedid.DeleteIdentityPoolInput) error {
	id, err := s.identityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return err
	}
	return s.idpools.Pools().Delete(ctx, id)
}

// listIdentityPools lists the pools of the caller's region only.
func (s *service) listIdentityPools(ctx context.Context, in *fedid.ListIdentityPoolsInput) (*fedid.ListIdentityPoolsResponse, error) {
	region := s.region(ctx)
	after, err := readPageToken(ctx, "ListIdentityPools", region, in.NextToken)
	if err != nil {
		return nil, err
	}
	key := signer(ctx)
	all := func(yield func(*idpool.Pool, error) bool) {
		for p, err := range s.idpools.Pools().List(ctx, region, after) {
			if err == nil && key != nil && !key.AllowsPool(p.ID) {
				continue
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
	pools, last, err := page(all, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &fedid.ListIdentityPoolsResponse{IdentityPools: []fedid.IdentityPoolShortDescription{}}
	if last != nil {
		out.NextToken = pageToken("ListIdentityPools", region, last.ID)
	}
	for _, p := range pools {
		out.IdentityPools = append(out.IdentityPools, fedid.IdentityPoolShortDescription{IdentityPoolId: ptr(p.ID), IdentityPoolName: ptr(p.Name)})
	}
	return out, nil
}

// identityPoolOf returns the id of the pool that an ARN names.
func (s *service) identityPoolOf(ctx context.Context, arn *string) (string, error) {
	_, name, _ := strings.Cut(text(arn), ":identitypool/")
	id, err := s.identityPool(ctx, &name)
	if err != nil {
		return "", err
	}
	if s.idpools.ARN(id) != text(arn) {
		return "", &idpool.Error{Err: idpool.ErrPoolNotFound, About: name}
	}
	return id, nil
}

func (s *service) tagIdentityPool(ctx context.Context, in *fedid.TagResourceInput) (*fedid.TagResourceResponse, error) {
	id, err := s.identityPoolOf(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	err = s.idpools.Pools().Retag(ctx, id, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &fedid.TagResourceResponse{}, nil
}

func (s *service) untagIdentityPool(ctx context.Context, in *fedid.UntagResourceInput) (*fedid.UntagResourceResponse, error) {
	id, err := s.identityPoolOf(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	err = s.idpools.Pools().Retag(ctx, id, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
	if err != nil {
		return nil, err
	}
	return &fedid.UntagResourceResponse{}, nil
}

func (s *service) listTagsOfIdentityPool(ctx context.Context, in *fedid.ListTagsForResourceInput) (*fedid.ListTagsForResourceResponse, error) {
	id, err := s.identityPoolOf(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	p, err := s.idpools.Pools().Get(ctx, id)
	if err != nil {
		return nil, err
	}
	out := &fedid.ListTagsForResourceResponse{Tags: p.Tags}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}

func userPoolProviders(in []fedid.CognitoIdentityProvider) []idpool.UserPool {
	var out []idpool.UserPool
	for _, u := range in {
		out = append(out, idpool.UserPool{Name: text(u.ProviderName), ClientID: text(u.ClientId), ServerSideTokenCheck: u.ServerSideTokenCheck})
	}
	return out
}

// identityPoolType shows a pool. What was not given is not there.
func identityPoolType(p *idpool.Pool) *fedid.IdentityPool {
	out := &fedid.IdentityPool{
		IdentityPoolId: ptr(p.ID), IdentityPoolName: ptr(p.Name), AllowUnauthenticatedIdentities: ptr(p.Guests), AllowClassicFlow: p.Classic,
		SupportedLoginProviders: p.Social, OpenIdConnectProviderARNs: p.OIDC, SamlProviderARNs: p.SAML, IdentityPoolTags: tags(p.Tags),
	}
	if p.DeveloperProvider != "" {
		out.DeveloperProviderName = ptr(p.DeveloperProvider)
	}
	for _, u := range p.UserPools {
		out.CognitoIdentityProviders = append(out.CognitoIdentityProviders, fedid.CognitoIdentityProvider{
			ProviderName: ptr(u.Name), ClientId: ptr(u.ClientID), ServerSideTokenCheck: u.ServerSideTokenCheck,
		})
	}
	return out
}
