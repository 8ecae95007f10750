package cognito

import (
	"cmp"
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Resource servers and their scopes. The rules are in package settings, and the model has
// most of them too, so that a request that breaks one gets the service's own words.

// resourceServers is a handle on the resource servers of the pool that a call names.
func (s *service) resourceServers(ctx context.Context, pool *string) (identity.ResourceServers, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.ResourceServers{}, err
	}
	return p.Admin().ResourceServers(), nil
}

func (s *service) createResourceServer(ctx context.Context, in *idp.CreateResourceServerRequest) (*idp.CreateResourceServerResponse, error) {
	servers, err := s.resourceServers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	rs, err := servers.Create(ctx, identity.ResourceServerSettings{
		Identifier: text(in.Identifier), Name: text(in.Name), Scopes: resourceScopes(in.Scopes),
	})
	if err != nil {
		return nil, err
	}
	return &idp.CreateResourceServerResponse{ResourceServer: ptr(resourceServerType(rs))}, nil
}

func (s *service) describeResourceServer(ctx context.Context, in *idp.DescribeResourceServerRequest) (*idp.DescribeResourceServerResponse, error) {
	servers, err := s.resourceServers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	rs, err := servers.Get(ctx, text(in.Identifier))
	if err != nil {
		return nil, err
	}
	return &idp.DescribeResourceServerResponse{ResourceServer: ptr(resourceServerType(rs))}, nil
}

// updateResourceServer replaces the name and the scopes: without scopes in the request, none are left.
func (s *service) updateResourceServer(ctx context.Context, in *idp.UpdateResourceServerRequest) (*idp.UpdateResourceServerResponse, error) {
	servers, err := s.resourceServers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	rs, err := servers.Update(ctx, text(in.Identifier), func(set *identity.ResourceServerSettings) error {
		set.Name, set.Scopes = text(in.Name), resourceScopes(in.Scopes)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &idp.UpdateResourceServerResponse{ResourceServer: ptr(resourceServerType(rs))}, nil
}

func (s *service) deleteResourceServer(ctx context.Context, in *idp.DeleteResourceServerRequest) error {
	servers, err := s.resourceServers(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return servers.Delete(ctx, text(in.Identifier))
}

// resourceServersPage is how many resource servers a page has at most.
const resourceServersPage = 50

func (s *service) listResourceServers(ctx context.Context, in *idp.ListResourceServersRequest) (*idp.ListResourceServersResponse, error) {
	servers, err := s.resourceServers(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(ctx, "ListResourceServers", text(in.UserPoolId), in.NextToken)
	if err != nil {
		return nil, err
	}
	page, last, err := page(servers.List(ctx, after), cmp.Or(in.MaxResults, ptr(int32(resourceServersPage))))
	if err != nil {
		return nil, err
	}
	out := &idp.ListResourceServersResponse{ResourceServers: make([]idp.ResourceServerType, len(page))}
	for i, rs := range page {
		out.ResourceServers[i] = resourceServerType(rs)
	}
	if last != nil {
		out.NextToken = pageToken("ListResourceServers", text(in.UserPoolId), last.Settings.Identifier)
	}
	return out, nil
}

func resourceScopes(in []idp.ResourceServerScopeType) []identity.ResourceScope {
	var out []identity.ResourceScope
	for _, scope := range in {
		out = append(out, identity.ResourceScope{Name: text(scope.ScopeName), Description: text(scope.ScopeDescription)})
	}
	return out
}

// resourceServerType is a resource server as the service shows it. Whether a server without
// scopes shows an empty list is (unsure).
func resourceServerType(rs *identity.ResourceServer) idp.ResourceServerType {
	out := idp.ResourceServerType{UserPoolId: ptr(rs.Pool), Identifier: ptr(rs.Settings.Identifier), Name: ptr(rs.Settings.Name)}
	for _, scope := range rs.Settings.Scopes {
		out.Scopes = append(out.Scopes, idp.ResourceServerScopeType{ScopeName: ptr(scope.Name), ScopeDescription: ptr(scope.Description)})
	}
	return out
}
