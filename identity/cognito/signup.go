package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Sign-up, in three operations that need no signature: SignUp creates the user and
// sends a code, ConfirmSignUp takes the code, ResendConfirmationCode sends another
// one. Each finds the app client by its id first, so an unknown client is refused
// before anything else is said. The hooks, the limits and the commits are in
// signup.go and confirm.go of package identity.
//
// The members Session of the answers sign a user in right after the confirmation, by
// the flow USER_AUTH. Clients without that flow get none.

// signUp answers without CodeDeliveryDetails where no code was sent: the pool
// verifies no attributes by itself, or a hook confirmed the user.
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
		UserConfirmed: ptr(res.Confirmed), UserSub: ptr(res.Sub), CodeDeliveryDetails: delivery(res.Delivery), Session: session(res.Session),
	}, nil
}

// confirmSignUp tells a caller that a user is confirmed already before it looks at
// the code. The service does so too, and thereby discloses the account; whether
// that happens here depends on the settings of the pool and client.
func (s *service) confirmSignUp(ctx context.Context, in *idp.ConfirmSignUpRequest) (*idp.ConfirmSignUpResponse, error) {
	client, err := s.engine.AppClient(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	next, err := client.ConfirmSignUpSession(ctx, identity.ConfirmSignUp{
		Username: text(in.Username), Code: identity.Secret(text(in.ConfirmationCode)),
		SecretHash: text(in.SecretHash), ForceAlias: val(in.ForceAliasCreation), Session: text(in.Session),
	})
	return &idp.ConfirmSignUpResponse{Session: session(next)}, err
}

// session shows the state of what comes next, if there is one.
func session(state string) *wire.Secret {
	if state == "" {
		return nil
	}
	return ptr(wire.Secret(state))
}

// resendConfirmationCode invalidates the code that was sent before.
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
