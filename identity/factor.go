package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

const (
	stateTOTP   = "totp"
	stateSMS    = "sms"
	stateChoose = "choose-mfa"

	// triesPerState is how many codes are judged for one challenge state.
	triesPerState = 5

	mfaCode codePurpose = "mfa"
)

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
	Delivery *CodeDelivery
}

// MFAChoiceRequired asks which second factor the user wants to use.
type MFAChoiceRequired struct {
	pending
	Methods []MFAMethod
}

// FactorCode is the answer to [*TOTPRequired] and [*SMSCodeRequired].
type FactorCode struct {
	Code       Secret
	SecretHash string
}

// FactorChoice is the answer to [*MFAChoiceRequired].
type FactorChoice struct {
	Method     MFAMethod
	SecretHash string
}

// TOTP resumes a [*TOTPRequired] challenge from its state.
func (a *AppClient) TOTP(username, state string) *TOTPRequired {
	return &TOTPRequired{pending: pending{username, a, state}}
}

// SMSCode resumes an [*SMSCodeRequired] challenge from its state.
func (a *AppClient) SMSCode(username, state string) *SMSCodeRequired {
	return &SMSCodeRequired{pending: pending{username, a, state}}
}

// MFAChoice resumes an [*MFAChoiceRequired] challenge from its state.
func (a *AppClient) MFAChoice(username, state string) *MFAChoiceRequired {
	return &MFAChoiceRequired{pending: pending{username, a, state}}
}

// Answer signs the user in by a code of the app. A wrong code leaves the
// challenge open, for five codes in all, and counts as a wrong password does.
func (c *TOTPRequired) Answer(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.answer(ctx, stateTOTP, "SOFTWARE_TOKEN_MFA_CODE", in)
}

// Answer signs the user in by the code that was sent, and so verifies the
// phone number. A wrong code leaves the challenge open, see [TOTPRequired.Answer].
func (c *SMSCodeRequired) Answer(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.answer(ctx, stateSMS, "SMS_MFA_CODE", in)
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
	if !slices.Contains(t.state.Methods, in.Method) {
		return nil, invalid("ANSWER", "The second factor is not one of those to choose from.")
	}
	v, err := t.commit(ctx, nil, func(tx store.Tx, v *verdict) error {
		if !t.scope.settings.has(v.user, v.totp, in.Method) {
			v.err = ErrSessionInvalid
			return nil
		}
		v.step = stepSMS
		if in.Method == MFATOTP {
			v.step = stepTOTP
		}
		return spent.Insert(tx, t.scope.spend(t.state))
	})
	if err != nil {
		return nil, err
	}
	return t.scope.proceed(ctx, v, t.state.Name, nil, t.now)
}

// factorChallenge asks for a second factor; the code of a text message is made and sent here.
func (s *scope) factorChallenge(ctx context.Context, v *verdict, st *challengeState, now time.Time) (*SignInResult, error) {
	p := pending{Username: v.user.Username, client: s.appClient()}
	var err error
	switch v.step {
	case stepTOTP:
		p.state, err = s.challenge(stateTOTP, st, now)
		return &SignInResult{Challenge: &TOTPRequired{p, v.totp.Name}}, err
	case stepSMS:
		return s.textCode(ctx, v.user, st, p, now)
	case stepSetup:
		return s.setupChallenge(st, p, now)
	}
	st.Methods = s.settings.methods(v.user, v.totp)
	p.state, err = s.challenge(stateChoose, st, now)
	return &SignInResult{Challenge: &MFAChoiceRequired{p, st.Methods}}, err
}

// textCode sends a code by SMS. The state carries the code's MAC, so the code
// is good for this challenge alone and nothing is stored.
func (s *scope) textCode(ctx context.Context, u *User, st *challengeState, p pending, now time.Time) (*SignInResult, error) {
	if err := s.settings.noTrigger(CustomMessage, CustomSMSSender); err != nil {
		return nil, err
	}
	text, err := random(s.engine.rand, digits, codeDigits)
	if err != nil {
		return nil, err
	}
	next := *st
	next.Code = s.textMAC(u, text)
	if p.state, err = s.challenge(stateSMS, &next, now); err != nil {
		return nil, err
	}
	d := delivery("phone_number", u.Attributes["phone_number"])
	if err := s.engine.send(ctx, s.signInMessage(u, d, text, now)); err != nil {
		return nil, err
	}
	return &SignInResult{Challenge: &SMSCodeRequired{p, d}}, nil
}

// textMAC is the MAC of a code that was sent to the number that is the user's
// now: it is no right code once that has changed.
func (s *scope) textMAC(u *User, text string) []byte {
	return mac(s.ring.code, s.pool.ID, u.Sub, string(mfaCode), u.Attributes["phone_number"], text)
}

// A secondStep is a step of a sign-in after the password was proved.
type secondStep struct {
	scope *scope
	state *challengeState
	now   time.Time
}

// open reads the state of a challenge.
func (p *pending) open(ctx context.Context, kind, hash string) (*secondStep, error) {
	s, err := p.client.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkHash(p.Username, hash); err != nil {
		return nil, err
	}
	now := s.engine.now()
	st, err := s.open(kind, p.state, now)
	if err != nil {
		return nil, err
	}
	u, err := s.engine.userBySub(ctx, s.pool.ID, st.Sub)
	if err != nil {
		return nil, err
	}
	if u == nil || p.Username != "" && !s.sameName(u, st, p.Username) {
		return nil, ErrSessionInvalid
	}
	return &secondStep{s, st, now}, nil
}

func (p *pending) answer(ctx context.Context, kind, parameter string, in FactorCode) (*SignInResult, error) {
	t, err := p.open(ctx, kind, in.SecretHash)
	if err != nil {
		return nil, fmt.Errorf("answer second factor: %w", err)
	}
	if in.Code == "" {
		return nil, missing(parameter)
	}
	res, err := t.prove(ctx, in.Code)
	if err != nil {
		return nil, fmt.Errorf("answer second factor: %w", err)
	}
	return res, nil
}

// prove judges a code, counts it, and signs the user in if it is right.
func (t *secondStep) prove(ctx context.Context, code Secret) (*SignInResult, error) {
	if err := t.scope.settings.noTrigger(PostAuthentication, PreTokenGeneration, PreTokenGenerationV1); err != nil {
		return nil, err
	}
	return t.finish(ctx, func(tx store.Tx, v *verdict, ev *Event) error { return t.judge(tx, v, string(code), ev) })
}

// finish commits the last step of a sign-in, of which fn says whether it
// holds, and gives the tokens. ev is the event of the sign-in, for fn to make a failure of.
func (t *secondStep) finish(ctx context.Context, fn func(tx store.Tx, v *verdict, ev *Event) error) (*SignInResult, error) {
	s := t.scope
	f, err := s.newFamily(t.state.Sub, t.now)
	if err != nil {
		return nil, err
	}
	ev, err := s.proved(ctx, t.state.Sub, EventSignedIn, t.now)
	if err != nil {
		return nil, err
	}
	v, err := t.commit(ctx, f, func(tx store.Tx, v *verdict) error {
		v.step = stepTokens
		if err := fn(tx, v, ev); err != nil || v.err != nil {
			return err
		}
		if err := spent.Insert(tx, s.spend(t.state)); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return nil, err
	}
	return s.proceed(ctx, v, t.state.Name, f, t.now)
}

// commit re-reads the user, refuses what the state no longer fits, and runs fn.
// With a family the sign-in is written too.
func (t *secondStep) commit(ctx context.Context, f *family, fn func(tx store.Tx, v *verdict) error) (*verdict, error) {
	var v *verdict
	err := t.scope.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if v, err = t.read(tx); err != nil || v.err != nil {
			return err
		}
		if err := fn(tx, v); err != nil || v.err != nil || f == nil {
			return err
		}
		if v.groups, err = v.user.memberships(tx); err != nil {
			return err
		}
		return f.insert(tx, v.user)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, ErrSessionUsed
	}
	if err != nil || v.err != nil {
		return nil, orVerdict(err, v.err)
	}
	return v, nil
}

// read reads the user that a state is bound to, as the user is now.
func (t *secondStep) read(tx store.Tx) (*verdict, error) {
	key := store.Key(t.scope.pool.ID, t.state.Sub)
	values, err := tx.Get(users.Ref(key), credentials.Ref(key), totps.Ref(key), spent.Ref(spent.Key(t.scope.spend(t.state))))
	if err != nil {
		return nil, err
	}
	v := &verdict{}
	if v.user, err = orNil(users.Decode(values[0])); err != nil {
		return nil, err
	}
	if v.cred, err = orNil(credentials.Decode(values[1])); err != nil {
		return nil, err
	}
	if v.totp, err = orNil(totps.Decode(values[2])); err != nil {
		return nil, err
	}
	switch {
	case v.user == nil || v.cred == nil || !v.cred.Changed.Equal(t.state.Changed):
		v.err = ErrSessionInvalid
	case values[3] != nil:
		v.err = ErrSessionUsed
	default:
		v.err = v.user.refusal(v.cred, t.now)
	}
	return v, nil
}

// judge judges a code. A wrong one is counted against the state and, as a
// wrong password is, against the user; and again by itself, because a reset of
// the password ends the count of wrong ones, and proves nothing of this factor.
func (t *secondStep) judge(tx store.Tx, v *verdict, code string, ev *Event) error {
	s := t.scope
	lock, err := getThrottle(tx, s.pool.ID, kindPassword, t.state.Sub)
	if err != nil {
		return err
	}
	guesses, err := getThrottle(tx, s.pool.ID, kindGuess, t.state.Sub)
	if err != nil {
		return err
	}
	if lock.State.Locked(t.now) || guesses.State.Locked(t.now) {
		v.err = ErrTooManyAttempts
		return nil
	}
	ok, err := s.admit(tx, kindFactor, t.state.ID, triesPerState, t.now)
	if err != nil {
		return err
	}
	method := t.method()
	if !ok || !s.settings.has(v.user, v.totp, method) {
		v.err = ErrSessionInvalid
		return nil
	}
	if method == MFASMS {
		err = t.judgeText(tx, v, code)
	} else {
		err = v.totp.spend(tx, v, v.totp.Secret, code, t.now)
	}
	switch {
	case err != nil:
		return err
	case errors.Is(v.err, ErrTOTPUsed):
		return events.Insert(tx, ev.failed(EventMFAFailed, v.err))
	case v.err != nil:
		if err := guesses.count(tx, t.now); err != nil {
			return err
		}
		return lock.fail(tx, ev.failed(EventMFAFailed, v.err), t.now)
	}
	return cmp.Or(guesses.succeed(tx, t.now), lock.succeed(tx, t.now))
}

// method is the factor that the state asks for a code of.
func (t *secondStep) method() MFAMethod {
	if t.state.Kind == stateSMS {
		return MFASMS
	}
	return MFATOTP
}

// spend judges a code of a key, and uses its time step up.
func (t *totp) spend(tx store.Tx, v *verdict, key mfa.Secret, code string, now time.Time) error {
	step, result := key.Verify(code, now, t.Last)
	switch result {
	case mfa.Wrong:
		v.err = &MFACodeError{MFATOTP}
		return nil
	case mfa.Used:
		v.err = ErrTOTPUsed
		return nil
	}
	t.Last = step
	return totps.Put(tx, t)
}

// judgeText judges a code that was sent, which verifies the number that it was sent to.
func (t *secondStep) judgeText(tx store.Tx, v *verdict, code string) error {
	s := t.scope
	if !equal(t.state.Code, s.textMAC(v.user, code)) {
		v.err = &MFACodeError{MFASMS}
		return nil
	}
	if v.user.verified("phone_number") {
		return nil
	}
	u := v.user.clone()
	u.Attributes["phone_number_verified"], u.Modified = "true", t.now
	u.rename(s.settings)
	taken, err := takeAliases(tx, s.settings, u, nil, t.now)
	if err != nil || taken != nil { // another has the number: the sign-in holds, the number stays unverified
		return err
	}
	v.user = u
	return users.Put(tx, u)
}
