package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Passwords that are forgotten, reset or changed. ForgotPassword and
// ConfirmForgotPassword are public: they find the app client by its id, and the
// methods of identity.AppClient check the secret hash before they look for the
// user. AdminResetUserPassword belongs to an operator, ChangePassword to the user
// who is signed in.
//
// None of these handlers knows whether an account exists. identity.AppClient
// decides what may be told: with PreventUserExistenceErrors set to ENABLED, an
// unknown name gets a delivery that looks like a real one, and the answer below is
// the same.

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

// confirmForgotPassword leaves existing tokens valid in pools with the service's
// defaults, as the service does. Which code answers a disabled user is (unsure):
// the records of the service disagree.
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

// adminResetUserPassword answers with an empty object: the service does not say
// where the code went.
func (s *service) adminResetUserPassword(ctx context.Context, in *idp.AdminResetUserPasswordRequest) (*idp.AdminResetUserPasswordResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().ResetPassword(ctx, text(in.Username))
}

// changePassword says "Incorrect username or password." for a wrong previous
// password, as a sign-in does. The service's limit is 5 attempts in an hour.
func (s *service) changePassword(ctx context.Context, in *idp.ChangePasswordRequest) (*idp.ChangePasswordResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, session.ChangePassword(ctx, identity.Secret(text(in.PreviousPassword)), identity.Secret(text(in.ProposedPassword)))
}
