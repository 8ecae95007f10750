package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

const (
	stateTOTP   stateKind = "totp"
	stateSMS    stateKind = "sms"
	stateEmail  stateKind = "email"
	stateChoose stateKind = "choose-mfa"

	// triesPerState is how many codes are judged for one challenge state.
	triesPerState = 5

	mfaCode codePurpose = "mfa"
)

// The challenges of second factors. A sign-in whose password was proved gives
// the state of a challenge back with a code. pending.open opens the state;
// secondStep.commit reads the user in the transaction that judges the code, and
// refuses what the state no longer fits; secondStep.judge counts a wrong code
// against the state and against the user; secondStep.finish writes the family and
// uses the state up in the same commit. What differs by factor is in [factors].

// pending is what the challenges of second factors have in common.
type pending struct {
	Username string // the real one
	client   *AppClient
	state    string
}

// State is the state that must come back.
func (p *pending) State() string { return p.state }

// TOTPRequired asks for a code of the user's authenticator app.
type TOTPRequired struct {
	pending
	Device string // the name that the user gave to the app's device, if any
}

// SMSCodeRequired asks for a code that was sent to the user's phone.
type SMSCodeRequired struct {
	pending
	Delivery *CodeDelivery // where the code went
}

// EmailCodeRequired asks for a code that was sent to the user's e-mail address.
type EmailCodeRequired struct {
	pending
	Delivery *CodeDelivery // where the code went
}

// MFAChoiceRequired asks which second factor the user wants to use.
type MFAChoiceRequired struct {
	pending
	Methods []MFAMethod // that the user may choose from
}

// FactorCode is the answer to a challenge that asks for a code of a second
// factor, such as [*TOTPRequired].
type FactorCode struct {
	Code       Secret // what the app shows, or what was sent
	SecretHash string // see [SecretHash]; for clients with a secret
	DeviceKey  string // see [SignIn]; empty for the one that the sign-in has named before
}

// FactorChoice is the answer to [*MFAChoiceRequired].
type FactorChoice struct {
	Method     MFAMethod // that the user chose, one of those that were offered
	SecretHash string    // see [SecretHash]; for clients with a secret
}

// TOTP resumes a [*TOTPRequired] challenge from its state. The user is the one of the
// state: another username is refused with [ErrSessionInvalid], and an empty one is not
// compared. A SecretHash is over the username that is given here.
func (a *AppClient) TOTP(username, state string) *TOTPRequired {
	return &TOTPRequired{pending: pending{username, a, state}}
}

// SMSCode resumes an [*SMSCodeRequired] challenge from its state, see [AppClient.TOTP].
func (a *AppClient) SMSCode(username, state string) *SMSCodeRequired {
	return &SMSCodeRequired{pending: pending{username, a, state}}
}

// EmailCode resumes an [*EmailCodeRequired] challenge from its state, see [AppClient.TOTP].
func (a *AppClient) EmailCode(username, state string) *EmailCodeRequired {
	return &EmailCodeRequired{pending: pending{username, a, state}}
}

// MFAChoice resumes an [*MFAChoiceRequired] challenge from its state, see [AppClient.TOTP].
func (a *AppClient) MFAChoice(username, state string) *MFAChoiceRequired {
	return &MFAChoiceRequired{pending: pending{username, a, state}}
}

// Answer signs the user in by a code of the app. A wrong code leaves the
// challenge open, for five codes in all, and counts as a wrong password does.
func (c *TOTPRequired) Answer(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.answer(ctx, totpFactor, in)
}

// Answer signs the user in by the code that was sent, and so verifies the
// phone number. A wrong code leaves the challenge open, see [TOTPRequired.Answer].
func (c *SMSCodeRequired) Answer(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.answer(ctx, smsFactor, in)
}

// Answer signs the user in by the code that was sent, and so verifies the
// e-mail address. A wrong code leaves the challenge open, see [TOTPRequired.Answer]. After [MFASetupRequired.AnswerEmail] it also
// makes the address the user's; the error is [ErrAliasExists] if another user signs in by it.
func (c *EmailCodeRequired) Answer(ctx context.Context, in FactorCode) (*SignInResult, error) {
	res, err := c.answer(ctx, emailFactor, in)
	if !errors.Is(err, ErrSessionInvalid) {
		return res, err
	}
	if res, err = c.setUpEmail(ctx, in); err != nil { // no state is of both kinds
		return nil, fmt.Errorf("answer second factor: %w", err)
	}
	return res, nil
}

// Answer begins the challenge of the chosen factor.
func (c *MFAChoiceRequired) Answer(ctx context.Context, in FactorChoice) (*SignInResult, error) {
	res, err := c.choose(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("choose a second factor: %w", err)
	}
	return res, nil
}

func (c *MFAChoiceRequired) choose(ctx context.Context, in FactorChoice) (*SignInResult, error) {
	t, err := c.open(ctx, stateChoose, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if in.Method == MFANone {
		return nil, missing("ANSWER")
	}
	var choice factorChoices
	if err := t.state.payload(&choice); err != nil {
		return nil, err
	}
	if !slices.Contains(choice.Methods, in.Method) {
		return nil, invalid("ANSWER", "The second factor is not one of those to choose from.")
	}
	o, err := t.commit(ctx, nil, func(tx store.Tx, o *outcome) error {
		if !mayUse(t.scope.settings, o.user, o.enrolled, in.Method) {
			o.refused = ErrSessionInvalid
			return nil
		}
		o.step, o.method = stepFactor, in.Method
		if err := o.canAsk(t.scope); err != nil {
			return err
		}
		return usedStates.Insert(tx, t.scope.useUp(t.state))
	})
	if err != nil {
		return nil, err
	}
	return t.scope.proceed(ctx, o, t.state.Name, nil, t.now)
}

// factorChoices is the payload of a challenge that asks which factor to use.
type factorChoices struct {
	Methods []MFAMethod `json:"m"`
}

func (factorChoices) disclosed() int { return 0 }

// factorChallenge asks for a second factor: for a code of one, for a choice, or
// to set one up. It runs after the commit, since a code may be sent here.
func (s *scope) factorChallenge(ctx context.Context, o *outcome, st *challengeState, now time.Time) (*SignInResult, error) {
	p := pending{Username: o.user.Username, client: s.appClient()}
	switch o.step {
	case stepFactor:
		f, err := factorOf(o.method)
		if err != nil {
			return nil, err
		}
		return f.ask(ctx, s, o, st, p, now)
	case stepChoose:
		var err error
		methods := o.choicesOf(s)
		p.state, err = s.challenge(stateChoose, st, factorChoices{methods}, now)
		return &SignInResult{Challenge: &MFAChoiceRequired{p, methods}}, err
	case stepSetup:
		return s.setupChallenge(st, p, now)
	case stepUndecided, stepDone, stepNewPassword, stepDevice:
		fallthrough
	default:
		return nil, fmt.Errorf("%w: the step %d asks for no second factor", errUnhandled, o.step)
	}
}

// A secondStep is a step of a sign-in after the password was proved.
type secondStep struct {
	scope *scope
	state *challengeState
	user  *User // as the answer found them, for nextReads; nil for nobody
	now   time.Time
	// spent says that the source of the call has given too many wrong codes and passwords.
	spent bool
	// reads is read for a step of which nothing was proved before it; nil for all others.
	reads func(store.Reader) (*outcome, error)
}

// open reads the state of a challenge.
func (p *pending) open(ctx context.Context, kind stateKind, hash string) (*secondStep, error) {
	t := &secondStep{}
	s, err := p.opened(ctx, kind, hash, func(_ store.Reader, _ *scope, st *challengeState, u *User) error {
		t.state, t.user = st, u
		return nil
	})
	if err != nil {
		return nil, err
	}
	switch {
	case t.state.unproved():
		if p.Username != "" && !s.sameBegun(t.user, t.state, p.Username) {
			return nil, ErrSessionInvalid
		}
	case t.user == nil || p.Username != "" && !s.sameName(t.user, t.state, p.Username):
		return nil, ErrSessionInvalid
	}
	t.scope, t.now = s, s.engine.now()
	return t, nil
}

func (p *pending) answer(ctx context.Context, f *factor, in FactorCode) (*SignInResult, error) {
	t, err := p.open(ctx, f.kind, in.SecretHash)
	if err != nil {
		return nil, fmt.Errorf("answer second factor: %w", err)
	}
	if in.Code == "" {
		return nil, missing(f.answer)
	}
	t.scope.goesOn(t.state, in.DeviceKey)
	prove := t.prove
	if t.state.Rounds != nil {
		prove = t.proveRound
	}
	res, err := prove(ctx, in.Code)
	if err != nil {
		return nil, fmt.Errorf("answer second factor: %w", err)
	}
	return res, nil
}

// prove judges a code, counts it, and signs the user in if it is right.
func (t *secondStep) prove(ctx context.Context, code Secret) (*SignInResult, error) {
	return t.proveBy(ctx, hook.TokensOfSignIn, func(tx store.Tx, o *outcome, ev *Event) error { return t.judge(tx, o, string(code), ev) })
}

// proveBy is prove for what fn judges and counts.
func (t *secondStep) proveBy(ctx context.Context, source hook.Source, fn func(tx store.Tx, o *outcome, ev *Event) error) (*SignInResult, error) {
	if err := t.scope.points().callable(tokenTriggers...); err != nil {
		return nil, err
	}
	t.spent = t.scope.sourceSpent(t.now)
	return t.finish(ctx, source, fn)
}

// finish commits a step of a sign-in, of which fn says whether it holds, and
// gives what comes next. fn gets the event of the sign-in, to make a failure of.
func (t *secondStep) finish(ctx context.Context, source hook.Source, fn func(tx store.Tx, o *outcome, ev *Event) error) (*SignInResult, error) {
	s := t.scope
	f, err := s.newFamily(t.state.Sub, t.now)
	if err != nil {
		return nil, err
	}
	ev, err := s.proved(ctx, t.state.Sub, EventSignedIn, t.now)
	if err != nil {
		return nil, err
	}
	last := func(tx store.Tx, o *outcome) error {
		if err := fn(tx, o, ev); err != nil || o.refused != nil {
			return err
		}
		if err := o.decide(tx, s); err != nil {
			return err
		}
		return usedStates.Insert(tx, s.useUp(t.state))
	}
	err = s.beforeTokens(ctx, source, f, func(tx store.Tx) (*outcome, error) { return t.decide(txPrefetch(tx, t.nextReads()...), last) })
	if err != nil {
		return nil, err
	}
	o, err := t.commit(ctx, f, func(tx store.Tx, o *outcome) error {
		if err := last(tx, o); err != nil || o.refused != nil || o.step != stepDone {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return nil, err
	}
	return s.proceed(ctx, o, t.state.Name, f, t.now)
}

// commit re-reads the user, refuses what the state no longer fits, and runs fn.
// If fn leaves the sign-in done, the family is written too.
func (t *secondStep) commit(ctx context.Context, f *family, fn func(tx store.Tx, o *outcome) error) (*outcome, error) {
	var o *outcome
	err := t.scope.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		o, err = t.try(tx, f, fn)
		return err
	})
	if errors.Is(err, store.ErrExists) {
		return nil, ErrSessionUsed
	}
	if err != nil {
		return nil, err
	}
	if o.refused != nil {
		t.scope.failed(o.refused, t.now)
		return nil, o.refused
	}
	return o, nil
}

// try is one run of the transaction of commit.
func (t *secondStep) try(tx store.Tx, f *family, fn func(tx store.Tx, o *outcome) error) (*outcome, error) {
	tx = txPrefetch(tx, t.nextReads()...)
	o, err := t.decide(tx, fn)
	if err != nil || o.refused != nil || o.step != stepDone {
		return o, err
	}
	return o, t.scope.insertFamily(tx, f, o.user, t.now)
}

// nextReads is what the transaction of a step reads, all of it in one round trip.
func (t *secondStep) nextReads() []store.Ref {
	s, sub := t.scope, t.state.Sub
	key := store.Key(s.pool.ID, sub)
	refs := []store.Ref{
		users.Ref(key), credentials.Ref(key), totps.Ref(key), passkeys.Ref(key), usedStates.Ref(usedStates.Key(s.useUp(t.state))),
		throttles.Ref(throttleKey(s.pool.ID, kindFactor, s.triesOf(t.state))),
	}
	refs = slices.Concat(refs, guessRefs(s.pool.ID, sub), s.deviceRefs(sub))
	if t.reads == nil {
		refs = append(refs, throttles.Ref(throttleKey(s.pool.ID, kindGuess, sub)))
	}
	if t.user != nil {
		refs = append(refs, t.user.groupRefs()...)
	}
	return refs
}

// decide reads what the state is bound to, and runs fn if it holds.
func (t *secondStep) decide(tx store.Tx, fn func(tx store.Tx, o *outcome) error) (*outcome, error) {
	read := t.read
	if t.reads != nil {
		read = t.reads
	}
	o, err := read(tx)
	if err != nil || o.refused != nil {
		return o, err
	}
	return o, fn(tx, o)
}

// read reads the user that a state is bound to, as the user is now.
func (t *secondStep) read(tx store.Reader) (*outcome, error) {
	key := store.Key(t.scope.pool.ID, t.state.Sub)
	values, err := tx.Get(users.Ref(key), credentials.Ref(key), totps.Ref(key), usedStates.Ref(usedStates.Key(t.scope.useUp(t.state))), passkeys.Ref(key))
	if err != nil {
		return nil, err
	}
	o := &outcome{proved: t.state.Proved}
	if o.user, err = orNil(users.Decode(values[0])); err != nil {
		return nil, err
	}
	if o.cred, err = orNil(credentials.Decode(values[1])); err != nil {
		return nil, err
	}
	if o.enrolled.totp, err = orNil(totps.Decode(values[2])); err != nil {
		return nil, err
	}
	if o.passkeys, err = orNil(passkeys.Decode(values[4])); err != nil {
		return nil, err
	}
	if o.user == nil {
		o.refused = ErrSessionInvalid
		return o, nil
	}
	if o.enrolled.device, err = t.scope.namedDevice(tx, t.state.Sub); err != nil {
		return nil, err
	}
	o.enrolled.aimed = t.scope.levels != nil
	hold, err := allHold(o.proved, t.scope.settings, o)
	switch {
	case err != nil:
		return nil, err
	case !hold:
		o.refused = ErrSessionInvalid
	case values[3] != nil:
		o.refused = ErrSessionUsed
	default:
		o.refused = o.user.refusal(o.cred, t.now)
	}
	return o, nil
}

// judge judges a code of the factor that the state asks for.
func (t *secondStep) judge(tx store.Tx, o *outcome, code string, ev *Event) error {
	f, err := factorOfState(t.state.Kind)
	if err != nil {
		return err
	}
	return t.weigh(tx, o, ev, evidence{
		usable: mayUse(t.scope.settings, o.user, o.enrolled, f.method),
		proof:  proof{Kind: provedFactor, Method: f.method}, failure: EventMFAFailed,
		judge: func() error { return f.judge(tx, t, o, code) },
	})
}

// evidence is what a second step of a sign-in is to prove.
type evidence struct {
	usable  bool         // the user may still prove it
	judge   func() error // sets the outcome's refused if it is wrong
	proof   proof        // if it is right
	failure EventKind    // if it is wrong
}

// weigh judges evidence. If it is wrong, that is counted against the state and, as a
// wrong password is, against the user and, after the commit, against the source of the call. It is also counted by itself, because a reset
// of the password ends the count of wrong ones, and proves nothing of this evidence.
func (t *secondStep) weigh(tx store.Tx, o *outcome, ev *Event, e evidence) error {
	s := t.scope
	lock, guesses, err := t.budgets(tx)
	if err != nil {
		return err
	}
	if lock.locked(t.now) || guesses.State.Locked(t.now) || t.spent && lock.own(t.now) == nil {
		o.refused = ErrTooManyAttempts
		return nil
	}
	ok, err := s.checkQuota(tx, kindFactor, s.triesOf(t.state), triesPerState, t.now)
	if err != nil {
		return err
	}
	if !ok || !e.usable {
		o.refused = ErrSessionInvalid
		return nil
	}
	switch err := e.judge(); {
	case err != nil:
		return err
	case errors.Is(o.refused, ErrTOTPUsed):
		return events.Insert(tx, ev.failed(e.failure, o.refused))
	case o.refused != nil:
		if err := guesses.fail(tx, t.now); err != nil {
			return err
		}
		return lock.fail(tx, ev.failed(e.failure, o.refused), t.now)
	}
	o.proved = append(slices.Clone(o.proved), e.proof)
	return cmp.Or(guesses.succeed(tx, t.now), lock.succeed(tx, t.now))
}

// budgets reads what is left of the user's wrong guesses, and of those of second factors.
func (t *secondStep) budgets(tx store.Tx) (*guesses, *throttleRecord, error) {
	pool, sub := t.scope.pool.ID, t.state.Sub
	values, err := tx.Get(append(guessRefs(pool, sub), throttles.Ref(throttleKey(pool, kindGuess, sub)))...)
	if err != nil {
		return nil, nil, err
	}
	lock, err := t.scope.guessesOf(values[:2], sub)
	if err != nil {
		return nil, nil, err
	}
	factor, err := throttleOf(values[2], pool, kindGuess, sub)
	return lock, factor, err
}

// useUp judges a code of a key, and uses its time step up.
func (t *totp) useUp(tx store.Tx, o *outcome, key mfa.Secret, code string, now time.Time) error {
	step, result := key.Verify(code, now, t.Last)
	switch result {
	case mfa.Right:
		t.Last = step
		return totps.Put(tx, t)
	case mfa.Wrong:
		o.refused = &MFACodeError{MFATOTP}
		return nil
	case mfa.Used:
		o.refused = ErrTOTPUsed
		return nil
	default:
		return fmt.Errorf("%w: the result %v of a code", errUnhandled, result)
	}
}
