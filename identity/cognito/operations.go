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
		UpdateUserPool:   s.updateUserPool,

		// mfaconfig.go
		GetUserPoolMfaConfig: s.getUserPoolMfaConfig,
		SetUserPoolMfaConfig: s.setUserPoolMfaConfig,

		// schema.go
		AddCustomAttributes: s.addCustomAttributes,

		// tags.go
		TagResource:         s.tagResource,
		UntagResource:       s.untagResource,
		ListTagsForResource: s.listTagsForResource,

		// clients.go
		CreateUserPoolClient:   s.createUserPoolClient,
		DescribeUserPoolClient: s.describeUserPoolClient,
		UpdateUserPoolClient:   s.updateUserPoolClient,
		DeleteUserPoolClient:   s.deleteUserPoolClient,
		ListUserPoolClients:    s.listUserPoolClients,

		// secrets.go
		AddUserPoolClientSecret:    s.addUserPoolClientSecret,
		DeleteUserPoolClientSecret: s.deleteUserPoolClientSecret,
		ListUserPoolClientSecrets:  s.listUserPoolClientSecrets,

		// signup.go
		SignUp:                 s.signUp,
		ConfirmSignUp:          s.confirmSignUp,
		ResendConfirmationCode: s.resendConfirmationCode,

		// signin.go
		InitiateAuth:      s.initiateAuth,
		AdminInitiateAuth: s.adminInitiateAuth,

		// challenges.go
		RespondToAuthChallenge:      s.respondToAuthChallenge,
		AdminRespondToAuthChallenge: s.adminRespondToAuthChallenge,

		// mfa.go
		AssociateSoftwareToken:    s.associateSoftwareToken,
		VerifySoftwareToken:       s.verifySoftwareToken,
		SetUserMFAPreference:      s.setUserMFAPreference,
		AdminSetUserMFAPreference: s.adminSetUserMFAPreference,

		// tokens.go
		GetTokensFromRefreshToken: s.getTokensFromRefreshToken,
		RevokeToken:               s.revokeToken,
		GlobalSignOut:             s.globalSignOut,

		// users.go
		GetUser:              s.getUser,
		AdminCreateUser:      s.adminCreateUser,
		AdminGetUser:         s.adminGetUser,
		AdminSetUserPassword: s.adminSetUserPassword,

		// listusers.go
		ListUsers: s.listUsers,
	}
}
