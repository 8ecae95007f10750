package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Tokens after the sign-in. GetTokensFromRefreshToken is the newer form of
// REFRESH_TOKEN_AUTH (see signin.go) and ends in the same
// identity.AppClient.Refresh. The two differ in what they prove and in what they
// can return:
//
//   - GetTokensFromRefreshToken takes the plain client secret,
//     REFRESH_TOKEN_AUTH takes the secret hash.
//   - GetTokensFromRefreshToken can return a new refresh token, so clients that
//     rotate refresh tokens must use it. The other flow is refused to them; the
//     code and the text of that refusal are (unsure).
//
// RevokeToken ends one sign-in, GlobalSignOut ends all sign-ins of a user. Both
// make access tokens invalid for this API at once. A resource server that only
// verifies signatures accepts them until they expire.

// getTokensFromRefreshToken serves clients with and without rotation. Without it
// the answer has no refresh token.
func (s *service) getTokensFromRefreshToken(ctx context.Context, in *idp.GetTokensFromRefreshTokenRequest) (*idp.GetTokensFromRefreshTokenResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	t, err := client.Refresh(ctx, identity.Refresh{
		Token: identity.Secret(text(in.RefreshToken)), Secret: identity.Secret(text(in.ClientSecret)), DeviceKey: text(in.DeviceKey), Rotating: true,
	})
	if err != nil {
		return nil, err
	}
	return &idp.GetTokensFromRefreshTokenResponse{AuthenticationResult: result(t)}, nil
}

// revokeToken takes a refresh token only. An unknown or revoked token is no error,
// as with the service.
func (s *service) revokeToken(ctx context.Context, in *idp.RevokeTokenRequest) (*idp.RevokeTokenResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	revoke := client.Revoke
	if linked(in.RevokeAssociatedSessions) {
		revoke = client.RevokeLinked
	}
	return nil, revoke(ctx, identity.Secret(text(in.Token)), identity.Secret(text(in.ClientSecret)))
}

// getClientToken gives a program a token of its own, by the secret of its client.
func (s *service) getClientToken(ctx context.Context, in *idp.GetClientTokenRequest) (*idp.GetClientTokenResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	t, err := client.ClientToken(ctx, identity.ClientTokenRequest{Secret: identity.Secret(text(in.Secret)), Scopes: in.Scopes, API: true})
	if err != nil {
		return nil, err
	}
	access := wire.Secret(t.Access)
	return &idp.GetClientTokenResponse{ClientAuthenticationResult: &idp.ClientAuthenticationResultType{
		AccessToken: &access, ExpiresIn: new(int32(t.ExpiresIn.Seconds())), TokenType: new("Bearer"),
	}}, nil
}

// globalSignOut also revokes the access token that it is called with.
func (s *service) globalSignOut(ctx context.Context, in *idp.GlobalSignOutRequest) (*idp.GlobalSignOutResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, session.SignOutEverywhere(ctx)
}
