package cognito

import "github.com/cognate-id/cognate/identity/cognito/internal/idp"

// handlers lists what is served, by noun; each noun has a file of its name.
// An operation that is not here is answered as not served yet.
func (s *service) handlers() *idp.Handlers {
	h := &idp.Handlers{}
	s.handlePools(h)
	s.handleSignIn(h)
	s.handleUsers(h)
	s.handleImports(h)
	s.handlePages(h)
	return h
}

// handlePools is about pools and app clients.
func (s *service) handlePools(h *idp.Handlers) {
	// pools.go
	h.CreateUserPool = s.createUserPool
	h.DescribeUserPool = s.describeUserPool
	h.DeleteUserPool = s.deleteUserPool
	h.ListUserPools = s.listUserPools
	h.UpdateUserPool = s.updateUserPool

	// mfaconfig.go
	h.GetUserPoolMfaConfig = s.getUserPoolMfaConfig
	h.SetUserPoolMfaConfig = s.setUserPoolMfaConfig

	// logdelivery.go
	h.GetLogDeliveryConfiguration = s.getLogDeliveryConfiguration
	h.SetLogDeliveryConfiguration = s.setLogDeliveryConfiguration

	// schema.go
	h.AddCustomAttributes = s.addCustomAttributes

	// tags.go
	h.TagResource = s.tagResource
	h.UntagResource = s.untagResource
	h.ListTagsForResource = s.listTagsForResource

	// clients.go
	h.CreateUserPoolClient = s.createUserPoolClient
	h.DescribeUserPoolClient = s.describeUserPoolClient
	h.UpdateUserPoolClient = s.updateUserPoolClient
	h.DeleteUserPoolClient = s.deleteUserPoolClient
	h.ListUserPoolClients = s.listUserPoolClients

	// resourceservers.go
	h.CreateResourceServer = s.createResourceServer
	h.DescribeResourceServer = s.describeResourceServer
	h.UpdateResourceServer = s.updateResourceServer
	h.DeleteResourceServer = s.deleteResourceServer
	h.ListResourceServers = s.listResourceServers

	// providers.go
	h.CreateIdentityProvider = s.createIdentityProvider
	h.DescribeIdentityProvider = s.describeIdentityProvider
	h.GetIdentityProviderByIdentifier = s.getIdentityProviderByIdentifier
	h.UpdateIdentityProvider = s.updateIdentityProvider
	h.DeleteIdentityProvider = s.deleteIdentityProvider
	h.ListIdentityProviders = s.listIdentityProviders
	h.GetSigningCertificate = s.getSigningCertificate
	h.AdminLinkProviderForUser = s.adminLinkProviderForUser
	h.AdminDisableProviderForUser = s.adminDisableProviderForUser

	// domains.go
	h.CreateUserPoolDomain = s.createUserPoolDomain
	h.DescribeUserPoolDomain = s.describeUserPoolDomain
	h.UpdateUserPoolDomain = s.updateUserPoolDomain
	h.DeleteUserPoolDomain = s.deleteUserPoolDomain

	// secrets.go
	h.AddUserPoolClientSecret = s.addUserPoolClientSecret
	h.DeleteUserPoolClientSecret = s.deleteUserPoolClientSecret
	h.ListUserPoolClientSecrets = s.listUserPoolClientSecrets
}

// handleSignIn is about signing up and in.
func (s *service) handleSignIn(h *idp.Handlers) {
	// signup.go
	h.SignUp = s.signUp
	h.ConfirmSignUp = s.confirmSignUp
	h.ResendConfirmationCode = s.resendConfirmationCode

	// signin.go
	h.InitiateAuth = s.initiateAuth
	h.AdminInitiateAuth = s.adminInitiateAuth

	// challenges.go
	h.RespondToAuthChallenge = s.respondToAuthChallenge
	h.AdminRespondToAuthChallenge = s.adminRespondToAuthChallenge

	// mfa.go
	h.AssociateSoftwareToken = s.associateSoftwareToken
	h.VerifySoftwareToken = s.verifySoftwareToken
	h.SetUserMFAPreference = s.setUserMFAPreference
	h.AdminSetUserMFAPreference = s.adminSetUserMFAPreference

	// passkeys.go
	h.StartWebAuthnRegistration = s.startWebAuthnRegistration
	h.CompleteWebAuthnRegistration = s.completeWebAuthnRegistration
	h.ListWebAuthnCredentials = s.listWebAuthnCredentials
	h.DeleteWebAuthnCredential = s.deleteWebAuthnCredential

	// userfactors.go
	h.GetUserAuthFactors = s.getUserAuthFactors
	h.AdminGetUserAuthFactors = s.adminGetUserAuthFactors
	h.AdminDeleteSoftwareToken = s.adminDeleteSoftwareToken
	h.SetUserSettings = s.setUserSettings
	h.AdminSetUserSettings = s.adminSetUserSettings

	// devices.go
	h.ConfirmDevice = s.confirmDevice
	h.GetDevice = s.getDevice
	h.ListDevices = s.listDevices
	h.UpdateDeviceStatus = s.updateDeviceStatus
	h.ForgetDevice = s.forgetDevice
	h.AdminGetDevice = s.adminGetDevice
	h.AdminListDevices = s.adminListDevices
	h.AdminUpdateDeviceStatus = s.adminUpdateDeviceStatus
	h.AdminForgetDevice = s.adminForgetDevice

	// recovery.go
	h.ForgotPassword = s.forgotPassword
	h.ConfirmForgotPassword = s.confirmForgotPassword
	h.AdminResetUserPassword = s.adminResetUserPassword
	h.ChangePassword = s.changePassword

	// tokens.go
	h.GetTokensFromRefreshToken = s.getTokensFromRefreshToken
	h.RevokeToken = s.revokeToken
	h.GetClientToken = s.getClientToken
	h.GlobalSignOut = s.globalSignOut
}

// handleUsers is about users and groups.
func (s *service) handleUsers(h *idp.Handlers) {
	// attributes.go
	h.UpdateUserAttributes = s.updateUserAttributes
	h.DeleteUserAttributes = s.deleteUserAttributes
	h.GetUserAttributeVerificationCode = s.getUserAttributeVerificationCode
	h.VerifyUserAttribute = s.verifyUserAttribute
	h.AdminUpdateUserAttributes = s.adminUpdateUserAttributes
	h.AdminDeleteUserAttributes = s.adminDeleteUserAttributes

	// users.go
	h.GetUser = s.getUser
	h.AdminCreateUser = s.adminCreateUser
	h.AdminGetUser = s.adminGetUser
	h.AdminSetUserPassword = s.adminSetUserPassword

	// listusers.go
	h.ListUsers = s.listUsers

	// lifecycle.go
	h.AdminEnableUser = s.adminEnableUser
	h.AdminDisableUser = s.adminDisableUser
	h.AdminConfirmSignUp = s.adminConfirmSignUp
	h.AdminUserGlobalSignOut = s.adminUserGlobalSignOut
	h.AdminDeleteUser = s.adminDeleteUser
	h.DeleteUser = s.deleteUser

	// groups.go
	h.CreateGroup = s.createGroup
	h.GetGroup = s.getGroup
	h.UpdateGroup = s.updateGroup
	h.DeleteGroup = s.deleteGroup
	h.ListGroups = s.listGroups
	h.ListUsersInGroup = s.listUsersInGroup
	h.AdminAddUserToGroup = s.adminAddUserToGroup
	h.AdminRemoveUserFromGroup = s.adminRemoveUserFromGroup
	h.AdminListGroupsForUser = s.adminListGroupsForUser
}

// handleImports is about imports of users.
func (s *service) handleImports(h *idp.Handlers) {
	// importjobs.go
	h.GetCSVHeader = s.getCSVHeader
	h.CreateUserImportJob = s.createUserImportJob
	h.DescribeUserImportJob = s.describeUserImportJob
	h.ListUserImportJobs = s.listUserImportJobs
	h.StartUserImportJob = s.startUserImportJob
	h.StopUserImportJob = s.stopUserImportJob
}

// handlePages is about what the pages of a pool look like, and how long browsers stay signed in.
func (s *service) handlePages(h *idp.Handlers) {
	// uicustomization.go
	h.GetUICustomization = s.getUICustomization
	h.SetUICustomization = s.setUICustomization

	// brandings.go
	h.CreateManagedLoginBranding = s.createManagedLoginBranding
	h.DescribeManagedLoginBranding = s.describeManagedLoginBranding
	h.DescribeManagedLoginBrandingByClient = s.describeManagedLoginBrandingByClient
	h.UpdateManagedLoginBranding = s.updateManagedLoginBranding
	h.DeleteManagedLoginBranding = s.deleteManagedLoginBranding

	// terms.go
	h.CreateTerms = s.createTerms
	h.DescribeTerms = s.describeTerms
	h.DescribeTermsByClient = s.describeTermsByClient
	h.UpdateTerms = s.updateTerms
	h.DeleteTerms = s.deleteTerms
	h.ListTerms = s.listTerms

	// sessionconfig.go
	h.GetUserPoolSessionConfiguration = s.getUserPoolSessionConfiguration
	h.SetUserPoolSessionConfiguration = s.setUserPoolSessionConfiguration
	h.GetUserPoolClientSessionConfiguration = s.getUserPoolClientSessionConfiguration
	h.SetUserPoolClientSessionConfiguration = s.setUserPoolClientSessionConfiguration

	// sessions.go
	h.ListUserSessions = s.listUserSessions
	h.RevokeUserSession = s.revokeUserSession
	h.AdminListUserSessions = s.adminListUserSessions
	h.AdminRevokeUserSession = s.adminRevokeUserSession
}
