package cognito

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/token"
)

// The documents by which clients find the endpoints and keys of a pool.

// discovery is the OpenID configuration of a pool. It names the endpoints of the
// authorization server. Without one, see discovery.
func (s *service) discovery(r *http.Request, id string) (any, error) {
	ctx := r.Context()
	info, err := s.published(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.discoveryOf(ctx, info), nil
}

// metadataPath is where RFC 8414 has what discovery has.
const metadataPath = ".well-known/oauth-authorization-server"

// metadata is the document of RFC 8414, which only pools with the setting OpenID have.
func (s *service) metadata(r *http.Request, id string) (any, error) {
	ctx := r.Context()
	info, err := s.published(ctx, id)
	if err != nil {
		return nil, err
	}
	if s.oauth == nil || !info.Settings.FollowsOpenID() {
		return nil, identity.ErrPoolNotFound
	}
	return s.discoveryOf(ctx, info), nil
}

// published reads a pool for anyone. Unlike poolInfo, it asks for no permission.
func (s *service) published(ctx context.Context, id string) (*identity.PoolInfo, error) {
	pool, err := s.engine.UserPool(ctx, id)
	if err != nil {
		return nil, err
	}
	return pool.Admin().Describe(ctx)
}

func (s *service) discoveryOf(ctx context.Context, info *identity.PoolInfo) token.Discovery {
	d := discovery(s.engine.Issuer(ctx, info), &info.Settings)
	if s.oauth == nil {
		return d
	}
	nameEndpoints(&d, s.base(ctx))
	if info.Settings.FollowsOpenID() {
		nameAbilities(&d, &info.Settings)
	}
	return d
}

// nameAbilities names what the authorization server can do, in the members that the service does not have.
func nameAbilities(d *token.Discovery, set *identity.PoolSettings) {
	no := false
	d.Scopes = append(d.Scopes, "aws.cognito.signin.user.admin")
	d.TokenEndpointAuthMethods = append(d.TokenEndpointAuthMethods, "none")
	d.RevocationEndpointAuthMethods = d.TokenEndpointAuthMethods
	d.GrantTypes = []string{"authorization_code", "implicit", "refresh_token", "client_credentials"}
	d.ResponseModes, d.PromptValues = []string{"query", "fragment", "form_post"}, []string{"none", "login", "select_account", "consent"}
	d.ChallengeMethods, d.IssuerInResponse, d.ClaimsParameter, d.RequestURIParameter = []string{"S256"}, true, true, &no
	for l := settings.Level1; l <= settings.Level4 && set.Tier != settings.TierLite; l++ { // the plan LITE has none
		d.AuthenticationLevels = append(d.AuthenticationLevels, set.LevelName(l))
	}
	d.Claims = []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr"}
	for _, a := range set.Attributes() {
		if !slices.Contains(d.Claims, a.Name) && !strings.Contains(a.Name, ":") { // what a pool adds is nobody's business
			d.Claims = append(d.Claims, a.Name)
		}
	}
}

// nameEndpoints names the endpoints of the authorization server.
func nameEndpoints(d *token.Discovery, base string) {
	d.AuthorizationEndpoint, d.TokenEndpoint, d.UserinfoEndpoint = base+"/oauth2/authorize", base+"/oauth2/token", base+"/oauth2/userInfo"
	d.EndSessionEndpoint, d.RevocationEndpoint = base+"/logout", base+"/oauth2/revoke"
	d.ResponseTypes, d.Scopes = []string{"code", "token"}, []string{"openid", "email", "phone", "profile"}
	d.TokenEndpointAuthMethods = []string{"client_secret_basic", "client_secret_post"}
}

// discovery is the document of a pool without an authorization server. With CognitoDefaults it is the service's,
// which names endpoints below the issuer although none answers there. For safe
// pools it has what is served alone.
func discovery(iss string, set *identity.PoolSettings) token.Discovery {
	d := token.Discovery{
		Issuer: iss, JWKSURI: iss + "/.well-known/jwks.json",
		IDTokenAlgorithms: []token.Algorithm{cmp.Or(set.Algorithm, token.RS256)}, SubjectTypes: []string{"public"},
	}
	if set.Defaults == identity.SafeDefaults {
		return d
	}
	d.AuthorizationEndpoint, d.TokenEndpoint, d.UserinfoEndpoint = iss+"/authorize", iss+"/token", iss+"/userInfo"
	d.ResponseTypes, d.Scopes = []string{"code", "token"}, []string{"openid", "email", "phone", "profile"}
	d.TokenEndpointAuthMethods = []string{"client_secret_basic", "client_secret_post"}
	return d
}
