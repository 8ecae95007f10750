package identity

import (
	"fmt"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A try of a code that was sent. readTry reads what the judgement needs, in one
// round trip with what the flow needs besides. tryCode judges. A right code within
// its own five tries is accepted whatever else was tried, so nobody can use it up
// by asking or by guessing elsewhere. A wrong code counts four times: for each code
// that is outstanding, for the hour, for the day of the account, and for the day of the
// address that the code went to.

// A codeTry is one try of a code.
type codeTry struct {
	who     string // sub, or the digest of a name that nobody has
	purpose codePurpose
	text    string
	tells   bool // [ErrCodeExpired] may be told to whoever asks
	now     time.Time
	// spent says that the source of the call has given too many wrong codes and passwords.
	spent bool
	// hopeless says that no code is right, because the user is not in the state for one.
	hopeless bool
	// proved is the attribute with the address that a right code of a sign-up has proved to be the user's.
	proved string

	// What readTry reads.
	code    *code
	alive   []sentTo
	tries   *throttleRecord
	guesses *guesses
}

// newTry makes a try of a code.
func (s *scope) newTry(who string, purpose codePurpose, text Secret, tells bool, now time.Time) *codeTry {
	return &codeTry{who: who, purpose: purpose, text: string(text), tells: tells, now: now, spent: s.sourceSpent(now)}
}

// triesOf returns the kind of throttles that counts the tries of a purpose.
func triesOf(p codePurpose) (string, error) {
	switch {
	case p == confirmCode:
		return kindConfirm, nil
	case p == resetCode:
		return kindRecovery, nil
	case strings.HasPrefix(string(p), string(verifyCode(""))):
		return kindVerify, nil
	}
	return "", fmt.Errorf("%w: codes of the purpose %q", errUnhandled, p)
}

// readTry reads what a try needs, and further values, which it returns.
func (s *scope) readTry(r store.Reader, t *codeTry, further ...store.Ref) ([][]byte, error) {
	kind, err := triesOf(t.purpose)
	if err != nil {
		return nil, err
	}
	pool, n := s.pool.ID, len(further)
	refs := append(further, codes.Ref(codeKey(pool, t.who, t.purpose)), throttles.Ref(throttleKey(pool, kind, t.who)))
	values, err := r.Get(append(refs, guessRefs(pool, t.who)...)...)
	if err != nil {
		return nil, err
	}
	if t.code, err = decoyCode.decode(values[n]); err != nil {
		return nil, err
	}
	if t.tries, err = throttleOf(values[n+1], pool, kind, t.who); err != nil {
		return nil, err
	}
	if t.guesses, err = s.guessesOf(values[n+2:], t.who); err != nil {
		return nil, err
	}
	t.code = t.code.ofWho(t.who)
	t.alive = t.code.alive(s.ring, t.tries, t.now)
	return values[:n], nil
}

// tryCode judges a code. It returns the record of a right one, with the address that
// it went to, or why it is refused. A refusal was counted.
//
// [ErrCodeExpired] discloses that a user exists, so only two kinds of callers
// get it: those who gave the right code, and all if t.tells is true. Everybody else
// gets [ErrCodeMismatch].
func (s *scope) tryCode(tx store.Tx, t *codeTry) (right *code, refused, err error) {
	if t.spent && t.guesses.own(t.now) == nil {
		return nil, ErrLimitExceeded, nil
	}
	newest := s.ring.codes[0].id
	given := s.codeMAC(newest, t.who, t.purpose, t.text) // whether or not a code is outstanding
	late := false
	for _, sent := range t.code.all() {
		want := given
		if sent.Master != newest {
			want = s.codeMAC(sent.Master, t.who, t.purpose, t.text)
		}
		if t.hopeless || !sameMAC(sent.MAC, want) || sent.dead(t.tries) {
			continue
		}
		if t.now.Before(sent.Expires) {
			found := *t.code
			found.sentTo = sent
			return &found, nil, nil
		}
		late = true
	}
	allowed := t.tries.allow(t.now, triesPerHour)
	if !allowed && len(t.alive) == 0 {
		return nil, ErrLimitExceeded, nil
	}
	if err := s.countMiss(tx, t, allowed); err != nil {
		return nil, nil, err
	}
	switch {
	case !allowed:
		return nil, ErrLimitExceeded, nil
	case late, t.tells && len(t.alive) == 0:
		return nil, ErrCodeExpired, nil
	}
	return nil, ErrCodeMismatch, nil
}

// countMiss counts a wrong try.
func (s *scope) countMiss(tx store.Tx, t *codeTry, allowed bool) error {
	if t.tries.Misses == 0 {
		t.tries.Since = t.now
	}
	t.tries.Misses++
	t.tries.Expires = later(t.tries.Expires, t.now.Add(confirmCodeLife+time.Hour)) // it outlives the codes
	if err := t.tries.put(tx); err != nil || !allowed {
		return err
	}
	if err := t.guesses.count(tx, t.now); err != nil {
		return err
	}
	return s.countAddressMiss(tx, t)
}
