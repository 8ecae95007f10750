package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

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

func (s *service) adminDisableUser(ctx context.Context, in *idp.AdminDisableUserRequest) (*idp.AdminDisableUserResponse, error) {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, users.Disable(ctx, text(in.Username))
}

func (s *service) adminConfirmSignUp(ctx context.Context, in *idp.AdminConfirmSignUpRequest) (*idp.AdminConfirmSignUpResponse, error) {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, users.Confirm(ctx, text(in.Username))
}

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
