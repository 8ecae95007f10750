package identity

import (
	"time"

	"github.com/cognate-id/cognate/store"
)

// The kinds of throttles: what a record of throttles counts, for one user, one
// address or one unknown name. They are part of keys that are stored.
const (
	kindPassword = "password"     // wrong passwords, and wrong codes of second factors with them
	kindGuess    = "factor"       // wrong codes of a second factor, whatever the challenge
	kindFactor   = "mfa"          // codes tried for one challenge
	kindConfirm  = "confirm"      // codes tried to confirm a sign-up
	kindResend   = "resend"       // codes asked for again to confirm a sign-up
	kindRecovery = "recovery"     // codes tried to reset a password
	kindForgot   = "forgot"       // codes asked for to reset a password
	kindChange   = "change"       // wrong passwords given to change them
	kindAsk      = "verification" // codes asked for to verify an address
	kindVerify   = "verify"       // codes tried to verify an address
	kindUpdate   = "update"       // codes sent because an address was changed
	kindEnroll   = "enroll"       // codes tried to enroll an authenticator app
	kindAddress  = "address"      // codes sent to an address that anybody may ask for, and wrong tries of them
	kindSignIn   = "signin"       // codes sent to an address after a right password, or for a source that the account knows
	kindPrefix   = "prefix"       // codes sent to phone numbers that begin alike
	kindKnown    = "known"        // notices of sign-ups with the address of an account
	kindBegin    = "begin"        // codes asked for to sign in with
	kindCustom   = "custom"       // custom sign-ins that begin, in all from sources that the account does not know
)

// userThrottles are the kinds that count attempts of a user. What is counted
// for a challenge is not among them: it ends soon after the challenge. Nor is what
// is counted for an address, which outlives a user.
var userThrottles = []string{
	kindPassword, kindGuess, kindConfirm, kindResend, kindRecovery, kindForgot, kindChange, kindAsk, kindVerify, kindUpdate, kindEnroll,
	kindKnown, kindBegin, kindCustom,
}

// userThrottleKeys are where those of a user are kept.
func userThrottleKeys(pool, sub string) []string {
	keys := make([]string, len(userThrottles))
	for i, kind := range userThrottles {
		keys[i] = throttleKey(pool, kind, sub)
	}
	return keys
}

// checkQuota counts an attempt of a kind and reports whether there may be so many in an hour.
func (s *scope) checkQuota(tx store.Tx, kind, who string, perHour int, now time.Time) (bool, error) {
	rec, err := getThrottle(tx, s.pool.ID, kind, who)
	if err != nil || !rec.allow(now, perHour) {
		return false, err
	}
	return true, rec.put(tx)
}

// allow counts an event of an hour, unless there were too many.
func (lock *throttleRecord) allow(now time.Time, perHour int) bool {
	window, ok := lock.Window.Allow(now, perHour, time.Hour)
	if ok {
		lock.Window, lock.Expires = window, later(lock.Expires, now.Add(2*time.Hour))
	}
	return ok
}

// fail counts a failure among at most limit a day.
func (lock *throttleRecord) fail(tx store.Tx, now time.Time) error {
	lock.State = lock.State.Fail(now)
	lock.Expires = later(lock.Expires, lock.State.Expires())
	return lock.put(tx)
}

// succeed forgets the failures in a row.
func (lock *throttleRecord) succeed(tx store.Tx, now time.Time) error {
	if lock.Expires.IsZero() {
		return nil
	}
	lock.State = lock.State.Succeed(now)
	lock.Expires = later(lock.Expires, lock.State.Expires())
	return lock.put(tx)
}
