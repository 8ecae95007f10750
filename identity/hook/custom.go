package hook

import "github.com/cognate-id/cognate/identity/settings"

// A Round is a challenge of a custom sign-in that was answered.
type Round struct {
	// Challenge is the name of the challenge: CUSTOM_CHALLENGE, SRP_A, PASSWORD_VERIFIER, or a
	// second factor.
	Challenge string `json:"c"`
	// Correct reports whether the answer was right.
	Correct bool `json:"o"`
	// Metadata is what CreateAuthChallenge has noted about the challenge, or empty.
	Metadata string `json:"m,omitempty"`
}

// A DefineAuthChallenge is the event at the start of a custom sign-in and after each
// answer. Its hook decides what comes next.
type DefineAuthChallenge struct {
	Event
	// Rounds are the challenges so far, the oldest first. At the start there are none,
	// or one of the name SRP_A if the client wants to prove the password.
	Rounds []Round
	// UserNotFound means that the user does not exist and that the caller must not learn
	// this. Decide as for any other user: the engine issues no tokens.
	UserNotFound bool
}

// A DefineAuthChallengeDecision says what comes next in a custom sign-in. One of its fields
// must be set. Fail wins over IssueTokens, and IssueTokens over Challenge.
type DefineAuthChallengeDecision struct {
	// Challenge is CUSTOM_CHALLENGE, which CreateAuthChallenge makes, PASSWORD_VERIFIER
	// directly after SRP_A, or a second factor that the user has: SMS_MFA, EMAIL_OTP or
	// SOFTWARE_TOKEN_MFA. A right code of it is a round; after a wrong one the challenge is still open.
	// For a user who does not exist, a second factor ends the sign-in: name one only after a right
	// answer, or the caller learns who exists.
	Challenge string
	// IssueTokens ends the sign-in with success.
	IssueTokens bool
	// Fail ends the sign-in. The caller is told that the credentials are incorrect.
	Fail bool
}

// A CreateAuthChallenge is the event before a challenge of a custom sign-in is asked.
type CreateAuthChallenge struct {
	Event
	// Challenge is the name of the challenge, CUSTOM_CHALLENGE.
	Challenge string
	// Rounds are the challenges so far, the oldest first.
	Rounds []Round
	// UserNotFound means that the user does not exist, see [DefineAuthChallenge]. Make a
	// challenge as for any other user, and send no message.
	UserNotFound bool
}

// A CreateAuthChallengeDecision is a challenge of a custom sign-in. Private, Metadata and
// the metadata of all earlier rounds have about 1,000 bytes together; with more the call fails
// with [ErrInvalidDecision].
type CreateAuthChallengeDecision struct {
	// Public is told to the client.
	Public map[string]string
	// Private is what the answer is judged by. It is sealed, and not told to the client.
	Private map[string]string
	// Metadata is noted with the round, for later decisions.
	Metadata string
}

// A VerifyAuthChallenge is the event of an answer to a challenge of a custom sign-in.
type VerifyAuthChallenge struct {
	Event
	// Private is what CreateAuthChallenge has made for this challenge.
	Private map[string]string
	// Answer is what the client has answered.
	Answer settings.Secret
	// UserNotFound means that the user does not exist, see [DefineAuthChallenge].
	UserNotFound bool
}

// A VerifyAuthChallengeDecision says whether the answer is right. The zero value says that it
// is wrong.
type VerifyAuthChallengeDecision struct {
	// Correct means that the answer is right.
	Correct bool
}
