package identity

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity/settings"
)

// Errors that a caller branches on. Errors with data have a type of their own
// and wrap one of these.
var (
	// ErrPoolNotFound is returned for a user pool that does not exist. It is a [*NotFoundError].
	ErrPoolNotFound = errors.New("identity: user pool does not exist")
	// ErrClientNotFound is returned for an app client that does not exist, or belongs to another pool. It is a [*NotFoundError].
	ErrClientNotFound = errors.New("identity: app client does not exist")
	// ErrGroupNotFound is returned for a group that does not exist. It is a [*NotFoundError].
	ErrGroupNotFound = errors.New("identity: group does not exist")
	// ErrGroupExists is returned when a group's name is taken. It is a [*GroupError].
	ErrGroupExists = errors.New("identity: group already exists")
	// ErrUserNotFound is returned where it may be told that there is no such user.
	ErrUserNotFound = errors.New("identity: user does not exist")
	// ErrIncorrectCredentials is returned for a wrong password or proof, and
	// for an unknown user where that may not be told.
	ErrIncorrectCredentials = errors.New("identity: incorrect username or password")
	// ErrUserNotConfirmed is returned to a user who has not confirmed the sign-up.
	ErrUserNotConfirmed = errors.New("identity: user is not confirmed")
	// ErrUserDisabled is returned to a user who was disabled.
	ErrUserDisabled = errors.New("identity: user is disabled")
	// ErrPasswordResetRequired is returned to a user who must recover the account first.
	ErrPasswordResetRequired = errors.New("identity: password reset required")
	// ErrTemporaryPasswordExpired is returned for a temporary password that was not used in time.
	ErrTemporaryPasswordExpired = errors.New("identity: temporary password has expired")
	// ErrTooManyAttempts is returned, without judging the password, to a user who is locked out.
	ErrTooManyAttempts = errors.New("identity: password attempts exceeded")
	// ErrLimitExceeded is returned when codes were asked for or tried too often.
	ErrLimitExceeded = errors.New("identity: attempt limit exceeded")
	// ErrFlowNotEnabled is returned for a way to sign in that the client may not use. It is a [*FlowError].
	ErrFlowNotEnabled = errors.New("identity: flow is not enabled for the client")
	// ErrMissingParameter is returned when a flow lacks one of its inputs. It is a [*ParameterError].
	ErrMissingParameter = errors.New("identity: missing required parameter")
	// ErrInvalidParameter is returned for an input that cannot be used. It is a [*ParameterError].
	ErrInvalidParameter = errors.New("identity: invalid parameter")
	// ErrSecretHashMissing is returned when a client with a secret sends no proof of it. It is a [*ClientError].
	ErrSecretHashMissing = errors.New("identity: secret hash was not received")
	// ErrSecretHashMismatch is returned for a wrong proof of the client's secret. It is a [*ClientError].
	ErrSecretHashMismatch = errors.New("identity: secret hash does not match")

	// ErrSessionInvalid is returned for a challenge state that is not ours, or is another client's or user's.
	ErrSessionInvalid = errors.New("identity: invalid session for the user")
	// ErrSessionExpired is returned for a challenge state that is too old.
	ErrSessionExpired = errors.New("identity: session is expired")
	// ErrSessionUsed is returned for a challenge state that was answered before.
	ErrSessionUsed = errors.New("identity: session can only be used once")

	// ErrInvalidPassword is returned for a password that does not meet the policy of the pool. It is a [*PasswordError].
	ErrInvalidPassword = errors.New("identity: password does not meet the policy")
	// ErrPasswordReused is returned for a password that the user had before, where the pool forbids that.
	ErrPasswordReused = errors.New("identity: password was used before")
	// ErrUsernameExists is returned when a name is taken. It is a [*NameTakenError].
	ErrUsernameExists = errors.New("identity: user already exists")
	// ErrAliasExists is returned when another user has verified the same address. It is a [*NameTakenError].
	ErrAliasExists = errors.New("identity: an account with the address already exists")
	// ErrSignUpDisabled is returned where only an operator may make users.
	ErrSignUpDisabled = errors.New("identity: sign-up is not permitted for this user pool")
	// ErrInvalidAttributes is returned for attributes that the schema or the client does not allow. It is an [*AttributeError].
	ErrInvalidAttributes = errors.New("identity: attributes did not conform to the schema")
	// ErrAttributeNotWritable is returned for attributes that the client may not write.
	ErrAttributeNotWritable = errors.New("identity: client may not write the attribute")
	// ErrAttributeProvided is returned when a challenge answer changes an attribute that has a value. It is a [*ParameterError].
	ErrAttributeProvided = errors.New("identity: attribute already has a value")

	// ErrCodeMismatch is returned for a wrong code.
	ErrCodeMismatch = errors.New("identity: invalid verification code")
	// ErrCodeExpired is returned for a code that is too old, used, or was never sent.
	ErrCodeExpired = errors.New("identity: code has expired")
	// ErrCannotConfirm is returned when a user is past confirmation. It is a [*StatusError].
	ErrCannotConfirm = errors.New("identity: user cannot be confirmed")
	// ErrAlreadyConfirmed is returned when a code is asked for that a confirmed user does not need.
	ErrAlreadyConfirmed = errors.New("identity: user is already confirmed")
	// ErrNothingToVerify is returned when there is no address to send a code to, or the pool verifies none.
	ErrNothingToVerify = errors.New("identity: nothing to verify")
	// ErrResendNotPossible is returned for an invitation to a user who has accepted one. It is a [*StatusError].
	ErrResendNotPossible = errors.New("identity: invitation cannot be sent again")
	// ErrNoRecovery is returned when a password cannot be recovered because the user has no verified address for it.
	ErrNoRecovery = errors.New("identity: no verified address to recover the password with")
	// ErrRecoveryByAdmin is returned when only an operator may reset passwords.
	ErrRecoveryByAdmin = errors.New("identity: only an operator can reset the password")
	// ErrCannotReset is returned when a user's state does not let the password be reset.
	ErrCannotReset = errors.New("identity: password cannot be reset in the current state")
	// ErrNoAddress is returned when a user lacks the address that a code should go to. It is a [*ParameterError].
	ErrNoAddress = errors.New("identity: user has no such address")
	// ErrAttributeImmutable is returned for attributes that cannot be changed once the user exists. It is an [*AttributeError].
	ErrAttributeImmutable = errors.New("identity: attribute cannot be updated")
	// ErrUnknownAttribute is returned when attributes that are not in the schema are changed or deleted. It is an [*AttributeError].
	ErrUnknownAttribute = errors.New("identity: attribute does not exist in the schema")
	// ErrDelivery is returned when a message could not be handed over. What was asked for is done all the same.
	ErrDelivery = errors.New("identity: message could not be delivered")

	// ErrTOTPDisabled is returned where a pool has no authenticator apps.
	ErrTOTPDisabled = errors.New("identity: authenticator apps are not enabled for the user pool")
	// ErrTOTPNotFound is returned for a user who has not enrolled an authenticator app.
	ErrTOTPNotFound = errors.New("identity: no authenticator app is enrolled")
	// ErrTOTPMismatch is returned for a wrong code when an app is enrolled.
	ErrTOTPMismatch = errors.New("identity: wrong code of the authenticator app")
	// ErrTOTPUsed is returned for a code whose time step counted before.
	ErrTOTPUsed = errors.New("identity: code of the authenticator app was used before")
	// ErrMFACodeMismatch is returned for a wrong code at sign-in. It is a [*MFACodeError].
	ErrMFACodeMismatch = errors.New("identity: wrong code of the second factor")
	// ErrMFANotReady is returned when a factor is turned on that the user cannot use yet. It is a [*MFAError].
	ErrMFANotReady = errors.New("identity: user is not set up for the second factor")
	// ErrMFAPreference is returned when two second factors are preferred, or one that is not turned on.
	ErrMFAPreference = errors.New("identity: invalid choice of second factors")
	// ErrMFARequired is returned when the last second factor is turned off where everybody needs one.
	ErrMFARequired = errors.New("identity: user pool requires a second factor")

	// ErrQuotaExceeded is returned when there would be too many of something. It is a [*QuotaError].
	ErrQuotaExceeded = errors.New("identity: quota exceeded")
	// ErrInvalidFilter is returned for a filter that cannot be understood.
	ErrInvalidFilter = errors.New("identity: invalid filter")
	// ErrInvalidFilterAttribute is returned for a filter over an attribute that cannot be searched. It is a [*ParameterError].
	ErrInvalidFilterAttribute = errors.New("identity: attribute cannot be searched")
	// ErrInvalidPosition is returned for a position in a list that is none.
	ErrInvalidPosition = errors.New("identity: invalid position in a list")
	// ErrLastSecret is returned when the only secret of a client would be deleted.
	ErrLastSecret = errors.New("identity: the last secret of a client cannot be deleted")
	// ErrSecretNotFound is returned for a secret that a client does not have. It is a [*NotFoundError].
	ErrSecretNotFound = errors.New("identity: client secret does not exist")

	// ErrInvalidAccessToken is returned for an access token that is not one of ours.
	ErrInvalidAccessToken = errors.New("identity: invalid access token")
	// ErrAccessTokenExpired is returned for an access token past its time.
	ErrAccessTokenExpired = errors.New("identity: access token has expired")
	// ErrAccessTokenRevoked is returned for an access token whose sign-in was ended.
	ErrAccessTokenRevoked = errors.New("identity: access token has been revoked")
	// ErrAccessTokenScope is returned for an access token that may not manage its user.
	ErrAccessTokenScope = errors.New("identity: access token does not have required scopes")
	// ErrInvalidRefreshToken is returned for a refresh token that is not ours, or another client's.
	ErrInvalidRefreshToken = errors.New("identity: invalid refresh token")
	// ErrRefreshTokenRevoked is returned for a refresh token whose sign-in was ended.
	ErrRefreshTokenRevoked = errors.New("identity: refresh token has been revoked")
	// ErrRefreshTokenExpired is returned for a refresh token past its time.
	ErrRefreshTokenExpired = errors.New("identity: refresh token has expired")
	// ErrRefreshTokenReused is returned for a rotated refresh token used after its grace period; its sign-in is ended.
	ErrRefreshTokenReused = errors.New("identity: refresh token was used before")
	// ErrRotationRequired is returned when a client that rotates refresh tokens uses the flow that does not.
	ErrRotationRequired = errors.New("identity: client rotates its refresh tokens")
	// ErrWrongTokenType is returned when an access or ID token is revoked in place of a refresh token.
	ErrWrongTokenType = errors.New("identity: wrong token type")
	// ErrRevocationDisabled is returned when the client's tokens cannot be revoked.
	ErrRevocationDisabled = errors.New("identity: token revocation is disabled for the client")
	// ErrForeignToken is returned when a client revokes another client's token.
	ErrForeignToken = errors.New("identity: token belongs to another client")

	// ErrDeletionProtected is returned when a protected pool is deleted.
	ErrDeletionProtected = errors.New("identity: deletion protection is active")
	// ErrInvalidSettings is returned for settings that cannot be. It is a [*SettingError].
	ErrInvalidSettings = settings.ErrInvalid
	// ErrTrigger is returned when a function of the operator's that must run cannot. It is a [*TriggerError].
	ErrTrigger = errors.New("identity: trigger cannot be invoked")
	// ErrUnsupported is returned for what this version does not do. Nothing was changed.
	ErrUnsupported = errors.New("identity: not supported by this version")
)

// A NotFoundError names the pool, client, group or secret that does not exist.
type NotFoundError struct {
	Err error  // ErrPoolNotFound, ErrClientNotFound, ErrGroupNotFound or ErrSecretNotFound
	ID  string // of what does not exist
}

func (e *NotFoundError) Error() string { return e.Err.Error() + ": " + e.ID }
func (e *NotFoundError) Unwrap() error { return e.Err }

// A GroupError names the group that an error is about.
type GroupError struct {
	Err  error  // ErrGroupExists
	Name string // of the group
}

func (e *GroupError) Error() string { return e.Err.Error() + ": " + e.Name }
func (e *GroupError) Unwrap() error { return e.Err }

// A ClientError is an error about a client's proof of its secret.
type ClientError struct {
	Err    error  // ErrSecretHashMissing, ErrSecretHashMismatch or ErrSecretMismatch
	Client string // the id of the client
	// Refresh tells that the proof came with a refresh token.
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

// A ParameterError names an input and, where it is not merely missing, says what is wrong with it.
type ParameterError struct {
	Err    error  // ErrMissingParameter, ErrInvalidParameter, ErrAttributeProvided, ErrNoAddress or ErrInvalidFilterAttribute
	Name   string // of the input
	Reason string // what is wrong with it; empty where it is missing
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
	// SignUp tells that the user chose the password at sign-up.
	SignUp bool
}

func (e *PasswordError) Error() string {
	words := make([]string, len(e.Unmet))
	for i, r := range e.Unmet {
		words[i] = string(r)
	}
	return ErrInvalidPassword.Error() + ": " + strings.Join(words, ", ")
}
func (e *PasswordError) Unwrap() error { return ErrInvalidPassword }

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

// An AttributeError says what is wrong with attributes, one problem each.
type AttributeError struct {
	Problems []AttributeProblem // one for each attribute that is wrong
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

// nonconforming is the error about attributes that the schema does not allow.
func nonconforming(problems ...AttributeProblem) error {
	return &AttributeError{problems, ErrInvalidAttributes}
}

// An MFAError names the second factor that a user is not set up for.
type MFAError struct {
	Method MFAMethod // the factor that is not set up
}

func (e *MFAError) Error() string { return ErrMFANotReady.Error() + ": " + string(e.Method) }
func (e *MFAError) Unwrap() error { return ErrMFANotReady }

// An MFACodeError names the second factor that a wrong code was given for.
type MFACodeError struct {
	Method MFAMethod // the factor that the code was given for
}

func (e *MFACodeError) Error() string { return ErrMFACodeMismatch.Error() + ": " + string(e.Method) }
func (e *MFACodeError) Unwrap() error { return ErrMFACodeMismatch }

// A QuotaError says of what there would be too many.
type QuotaError struct {
	What string // such as "user pools"
	Max  int    // how many there may be
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("%v: at most %d %s", ErrQuotaExceeded, e.Max, e.What)
}
func (e *QuotaError) Unwrap() error { return ErrQuotaExceeded }

// A StatusError names the state of a user that forbids what was asked.
type StatusError struct {
	Err      error      // ErrCannotConfirm or ErrResendNotPossible
	Username string     // of the user
	Status   UserStatus // that the user is in
}

func (e *StatusError) Error() string { return fmt.Sprintf("%v: status is %s", e.Err, e.Status) }
func (e *StatusError) Unwrap() error { return e.Err }

// A TriggerError names the trigger that could not be invoked.
type TriggerError struct {
	Trigger Trigger // that could not be invoked
}

func (e *TriggerError) Error() string { return ErrTrigger.Error() + ": " + string(e.Trigger) }
func (e *TriggerError) Unwrap() error { return ErrTrigger }
