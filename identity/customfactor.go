package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// DefineAuthChallenge may name a second factor, such as SMS_MFA. Then the challenge is
// that of any sign-in, but its state has the rounds of the custom sign-in. A right code
// is a round, and uses the state up; then DefineAuthChallenge decides again. The code
// itself signs nobody in: proveRound writes no family, and the proof of the rounds is
// none that a sign-in can end with.

// factor asks for a code of a second factor that a hook has named. For a user who does not
// exist there is no address to send a code to, so the sign-in ends.
func (r *customSignIn) factor(ctx context.Context, f *factor) (*SignInResult, error) {
	if r.user == nil {
		return nil, ErrIncorrectCredentials
	}
	s := r.scope
	o := &outcome{user: r.user, step: stepFactor, method: f.method}
	err := s.engine.store.View(ctx, func(rd store.Reader) (err error) {
		o.enrolled.totp, err = orNil(totps.Get(rd, store.Key(s.pool.ID, r.who)))
		return err
	})
	if err != nil {
		return nil, err
	}
	if !mayUse(s.settings, o.user, o.enrolled, f.method) {
		return nil, s.points().ended(ctx, DefineAuthChallenge, fmt.Errorf("%w: the user cannot use the factor %s", hook.ErrInvalidDecision, f.method))
	}
	if err := o.canAsk(s); err != nil {
		return nil, err
	}
	st, rounds := *r.state, append([]hook.Round{}, r.rounds...) // never nil, which would be no rounds of a custom sign-in
	st.Rounds, st.Proved = &rounds, append(slices.Clone(r.proofs), proof{Kind: provedRounds, Changed: provenByHooks(r.cred).Changed})
	return f.ask(ctx, s, o, &st, pending{Username: o.user.Username, client: s.appClient()}, r.now)
}

// proveRound judges a code of a custom sign-in, counts it, and goes on with the sign-in if
// it is right.
func (t *secondStep) proveRound(ctx context.Context, code Secret) (*SignInResult, error) {
	s := t.scope
	if err := s.points().callable(slices.Concat(customTriggers, tokenTriggers)...); err != nil {
		return nil, err
	}
	t.spent = s.sourceSpent(t.now)
	f, err := factorOfState(t.state.Kind)
	if err != nil {
		return nil, err
	}
	ev, err := s.proved(ctx, t.state.Sub, EventSignedIn, t.now)
	if err != nil {
		return nil, err
	}
	_, err = t.commit(ctx, nil, func(tx store.Tx, o *outcome) error {
		if err := t.judge(tx, o, string(code), ev); err != nil || o.refused != nil {
			return err
		}
		return usedStates.Insert(tx, s.useUp(t.state))
	})
	if err != nil {
		return nil, err
	}
	r := s.custom(&attempt{name: t.state.Name, scope: s, who: t.state.Sub}, t.now)
	if err := s.appClient().resume(ctx, r.attempt); err != nil {
		return nil, err
	}
	r.rounds = append(slices.Clone(*t.state.Rounds), hook.Round{Challenge: string(f.method), Correct: true})
	r.proofs = append(slices.DeleteFunc(slices.Clone(t.state.Proved), func(p proof) bool { return p.Kind == provedRounds }),
		proof{Kind: provedFactor, Method: f.method})
	return r.next(ctx)
}
