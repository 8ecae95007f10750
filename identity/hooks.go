package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// This file has all hook points: the places at which a function of the operator
// runs. TestHookPoints compares both tables with the code.
//
// Before a flow writes or discloses anything, it gives [points.callable] the
// triggers that it may reach. A pool may name a target for a trigger, but nothing
// can call a target yet, so callable refuses the flow with a [*TriggerError].
// The flows check their triggers in this order:
//
//	flow                            triggers
//	attempt.untriggered             PreAuthentication, tokenTriggers; UserMigration if there is no such user
//	scope.setFirstPassword          tokenTriggers
//	secondStep.prove                tokenTriggers
//	MFASetupRequired.Answer         tokenTriggers
//	AppClient.refresh               PreTokenGeneration, PreTokenGenerationV1
//	AppClient.Refuse                DefineAuthChallenge
//	scope.newSignUp                 PreSignUp, messageTriggers
//	AppClient.confirmSignUp         PostConfirmation
//	Users.Confirm                   PostConfirmation
//	AppClient.resend                messageTriggers
//	AppClient.forgotPassword        messageTriggers; UserMigration if there is no such user
//	AppClient.confirmForgotPassword PostConfirmation
//	Admin.resetPassword             messageTriggers
//	Admin.createUser                messageTriggers unless suppressed; PreSignUp
//	Admin.reinvite                  messageTriggers unless suppressed
//	update.makeCodes                messageTriggers
//	Session.sendVerification        messageTriggers
//	scope.sendFactorCode            CustomMessage, senderTrigger of the medium
//
// Then the flow calls the points. Every point is a method of points and runs
// outside of any transaction, because a hook may be slow and a store may run a
// transaction again. So the hook sees the user as it was before the
// transaction. The commit that follows reads the user again, and may refuse what
// the hook has allowed. A point also refuses by itself if the pool names a
// target for it.
//
//	point                  runs in
//	preSignUp              AppClient.signUp, Admin.createUser
//	postConfirmation       AppClient.confirmSignUp, AppClient.confirmForgotPassword, Users.Confirm
//	userMigration          AppClient.signIn, AppClient.forgotPassword
//	preAuthentication      AppClient.signIn, AppClient.startSRP
//	postAuthentication     scope.beforeTokens
//	preTokenGeneration     scope.beforeTokens, scope.renewTokens
//	beforeTokens           attempt.judge, scope.setFirstPassword, secondStep.finish
//	customMessage          scope.commitSignUp, scope.sendCode, Admin.resetPassword, Admin.announce, update.send, Session.sendVerification, scope.sendFactorCode
//	send                   scope.commitSignUp, scope.hideSignUp, scope.sendCode, Admin.resetPassword, Admin.invite, update.send, Session.sendVerification, scope.sendFactorCode
//
// CreateAuthChallenge, VerifyAuthChallengeResponse and InboundFederation have
// no flow yet.
//
// To let hooks run: export hookFuncs as an option of the engine, make callable
// accept the triggers that can be called, and make run call them. Then act on
// each decision where the flow calls the point. Until then all decisions are
// zero, and the flows ignore them.

// Triggers that flows check together.
var (
	tokenTriggers   = []Trigger{PostAuthentication, PreTokenGeneration, PreTokenGenerationV1}
	messageTriggers = []Trigger{CustomMessage, CustomEmailSender, CustomSMSSender}
)

// hookFuncs are the functions that run at the points. A nil function does nothing.
type hookFuncs struct {
	preSignUp          func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error)
	postConfirmation   func(context.Context, *hook.PostConfirmation) (none, error)
	userMigration      func(context.Context, *hook.UserMigration) (hook.UserMigrationDecision, error)
	preAuthentication  func(context.Context, *hook.PreAuthentication) (none, error)
	postAuthentication func(context.Context, *hook.PostAuthentication) (none, error)
	preTokenGeneration func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error)
	customMessage      func(context.Context, *hook.CustomMessage) (hook.CustomMessageDecision, error)
	customEmailSender  func(context.Context, *hook.CustomSender) (none, error)
	customSMSSender    func(context.Context, *hook.CustomSender) (none, error)
}

// none is the decision of a hook that can only refuse.
type none struct{}

// points are the hook points of a call, with the pool of the call and the app
// client. An operator's call may have no client.
type points struct {
	engine *Engine
	pool   *PoolInfo
	client string
}

func (s *scope) points() points { return points{s.engine, s.pool, s.client.ID} }

func (a *Admin) points(p *PoolInfo) points { return points{engine: a.engine, pool: p} }

// callable returns a [*TriggerError] for the first trigger that has a target,
// because nothing can call a target yet. Skipping the target instead would be
// unsafe: the function may decide who may sign in.
func (p points) callable(triggers ...Trigger) error {
	for _, t := range triggers {
		if _, ok := p.pool.Settings.Triggers[t]; ok {
			return &TriggerError{t}
		}
	}
	return nil
}

// run runs the hook of a point. triggers are those by which the pool may name a
// target for the point. run makes the event only if there is a hook.
func run[E, D any](ctx context.Context, p points, fn func(context.Context, *E) (D, error), event func() *E, triggers ...Trigger) (D, error) {
	if err := p.callable(triggers...); err != nil || fn == nil {
		var nothing D
		return nothing, err
	}
	return fn(ctx, event())
}

// event returns what all events have in common. u may be a user who does not
// exist, with only a name.
func (p points) event(ctx context.Context, source hook.Source, u *User) hook.Event {
	return hook.Event{
		Source: source, Pool: p.pool.ID, Client: p.client, Call: CallFrom(ctx),
		Username: u.Username, Sub: u.Sub, Status: string(u.Status), Attributes: u.Attributes,
	}
}

// preSignUp runs before a user is stored.
func (p points) preSignUp(ctx context.Context, source hook.Source, u *User) (hook.PreSignUpDecision, error) {
	return run(ctx, p, p.engine.hooks.preSignUp, func() *hook.PreSignUp {
		return &hook.PreSignUp{Event: p.event(ctx, source, u)}
	}, PreSignUp)
}

// postConfirmation runs after a user was confirmed. An error does not undo the
// confirmation.
func (p points) postConfirmation(ctx context.Context, source hook.Source, u *User) error {
	_, err := run(ctx, p, p.engine.hooks.postConfirmation, func() *hook.PostConfirmation {
		return &hook.PostConfirmation{Event: p.event(ctx, source, u)}
	}, PostConfirmation)
	return err
}

// userMigration runs for a name that no user has. It does not run in a sign-in by
// SRP, which has no password to give to another system.
func (p points) userMigration(ctx context.Context, source hook.Source, name string, password Secret) (hook.UserMigrationDecision, error) {
	return run(ctx, p, p.engine.hooks.userMigration, func() *hook.UserMigration {
		return &hook.UserMigration{Event: p.event(ctx, source, &User{Username: name}), Password: password}
	}, UserMigration)
}

// preAuthentication runs before a password is checked or an SRP exchange begins.
// For a user who does not exist it runs only if the settings forbid to disclose
// that.
func (p points) preAuthentication(ctx context.Context, u *User, name string) error {
	_, err := run(ctx, p, p.engine.hooks.preAuthentication, func() *hook.PreAuthentication {
		if u == nil {
			return &hook.PreAuthentication{Event: p.event(ctx, hook.BeforeSignIn, &User{Username: name}), UserNotFound: true}
		}
		return &hook.PreAuthentication{Event: p.event(ctx, hook.BeforeSignIn, u)}
	}, PreAuthentication)
	return err
}

// postAuthentication runs after all proofs of a sign-in and before its tokens.
func (p points) postAuthentication(ctx context.Context, u *User) error {
	_, err := run(ctx, p, p.engine.hooks.postAuthentication, func() *hook.PostAuthentication {
		return &hook.PostAuthentication{Event: p.event(ctx, hook.AfterSignIn, u)}
	}, PostAuthentication)
	return err
}

// preTokenGeneration runs before the tokens of a grant are made, and before the
// sign-in or the refresh is committed.
func (p points) preTokenGeneration(ctx context.Context, source hook.Source, g *grant) (hook.PreTokenGenerationDecision, error) {
	return run(ctx, p, p.engine.hooks.preTokenGeneration, func() *hook.PreTokenGeneration {
		ev := &hook.PreTokenGeneration{Event: p.event(ctx, source, g.user), Scopes: strings.Fields(g.scope)}
		for _, in := range g.groups {
			ev.Groups = append(ev.Groups, hook.Group{Name: in.Name, RoleARN: pick(in.RoleARN, nil, "")})
		}
		return ev
	}, PreTokenGeneration, PreTokenGenerationV1)
}

// customMessage runs before a message to a user is built, and before what the
// message is about is committed. It returns [ErrNoSender] if nothing can send it.
func (p points) customMessage(ctx context.Context, kind MessageKind, u *User, attribute string) (hook.CustomMessageDecision, error) {
	if err := p.engine.canSend(medium(attribute)); err != nil {
		return hook.CustomMessageDecision{}, err
	}
	return run(ctx, p, p.engine.hooks.customMessage, func() *hook.CustomMessage {
		return &hook.CustomMessage{Event: p.event(ctx, messageSource(CustomMessage, kind), u), Medium: string(medium(attribute))}
	}, CustomMessage)
}

// canSend returns [ErrNoSender] if there is neither a hook for the medium nor a
// [Sender] that sends by it. An operation that owes a message asks before it commits anything, for
// a decoy as for a user.
func (e *Engine) canSend(m Medium) error {
	if e.sendHook(m) == nil && !sends(e.sender, m) {
		return &MessageError{Err: ErrNoSender, Medium: m}
	}
	return nil
}

func (e *Engine) sendHook(m Medium) func(context.Context, *hook.CustomSender) (none, error) {
	if senderTrigger(m) == CustomSMSSender {
		return e.hooks.customSMSSender
	}
	return e.hooks.customEmailSender
}

// send sends a message to a user, through the hook for its medium or else
// through the [Sender].
func (p points) send(ctx context.Context, u *User, m *Message) error {
	if m.Medium == MediumSMS && !p.pool.Settings.SendsSMSTo(m.To) {
		return fmt.Errorf("%w: the pool sends no text messages to this country", ErrDelivery)
	}
	fn, trigger := p.engine.sendHook(m.Medium), senderTrigger(m.Medium)
	_, err := run(ctx, p, fn, func() *hook.CustomSender {
		return &hook.CustomSender{Event: p.event(ctx, messageSource(trigger, m.Kind), u), To: m.To, Code: m.Code}
	}, trigger)
	if err != nil || fn != nil {
		return err
	}
	if m.Medium == MediumSMS && !p.pool.Settings.SendsSMS() {
		return &MessageError{Err: ErrDelivery, Medium: m.Medium, Cause: ErrNoSMS}
	}
	m.addressed(p.pool.Settings.Email)
	return p.engine.send(ctx, m)
}

// senderTrigger is the trigger whose target sends messages by a medium.
func senderTrigger(m Medium) Trigger {
	if m == MediumSMS {
		return CustomSMSSender
	}
	return CustomEmailSender
}

func messageSource(t Trigger, kind MessageKind) hook.Source {
	return hook.Source(string(t) + "_" + string(kind))
}

// beforeTokens runs the hooks between the last proof of a sign-in and its
// tokens: postAuthentication, then preTokenGeneration.
//
// Only commit decides whether the sign-in gets tokens. So beforeTokens runs
// commit once as a rehearsal, in a transaction that is rolled back. If the
// sign-in would get no tokens, beforeTokens does nothing: the real commit
// refuses and counts. If a hook refuses, nothing of the sign-in is stored, and
// even the proof is not used up. A proof that was used before is [ErrSessionUsed];
// a driver that finds it out only at a commit says so after the hooks. Without
// hooks beforeTokens does nothing.
func (s *scope) beforeTokens(ctx context.Context, source hook.Source, f *family, commit func(store.Tx) (*outcome, error)) error {
	h := s.engine.hooks
	if h.postAuthentication == nil && h.preTokenGeneration == nil && s.points().callable(tokenTriggers...) == nil {
		return nil
	}
	var o *outcome
	err := s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if o, err = commit(tx); err != nil {
			return err
		}
		return errRehearsed
	})
	if !errors.Is(err, errRehearsed) {
		return spentOr(err, nil)
	}
	if o.refused != nil || o.step != stepDone {
		return nil //nolint:nilerr // err is errRehearsed, as it should be
	}
	if err := s.points().postAuthentication(ctx, o.user); err != nil {
		return err
	}
	_, err = s.points().preTokenGeneration(ctx, source, newGrant(o.user, o.groups, f))
	return err
}

// errRehearsed rolls the transaction of a rehearsal back.
var errRehearsed = errors.New("identity: a rehearsal is rolled back")
