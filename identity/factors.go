package identity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// A factor is a kind of second factor: one row of [factors]. Everything that
// depends on the kind is in the row. To add a factor, add a row.
type factor struct {
	method MFAMethod
	kind   stateKind // the kind of the challenge that asks for a code
	answer string    // the name of the answer, for the error if it is missing
	amr    string    // the method that it proves, see levels.go
	// address is the attribute that codes are sent to; empty if none is sent.
	address string
	// strength orders the factors. If the pool demands a factor and the user has
	// turned none on, the strongest usable factor is asked for.
	strength int

	// offered reports whether users of the pool may set the factor up.
	offered func(*PoolSettings) bool
	// ready reports whether the user has what the factor needs.
	ready func(*User, enrolled) bool
	// usable reports whether the user may be asked for the factor.
	usable func(*PoolSettings, *User, enrolled) bool
	// ask makes the challenge. It may send a code, so it runs after the commit.
	ask func(context.Context, *scope, *outcome, *challengeState, pending, time.Time) (*SignInResult, error)
	// judge judges a code, within the transaction that counts the attempt. For a
	// wrong code it sets o.refused.
	judge func(store.Tx, *secondStep, *outcome, string) error
}

// factors are all second factors, in the order in which lists show them.
var factors = [...]*factor{smsFactor, totpFactor, emailFactor}

// enrolled is what tables other than users store about a user's factors.
type enrolled struct {
	totp   *totp   // nil if no authenticator app is enrolled
	device *device // that the client has named; nil if it has named none
	aimed  bool    // the sign-in has named levels, see stepup.go
}

// factorOf returns the row of a method. It returns an error that names the
// method if the method has no row.
func factorOf(m MFAMethod) (*factor, error) {
	for _, f := range factors {
		if f.method == m {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: the second factor %q", errUnhandled, m)
}

// factorOfState returns the row whose challenge has states of a kind.
func factorOfState(kind stateKind) (*factor, error) {
	for _, f := range factors {
		if f.kind == kind {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%w: the second factor of a challenge of kind %q", errUnhandled, kind)
}

// known reports whether m is the method of a row.
func (m MFAMethod) known() bool {
	_, err := factorOf(m)
	return err == nil
}

// asksFactor reports whether the pool asks anybody for a second factor. For a
// mode that there is not it does, and [nextStep] refuses the sign-in.
func asksFactor(s *PoolSettings) bool {
	return s.MFA != "" && s.MFA != MFAOff
}

// methodsOf returns the second factors that a user is asked for. If the user
// prefers a usable factor, it is the only one. If the pool demands a factor and
// the user has turned none on, the strongest factor that the user has set up is
// asked for. Otherwise somebody with the password alone could set up another.
func methodsOf(s *PoolSettings, u *User, e enrolled) []MFAMethod {
	var on []MFAMethod
	var strongest *factor
	for _, f := range factors {
		if !f.usable(s, u, e) {
			continue
		}
		if u.MFA.Has(f.method) {
			on = append(on, f.method)
		}
		if strongest == nil || f.strength > strongest.strength {
			strongest = f
		}
	}
	switch {
	case slices.Contains(on, u.MFA.Preferred):
		return []MFAMethod{u.MFA.Preferred}
	case len(on) > 0 || s.MFA != MFAOn || strongest == nil:
		return on
	}
	return []MFAMethod{strongest.method}
}

// mayUse reports whether a user may use a factor, preferred or not. The answer
// to a challenge checks it again, because the factor may have been turned off
// since the challenge.
func mayUse(s *PoolSettings, u *User, e enrolled, m MFAMethod) bool {
	free := *u
	free.MFA.Preferred = MFANone
	return slices.Contains(methodsOf(s, &free, e), m) || e.aimed && slices.Contains(secondsOf(s, u, e), m)
}

// setupMethods returns the factors that a user without a factor may set up.
func setupMethods(s *PoolSettings) []MFAMethod {
	var out []MFAMethod
	for _, f := range factors {
		if f.offered(s) {
			out = append(out, f.method)
		}
	}
	return out
}

var totpFactor = &factor{
	method: MFATOTP, kind: stateTOTP, answer: "SOFTWARE_TOKEN_MFA_CODE", amr: methodTOTP, strength: 3,
	offered: (*PoolSettings).AppsOffered,
	ready:   hasApp,
	usable:  func(_ *PoolSettings, u *User, e enrolled) bool { return hasApp(u, e) },
	ask: func(_ context.Context, s *scope, o *outcome, st *challengeState, p pending, now time.Time) (res *SignInResult, err error) {
		p.state, err = s.challenge(stateTOTP, st, nil, now)
		return &SignInResult{Challenge: &TOTPRequired{p, o.enrolled.totp.Name}}, err
	},
	judge: func(tx store.Tx, t *secondStep, o *outcome, code string) error {
		app := o.enrolled.totp
		return app.useUp(tx, o, app.Secret, code, t.now)
	},
}

func hasApp(_ *User, e enrolled) bool { return e.totp != nil && len(e.totp.Secret) > 0 }

var smsFactor = &factor{
	method: MFASMS, kind: stateSMS, answer: "SMS_MFA_CODE", amr: methodSMS, address: "phone_number", strength: 2,
	offered: func(s *PoolSettings) bool { return s.SMSMFA },
	ready:   hasPhone,
	usable:  func(s *PoolSettings, u *User, e enrolled) bool { return s.SMSMFA && hasPhone(u, e) },
	ask: func(ctx context.Context, s *scope, o *outcome, st *challengeState, p pending, now time.Time) (res *SignInResult, err error) {
		d := delivery("phone_number", o.user.Attributes["phone_number"])
		words := codeWords{body: pick(s.settings.SMSAuthenticationMessage, nil, wordsFor(s.settings, o.user, MessageFactorCode).body)}
		p.state, err = s.sendFactorCode(ctx, o.user, stateSMS, d, words, st, now)
		return &SignInResult{Challenge: &SMSCodeRequired{p, d}}, err
	},
	judge: func(tx store.Tx, t *secondStep, o *outcome, code string) error {
		return t.judgeSent(tx, o, MFASMS, "phone_number", code)
	},
}

var emailFactor = &factor{
	method: MFAEmail, kind: stateEmail, answer: "EMAIL_OTP_CODE", amr: methodEmail, address: "email", strength: 1,
	offered: func(s *PoolSettings) bool { return s.EmailMFA != nil },
	ready:   hasEmail,
	usable:  func(s *PoolSettings, u *User, e enrolled) bool { return s.EmailMFA != nil && hasEmail(u, e) },
	ask: func(ctx context.Context, s *scope, o *outcome, st *challengeState, p pending, now time.Time) (res *SignInResult, err error) {
		d := delivery("email", o.user.Attributes["email"])
		p.state, err = s.sendFactorCode(ctx, o.user, stateEmail, d, s.emailWords(o.user), st, now)
		return &SignInResult{Challenge: &EmailCodeRequired{p, d}}, err
	},
	judge: func(tx store.Tx, t *secondStep, o *outcome, code string) error {
		return t.judgeSent(tx, o, MFAEmail, "email", code)
	},
}

func hasEmail(u *User, _ enrolled) bool { return u.Attributes["email"] != "" }

func hasPhone(u *User, _ enrolled) bool { return u.Attributes["phone_number"] != "" }

// emailWords are the words of a mail with a code, in a pool that offers them.
func (s *scope) emailWords(u *User) codeWords {
	own, ours := s.settings.EmailMFA, wordsFor(s.settings, u, MessageFactorCode)
	return codeWords{body: pick(own.Message, nil, ours.body), subject: pick(own.Subject, nil, ours.subject)}
}

// sentCode is the payload of a challenge whose code was sent to an address. It
// is a MAC, so the state does not disclose the code.
type sentCode struct {
	MAC    []byte `json:"o"`
	Master string `json:"m,omitempty"` // the id of the master key that the MAC is made with
	// Address is where the code of stateSetupEmail went. In other states it is empty: the code went to the user's address.
	Address string `json:"a,omitempty"`
}

func (c sentCode) disclosed() int { return len(c.Address) }

// codeWords are the words of a message that carries a code.
type codeWords struct {
	body    string
	subject string // of a mail
}

// sendFactorCode sends a code to an address and returns the state of the
// challenge. The state carries the MAC of the code, so the code is valid for
// this challenge alone and nothing is stored.
func (s *scope) sendFactorCode(ctx context.Context, u *User, kind stateKind, d *CodeDelivery, words codeWords, st *challengeState, now time.Time) (string, error) {
	if err := s.points().callable(CustomMessage, senderTrigger(d.Medium)); err != nil {
		return "", err
	}
	custom, err := s.points().customMessage(ctx, MessageFactorCode, u, d.Attribute)
	if err != nil {
		return "", err
	}
	words = codeWords{body: cmp.Or(custom.Body, words.body), subject: cmp.Or(custom.Subject, words.subject)}
	text, err := random(s.engine.rand, digits, codeDigits)
	if err != nil {
		return "", err
	}
	newest := s.ring.codes[0].id
	sent, setup := sentCode{MAC: s.sentMAC(newest, u, d.Attribute, text), Master: newest}, kind == stateSetupEmail
	if setup {
		sent.Address = u.Attributes[d.Attribute]
	}
	state, next, err := s.nextChallenge(kind, st, sent, now)
	if err != nil {
		return "", err
	}
	l, err := s.points().letter(ctx, u, s.signInMessage(u, d, words, text, now), worth{Until: next.Expires, Challenge: next.ID, Setup: setup})
	if err != nil {
		return "", err
	}
	defer l.end()
	if err := s.spendSignInMessage(ctx, u.recipient(d.Attribute), l, s.engine.now()); err != nil {
		return "", err
	}
	return state, l.sent(ctx)
}

// sentMAC returns the MAC of a code and the user's present address, under the key
// of a master, or nil if the master is gone. So a code is wrong once the address has
// changed.
func (s *scope) sentMAC(master string, u *User, attribute, text string) []byte {
	return s.ring.codeMAC(master, s.pool.ID, u.Sub, string(mfaCode), u.Attributes[attribute], text)
}

// judgeSent judges a code that was sent to an address. A right code also
// verifies the address.
func (t *secondStep) judgeSent(tx store.Tx, o *outcome, m MFAMethod, attribute, code string) error {
	s := t.scope
	var sent sentCode
	if err := t.state.payload(&sent); err != nil {
		return err
	}
	if !sameMAC(sent.MAC, s.sentMAC(sent.Master, o.user, attribute, code)) {
		o.refused = &MFACodeError{m}
		return nil
	}
	if o.user.verified(attribute) {
		return nil
	}
	u := o.user.clone()
	u.Attributes[attribute+"_verified"], u.Modified = "true", t.now
	u.rename(s.settings)
	taken, err := takeAliases(tx, s.settings, u, nil, t.now)
	if err != nil || taken != nil { // another user has the address: the sign-in holds, the address stays unverified
		return err
	}
	cause := &Event{ID: t.state.ID, Pool: u.Pool, Client: s.client.ID, Time: t.now, Actor: Actor{ActorUser, u.Sub}}
	if o.user, err = s.engine.ruledIn(tx, s.pool, u, cause); err != nil {
		return err
	}
	return users.Put(tx, o.user)
}
