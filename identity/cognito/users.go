package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

func (s *service) getUser(ctx context.Context, in *idp.GetUserRequest) (*idp.GetUserResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	u, err := session.User()
	if err != nil {
		return nil, err
	}
	preferred, enabled := mfaSettings(u)
	return &idp.GetUserResponse{
		Username: ptr(wire.Secret(u.Username)), UserAttributes: attributeList(u),
		PreferredMfaSetting: preferred, UserMFASettingList: enabled,
	}, nil
}

func (s *service) adminCreateUser(ctx context.Context, in *idp.AdminCreateUserRequest) (*idp.AdminCreateUserResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, err := pool.Admin().Users().Create(ctx, identity.CreateUser{
		Username: text(in.Username), Attributes: attributes(in.UserAttributes),
		TemporaryPassword: identity.Secret(text(in.TemporaryPassword)), Mediums: list[identity.Medium](in.DesiredDeliveryMediums),
		SuppressInvitation: text(in.MessageAction) == "SUPPRESS", ResendInvitation: text(in.MessageAction) == "RESEND",
		ForceAlias: val(in.ForceAliasCreation),
	})
	if err != nil {
		return nil, inOrder(err, attributeNames(in.UserAttributes))
	}
	return &idp.AdminCreateUserResponse{User: userType(u)}, nil
}

func userType(u *identity.User) *idp.UserType {
	return &idp.UserType{
		Username: ptr(wire.Secret(u.Username)), Attributes: attributeList(u),
		UserCreateDate: date(u.Created), UserLastModifiedDate: date(u.Modified),
		Enabled: ptr(!u.Disabled), UserStatus: ptr(idp.UserStatusType(u.Status)),
	}
}

func (s *service) adminGetUser(ctx context.Context, in *idp.AdminGetUserRequest) (*idp.AdminGetUserResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, err := pool.Admin().Users().Get(ctx, text(in.Username))
	if err != nil {
		return nil, err
	}
	t := userType(u)
	preferred, enabled := mfaSettings(u)
	return &idp.AdminGetUserResponse{
		PreferredMfaSetting: preferred, UserMFASettingList: enabled,
		Username: t.Username, UserAttributes: t.Attributes, UserCreateDate: t.UserCreateDate,
		UserLastModifiedDate: t.UserLastModifiedDate, Enabled: t.Enabled, UserStatus: t.UserStatus,
	}, nil
}

func (s *service) adminSetUserPassword(ctx context.Context, in *idp.AdminSetUserPasswordRequest) (*idp.AdminSetUserPasswordResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().SetPassword(ctx, text(in.Username), identity.Secret(text(in.Password)), val(in.Permanent))
}
