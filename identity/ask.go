package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Whoever asks for a code may be a stranger. So asking has budgets of its own, which
// a right code never meets (codetry.go): so many an hour for an account, with some for
// each source that the account knows; and the guesses of the day must have room for the
// tries of one more code. The message then counts for its address, over all accounts of
// the pool, and a text message for its range of numbers. commitCode decides all of
// this, and writes the code, in one transaction.

// An ask is a request for a code, with what commitCode reads for it.
type ask struct {
	scope   *scope
	errand  *errand
	to      *recipient
	code    *code // the new one
	now     time.Time
	old     *code
	window  *throttleRecord
	tries   *throttleRecord
	guesses *guesses
}

// commitCode writes a code in one transaction: it counts the request and the message,
// keeps the earlier codes that are good, and writes the event and the letter. It reports whether the
// code is to be sent, and returns [ErrLimitExceeded] if there were too many requests. If
// the address has had too many messages, only those who may know that there is such a
// user are told so.
func (s *scope) commitCode(ctx context.Context, e *errand, to *recipient, c *code, l *letter, now time.Time) (send bool, err error) {
	if err := s.engine.spendSource(s.source, now); err != nil {
		return false, err
	}
	ev, err := s.asked(ctx, c.Sub, e.event, now)
	if err != nil {
		return false, err
	}
	ev = ev.with(dataPurpose, string(e.purpose))
	var refused error
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		a := &ask{scope: s, errand: e, to: to, code: c, now: now}
		if err := a.read(tx); err != nil {
			return err
		}
		send, refused, err = a.commit(tx)
		if err != nil || refused != nil {
			return err
		}
		if send {
			if err := l.put(tx); err != nil {
				return err
			}
		}
		return ev.insert(tx)
	})
	if errors.Is(refused, errAddressFull) && s.user == "" && !s.settings.DisclosesUsers(&s.client.Settings) {
		s.engine.log.WarnContext(ctx, "code not sent", "kind", e.kind, "error", refused)
		refused = nil
	}
	return send, orRefused(err, refused)
}

// errAddressFull is the refusal of a message to an address that has had too many.
var errAddressFull = &limitError{"too many messages to this address"}

// A limitError is an [ErrLimitExceeded] that says which limit it was, for the log.
type limitError struct{ limit string }

func (e *limitError) Error() string { return ErrLimitExceeded.Error() + ": " + e.limit }
func (e *limitError) Unwrap() error { return ErrLimitExceeded }

func (a *ask) read(tx store.Tx) error {
	pool, who := a.scope.pool.ID, a.code.Sub
	kind, err := triesOf(a.errand.purpose)
	if err != nil {
		return err
	}
	values, err := tx.Get(append(guessRefs(pool, who), codes.Ref(codeKey(pool, who, a.errand.purpose)),
		throttles.Ref(throttleKey(pool, a.errand.count, who)), throttles.Ref(throttleKey(pool, kind, who)))...)
	if err != nil {
		return err
	}
	if a.guesses, err = a.scope.guessesOf(values[:2], who); err != nil {
		return err
	}
	if a.old, err = decoyCode.decode(values[2]); err != nil {
		return err
	}
	a.old = a.old.ofWho(who)
	if a.window, err = throttleOf(values[3], pool, a.errand.count, who); err != nil {
		return err
	}
	a.tries, err = throttleOf(values[4], pool, kind, who)
	return err
}

func (a *ask) commit(tx store.Tx) (send bool, refused, err error) {
	if !a.guesses.roomForCode(a.now) {
		return false, ErrLimitExceeded, nil
	}
	if ok, err := a.count(tx); err != nil || !ok {
		return false, ErrLimitExceeded, err
	}
	alive := a.old.alive(a.scope.ring, a.tries, a.now)
	if a.pauses(alive) {
		return false, nil, codes.Put(tx, a.old) // the same work as ever
	}
	kind := kindAddress
	if a.guesses.own(a.now) != nil {
		kind = kindSignIn
	}
	ok, err := a.scope.spendMessage(tx, kind, a.to, a.now)
	if err != nil || !ok {
		return false, errAddressFull, err
	}
	if a.to.decoy && a.errand.purpose == confirmCode && len(alive) == 0 {
		if alive, err = a.signedUpWith(tx); err != nil {
			return false, nil, err
		}
	}
	a.code.Earlier = alive[:min(len(alive), outstanding-1)]
	return true, nil, a.code.put(tx, a.tries)
}

// signedUpWith returns a code in the place of the one that a user has from the sign-up, for
// a name that nobody has. It deletes what is not there, since writing over a user's code
// deletes the entry of the index that said when it expires.
func (a *ask) signedUpWith(tx store.Tx) ([]sentTo, error) {
	first := a.code.sentTo
	first.Misses, first.Since = 0, time.Time{} // put has set them if this transaction runs again
	return []sentTo{first}, tx.Delete(echoes.Name, store.Key(a.scope.pool.ID, echoOfExpiry))
}

// pauses reports whether the code that was sent last must do: in safe pools, for who is not
// signed in. It must have gone to the same address, and still be good.
func (a *ask) pauses(alive []sentTo) bool {
	return a.scope.settings.Defaults == SafeDefaults && a.scope.user == "" && len(alive) > 0 &&
		alive[0].Sent.Equal(a.old.Sent) && a.now.Before(a.old.Sent.Add(askPause)) && alive[0].Value == a.code.Value
}

// unsent makes a code that could not be sent one that does not keep the user waiting for another.
func (s *scope) unsent(ctx context.Context, c *code) error {
	return s.engine.store.Update(ctx, func(tx store.Tx) error { return unsent(tx, c.Pool, c.Sub, c.Purpose, c.MAC) })
}

func unsent(tx store.Tx, pool, sub string, purpose codePurpose, sum []byte) error {
	stored, err := orNil(codes.Get(tx, codeKey(pool, sub, purpose)))
	if err != nil || stored == nil || !equal(stored.MAC, sum) {
		return err
	}
	stored.Sent = time.Time{}
	return codes.Put(tx, stored)
}

// count counts the request: for its own source if the account knows it, or else for all others together.
func (a *ask) count(tx store.Tx) (bool, error) {
	if own := a.guesses.own(a.now); own != nil {
		asks, ok := own.Asks.Allow(a.now, a.errand.perHour, time.Hour)
		if own.Asks = asks; !ok {
			return false, nil
		}
		return true, sources.Put(tx, a.guesses.list)
	}
	if !a.window.allow(a.now, a.errand.perHour) {
		return false, nil
	}
	return true, a.window.put(tx)
}

// addressWho returns whom messages to an address are counted for: a keyed digest of
// the address, without regard to case. For a decoy it is the name that nobody has.
func (s *scope) addressWho(to *recipient) string {
	digest := s.ring.addressDigest(to.attribute, to.address) // made for everybody
	if to.decoy {
		return to.user.Sub
	}
	return digest
}

func (r *ring) addressDigest(attribute, address string) string {
	return r.digestOf("address", attribute, fold(address, false))
}

func (r *ring) digestOf(parts ...string) string {
	return "@" + base64.RawURLEncoding.EncodeToString(mac(r.digest, parts...)[:16])
}

// prefixLength is how much of a phone number counts as its range: the plus sign and six
// digits, which is about a country and an operator.
const prefixLength = 7

// spendMessage counts a message to an address, and reports whether it may be sent.
func (s *scope) spendMessage(tx store.Tx, kind string, to *recipient, now time.Time) (bool, error) {
	l := &s.engine.limits
	rec, err := getThrottle(tx, s.pool.ID, kind, s.addressWho(to))
	if err != nil {
		return false, err
	}
	if kind == kindAddress && rec.State.Day(now)+triesPerCode > l.guessesOfAddress() {
		return false, nil
	}
	hour, ok := rec.Window.Allow(now, l.addressPerHour(), time.Hour)
	day, still := rec.Day.Allow(now, l.addressPerDay(), 24*time.Hour)
	if !ok || !still {
		return false, nil
	}
	rec.Window, rec.Day, rec.Expires = hour, day, later(rec.Expires, now.Add(26*time.Hour))
	if medium(to.attribute) == MediumSMS && len(to.address) > prefixLength {
		who := s.ring.digestOf("prefix", to.address[:prefixLength])
		if to.decoy {
			who = to.user.Sub
		}
		if ok, err := s.checkQuota(tx, kindPrefix, who, l.prefixPerHour(), now); err != nil || !ok {
			return false, err
		}
	}
	return true, rec.put(tx)
}

// spendSignInMessage counts a code that is sent after a right password, and writes the letter.
func (s *scope) spendSignInMessage(ctx context.Context, to *recipient, l *letter, now time.Time) error {
	ok := false
	err := s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if ok, err = s.spendMessage(tx, kindSignIn, to, now); err != nil || !ok {
			return err
		}
		return l.put(tx)
	})
	if err == nil && !ok {
		err = errAddressFull
	}
	return err
}

// countAddressMiss counts a wrong code for the address that the newest code went to. If no
// code is alive, it does the same work and counts nothing: strangers could use the address up.
func (s *scope) countAddressMiss(tx store.Tx, t *codeTry) error {
	to := &recipient{user: &User{Sub: s.ring.decoyWho(t.who)}, decoy: true}
	if len(t.alive) > 0 && !isDecoy(t.who) {
		to = &recipient{attribute: t.alive[0].Attribute, address: t.alive[0].Value}
	}
	return s.countMissOf(tx, to, t.now)
}

// countMissOf counts a wrong code for the address that the code went to.
func (s *scope) countMissOf(tx store.Tx, to *recipient, now time.Time) error {
	rec, err := getThrottle(tx, s.pool.ID, kindAddress, s.addressWho(to))
	if err != nil {
		return err
	}
	rec.State = rec.State.Count(now)
	rec.Expires = later(rec.Expires, rec.State.Expires())
	return rec.put(tx)
}
