package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/idpool"
)

// Roles and principal tags of identity pools. Each call replaces all of what it sets.

// The keys of Roles.
const (
	roleAuthenticated   = "authenticated"
	roleUnauthenticated = "unauthenticated"
)

func (s *service) setIdentityPoolRoles(ctx context.Context, in *fedid.SetIdentityPoolRolesInput) error {
	id, err := s.identityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return err
	}
	roles := idpool.Roles{Authenticated: in.Roles[roleAuthenticated], Unauthenticated: in.Roles[roleUnauthenticated]}
	for name, m := range in.RoleMappings {
		if roles.Mappings == nil {
			roles.Mappings = map[string]idpool.Mapping{}
		}
		roles.Mappings[name] = roleMapping(&m)
	}
	return s.idpools.Pools().SetRoles(ctx, id, roles)
}

func roleMapping(in *fedid.RoleMapping) idpool.Mapping {
	out := idpool.Mapping{Type: idpool.MappingType(text(in.Type)), Ambiguous: idpool.Ambiguous(text(in.AmbiguousRoleResolution))}
	if in.RulesConfiguration == nil {
		return out
	}
	for _, r := range in.RulesConfiguration.Rules {
		out.Rules = append(out.Rules, idpool.Rule{Claim: text(r.Claim), Match: idpool.MatchType(text(r.MatchType)), Value: text(r.Value), Role: text(r.RoleARN)})
	}
	return out
}

// getIdentityPoolRoles shows only the id of a pool without roles (unsure).
func (s *service) getIdentityPoolRoles(ctx context.Context, in *fedid.GetIdentityPoolRolesInput) (*fedid.GetIdentityPoolRolesResponse, error) {
	p, err := s.readIdentityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	out := &fedid.GetIdentityPoolRolesResponse{IdentityPoolId: ptr(p.ID)}
	for name, arn := range map[string]string{roleAuthenticated: p.Roles.Authenticated, roleUnauthenticated: p.Roles.Unauthenticated} {
		if arn == "" {
			continue
		}
		if out.Roles == nil {
			out.Roles = map[string]string{}
		}
		out.Roles[name] = arn
	}
	for name, m := range p.Roles.Mappings {
		if out.RoleMappings == nil {
			out.RoleMappings = map[string]fedid.RoleMapping{}
		}
		out.RoleMappings[name] = roleMappingType(&m)
	}
	return out, nil
}

func roleMappingType(m *idpool.Mapping) fedid.RoleMapping {
	out := fedid.RoleMapping{Type: ptr(fedid.RoleMappingType(m.Type)), AmbiguousRoleResolution: ptr(fedid.AmbiguousRoleResolutionType(m.Ambiguous))}
	if len(m.Rules) == 0 {
		return out
	}
	out.RulesConfiguration = &fedid.RulesConfigurationType{}
	for _, r := range m.Rules {
		out.RulesConfiguration.Rules = append(out.RulesConfiguration.Rules, fedid.MappingRule{
			Claim: ptr(r.Claim), MatchType: ptr(fedid.MappingRuleMatchType(r.Match)), Value: ptr(r.Value), RoleARN: ptr(r.Role),
		})
	}
	return out
}

func (s *service) setPrincipalTagAttributeMap(ctx context.Context, in *fedid.SetPrincipalTagAttributeMapInput) (*fedid.SetPrincipalTagAttributeMapResponse, error) {
	id, err := s.identityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	t, err := s.idpools.Pools().SetPrincipalTags(ctx, id, text(in.IdentityProviderName), idpool.PrincipalTags{UseDefaults: val(in.UseDefaults), Tags: in.PrincipalTags})
	if err != nil {
		return nil, err
	}
	return &fedid.SetPrincipalTagAttributeMapResponse{
		IdentityPoolId: ptr(id), IdentityProviderName: in.IdentityProviderName, UseDefaults: ptr(t.UseDefaults), PrincipalTags: tags(t.Tags),
	}, nil
}

// getPrincipalTagAttributeMap shows UseDefaults false for a provider that has none set (unsure).
func (s *service) getPrincipalTagAttributeMap(ctx context.Context, in *fedid.GetPrincipalTagAttributeMapInput) (*fedid.GetPrincipalTagAttributeMapResponse, error) {
	id, err := s.identityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	t, err := s.idpools.Pools().PrincipalTagsOf(ctx, id, text(in.IdentityProviderName))
	if err != nil {
		return nil, err
	}
	return &fedid.GetPrincipalTagAttributeMapResponse{
		IdentityPoolId: ptr(id), IdentityProviderName: in.IdentityProviderName, UseDefaults: ptr(t.UseDefaults), PrincipalTags: tags(t.Tags),
	}, nil
}
