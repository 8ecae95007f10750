package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

func (s *service) getTokensFromRefreshToken(ctx context.Context, in *idp.GetTokensFromRefreshTokenRequest) (*idp.GetTokensFromRefreshTokenResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	t, err := client.Refresh(ctx, identity.Refresh{
		Token: identity.Secret(text(in.RefreshToken)), Secret: identity.Secret(text(in.ClientSecret)), Rotating: true,
	})
	if err != nil {
		return nil, err
	}
	return &idp.GetTokensFromRefreshTokenResponse{AuthenticationResult: result(t)}, nil
}

func (s *service) revokeToken(ctx context.Context, in *idp.RevokeTokenRequest) (*idp.RevokeTokenResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	return nil, client.Revoke(ctx, identity.Secret(text(in.Token)), identity.Secret(text(in.ClientSecret)))
}

func (s *service) globalSignOut(ctx context.Context, in *idp.GlobalSignOutRequest) (*idp.GlobalSignOutResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, session.SignOutEverywhere(ctx)
}
