package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

func (s *service) forgotPassword(ctx context.Context, in *idp.ForgotPasswordRequest) (*idp.ForgotPasswordResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	d, err := client.ForgotPassword(ctx, text(in.Username), text(in.SecretHash))
	if err != nil {
		return nil, err
	}
	return &idp.ForgotPasswordResponse{CodeDeliveryDetails: delivery(d)}, nil
}

func (s *service) confirmForgotPassword(ctx context.Context, in *idp.ConfirmForgotPasswordRequest) (*idp.ConfirmForgotPasswordResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	return nil, client.ConfirmForgotPassword(ctx, identity.ConfirmForgotPassword{
		Username: text(in.Username), Code: identity.Secret(text(in.ConfirmationCode)),
		Password: identity.Secret(text(in.Password)), SecretHash: text(in.SecretHash),
	})
}

func (s *service) adminResetUserPassword(ctx context.Context, in *idp.AdminResetUserPasswordRequest) (*idp.AdminResetUserPasswordResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().ResetPassword(ctx, text(in.Username))
}

func (s *service) changePassword(ctx context.Context, in *idp.ChangePasswordRequest) (*idp.ChangePasswordResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, session.ChangePassword(ctx, identity.Secret(text(in.PreviousPassword)), identity.Secret(text(in.ProposedPassword)))
}
