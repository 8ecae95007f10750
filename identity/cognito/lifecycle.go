package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Operations that change the state of a user. Each finds the pool, and gives the
// name to one method of identity.Users, which finds the user and commits. To
// enable a user who is enabled, or to disable one who is disabled, is no error.
// The operations about another user are the operator's; DeleteUser is the user's
// own and needs an access token.
//
// AdminDeleteUser and DeleteUser have no output in the model. Their answer is 200
// with an empty body, and not an empty object: hence their handlers return only an
// error, see wire.BindEmpty.

// users is a handle on the users of the pool that a call names.
func (s *service) users(ctx context.Context, pool *string) (identity.Users, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.Users{}, err
	}
	return p.Admin().Users(), nil
}

func (s *service) adminEnableUser(ctx context.Context, in *idp.AdminEnableUserRequest) (*idp.AdminEnableUserResponse, error) {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, users.Enable(ctx, text(in.Username))
}

// adminDisableUser ends all sign-ins of the user.
func (s *service) adminDisableUser(ctx context.Context, in *idp.AdminDisableUserRequest) (*idp.AdminDisableUserResponse, error) {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, users.Disable(ctx, text(in.Username))
}

// adminConfirmSignUp confirms a user without a code, and verifies no address. It
// is refused for a user in any state but UNCONFIRMED.
func (s *service) adminConfirmSignUp(ctx context.Context, in *idp.AdminConfirmSignUpRequest) (*idp.AdminConfirmSignUpResponse, error) {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, users.Confirm(ctx, text(in.Username))
}

// adminUserGlobalSignOut ends all sign-ins of the user, who may sign in again at
// once.
func (s *service) adminUserGlobalSignOut(ctx context.Context, in *idp.AdminUserGlobalSignOutRequest) (*idp.AdminUserGlobalSignOutResponse, error) {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, users.SignOut(ctx, text(in.Username))
}

func (s *service) adminDeleteUser(ctx context.Context, in *idp.AdminDeleteUserRequest) error {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return users.Delete(ctx, text(in.Username))
}

func (s *service) deleteUser(ctx context.Context, in *idp.DeleteUserRequest) error {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return err
	}
	return session.Delete(ctx)
}
