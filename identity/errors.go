package identity

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/identity/settings"
)

// Errors that a caller may branch on, with [errors.Is]. Errors that carry data
// have a type of their own, for [errors.As], and wrap one of these.
var (
	// ErrPoolNotFound is returned for a user pool that does not exist. It is a [*NotFoundError].
	ErrPoolNotFound = errors.New("identity: user pool does not exist")
	// ErrClientNotFound is returned for an app client that does not exist, or belongs to another pool. It is a [*NotFoundError].
	ErrClientNotFound = errors.New("identity: app client does not exist")
	// ErrGroupNotFound is returned for a group that does not exist. It is a [*NotFoundError].
	ErrGroupNotFound = errors.New("identity: group does not exist")
	// ErrGroupRuleNotFound is returned for a group rule that does not exist. It is a [*NotFoundError].
	ErrGroupRuleNotFound = errors.New("identity: group rule does not exist")
	// ErrGroupExists is returned when a group's name is taken. It is a [*GroupError].
	ErrGroupExists = errors.New("identity: group already exists")
	// ErrResourceServerNotFound is returned for a resource server that does not exist. It is a [*NotFoundError].
	ErrResourceServerNotFound = errors.New("identity: resource server does not exist")
	// ErrResourceServerExists is returned when the identifier of a resource server is taken. It is a [*ResourceServerError].
	ErrResourceServerExists = errors.New("identity: resource server already exists")
	// ErrProviderNotFound is returned for an identity provider that does not exist, or that the app client does not have. It is a [*NotFoundError].
	ErrProviderNotFound = errors.New("identity: identity provider does not exist")
	// ErrProviderUnknown is returned for an app client that names an identity provider which the pool does not have. It is a [*ProviderError].
	ErrProviderUnknown = errors.New("identity: app client names an identity provider that does not exist")
	// ErrProviderExists is returned when the name of an identity provider is taken. It is a [*ProviderError].
	ErrProviderExists = errors.New("identity: identity provider already exists")
	// ErrProviderIdentifierTaken is returned when another identity provider of the pool has an identifier. It is a [*ProviderError].
	ErrProviderIdentifierTaken = errors.New("identity: identifier belongs to another identity provider")
	// ErrProviderUnreachable is returned by a [ProviderResolver] if the issuer of an OIDC provider cannot be discovered.
	ErrProviderUnreachable = errors.New("identity: issuer of the identity provider cannot be discovered")
	// ErrProviderMetadata is returned by a [ProviderResolver] for metadata of a SAML provider that cannot be read. It is a [*ProviderError], whose
	// Name is the URL; it is empty for metadata that was given as a file.
	ErrProviderMetadata = errors.New("identity: metadata of the identity provider cannot be read")
	// ErrNoSigningCertificate is returned for the signing certificate of a pool that never had a SAML provider.
	ErrNoSigningCertificate = errors.New("identity: user pool has no signing certificate")
	// ErrProviderSubject is returned for a sign-in by a provider that has named nobody, or somebody who can have no username in the pool.
	ErrProviderSubject = errors.New("identity: identity provider has named nobody who can have a username")
	// ErrProviderAmbiguous is returned for a sign-in by a provider whose answer names two users of the pool.
	ErrProviderAmbiguous = errors.New("identity: answer of the identity provider names two users")
	// ErrProviderDisabled is returned for a sign-in by an identity that an operator has turned off.
	ErrProviderDisabled = errors.New("identity: sign-in by the identity provider is turned off for the user")
	// ErrLinkSourceExists is returned for a link of somebody who has signed in by the provider already.
	ErrLinkSourceExists = errors.New("identity: somebody who has signed in by the identity provider cannot be linked")
	// ErrAlreadyLinked is returned for a link that exists.
	ErrAlreadyLinked = errors.New("identity: already linked to the user")
	// ErrLinkSource is returned for a link whose source is a user of the pool itself.
	ErrLinkSource = errors.New("identity: a user with a password cannot be linked to another")
	// ErrFederatedUser is returned to users who sign in by an identity provider alone, for what is the provider's affair: passwords and factors.
	ErrFederatedUser = errors.New("identity: the identity provider of the user has the password and the factors")
	// ErrScopeNotFound is returned for a scope that is neither one of OpenID Connect nor of a resource server of the pool. It is a [*NotFoundError].
	ErrScopeNotFound = errors.New("identity: scope does not exist")
	// ErrDomainNotFound is returned for a domain that the pool, or any pool, does not have. It is a [*NotFoundError].
	ErrDomainNotFound = errors.New("identity: domain does not exist")
	// ErrDomainTaken is returned for a domain that a pool has already. It is a [*DomainError].
	ErrDomainTaken = errors.New("identity: domain belongs to a user pool")
	// ErrDomainExists is returned for a second prefix of a pool, or a second custom domain. It is a [*DomainError].
	ErrDomainExists = errors.New("identity: user pool has a domain of this kind")
	// ErrPoolHasDomain is returned for the deletion of a pool that has a domain.
	ErrPoolHasDomain = errors.New("identity: user pool has a domain, which must be deleted first")
	// ErrBrandingNotFound is returned for a style of pages that does not exist. It is a [*NotFoundError].
	ErrBrandingNotFound = errors.New("identity: style of pages does not exist")
	// ErrBrandingExists is returned for a second style of the pages of a client.
	ErrBrandingExists = errors.New("identity: app client has a style of pages")
	// ErrTermsNotFound is returned for terms that do not exist. It is a [*NotFoundError].
	ErrTermsNotFound = errors.New("identity: terms do not exist")
	// ErrTermsExist is returned for a second document of one name of an app client.
	ErrTermsExist = errors.New("identity: app client has terms of this name")
	// ErrUserNotFound is returned for a user who does not exist, to operators and where the settings disclose it.
	ErrUserNotFound = errors.New("identity: user does not exist")
	// ErrIncorrectCredentials is returned for a wrong password or proof. It is
	// also returned for an unknown user, unless the settings disclose who has an account.
	ErrIncorrectCredentials = errors.New("identity: incorrect username or password")
	// ErrUserNotConfirmed is returned to a user who has not confirmed the sign-up.
	ErrUserNotConfirmed = errors.New("identity: user is not confirmed")
	// ErrUserDisabled is returned to a user who was disabled.
	ErrUserDisabled = errors.New("identity: user is disabled")
	// ErrPasswordResetRequired is returned to a user who must reset the password first.
	ErrPasswordResetRequired = errors.New("identity: password reset required")
	// ErrTemporaryPasswordExpired is returned for a temporary password that was not used in time.
	ErrTemporaryPasswordExpired = errors.New("identity: temporary password has expired")
	// ErrTooManyAttempts is returned to a user who is locked out. The password is not verified.
	ErrTooManyAttempts = errors.New("identity: password attempts exceeded")
	// ErrLimitExceeded is returned after too many requests for codes, or too many attempts at a code or password.
	ErrLimitExceeded = errors.New("identity: attempt limit exceeded")
	// ErrBusy is returned when so many passwords are being hashed that another would have to wait too long. Nothing was changed: try again later.
	ErrBusy = passhash.ErrBusy
	// ErrFlowNotEnabled is returned for a way to sign in that the client's settings do not allow. It is a [*FlowError].
	ErrFlowNotEnabled = errors.New("identity: flow is not enabled for the client")
	// ErrMissingParameter is returned when a flow lacks one of its inputs. It is a [*ParameterError].
	ErrMissingParameter = errors.New("identity: missing required parameter")
	// ErrInvalidParameter is returned for an invalid input. It is a [*ParameterError].
	ErrInvalidParameter = errors.New("identity: invalid parameter")
	// ErrSecretHashMissing is returned when a client with a secret sends no proof of it. It is a [*ClientError].
	ErrSecretHashMissing = errors.New("identity: the client has a secret, and no proof of it was sent")
	// ErrSecretHashMismatch is returned for a wrong proof of the client's secret. It is a [*ClientError].
	ErrSecretHashMismatch = errors.New("identity: the proof of the client's secret is wrong")

	// ErrSessionInvalid is returned for a challenge state that is malformed, or that belongs to another pool, client or user.
	ErrSessionInvalid = errors.New("identity: invalid challenge state")
	// ErrSessionExpired is returned for a challenge state that is too old.
	ErrSessionExpired = errors.New("identity: challenge has expired")
	// ErrSessionUsed is returned for a challenge state that was answered before.
	ErrSessionUsed = errors.New("identity: challenge was answered before")

	// ErrInvalidPassword is returned for a password that does not meet the policy of the pool. It is a [*PasswordError].
	ErrInvalidPassword = errors.New("identity: password does not meet the policy")
	// ErrBreachCheck is returned if Options.Breached fails, or takes too long. Nothing was changed: try again later.
	ErrBreachCheck = errors.New("identity: it is not known whether the password is breached")
	// ErrPasswordReused is returned for a password that the user had before, if the pool forbids to use it again.
	ErrPasswordReused = errors.New("identity: password was used before")
	// ErrUsernameExists is returned when another user has the name. It is a [*NameTakenError].
	ErrUsernameExists = errors.New("identity: user already exists")
	// ErrAliasExists is returned when another user has verified the same address. It is a [*NameTakenError].
	ErrAliasExists = errors.New("identity: an account with the address already exists")
	// ErrSignUpDisabled is returned by sign-up if only operators may create users.
	ErrSignUpDisabled = errors.New("identity: sign-up is not permitted for this user pool")
	// ErrInvalidAttributes is returned for attributes that the schema or the client does not allow. It is an [*AttributeError].
	ErrInvalidAttributes = errors.New("identity: attributes are not as the schema demands")
	// ErrAttributeNotWritable is returned for attributes that the client may not write.
	ErrAttributeNotWritable = errors.New("identity: client may not write the attribute")
	// ErrAttributeProvided is returned when the answer to a challenge changes an attribute that has a value. It is a [*ParameterError].
	ErrAttributeProvided = errors.New("identity: attribute already has a value")

	// ErrCodeMismatch is returned for a wrong code.
	ErrCodeMismatch = errors.New("identity: invalid verification code")
	// ErrCodeExpired is returned for a code that is too old, was used, or was never sent.
	ErrCodeExpired = errors.New("identity: code has expired")
	// ErrCannotConfirm is returned when a user is no longer waiting for confirmation. It is a [*StatusError].
	ErrCannotConfirm = errors.New("identity: user cannot be confirmed")
	// ErrAlreadyConfirmed is returned when a confirmed user asks for a code to confirm the sign-up.
	ErrAlreadyConfirmed = errors.New("identity: user is already confirmed")
	// ErrNothingToVerify is returned when the user has no address to send a code to, or the pool verifies no addresses.
	ErrNothingToVerify = errors.New("identity: there is no address to send a code to")
	// ErrResendNotPossible is returned when a user who has accepted an invitation is invited again. It is a [*StatusError].
	ErrResendNotPossible = errors.New("identity: invitation cannot be sent again")
	// ErrNoRecovery is returned when the user has no verified address that a code to reset the password could go to.
	ErrNoRecovery = errors.New("identity: user has no verified address that a code could go to")
	// ErrRecoveryByAdmin is returned when only an operator may reset passwords.
	ErrRecoveryByAdmin = errors.New("identity: only an operator can reset the password")
	// ErrCannotReset is returned when the user's state forbids to reset or change the password.
	ErrCannotReset = errors.New("identity: password cannot be reset in the current state")
	// ErrNoAddress is returned when a user lacks the address that a code should go to. It is a [*ParameterError].
	ErrNoAddress = errors.New("identity: user has no such address")
	// ErrAttributeImmutable is returned for a change of attributes that never change once the user exists. It is an [*AttributeError].
	ErrAttributeImmutable = errors.New("identity: attribute cannot be updated")
	// ErrUnknownAttribute is returned for a change or deletion of attributes that are not in the schema. It is an [*AttributeError].
	ErrUnknownAttribute = errors.New("identity: attribute does not exist in the schema")
	// ErrNoSender is returned by an operation that owes a message if [Options] has
	// no Sender. Nothing was changed. The error is a [*MessageError].
	ErrNoSender = errors.New("identity: no way to send messages: the engine, or the server, was given no sender")
	// ErrDelivery is returned when a message could not be sent. Everything else was done: do not repeat the call to send it again.
	ErrDelivery = errors.New("identity: message could not be delivered")

	// ErrNoSMS comes with the [ErrDelivery] of a text message by a pool that sends none, see [settings.Pool.SendsSMS].
	ErrNoSMS = errors.New("identity: user pool has no settings of SMS")
	// ErrSuppressed comes with the [ErrDelivery] of a message to an address that nothing is sent to, see [Messages.Suppress].
	ErrSuppressed = errors.New("identity: messages to the address came back, and nothing is sent to it")
	// ErrMessageNotFound is returned for a message that is not in the outbox. It may have been sent. It is a [*NotFoundError].
	ErrMessageNotFound = errors.New("identity: no such message waits")

	// ErrTOTPDisabled is returned when the pool does not allow authenticator apps.
	ErrTOTPDisabled = errors.New("identity: authenticator apps are not enabled for the user pool")
	// ErrPasskeysDisabled is returned in a pool whose sign-ins may not begin with a passkey.
	ErrPasskeysDisabled = errors.New("identity: the pool offers no passkeys")
	// ErrPasskeyParty is returned in a pool that offers passkeys and has no relying party to make them for.
	ErrPasskeyParty = errors.New("identity: the pool has no relying party for passkeys: set Passkeys.RelyingParty")
	// ErrTooManyPasskeys is returned to a user who has as many passkeys as a user may have, which is 20.
	ErrTooManyPasskeys = errors.New("identity: the user has 20 passkeys")
	// ErrPasskeyChallenge is returned for an answer to a challenge that the user was not given, that is too old, or that was used.
	ErrPasskeyChallenge = errors.New("identity: there is no such passkey challenge")
	// ErrPasskeyClient is returned for an answer to a challenge that the user got through another app client.
	ErrPasskeyClient = errors.New("identity: the passkey challenge belongs to another app client")
	// ErrPasskeyRelyingParty is returned for a passkey that was made for another relying party.
	ErrPasskeyRelyingParty = errors.New("identity: the passkey is for another relying party")
	// ErrPasskeyOrigin is returned for a passkey from an origin that is not allowed.
	ErrPasskeyOrigin = errors.New("identity: the origin may not use passkeys of the pool")
	// ErrPasskeyUnsupported is returned for a passkey with a key or an attestation that is not accepted.
	ErrPasskeyUnsupported = errors.New("identity: the passkey is not supported")
	// ErrPasskeyInvalid is returned for a passkey that cannot be read or verified, or that is registered already.
	ErrPasskeyInvalid = errors.New("identity: the passkey is not valid")
	// ErrPasskeyNotFound is returned for a passkey that the user does not have.
	ErrPasskeyNotFound = errors.New("identity: the user has no such passkey")

	// ErrTOTPNotFound is returned for a user who has not enrolled an authenticator app.
	ErrTOTPNotFound = errors.New("identity: no authenticator app is enrolled")
	// ErrTOTPMismatch is returned for a wrong code during the enrollment of an authenticator app.
	ErrTOTPMismatch = errors.New("identity: wrong code of the authenticator app")
	// ErrTOTPUsed is returned for a code of an authenticator app that was used before.
	ErrTOTPUsed = errors.New("identity: code of the authenticator app was used before")
	// ErrMFACodeMismatch is returned for a wrong code of a second factor at sign-in. It is a [*MFACodeError].
	ErrMFACodeMismatch = errors.New("identity: wrong code of the second factor")
	// ErrRecoveryCodesDisabled is returned when the pool does not allow recovery codes.
	ErrRecoveryCodesDisabled = errors.New("identity: recovery codes are not enabled for the user pool")
	// ErrRecoveryCodeMismatch is returned for a recovery code that is wrong, was used before, or was replaced by newer ones.
	ErrRecoveryCodeMismatch = errors.New("identity: wrong recovery code")
	// ErrMFANotReady is returned when a second factor is turned on that the user has not set up. It is a [*MFAError].
	ErrMFANotReady = errors.New("identity: user has not set up the second factor")
	// ErrPasskeyAlone is returned for [MFAPasskey] without another second factor that is turned on.
	ErrPasskeyAlone = errors.New("identity: a passkey as both factors needs another second factor beside it")
	// ErrMFAPreference is returned when two second factors are preferred, or when the preferred one is not turned on.
	ErrMFAPreference = errors.New("identity: at most one second factor can be preferred, and it must be turned on")
	// ErrMFARequired is returned when a user turns the last second factor off in a pool that demands one.
	ErrMFARequired = errors.New("identity: the user pool requires a second factor, and this one is the last")

	// ErrSessionsOff is returned by what is about the sessions of users, if the pool does not track them.
	ErrSessionsOff = errors.New("identity: sessions are not tracked in the user pool")
	// ErrSessionNotFound is returned for a session that the user does not have, or has no longer.
	ErrSessionNotFound = errors.New("identity: session does not exist")
	// ErrOwnSession is returned when users revoke the session that they call from.
	ErrOwnSession = errors.New("identity: the current session is ended by signing out")

	// ErrDevicesOff is returned by what is about devices, if the pool does not track them.
	ErrDevicesOff = errors.New("identity: devices are not tracked in the user pool")
	// ErrDeviceNotFound is returned for a device that the user has not confirmed, or that was forgotten.
	ErrDeviceNotFound = errors.New("identity: device does not exist")
	// ErrDeviceExists is returned when a device is confirmed that was confirmed before.
	ErrDeviceExists = errors.New("identity: device was confirmed before")

	// ErrQuotaExceeded is returned when a quota would be exceeded, see [Quotas]. It is a [*QuotaError].
	ErrQuotaExceeded = errors.New("identity: quota exceeded")
	// ErrInvalidFilter is returned for a malformed filter, see [UserQuery].
	ErrInvalidFilter = errors.New("identity: invalid filter")
	// ErrInvalidFilterAttribute is returned for a filter by an attribute that is not searchable. It is a [*ParameterError].
	ErrInvalidFilterAttribute = errors.New("identity: attribute cannot be searched")
	// ErrInvalidPosition is returned for a malformed position in a list, or one of another list.
	ErrInvalidPosition = errors.New("identity: invalid position in a list")
	// ErrSenderKeyUnknown is returned for a key of codes that the pool does not have.
	ErrSenderKeyUnknown = errors.New("identity: the user pool does not have this key of codes")
	// ErrSenderKeyMalformed is returned for a wrapped key of a code that the pool has not made, or not for this context.
	ErrSenderKeyMalformed = errors.New("identity: the key of a code cannot be unwrapped")
	// ErrLastSecret is returned for the deletion of a client's only secret.
	ErrLastSecret = errors.New("identity: the last secret of a client cannot be deleted")
	// ErrSecretNotFound is returned for a secret that a client does not have. It is a [*NotFoundError].
	ErrSecretNotFound = errors.New("identity: client secret does not exist")

	// ErrInvalidAccessToken is returned for an access token that is malformed or was not issued by the pool.
	ErrInvalidAccessToken = errors.New("identity: invalid access token")
	// ErrAccessTokenExpired is returned for an access token that has expired.
	ErrAccessTokenExpired = errors.New("identity: access token has expired")
	// ErrAccessTokenRevoked is returned for an access token whose sign-in was ended.
	ErrAccessTokenRevoked = errors.New("identity: access token has been revoked")
	// ErrRecentSignInRequired is returned to a user who changes how to sign in, if the sign-in is too old: let the user sign in again, and
	// repeat the call with the new access token. It is a [*RecentSignInError].
	ErrRecentSignInRequired = errors.New("identity: a recent sign-in is required")
	// ErrAccessTokenScope is returned for an access token without the scope to manage its user.
	ErrAccessTokenScope = errors.New("identity: access token does not have required scopes")
	// ErrInsufficientScope is returned for an access token without the scope openid, where the answer is about its user.
	ErrInsufficientScope = errors.New("identity: access token does not have the scope openid")
	// ErrNotSignedIn is returned for a browser that is not signed in, or no longer.
	ErrNotSignedIn = errors.New("identity: the browser is not signed in")
	// ErrRedirectMismatch is returned for a redirect URI that is not one of the client's.
	ErrRedirectMismatch = errors.New("identity: the redirect URI is not one of the client's callback URLs")
	// ErrGrantNotAllowed is returned for an OAuth grant that the settings of the client do not allow.
	ErrGrantNotAllowed = errors.New("identity: the settings of the client do not allow the grant")
	// ErrScopeNotAllowed is returned for a scope that the client may not have.
	ErrScopeNotAllowed = errors.New("identity: the client may not have the scope")
	// ErrChallengeRequired is returned to a client without a secret that asks a safe pool for a code without a challenge of PKCE.
	ErrChallengeRequired = errors.New("identity: a client without a secret needs a challenge of PKCE")
	// ErrConsentRequired is returned if the user has not let the application have what it asks for. See [Authorization.Consent].
	ErrConsentRequired = errors.New("identity: the user has not consented")
	// ErrInvalidAuthCode is returned for an authorization code that does not exist, is too old, was exchanged before, or belongs to another client or redirect URI.
	ErrInvalidAuthCode = errors.New("identity: invalid authorization code")
	// ErrInvalidRefreshToken is returned for a refresh token that is malformed or was issued to another client.
	ErrInvalidRefreshToken = errors.New("identity: invalid refresh token")
	// ErrRefreshTokenRevoked is returned for a refresh token whose sign-in was ended.
	ErrRefreshTokenRevoked = errors.New("identity: refresh token has been revoked")
	// ErrRefreshTokenExpired is returned for a refresh token that has expired.
	ErrRefreshTokenExpired = errors.New("identity: refresh token has expired")
	// ErrRefreshTokenReused is returned for a rotated refresh token that is used after its grace period. The sign-in is ended.
	ErrRefreshTokenReused = errors.New("identity: refresh token was used before")
	// ErrRotationRequired is returned when a client that rotates refresh tokens uses the flow that does not rotate them.
	// In Go, set [Refresh].Rotating and keep the refresh token that comes back.
	ErrRotationRequired = errors.New("identity: the client rotates refresh tokens, which this flow cannot do")
	// ErrWrongTokenType is returned when an access or ID token is given to be revoked. Only refresh tokens can be revoked.
	ErrWrongTokenType = errors.New("identity: only refresh tokens can be revoked")
	// ErrRevocationDisabled is returned when the client's settings do not allow to revoke tokens.
	ErrRevocationDisabled = errors.New("identity: token revocation is disabled for the client")
	// ErrForeignToken is returned when a client tries to revoke another client's token.
	ErrForeignToken = errors.New("identity: token belongs to another client")

	// ErrImportJobNotFound is returned for an import job that does not exist. It is a [*NotFoundError].
	ErrImportJobNotFound = errors.New("identity: import job does not exist")
	// ErrImportState is returned for an import job that cannot be started or stopped in its state. It is an [*ImportStateError].
	ErrImportState = errors.New("identity: import job cannot be started or stopped in its state")
	// ErrImportNoFile is returned when an import job is started that has no file. It is an [*ImportStateError].
	ErrImportNoFile = errors.New("identity: no file was uploaded for the import job")
	// ErrImportActive is returned when an import job is started while another one is active. It is an [*ImportStateError].
	ErrImportActive = errors.New("identity: another import job is active")
	// ErrImportUnverified is returned when an import job is started in a pool that verifies no addresses. It is an [*ImportStateError].
	ErrImportUnverified = errors.New("identity: the user pool verifies no addresses")
	// ErrUploadRefused is returned for an upload with a wrong signature, or for a job that does not exist.
	ErrUploadRefused = errors.New("identity: the signature of the upload is wrong")
	// ErrUploadExpired is returned for an upload that comes too late.
	ErrUploadExpired = errors.New("identity: the time to upload the file is over")
	// ErrUploadTooLarge is returned for an upload of more than [MaxImportFile] bytes.
	ErrUploadTooLarge = errors.New("identity: the file is larger than 100 MiB")

	// ErrDeletionProtected is returned for the deletion of a pool whose settings protect it. Turn the protection off first.
	ErrDeletionProtected = errors.New("identity: deletion protection is active")
	// ErrInvalidSettings is returned for invalid settings. It is a [*SettingError].
	ErrInvalidSettings = settings.ErrInvalid
	// ErrHookRefused is returned if a hook refuses the call. It is a [*HookError].
	ErrHookRefused = errors.New("identity: a hook has refused the call")
	// ErrHookDecision is returned if the decision of a hook is invalid. It is a [*HookError].
	ErrHookDecision = errors.New("identity: the decision of a hook is invalid")
	// ErrHookFailed is returned if a hook fails. It is a [*HookError].
	ErrHookFailed = errors.New("identity: a hook has failed")
	// ErrTrigger is returned when the pool names a target for a trigger and the engine cannot call it. It is a [*TriggerError].
	ErrTrigger = errors.New("identity: the target of the trigger cannot be called")
	// ErrPlan is returned for a flow that the plan of the pool does not have, see Tier of [PoolSettings].
	ErrPlan = errors.New("identity: the plan of the user pool does not have this flow")
	// ErrLevelReached is returned for a step-up whose access token has the level already. Use that token.
	ErrLevelReached = errors.New("identity: the access token has the level already")
	// ErrLevelUnreachable is returned for a sign-in that names levels of which the user can reach none, or not with the factor that was proved.
	ErrLevelUnreachable = errors.New("identity: the user cannot reach the level")
	// ErrLevelRequired is returned for a session or a browser whose sign-in has not reached a level, or is too old. It is a [*LevelError].
	ErrLevelRequired = errors.New("identity: a stronger sign-in is required")
	// ErrUnsupported is returned for what this version does not support. Nothing was changed.
	ErrUnsupported = errors.New("identity: not supported by this version")
)

// A NotFoundError names the pool, client, group, rule, message, import job or secret that does not exist.
type NotFoundError struct {
	Err error  // such as ErrPoolNotFound or ErrGroupNotFound
	ID  string // the id or name of what does not exist
}

func (e *NotFoundError) Error() string { return e.Err.Error() + ": " + e.ID }
func (e *NotFoundError) Unwrap() error { return e.Err }

// An ImportStateError names the import job that is in the wrong state.
type ImportStateError struct {
	Err    error        // ErrImportState, ErrImportNoFile, ErrImportActive or ErrImportUnverified
	ID     string       // of the job
	Status ImportStatus // of the job
}

func (e *ImportStateError) Error() string { return e.Err.Error() + ": " + e.ID }
func (e *ImportStateError) Unwrap() error { return e.Err }

// A GroupError names the group that an error is about.
type GroupError struct {
	Err  error  // ErrGroupExists
	Name string // of the group
}

func (e *GroupError) Error() string { return e.Err.Error() + ": " + e.Name }
func (e *GroupError) Unwrap() error { return e.Err }

// A ResourceServerError names the resource server that an error is about.
type ResourceServerError struct {
	Err        error  // ErrResourceServerExists
	Pool       string // the id of the pool
	Identifier string // of the resource server
}

func (e *ResourceServerError) Error() string { return e.Err.Error() + ": " + e.Identifier }
func (e *ResourceServerError) Unwrap() error { return e.Err }

// A ProviderError names the identity provider that an error is about.
type ProviderError struct {
	Err  error  // such as ErrProviderExists
	Pool string // the id of the pool; empty where it does not matter
	Name string // of the provider; of ErrProviderIdentifierTaken and ErrProviderMetadata what is wrong
}

func (e *ProviderError) Error() string { return e.Err.Error() + ": " + e.Name }
func (e *ProviderError) Unwrap() error { return e.Err }

// A DomainError names the domain that a pool cannot have.
type DomainError struct {
	Err    error  // ErrDomainTaken or ErrDomainExists
	Domain string // the name that was asked for
}

func (e *DomainError) Error() string { return e.Err.Error() + ": " + e.Domain }
func (e *DomainError) Unwrap() error { return e.Err }

// A ClientError is an error about a client's proof of its secret.
type ClientError struct {
	Err    error  // ErrSecretHashMissing or ErrSecretHashMismatch
	Client string // the id of the client
	// Refresh is set if the proof came with a refresh token.
	Refresh bool
}

func (e *ClientError) Error() string { return e.Err.Error() + ": " + e.Client }
func (e *ClientError) Unwrap() error { return e.Err }

// A FlowError names the flow that a client may not use.
type FlowError struct {
	Flow string // the name of the flow
}

func (e *FlowError) Error() string { return ErrFlowNotEnabled.Error() + ": " + e.Flow }
func (e *FlowError) Unwrap() error { return ErrFlowNotEnabled }

// A ParameterError names an input that is missing or invalid. If it is invalid,
// the error says why.
type ParameterError struct {
	Err    error  // ErrMissingParameter, ErrInvalidParameter, ErrAttributeProvided, ErrNoAddress or ErrInvalidFilterAttribute
	Name   string // the name of the input
	Reason string // what is wrong with the input; empty if it is missing
}

func (e *ParameterError) Error() string {
	if e.Reason == "" {
		return e.Err.Error() + ": " + e.Name
	}
	return e.Err.Error() + ": " + e.Name + ": " + e.Reason
}
func (e *ParameterError) Unwrap() error { return e.Err }

func missing(name string) error { return &ParameterError{Err: ErrMissingParameter, Name: name} }

func invalid(name, reason string) error {
	return &ParameterError{Err: ErrInvalidParameter, Name: name, Reason: reason}
}

// A PasswordError says which rules a password does not meet.
type PasswordError struct {
	Unmet []PasswordRule // the rules that the password breaks, in the order in which they are checked
	// SignUp is set if the user chose the password at sign-up.
	SignUp bool
	// Minimum is the least number of characters that the policy asks for.
	Minimum int
}

// Error says what the password must have, such as "the password must have at least 15 characters".
func (e *PasswordError) Error() string {
	wanted := e.Wanted()
	list := wanted[len(wanted)-1]
	if rest := wanted[:len(wanted)-1]; len(rest) > 0 {
		list = strings.Join(rest, ", ") + " and " + list
	}
	return "identity: the password must have " + list
}
func (e *PasswordError) Unwrap() error { return ErrInvalidPassword }

// Wanted returns what the password lacks, in words for people, such as "at least 15
// characters" and "an uppercase letter". There is at least one.
func (e *PasswordError) Wanted() []string {
	if len(e.Unmet) == 0 { // not made by this package
		return []string{"what the policy asks for"}
	}
	words := make([]string, len(e.Unmet))
	for i, r := range e.Unmet {
		words[i] = wanted(r, e.Minimum)
	}
	return words
}

// wanted says what a rule asks for. minimum is the least number of characters, or 0.
func wanted(r PasswordRule, minimum int) string {
	if r == RuleLength && minimum > 0 {
		return fmt.Sprintf("at least %d characters", minimum)
	}
	return cmp.Or(wantedWords[r], string(r))
}

// wantedWords say what a rule asks for.
var wantedWords = map[PasswordRule]string{
	RuleLength: "more characters", RuleMaximum: "at most 256 characters", RuleUppercase: "an uppercase letter",
	RuleLowercase: "a lowercase letter", RuleNumber: "a digit", RuleSymbol: "a symbol", RuleSpace: "no space at the start or the end",
	RuleCommon: "a text that is not a common password", RuleBreached: "a text that is not known from a data breach",
}

// A NameTakenError says which of a user's names another user has.
type NameTakenError struct {
	Err       error  // ErrUsernameExists or ErrAliasExists
	Attribute string // email, phone_number, preferred_username; empty for the username
}

func (e *NameTakenError) Error() string {
	if e.Attribute == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Attribute
}
func (e *NameTakenError) Unwrap() error { return e.Err }

// An AttributeError says what is wrong with some attributes.
type AttributeError struct {
	Problems []AttributeProblem // one problem for each attribute
	Err      error              // ErrInvalidAttributes, ErrAttributeImmutable or ErrUnknownAttribute
}

func (e *AttributeError) Error() string {
	words := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		words[i] = p.String()
	}
	return e.Err.Error() + ": " + strings.Join(words, "; ")
}
func (e *AttributeError) Unwrap() error { return e.Err }

// nonconforming returns the error for attributes that the schema does not allow.
func nonconforming(problems ...AttributeProblem) error {
	return &AttributeError{problems, ErrInvalidAttributes}
}

// An MFAError names the second factor that a user is not set up for.
type MFAError struct {
	Method MFAMethod // the factor that is not set up
}

func (e *MFAError) Error() string { return ErrMFANotReady.Error() + ": " + string(e.Method) }
func (e *MFAError) Unwrap() error { return ErrMFANotReady }

// An MFACodeError names the second factor whose code was wrong.
type MFACodeError struct {
	Method MFAMethod // the factor whose code was wrong
}

func (e *MFACodeError) Error() string { return ErrMFACodeMismatch.Error() + ": " + string(e.Method) }
func (e *MFACodeError) Unwrap() error { return ErrMFACodeMismatch }

// A QuotaError says which quota would be exceeded.
type QuotaError struct {
	What string // what is counted, such as "user pools"
	Max  int    // how many there may be
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("%v: at most %d %s", ErrQuotaExceeded, e.Max, e.What)
}
func (e *QuotaError) Unwrap() error { return ErrQuotaExceeded }

// A StatusError names the state of a user that forbids the call.
type StatusError struct {
	Err      error      // ErrCannotConfirm or ErrResendNotPossible
	Username string     // the user's
	Status   UserStatus // the state of the user
}

func (e *StatusError) Error() string { return fmt.Sprintf("%v: status is %s", e.Err, e.Status) }
func (e *StatusError) Unwrap() error { return e.Err }

// A MigrationError says that the hook UserMigration has refused to bring a user. It is
// [ErrUserNotFound], and is returned only where the settings disclose that.
type MigrationError struct {
	Client string // the id of the app client
	Err    error  // of the hook, a [*HookError]
}

// Error returns the error of the hook too.
func (e *MigrationError) Error() string { return ErrUserNotFound.Error() + ": " + e.Err.Error() }

// Unwrap returns ErrUserNotFound. The error of the hook is in Err alone, because the call was not
// ended by the hook.
func (e *MigrationError) Unwrap() error { return ErrUserNotFound }

// A TriggerError names the trigger whose target cannot be called.
type TriggerError struct {
	Trigger Trigger // the trigger
}

func (e *TriggerError) Error() string { return ErrTrigger.Error() + ": " + string(e.Trigger) }
func (e *TriggerError) Unwrap() error { return ErrTrigger }
