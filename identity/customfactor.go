package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/mfa"
	"github.com/cognate-id/cognate/store"
)

// DefineAuthChallenge may name a second factor, such as SMS_MFA. Then the challenge is
// that of any sign-in, but its state has the rounds of the custom sign-in. A right code
// is a round, and uses the state up; then DefineAuthChallenge decides again. The code
// itself signs nobody in: proveRound writes no family, and the proof of the rounds is
// none that a sign-in can end with.
//
// If the factor is the first thing that is asked for, unknown users are asked too, and get the
// answers to wrong codes: from the rows that such names share, with the same work.

// factor asks for a code of a second factor that a hook has named.
func (r *customSignIn) factor(ctx context.Context, f *factor) (*SignInResult, error) {
	s := r.scope
	o := &outcome{user: r.user, step: stepFactor, method: f.method}
	err := s.engine.store.View(ctx, func(rd store.Reader) (err error) {
		o.enrolled.totp, err = orNil(totps.Get(rd, store.Key(s.pool.ID, r.who)))
		return err
	})
	if err != nil {
		return nil, err
	}
	can := r.user != nil && mayUse(s.settings, r.user, o.enrolled, f.method)
	if len(r.proofs) == 0 {
		return r.unprovedFactor(ctx, f, can)
	}
	if r.user == nil { // deleted since
		return nil, ErrIncorrectCredentials
	}
	if !can {
		return nil, r.cannotUse(ctx, f)
	}
	if err := o.canAsk(s); err != nil {
		return nil, err
	}
	return f.ask(ctx, s, o, r.round(), pending{Username: o.user.Username, client: s.appClient()}, r.now)
}

func (r *customSignIn) cannotUse(ctx context.Context, f *factor) error {
	return r.scope.points().ended(ctx, DefineAuthChallenge, fmt.Errorf("%w: the user cannot use the factor %s", hook.ErrInvalidDecision, f.method))
}

// round is what the state of a factor's challenge takes over.
func (r *customSignIn) round() *challengeState {
	st, rounds := *r.state, append([]hook.Round{}, r.rounds...) // never nil, which would be no rounds of a custom sign-in
	st.Rounds, st.Proved = &rounds, append(slices.Clone(r.proofs), proof{Kind: provedRounds, Changed: provenByHooks(r.cred).Changed})
	return &st
}

// unprovedFactor asks for a factor before anything was proved, so anybody may be asking. If the client may not
// know who has an account, whoever cannot use the factor is asked for a code all the same, and no code is right. A
// code that is sent counts as one that a stranger asks for (firstcode.go).
func (r *customSignIn) unprovedFactor(ctx context.Context, f *factor, can bool) (*SignInResult, error) {
	s := r.scope
	hidden := !s.settings.DisclosesUsers(&s.client.Settings)
	if !can && (!hidden || f.address != "" && !f.offered(s.settings)) { // in such a pool nobody can use it
		return nil, r.cannotUse(ctx, f)
	}
	if !can && r.user != nil {
		s.engine.log.WarnContext(ctx, "a custom sign-in asks for a factor that the user cannot use", "factor", f.method, "pool", s.pool.ID, "sub", r.who)
	}
	p := pending{Username: r.shownName(), client: s.appClient()}
	if f.address == "" { // the name of the user's device would tell that there is a user
		return f.ask(ctx, s, &outcome{enrolled: enrolled{totp: &totp{}}}, r.round(), p, r.now)
	}
	to := s.decoyRecipient(r.who, r.name, []string{f.address})
	if can && r.user.mayBegin() == nil {
		to = r.user.recipient(f.address)
	}
	sum := func(master, text string) []byte { return s.sentMAC(master, to.user, f.address, text) }
	var err error
	c := &firstStep{attempt: r.attempt, now: r.now}
	if p.state, err = c.post(ctx, to, newCode{kind: f.kind, digits: codeDigits, mac: sum}, r.round()); err != nil {
		return nil, err
	}
	switch f.method {
	case MFASMS:
		return &SignInResult{Challenge: &SMSCodeRequired{p, to.delivery()}}, nil
	case MFAEmail:
		return &SignInResult{Challenge: &EmailCodeRequired{p, to.delivery()}}, nil
	case MFATOTP, MFAPasskey, MFANone: // send nothing
		fallthrough
	default:
		return nil, fmt.Errorf("%w: a code of the factor %q", errUnhandled, f.method)
	}
}

// unproved reports whether nothing was proved before a factor of a custom sign-in. Then the user
// of the state may not exist.
func (c *challengeState) unproved() bool {
	return c.Rounds != nil && !slices.ContainsFunc(c.Proved, func(p proof) bool { return p.Kind != provedRounds })
}

// readRound is read before anything was proved: with the same work for a user who does not exist, and without
// the refusals of those who may not sign in, which the end of the sign-in tells.
func (t *secondStep) readRound(tx store.Reader) (*outcome, error) {
	c := &firstStep{attempt: &attempt{name: t.state.Name, scope: t.scope, who: t.state.Sub}, state: t.state, now: t.now}
	o, err := c.read(tx)
	if err != nil {
		return nil, err
	}
	o.proved = t.state.Proved
	if hold, err := allHold(o.proved, t.scope.settings, o); err != nil || !hold {
		o.refused = ErrSessionInvalid
		return o, err
	}
	return o, nil
}

// judgeRound judges a code of a round, and counts a wrong one. Before anything was proved, no code
// is right of who cannot use the factor.
func (t *secondStep) judgeRound(tx store.Tx, f *factor, o *outcome, code string, ev *Event) error {
	s, unproved := t.scope, t.state.unproved()
	can := o.user != nil && mayUse(s.settings, o.user, o.enrolled, f.method)
	return t.weigh(tx, o, ev, evidence{
		usable: can || unproved,
		proof:  proof{Kind: provedFactor, Method: f.method}, failure: EventMFAFailed,
		judge: func() error {
			if can && (!unproved || o.user.mayBegin() == nil) {
				return f.judge(tx, t, o, code)
			}
			mfa.Secret(mac(s.ring.decoy, "app", t.state.Sub)).Verify(code, t.now, 0) // the work of judging
			o.refused = &MFACodeError{f.method}
			return nil
		},
	})
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
	if t.state.unproved() {
		t.reads = t.readRound
	}
	_, err = t.commit(ctx, nil, func(tx store.Tx, o *outcome) error {
		if err := t.judgeRound(tx, f, o, string(code), ev); err != nil || o.refused != nil {
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
