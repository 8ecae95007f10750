package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/mfa/webauthn"
	"github.com/cognate-id/cognate/store"
)

// A sign-in by password. AppClient.begin reads everything in one snapshot. The
// input, the lock-out and what may be told without a proof are checked next. The
// password is hashed outside of any transaction, with the same work for a user
// who does not exist. attempt.judge commits the outcome once: a counted failure, or
// the sign-in. Nothing is answered before that commit. scope.proceed then signs
// the tokens, or asks the next challenge.

// SignIn is what a user gives to sign in by password.
type SignIn struct {
	Username   string // whatever the pool lets users sign in with
	Password   Secret // as the user typed it
	SecretHash string // see [SecretHash]; for clients with a secret
	DeviceKey  string // of a device that the user has confirmed, in pools that track devices; empty for a new device
}

// A SignInResult has either Tokens, a Browser or a Challenge that must be answered first.
type SignInResult struct {
	Tokens    *Tokens   // of a finished sign-in; nil otherwise
	Browser   Secret    // of a finished sign-in on pages, in place of Tokens: see [AppClient.Pages]; empty otherwise
	Challenge Challenge // what is asked next; nil once the sign-in is finished
	// Available are the factors that the sign-in may begin with, see [AppClient.Begin]. It is
	// nil once a factor was proved, and in all other flows.
	Available []FirstFactor
}

// SignIn signs a user in by password.
func (a *AppClient) SignIn(ctx context.Context, in SignIn) (*SignInResult, error) {
	res, err := a.signIn(ctx, in, &FlowError{"USER_PASSWORD_AUTH"}, AllowUserPassword, LegacyUserPassword)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return res, nil
}

// SignIn signs a user in by password on behalf of an operator's program,
// through an app client that allows it.
func (a *Admin) SignIn(ctx context.Context, clientID string, in SignIn) (*SignInResult, error) {
	res, err := a.client(clientID).signIn(ctx, in, &FlowError{"ADMIN_USER_PASSWORD_AUTH"}, AllowAdminPassword, LegacyAdminNoSRP)
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return res, nil
}

func (a *AppClient) signIn(ctx context.Context, in SignIn, refusal error, flows ...AuthFlow) (*SignInResult, error) {
	t := &attempt{name: in.Username}
	err := a.begin(ctx, t, true)
	if err != nil {
		return nil, err
	}
	s := t.scope
	if a.pages && !s.native() || !a.pages && !s.settings.Allows(&s.client.Settings, flows...) {
		return nil, refusal
	}
	if err := t.admissible(in.Username, in.SecretHash); err != nil {
		return nil, err
	}
	if in.Password == "" {
		return nil, missing("PASSWORD")
	}
	if err := t.untriggered(); err != nil {
		return nil, err
	}
	if t, err = a.migrated(ctx, t, in.Password); err != nil {
		return nil, err
	}
	t.scope.deviceKey, t.scope.untracked = in.DeviceKey, a.admin || a.pages
	if err := t.known(); err != nil {
		return nil, err
	}
	if t.absent == nil && !t.shut(a.engine.now()) { // else checkPassword refuses
		if err := t.scope.points().preAuthentication(ctx, t.user, in.Username); err != nil {
			return nil, err
		}
	}
	if err := t.checkPassword(ctx, in.Password); err != nil {
		return nil, err
	}
	res, err := t.judge(ctx)
	if t.absent != nil && errors.Is(err, ErrIncorrectCredentials) {
		return nil, t.absent
	}
	return res, err
}

// An attempt is one proof of who a user is: it is looked up, verified outside
// any transaction, and then judged and counted in one.
type attempt struct {
	name  string // as it was given
	scope *scope
	user  *User // nil if there is none
	cred  *credential
	who   string   // whom failures are counted for
	lock  *guesses // what is left of the account's wrong guesses

	refs   []store.Ref // of lock and cred
	values [][]byte    // what lock and cred were decoded from
	record []byte      // what user was decoded from

	// absent is told in place of [ErrIncorrectCredentials] if a hook was asked for a user who does
	// not exist, and the client may know that. The attempt is counted all the same.
	absent error

	party    *webauthn.Party // of passkeys; nil if no sign-in begins with one
	passkeys *passkeySet     // nil if there are none, or none are read
	aim      *aim            // of a sign-in that has named levels, before a first factor was proved; nil otherwise
	aimed    *outcome        // what aim was found from, if it is the user's own

	correct bool
	renewed *credential // written when the proof was correct
	spend   *usedState  // an answer that counts once, right or wrong
	once    *usedState  // an answer that counts once if it is right, and any number of times if it is wrong
}

// begin reads all that an attempt needs, in one snapshot.
func (a *AppClient) begin(ctx context.Context, t *attempt, bySub bool) error {
	if _, ok := a.engine.lastRings.Load(a.pool); !ok { // once in a process, so that prefetchFor knows the keys
		if _, err := a.load(ctx); err != nil {
			return err
		}
	}
	s, err := a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		if t.user, err = findUser(r, s.pool, t.name, bySub); err != nil {
			return err
		}
		t.who = s.whoIs(t.user, t.name)
		if t.record, err = recordOf(r, s, t.user); err != nil {
			return err
		}
		return t.read(r, s)
	}, a.prefetchFor(t.name))
	t.scope = s
	return err
}

// prefetchFor is what a sign-in under a name reads, whether or not there is such a
// user and whatever the settings of the pool say of letters: all of it in one round trip.
func (a *AppClient) prefetchFor(name string) prefetchPlan {
	var plan prefetchPlan
	if len(name) > maxName {
		return plan
	}
	plan.refs = append(plan.refs, users.Ref(store.Key(a.pool, decoySub)), users.Ref(store.Key(a.pool, name)))
	plan.refs = append(plan.refs, proofRefs(a.pool, name)...)
	keys, _ := a.engine.lastRings.Load(a.pool)
	for _, n := range formsOf(name) {
		plan.refs = append(plan.refs, users.IndexRef(usersByName, nameKey(a.pool, n)))
		if keys, ok := keys.(*ring); ok {
			plan.refs = append(plan.refs, proofRefs(a.pool, keys.decoyWho(n))...)
		}
	}
	cut := len(store.Key(a.pool))
	for _, n := range formsOf(name) {
		index := users.IndexRef(usersByName, nameKey(a.pool, n))
		plan.follow = append(
			plan.follow,
			store.Follow{Index: index, Table: users.Name},
			store.Follow{Index: index, Table: credentials.Name},
			store.Follow{Index: index, Table: sources.Name},
			store.Follow{Index: index, Table: throttles.Name, Cut: cut, Prefix: store.Key(a.pool, kindPassword)},
		)
	}
	return plan
}

// proofRefs are the credential and the failures of a user.
func proofRefs(pool, who string) []store.Ref {
	return append(guessRefs(pool, who), credentials.Ref(store.Key(pool, who)))
}

// read reads the credential and the failures of the attempt's user.
func (t *attempt) read(r store.Reader, s *scope) error {
	t.refs = proofRefs(s.pool.ID, t.who)
	values, err := r.Get(t.refs...)
	if err != nil {
		return err
	}
	return t.decode(s, values)
}

func (t *attempt) decode(s *scope, values [][]byte) (err error) {
	if t.lock, err = s.guessesOf(values[:2], t.who); err != nil {
		return err
	}
	t.cred, err = credentialOf(s.settings, values[2])
	t.values = values
	return err
}

// again reads in a transaction what read has read before. It decodes only what has changed
// since. The budget is a copy, which each run of the transaction may change.
func (t *attempt) again(tx store.Tx) (*attempt, error) {
	again := &attempt{who: t.who}
	values, err := tx.Get(t.refs...)
	if err != nil {
		return nil, err
	}
	if slices.EqualFunc(values, t.values, bytes.Equal) {
		again.lock, again.cred = t.lock.clone(), t.cred
		return again, nil
	}
	return again, again.decode(t.scope, values)
}

// admissible checks what does not depend on the user.
func (t *attempt) admissible(username, hash string) error {
	if err := t.scope.checkHash(username, hash); err != nil {
		return err
	}
	if username == "" {
		return missing("USERNAME")
	}
	return nil
}

// untriggered checks that all functions which a sign-in may come to can be called.
func (t *attempt) untriggered() error {
	triggers := append([]Trigger{PreAuthentication}, tokenTriggers...)
	if t.user == nil {
		triggers = append(triggers, UserMigration)
	}
	return t.scope.points().callable(triggers...)
}

// known answers for a user who does not exist or may not sign in, where that
// may be told before the password was proved.
func (t *attempt) known() error {
	if t.user == nil {
		if t.absent == nil && t.scope.settings.DisclosesUsers(&t.scope.client.Settings) {
			return ErrUserNotFound
		}
		return nil
	}
	if !t.scope.settings.DisclosesStatus(&t.scope.client.Settings) {
		return nil
	}
	if t.user.Status == StatusResetRequired && t.cred == nil {
		return ErrPasswordResetRequired
	}
	return t.user.mayBegin()
}

// mayBegin says why a user may not sign in, whatever the password.
func (u *User) mayBegin() error {
	switch {
	case u.Disabled:
		return ErrUserDisabled
	case u.Status == StatusUnconfirmed:
		return ErrUserNotConfirmed
	}
	return nil
}

// checkPassword verifies the password, with the same work where there is no
// user, or none with a password. A user who is locked out costs no hash.
func (t *attempt) checkPassword(ctx context.Context, password Secret) error {
	e := t.scope.engine
	if t.shut(e.now()) {
		return ErrTooManyAttempts
	}
	if len(password) > settings.MaxPasswordBytes {
		return e.hasher.Dummy(ctx, "") // no password is that long, so it is wrong
	}
	if t.cred == nil || t.cred.Hash == "" {
		return e.hasher.Dummy(ctx, string(password))
	}
	ok, stale, err := e.hasher.Verify(ctx, t.cred.Hash, string(password))
	if err != nil {
		return err
	}
	t.correct = ok
	if ok && (stale || t.scope.settings.SRP != (len(t.cred.Verifier) > 0)) {
		return t.renew(ctx, password, stale)
	}
	return nil
}

// shut reports whether the attempt is refused unseen: the account has no guess left for
// the call, or the source of the call has none left and the account does not know it.
func (t *attempt) shut(now time.Time) bool {
	return t.lock.locked(now) || t.lock.own(now) == nil && t.scope.sourceSpent(now)
}

// renew brings a credential up to date: a hash of other cost, or an SRP
// verifier that the pool has come to keep, or keeps no longer.
func (t *attempt) renew(ctx context.Context, password Secret, stale bool) error {
	c := *t.cred
	if stale {
		hash, err := t.scope.engine.hasher.Hash(ctx, string(password))
		if err != nil {
			return err
		}
		c.Hash = hash
	}
	switch {
	case !t.scope.settings.SRP:
		c.Salt, c.Verifier = nil, nil
	case len(c.Verifier) == 0:
		c.addVerifier(t.user.Username, password)
	}
	t.renewed = &c
	return nil
}

// judge commits the outcome of an attempt, failures too, and only then tells it.
func (t *attempt) judge(ctx context.Context) (*SignInResult, error) {
	s := t.scope
	now := s.engine.now()
	f, err := s.newFamily(t.who, now)
	if err != nil {
		return nil, err
	}
	ev, err := s.proved(ctx, t.who, EventSignedIn, now)
	if err != nil {
		return nil, err
	}
	err = s.beforeTokens(ctx, hook.TokensOfSignIn, f, func(tx store.Tx) (*outcome, error) {
		_, o, err := t.decide(txPrefetch(tx, t.nextReads()...), ev, now)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	var o *outcome
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		o, err = t.commit(tx, f, ev, now)
		return err
	})
	switch {
	case (t.spend != nil || t.once != nil) && errors.Is(err, store.ErrExists):
		return nil, ErrSessionUsed
	case err != nil:
		return nil, err
	case o.refused != nil:
		s.failed(o.refused, now)
		return nil, o.refused
	}
	return s.proceed(ctx, o, t.name, f, now)
}

// proceed gives what comes after a step of a sign-in: tokens, or a challenge.
// f is the family that the step has committed, nil where it has committed none.
func (s *scope) proceed(ctx context.Context, o *outcome, name string, f *family, now time.Time) (*SignInResult, error) {
	st := s.begins(name, o.user.Sub, o.proved)
	switch o.step {
	case stepDone:
		if f == nil {
			return nil, fmt.Errorf("%w: tokens of a sign-in that was not written", errUnhandled)
		}
		if err := s.boundSignIns(ctx, f, now); err != nil {
			s.engine.log.ErrorContext(ctx, "old sign-ins not ended", "pool", f.Pool, "sub", f.Sub, "error", err) // the sign-in is committed
		}
		res, err := s.finished(ctx, o, f)
		if err == nil && s.strange {
			s.engine.notify(ctx, s.originOf(o.user, now), EventSignedIn, nil, o.user)
		}
		return res, err
	case stepNewPassword:
		return s.newPasswordChallenge(o.user, st, now)
	case stepFactor, stepChoose, stepSetup:
		return s.factorChallenge(ctx, o, st, now)
	case stepDevice:
		return s.deviceChallenge(o, st, now)
	case stepUndecided:
		fallthrough
	default:
		return nil, fmt.Errorf("%w: the step %d of a sign-in", errUnhandled, o.step)
	}
}

// finished is the result of a sign-in that was committed.
func (s *scope) finished(ctx context.Context, o *outcome, f *family) (*SignInResult, error) {
	if s.pages {
		browser, err := s.sealBrowser(f)
		return &SignInResult{Browser: browser}, err
	}
	g := newGrant(o.user, o.groups, f)
	g.refresh = true
	tokens, err := s.issue(ctx, g)
	if err != nil {
		return nil, err
	}
	tokens.NewDevice = f.newDevice()
	return &SignInResult{Tokens: tokens}, nil
}

// An outcome is what a transaction of a sign-in decided.
type outcome struct {
	refused  error // nil if the step was taken; else nothing of the rest holds
	user     *User
	cred     *credential
	enrolled enrolled    // read where the pool asks for second factors
	passkeys *passkeySet // read where a passkey is judged, or was proved before
	proved   []proof     // by now
	step     step        // what comes next
	method   MFAMethod
	choices  []MFAMethod // of stepChoose, in a sign-in that has named levels
	groups   []*Group    // of a sign-in that is done
}

// next reads and decides what comes after a correct proof of the user.
func (o *outcome) next(r store.Reader, s *scope) (err error) {
	if asksFactor(s.settings) {
		o.enrolled.totp, err = orNil(totps.Get(r, store.Key(o.user.Pool, o.user.Sub)))
		if err != nil {
			return err
		}
	}
	if o.enrolled.device, err = s.namedDevice(r, o.user.Sub); err != nil {
		return err
	}
	o.enrolled.aimed = s.levels != nil
	return o.decide(r, s)
}

// decide asks the policy what comes next, notes in the scope what was proved, and reads the groups of a sign-in that is done.
func (o *outcome) decide(r store.Reader, s *scope) (err error) {
	if o.step, o.method, err = nextStep(s.settings, o.user, o.enrolled, o.proved); err != nil {
		return err
	}
	if err := o.reach(r, s); err != nil || o.refused != nil {
		return err
	}
	if o.step == stepFactor {
		return o.canAsk(s)
	}
	if o.step == stepDone {
		o.groups, err = o.user.memberships(r)
	}
	return err
}

// canAsk returns [ErrNoSender] if the next factor is a code that nothing can send.
// It is called within the transaction, so that the step is not taken.
func (o *outcome) canAsk(s *scope) error {
	f, err := factorOf(o.method)
	if err != nil || f.address == "" {
		return err
	}
	return s.points().canSend(medium(f.address))
}

// commit decides about the attempt, counts it, and writes the sign-in if there is one.
func (t *attempt) commit(tx store.Tx, f *family, ev *Event, now time.Time) (*outcome, error) {
	tx = txPrefetch(tx, t.nextReads()...)
	lock, o, err := t.decide(tx, ev, now)
	if err != nil || o.refused != nil {
		return o, err
	}
	return o, t.succeed(tx, lock, o, f, ev, now)
}

// decide re-reads what may have changed since the attempt began, and says what comes of the
// attempt. It writes nothing for a correct proof, except that the proof is used up.
func (t *attempt) decide(tx store.Tx, ev *Event, now time.Time) (*guesses, *outcome, error) {
	again, err := t.again(tx)
	if err != nil {
		return nil, nil, err
	}
	if again.lock.locked(now) {
		return nil, &outcome{refused: ErrTooManyAttempts}, nil
	}
	if t.spend != nil {
		if err := usedStates.Insert(tx, t.spend); err != nil {
			return nil, nil, err
		}
	}
	if used, err := t.usedBefore(tx); err != nil || used {
		return nil, &outcome{refused: ErrSessionUsed}, err
	}
	if !t.correct || !again.cred.same(t.cred) {
		return nil, &outcome{refused: ErrIncorrectCredentials}, again.lock.fail(tx, ev.failed(EventSignInFailed, ErrIncorrectCredentials), now)
	}
	u, err := t.userNow(tx)
	if err != nil {
		return nil, nil, err
	}
	if refused := u.refusal(again.cred, now); refused != nil {
		return nil, &outcome{refused: refused}, nil //nolint:nilerr // it is told once the transaction ends
	}
	if t.once != nil {
		if err := usedStates.Insert(tx, t.once); err != nil {
			return nil, nil, err
		}
	}
	o := &outcome{user: u, cred: again.cred, proved: t.scope.after(proof{Kind: provedPassword, Changed: again.cred.Changed})}
	return again.lock, o, o.next(tx, t.scope)
}

// userNow reads the user. It decodes the user only if the record has changed since the attempt began.
func (t *attempt) userNow(tx store.Tx) (*User, error) {
	values, err := tx.Get(users.Ref(store.Key(t.scope.pool.ID, t.who)))
	if err != nil {
		return nil, err
	}
	if t.user != nil && t.record != nil && bytes.Equal(values[0], t.record) {
		return t.user, nil
	}
	return orNil(users.Decode(values[0]))
}

// usedBefore reports whether a right answer has used the state of the attempt up.
func (t *attempt) usedBefore(r store.Reader) (bool, error) {
	if t.once == nil {
		return false, nil
	}
	values, err := r.Get(usedStates.Ref(usedStates.Key(t.once)))
	return err == nil && values[0] != nil, err
}

// nextReads is what the commit of an attempt that was right reads, if nothing has changed since it began.
func (t *attempt) nextReads() []store.Ref {
	if !t.correct || t.user == nil {
		return nil
	}
	refs := append(t.user.groupRefs(), users.Ref(store.Key(t.user.Pool, t.user.Sub)))
	refs = append(refs, t.scope.deviceRefs(t.user.Sub)...)
	if asksFactor(t.scope.settings) {
		refs = append(refs, totps.Ref(store.Key(t.user.Pool, t.user.Sub)))
	}
	return refs
}

// same reports whether a credential was not replaced since it was verified.
func (c *credential) same(verified *credential) bool {
	return c != nil && verified != nil && c.Changed.Equal(verified.Changed)
}

// refusal says why a user whose password was right may not sign in.
func (u *User) refusal(c *credential, now time.Time) error {
	if u == nil {
		return ErrIncorrectCredentials
	}
	if err := u.mayBegin(); err != nil {
		return err
	}
	switch {
	case u.Status == StatusExternalProvider: // has nothing to prove here
		return ErrIncorrectCredentials
	case u.Status == StatusResetRequired:
		return ErrPasswordResetRequired
	case u.Status == StatusForceChangePassword && !c.Expires.IsZero() && !now.Before(c.Expires):
		return ErrTemporaryPasswordExpired
	}
	return nil
}

// succeed writes what a correct proof leaves behind; before a challenge, less:
// failures are forgotten when all factors were proved, or somebody who knows the
// password could guess codes without end.
func (t *attempt) succeed(tx store.Tx, lock *guesses, o *outcome, f *family, ev *Event, now time.Time) error {
	if t.renewed != nil {
		if err := credentials.Put(tx, t.renewed); err != nil {
			return err
		}
	}
	if o.step == stepNewPassword || o.step == stepDone {
		if err := lock.succeed(tx, now); err != nil {
			return err
		}
	}
	if o.step != stepDone {
		return nil
	}
	if err := t.scope.insertFamilyOf(tx, f, o.user, lock, now); err != nil {
		return err
	}
	return events.Insert(tx, ev)
}

// insert writes a new sign-in of the user. It is never older than the last
// sign-out from everywhere, even if the clock was set back since: it would be dead at once.
func (f *family) insert(tx store.Tx, u *User) error {
	f.AuthTime = later(f.AuthTime, u.NotBefore)
	return families.Insert(tx, f)
}
