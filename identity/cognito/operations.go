package cognito

import "github.com/cognate-id/cognate/identity/cognito/internal/idp"

// handlers lists what is served, by noun; each noun has a file of its name.
// An operation that is not here is answered as not served yet.
func (s *service) handlers() *idp.Handlers {
	return &idp.Handlers{
		// pools.go
		CreateUserPool:   s.createUserPool,
		DescribeUserPool: s.describeUserPool,
		DeleteUserPool:   s.deleteUserPool,
		ListUserPools:    s.listUserPools,

		// clients.go
		CreateUserPoolClient:   s.createUserPoolClient,
		DescribeUserPoolClient: s.describeUserPoolClient,

		// signup.go
		SignUp:                 s.signUp,
		ConfirmSignUp:          s.confirmSignUp,
		ResendConfirmationCode: s.resendConfirmationCode,

		// signin.go
		InitiateAuth:           s.initiateAuth,
		RespondToAuthChallenge: s.respondToAuthChallenge,

		// tokens.go
		GetTokensFromRefreshToken: s.getTokensFromRefreshToken,
		RevokeToken:               s.revokeToken,
		GlobalSignOut:             s.globalSignOut,

		// users.go
		GetUser:              s.getUser,
		AdminCreateUser:      s.adminCreateUser,
		AdminGetUser:         s.adminGetUser,
		AdminSetUserPassword: s.adminSetUserPassword,

		// lifecycle.go
		AdminEnableUser:        s.adminEnableUser,
		AdminDisableUser:       s.adminDisableUser,
		AdminConfirmSignUp:     s.adminConfirmSignUp,
		AdminUserGlobalSignOut: s.adminUserGlobalSignOut,
		AdminDeleteUser:        s.adminDeleteUser,
		DeleteUser:             s.deleteUser,

		// groups.go
		CreateGroup:              s.createGroup,
		GetGroup:                 s.getGroup,
		UpdateGroup:              s.updateGroup,
		DeleteGroup:              s.deleteGroup,
		ListGroups:               s.listGroups,
		ListUsersInGroup:         s.listUsersInGroup,
		AdminAddUserToGroup:      s.adminAddUserToGroup,
		AdminRemoveUserFromGroup: s.adminRemoveUserFromGroup,
		AdminListGroupsForUser:   s.adminListGroupsForUser,
	}
}
