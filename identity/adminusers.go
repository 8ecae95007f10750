package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// Users.Create works in this order:
//
//  1. It reads the pool and checks the names, the attributes and the triggers.
//  2. It runs the hook before sign-up, checks or makes the temporary password
//     and hashes it, and runs the hooks for the messages.
//  3. One transaction (commitCreate) checks that the pool still exists, takes
//     aliases over if ForceAlias asks for it, and inserts the user, the
//     credential and the event. The names must be free.
//  4. After the commit the invitation is sent.
//
// With ResendInvitation, step 3 instead replaces the credential of a user who
// has not accepted the invitation. Users.SetPassword hashes first and then
// commits in replaceCredential, which checks the history of passwords.

// Users has what an operator may do with the users of a pool.
type Users struct{ admin *Admin }

// Users returns a handle on the users of the pool.
func (a *Admin) Users() Users { return Users{a} }

// CreateUser is the input of [Users.Create].
type CreateUser struct {
	Username   string            // 1 to 128 characters; an address in pools with UsernameAttributes
	Attributes map[string]string // may include email_verified and phone_number_verified
	// TemporaryPassword is the password of the first sign-in, which demands a new
	// one. If it is empty, a random one is made. But if codes to a verified address of the user begin sign-ins, see
	// FirstFactors of [PoolSettings], the user is confirmed and has no password.
	TemporaryPassword Secret
	// Mediums say how the invitation is sent. Empty means by mail to a user who has an
	// email, and by SMS to others. If the user has no address for it, nothing is sent,
	// and the engine logs a warning.
	Mediums []Medium
	// SuppressInvitation creates the user without sending an invitation.
	SuppressInvitation bool
	// ResendInvitation creates no user. It sends a new invitation, with a new
	// password, to a user who exists and has not accepted the first one.
	ResendInvitation bool
	// ForceAlias takes a verified address away from another user who has it as
	// an alias.
	ForceAlias bool
}

// Get returns the user who has a name or a sub, or [ErrUserNotFound].
func (us Users) Get(ctx context.Context, name string) (*User, error) {
	_, u, err := us.admin.find(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("get user: %w", err)
	}
	return u, nil
}

// Create makes a user and sends an invitation with a temporary password. The
// user must choose a password at the first sign-in. If the invitation could not
// be delivered, Create returns the user together with an [ErrDelivery].
func (us Users) Create(ctx context.Context, in CreateUser) (*User, error) {
	u, err := us.admin.createUser(ctx, in)
	if err != nil {
		return u, fmt.Errorf("create user: %w", err)
	}
	return u, nil
}

func (a *Admin) createUser(ctx context.Context, in CreateUser) (*User, error) {
	if in.ResendInvitation {
		return a.reinvite(ctx, in)
	}
	p, err := a.Describe(ctx)
	if err != nil {
		return nil, err
	}
	now := a.engine.now()
	u, err := a.engine.newUser(p, in.Username, in.Attributes, now)
	if err != nil {
		return nil, err
	}
	u.Status = StatusForceChangePassword
	without := in.TemporaryPassword == "" && passwordless(&p.Settings, u)
	if without {
		u.Status = StatusConfirmed
	}
	if err := checkInvited(&p.Settings, u.Attributes); err != nil {
		return nil, err
	}
	if err := a.points(p).callable(append(in.triggers(), PreSignUp)...); err != nil {
		return nil, err
	}
	if _, err := a.points(p).preSignUp(ctx, hook.CreateUser, u); err != nil {
		return nil, err
	}
	var password Secret
	var cred *credential
	if !without {
		if password, cred, err = a.temporary(ctx, p, u, in.TemporaryPassword, now); err != nil {
			return nil, err
		}
	}
	words, err := a.announce(ctx, p, u, in)
	if err != nil {
		return nil, err
	}
	inv, err := a.invite(ctx, p, u, in, words, password, cred, now)
	if err != nil {
		return nil, err
	}
	defer inv.end()
	if err := a.commitCreate(ctx, p, u, cred, inv, in.ForceAlias, now); err != nil {
		return nil, err
	}
	return u, inv.sent(ctx)
}

// triggers returns the triggers that an invitation runs. They are checked
// before anything is written: if one refused afterwards, the password would be
// set and nobody would know it.
func (in *CreateUser) triggers() []Trigger {
	if in.SuppressInvitation {
		return nil
	}
	return slices.Clone(messageTriggers)
}

// temporary checks the given temporary password, or makes one if it is empty.
// It returns the password and its credential.
func (a *Admin) temporary(ctx context.Context, p *PoolInfo, u *User, password Secret, now time.Time) (Secret, *credential, error) {
	password, cred, err := a.temporaryCredential(ctx, p, u, password, now)
	if err != nil {
		return "", nil, err
	}
	cred.Expires = now.Add(p.Settings.TemporaryPasswordLife())
	return password, cred, nil
}

// temporaryCredential returns a temporary password and its hash. A random one meets any policy
// and is in no list.
func (a *Admin) temporaryCredential(ctx context.Context, p *PoolInfo, u *User, password Secret, now time.Time) (Secret, *credential, error) {
	if password == "" {
		made, err := temporaryPassword(p.Settings.EffectivePasswordPolicy())
		if err != nil {
			return "", nil, err
		}
		cred, err := a.engine.newCredential(ctx, &p.Settings, u, made, now)
		return made, cred, err
	}
	if err := a.engine.checkPassword(&p.Settings, password, false); err != nil {
		return "", nil, err
	}
	cred, err := a.engine.chosen(ctx, &p.Settings, u, password, false, now)
	return password, cred, err
}

func (a *Admin) commitCreate(ctx context.Context, p *PoolInfo, u *User, cred *credential, inv bundle, force bool, now time.Time) error {
	ev, err := a.engine.changed(ctx, origin{pool: p, sub: u.Sub, now: now}, EventUserCreated)
	if err != nil {
		return err
	}
	var refused error
	err = a.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if _, err := pools.Get(tx, store.Key(p.ID)); err != nil {
			return err
		}
		if force {
			if refused, err = takeAliases(tx, &p.Settings, u, ev, now); err != nil || refused != nil {
				return err
			}
		}
		refused = nil
		return cmp.Or(a.engine.insertUser(tx, p, u, cred, nil, ev), inv.put(tx))
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &NotFoundError{ErrPoolNotFound, p.ID}
	case errors.Is(err, store.ErrExists):
		return a.takenBy(ctx, p, u)
	case err != nil:
		return err
	}
	return refused
}

// takenBy returns the error for a user who could not be created because
// another user has one of the names. The error says which name.
func (a *Admin) takenBy(ctx context.Context, p *PoolInfo, u *User) error {
	var taken *NameTakenError
	err := a.engine.namesFree(ctx, &p.Settings, u)
	if !errors.As(err, &taken) {
		return &NameTakenError{Err: ErrUsernameExists}
	}
	if taken.Attribute != "" && len(p.Settings.UsernameAttributes) == 0 {
		taken.Err = ErrAliasExists
	}
	return taken
}

// reinvite gives a new temporary password to a user who has not accepted an
// invitation, and sends it.
func (a *Admin) reinvite(ctx context.Context, in CreateUser) (*User, error) {
	p, u, err := a.find(ctx, in.Username)
	if err != nil {
		return nil, err
	}
	if err := a.points(p).callable(in.triggers()...); err != nil {
		return nil, err
	}
	var words map[string]hook.CustomMessageDecision
	if u.Status == StatusForceChangePassword { // the commit refuses all other users
		if words, err = a.announce(ctx, p, u, in); err != nil {
			return nil, err
		}
	}
	now := a.engine.now()
	password, cred, err := a.temporary(ctx, p, u, in.TemporaryPassword, now)
	if err != nil {
		return nil, err
	}
	inv, err := a.invite(ctx, p, u, in, words, password, cred, now)
	if err != nil {
		return nil, err
	}
	defer inv.end()
	by := origin{pool: p, sub: u.Sub, now: now}
	kept, err := a.engine.changeUser(ctx, by, EventUserInvitedAgain, func(tx store.Tx, u *User) (refused, err error) {
		if u.Status != StatusForceChangePassword {
			return &StatusError{ErrResendNotPossible, in.Username, u.Status}, nil
		}
		old, err := orNil(credentials.Get(tx, credentials.Key(cred)))
		if err != nil {
			return nil, err
		}
		return nil, cmp.Or(cred.replace(tx, &p.Settings, old), inv.put(tx))
	})
	if err != nil {
		return nil, err
	}
	return kept, inv.sent(ctx)
}

// invite makes the letters with a temporary password, one for each medium that was asked for,
// if the user has an address for that medium.
func (a *Admin) invite(ctx context.Context, p *PoolInfo, u *User, in CreateUser, words map[string]hook.CustomMessageDecision, password Secret, cred *credential, now time.Time) (all bundle, err error) {
	to := in.invited(u)
	if len(to) == 0 && !in.SuppressInvitation {
		a.engine.log.WarnContext(ctx, "the invitation was not sent: the user has no address for the mediums",
			"mediums", in.mediums(u), "username", u.Username, "pool", p.ID)
	}
	for _, attribute := range to {
		l, err := a.points(p).letter(ctx, u, a.invitation(p, u, attribute, words[attribute], string(password), now), cred.worth())
		if err != nil {
			all.end()
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// announce runs the hook for each message that invite will send, and returns the words
// that the hook has for it, by the attribute with the address.
func (a *Admin) announce(ctx context.Context, p *PoolInfo, u *User, in CreateUser) (map[string]hook.CustomMessageDecision, error) {
	words := map[string]hook.CustomMessageDecision{}
	for _, attribute := range in.invited(u) {
		d, err := a.points(p).customMessage(ctx, MessageInvitation, u, attribute)
		if err != nil {
			return nil, err
		}
		words[attribute] = d
	}
	return words, nil
}

// invited returns the attributes whose addresses get the invitation.
func (in *CreateUser) invited(u *User) []string {
	if in.SuppressInvitation {
		return nil
	}
	mediums := in.mediums(u)
	var to []string
	for _, attribute := range []string{"phone_number", "email"} {
		if slices.Contains(mediums, medium(attribute)) && u.Attributes[attribute] != "" {
			to = append(to, attribute)
		}
	}
	return to
}

// mediums returns the mediums that were asked for, or else the one that the user has an
// address for.
func (in *CreateUser) mediums(u *User) []Medium {
	switch {
	case len(in.Mediums) > 0:
		return in.Mediums
	case u.Attributes["email"] != "":
		return []Medium{MediumEmail}
	}
	return []Medium{MediumSMS}
}

// SetPassword sets a user's password. A permanent password confirms the user.
// A temporary one must be changed at the next sign-in. SetPassword ends a
// lock-out, any pending challenge and, in safe pools, all sign-ins. It returns
// [ErrPasswordReused] if the policy forbids to use the password again.
func (us Users) SetPassword(ctx context.Context, name string, password Secret, permanent bool) error {
	if err := us.admin.setPassword(ctx, name, password, permanent); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

func (a *Admin) setPassword(ctx context.Context, name string, password Secret, permanent bool) error {
	p, u, err := a.find(ctx, name)
	if err != nil {
		return err
	}
	if err := a.engine.checkPassword(&p.Settings, password, false); err != nil {
		return err
	}
	now := a.engine.now()
	cred, err := a.engine.chosen(ctx, &p.Settings, u, password, false, now)
	if err != nil {
		return err
	}
	status := StatusConfirmed
	if !permanent {
		status, cred.Expires = StatusForceChangePassword, now.Add(p.Settings.TemporaryPasswordLife())
	}
	by := origin{pool: p, sub: u.Sub, now: now}
	return a.engine.replaceCredential(ctx, &p.Settings, by, EventPasswordSet, cred, password, func(tx store.Tx, u *User) error {
		u.Status = status
		for _, kind := range []string{kindPassword, kindGuess} {
			if _, err := throttles.Delete(tx, throttleKey(p.ID, kind, u.Sub)); err != nil {
				return err
			}
		}
		return u.signOutSafely(tx, &p.Settings, now)
	})
}
