package identity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// The challenge for a new password. A user who signed in with a temporary
// password answers it with a new password and with the attributes that are missing.
// The new password is checked and hashed first; then one transaction uses the
// challenge up, confirms the user, replaces the credential and, where nothing
// more is asked for, writes the family.

// NewPasswordRequired asks a user who signed in with a temporary password to choose one.
type NewPasswordRequired struct {
	Username   string            // the real one
	Attributes map[string]string // what the client may see of the user
	Required   []string          // attributes that must come with the answer
	client     *AppClient
	state      string
}

// State is the state that must come back.
func (c *NewPasswordRequired) State() string { return c.state }

// NewPassword resumes a [NewPasswordRequired] challenge from its state.
func (a *AppClient) NewPassword(username, state string) *NewPasswordRequired {
	return &NewPasswordRequired{Username: username, client: a, state: state}
}

// newPasswordChallenge asks for a new password.
func (s *scope) newPasswordChallenge(u *User, st *challengeState, now time.Time) (*SignInResult, error) {
	state, err := s.challenge(stateNewPassword, st, nil, now)
	if err != nil {
		return nil, err
	}
	ch := &NewPasswordRequired{
		Username: u.Username, Attributes: visible(s.settings, &s.client.Settings, u),
		client: s.appClient(), state: state,
	}
	for _, a := range s.settings.Attributes() {
		if a.Required && a.Name != "sub" && u.Attributes[a.Name] == "" {
			ch.Required = append(ch.Required, a.Name)
		}
	}
	return &SignInResult{Challenge: ch}, nil
}

// NewPassword is the answer to [NewPasswordRequired].
type NewPassword struct {
	Password   Secret            // the new one, which must meet the policy of the pool
	Attributes map[string]string // those that were required, and others that have no value yet
	SecretHash string            // see [SecretHash]; for clients with a secret
	DeviceKey  string            // see [FactorCode]
}

// Answer sets the password and signs the user in. A password that does not
// meet the policy leaves the challenge open.
func (c *NewPasswordRequired) Answer(ctx context.Context, in NewPassword) (*SignInResult, error) {
	res, err := c.answer(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("answer new password: %w", err)
	}
	return res, nil
}

func (c *NewPasswordRequired) answer(ctx context.Context, in NewPassword) (*SignInResult, error) {
	s, err := c.client.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkHash(c.Username, in.SecretHash); err != nil {
		return nil, err
	}
	now := s.engine.now()
	st, err := s.open(stateNewPassword, c.state, now)
	if err != nil {
		return nil, err
	}
	u, err := s.engine.userBySub(ctx, s.pool.ID, st.Sub)
	if err != nil {
		return nil, err
	}
	if u == nil || !s.sameName(u, st, c.Username) {
		return nil, ErrSessionInvalid
	}
	if in.Password == "" {
		return nil, missing("NEW_PASSWORD")
	}
	s.goesOn(st, in.DeviceKey)
	return s.setFirstPassword(ctx, u, st, in, now)
}

// setFirstPassword replaces a temporary password and signs the user in.
func (s *scope) setFirstPassword(ctx context.Context, u *User, st *challengeState, in NewPassword, now time.Time) (*SignInResult, error) {
	if err := s.checkProvided(u, in.Attributes); err != nil {
		return nil, err
	}
	if err := s.engine.checkPassword(s.settings, in.Password, false); err != nil {
		return nil, err
	}
	if err := s.points().callable(tokenTriggers...); err != nil {
		return nil, err
	}
	if err := s.checkFirstPassword(ctx, u, st, in.Password); err != nil {
		return nil, err
	}
	cred, err := s.engine.chosen(ctx, s.settings, u, in.Password, false, now)
	if err != nil {
		return nil, err
	}
	f, err := s.newFamily(u.Sub, now)
	if err != nil {
		return nil, err
	}
	ev, err := s.proved(ctx, u.Sub, EventTemporaryPasswordReplaced, now)
	if err != nil {
		return nil, err
	}
	err = s.beforeTokens(ctx, hook.TokensOfNewPassword, f, func(tx store.Tx) (*outcome, error) {
		_, o, err := s.decideNewPassword(tx, st, cred, in.Attributes, ev, now)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	var o *outcome
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		o, err = s.commitNewPassword(tx, st, cred, in.Attributes, f, ev, now)
		return err
	})
	if err != nil {
		return nil, spentOr(err, nil)
	}
	if o.refused != nil {
		return nil, o.refused
	}
	return s.proceed(ctx, o, st.Name, f, now)
}

// checkFirstPassword holds a new password against those that the user had. Of
// a credential that was replaced since the challenge the commit tells.
func (s *scope) checkFirstPassword(ctx context.Context, u *User, st *challengeState, password Secret) error {
	if s.settings.PasswordHistory() == 0 {
		return nil
	}
	old, err := s.engine.readCredential(ctx, u)
	if err != nil || old == nil {
		return err
	}
	if hold, err := allHold(st.Proved, s.settings, &outcome{user: u, cred: old}); err != nil || !hold {
		return err
	}
	return s.engine.checkHistory(ctx, s.settings, old, password)
}

// checkProvided checks the attributes that come with a new password.
func (s *scope) checkProvided(u *User, attributes map[string]string) error {
	if err := checkWritable(s.settings, &s.client.Settings, attributes); err != nil {
		return err
	}
	merged := u.clone().Attributes
	given := map[string]string{}
	for _, name := range sortedKeys(attributes) {
		value := attributes[name]
		if u.Attributes[name] != "" { // the same value counts too, as it does with the service
			return &ParameterError{Err: ErrAttributeProvided, Name: name}
		}
		if p := s.settings.Problem(name, value); p != nil {
			return nonconforming(*p)
		}
		merged[name], given[name] = value, value
	}
	for _, a := range s.settings.Attributes() {
		if a.Required && a.Name != "sub" && merged[a.Name] == "" {
			return invalid(a.Name, "Invalid attributes given, "+a.Name+" is missing")
		}
	}
	if err := checkSize(merged); err != nil {
		return err
	}
	return checkFormats(given)
}

func (s *scope) commitNewPassword(tx store.Tx, st *challengeState, cred *credential, attributes map[string]string, f *family, ev *Event, now time.Time) (*outcome, error) {
	old, o, err := s.decideNewPassword(tx, st, cred, attributes, ev, now)
	if err != nil || o.refused != nil {
		return o, err
	}
	for _, write := range []func() error{
		func() error { return users.Put(tx, o.user) },
		func() error { return cred.replace(tx, s.settings, old) },
		func() error { return events.Insert(tx, ev) },
	} {
		if err := write(); err != nil {
			return nil, err
		}
	}
	if o.step != stepDone {
		return o, nil
	}
	return o, s.insertFamily(tx, f, o.user, now)
}

// decideNewPassword says what comes of a new password: the user with it, and the credential
// that it replaces.
func (s *scope) decideNewPassword(tx store.Tx, st *challengeState, cred *credential, attributes map[string]string, ev *Event, now time.Time) (*credential, *outcome, error) {
	if err := usedStates.Insert(tx, s.useUp(st)); err != nil {
		return nil, nil, err
	}
	key := store.Key(s.pool.ID, st.Sub)
	values, err := tx.Get(users.Ref(key), credentials.Ref(key))
	if err != nil {
		return nil, nil, err
	}
	u, err := orNil(users.Decode(values[0]))
	if err != nil {
		return nil, nil, err
	}
	old, err := orNil(credentials.Decode(values[1]))
	if err != nil {
		return nil, nil, err
	}
	hold, err := allHold(st.Proved, s.settings, &outcome{user: u, cred: old})
	if err != nil {
		return nil, nil, err
	}
	if u == nil || old == nil || !hold || u.Status != StatusForceChangePassword {
		return nil, &outcome{refused: ErrSessionInvalid}, nil
	}
	if u.Disabled {
		return nil, &outcome{refused: ErrUserDisabled}, nil
	}
	u = u.clone()
	u.Status, u.Modified = StatusConfirmed, now
	if err := u.provide(attributes); err != nil {
		return nil, nil, err // it must not commit, as below
	}
	u.rename(s.settings)
	taken, err := takeAliases(tx, s.settings, u, nil, now)
	if err = cmp.Or(err, taken); err != nil {
		return nil, nil, err // it must not commit: the challenge stays open for another name
	}
	if u, err = s.engine.ruledIn(tx, s.pool, u, ev); err != nil {
		return nil, nil, err
	}
	cred.follow(old)
	o := &outcome{user: u, cred: cred, proved: []proof{{Kind: provedPassword, Changed: cred.Changed}}}
	return old, o, o.next(tx, s)
}

// provide gives a user attributes that have no value yet. The addresses
// are not verified, even if an operator has set the flag in advance.
func (u *User) provide(attributes map[string]string) error {
	for _, name := range sortedKeys(attributes) {
		switch {
		case u.Attributes[name] != "":
			return &ParameterError{Err: ErrAttributeProvided, Name: name}
		case slices.Contains(addresses, name):
			delete(u.Attributes, name+"_verified")
		}
		u.set(name, attributes[name])
	}
	return nil
}
