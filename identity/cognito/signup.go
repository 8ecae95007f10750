package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

func (s *service) signUp(ctx context.Context, in *idp.SignUpRequest) (*idp.SignUpResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	res, err := client.SignUp(ctx, identity.SignUp{
		Username: text(in.Username), Password: identity.Secret(text(in.Password)),
		Attributes: attributes(in.UserAttributes), SecretHash: text(in.SecretHash),
	})
	if err != nil {
		return nil, inOrder(err, attributeNames(in.UserAttributes))
	}
	return &idp.SignUpResponse{
		UserConfirmed: ptr(res.Confirmed), UserSub: ptr(res.Sub), CodeDeliveryDetails: delivery(res.Delivery),
	}, nil
}

func (s *service) confirmSignUp(ctx context.Context, in *idp.ConfirmSignUpRequest) (*idp.ConfirmSignUpResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	return nil, client.ConfirmSignUp(ctx, identity.ConfirmSignUp{
		Username: text(in.Username), Code: identity.Secret(text(in.ConfirmationCode)),
		SecretHash: text(in.SecretHash), ForceAlias: val(in.ForceAliasCreation),
	})
}

func (s *service) resendConfirmationCode(ctx context.Context, in *idp.ResendConfirmationCodeRequest) (*idp.ResendConfirmationCodeResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	d, err := client.ResendConfirmationCode(ctx, text(in.Username), text(in.SecretHash))
	if err != nil {
		return nil, err
	}
	return &idp.ResendConfirmationCodeResponse{CodeDeliveryDetails: delivery(d)}, nil
}
