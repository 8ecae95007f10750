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

		// recovery.go
		ForgotPassword:         s.forgotPassword,
		ConfirmForgotPassword:  s.confirmForgotPassword,
		AdminResetUserPassword: s.adminResetUserPassword,
		ChangePassword:         s.changePassword,

		// attributes.go
		UpdateUserAttributes:             s.updateUserAttributes,
		DeleteUserAttributes:             s.deleteUserAttributes,
		GetUserAttributeVerificationCode: s.getUserAttributeVerificationCode,
		VerifyUserAttribute:              s.verifyUserAttribute,
		AdminUpdateUserAttributes:        s.adminUpdateUserAttributes,
		AdminDeleteUserAttributes:        s.adminDeleteUserAttributes,

		// tokens.go
		GetTokensFromRefreshToken: s.getTokensFromRefreshToken,
		RevokeToken:               s.revokeToken,
		GlobalSignOut:             s.globalSignOut,

		// users.go
		GetUser:              s.getUser,
		AdminCreateUser:      s.adminCreateUser,
		AdminGetUser:         s.adminGetUser,
		AdminSetUserPassword: s.adminSetUserPassword,
	}
}
