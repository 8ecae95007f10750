package identity

import (
	"errors"
	"time"

	"github.com/cognate-id/cognate/identity/internal/throttle"
	"github.com/cognate-id/cognate/store"
)

// The kinds of throttles: what a record of throttles counts, for one user or
// one unknown name. They are part of keys that are stored.
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
	kindKnown    = "known"        // notices of sign-ups with the address of an account
)

// userThrottles are the kinds that count attempts of a user. What is counted
// for a challenge is not among them: it ends soon after the challenge.
var userThrottles = []string{
	kindPassword, kindGuess, kindConfirm, kindResend, kindRecovery, kindChange, kindAsk, kindVerify, kindUpdate, kindEnroll,
	kindKnown,
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
	if err != nil {
		return false, err
	}
	window, ok := rec.Window.Allow(now, perHour, time.Hour)
	if !ok {
		return false, nil
	}
	rec.Window, rec.Expires = window, now.Add(2*time.Hour)
	return true, throttles.Put(tx, rec)
}

// getThrottle reads a record of failures, or a new one if there is none.
func getThrottle(r store.Reader, pool, kind, who string) (*throttleRecord, error) {
	rec, err := throttles.Get(r, throttleKey(pool, kind, who))
	if errors.Is(err, store.ErrNotFound) {
		return &throttleRecord{Pool: pool, Kind: kind, Who: who, State: throttle.State{}}, nil
	}
	return rec, err
}

// fail counts a failure, with an event that says whether it locked the user out.
func (lock *throttleRecord) fail(tx store.Tx, ev *Event, now time.Time) error {
	if err := lock.count(tx, now); err != nil {
		return err
	}
	if lock.State.Locked(now) {
		ev = ev.with(dataLocked, "true")
	}
	return events.Insert(tx, ev)
}

// count counts a failure.
func (lock *throttleRecord) count(tx store.Tx, now time.Time) error {
	lock.State = lock.State.Fail(now)
	lock.Expires = lock.State.Expires()
	return throttles.Put(tx, lock)
}

// succeed forgets the failures in a row.
func (lock *throttleRecord) succeed(tx store.Tx, now time.Time) error {
	if lock.Expires.IsZero() {
		return nil
	}
	lock.State = lock.State.Succeed(now)
	lock.Expires = lock.State.Expires()
	return throttles.Put(tx, lock)
}
