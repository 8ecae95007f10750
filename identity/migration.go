package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// A user who is not in the pool may be in the directory that the program used
// before. At a sign-in with a password, or when a password was forgotten, the hook
// UserMigration is asked for the user. migrate stores the user whom it
// returns, with the password that was given, in one transaction; then the flow goes
// on as for any other user. Where two calls bring the same user at once, one stores the
// user and the other uses it.

// migrate asks the hook for a user who is not in the pool, and stores the user whom
// it returns. It reports whether the user is there now.
func (s *scope) migrate(ctx context.Context, source hook.Source, name string, password Secret) (bool, error) {
	d, err := s.points().userMigration(ctx, source, name, password)
	if errors.Is(err, ErrHookRefused) {
		return false, s.notMigrated(err)
	}
	if err != nil || d.Attributes == nil {
		return false, err
	}
	now := s.engine.now()
	u, err := s.migrated(name, d, now)
	if err != nil {
		return false, &HookError{UserMigration, fmt.Errorf("%w: %w", hook.ErrInvalidDecision, err)}
	}
	var cred *credential
	if password != "" {
		if cred, err = s.engine.newCredential(ctx, s.settings, u, password, now); err != nil {
			return false, err
		}
	}
	return s.commitMigration(ctx, u, cred, d.ForceAlias, now)
}

// notMigrated is what a refusal of the hook means: nobody has the name. If the settings hide
// who exists, the flow goes on as for any name that nobody has, so that a wrong
// password is counted and the answer does not tell.
func (s *scope) notMigrated(refused error) error {
	if !s.settings.DisclosesUsers(&s.client.Settings) {
		return nil
	}
	return fmt.Errorf("%w: %w", &ClientError{Err: ErrMigrationRefused, Client: s.client.ID}, refused)
}

// migrated makes the user of a decision.
func (s *scope) migrated(name string, d hook.UserMigrationDecision, now time.Time) (*User, error) {
	attributes := maps.Clone(d.Attributes)
	delete(attributes, "sub")
	if len(s.settings.UsernameAttributes) == 0 {
		name = cmp.Or(attributes["username"], name)
	}
	delete(attributes, "username")
	u, err := s.engine.newUser(s.pool, name, attributes, now)
	if err != nil {
		return nil, err
	}
	switch status := UserStatus(d.Status); status {
	case StatusConfirmed, StatusResetRequired:
		u.Status = status
	case "":
		u.Status = StatusResetRequired
	case StatusUnconfirmed, StatusForceChangePassword:
		fallthrough
	default:
		return nil, fmt.Errorf("a migrated user cannot be %q", status)
	}
	u.rename(s.settings)
	return u, checkInvited(s.settings, u.Attributes)
}

// commitMigration stores a user. Without force, a user whose address is the alias of
// another user is refused: the directory would give that user's name away.
func (s *scope) commitMigration(ctx context.Context, u *User, cred *credential, force bool, now time.Time) (bool, error) {
	ev, err := s.asked(ctx, u.Sub, EventUserMigrated, now)
	if err != nil {
		return false, err
	}
	var refused error
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := s.stillThere(tx); err != nil {
			return err
		}
		var by *Event
		if force {
			by = ev
		}
		if refused, err = takeAliases(tx, s.settings, u, by, now); err != nil || refused != nil {
			return err
		}
		return insertUser(tx, u, cred, nil, ev)
	})
	if errors.Is(err, store.ErrExists) || err == nil && errors.Is(refused, ErrUsernameExists) {
		return true, nil // another call has brought the user
	}
	if err == nil && refused != nil {
		return false, &HookError{UserMigration, fmt.Errorf("%w: %w", hook.ErrInvalidDecision, refused)}
	}
	return err == nil, err
}
