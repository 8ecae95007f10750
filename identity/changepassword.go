package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A change of the password works in this order:
//
//  1. The new password is checked against the policy.
//  2. prove reads the credential, the lock-out and the count of wrong passwords,
//     and verifies the previous password. This is slow and runs outside of any
//     transaction.
//  3. If the previous password is right, the new one is compared with the
//     history and hashed, also outside of any transaction.
//  4. run commits through changeUser. commit reads again what may have changed
//     since step 2. A wrong previous password is counted, and is a refusal. A
//     right one replaces the credential and, in safe pools, ends all other
//     sign-ins.

// changesPerHour is how many wrong previous passwords a user may give in an
// hour. After that, no password is verified.
const changesPerHour = 5

// ChangePassword replaces the user's password. Leave previous empty only for a
// user who has no password.
//
// A wrong previous password returns [ErrIncorrectCredentials] and counts like a
// failed sign-in. After 5 wrong ones in an hour, every call returns
// [ErrLimitExceeded]. A new password that breaks the policy returns
// [ErrInvalidPassword] or [ErrPasswordReused].
//
// In safe pools the user's other sign-ins end. In other pools all tokens stay
// valid.
func (s *Session) ChangePassword(ctx context.Context, previous, proposed Secret) error {
	if err := s.changePassword(ctx, previous, proposed); err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

func (s *Session) changePassword(ctx context.Context, previous, proposed Secret) error {
	if err := s.settle(); err != nil {
		return err
	}
	if err := s.user.mayChangePassword(); err != nil {
		return err
	}
	settings := &s.pool.Settings
	if err := s.engine.checkPassword(settings, proposed, false); err != nil {
		return err
	}
	t := &passwordChange{
		session: s, attempt: &attempt{scope: s.scope(), user: s.user, who: s.user.Sub}, now: s.engine.now(),
	}
	t.scope.from(ctx)
	if err := t.prove(ctx, previous); err != nil {
		return err
	}
	if t.correct {
		if err := s.engine.checkHistory(ctx, settings, t.cred, proposed); err != nil {
			return err
		}
		next, err := s.engine.chosen(ctx, settings, s.user, proposed, false, t.now)
		if err != nil {
			return err
		}
		t.next = next
	}
	return t.run(ctx)
}

// mayChangePassword returns an error if the state of a signed-in user forbids a
// change of the password.
func (u *User) mayChangePassword() error {
	switch u.Status {
	case StatusConfirmed:
		return nil
	case StatusUnconfirmed:
		return ErrUserNotConfirmed
	case StatusResetRequired:
		return ErrPasswordResetRequired
	case StatusForceChangePassword:
		return ErrCannotReset
	case StatusExternalProvider:
		return ErrFederatedUser
	default:
		return fmt.Errorf("%w: a change of the password of a user in the state %q", errUnhandled, u.Status)
	}
}

// A passwordChange is one call of ChangePassword: the proof of the previous
// password, and the credential that replaces it.
type passwordChange struct {
	*attempt
	session *Session
	now     time.Time
	next    *credential // the new credential; nil if the previous password was wrong
}

// prove verifies the previous password, outside of any transaction. It sets
// t.correct.
func (t *passwordChange) prove(ctx context.Context, previous Secret) error {
	limited := false
	err := t.scope.engine.store.View(ctx, func(r store.Reader) (err error) {
		if limited, err = t.limited(r); err != nil {
			return err
		}
		return t.read(r, t.scope)
	})
	switch {
	case err != nil:
		return err
	case limited:
		return ErrLimitExceeded
	case t.cred == nil || t.cred.Hash == "":
		t.correct = true // the user has no password to prove
		return nil
	case previous == "":
		return ErrIncorrectCredentials
	}
	return t.checkPassword(ctx, previous)
}

// limited reports whether the user has given so many wrong passwords that no
// more are verified.
func (t *passwordChange) limited(r store.Reader) (bool, error) {
	rec, err := getThrottle(r, t.scope.pool.ID, kindChange, t.who)
	if err != nil {
		return false, err
	}
	_, ok := rec.Window.Allow(t.now, changesPerHour, time.Hour)
	return !ok, nil
}

func (t *passwordChange) run(ctx context.Context) error {
	s := t.session
	ev, err := t.scope.proved(ctx, t.who, EventPasswordChangeFailed, t.now)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, EventPasswordChanged, func(tx store.Tx, u *User) (error, error) {
		return t.commit(tx, u, ev.failed(EventPasswordChangeFailed, ErrIncorrectCredentials))
	})
	t.scope.failed(err, t.now)
	return err
}

// commit runs in the transaction. It reads again what may have changed since
// the password was verified, and decides.
func (t *passwordChange) commit(tx store.Tx, u *User, failure *Event) (refused, err error) {
	again, err := t.again(tx)
	if err != nil {
		return nil, err
	}
	limited, err := t.limited(tx)
	switch {
	case err != nil:
		return nil, err
	case limited:
		return ErrLimitExceeded, nil
	case again.lock.locked(t.now):
		return ErrTooManyAttempts, nil
	case t.next == nil || !(again.cred.same(t.cred) || again.cred == nil && t.cred == nil):
		if _, err := t.scope.checkQuota(tx, kindChange, t.who, changesPerHour, t.now); err != nil {
			return nil, err
		}
		return ErrIncorrectCredentials, again.lock.fail(tx, failure, t.now)
	}
	if refusal := u.mayChangePassword(); refusal != nil {
		return refusal, nil
	}
	if t.scope.settings.Defaults == SafeDefaults && len(t.cred.last(1)) > 0 { // ASVS 7.4.3; the service keeps them
		if refused, err := t.session.endOthers(tx, u, t.now); err != nil || refused != nil {
			return refused, err
		}
	}
	if err := again.lock.succeed(tx, t.now); err != nil {
		return nil, err
	}
	return nil, t.next.replace(tx, t.scope.settings, again.cred)
}

// endOthers ends all sign-ins of the user except this one, which gets a new
// AuthTime: the user has just proved the password again.
func (s *Session) endOthers(tx store.Tx, u *User, now time.Time) (refused, err error) {
	own, err := signOutOthers(tx, u, familyID(s.claims), now)
	if err != nil {
		return nil, err
	}
	if own == nil {
		return ErrAccessTokenRevoked, nil // it was ended meanwhile
	}
	own.AuthTime = u.NotBefore
	return nil, families.Put(tx, own)
}
