package cognito

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/kms"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// Errors. A handler returns the error of package identity as it is. mapError finds
// the first row of the table rows that fits, and the row makes the exception and
// the message. An error without a row becomes an InternalErrorException and is
// logged. Where only the request is wrong, and not what it asks for, the code that
// reads the request refuses it with wire.Errorf.
//
// How sure a text is: "(unsure)" behind it says that nobody has recorded it. The
// texts about the store and about this version are ours. All others were found in
// recordings of the service, in programs that match on them, or in its
// documentation. Some end without a full stop: that is as recorded.

// A row says what one error of the domain is on the wire.
type row struct {
	err       error
	exception string
	message   func(op string, err error) string
}

// say is a message that never varies.
func say(message string) func(string, error) string {
	return func(string, error) string { return message }
}

// rows is the one table from the domain's errors to the service's exceptions
// and their exact messages. The first row that fits counts.
var rows = []row{
	// Whatever a hook returns, it is not the engine's own error.
	{identity.ErrHookRefused, idp.UserLambdaValidationException, hookRefused},
	{identity.ErrHookDecision, idp.InvalidLambdaResponseException, say("Unrecognizable lambda output")},
	{identity.ErrHookFailed, idp.UnexpectedLambdaException, hookFailed},

	{identity.ErrPoolNotFound, idp.ResourceNotFoundException, notFound("User pool %s does not exist.")},
	{identity.ErrClientNotFound, idp.ResourceNotFoundException, notFound("User pool client %s does not exist.")},
	{identity.ErrResourceServerNotFound, idp.ResourceNotFoundException, notFound("Resource server %s does not exist.")},
	{identity.ErrResourceServerExists, idp.InvalidParameterException, resourceServerTaken},
	{identity.ErrScopeNotFound, idp.ScopeDoesNotExistException, notFound("Invalid scope requested: %s")},
	{identity.ErrProviderNotFound, idp.ResourceNotFoundException, notFound("Identity provider %s does not exist.")},                             // text (unsure)
	{identity.ErrProviderExists, idp.DuplicateProviderException, aboutProvider("A provider with the name %s already exists in the user pool.")}, // text (unsure)
	{identity.ErrProviderIdentifierTaken, idp.InvalidParameterException, aboutProvider("The identifier %s already exists in the user pool.")},   // exception and text (unsure)
	{identity.ErrProviderUnknown, idp.InvalidParameterException, providerUnknown},
	{identity.ErrProviderUnreachable, idp.InvalidParameterException, say("Unable to contact well-known endpoint")},
	{identity.ErrProviderMetadata, idp.InvalidParameterException, metadataUnread},
	{identity.ErrNoSigningCertificate, idp.ResourceNotFoundException, say("The user pool has no signing certificate.")}, // text (unsure)
	{identity.ErrLinkSource, idp.InvalidParameterException, say("Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser, only as a DestinationUser")},
	{identity.ErrLinkSourceExists, idp.InvalidParameterException, say("Merging is not currently supported, provide a SourceUser that has not been signed up in order to link")},
	{identity.ErrAlreadyLinked, idp.InvalidParameterException, say("SourceUser is already linked to DestinationUser")},
	{identity.ErrFederatedUser, idp.NotAuthorizedException, say("User is not authorized to perform this operation: it is managed by the identity provider of the user.")}, // text (unsure)
	// No operation of the service reaches the next three: the authorization server tells them.
	{identity.ErrProviderSubject, idp.InvalidParameterException, say("Invalid ProviderName/Username combination.")},
	{identity.ErrProviderAmbiguous, idp.InvalidParameterException, say("Invalid ProviderName/Username combination.")},
	{identity.ErrProviderDisabled, idp.NotAuthorizedException, say("User is not enabled")},
	{identity.ErrDomainNotFound, idp.InvalidParameterException, say("No such domain or user pool exists.")}, // its beginning is what Terraform matches
	{identity.ErrDomainTaken, idp.InvalidParameterException, say("Domain already associated with another user pool.")},
	{identity.ErrDomainExists, idp.InvalidParameterException, say("User pool already has a domain configured.")},
	{identity.ErrPoolHasDomain, idp.InvalidParameterException, say("User pool cannot be deleted. It has a domain configured that should be deleted first.")},
	{identity.ErrBrandingNotFound, idp.ResourceNotFoundException, notFound("Managed login branding %s does not exist.")},                          // text (unsure)
	{identity.ErrBrandingExists, idp.ManagedLoginBrandingExistsException, say("Managed login branding already exists for the user pool client.")}, // text (unsure)
	{identity.ErrTermsNotFound, idp.ResourceNotFoundException, notFound("Terms %s do not exist.")},                                                // text (unsure)
	{identity.ErrTermsExist, idp.TermsExistsException, say("Terms with the name already exist for the user pool client.")},                        // text (unsure)
	{identity.ErrUserNotFound, idp.UserNotFoundException, userNotFound},
	{identity.ErrIncorrectCredentials, idp.NotAuthorizedException, say("Incorrect username or password.")},
	{identity.ErrUserNotConfirmed, idp.UserNotConfirmedException, say("User is not confirmed.")},
	{identity.ErrUserDisabled, idp.NotAuthorizedException, userDisabled},
	{identity.ErrPasswordResetRequired, idp.PasswordResetRequiredException, say("Password reset required for the user")},
	{identity.ErrTemporaryPasswordExpired, idp.NotAuthorizedException, say("Temporary password has expired and must be reset by an administrator.")},
	{identity.ErrTooManyAttempts, idp.NotAuthorizedException, say("Password attempts exceeded")},
	{identity.ErrLimitExceeded, idp.LimitExceededException, say("Attempt limit exceeded, please try after some time.")},
	{identity.ErrGrantNotAllowed, idp.NotAuthorizedException, say("Client is not enabled for the CLIENT_TOKEN_AUTH flow.")}, // text (unsure)
	{identity.ErrScopeNotAllowed, idp.InvalidParameterException, say("Invalid scope requested")},                            // text (unsure)
	{identity.ErrFlowNotEnabled, idp.InvalidParameterException, flowNotEnabled},
	{identity.ErrPlan, idp.FeatureUnavailableInTierException, say("The following feature is not available for the LITE pricing tier configured: Choice-based Sign-In")}, // the feature's name is (unsure)
	{identity.ErrLevelReached, idp.InvalidParameterException, say("The access token already meets the requested authentication level.")},                                // text (unsure)
	{identity.ErrLevelUnreachable, idp.InvalidParameterException, say("The user has no factors to meet any of the requested authentication levels.")},                   // text (unsure)
	{identity.ErrLevelRequired, idp.NotAuthorizedException, say("A stronger sign-in is required. Sign in again.")},                                                      // no operation of the service reaches it
	{identity.ErrMissingParameter, idp.InvalidParameterException, missingParameter},
	{identity.ErrInvalidParameter, idp.InvalidParameterException, invalidParameter},
	{identity.ErrSecretHashMissing, idp.NotAuthorizedException, forClient("Client %s is configured with secret but SECRET_HASH was not received")},
	{identity.ErrSecretHashMismatch, idp.NotAuthorizedException, secretMismatch},

	{identity.ErrSessionInvalid, idp.NotAuthorizedException, say("Invalid session for the user.")},
	{identity.ErrSessionExpired, idp.NotAuthorizedException, say("Invalid session for the user, session is expired.")},
	{identity.ErrSessionUsed, idp.NotAuthorizedException, say("Invalid session for the user, session can only be used once.")},

	{identity.ErrTOTPDisabled, idp.SoftwareTokenMFANotFoundException, say("Software Token MFA has not been enabled by the userPool")},
	{identity.ErrTOTPNotFound, idp.SoftwareTokenMFANotFoundException, say("Software Token MFA has not been set up for the user.")}, // text (unsure)
	{identity.ErrTOTPMismatch, idp.EnableSoftwareTokenMFAException, say("Code mismatch and fail enable Software Token MFA")},
	{identity.ErrTOTPUsed, idp.ExpiredCodeException, say("Your software token has already been used once.")},
	// The texts about passkeys are those of the model's documentation, except for the one that was recorded.
	{identity.ErrPasskeysDisabled, idp.WebAuthnNotEnabledException, say("Passkeys are not enabled for the user pool.")},                                            // text (unsure)
	{identity.ErrPasskeyParty, idp.WebAuthnConfigurationMissingException, say("The user pool does not have a configured relying party id or a user pool domain.")}, // text (unsure)
	{identity.ErrTooManyPasskeys, idp.LimitExceededException, say("The user has the maximum number of passkeys.")},                                                 // text (unsure)
	{identity.ErrPasskeyChallenge, idp.WebAuthnChallengeNotFoundException, say("The challenge from StartWebAuthnRegistration was not found or has expired.")},      // text (unsure)
	{identity.ErrPasskeyClient, idp.WebAuthnClientMismatchException, say("The access token is for a different client than the one in the original StartWebAuthnRegistration request.")},
	{identity.ErrPasskeyRelyingParty, idp.WebAuthnRelyingPartyMismatchException, say("The passkey credential is associated with a different relying party ID than the user pool relying party ID.")},
	{identity.ErrPasskeyOrigin, idp.WebAuthnOriginNotAllowedException, say("The passkey credential's registration origin does not align with the user pool relying party id.")},
	{identity.ErrPasskeyUnsupported, idp.WebAuthnCredentialNotSupportedException, say("The passkey credentials are from an unsupported device or provider.")},
	{identity.ErrPasskeyInvalid, idp.InvalidParameterException, say("Credential data is not valid")},
	{identity.ErrPasskeyNotFound, idp.ResourceNotFoundException, say("The passkey credential was not found.")}, // text (unsure)
	{identity.ErrMFACodeMismatch, idp.CodeMismatchException, mfaMismatch},
	{identity.ErrRecoveryCodesDisabled, idp.InvalidParameterException, say("Recovery codes are not enabled for the user pool.")}, // no operation of the service reaches it
	{identity.ErrRecoveryCodeMismatch, idp.CodeMismatchException, say("Invalid recovery code.")},                                 // nor this
	{identity.ErrMFANotReady, idp.InvalidParameterException, mfaNotReady},
	{identity.ErrPasskeyAlone, idp.InvalidParameterException, say("WebAuthn MFA requires enabling an additional MFA setting.")},
	{identity.ErrMFAPreference, idp.InvalidParameterException, say("Cannot set multiple preferred MFA methods")},               // text (unsure)
	{identity.ErrMFARequired, idp.InvalidParameterException, say("The user pool requires MFA: one factor must stay enabled.")}, // text (unsure)

	{identity.ErrInvalidPassword, idp.InvalidPasswordException, passwordRule},
	{identity.ErrBreachCheck, idp.InternalErrorException, say("The password could not be checked. Please try again later.")}, // ours
	{identity.ErrUsernameExists, idp.UsernameExistsException, nameTaken},
	{identity.ErrAliasExists, idp.AliasExistsException, nameTaken},
	{identity.ErrSignUpDisabled, idp.NotAuthorizedException, say("SignUp is not permitted for this user pool")},
	{identity.ErrInvalidAttributes, idp.InvalidParameterException, schemaProblems},
	{identity.ErrAttributeNotWritable, idp.NotAuthorizedException, say("A client attempted to write unauthorized attribute")},
	{identity.ErrAttributeProvided, idp.NotAuthorizedException, alreadyProvided},

	{identity.ErrCodeMismatch, idp.CodeMismatchException, codeMismatch},
	{identity.ErrCodeExpired, idp.ExpiredCodeException, say("Invalid code provided, please request a code again.")},
	{identity.ErrCannotConfirm, idp.NotAuthorizedException, cannotConfirm},
	{identity.ErrAlreadyConfirmed, idp.InvalidParameterException, say("User is already confirmed.")},
	{identity.ErrNothingToVerify, idp.InvalidParameterException, say("Cannot resend codes. Auto verification not turned on.")},
	{identity.ErrResendNotPossible, idp.UnsupportedUserStateException, resendNotPossible},
	{identity.ErrNoSMS, idp.InvalidParameterException, say("User pool does not have SMS configuration to send messages.")},
	{identity.ErrNoSender, idp.CodeDeliveryFailureException, notSent},
	{identity.ErrSuppressed, idp.CodeDeliveryFailureException, notSent},
	{identity.ErrDelivery, idp.CodeDeliveryFailureException, notSent},

	{identity.ErrNoRecovery, idp.InvalidParameterException, say("Cannot reset password for the user as there is no registered/verified email or phone_number")},
	{identity.ErrRecoveryByAdmin, idp.NotAuthorizedException, say("Contact administrator to reset password.")},
	{identity.ErrCannotReset, idp.NotAuthorizedException, say("User password cannot be reset in the current state.")},
	{identity.ErrNoAddress, idp.InvalidParameterException, noAddress},
	{identity.ErrAttributeImmutable, idp.InvalidParameterException, immutable},
	{identity.ErrUnknownAttribute, idp.InvalidParameterException, unknownAttributes},
	{identity.ErrPasswordReused, idp.PasswordHistoryPolicyViolationException, say("Password has previously been used.")}, // text (unsure)

	{identity.ErrInvalidAccessToken, idp.NotAuthorizedException, say("Invalid Access Token")},
	{identity.ErrAccessTokenExpired, idp.NotAuthorizedException, say("Access Token has expired")},
	{identity.ErrAccessTokenRevoked, idp.NotAuthorizedException, say("Access Token has been revoked")},
	{identity.ErrRecentSignInRequired, idp.NotAuthorizedException, say("A recent sign-in is required. Sign in again.")}, // ours
	{identity.ErrAccessTokenScope, idp.NotAuthorizedException, say("Access Token does not have required scopes")},
	{identity.ErrInvalidRefreshToken, idp.NotAuthorizedException, say("Invalid Refresh Token.")},
	{identity.ErrRefreshTokenRevoked, idp.NotAuthorizedException, say("Refresh Token has been revoked")},
	{identity.ErrRefreshTokenExpired, idp.NotAuthorizedException, say("Refresh Token has expired")},
	{identity.ErrRefreshTokenReused, idp.RefreshTokenReuseException, say("Refresh Token has been reused.")},                                      // text (unsure)
	{identity.ErrRotationRequired, idp.InvalidParameterException, say("REFRESH_TOKEN_AUTH is not available when refresh token rotation is on.")}, // code and text (unsure)
	{identity.ErrWrongTokenType, idp.UnsupportedTokenTypeException, say("Wrong token type specified")},                                           // text (unsure)
	{identity.ErrRevocationDisabled, idp.UnsupportedOperationException, say("Token revocation is not enabled for the client.")},                  // text (unsure)
	{identity.ErrForeignToken, idp.UnauthorizedException, say("Unauthorized")},                                                                   // text (unsure)

	{identity.ErrSessionsOff, idp.OperationNotEnabledException, say("User session tracking is not enabled for the user pool.")}, // code and text (unsure)
	{identity.ErrSessionNotFound, idp.ResourceNotFoundException, say("Session does not exist.")},                                // text (unsure)
	{identity.ErrOwnSession, idp.InvalidParameterException, say("The current session cannot be revoked.")},                      // ours

	{identity.ErrDevicesOff, idp.InvalidParameterException, say("Device tracking not currently enabled for this pool.")},
	{identity.ErrDeviceNotFound, idp.ResourceNotFoundException, say("Device does not exist.")},
	{identity.ErrDeviceExists, idp.DeviceKeyExistsException, say("Device already exists.")}, // text (unsure)

	{identity.ErrGroupNotFound, idp.ResourceNotFoundException, say("Group not found.")},
	{identity.ErrGroupRuleNotFound, idp.ResourceNotFoundException, say("Group rule not found.")},      // no operation of the service's reaches it
	{identity.ErrGroupExists, idp.GroupExistsException, say("A group with the name already exists.")}, // the dot (unsure)
	{identity.ErrQuotaExceeded, idp.LimitExceededException, quotaExceeded},                            // text (unsure)

	{identity.ErrMessageNotFound, idp.ResourceNotFoundException, say("Message does not exist.")},                                          // no operation of the service asks for one
	{identity.ErrImportJobNotFound, idp.ResourceNotFoundException, notFound("Import job %s does not exist.")},                             // text (unsure)
	{identity.ErrImportNoFile, idp.PreconditionNotMetException, importState("No csv file was uploaded for %s")},                           // recorded
	{identity.ErrImportActive, idp.PreconditionNotMetException, say("Another import job is already in progress.")},                        // code and text (unsure)
	{identity.ErrImportState, idp.PreconditionNotMetException, importState("Import job %s is in the wrong state: %s.")},                   // code and text (unsure)
	{identity.ErrImportUnverified, idp.PreconditionNotMetException, say("The user pool must have at least one auto verified attribute.")}, // code and text (unsure)

	{identity.ErrDeletionProtected, idp.InvalidParameterException, say("The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.")},
	{identity.ErrInvalidSettings, idp.InvalidParameterException, settingReason},
	{identity.ErrTrigger, idp.UnexpectedLambdaException, triggerFailed},
	{identity.ErrUnsupported, idp.InvalidParameterException, unsupported},

	{identity.ErrInvalidFilter, idp.InvalidParameterException, say("Error while parsing filter.")},
	{identity.ErrInvalidFilterAttribute, idp.InvalidParameterException, invalidSearch},
	{identity.ErrInvalidPosition, idp.InvalidParameterException, say("Invalid pagination token given.")},
	{identity.ErrLastSecret, idp.InvalidParameterException, say("The last client secret of an app client cannot be deleted.")}, // code and text (unsure)
	{identity.ErrSecretNotFound, idp.ResourceNotFoundException, notFound("Client secret %s does not exist.")},                  // text (unsure)

	// Of AWS KMS.
	{identity.ErrSenderKeyUnknown, kms.IncorrectKeyException, say("The key ID in the request does not identify a CMK that can perform this operation.")},
	{identity.ErrSenderKeyMalformed, kms.InvalidCiphertextException, say("")},

	{identity.ErrBusy, idp.TooManyRequestsException, say("Rate exceeded")},
	{store.ErrConflict, idp.TooManyRequestsException, say("Rate exceeded")},
	{store.ErrTooLarge, idp.InvalidParameterException, say("The request is too large to be stored.")},
	{store.ErrInvalid, idp.InvalidParameterException, say("The request contains text that cannot be stored.")},
}

// mapError is the function mapError. It also logs what the operator must mend,
// because the answer names it only to the caller, and in the service's words.
func (s *service) mapError(ctx context.Context, op *wire.Operation, err error) *wire.Error {
	if errors.Is(err, identity.ErrNoSender) {
		s.log.ErrorContext(ctx, "a message was owed and nothing was changed", "operation", op.Name, "error", err)
	}
	out := mapError(ctx, op, err)
	if text := hint(err); s.hints && text != "" && out != nil {
		s.log.WarnContext(ctx, "refused, as Amazon Cognito refuses it", "operation", op.Name, "message", out.Message, "hint", text)
	}
	return out
}

// mapError turns an error of the domain into one of the wire; nil where it is
// none that a caller may know of.
func mapError(_ context.Context, op *wire.Operation, err error) *wire.Error {
	if s, ok := errors.AsType[*identity.SettingError](err); ok && s.OAuthFlow() {
		return wire.Errorf(idp.InvalidOAuthFlowException, "%s", settingReason(op.Name, s))
	}
	table := rows
	if op.Service == identityService {
		table = slices.Concat(identityRows, rows)
	}
	for _, r := range table {
		if errors.Is(err, r.err) {
			return &wire.Error{Type: cmp.Or(instead[op.Name][r.exception], r.exception), Message: r.message(op.Name, err)}
		}
	}
	return nil
}

// instead says what an operation answers whose model lacks the usual exception.
var instead = map[string]map[string]string{
	"AdminCreateUser":                    {idp.AliasExistsException: idp.UsernameExistsException},                                                                               // seen with the service, in pools with aliases
	"VerifySoftwareToken":                {idp.ExpiredCodeException: idp.EnableSoftwareTokenMFAException},                                                                       // recorded
	"AssociateSoftwareToken":             {idp.UserNotFoundException: idp.NotAuthorizedException},                                                                               // (unsure)
	"InitiateAuth":                       {idp.CodeDeliveryFailureException: idp.InvalidSmsRoleAccessPolicyException, idp.LimitExceededException: idp.TooManyRequestsException}, // (unsure)
	"AdminInitiateAuth":                  {idp.CodeDeliveryFailureException: idp.InvalidSmsRoleAccessPolicyException, idp.LimitExceededException: idp.TooManyRequestsException}, // (unsure)
	"RespondToAuthChallenge":             {idp.CodeDeliveryFailureException: idp.InvalidSmsRoleAccessPolicyException, idp.LimitExceededException: idp.TooManyRequestsException}, // (unsure)
	"AdminRespondToAuthChallenge":        {idp.CodeDeliveryFailureException: idp.InvalidSmsRoleAccessPolicyException, idp.LimitExceededException: idp.TooManyRequestsException}, // (unsure)
	"GetOpenIdTokenForDeveloperIdentity": {fedid.ExternalServiceException: fedid.InvalidParameterException},                                                                     // (unsure)
	"AdminGetDevice":                     {idp.UserNotFoundException: idp.ResourceNotFoundException},                                                                            // (unsure)
	"AdminListDevices":                   {idp.UserNotFoundException: idp.ResourceNotFoundException},                                                                            // (unsure)
	"GlobalSignOut":                      {idp.UserNotFoundException: idp.NotAuthorizedException},                                                                               // (unsure)
	"AdminUpdateUserAttributes":          {idp.CodeDeliveryFailureException: idp.InvalidParameterException},                                                                     // (unsure)
	"AdminResetUserPassword":             {idp.CodeDeliveryFailureException: idp.InvalidParameterException},                                                                     // (unsure)
	"AdminAddUserToGroup":                {idp.LimitExceededException: idp.InvalidParameterException},                                                                           // (unsure)
	"UpdateUserAttributes":               {idp.LimitExceededException: idp.TooManyRequestsException},                                                                            // ours: the service's figure is not known
	"RevokeToken": { // (unsure)
		idp.ResourceNotFoundException: idp.UnauthorizedException,
		idp.NotAuthorizedException:    idp.UnauthorizedException,
	},
}

// of is the error of type E in err's chain; the rows know which there is.
func of[E error](err error) E {
	e, ok := errors.AsType[E](err)
	if !ok {
		panic(fmt.Sprintf("cognito: %T where another error was due: %v", err, err))
	}
	return e
}

// notFound and forClient put an id into a message.
func notFound(format string) func(string, error) string {
	return func(_ string, err error) string { return fmt.Sprintf(format, of[*identity.NotFoundError](err).ID) }
}

func forClient(format string) func(string, error) string {
	return func(_ string, err error) string { return fmt.Sprintf(format, of[*identity.ClientError](err).Client) }
}

// wrongClientSecret is what GetClientToken says of a secret that is wrong (recorded).
const wrongClientSecret = "Invalid client or secret"

// secretMismatch has other words for the plain secret, and for the hash that comes
// with a refresh token (recorded), than for other hashes.
func secretMismatch(op string, err error) string {
	e := of[*identity.ClientError](err)
	switch {
	case op == "GetClientToken":
		return wrongClientSecret
	case op == "GetTokensFromRefreshToken" || op == "RevokeToken":
		return "Invalid Client Secret" // (unsure)
	case e.Refresh:
		return "SecretHash does not match for the client: " + e.Client
	}
	return "Unable to verify secret hash for client " + e.Client
}

// userNotFound says less where the call is public: the words could mean the name
// or the client. It names the client if a function that was asked for the user has failed. To a holder of a valid token of a deleted user it says that the
// token was revoked.
func userNotFound(op string, err error) string {
	if e, ok := errors.AsType[*identity.MigrationError](err); ok {
		return "Exception migrating user in app client " + e.Client
	}
	switch op {
	case "ConfirmSignUp", "ResendConfirmationCode", "ForgotPassword", "ConfirmForgotPassword":
		return "Username/client id combination not found."
	case "GlobalSignOut", "AssociateSoftwareToken":
		return "Access Token has been revoked"
	}
	return "User does not exist."
}

// userDisabled has a full stop except in AdminResetUserPassword, as recorded.
func userDisabled(op string, _ error) string {
	if op == "AdminResetUserPassword" {
		return "User is disabled"
	}
	return "User is disabled."
}

// flowNotEnabled has a form for each flow. All are recorded but the one for
// USER_AUTH, which is (unsure). The one for CUSTOM_AUTH blames the triggers of the
// pool.
func flowNotEnabled(_ string, err error) string {
	flow := of[*identity.FlowError](err).Flow
	switch flow {
	case "USER_SRP_AUTH":
		return "USER_SRP_AUTH is not enabled for the client."
	case "ADMIN_USER_PASSWORD_AUTH":
		return "Auth flow not enabled for this client"
	case "CUSTOM_AUTH":
		return "Custom auth lambda trigger is not configured for the user pool."
	}
	return flow + " flow not enabled for this client"
}

func missingParameter(_ string, err error) string {
	return "Missing required parameter " + of[*identity.ParameterError](err).Name
}

func invalidParameter(op string, err error) string {
	e := of[*identity.ParameterError](err)
	if e.Name == "attribute" && (op == "GetUserAttributeVerificationCode" || op == "VerifyUserAttribute") {
		return "Invalid attribute name. Only phone_number and email can be verified."
	}
	return e.Reason
}

func invalidSearch(_ string, err error) string {
	return "Invalid search attribute: " + of[*identity.ParameterError](err).Name
}

func alreadyProvided(_ string, err error) string {
	return "Cannot modify an already provided " + of[*identity.ParameterError](err).Name
}

// ruleTexts are the service's words for the rules of a password policy.
var ruleTexts = map[identity.PasswordRule]string{
	identity.RuleLength:    "Password not long enough",
	identity.RuleMaximum:   "Password too long", // (unsure)
	identity.RuleUppercase: "Password must have uppercase characters",
	identity.RuleLowercase: "Password must have lowercase characters",
	identity.RuleNumber:    "Password must have numeric characters",
	identity.RuleSymbol:    "Password must have symbol characters",
	identity.RuleSpace:     "Password cannot start or end with a space", // (unsure)
	identity.RuleCommon:    "Password is too common",                    // ours: the service has no such rule
	identity.RuleBreached:  "Password is known from a data breach",      // ours
}

// passwordRule names the first rule that was broken, as the service does. The two
// prefixes are recorded: "did not conform with" belongs to SignUp alone.
func passwordRule(_ string, err error) string {
	e := of[*identity.PasswordError](err)
	prefix := "Password does not conform to policy: "
	if e.SignUp {
		prefix = "Password did not conform with policy: "
	}
	return prefix + ruleTexts[e.Unmet[0]]
}

// nameTaken says which kind of name is taken. AdminCreateUser has one sentence for
// all kinds of usernames (recorded).
func nameTaken(op string, err error) string {
	e := of[*identity.NameTakenError](err)
	switch {
	case op == "AdminCreateUser" && errors.Is(e.Err, identity.ErrUsernameExists):
		return "User account already exists"
	case e.Attribute == "":
		return "User already exists"
	}
	return "An account with the given " + e.Attribute + " already exists."
}

// innerNames are what the service calls required attributes that are missing, of those that have inner names.
var innerNames = map[string]string{
	"name": "name.formatted", "given_name": "name.givenName", "family_name": "name.familyName",
	"middle_name": "name.middleName", // (unsure)
}

// schemaProblems lists all problems, one a line. Each line ends in a line feed,
// the last one too (recorded).
func schemaProblems(_ string, err error) string {
	var b strings.Builder
	b.WriteString("Attributes did not conform to the schema: ")
	for _, p := range of[*identity.AttributeError](err).Problems {
		name, sentence := p.Name, attributeSentence(p)
		if inner := innerNames[name]; inner != "" && p.Code == settings.AttributeRequired {
			name, sentence = inner, "The attribute "+inner+" is required"
		}
		b.WriteString(name + ": " + sentence + "\n")
	}
	return b.String()
}

// resourceServerTaken names the identifier and the pool, as known from another emulator.
func resourceServerTaken(_ string, err error) string {
	e := of[*identity.ResourceServerError](err)
	return e.Identifier + " already exists in user pool " + e.Pool + "."
}

// aboutProvider is a text about what an identity provider cannot have.
func aboutProvider(format string) func(string, error) string {
	return func(_ string, err error) string { return fmt.Sprintf(format, of[*identity.ProviderError](err).Name) }
}

func providerUnknown(_ string, err error) string {
	e := of[*identity.ProviderError](err)
	return fmt.Sprintf("The provider %s does not exist for User Pool %s.", e.Name, e.Pool)
}

// metadataUnread names the URL. For a file the text is (unsure).
func metadataUnread(_ string, err error) string {
	if e := of[*identity.ProviderError](err); e.Name != "" {
		return "Error retrieving metadata from " + e.Name
	}
	return "Invalid metadata file."
}

// mfaMismatch has other words for codes that were sent than for those of an app.
func mfaMismatch(_ string, err error) string {
	if of[*identity.MFACodeError](err).Method == identity.MFATOTP {
		return "Invalid code received for user"
	}
	return "Invalid code or auth state for the user."
}

// codeMismatch has other words for codes that begin a sign-in.
func codeMismatch(op string, _ error) string {
	if op == "RespondToAuthChallenge" || op == "AdminRespondToAuthChallenge" {
		return "Invalid code or auth state for the user."
	}
	return "Invalid verification code provided, please try again."
}

// mfaNotReady is recorded for SOFTWARE_TOKEN_MFA, and for SMS by analogy (unsure).
func mfaNotReady(_ string, err error) string {
	if of[*identity.MFAError](err).Method == identity.MFAPasskey {
		return "User does not have applicable WebAuthn credentials to enable WebAuthn MFA." // recorded by a client of the service
	}
	return "User does not have delivery config set to turn on " + string(of[*identity.MFAError](err).Method)
}

// noAddress is (unsure).
func noAddress(_ string, err error) string {
	if of[*identity.ParameterError](err).Name == "email" {
		return "User does not have a valid registered email address"
	}
	return "User does not have a valid registered phone number" // (unsure)
}

// immutable has a line for each attribute, and no end of line after the last.
func immutable(_ string, err error) string {
	return strings.TrimSuffix(attributeLines(err), "\n")
}

// unknownAttributes has a line for each attribute, and ends the last line too.
func unknownAttributes(_ string, err error) string {
	return "Invalid user attributes: " + attributeLines(err)
}

// attributeLines says what is wrong with attributes of a user, a line each.
func attributeLines(err error) string {
	var b strings.Builder
	for _, p := range of[*identity.AttributeError](err).Problems {
		b.WriteString("user." + p.Name + ": " + attributeSentence(p) + "\n")
	}
	return b.String()
}

// notSent is what the service says of a mail that it cannot send, as users of the
// AWS SDKs report it. What it says of a text message is not known.
func notSent(_ string, err error) string {
	if of[*identity.MessageError](err).Medium == identity.MediumEmail {
		return "Invalid email provided/Unable to send the email"
	}
	return "Failed to deliver the message." // text (unsure)
}

// cannotConfirm discloses the state of the user, as the service does. Package
// identity decides whether the caller may learn it.
func cannotConfirm(_ string, err error) string {
	return "User cannot be confirmed. Current status is " + string(of[*identity.StatusError](err).Status)
}

// resendNotPossible: the end of the sentence is recorded, and the name in it is
// known from other emulators.
func resendNotPossible(_ string, err error) string {
	return "Resend not possible. " + of[*identity.StatusError](err).Username + " status is not FORCE_CHANGE_PASSWORD"
}

// quotaExceeded says of what there would be too many; only the words about
// client secrets are known.
func quotaExceeded(_ string, err error) string {
	e := of[*identity.QuotaError](err)
	if e.What == "client secrets" {
		return fmt.Sprintf("Client secrets cannot exceed limit of %d secrets.", e.Max) // (unsure)
	}
	return fmt.Sprintf("Cannot exceed limit of %d %s.", e.Max, e.What) // (unsure)
}

func settingReason(op string, err error) string {
	return settingSentence(op, of[*identity.SettingError](err))
}

// triggerFailed is the service's message about a function that it cannot find.
// This version cannot call any function.
func triggerFailed(_ string, err error) string {
	name := of[*identity.TriggerError](err).Trigger
	if name == identity.PreTokenGenerationV1 {
		name = identity.PreTokenGeneration
	}
	return string(name) + " invocation failed due to error ResourceNotFoundException."
}

func hookRefused(_ string, err error) string {
	e := of[*identity.HookError](err)
	return string(e.Trigger) + " failed with error " + of[*hook.RefusalError](err).Reason + "."
}

// hookFailed names the error of a function that could not be called. What went wrong in a
// hook of the program is not told: the service has no such hooks.
func hookFailed(_ string, err error) string {
	name := string(of[*identity.HookError](err).Trigger)
	f, ok := errors.AsType[*hook.FailureError](err)
	switch {
	case !ok:
		return name + " invocation failed due to error InternalError."
	case f.Name == "":
		return name + " failed with error Socket timeout while invoking Lambda function."
	}
	return name + " invocation failed due to error " + f.Name + "."
}

// importState names the job, and its state if the text has room for it.
func importState(format string) func(string, error) string {
	return func(_ string, err error) string {
		e := of[*identity.ImportStateError](err)
		if strings.Count(format, "%s") == 1 {
			return fmt.Sprintf(format, e.ID)
		}
		return fmt.Sprintf(format, e.ID, e.Status)
	}
}

// unsupported is ours: the service supports all of it. The text of the error after
// ErrUnsupported says what is meant.
func unsupported(_ string, err error) string {
	_, what, _ := strings.Cut(err.Error(), identity.ErrUnsupported.Error()+": ")
	return "This version does not support " + what + "."
}
