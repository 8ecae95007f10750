package identity

import (
	"context"
	"errors"
	"time"

	"github.com/cognate-id/cognate/store"
)

// last are the hashes of up to n passwords, the present one first. c may be nil.
func (c *credential) last(n int) []string {
	if c == nil || c.Hash == "" || n <= 0 {
		return nil
	}
	all := append([]string{c.Hash}, c.History...)
	return all[:min(n, len(all))]
}

// replace puts a credential in the place of an old one, which may be nil, and
// hands on as much of its history as the policy of the pool looks at. Its time
// is what tells it from the old one, so it is later even within a millisecond.
func (c *credential) replace(tx store.Tx, s *PoolSettings, old *credential) error {
	if old != nil {
		c.Changed = later(c.Changed, old.Changed.Add(time.Millisecond))
	}
	c.History = old.last(s.PasswordHistory() - 1)
	return credentials.Put(tx, c)
}

// checkHistory refuses a password that the policy forbids to return, with
// [ErrPasswordReused]. It hashes once for each password that is remembered, so
// it is asked only for whoever has proved to be the user.
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

// cleared tells whether a password was held against the history of the
// credential that it is about to replace, or need not be.
func cleared(s *PoolSettings, old, checked *credential) bool {
	return s.PasswordHistory() == 0 || old == nil || old.same(checked)
}

// clearances is how often a password is held against the history of a
// credential that is being replaced all the while.
const clearances = 3

// readCredential reads a user's credential; nil where there is none.
func (e *Engine) readCredential(ctx context.Context, u *User) (*credential, error) {
	var c *credential
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		c, err = orNil(credentials.Get(r, store.Key(u.Pool, u.Sub)))
		return err
	})
	return c, err
}

// replaceCredential sets a password, which was hashed, and changes the user by
// fn in the same transaction. A password that the policy forbids to return is refused.
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

// errUncleared is the refusal that says that a password must be held against a history first.
var errUncleared = errors.New("identity: password was not held against the history")
