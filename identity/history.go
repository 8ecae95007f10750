package identity

import (
	"context"
	"errors"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A new password is compared with the hashes of earlier ones. Hashing is slow,
// so it cannot run in the transaction that replaces the credential.
// replaceCredential therefore tries the transaction first. If the stored
// credential is not the one that the password was compared with, the
// transaction is refused, the password is compared with the history of the
// stored credential, and the transaction is tried again, up to three times.

// last returns the hashes of up to n passwords, the present one first. c may be nil.
func (c *credential) last(n int) []string {
	if c == nil || c.Hash == "" || n <= 0 {
		return nil
	}
	all := append([]string{c.Hash}, c.History...)
	return all[:min(n, len(all))]
}

// replace writes c in the place of an old credential, which may be nil. c takes
// over as much of the old history as the policy of the pool uses. The time of a
// credential tells it from others, so c gets a later time than the old one even
// if both were made in the same millisecond.
func (c *credential) replace(tx store.Tx, s *PoolSettings, old *credential) error {
	c.follow(old)
	c.History = old.last(s.PasswordHistory() - 1)
	return credentials.Put(tx, c)
}

// follow makes the credential newer than the one that it replaces: both may be of one instant, or of machines whose clocks differ. Whoever
// says that the new password was proved must call it first.
func (c *credential) follow(old *credential) {
	if old != nil {
		c.Changed = later(c.Changed, old.Changed.Add(time.Millisecond))
	}
}

// checkHistory returns [ErrPasswordReused] if the policy forbids to use a
// password again. It hashes once for each remembered password. Because that is
// expensive, call it only after the caller has proved to be the user.
func (e *Engine) checkHistory(ctx context.Context, s *PoolSettings, old *credential, password Secret) error {
	for _, hash := range old.last(s.PasswordHistory()) {
		same, _, err := e.hasher.Verify(ctx, hash, string(password))
		if err != nil {
			return err
		}
		if same {
			return ErrPasswordReused
		}
	}
	return nil
}

// cleared reports whether a password may replace old: it was compared with the
// history of old, or there is no history to compare with.
func cleared(s *PoolSettings, old, checked *credential) bool {
	return s.PasswordHistory() == 0 || old == nil || old.same(checked)
}

// clearances is how often replaceCredential tries, if others replace the
// credential at the same time.
const clearances = 3

// readCredential reads a user's credential. It returns nil if there is none.
func (e *Engine) readCredential(ctx context.Context, u *User) (*credential, error) {
	var c *credential
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		c, err = orNil(credentials.Get(r, store.Key(u.Pool, u.Sub)))
		return err
	})
	return c, err
}

// replaceCredential writes the credential of a new password and changes the user
// with fn, in one transaction. It returns [ErrPasswordReused] if the policy
// forbids to use the password again.
func (e *Engine) replaceCredential(ctx context.Context, s *PoolSettings, by origin, kind EventKind, cred *credential, password Secret, fn func(store.Tx, *User) error) error {
	var checked *credential
	for range clearances {
		var old *credential
		_, err := e.changeUser(ctx, by, kind, func(tx store.Tx, u *User) (refused, err error) {
			if old, err = orNil(credentials.Get(tx, credentials.Key(cred))); err != nil {
				return nil, err
			}
			if !cleared(s, old, checked) {
				return errUncleared, nil
			}
			if err := fn(tx, u); err != nil {
				return nil, err
			}
			return nil, cred.replace(tx, s, old)
		})
		if !errors.Is(err, errUncleared) {
			return err
		}
		if err := e.checkHistory(ctx, s, old, password); err != nil {
			return err
		}
		checked = old
	}
	return store.ErrConflict
}

// errUncleared is the refusal of a password that must be compared with the
// history first.
var errUncleared = errors.New("identity: password was not held against the history")
