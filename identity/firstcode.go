package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// A code that begins a sign-in. Anybody can have one sent to anybody, so it has the budgets of
// codes that strangers ask for (ask.go): for the account and its sources, the address, the range
// of phone numbers and the source of the call, all before anything is proved. Its MAC is in the
// state of the challenge, as that of a second factor is. So it is valid for one sign-in through one
// client, as long as that lasts, and nothing is stored.
//
// A code has five tries. A right one within them is accepted, whatever else was tried. A wrong one
// counts for the state, the day of the account, and the day of the address. After five, the
// answer is as to any wrong code. For a user who does not exist the same is done, in the rows that
// such names share.

const (
	stateEmailOTP stateKind = "email-otp"
	stateSMSOTP   stateKind = "sms-otp"

	// firstCodeDigits is two more than codes of other purposes have: such a code signs in alone.
	// How many the service sends is not recorded; eight is what its examples show (unsure).
	firstCodeDigits = 8

	firstCode codePurpose = "sign-in"
)

var firstErrand = &errand{purpose: firstCode, kind: MessageFactorCode, count: kindBegin, perHour: asksPerHour, event: EventCodeRequested}

// EmailOTPRequired asks for a code that was sent to the user's e-mail address, to begin a sign-in with.
type EmailOTPRequired struct {
	pending
	Delivery *CodeDelivery // where the code went
}

// SMSOTPRequired asks for a code that was sent to the user's phone, to begin a sign-in with.
type SMSOTPRequired struct {
	pending
	Delivery *CodeDelivery // where the code went
}

// EmailOTP resumes an [*EmailOTPRequired] challenge from its state, see [AppClient.FirstFactor].
func (a *AppClient) EmailOTP(username, state string) *EmailOTPRequired {
	return &EmailOTPRequired{pending: pending{username, a, state}}
}

// SMSOTP resumes an [*SMSOTPRequired] challenge from its state, see [AppClient.FirstFactor].
func (a *AppClient) SMSOTP(username, state string) *SMSOTPRequired {
	return &SMSOTPRequired{pending: pending{username, a, state}}
}

// Answer signs the user in by the code that was sent. A wrong code is [ErrCodeMismatch] and leaves the challenge
// open. After five wrong codes every code is.
func (c *EmailOTPRequired) Answer(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.answerFirst(ctx, FirstEmailOTP, "EMAIL_OTP_CODE", in)
}

// Answer signs the user in by the code that was sent, see [EmailOTPRequired.Answer].
func (c *SMSOTPRequired) Answer(ctx context.Context, in FactorCode) (*SignInResult, error) {
	return c.answerFirst(ctx, FirstSMSOTP, "SMS_OTP_CODE", in)
}

// sendCode sends a code and asks for it. For a user who does not exist, or has no such factor, it
// does all of this except sending.
func (f *firstFactor) sendCode(ctx context.Context, c *firstStep) (*SignInResult, error) {
	s := c.scope
	to := c.recipient(f)
	sum := func(master, text string) []byte { return s.firstMAC(master, to, text) }
	state, err := c.post(ctx, to, newCode{kind: f.kind, digits: firstCodeDigits, mac: sum}, s.begins(c.name, c.who, nil))
	if err != nil {
		return nil, err
	}
	return c.asksCode(f, to.delivery(), state)
}

// A newCode is a code that is sent before anything was proved.
type newCode struct {
	kind   stateKind                        // of the challenge that asks for it
	digits int                              // how many it has
	mac    func(master, text string) []byte // its MAC, by the id of a master key
}

// post sends a code to a recipient, who may be a decoy, and returns the state of the challenge that asks for it.
func (c *firstStep) post(ctx context.Context, to *recipient, n newCode, st *challengeState) (string, error) {
	s := c.scope
	words, err := s.firstWords(ctx, to)
	if err != nil {
		return "", err
	}
	text, err := random(s.engine.rand, digits, n.digits)
	if err != nil {
		return "", err
	}
	newest := s.ring.codes[0].id
	sum := n.mac(newest, text)
	if to.decoy {
		sum = s.ring.codeMAC(newest, s.pool.ID, to.user.Sub, "", to.attribute, to.address, text) // of no purpose, so no code is right
	}
	state, next, err := s.nextChallenge(n.kind, st, sentCode{MAC: sum, Master: newest}, c.now)
	if err != nil {
		return "", err
	}
	l, err := s.points().letter(ctx, to.user, s.firstMessage(to, words, text, c.now), worth{Until: next.Expires, Challenge: next.ID})
	if err != nil {
		return "", err
	}
	defer l.end()
	l.decoy = to.decoy
	admitted, err := c.commitCode(ctx, to, l)
	if err != nil {
		return "", err
	}
	if admitted {
		err = s.delivered(ctx, l.sent(ctx))
	}
	return state, err
}

func (c *firstStep) asksCode(f *firstFactor, d *CodeDelivery, state string) (*SignInResult, error) {
	p := pending{Username: c.scope.srpUserID(c.user, c.name), client: c.scope.appClient(), state: state}
	switch f.name {
	case FirstEmailOTP:
		return c.asks(&EmailOTPRequired{p, d}), nil
	case FirstSMSOTP:
		return c.asks(&SMSOTPRequired{p, d}), nil
	case FirstPassword, FirstPasswordSRP, FirstPasskey: // send nothing
		fallthrough
	default:
		return nil, fmt.Errorf("%w: a code of the first factor %q", errUnhandled, f.name)
	}
}

// delivered hides from those who may not know who has an account that a message could not be sent.
func (s *scope) delivered(ctx context.Context, err error) error {
	if err == nil || s.settings.DisclosesUsers(&s.client.Settings) {
		return err
	}
	s.engine.log.ErrorContext(ctx, "code not sent", "kind", firstErrand.kind, "error", err)
	return nil
}

// recipient is whom a code goes to: a decoy in the place of a user who cannot use the factor.
func (c *firstStep) recipient(f *firstFactor) *recipient {
	s := c.scope
	nobody := s.decoyRecipient(c.who, c.name, []string{f.address}) // made up for everybody, since it takes time
	if c.user != nil && c.user.mayBegin() == nil && f.usable(s.settings, c.user, c.owned()) {
		return c.user.recipient(f.address)
	}
	return nobody
}

// firstWords are the words of a message with a code: of the hook, of the settings, or ours.
func (s *scope) firstWords(ctx context.Context, to *recipient) (codeWords, error) {
	if err := s.points().callable(CustomMessage, senderTrigger(medium(to.attribute))); err != nil {
		return codeWords{}, err
	}
	if err := s.points().canSend(medium(to.attribute)); err != nil {
		return codeWords{}, err
	}
	var custom hook.CustomMessageDecision
	var err error
	if to.decoy {
		err = s.points().pretendMessage(ctx, to.attribute)
	} else {
		custom, err = s.points().customMessage(ctx, firstErrand.kind, to.user, to.attribute)
	}
	if err != nil {
		return codeWords{}, err
	}
	ours := wordsFor(s.settings, to.user, firstErrand.kind)
	words := codeWords{body: pick(s.settings.SMSAuthenticationMessage, nil, ours.body)}
	if medium(to.attribute) == MediumEmail {
		words = codeWords{body: ours.body, subject: ours.subject}
		if own := s.settings.EmailMFA; own != nil {
			words = codeWords{body: pick(own.Message, nil, ours.body), subject: pick(own.Subject, nil, ours.subject)}
		}
	}
	return codeWords{body: cmp.Or(custom.Body, words.body), subject: cmp.Or(custom.Subject, words.subject)}, nil
}

// firstMessage is the message with a code that begins a sign-in.
func (s *scope) firstMessage(to *recipient, words codeWords, text string, now time.Time) *Message {
	m := s.signInMessage(to.user, to.delivery(), words, text, now)
	m.To = to.address
	return m
}

// firstMAC returns the MAC of a code and the address that it went to, under the key of a master,
// or nil if the master is gone.
func (s *scope) firstMAC(master string, to *recipient, text string) []byte {
	return s.ring.codeMAC(master, s.pool.ID, to.user.Sub, string(firstCode), to.attribute, to.address, text)
}

// commitCode counts the request and the message, uses the state of the choice up, and writes the
// event and the letter, in one transaction. It reports whether the code is to be sent. If the address has
// had too many messages, only those who may know that there is such a user are told so.
func (c *firstStep) commitCode(ctx context.Context, to *recipient, l *letter) (send bool, err error) {
	s := c.scope
	if err := s.engine.spendSource(s.source, c.now); err != nil {
		return false, err
	}
	ev, err := s.asked(ctx, c.who, firstErrand.event, c.now)
	if err != nil {
		return false, err
	}
	ev = ev.with(dataPurpose, string(firstCode))
	var refused error
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if refused, err = c.count(tx, to); err != nil {
			return err
		}
		if send = refused == nil; send {
			err = l.put(tx)
		} else if !errors.Is(refused, errAddressFull) {
			return nil
		}
		return cmp.Or(err, ev.insert(tx))
	})
	if errors.Is(refused, errAddressFull) && !s.settings.DisclosesUsers(&s.client.Settings) {
		s.engine.log.WarnContext(ctx, "code not sent", "kind", firstErrand.kind, "error", refused)
		refused = nil
	}
	return send, spentOr(err, refused)
}

// count counts a request for a code, and its message. There must be room for the tries of this
// code and of those that were asked for in the last hour, which have not been tried yet.
func (c *firstStep) count(tx store.Tx, to *recipient) (refused, err error) {
	s, pool := c.scope, c.scope.pool.ID
	values, err := tx.Get(append(guessRefs(pool, c.who), throttles.Ref(throttleKey(pool, kindBegin, c.who)))...)
	if err != nil {
		return nil, err
	}
	a := &ask{scope: s, errand: firstErrand, to: to, now: c.now}
	if a.guesses, err = s.guessesOf(values[:2], c.who); err != nil {
		return nil, err
	}
	if a.window, err = throttleOf(values[2], pool, kindBegin, c.who); err != nil {
		return nil, err
	}
	if !a.guesses.roomForCodes(c.now, a.window.Window.Count(c.now, time.Hour)+1) {
		return ErrLimitExceeded, nil
	}
	if ok, err := a.count(tx); err != nil || !ok {
		return ErrLimitExceeded, err
	}
	if used := c.used(); used != nil {
		if err := usedStates.Insert(tx, used); err != nil {
			return nil, err
		}
	}
	kind := kindAddress
	if a.guesses.own(c.now) != nil {
		kind = kindSignIn
	}
	if ok, err := s.spendMessage(tx, kind, to, c.now); err != nil || !ok {
		return errAddressFull, err
	}
	return nil, nil
}

// answerFirst judges a code that begins a sign-in.
func (p *pending) answerFirst(ctx context.Context, name FirstFactor, parameter string, in FactorCode) (*SignInResult, error) {
	res, err := p.proveFirst(ctx, name, parameter, in)
	if err != nil {
		return nil, fmt.Errorf("answer first factor: %w", err)
	}
	return res, nil
}

func (p *pending) proveFirst(ctx context.Context, name FirstFactor, parameter string, in FactorCode) (*SignInResult, error) {
	f, err := firstFactorOf(name)
	if err != nil {
		return nil, err
	}
	c, err := p.resume(ctx, f.kind, in.SecretHash)
	if err != nil {
		return nil, err
	}
	if in.Code == "" {
		return nil, missing(parameter)
	}
	if err := c.scope.points().callable(tokenTriggers...); err != nil {
		return nil, err
	}
	t := &secondStep{scope: c.scope, state: c.state, now: c.now, user: c.user, spent: c.scope.sourceSpent(c.now), reads: c.read}
	c.scope.goesOn(c.state, in.DeviceKey)
	return t.finish(ctx, hook.TokensOfSignIn, func(tx store.Tx, o *outcome, ev *Event) error { return c.judgeCode(tx, f, t, o, string(in.Code), ev) })
}

// read reads the user as the user is now, with the same work for a user who does not exist.
func (c *firstStep) read(tx store.Reader) (*outcome, error) {
	key := store.Key(c.scope.pool.ID, c.who)
	values, err := tx.Get(users.Ref(key), credentials.Ref(key), totps.Ref(key), usedStates.Ref(usedStates.Key(c.used())), passkeys.Ref(key))
	if err != nil {
		return nil, err
	}
	o := &outcome{}
	if o.user, err = decoyUser.decode(values[0]); err != nil {
		return nil, err
	}
	if o.cred, err = credentialOf(c.scope.settings, values[1]); err != nil {
		return nil, err
	}
	if o.enrolled.totp, err = orNil(totps.Decode(values[2])); err != nil {
		return nil, err
	}
	if o.passkeys, err = decoyPasskeys.decode(values[4]); err != nil {
		return nil, err
	}
	if o.enrolled.device, err = c.scope.namedDevice(tx, c.who); err != nil {
		return nil, err
	}
	o.enrolled.aimed = c.scope.levels != nil
	if values[3] != nil {
		o.refused = ErrSessionUsed
	}
	return o, nil
}

// judgeCode judges a code, and counts a wrong one. For a wrong code it sets o.refused.
func (c *firstStep) judgeCode(tx store.Tx, f *firstFactor, t *secondStep, o *outcome, text string, ev *Event) error {
	s := c.scope
	values, err := tx.Get(guessRefs(s.pool.ID, c.who)...)
	if err != nil {
		return err
	}
	lock, err := s.guessesOf(values, c.who)
	if err != nil {
		return err
	}
	if t.spent && lock.own(t.now) == nil {
		o.refused = ErrLimitExceeded
		return nil
	}
	ok, err := s.checkQuota(tx, kindFactor, s.triesOf(c.state), triesPerState, t.now)
	if err != nil {
		return err
	}
	if !ok {
		o.refused = ErrCodeMismatch
		return nil
	}
	var sent sentCode
	if err := t.state.payload(&sent); err != nil {
		return err
	}
	now := &firstStep{attempt: &attempt{name: c.name, scope: s, user: o.user, cred: o.cred, who: c.who}}
	to := now.recipient(f)
	if !sameMAC(sent.MAC, s.firstMAC(sent.Master, to, text)) || to.decoy {
		o.refused = ErrCodeMismatch
		return cmp.Or(lock.count(tx, t.now), s.countMissOf(tx, to, t.now), ev.failed(EventSignInFailed, o.refused).with(dataPurpose, string(firstCode)).insert(tx))
	}
	o.proved = s.after(proof{Kind: provedFirst, Changed: o.cred.changed(), First: f.name})
	return nil
}

// triesOf is whom the tries of a challenge are counted for: its state, or for a user who does not
// exist a name in the rows that such names share. That name is made up for everybody.
func (s *scope) triesOf(st *challengeState) string {
	nobody := s.ring.decoyWho(st.ID)
	if isDecoy(st.Sub) {
		return nobody
	}
	return st.ID
}
