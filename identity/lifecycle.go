package identity

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// Each call finds the user by name and then commits one transaction, which
// reads the user again. Enable, Disable and Confirm go through changeUser. SignOut
// and Delete have transactions of their own. Delete removes the user, erases the
// records that the user owns, and inserts the event; if there are too many
// records, it leaves a tombstone and Sweep purges the rest. The hook of Confirm
// runs after the commit.

// Enable lets a disabled user sign in again. The sign-ins that disabling has
// ended stay ended. Enable returns no error if the user is enabled already.
func (us Users) Enable(ctx context.Context, name string) error {
	_, err := us.admin.change(ctx, name, EventUserEnabled, func(_ store.Tx, _ *PoolInfo, u *User) (error, error) {
		id := u.primary()
		if !u.Disabled && (id == nil || !id.Disabled) {
			return errUnchanged, nil
		}
		if u.Disabled = false; id != nil {
			id.Disabled = false
		}
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("enable user: %w", err)
	}
	return nil
}

// Disable ends all sign-ins of a user and refuses new ones until [Users.Enable].
// It returns no error if the user is disabled already.
func (us Users) Disable(ctx context.Context, name string) error {
	now := us.admin.engine.now()
	_, err := us.admin.change(ctx, name, EventUserDisabled, func(tx store.Tx, _ *PoolInfo, u *User) (error, error) {
		if u.Disabled {
			return errUnchanged, nil
		}
		u.Disabled = true
		return nil, u.signOut(tx, now)
	})
	if err != nil {
		return fmt.Errorf("disable user: %w", err)
	}
	return nil
}

// Confirm confirms a user who has signed up, without a code. The code that was
// sent is void. Confirm verifies no address. If the user is not waiting for
// confirmation, it returns [ErrCannotConfirm], as a [*StatusError].
func (us Users) Confirm(ctx context.Context, name string) error {
	var h points
	u, err := us.admin.change(ctx, name, EventSignUpConfirmed, func(tx store.Tx, p *PoolInfo, u *User) (error, error) {
		if u.Status != StatusUnconfirmed {
			return &StatusError{ErrCannotConfirm, u.Username, u.Status}, nil
		}
		h = us.admin.points(p)
		if err := h.callable(PostConfirmation); err != nil {
			return err, nil
		}
		u.Status = StatusConfirmed
		_, err := codes.Delete(tx, store.Key(u.Pool, u.Sub, string(confirmCode)))
		return nil, err
	})
	if err == nil {
		err = h.postConfirmation(ctx, hook.ConfirmSignUp, u)
	}
	if err != nil {
		return fmt.Errorf("confirm user: %w", err)
	}
	return nil
}

// SignOut ends all sign-ins of a user. The user may sign in again at once.
func (us Users) SignOut(ctx context.Context, name string) error {
	by, err := us.admin.origin(ctx, name)
	if err == nil {
		by.apart = true
		err = us.admin.engine.signOut(ctx, by, EventSignedOutEverywhere)
	}
	if err != nil {
		return fmt.Errorf("sign out user: %w", err)
	}
	return nil
}

// Delete removes a user for good, with the password, the second factors, the
// codes and the sign-ins. Another user may take the username; the sub is never
// given to another user. Events about the user are kept as long as other events,
// see [Event].
func (us Users) Delete(ctx context.Context, name string) error {
	by, err := us.admin.origin(ctx, name)
	if err == nil {
		err = us.admin.engine.deleteUser(ctx, by)
	}
	if err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	return nil
}

// Delete removes the signed-in user for good, see [Users.Delete].
func (s *Session) Delete(ctx context.Context) error {
	if err := s.managed(); err != nil {
		return err
	}
	by := origin{pool: s.pool, client: s.client.ID, sub: s.user.Sub, now: s.engine.now()}
	if err := s.engine.deleteUser(ctx, by); err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	return nil
}

// origin finds a user and returns the origin of an operator's change to that user.
func (a *Admin) origin(ctx context.Context, name string) (origin, error) {
	p, u, err := a.find(ctx, name)
	if err != nil {
		return origin{}, err
	}
	return origin{pool: p, sub: u.Sub, now: a.engine.now()}, nil
}

func (e *Engine) deleteUser(ctx context.Context, by origin) error {
	ev, err := e.changed(ctx, by, EventUserDeleted)
	if err != nil {
		return err
	}
	return e.store.Update(ctx, func(tx store.Tx) error {
		u, err := orNil(users.Get(tx, store.Key(by.pool.ID, by.sub)))
		if err != nil {
			return err
		}
		if u == nil {
			return ErrUserNotFound
		}
		return e.remove(tx, u, ev)
	})
}

// remove deletes a user, erases what the user owns and inserts the event of it.
func (e *Engine) remove(tx store.Tx, u *User, ev *Event) error {
	if _, err := users.Delete(tx, users.Key(u)); err != nil {
		return err
	}
	if err := e.erase(tx, ev.Time, store.OwnedByUser, u.Pool, u.Sub); err != nil {
		return err
	}
	return events.Insert(tx, ev)
}

// removeUnconfirmed removes a user who is unconfirmed still. Who was confirmed or
// removed meanwhile is left alone.
func (e *Engine) removeUnconfirmed(tx store.Tx, u *User, ev *Event) error {
	again, err := orNil(users.Get(tx, users.Key(u)))
	if err != nil || again == nil || again.Status != StatusUnconfirmed {
		return err
	}
	return e.remove(tx, again, ev)
}
