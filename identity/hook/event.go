package hook

import (
	"encoding/json"

	"github.com/cognate-id/cognate/identity/settings"
)

// An Event is what all events tell. A hook must not change its maps and slices.
type Event struct {
	// Source says which flow has come to the point of the hook.
	Source Source
	// Pool is the id of the user pool.
	Pool string
	// Client is the id of the app client, empty in a call of an operator that names none.
	Client string
	// Username is the user's, or the name as it was given where there is no such user.
	Username string
	// Sub is the id of the user, empty where there is no such user.
	Sub string
	// Status is the status of the user, such as CONFIRMED, empty where there is no such user.
	Status string
	// Attributes are those of the user, without sub.
	Attributes map[string]string
	// Call is the call that the flow runs in, with client metadata and validation data.
	Call Call
}

// A Source names the flow that has come to a hook point, as the events of
// Amazon Cognito name it in triggerSource.
type Source string

// The sources of today. Those of messages are made of the kind of the message,
// such as CustomMessage_SignUp and CustomEmailSender_ForgotPassword.
const (
	SignUp     Source = "PreSignUp_SignUp"          // by the user
	CreateUser Source = "PreSignUp_AdminCreateUser" // by an operator

	ConfirmSignUp         Source = "PostConfirmation_ConfirmSignUp"         // by the user or by an operator
	ConfirmForgotPassword Source = "PostConfirmation_ConfirmForgotPassword" // the password was reset by a code

	BeforeSignIn Source = "PreAuthentication_Authentication"
	AfterSignIn  Source = "PostAuthentication_Authentication"

	MigrateSignIn         Source = "UserMigration_Authentication"
	MigrateForgotPassword Source = "UserMigration_ForgotPassword"

	TokensOfSignIn      Source = "TokenGeneration_Authentication"
	TokensOfNewPassword Source = "TokenGeneration_NewPasswordChallenge"
	TokensOfRefresh     Source = "TokenGeneration_RefreshTokens"
)

// A PreSignUp is the event before a user is stored.
type PreSignUp struct{ Event }

// A PreSignUpDecision says what a new user needs no proof of. Of a user whom an
// operator makes it decides nothing.
type PreSignUpDecision struct {
	// Confirm confirms the user, so that no code is sent.
	Confirm bool
	// VerifyEmail and VerifyPhone mark the user's addresses as verified.
	VerifyEmail, VerifyPhone bool
}

// A PostConfirmation is the event after a user was confirmed. An error of its
// hook reaches the caller; the user stays confirmed.
type PostConfirmation struct{ Event }

// A PreAuthentication is the event before a password is checked, or an
// exchange by SRP begins.
type PreAuthentication struct {
	Event
	// UserNotFound means that there is no such user, and that the caller may not be told.
	UserNotFound bool
}

// A PostAuthentication is the event after all proofs of a sign-in, before its tokens.
type PostAuthentication struct{ Event }

// A PreTokenGeneration is the event before the tokens of a sign-in or of a
// refresh. Nothing of the sign-in is stored yet.
type PreTokenGeneration struct {
	Event
	// Groups are those of the user, in the order of their precedence.
	Groups []Group
	// Scopes are those that the access token will have.
	Scopes []string
}

// A Group is one that a user is in.
type Group struct {
	// Name is the name of the group.
	Name string
	// RoleARN is the role of the group, empty if it has none.
	RoleARN string
}

// A PreTokenGenerationDecision says how the tokens differ from what they would be.
type PreTokenGenerationDecision struct {
	// ID and Access change the claims of each token.
	ID, Access Claims
	// AddScopes and SuppressScopes change the scopes of the access token.
	AddScopes, SuppressScopes []string
	// Groups, if not nil, takes the place of the user's groups in both tokens.
	Groups *[]Group
}

// Claims are changes of the claims of a token.
type Claims struct {
	// Set adds claims, or overrides them.
	Set map[string]json.RawMessage
	// Suppress leaves claims out, those of Set too.
	Suppress []string
}

// A CustomMessage is the event before a message is built.
type CustomMessage struct {
	Event
	// Medium is EMAIL or SMS.
	Medium string
}

// A CustomMessageDecision is the text of a message. Empty texts leave those of
// the pool. In each text {####} stands for the code, and {username} for the
// name of a user who is invited.
type CustomMessageDecision struct {
	// Subject is of a mail.
	Subject string
	// Body is the text of a mail or a text message.
	Body string
}

// A CustomSender is the event of a message that the hook sends itself.
type CustomSender struct {
	Event
	// To is the address or the phone number.
	To string
	// Code is the code, or the temporary password of an invitation.
	Code settings.Secret
}

// A UserMigration is the event of a sign-in or of a forgotten password of a
// user who is not in the pool.
type UserMigration struct {
	Event
	// Password is what the user gave to sign in, empty for a forgotten password.
	Password settings.Secret
}

// A UserMigrationDecision is the user to store. The zero value stores none.
type UserMigrationDecision struct {
	// Attributes are those of the new user. Nil means that there is no such user elsewhere either.
	Attributes map[string]string
	// Status is CONFIRMED or RESET_REQUIRED, which it defaults to.
	Status string
	// SuppressMessage sends no invitation.
	SuppressMessage bool
	// Mediums say how the invitation goes out, see EMAIL and SMS.
	Mediums []string
	// ForceAlias takes a verified address over from another user who has it as an alias.
	ForceAlias bool
}
