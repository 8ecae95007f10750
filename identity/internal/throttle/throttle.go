// Package throttle limits how often something may be tried: passwords with [State], codes
// and messages with [Window].
//
// Both types are plain values. Store them with the record that they protect. Their methods
// read no clock and change nothing: they return the value to store.
//
// # Guesses in parallel
//
// Hashing takes longer than a decision, so many guesses can pass the first check of a State
// before one of them has failed. Check twice: before hashing, so that a locked user costs
// nothing, and again in the transaction that records the result. If the user is locked by
// then, answer that the user is locked, whether the password was right or wrong. The guess
// does not count.
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
// An event in the future counts as if it happened now, for as long as it would have
// counted: a day for a State, the period of a Window. So setting a clock back does not
// unlock a user. An event further in the future is ignored, because the clock was wrong at
// that time. So no user is locked forever.
package throttle

import "time"

const (
	freeFailures = 5 // the last of these failures locks
	firstLock    = time.Second
	longestLock  = 15 * time.Minute
	quiet        = 15 * time.Minute // after this time without a lock, the failures in a row are forgotten

	day = 24 * time.Hour
)

var hours = grid{width: time.Hour, slots: int64(day/time.Hour) + 1}

// State holds the failed sign-ins of a user. The zero State is the state of a user who has
// never failed. States can be compared with ==.
//
// The fifth failure in a row locks the user for one second. Each further failure locks for
// twice as long, up to 15 minutes. The row ends with a success, or 15 minutes after a lock
// has ended. In addition, at most 100 failures are allowed in any 24 hours. That count is
// kept in whole hours, so a failure is forgotten after 24 to 25 hours. Neither time nor
// success resets the count of the day. To reset it, for example after a password reset by
// e-mail, store the zero State.
type State struct {
	Row   int   `json:"n,omitempty"` // number of failures in a row
	Last  int64 `json:"t,omitempty"` // time of the last failure, in Unix ms
	Hours tally `json:"h,omitzero"`  // failures of the last day, by hour
}

// DayLimit is how many failures State allows in any 24 hours. Callers may allow fewer.
const DayLimit = 100

// Locked reports whether an attempt must be refused without checking the password: during a
// lock, or over the limit of the day.
func (s State) Locked(now time.Time) bool { return s.LockedWithin(now, DayLimit) }

// LockedWithin is Locked with a lower limit of the day.
func (s State) LockedWithin(now time.Time, limit int) bool {
	return s.Day(now) >= min(limit, DayLimit) || s.Paused(now)
}

// Paused reports whether s is locked for a time by failures in a row, whatever the limit of the day.
func (s State) Paused(now time.Time) bool {
	since, ok := s.sinceLast(now)
	return ok && since < lock(s.Row)
}

// Day returns how many failures count for the limit of the day now.
func (s State) Day(now time.Time) int { return s.Hours.sum(hours, now) }

// Count returns the State after a failure that counts for the limit of the day, and neither
// locks nor is refused: one of another secret than the password.
func (s State) Count(now time.Time) State {
	s.Hours = s.Hours.add(hours, now)
	return s
}

// Fail returns the State after a wrong password. If s is locked, Fail returns s, because
// the attempt does not count.
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

// Succeed returns the State after a right password. It returns s if there is nothing to
// store, and if s is locked, because the attempt does not count.
func (s State) Succeed(now time.Time) State {
	if s.Locked(now) {
		return s
	}
	s.Row, s.Last = 0, 0
	return s
}

// Expires returns when s becomes equal in effect to the zero State and may be deleted. It
// returns the zero time for the zero State. The count of the day outlives any row of
// failures.
func (s State) Expires() time.Time {
	return s.Hours.end(hours)
}

// sinceLast returns how long ago the last failure in a row was. ok is false if there is no
// failure, or if it is so far in the future that it is ignored.
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
