package hook

import (
	"context"
	"encoding/json"

	"github.com/cognate-id/cognate/identity/settings"
)

// An Event has the fields that all events share. A hook must not change its maps and
// slices.
type Event struct {
	// Source says which flow has reached the hook point.
	Source Source
	// Pool is the id of the user pool.
	Pool string
	// Client is the id of the app client. It is empty in an operator's call without a
	// client.
	Client string
	// Username is the username of the user. If the user does not exist, it is the name in
	// the request.
	Username string
	// Sub is the id of the user, or empty if the user does not exist.
	Sub string
	// Status is the status of the user, such as CONFIRMED, or empty if the user does not
	// exist.
	Status string
	// Attributes are the attributes of the user, without sub.
	Attributes map[string]string
	// Aliases are the addresses by which the user can sign in, by the name of the
	// attribute: email or phone_number. Nil means none.
	Aliases map[string]string
	// Call is the call that reached the hook point, with client metadata and validation
	// data.
	Call Call
}

// A Source names the flow that has reached a hook point. The names are those of
// triggerSource in the events of Amazon Cognito.
type Source string

// The sources. Those of messages are made of the kind of the message,
// such as CustomMessage_SignUp and CustomEmailSender_ForgotPassword.
const (
	SignUp     Source = "PreSignUp_SignUp"          // by the user
	CreateUser Source = "PreSignUp_AdminCreateUser" // by an operator

	SignUpByProvider Source = "PreSignUp_ExternalProvider"         // by the first sign-in by an identity provider
	FederatedSignIn  Source = "InboundFederation_ExternalProvider" // each sign-in by an identity provider

	ConfirmSignUp         Source = "PostConfirmation_ConfirmSignUp"         // by the user or by an operator
	ConfirmForgotPassword Source = "PostConfirmation_ConfirmForgotPassword" // the password was reset by a code

	BeforeSignIn Source = "PreAuthentication_Authentication"
	AfterSignIn  Source = "PostAuthentication_Authentication"

	DefineChallenge Source = "DefineAuthChallenge_Authentication"
	CreateChallenge Source = "CreateAuthChallenge_Authentication"
	VerifyChallenge Source = "VerifyAuthChallengeResponse_Authentication"

	MigrateSignIn         Source = "UserMigration_Authentication"
	MigrateForgotPassword Source = "UserMigration_ForgotPassword"

	TokensOfSignIn      Source = "TokenGeneration_Authentication"
	TokensOfNewPassword Source = "TokenGeneration_NewPasswordChallenge"
	TokensOfDevice      Source = "TokenGeneration_AuthenticateDevice" // a device has proved itself in place of a second factor
	TokensOfRefresh     Source = "TokenGeneration_RefreshTokens"
)

// The sources that no flow has yet: of signing in by web pages and as a client, and of notices of threat protection.
const (
	TokensOfPages    Source = "TokenGeneration_HostedAuth"
	TokensOfClient   Source = "TokenGeneration_ClientCredentials"
	NoticeOfTakeOver Source = "CustomEmailSender_AccountTakeOverNotification"
)

// A PreSignUp is the event before a user is stored.
type PreSignUp struct{ Event }

// A PreSignUpDecision says what a new user does not have to prove. It has no effect on a
// user whom an operator creates.
type PreSignUpDecision struct {
	// Confirm confirms the user. No code is sent.
	Confirm bool
	// VerifyEmail and VerifyPhone mark the user's addresses as verified.
	VerifyEmail, VerifyPhone bool
}

// A PostConfirmation is the event after a user was confirmed. If its hook returns an error,
// the caller gets the error, but the user stays confirmed.
type PostConfirmation struct{ Event }

// A PreAuthentication is the event before a password is checked, or before an SRP exchange
// begins.
type PreAuthentication struct {
	Event
	// UserNotFound means that the user does not exist and that the caller must not learn
	// this.
	UserNotFound bool
}

// A PostAuthentication is the event of a sign-in after all its proofs and before its
// tokens. If its hook returns an error, the user is not signed in.
type PostAuthentication struct {
	Event
	// NewDevice means that the sign-in is on a device which the user has not confirmed. It
	// is false in pools that do not track devices.
	NewDevice bool
}

// A PreTokenGeneration is the event before the tokens of a sign-in or of a
// refresh. Nothing of the sign-in is stored yet. If its hook returns an error, no tokens
// are made, and the sign-in leaves nothing.
type PreTokenGeneration struct {
	Event
	// Version is the version of the event that the pool's settings name: V1_0, V2_0 or
	// V3_0. It is V1_0 if they name none. It says what a function behind a URL may
	// change. A hook of the program may change all that the decision has.
	Version string
	// Groups are the groups of the user, in order of precedence.
	Groups []Group
	// PreferredRole is the role of the group that comes first, or empty.
	PreferredRole string
	// Scopes are the scopes of the access token.
	Scopes []string
}

// A Group is a group of the user.
type Group struct {
	// Name is the name of the group.
	Name string
	// RoleARN is the role of the group, or empty.
	RoleARN string
}

// A PreTokenGenerationDecision says how to change the tokens.
type PreTokenGenerationDecision struct {
	// ID and Access change the claims of the ID token and of the access token. Changes
	// of a claim that must not change, such as sub, iss or exp, are ignored.
	ID, Access Claims
	// AddScopes and SuppressScopes change the scopes of the access token. A scope that is
	// in both is not in the token. A scope to add has no space in it, and does not begin
	// with aws.cognito; otherwise the call fails with [ErrInvalidDecision].
	AddScopes, SuppressScopes []string
	// Groups replaces the user's groups in both tokens, unless it is nil.
	Groups *GroupOverride
}

// A GroupOverride is what tokens say of groups instead of what is stored. The zero value
// means that the user is in no group.
type GroupOverride struct {
	// Names are the values of the claim cognito:groups.
	Names []string
	// Roles are the values of the claim cognito:roles.
	Roles []string
	// PreferredRole is the claim cognito:preferred_role. Empty means that there is none.
	PreferredRole string
}

// Claims change the claims of a token.
type Claims struct {
	// Set adds claims or replaces them. A value is JSON other than null.
	Set map[string]json.RawMessage
	// Suppress removes claims, including those in Set.
	Suppress []string
}

// A CustomMessage is the event before a message is built.
type CustomMessage struct {
	Event
	// Medium is EMAIL or SMS.
	Medium string
}

// A CustomMessageDecision is the text of a message. An empty text leaves the text of the
// pool. In a text, {####} is replaced by the code, and {username} by the name of an invited
// user. A text without {####} would tell no code, so the call fails with
// [ErrInvalidDecision]; the text of an invitation needs {username} too. In the mail of a
// sign-up in a pool that sends links, {##text##} is replaced by the link and may stand for {####}.
type CustomMessageDecision struct {
	// Subject is the subject of a mail.
	Subject string
	// Body is the text of a mail or a text message.
	Body string
}

// A CustomSender is the event of a message that the hook sends itself.
type CustomSender struct {
	Event
	// ID is the id of the message. It is the same at each try of the outbox, and empty without
	// an outbox.
	ID string
	// To is the address or the phone number of the recipient.
	To string
	// Code is the code, or the temporary password of an invitation. It is empty in a notice,
	// whose Source says what has changed, such as CustomEmailSender_PasswordChanged.
	Code settings.Secret
	// Encrypt encrypts a code for a function that must not get it in clear text, as Amazon
	// Cognito does: the result is a message of the AWS Encryption SDK in Base64. It is nil if
	// the pool's settings name no key.
	Encrypt func(context.Context, settings.Secret) (string, error) `json:"-"`
}

// A UserMigration is the event of a user who is not in the pool, at a sign-in or a
// forgotten password.
type UserMigration struct {
	Event
	// Password is the password that the user gave. It is empty for a forgotten password.
	Password settings.Secret
}

// A UserMigrationDecision is the user to store. The zero value stores no user.
type UserMigrationDecision struct {
	// Attributes are the attributes of the new user, with email_verified and
	// phone_number_verified where an address is verified: without a verified address the
	// user cannot reset the password. The attribute username, if it is there, is the
	// username in pools whose users choose one; otherwise the name in the request is. Nil
	// means that the other directory does not have the user either, or that the password is
	// wrong.
	Attributes map[string]string
	// Status is CONFIRMED or RESET_REQUIRED. Defaults to RESET_REQUIRED. A user who is
	// CONFIRMED keeps the password of the event, whatever the policy of the pool.
	Status string
	// ForceAlias takes a verified address away from another user who has the address as an
	// alias. Without it such a user is not stored, and the call fails with
	// [ErrInvalidDecision].
	ForceAlias bool
}
