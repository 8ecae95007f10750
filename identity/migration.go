package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// A user who is not in the pool may be in the directory that the program used
// before. At a sign-in with a password, or when a password was forgotten, the hook
// UserMigration is asked for the user. migrate stores the user whom it
// returns, with the password that was given, in one transaction; then the flow goes
// on as for any other user. Where two calls bring the same user at once, one stores the
// user and the other uses it.

// migrate asks the hook for a user who is not in the pool, and stores the user whom
// it returns. It reports whether the user is there now. If the hook refuses, the error is a
// [*MigrationError]: functions refuse a wrong password so, and that must look as it
// does for a user of the pool.
func (s *scope) migrate(ctx context.Context, source hook.Source, name string, password Secret) (bool, error) {
	d, err := s.points().userMigration(ctx, source, name, password)
	if errors.Is(err, ErrHookRefused) {
		s.engine.log.InfoContext(ctx, "a hook brings no user", "trigger", UserMigration, "pool", s.pool.ID, "error", err)
		return false, &MigrationError{Client: s.client.ID, Err: err}
	}
	if err != nil || d.Attributes == nil {
		return false, err
	}
	now := s.engine.now()
	u, err := s.migrated(name, d, now)
	if err != nil {
		return false, s.points().ended(ctx, UserMigration, fmt.Errorf("%w: %w", hook.ErrInvalidDecision, err))
	}
	var cred *credential
	if password != "" {
		if cred, err = s.engine.newCredential(ctx, s.settings, u, password, now); err != nil {
			return false, err
		}
	}
	m := &migration{user: u, cred: cred, force: d.ForceAlias, who: s.whoIs(nil, name), now: now}
	return s.commitMigration(ctx, m)
}

// A migration is what is stored of a user whom a hook has brought.
type migration struct {
	user  *User
	cred  *credential // nil if there is no password
	force bool        // the alias of another user moves
	who   string      // whom wrong passwords were counted for
	now   time.Time
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
// another user is refused: the directory would give that user's name away. A right
// password brings nobody once the name is locked: of many guesses at once, no more count
// than one after the other.
func (s *scope) commitMigration(ctx context.Context, m *migration) (bool, error) {
	ev, err := s.asked(ctx, m.user.Sub, EventUserMigrated, m.now)
	if err != nil {
		return false, err
	}
	var refused error
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		refused = nil
		if err := s.stillThere(tx); err != nil {
			return err
		}
		if locked, err := m.locked(tx, s); err != nil || locked {
			refused = ErrTooManyAttempts
			return err
		}
		var by *Event
		if m.force {
			by = ev
		}
		if refused, err = takeAliases(tx, s.settings, m.user, by, m.now); err != nil || refused != nil {
			return err
		}
		return s.engine.insertUser(tx, s.pool, m.user, m.cred, nil, ev)
	})
	switch {
	case errors.Is(err, store.ErrExists), err == nil && errors.Is(refused, ErrUsernameExists):
		return true, nil // another call has brought the user
	case err != nil || errors.Is(refused, ErrTooManyAttempts):
		return false, orRefused(err, refused)
	case refused != nil:
		return false, s.points().ended(ctx, UserMigration, fmt.Errorf("%w: %w", hook.ErrInvalidDecision, refused))
	}
	return true, nil
}

// locked reports whether too many wrong passwords were given for the name meanwhile.
func (m *migration) locked(tx store.Tx, s *scope) (bool, error) {
	if m.cred == nil {
		return false, nil // a forgotten password proves nothing
	}
	values, err := tx.Get(guessRefs(s.pool.ID, m.who)...)
	if err != nil {
		return false, err
	}
	g, err := s.guessesOf(values, m.who)
	return err == nil && g.locked(m.now), err
}

// migrated returns the attempt with the user whom the hook brings from another
// directory, if the pool does not have the user. A name that was tried too often
// is not passed on, so that nobody can guess the passwords of the other directory. For the
// same reason the attempt is counted if the hook brings nobody, also where the client may
// know that there is no such user.
func (a *AppClient) migrated(ctx context.Context, t *attempt, password Secret) (*attempt, error) {
	if t.user != nil || len(password) > settings.MaxPasswordBytes || !present(t.scope.points(), atUserMigration) {
		return t, nil
	}
	absent := ErrUserNotFound
	if !t.shut(a.engine.now()) {
		brought, err := t.scope.migrate(ctx, hook.MigrateSignIn, t.name, password)
		switch {
		case brought:
			again := &attempt{name: t.name}
			return again, a.begin(ctx, again, true)
		case errors.Is(err, ErrUserNotFound):
			absent = err
		case err != nil:
			return t, err
		}
	}
	if t.scope.settings.DisclosesUsers(&t.scope.client.Settings) {
		t.absent = absent
	}
	return t, nil
}
