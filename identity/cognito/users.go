package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// One user: GetUser reads the user who is signed in, the operations of operators
// create and read a user and set a password. AdminCreateUser is the only one with
// a flow of several steps, see adminusers.go of package identity. lifecycle.go has
// the operations that change the state of a user, listusers.go has the list.
//
// The names of users that the answers show are the real ones, also where the
// request named the user by an address or by the sub.

// getUser shows only the attributes that the client may read. The service leaves
// the others out too, and does not refuse the call.
func (s *service) getUser(ctx context.Context, in *idp.GetUserRequest) (*idp.GetUserResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	u, err := session.User()
	if err != nil {
		return nil, err
	}
	preferred, enabled := mfaSettings(u.MFA)
	return &idp.GetUserResponse{
		Username: ptr(wire.Secret(u.Username)), UserAttributes: attributeList(u),
		PreferredMfaSetting: preferred, UserMFASettingList: enabled,
	}, nil
}

// adminCreateUser creates a user, or with MessageAction RESEND invites one again.
// The answer has no password: the user gets it by message.
func (s *service) adminCreateUser(ctx context.Context, in *idp.AdminCreateUserRequest) (*idp.AdminCreateUserResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, err := pool.Admin().Users().Create(ctx, identity.CreateUser{
		Username: text(in.Username), Attributes: attributes(in.UserAttributes),
		TemporaryPassword: identity.Secret(text(in.TemporaryPassword)), Mediums: invitationMediums(in.DesiredDeliveryMediums),
		SuppressInvitation: text(in.MessageAction) == "SUPPRESS", ResendInvitation: text(in.MessageAction) == "RESEND",
		ForceAlias: val(in.ForceAliasCreation),
	})
	if err != nil {
		return nil, inOrder(err, attributeNames(in.UserAttributes))
	}
	return &idp.AdminCreateUserResponse{User: userType(u)}, nil
}

// invitationMediums returns how an invitation is sent: by SMS if the request does not say,
// whatever addresses the user has.
func invitationMediums[M ~string](given []M) []identity.Medium {
	if len(given) == 0 {
		return []identity.Medium{identity.MediumSMS}
	}
	return list[identity.Medium](given)
}

// userType is a user as AdminCreateUser and the lists show one. AdminGetUser has
// the same members in a type of its own, where the attributes have another name.
func userType(u *identity.User) *idp.UserType {
	return &idp.UserType{
		Username: ptr(wire.Secret(u.Username)), Attributes: attributeList(u),
		UserCreateDate: date(u.Created), UserLastModifiedDate: date(u.Modified),
		Enabled: ptr(!u.Disabled), UserStatus: ptr(idp.UserStatusType(u.Status)),
	}
}

// adminGetUser shows all attributes, and also the second factors.
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
	preferred, enabled := mfaSettings(u.MFA)
	return &idp.AdminGetUserResponse{
		PreferredMfaSetting: preferred, UserMFASettingList: enabled,
		Username: t.Username, UserAttributes: t.Attributes, UserCreateDate: t.UserCreateDate,
		UserLastModifiedDate: t.UserLastModifiedDate, Enabled: t.Enabled, UserStatus: t.UserStatus,
	}, nil
}

// adminSetUserPassword confirms the user if the password is permanent, and
// otherwise puts the user back into FORCE_CHANGE_PASSWORD. Permanent is false
// where it is left out.
func (s *service) adminSetUserPassword(ctx context.Context, in *idp.AdminSetUserPasswordRequest) (*idp.AdminSetUserPasswordResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().SetPassword(ctx, text(in.Username), identity.Secret(text(in.Password)), val(in.Permanent))
}
