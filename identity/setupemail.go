package identity

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// Codes by e-mail that are set up in the middle of a sign-in, by a user who has no address:
//
//  1. MFASetupRequired.AnswerEmail takes an address. It counts the request, uses the state up, and sends a code after the commit. The
//     address and the MAC of the code are in the state of the next challenge, so nothing is stored of an address that nobody has proved.
//  2. EmailCodeRequired.Answer takes the code. A right one makes the address the user's, verified, turns the factor on and
//     writes the sign-in, in one transaction. It ends the user's other sign-ins as every change of factors does.
//     EmailCodeRequired.Resend sends another code to the address, and counts as step 1 does.
//
// A client that may not write the address cannot do so in this way either.

// stateSetupEmail is the kind of a challenge whose code makes its address a second factor.
const stateSetupEmail stateKind = "mfa-setup-email"

// EmailSetup is an answer to [*MFASetupRequired]: codes by e-mail become the second factor.
type EmailSetup struct {
	Address    string // becomes the user's e-mail address once the code was right
	SecretHash string // see [SecretHash]; for clients with a secret
}

// AnswerEmail sends a code to an address, and asks for the code with an [*EmailCodeRequired]. Methods of the challenge must have
// [MFAEmail]: the pool offers such codes, and the client may write the address. An account gets five such codes an hour, then the error is
// [ErrLimitExceeded].
func (c *MFASetupRequired) AnswerEmail(ctx context.Context, in EmailSetup) (*SignInResult, error) {
	res, err := c.answerEmail(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("set up e-mail codes: %w", err)
	}
	return res, nil
}

func (c *MFASetupRequired) answerEmail(ctx context.Context, in EmailSetup) (*SignInResult, error) {
	t, err := c.begin(ctx, stateSetup, in.SecretHash, true)
	if err != nil {
		return nil, err
	}
	s := t.scope
	if in.Address == "" {
		return nil, missing("EMAIL")
	}
	if !s.setsUpEmail() {
		return nil, invalid("EMAIL", "Codes by e-mail cannot be set up.")
	}
	if err := checkFormats(map[string]string{"email": in.Address}); err != nil {
		return nil, err
	}
	if err := s.engine.spendSource(s.source, t.now); err != nil {
		return nil, err
	}
	return t.setUpAt(ctx, in.Address)
}

// setUpAt counts a request for a code to an address, uses the state up, and sends the code.
func (t *secondStep) setUpAt(ctx context.Context, address string) (*SignInResult, error) {
	s := t.scope
	o, err := t.commit(ctx, nil, func(tx store.Tx, o *outcome) error {
		if err := t.stillWithoutEmail(o); err != nil || o.refused != nil {
			return err
		}
		ok, err := s.checkQuota(tx, kindAsk, t.state.Sub, asksPerHour, t.now)
		if err != nil {
			return err
		}
		if !ok {
			o.refused = ErrLimitExceeded
			return nil
		}
		return usedStates.Insert(tx, s.useUp(t.state))
	})
	if err != nil {
		return nil, err
	}
	u := o.user.clone()
	u.Attributes["email"] = address
	d := delivery("email", address)
	state, err := s.sendFactorCode(ctx, u, stateSetupEmail, d, s.emailWords(u), t.state, t.now)
	return &SignInResult{Challenge: &EmailCodeRequired{pending{Username: u.Username, client: s.appClient(), state: state}, d}}, err
}

// setsUpEmail reports whether a sign-in through the client may set codes by e-mail up.
func (s *scope) setsUpEmail() bool {
	a, ok := s.settings.Attribute("email")
	return emailFactor.offered(s.settings) && ok && a.Mutable && s.settings.Writable(&s.client.Settings, "email")
}

// stillWithoutEmail refuses a user who has a factor or an address by now.
func (t *secondStep) stillWithoutEmail(o *outcome) error {
	if err := t.stillToSetUp(o); err != nil || o.refused != nil {
		return err
	}
	if o.user.Attributes["email"] != "" {
		o.refused = ErrSessionInvalid
	}
	return nil
}

// setUpEmail judges the code that makes an address a second factor.
func (p *pending) setUpEmail(ctx context.Context, in FactorCode) (*SignInResult, error) {
	t, err := p.open(ctx, stateSetupEmail, in.SecretHash)
	if err != nil {
		return nil, err
	}
	s := t.scope
	if in.Code == "" {
		return nil, missing(emailFactor.answer)
	}
	var sent sentCode
	if err := t.state.payload(&sent); err != nil {
		return nil, err
	}
	s.goesOn(t.state, in.DeviceKey)
	verified, err := s.proved(ctx, t.state.Sub, EventAttributeVerified, t.now)
	if err != nil {
		return nil, err
	}
	changed, err := s.proved(ctx, t.state.Sub, EventMFAChanged, t.now)
	if err != nil {
		return nil, err
	}
	var before, after *User
	res, err := t.proveBy(ctx, hook.TokensOfSignIn, func(tx store.Tx, o *outcome, ev *Event) error {
		before = o.user
		err := t.judgeSetup(tx, o, &sent, string(in.Code), ev)
		if after = o.user; err != nil || o.refused != nil {
			return err
		}
		return cmp.Or(events.Insert(tx, verified), events.Insert(tx, changed),
			s.engine.putNotices(tx, s.originOf(after, t.now), EventMFAChanged, changed.ID, before, after))
	})
	if err != nil {
		return nil, err
	}
	s.engine.notify(ctx, s.originOf(after, t.now), EventMFAChanged, before, after)
	return res, nil
}

// judgeSetup judges the code, and gives the user the address and the factor if it is right.
func (t *secondStep) judgeSetup(tx store.Tx, o *outcome, sent *sentCode, code string, ev *Event) error {
	s := t.scope
	if err := t.stillWithoutEmail(o); err != nil || o.refused != nil {
		return err
	}
	u := o.user.clone()
	u.Attributes["email"] = sent.Address
	err := t.weigh(tx, o, ev, evidence{
		usable: s.setsUpEmail(), proof: proof{Kind: provedFactor, Method: MFAEmail}, failure: EventMFAFailed,
		judge: func() error {
			if !sameMAC(sent.MAC, s.sentMAC(sent.Master, u, "email", code)) {
				o.refused = &MFACodeError{MFAEmail}
			}
			return nil
		},
	})
	if err != nil || o.refused != nil {
		return err
	}
	delete(u.Pending, "email")
	u.Attributes["email_verified"], u.Modified = "true", t.now
	u.rename(s.settings)
	if o.refused, err = takeAliases(tx, s.settings, u, nil, t.now); err != nil || o.refused != nil {
		return err
	}
	u.MFA.turn(MFAEmail, true)
	if err := signOutByFactors(tx, s.settings, u, "", t.now); err != nil {
		return err
	}
	cause := &Event{ID: t.state.ID, Pool: u.Pool, Client: s.client.ID, Time: t.now, Actor: Actor{ActorUser, u.Sub}}
	if o.user, err = s.engine.ruledIn(tx, s.pool, u, cause); err != nil {
		return err
	}
	return users.Put(tx, o.user)
}

// setupMethods returns the factors that a user without a factor may set up in a sign-in.
func (s *scope) setupMethods() []MFAMethod {
	return slices.DeleteFunc(setupMethods(s.settings), func(m MFAMethod) bool { return m == MFAEmail && !s.setsUpEmail() })
}
