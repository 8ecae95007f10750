// Package throttle decides how often something may be tried: passwords with
// [State], codes and messages with [Window].
//
// Both are plain values to be stored with what they protect. Their methods
// read no clock and change nothing: they return the value to store.
//
// # Guesses in parallel
//
// Hashing takes longer than a decision, so many guesses can pass the first
// look at a State before one of them has failed. Look twice: before hashing,
// so that a locked user costs nothing, and again in the transaction that
// records the verdict. If the user is locked by then, the answer is that the
// user is locked, whether the password was right or not; the guess was not judged.
//
//	if s.Locked(now) {
//		return errLocked // right or wrong
//	}
//	if next := s.Fail(now); next != s {
//		store next
//	}
//
// # Clocks that step back
//
// What was recorded at a time that has not come yet counts as if it were
// recorded now, for as long as it would have counted (a day for a State, the
// period of a Window): so a clock that is set back unlocks nobody. What lies
// further ahead is forgotten, since the clock was wrong then: nobody is locked for ever.
package throttle

import "time"

const (
	freeFailures = 5 // the last of which locks
	firstLock    = time.Second
	longestLock  = 15 * time.Minute
	quiet        = 15 * time.Minute // without a lock: forgets the failures in a row

	day      = 24 * time.Hour
	dayLimit = 100
)

var hours = grid{width: time.Hour, slots: int64(day/time.Hour) + 1}

// State is what a user's failed sign-ins amount to. The zero State is that of
// a user who has never failed, and States compare with ==.
//
// The fifth failure in a row locks for one second, each further one for twice
// as long, up to 15 minutes; 15 quiet minutes after a lock, or a success, make
// it start again. Apart from that, at most 100 failures are judged in any 24
// hours, counted in whole hours so that it may take up to 25 until one is
// forgotten. Neither quiet nor success changes that count. What should, such
// as a password reset that the user's mailbox proved, stores the zero State.
type State struct {
	Row   int   `json:"n,omitempty"` // failures in a row
	Last  int64 `json:"t,omitempty"` // the last of them, Unix time in ms
	Hours tally `json:"h,omitzero"`  // of the last day
}

// Locked reports whether an attempt now must not be judged: during a lock, or
// beyond the day's limit.
func (s State) Locked(now time.Time) bool {
	if s.Hours.sum(hours, now) >= dayLimit {
		return true
	}
	since, ok := s.sinceLast(now)
	return ok && since < lock(s.Row)
}

// Fail returns the State after a wrong password. While s is locked that is s:
// such an attempt is not judged.
func (s State) Fail(now time.Time) State {
	if s.Locked(now) {
		return s
	}
	since, ok := s.sinceLast(now)
	if !ok || since >= lock(s.Row)+quiet {
		s.Row = 0
	}
	s.Row++
	s.Last = now.UnixMilli()
	s.Hours = s.Hours.add(hours, now)
	return s
}

// Succeed returns the State after a right password. It is s itself where there
// is nothing to store, and while s is locked: such an attempt is not judged.
func (s State) Succeed(now time.Time) State {
	if s.Locked(now) {
		return s
	}
	s.Row, s.Last = 0, 0
	return s
}

// Expires returns when s is as good as the zero State and may be deleted. For
// the zero State that is the zero time. (What the day counts outlives any row.)
func (s State) Expires() time.Time {
	return s.Hours.end(hours)
}

// sinceLast returns how long ago the last failure in a row was. It is false
// where there is none, or one so far ahead that it is forgotten.
func (s State) sinceLast(now time.Time) (time.Duration, bool) {
	since := now.Sub(time.UnixMilli(s.Last))
	if s.Row == 0 || since < -day {
		return 0, false
	}
	return max(since, 0), true
}

// lock returns how long the n-th failure in a row locks.
func lock(n int) time.Duration {
	if n < freeFailures {
		return 0
	}
	d := firstLock
	for ; n > freeFailures && d < longestLock; n-- {
		d *= 2
	}
	return min(d, longestLock)
}
