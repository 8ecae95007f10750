package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// A forgotten password. ForgotPassword finds the address that a code may go to,
// writes the code, and sends it after the commit. If the client may not learn who has
// an account, an unknown name gets a decoy: the same work, a made-up address, and nothing sent.
// ConfirmForgotPassword hashes the new password first, for every name. One
// transaction then judges the code; only a right one is compared with the password
// history and, in a second transaction, replaces the credential.

var resetErrand = &errand{
	purpose: resetCode, life: time.Hour, kind: MessageResetCode, count: kindForgot, perHour: asksPerHour, event: EventPasswordResetRequested,
}

// ForgotPassword sends a code with which the user can choose a new password. The
// code goes by the first way of [PoolSettings.Recovery] that the user has a
// verified address for. It is valid for an hour, and so are earlier codes, each for its
// own time and its five tries. If the client may not be told who has an account, the
// answer for an unknown user is a decoy. ForgotPassword is answered 5 times an hour for
// a user, then with [ErrLimitExceeded]; sources that the user has signed in from have 5
// each of their own. In safe pools, asking again within two minutes sends nothing, and the
// answer is as ever. If the error is [ErrDelivery], the result is valid.
func (a *AppClient) ForgotPassword(ctx context.Context, username, secretHash string) (*CodeDelivery, error) {
	d, err := a.forgotPassword(ctx, username, secretHash)
	if err != nil {
		return d, fmt.Errorf("forgot password: %w", err)
	}
	return d, nil
}

func (a *AppClient) forgotPassword(ctx context.Context, username, secretHash string) (*CodeDelivery, error) {
	s, u, err := a.loadUser(ctx, username)
	if err != nil {
		return nil, err
	}
	if err := s.checkHash(username, secretHash); err != nil {
		return nil, err
	}
	if s.settings.RecoveredByAdmin() {
		return nil, ErrRecoveryByAdmin
	}
	if err := s.points().callable(messageTriggers...); err != nil {
		return nil, err
	}
	var absent error
	if u == nil {
		if s, u, absent, err = a.sought(ctx, s, username); err != nil {
			return nil, err
		}
	}
	to, refusal := recovery(s.settings, u)
	if absent != nil {
		refusal = absent
	}
	if refusal != nil && s.tellsRefusal(refusal) {
		return nil, refusal
	}
	nobody := s.decoyRecipient(s.whoIs(u, username), username, s.settings.RecoveryAttributes()) // made up for everybody, since it takes time
	if refusal != nil {
		to = nobody
	}
	return s.sendCode(ctx, resetErrand, to)
}

// sought asks the hook for a user who is not in the pool and has forgotten the password. A
// source that may ask for no more messages is refused before. absent is the error of a hook
// that brings nobody.
func (a *AppClient) sought(ctx context.Context, s *scope, name string) (_ *scope, u *User, absent, err error) {
	if !present(s.points(), atUserMigration) {
		return s, nil, nil, nil
	}
	if s.settings.DisclosesUsers(&s.client.Settings) { // else commitCode counts the call
		err = s.engine.spendSource(s.source, s.engine.now())
	} else {
		err = s.engine.sourceAsked(s.source, s.engine.now())
	}
	if err != nil {
		return s, nil, nil, err
	}
	brought, err := s.migrate(ctx, hook.MigrateForgotPassword, name, "")
	if errors.Is(err, ErrUserNotFound) {
		return s, nil, err, nil
	}
	if err != nil || !brought {
		return s, nil, nil, err
	}
	s, u, err = a.loadUser(ctx, name)
	return s, u, nil, err
}

// loadUser reads, with what load does, the user by any name; nil if there is none.
func (a *AppClient) loadUser(ctx context.Context, name string) (*scope, *User, error) {
	if name == "" {
		return nil, nil, missing("USERNAME")
	}
	var u *User
	s, err := a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		u, err = s.findUser(r, name)
		return err
	})
	return s, u, err
}

// tellsRefusal reports whether it may be said why a user's password cannot be
// recovered. The service hides who exists, who is disabled and who has no
// address, and tells the state of an account all the same.
func (s *scope) tellsRefusal(refusal error) bool {
	if errors.Is(refusal, ErrCannotReset) {
		return s.settings.DisclosesStatus(&s.client.Settings)
	}
	return s.settings.DisclosesUsers(&s.client.Settings)
}

// recovery returns where the code that resets a user's password is sent, or an
// error that says why none is sent.
func recovery(s *PoolSettings, u *User) (*recipient, error) {
	switch {
	case u == nil:
		return nil, ErrUserNotFound
	case u.Disabled:
		return nil, ErrUserDisabled
	case !u.resettable():
		return nil, ErrCannotReset
	}
	for _, a := range s.RecoveryAttributes() {
		if u.Attributes[a] != "" && u.verified(a) && !provesFactor(s, u, a) {
			return u.recipient(a), nil
		}
	}
	return nil, ErrNoRecovery
}

// resettable reports whether a user's state lets a code reset the password. That
// it does for one who has not confirmed is (unsure).
func (u *User) resettable() bool {
	return slices.Contains([]UserStatus{StatusConfirmed, StatusResetRequired, StatusUnconfirmed}, u.Status)
}

// provesFactor reports whether codes sent to an address are the user's second
// factor. Then they recover no password, or the address alone would do for both
// factors. Where everybody needs a factor, that holds for each address of a user
// who has turned none on.
func provesFactor(s *PoolSettings, u *User, attribute string) bool {
	return asksFactor(s) && slices.ContainsFunc(factors[:], func(f *factor) bool {
		return f.address == attribute && f.offered(s) && (u.MFA.Has(f.method) || s.MFA == MFAOn && len(u.MFA.Methods) == 0)
	})
}

// ConfirmForgotPassword is what a user gives to choose a new password.
type ConfirmForgotPassword struct {
	Username       string // by any name
	Code, Password Secret // the code that was sent, and the new password
	SecretHash     string // see [SecretHash]; for clients with a secret
}

// ConfirmForgotPassword sets a new password by the code that was sent. The
// user is confirmed by it, the address that the code went to is verified, and
// a lock-out ends; second factors stay. In safe pools all sign-ins end.
//
// A password that breaks the policy ([ErrInvalidPassword], [ErrPasswordReused])
// leaves the code good. Of a user who does not exist all codes are wrong, after the same work.
func (a *AppClient) ConfirmForgotPassword(ctx context.Context, in ConfirmForgotPassword) error {
	if err := a.confirmForgotPassword(ctx, in); err != nil {
		return fmt.Errorf("confirm forgot password: %w", err)
	}
	return nil
}

func (a *AppClient) confirmForgotPassword(ctx context.Context, in ConfirmForgotPassword) error {
	s, u, err := a.loadUser(ctx, in.Username)
	if err != nil {
		return err
	}
	if err := s.checkHash(in.Username, in.SecretHash); err != nil {
		return err
	}
	if s.settings.DisclosesUsers(&s.client.Settings) {
		if u == nil {
			return ErrUserNotFound
		}
		if u.Disabled {
			return ErrUserDisabled
		}
	}
	if err := s.engine.checkPassword(s.settings, in.Password, false); err != nil {
		return err
	}
	if err := s.points().callable(PostConfirmation); err != nil {
		return err
	}
	t := &reset{scope: s, now: s.engine.now()}
	t.who = s.whoIs(u, in.Username)
	tells := s.settings.DisclosesStatus(&s.client.Settings) // unknown names are asked for too, and answered alike
	t.try = s.newTry(t.who, resetCode, in.Code, tells, t.now)
	if err := t.admissible(ctx); err != nil {
		return err
	}
	if u == nil {
		u = &User{Pool: s.pool.ID, Sub: t.who, Username: in.Username}
	}
	if t.cred, err = s.engine.chosen(ctx, s.settings, u, in.Password, false, t.now); err != nil {
		return err
	}
	if err := t.run(ctx, in.Password); err != nil {
		return err
	}
	s.engine.notify(ctx, t.origin(), EventPasswordReset, nil, t.user)
	return s.points().postConfirmation(ctx, hook.ConfirmForgotPassword, t.user)
}

// A reset is one try of a code with a new password, which was hashed before
// the code is judged: for known and unknown users alike.
type reset struct {
	scope *scope
	who   string // the sub, or what stands for one
	try   *codeTry
	now   time.Time
	cred  *credential // the new one
	user  *User       // as written

	checked *credential // whose history the password was held against
}

// admissible refuses a try beyond the limit before it costs a hash.
func (t *reset) admissible(ctx context.Context) error {
	return t.scope.engine.store.View(ctx, func(r store.Reader) error {
		try := *t.try
		if _, err := t.scope.readTry(r, &try); err != nil {
			return err
		}
		if len(try.alive) == 0 && !try.tries.allow(t.now, triesPerHour) {
			return ErrLimitExceeded
		}
		return nil
	})
}

// run tries the code. Where the pool remembers passwords it takes two
// transactions: the first counts the try and judges the code, and only if that
// is right is the new password held against the old ones. Anyone else would
// learn from it, or from its time, what the user's passwords were.
func (t *reset) run(ctx context.Context, password Secret) error {
	s := t.scope
	ev, err := s.proved(ctx, t.who, EventPasswordReset, t.now)
	if err != nil {
		return err
	}
	for range clearances {
		var refused error
		var old *credential // to be checked first
		err := s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
			refused, old, err = t.commit(tx, ev)
			return err
		})
		s.failed(refused, t.now)
		if err != nil || refused != nil || old == nil {
			return orRefused(err, refused)
		}
		if err := s.engine.checkHistory(ctx, s.settings, old, password); err != nil {
			return err
		}
		t.checked = old
	}
	return store.ErrConflict
}

// commit judges the code, counts a wrong one, and sets the password, unless that
// must be held against the history of a credential first: then it is returned.
func (t *reset) commit(tx store.Tx, ev *Event) (refused error, old *credential, err error) {
	s := t.scope
	u, old, err := t.read(tx)
	if err != nil {
		return nil, nil, err
	}
	right, wrong, err := s.tryCode(tx, t.try)
	if err != nil || errors.Is(wrong, ErrLimitExceeded) {
		return wrong, nil, err
	}
	if wrong == nil {
		wrong = resetRefusal(u, right)
	}
	if wrong != nil {
		return wrong, nil, ev.failed(EventCodeRefused, wrong).with(dataPurpose, string(resetCode)).insert(tx)
	}
	if !cleared(s.settings, old, t.checked) {
		return nil, old, nil
	}
	return nil, nil, t.write(tx, u.clone(), right, old, ev)
}

// resetRefusal is why a right code does not reset the user's password, if it does not.
func resetRefusal(u *User, c *code) error {
	switch {
	case u == nil:
		return ErrCodeMismatch
	case u.Disabled:
		return ErrUserDisabled
	case !u.resettable():
		return ErrCannotReset
	case !c.proves(u): // the mailbox may be another's now
		return ErrCodeExpired
	}
	return nil
}

// read reads what a reset depends on, with the same work for a decoy.
func (t *reset) read(tx store.Tx) (u *User, old *credential, err error) {
	key := store.Key(t.scope.pool.ID, t.who)
	values, err := t.scope.readTry(tx, t.try, users.Ref(key), credentials.Ref(key))
	if err != nil {
		return nil, nil, err
	}
	if u, err = decoyUser.decode(values[0]); err != nil {
		return nil, nil, err
	}
	old, err = credentialOf(t.scope.settings, values[1])
	return u, old, err
}

// write sets the password and uses the code up.
func (t *reset) write(tx store.Tx, u *User, c *code, old *credential, ev *Event) error {
	u.Status, u.Modified = StatusConfirmed, t.now
	u, err := c.verify(tx, t.scope.settings, u, t.now)
	if err != nil {
		return err
	}
	if u, err = t.scope.engine.ruledIn(tx, t.scope.pool, u, ev); err != nil {
		return err
	}
	t.user = u
	if err := u.signOutSafely(tx, t.scope.settings, t.now); err != nil {
		return err
	}
	if err := users.Put(tx, u); err != nil {
		return err
	}
	if err := t.cred.replace(tx, t.scope.settings, old); err != nil {
		return err
	}
	if _, err := codes.Delete(tx, codes.Key(c)); err != nil {
		return err
	}
	if _, err := throttles.Delete(tx, throttleKey(u.Pool, kindPassword, u.Sub)); err != nil {
		return err
	}
	if err := t.scope.engine.putNotices(tx, t.origin(), EventPasswordReset, ev.ID, nil, u); err != nil {
		return err
	}
	return events.Insert(tx, ev)
}

func (t *reset) origin() origin {
	return origin{pool: t.scope.pool, client: t.scope.client.ID, sub: t.who, now: t.now}
}

// verify returns the user with the address that a code went to verified. One
// that has become another's alias stays unverified.
func (c *code) verify(tx store.Tx, s *PoolSettings, u *User, now time.Time) (*User, error) {
	if u.verified(c.Attribute) {
		return u, nil
	}
	verified := u.clone()
	verified.Attributes[c.Attribute+"_verified"] = "true"
	verified.rename(s)
	taken, err := takeAliases(tx, s, verified, nil, now)
	if err != nil || taken != nil {
		return u, err
	}
	return verified, nil
}

// ResetPassword makes a user choose a new password by a code that is sent, as
// [AppClient.ForgotPassword] does: until then the old password does not sign
// in, and in safe pools all sign-ins end. It is refused with [ErrUserDisabled], with [ErrCannotReset] for a user
// who has not confirmed or has a temporary password, and with [ErrNoRecovery]
// where there is no verified address. For an error that is [ErrDelivery] the
// password must be reset all the same.
func (us Users) ResetPassword(ctx context.Context, name string) error {
	if err := us.admin.resetPassword(ctx, name); err != nil {
		return fmt.Errorf("reset password: %w", err)
	}
	return nil
}

func (a *Admin) resetPassword(ctx context.Context, name string) error {
	p, u, err := a.find(ctx, name)
	if err != nil {
		return err
	}
	s, err := a.scope(ctx, p)
	if err != nil {
		return err
	}
	to, refusal := operatorsRecovery(s.settings, u)
	if refusal != nil {
		return refusal
	}
	if err := s.points().callable(messageTriggers...); err != nil {
		return err
	}
	words, err := s.points().customMessage(ctx, MessageResetCode, u, to.attribute)
	if err != nil {
		return err
	}
	now := s.engine.now()
	text, c, err := s.newCode(to, resetCode, now.Add(resetErrand.life))
	if err != nil {
		return err
	}
	l, err := s.points().letter(ctx, u, s.verificationMessage(u, MessageResetCode, c, words, text, now), c.worth())
	if err != nil {
		return err
	}
	defer l.end()
	_, err = a.engine.changeUser(ctx, origin{pool: p, sub: u.Sub, now: now}, EventPasswordResetRequired, func(tx store.Tx, u *User) (error, error) {
		to, refusal := operatorsRecovery(s.settings, u)
		if refusal != nil {
			return refusal, nil
		}
		if to.attribute != c.Attribute || to.address != c.Value {
			return nil, store.ErrConflict // the address was changed meanwhile: nothing is lost by asking again
		}
		u.Status = StatusResetRequired
		if err := u.signOutSafely(tx, s.settings, now); err != nil {
			return nil, err
		}
		if err := s.replaceCode(tx, c); err != nil {
			return nil, err
		}
		return nil, l.put(tx)
	})
	if err != nil {
		return err
	}
	return l.sent(ctx)
}

// operatorsRecovery is recovery for an operator, who may not reset the
// password of a user who has not confirmed.
func operatorsRecovery(s *PoolSettings, u *User) (*recipient, error) {
	if !u.Disabled && u.Status == StatusUnconfirmed {
		return nil, ErrCannotReset
	}
	return recovery(s, u)
}

// scope is what an operator's call shares with those of app clients; its
// client has no id.
func (a *Admin) scope(ctx context.Context, p *PoolInfo) (*scope, error) {
	ring, err := a.engine.storedRing(ctx, p)
	if err != nil {
		return nil, err
	}
	return &scope{engine: a.engine, pool: p, client: &ClientInfo{Pool: p.ID}, ring: ring, settings: &p.Settings, admin: true}, nil
}
