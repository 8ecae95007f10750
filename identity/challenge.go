package identity

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A Challenge is what a sign-in asks for before it gives tokens. Each has a
// type of its own, with an Answer method: [*NewPasswordRequired],
// [*PasswordVerifier], [*TOTPRequired], [*SMSCodeRequired], [*MFAChoiceRequired], [*MFASetupRequired].
type Challenge interface {
	// State is what must come back with the answer. It is opaque, bound to the
	// pool, the client and the user, and answered once.
	State() string
}

// A challengeState is what a Challenge carries, sealed under the pool's key.
type challengeState struct {
	Kind    string    `json:"k"`
	ID      string    `json:"i"`
	Name    string    `json:"n"` // username as it was given
	Sub     string    `json:"s"`
	Expires time.Time `json:"e"`
	Changed time.Time `json:"c,omitzero"` // of the credential that was proved

	// SRP:
	UserID  string `json:"u,omitempty"`
	A       []byte `json:"A,omitempty"`
	U       []byte `json:"U,omitempty"`
	Secret  []byte `json:"b,omitempty"`
	Unknown bool   `json:"x,omitempty"`

	// Second factors:
	Code    []byte      `json:"o,omitempty"` // MAC of the code that was sent
	Methods []MFAMethod `json:"m,omitempty"` // to choose from
}

const (
	stateNewPassword = "new-password"
	stateSRP         = "srp"
)

func (s *scope) seal(c *challengeState) (string, error) {
	plain, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return s.ring.state.Seal(c.pad(plain), s.bind(c.Kind)), nil
}

// challenge seals the state of a challenge of a kind that is asked now.
func (s *scope) challenge(kind string, st *challengeState, now time.Time) (string, error) {
	id, err := s.engine.uuid()
	if err != nil {
		return "", err
	}
	next := *st
	next.Kind, next.ID, next.Expires = kind, id, now.Add(s.client.Settings.sessionLife())
	return s.seal(&next)
}

// stateSize is more than a state has without its names and A.
const stateSize = 384

// pad fills a state up with spaces, so that its length says nothing that its
// holder does not know: of a made-up user it would be shorter.
func (c *challengeState) pad(plain []byte) []byte {
	size := stateSize + len(quote(c.Name)) + len(quote(c.UserID)) + base64.StdEncoding.EncodedLen(len(c.A))
	return append(plain, bytes.Repeat([]byte{' '}, max(0, size-len(plain)))...)
}

func (s *scope) bind(kind string) []byte {
	return []byte(store.Key(kind, s.pool.ID, s.client.ID))
}

// open reads a challenge state of a kind, which must be this pool's and client's, and in time.
func (s *scope) open(kind, state string, now time.Time) (*challengeState, error) {
	plain, err := s.ring.state.Open(state, s.bind(kind))
	if err != nil {
		return nil, ErrSessionInvalid
	}
	c := &challengeState{}
	if err := json.Unmarshal(plain, c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSessionInvalid, err)
	}
	if !now.Before(c.Expires) {
		return nil, ErrSessionExpired
	}
	return c, nil
}

func (s *scope) spend(c *challengeState) *spentState {
	return &spentState{Pool: s.pool.ID, ID: c.ID, Expires: c.Expires}
}

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
	state, err := s.challenge(stateNewPassword, st, now)
	if err != nil {
		return nil, err
	}
	ch := &NewPasswordRequired{
		Username: u.Username, Attributes: s.settings.visible(&s.client.Settings, u),
		client: s.appClient(), state: state,
	}
	for _, a := range s.settings.schema() {
		if a.Required && a.Name != "sub" && u.Attributes[a.Name] == "" {
			ch.Required = append(ch.Required, a.Name)
		}
	}
	return &SignInResult{Challenge: ch}, nil
}

// NewPassword is the answer to [NewPasswordRequired].
type NewPassword struct {
	Password   Secret
	Attributes map[string]string // those that were required, and others that have no value yet
	SecretHash string
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
	return s.setFirstPassword(ctx, u, st, in, now)
}

// sameName tells whether a name that came with an answer is the user's whom the state is bound to.
func (s *scope) sameName(u *User, st *challengeState, name string) bool {
	folded := fold(name, s.settings.caseSensitive())
	for _, n := range append([]string{fold(st.Name, s.settings.caseSensitive()), u.Sub}, u.Names...) {
		if n == folded {
			return true
		}
	}
	return false
}

// setFirstPassword replaces a temporary password and signs the user in.
func (s *scope) setFirstPassword(ctx context.Context, u *User, st *challengeState, in NewPassword, now time.Time) (*SignInResult, error) {
	if err := s.checkProvided(u, in.Attributes); err != nil {
		return nil, err
	}
	if err := s.settings.checkPassword(in.Password, false); err != nil {
		return nil, err
	}
	if err := s.settings.noTrigger(PostAuthentication, PreTokenGeneration, PreTokenGenerationV1); err != nil {
		return nil, err
	}
	if err := s.checkFirstPassword(ctx, u, st, in.Password); err != nil {
		return nil, err
	}
	cred, err := s.engine.newCredential(ctx, s.settings, u, in.Password, now)
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
	var v verdict
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		v, err = s.commitNewPassword(tx, st, cred, in.Attributes, f, ev, now)
		return err
	})
	if err != nil || v.err != nil {
		return nil, spentOr(err, v.err)
	}
	return s.proceed(ctx, &v, st.Name, f, now)
}

// checkFirstPassword holds a new password against those that the user had. Of
// a credential that was replaced since the challenge the commit tells.
func (s *scope) checkFirstPassword(ctx context.Context, u *User, st *challengeState, password Secret) error {
	if s.settings.history() == 0 {
		return nil
	}
	old, err := s.engine.readCredential(ctx, u)
	if err != nil || old == nil || !old.Changed.Equal(st.Changed) {
		return err
	}
	return s.engine.checkHistory(ctx, s.settings, old, password)
}

// checkProvided checks the attributes that come with a new password.
func (s *scope) checkProvided(u *User, attributes map[string]string) error {
	if err := s.settings.checkWritable(&s.client.Settings, attributes); err != nil {
		return err
	}
	merged := u.clone().Attributes
	given := map[string]string{}
	for _, name := range sortedKeys(attributes) {
		value := attributes[name]
		if u.Attributes[name] != "" { // the same value counts too, as it does with the service
			return &ParameterError{Err: ErrAttributeProvided, Name: name}
		}
		if reason := s.settings.problem(name, value); reason != "" {
			return nonconforming(AttributeProblem{name, reason})
		}
		merged[name], given[name] = value, value
	}
	for _, a := range s.settings.schema() {
		if a.Required && a.Name != "sub" && merged[a.Name] == "" {
			return invalid(a.Name, "Invalid attributes given, "+a.Name+" is missing")
		}
	}
	if err := checkSize(merged); err != nil {
		return err
	}
	return checkFormats(given)
}

func (s *scope) commitNewPassword(tx store.Tx, st *challengeState, cred *credential, attributes map[string]string, f *family, ev *Event, now time.Time) (verdict, error) {
	if err := spent.Insert(tx, s.spend(st)); err != nil {
		return verdict{}, err
	}
	key := store.Key(s.pool.ID, st.Sub)
	values, err := tx.Get(users.Ref(key), credentials.Ref(key))
	if err != nil {
		return verdict{}, err
	}
	u, err := orNil(users.Decode(values[0]))
	if err != nil {
		return verdict{}, err
	}
	old, err := orNil(credentials.Decode(values[1]))
	if err != nil {
		return verdict{}, err
	}
	if u == nil || old == nil || u.Status != StatusForceChangePassword || !old.Changed.Equal(st.Changed) {
		return verdict{err: ErrSessionInvalid}, nil
	}
	if u.Disabled {
		return verdict{err: ErrUserDisabled}, nil
	}
	u = u.clone()
	u.Status, u.Modified = StatusConfirmed, now
	if err := u.provide(attributes); err != nil {
		return verdict{}, err // no verdict, as below
	}
	u.rename(s.settings)
	taken, err := takeAliases(tx, s.settings, u, nil, now)
	if err = cmp.Or(err, taken); err != nil {
		return verdict{}, err // no verdict: the challenge stays open for another name
	}
	v := verdict{user: u, cred: cred}
	if err := v.next(tx, s); err != nil {
		return verdict{}, err
	}
	for _, write := range []func() error{
		func() error { return users.Put(tx, u) },
		func() error { return cred.replace(tx, s.settings, old) },
		func() error { return events.Insert(tx, ev) },
	} {
		if err := write(); err != nil {
			return verdict{}, err
		}
	}
	if v.step != stepTokens {
		return v, nil
	}
	return v, f.insert(tx, u)
}

// provide gives a user attributes that have no value yet. Addresses are not
// verified, whatever an operator said of one that was to come.
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

func (e *Engine) userBySub(ctx context.Context, pool, sub string) (*User, error) {
	var u *User
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		values, err := r.Get(users.Ref(store.Key(pool, sub)))
		if err != nil {
			return err
		}
		u, err = standInUser.decode(values[0])
		return err
	})
	return u, err
}

// spentOr is the error of a commit that uses a challenge state up.
func spentOr(err, verdict error) error {
	if errors.Is(err, store.ErrExists) {
		return ErrSessionUsed
	}
	if err != nil {
		return err
	}
	return verdict
}
