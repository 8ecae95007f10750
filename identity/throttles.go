package identity

// The kinds of throttles: what a record of throttles counts, for one user or
// one name that nobody has. They are part of keys that are stored.
const (
	kindPassword = "password"     // wrong passwords, and wrong codes of second factors with them
	kindGuess    = "factor"       // wrong codes of a second factor, whatever the challenge
	kindFactor   = "mfa"          // codes tried for one challenge
	kindConfirm  = "confirm"      // codes tried to confirm a sign-up
	kindResend   = "resend"       // codes asked for again to confirm a sign-up
	kindRecovery = "recovery"     // codes asked for and tried to reset a password
	kindChange   = "change"       // wrong passwords given to change them
	kindAsk      = "verification" // codes asked for to verify an address
	kindVerify   = "verify"       // codes tried to verify an address
	kindUpdate   = "update"       // codes sent because an address was changed
	kindEnroll   = "enroll"       // codes tried to enroll an authenticator app
)

// userThrottles are the kinds that count attempts of a user. What is counted
// for a challenge is not among them: it ends soon after the challenge.
var userThrottles = []string{
	kindPassword, kindGuess, kindConfirm, kindResend, kindRecovery, kindChange, kindAsk, kindVerify, kindUpdate, kindEnroll,
}

// userThrottleKeys are where those of a user are kept.
func userThrottleKeys(pool, sub string) []string {
	keys := make([]string, len(userThrottles))
	for i, kind := range userThrottles {
		keys[i] = throttleKey(pool, kind, sub)
	}
	return keys
}
