package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/store"
)

// A code of a sign-in that is sent again. The challenge that asks for it is replaced: a new code, with a state of its
// own. The earlier state is used up, so its code is not good any longer, and neither is a second request with it.
//
// A code that begins a sign-in has been asked for by anybody. Asking again is the same as choosing the factor again
// (sendCode): one transaction has all its budgets, uses the earlier state up, and writes the message, with the same work for
// a user who does not exist. A request that is refused leaves the earlier code good.
//
// A code of a second factor follows a proof. It is sent as in a new sign-in, within the budget of messages to the
// address; then the earlier state is used up. One that sets an address up counts as an answer with that address does.

// Resend sends another code, and asks for it by a challenge of its own. The code of before is not good any longer. Where
// it is sent within no budget the error is [ErrLimitExceeded], and the challenge stays open. secretHash is that of [FactorCode].
func (c *EmailOTPRequired) Resend(ctx context.Context, secretHash string) (*SignInResult, error) {
	return c.resendFirst(ctx, FirstEmailOTP, secretHash)
}

// Resend sends another code, see [EmailOTPRequired.Resend].
func (c *SMSOTPRequired) Resend(ctx context.Context, secretHash string) (*SignInResult, error) {
	return c.resendFirst(ctx, FirstSMSOTP, secretHash)
}

// Resend sends another code, see [EmailOTPRequired.Resend]. The error is [ErrTooManyAttempts] while the user's wrong answers are too many for a
// code to be judged.
func (c *SMSCodeRequired) Resend(ctx context.Context, secretHash string) (*SignInResult, error) {
	return again(c.resend(ctx, smsFactor, secretHash))
}

// Resend sends another code, see [SMSCodeRequired.Resend]. After [MFASetupRequired.AnswerEmail] it goes to the same address.
func (c *EmailCodeRequired) Resend(ctx context.Context, secretHash string) (*SignInResult, error) {
	res, err := c.resend(ctx, emailFactor, secretHash)
	if errors.Is(err, ErrSessionInvalid) {
		res, err = c.resendSetup(ctx, secretHash) // no state is of both kinds
	}
	return again(res, err)
}

// again is the result of a code that was sent again.
func again(res *SignInResult, err error) (*SignInResult, error) {
	if err != nil {
		return nil, fmt.Errorf("send the code again: %w", err)
	}
	return res, nil
}

func (p *pending) resendFirst(ctx context.Context, name FirstFactor, hash string) (*SignInResult, error) {
	f, err := firstFactorOf(name)
	if err != nil {
		return again(nil, err)
	}
	c, err := p.resume(ctx, f.kind, hash)
	if err != nil {
		return again(nil, err)
	}
	c.scope.goesOn(c.state, "")
	return again(f.sendCode(ctx, c))
}

func (p *pending) resend(ctx context.Context, f *factor, hash string) (*SignInResult, error) {
	t, err := p.open(ctx, f.kind, hash)
	if err != nil {
		return nil, err
	}
	if t.state.Rounds != nil { // hooks decide what follows in a custom sign-in
		return nil, ErrSessionInvalid
	}
	s := t.scope
	s.goesOn(t.state, "")
	o, err := t.commit(ctx, nil, func(tx store.Tx, o *outcome) error {
		if err := t.mayBeJudged(tx, o); err != nil || o.refused != nil {
			return err
		}
		if !mayUse(s.settings, o.user, o.enrolled, f.method) {
			o.refused = ErrSessionInvalid
			return nil
		}
		o.step, o.method = stepFactor, f.method
		return o.canAsk(s)
	})
	if err != nil {
		return nil, err
	}
	res, err := s.proceed(ctx, o, t.state.Name, nil, t.now)
	if err != nil {
		return nil, err
	}
	err = s.engine.store.Update(ctx, func(tx store.Tx) error { return usedStates.Insert(tx, s.useUp(t.state)) })
	return res, spentOr(err, nil)
}

// mayBeJudged refuses a user of whom no code would be judged now.
func (t *secondStep) mayBeJudged(tx store.Tx, o *outcome) error {
	lock, guesses, err := t.budgets(tx)
	if err == nil && (lock.locked(t.now) || guesses.State.Locked(t.now)) {
		o.refused = ErrTooManyAttempts
	}
	return err
}

// resendSetup sends another code to the address that a challenge is setting up.
func (p *pending) resendSetup(ctx context.Context, hash string) (*SignInResult, error) {
	t, err := p.open(ctx, stateSetupEmail, hash)
	if err != nil {
		return nil, err
	}
	var sent sentCode
	if err := cmp.Or(t.state.payload(&sent), t.scope.engine.spendSource(t.scope.source, t.now)); err != nil {
		return nil, err
	}
	t.scope.goesOn(t.state, "")
	return t.setUpAt(ctx, sent.Address)
}
