package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// A sign-up checks the attributes and the password, hashes the password, and
// commits user, credential, code and event in one transaction. Names are unique by
// Insert, so of two sign-ups at once one fails. The code is sent after the commit.
//
// Where a name is taken, the settings decide. With ReplaceUnconfirmed an unconfirmed
// user is deleted in the same transaction. With HideSignUp a sign-up with the address of
// a user does the same work, writes no user and sends the owner a notice. Otherwise
// it is refused.

// SignUp is what a user gives to register.
type SignUp struct {
	Username string // 1 to 128 characters; an address in pools with UsernameAttributes
	// Password must meet the policy of the pool. It may be empty if the client has the flow [AllowUser] and
	// the code of the sign-up goes to an address that codes to sign in with are sent to, see FirstFactors of [PoolSettings].
	Password   Secret
	Attributes map[string]string // by name, such as email; the client must be allowed to write them
	SecretHash string            // see [SecretHash]; for clients with a secret
}

// A SignUpResult says who was made.
type SignUpResult struct {
	Sub       string        // the id of the user, which never changes
	Confirmed bool          // the user can sign in at once
	Delivery  *CodeDelivery // where the code went; nil if there is none
	// Session is for [AppClient.ConfirmSignUpSession]. It is empty if the user is confirmed, and for
	// clients without the flow [AllowUser].
	Session string
}

// SignUp registers a user, who is then unconfirmed, and sends a code. An error
// that is [ErrDelivery] comes with a result: the user was made. SignUp returns [ErrQuotaExceeded]
// if the pool has as many users as [Quotas] allow.
func (a *AppClient) SignUp(ctx context.Context, in SignUp) (*SignUpResult, error) {
	res, err := a.signUp(ctx, in)
	if err != nil {
		return res, fmt.Errorf("sign up: %w", err)
	}
	return res, nil
}

func (a *AppClient) signUp(ctx context.Context, in SignUp) (*SignUpResult, error) {
	s, err := a.load(ctx)
	if err != nil {
		return nil, err
	}
	now := a.engine.now()
	u, err := s.newSignUp(&in, now)
	if err != nil {
		return nil, err
	}
	if err := s.engine.spendSource(s.source, now); err != nil { // before the hook, which may be slow
		return nil, err
	}
	if err := s.decideSignUp(ctx, u); err != nil {
		return nil, err
	}
	taken, err := a.engine.takeSeat(ctx, s.pool, now)
	if err != nil {
		return nil, err
	}
	var res *SignUpResult
	var added bool
	defer func() { taken.leave(res != nil, added, now) }()
	if res, added, err = s.register(ctx, in.Password, u, now); res == nil || res.Confirmed || s.mayChoose() != nil {
		return res, err
	}
	var sealed error
	res.Session, sealed = s.signUpSession(in.Username, u.Sub, now)
	return res, cmp.Or(err, sealed)
}

// register commits a sign-up that was checked. added is false if the pool has no more users than before.
func (s *scope) register(ctx context.Context, password Secret, u *User, now time.Time) (res *SignUpResult, added bool, err error) {
	other, err := s.engine.holder(ctx, u)
	if err != nil {
		return nil, false, err
	}
	if other != nil && !s.replaces(other) && !s.hides() {
		return nil, false, u.takenBy(s.settings, other)
	}
	var cred *credential
	if password != "" {
		if cred, err = s.engine.chosen(ctx, s.settings, u, password, true, now); err != nil {
			return nil, false, err
		}
	}
	if other != nil && !s.replaces(other) {
		res, err = s.hideSignUp(ctx, u, other, now)
	} else {
		res, err = s.commitSignUp(ctx, u, cred, other, now)
	}
	return res, other == nil, err
}

// decideSignUp runs the hook before a sign-up and does what it decides.
func (s *scope) decideSignUp(ctx context.Context, u *User) error {
	d, err := s.points().preSignUp(ctx, hook.SignUp, u)
	if err != nil {
		return err
	}
	u.flagAddresses() // after the hook, which sees what was given
	verified := map[string]bool{"email": d.VerifyEmail, "phone_number": d.VerifyPhone}
	for _, attribute := range addresses {
		if !verified[attribute] {
			continue
		}
		if u.Attributes[attribute] == "" {
			return s.points().ended(ctx, PreSignUp, fmt.Errorf("%w: there is no %s to be verified", hook.ErrInvalidDecision, attribute))
		}
		u.Attributes[attribute+"_verified"] = "true"
	}
	if d.Confirm {
		u.Status = StatusConfirmed
		err = s.points().callable(PostConfirmation)
	}
	u.rename(s.settings)
	return err
}

// replaces reports whether a sign-up may replace the user who has its name: one
// who has not proved that the name is theirs.
func (s *scope) replaces(other *User) bool {
	return other.Status == StatusUnconfirmed && s.settings.ReplacesUnconfirmed()
}

// hides reports whether a sign-up with the name of a user is answered as any
// other. It can be where names are addresses, which have owners who can be told.
func (s *scope) hides() bool {
	return s.settings.HidesSignUp() && len(s.settings.UsernameAttributes) > 0 && !s.settings.DisclosesUsers(&s.client.Settings)
}

// hideSignUp does the work of a sign-up with the address of a user who exists, and
// writes no user. It sends the owner of the address a notice instead of a code, at
// most knownPerHour in an hour.
func (s *scope) hideSignUp(ctx context.Context, u, other *User, now time.Time) (*SignUpResult, error) {
	res := s.signUpResult(u)
	if d := res.Delivery; d != nil { // as much work as the code of a sign-up
		if err := s.points().pretendMessage(ctx, d.Attribute); err != nil {
			return nil, err
		}
		if _, _, err := s.newCode(u.recipient(d.Attribute), confirmCode, now.Add(confirmCodeLife)); err != nil {
			return nil, err
		}
	}
	ev, err := s.asked(ctx, other.Sub, EventSignUpHidden, now)
	if err != nil {
		return nil, err
	}
	var l *letter
	if d := res.Delivery; d != nil {
		n := notice{MessageAccountExists, d.Attribute, u.Attributes[d.Attribute]}
		if l, err = s.points().letter(ctx, other, n.message(s.pool, s.client.ID, other, now), worth{}); err != nil {
			return nil, err
		}
		defer l.end()
	}
	var ok, admitted bool
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := s.stillThere(tx); err != nil {
			return err
		}
		if ok, err = s.spendSignUp(tx, u, now); err != nil || !ok {
			return err
		}
		if admitted, err = s.checkQuota(tx, kindKnown, other.Sub, knownPerHour, now); err != nil {
			return err
		}
		if err := l.putFor(tx, !admitted); err != nil || !admitted {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err == nil && !ok {
		return nil, errAddressFull
	}
	if err != nil {
		return nil, err
	}
	if res.Confirmed {
		return res, s.points().pretendConfirmation(ctx)
	}
	if l == nil {
		return res, nil
	}
	l.decoy = !admitted
	return res, l.sent(ctx)
}

// spendSignUp counts the message that a sign-up sends, and reports whether its address may get one.
func (s *scope) spendSignUp(tx store.Tx, u *User, now time.Time) (bool, error) {
	d := s.signUpResult(u).Delivery
	if d == nil {
		return true, nil
	}
	return s.spendMessage(tx, kindAddress, u.recipient(d.Attribute), now)
}

// knownPerHour is how many notices the owner of an address gets in an hour of
// sign-ups with the address, as many as codes that are asked for.
const knownPerHour = 5

// newSignUp checks a registration and makes the user, without writing anything.
func (s *scope) newSignUp(in *SignUp, now time.Time) (*User, error) {
	if err := s.checkHash(in.Username, in.SecretHash); err != nil {
		return nil, err
	}
	if s.settings.AdminOnly {
		return nil, ErrSignUpDisabled
	}
	u, err := s.engine.newUser(s.pool, in.Username, in.Attributes, now)
	if err != nil {
		return nil, err
	}
	u.Status = StatusUnconfirmed
	if err := checkWritable(s.settings, &s.client.Settings, in.Attributes); err != nil {
		return nil, err
	}
	if slices.Contains(s.settings.Aliases, "preferred_username") && in.Attributes["preferred_username"] != "" {
		return nil, invalid("preferred_username", "preferred_username can only be set for confirmed users.")
	}
	if err := checkNew(s.settings, u.Attributes); err != nil {
		return nil, err
	}
	if s.settings.Defaults == SafeDefaults && codeTarget(s.settings, u) == nil && len(s.settings.VerifiedAtSignUp()) > 0 {
		return nil, nonconforming(AttributeProblem{Name: s.settings.VerifiedAtSignUp()[0], Code: settings.AttributeRequired})
	}
	if in.Password != "" || !s.mayLackPassword(u) {
		if err := s.engine.checkPassword(s.settings, in.Password, true); err != nil {
			return nil, err
		}
	}
	return u, s.points().callable(append([]Trigger{PreSignUp}, messageTriggers...)...)
}

// mayLackPassword reports whether a user may sign up without a password: the code of the sign-up verifies an address
// that codes to sign in with are sent to.
func (s *scope) mayLackPassword(u *User) bool {
	d := codeTarget(s.settings, u)
	return d != nil && s.mayChoose() == nil && reachable(s.settings, u, d.Attribute)
}

// flagAddresses marks the addresses of a user who has just registered: they
// were never verified, and the flags say so from the beginning. A user whom an
// operator makes has only the flags that the operator gives.
func (u *User) flagAddresses() {
	for _, a := range addresses {
		if u.Attributes[a] != "" {
			u.Attributes[a+"_verified"] = "false"
		}
	}
}

// newUser makes a user from a username as it was given: in pools with
// UsernameAttributes that is an address, and the username is the sub.
func (e *Engine) newUser(p *PoolInfo, username string, attributes map[string]string, now time.Time) (*User, error) {
	sub, err := e.uuid()
	if err != nil {
		return nil, err
	}
	u := &User{Pool: p.ID, Sub: sub, Username: username, Created: now, Modified: now}
	u.Attributes = maps.Clone(attributes)
	if u.Attributes == nil {
		u.Attributes = map[string]string{}
	}
	maps.DeleteFunc(u.Attributes, func(_, v string) bool { return v == "" })
	if err := u.takeUsername(&p.Settings); err != nil {
		return nil, err
	}
	u.rename(&p.Settings)
	return u, nil
}

func (u *User) takeUsername(s *PoolSettings) error {
	if u.Username == "" {
		return missing("USERNAME")
	}
	name, err := prepareName(s, u.Username)
	if err != nil {
		return err
	}
	u.Username = name
	if !usernameForm(u.Username) {
		return invalid("username", "Username should be 1 to 128 letters, marks, symbols, numbers or punctuation characters.")
	}
	shape := settings.NameShape(u.Username)
	if len(s.UsernameAttributes) == 0 {
		if shape != "" && slices.Contains(s.Aliases, shape) {
			words := map[string]string{"email": "email", "phone_number": "phone number"}[shape]
			return invalid("username", "Username cannot be of "+words+" format, since user pool is configured for "+words+" alias.")
		}
		return nil
	}
	if shape == "" || !slices.Contains(s.UsernameAttributes, shape) {
		return invalid("username", usernameShapes(s.UsernameAttributes))
	}
	if v, ok := u.Attributes[shape]; ok && foldNew(s, v) != fold(u.Username, s.DistinguishesCase()) {
		return invalid(shape, "The username and the attribute "+shape+" differ.")
	}
	u.Attributes[shape], u.Username = u.Username, u.Sub
	u.NamedBy = s.NamedBy(shape)
	return nil
}

// maxUsername is the length of the longest username, in characters.
const maxUsername = 128

// usernameForm reports whether a name may be a username: what the service takes,
// which leaves out spaces, control characters and text that is not UTF-8.
func usernameForm(name string) bool {
	return utf8.RuneCountInString(name) <= maxUsername && settings.Printable(name)
}

func usernameShapes(attributes []string) string {
	switch {
	case len(attributes) > 1:
		return "Username should be either an email or a phone number."
	case attributes[0] == "email":
		return "Username should be an email."
	}
	return "Username should be a phone number."
}

// namesFree returns an error if a new user's names are taken.
func (e *Engine) namesFree(ctx context.Context, s *PoolSettings, u *User) error {
	other, err := e.holder(ctx, u)
	if err != nil || other == nil {
		return err
	}
	return u.takenBy(s, other)
}

// takenBy is the error for names of a new user that another user has.
func (u *User) takenBy(s *PoolSettings, other *User) error {
	for _, n := range u.Names {
		if slices.Contains(other.Names, n) {
			return &NameTakenError{ErrUsernameExists, u.nameAttribute(s, n)}
		}
	}
	return &NameTakenError{Err: ErrUsernameExists}
}

// holder returns the first user who has a name of a new user, or nil. It is asked
// before the work of hashing.
func (e *Engine) holder(ctx context.Context, u *User) (*User, error) {
	var other *User
	err := e.store.View(ctx, func(r store.Reader) error {
		refs := make([]store.Ref, len(u.Names))
		for i, n := range u.Names {
			refs[i] = users.IndexRef(usersByName, nameKey(u.Pool, n))
		}
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		for i, v := range values {
			if v != nil {
				other, err = orNil(users.Find(r, usersByName, nameKey(u.Pool, u.Names[i])))
				return err
			}
		}
		return nil
	})
	return other, err
}

// commitSignUp writes the user, in the place of an unproved one if there is one,
// and sends the code afterwards.
func (s *scope) commitSignUp(ctx context.Context, u *User, cred *credential, unproved *User, now time.Time) (*SignUpResult, error) {
	res := s.signUpResult(u)
	var text string
	var pending *code
	var words hook.CustomMessageDecision
	if d := res.Delivery; d != nil {
		var err error
		if words, err = s.points().customMessage(ctx, MessageSignUpCode, u, d.Attribute); err != nil {
			return nil, err
		}
		if text, pending, err = s.newCode(u.recipient(d.Attribute), confirmCode, now.Add(confirmCodeLife)); err != nil {
			return nil, err
		}
	}
	ev, err := s.asked(ctx, u.Sub, EventSignedUp, now)
	if err != nil {
		return nil, err
	}
	var l *letter
	if pending != nil {
		if l, err = s.points().letter(ctx, u, s.verificationMessage(u, MessageSignUpCode, pending, words, text, now), pending.worth()); err != nil {
			return nil, err
		}
		defer l.end()
	}
	admitted := true
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := s.stillThere(tx); err != nil {
			return err
		}
		if admitted, err = s.spendSignUp(tx, u, now); err != nil || !admitted {
			return err
		}
		if err := s.dropUnproved(tx, unproved, ev); err != nil {
			return err
		}
		return cmp.Or(s.engine.insertUser(tx, s.pool, u, cred, pending, ev), l.put(tx))
	})
	if err == nil && !admitted {
		return nil, errAddressFull
	}
	if errors.Is(err, store.ErrExists) {
		return s.lostRace(ctx, u, now)
	}
	if err != nil {
		return nil, err
	}
	if res.Confirmed {
		return res, s.points().postConfirmation(ctx, hook.ConfirmSignUp, u)
	}
	if l == nil {
		return res, nil
	}
	if err = l.sent(ctx); err != nil {
		err = errors.Join(err, s.unsent(ctx, pending))
	}
	return res, err
}

// signUpResult is what a sign-up answers, whether or not it writes the user. A user
// whom a hook has confirmed gets no code.
func (s *scope) signUpResult(u *User) *SignUpResult {
	if u.Status == StatusConfirmed {
		return &SignUpResult{Sub: u.Sub, Confirmed: true}
	}
	return &SignUpResult{Sub: u.Sub, Delivery: codeTarget(s.settings, u)}
}

// lostRace answers a sign-up whose name was taken while the password was hashed.
func (s *scope) lostRace(ctx context.Context, u *User, now time.Time) (*SignUpResult, error) {
	other, err := s.engine.holder(ctx, u)
	switch {
	case err != nil:
		return nil, err
	case other == nil:
		return nil, &NameTakenError{Err: ErrUsernameExists}
	case s.hides():
		return s.hideSignUp(ctx, u, other, now)
	}
	return nil, u.takenBy(s.settings, other)
}

// dropUnproved deletes the user whom a sign-up replaces, with everything that
// belonged to the user: groups that an operator gave to a name are not for
// whoever signs up with the name next. A user who was confirmed meanwhile stays, and the insert fails.
func (s *scope) dropUnproved(tx store.Tx, unproved *User, signUp *Event) error {
	if unproved == nil {
		return nil
	}
	return s.engine.removeUnconfirmed(tx, unproved, signUp.besides(unproved.Sub, EventSignUpReplaced))
}

// stillThere holds a write to a pool that was not deleted meanwhile.
func (s *scope) stillThere(tx store.Tx) error {
	values, err := tx.Get(pools.Ref(store.Key(s.pool.ID)))
	if err == nil && values[0] == nil {
		return &NotFoundError{ErrClientNotFound, s.client.ID}
	}
	return err
}

// insertUser writes a new user of a pool, in the groups that its rules say.
func (e *Engine) insertUser(tx store.Tx, p *PoolInfo, u *User, cred *credential, pending *code, ev *Event) error {
	for _, name := range u.Names {
		if taken, err := isSubOfAnother(tx, u, name); err != nil || taken {
			return cmp.Or(err, store.ErrExists)
		}
	}
	u, err := e.ruledIn(tx, p, u, ev)
	if err != nil {
		return err
	}
	if err := users.Insert(tx, u); err != nil {
		return err
	}
	if cred != nil { // a user who must reset the password may have none
		if err := credentials.Insert(tx, cred); err != nil {
			return err
		}
	}
	if pending != nil {
		if err := codes.Insert(tx, pending); err != nil {
			return err
		}
	}
	return events.Insert(tx, ev)
}
