package identity

import (
	"context"
	"errors"
	"strings"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// This file holds all hook points: the places at which a function of the
// operator's runs. TestHookPoints holds both tables to the code.
//
// A flow first asks [points.callable] for the triggers that it may come to,
// before it writes or reveals anything. A pool may name a target for a
// trigger, and nothing can call a target yet, so the flow is refused there
// with a [*TriggerError]. The triggers are asked for in this order:
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
// Then it comes to the points themselves. Each is a method of points and runs
// outside of any transaction, because the hook may take its time and a store
// may run a transaction again. So the hook sees the user as the user was: the
// commit that follows reads the record again, and may refuse what the hook
// allowed. A point whose pool names a target refuses by itself too.
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
//	send                   scope.commitSignUp, scope.sendCode, Admin.resetPassword, Admin.invite, update.send, Session.sendVerification, scope.sendFactorCode
//
// CreateAuthChallenge, VerifyAuthChallengeResponse and InboundFederation have
// no flow yet.
//
// To let hooks run, export hookFuncs as an option of the engine, make callable
// pass the triggers that something can call, and let run call it. What a
// decision does is written where the flow calls its point: the decisions are
// zero until then, and the flows leave them aside.

// Triggers that flows ask for together.
var (
	tokenTriggers   = []Trigger{PostAuthentication, PreTokenGeneration, PreTokenGenerationV1}
	messageTriggers = []Trigger{CustomMessage, CustomEmailSender, CustomSMSSender}
)

// hookFuncs are the functions that run at the points; one that is nil does nothing.
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

// none is the decision of a hook that only may refuse.
type none struct{}

// points are the hook points of a call: of its pool and, unless an operator
// names none, its app client.
type points struct {
	engine *Engine
	pool   *PoolInfo
	client string
}

func (s *scope) points() points { return points{s.engine, s.pool, s.client.ID} }

func (a *Admin) points(p *PoolInfo) points { return points{engine: a.engine, pool: p} }

// callable returns a [*TriggerError] for the first of some triggers that has a
// target which nothing can call. A function that decides who may pass must not be skipped.
func (p points) callable(triggers ...Trigger) error {
	for _, t := range triggers {
		if _, ok := p.pool.Settings.Triggers[t]; ok {
			return &TriggerError{t}
		}
	}
	return nil
}

// run runs the hook of a point, for which the pool may name a target by some
// triggers. The event is made only if there is a hook.
func run[E, D any](ctx context.Context, p points, fn func(context.Context, *E) (D, error), event func() *E, triggers ...Trigger) (D, error) {
	if err := p.callable(triggers...); err != nil || fn == nil {
		var nothing D
		return nothing, err
	}
	return fn(ctx, event())
}

// event is what all events tell, about a user or a name that no user has.
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

// postConfirmation runs after a user was confirmed, which an error does not undo.
func (p points) postConfirmation(ctx context.Context, source hook.Source, u *User) error {
	_, err := run(ctx, p, p.engine.hooks.postConfirmation, func() *hook.PostConfirmation {
		return &hook.PostConfirmation{Event: p.event(ctx, source, u)}
	}, PostConfirmation)
	return err
}

// userMigration runs for a name that no user has. A sign-in by SRP does not
// come here: it has no password to give to another system.
func (p points) userMigration(ctx context.Context, source hook.Source, name string, password Secret) (hook.UserMigrationDecision, error) {
	return run(ctx, p, p.engine.hooks.userMigration, func() *hook.UserMigration {
		return &hook.UserMigration{Event: p.event(ctx, source, &User{Username: name}), Password: password}
	}, UserMigration)
}

// preAuthentication runs before a password is checked, or an exchange begins.
// For a user who does not exist it runs only where the caller may not be told.
func (p points) preAuthentication(ctx context.Context, u *User, name string) error {
	_, err := run(ctx, p, p.engine.hooks.preAuthentication, func() *hook.PreAuthentication {
		if u == nil {
			return &hook.PreAuthentication{Event: p.event(ctx, hook.BeforeSignIn, &User{Username: name}), UserNotFound: true}
		}
		return &hook.PreAuthentication{Event: p.event(ctx, hook.BeforeSignIn, u)}
	}, PreAuthentication)
	return err
}

// postAuthentication runs after all proofs of a sign-in, before its tokens.
func (p points) postAuthentication(ctx context.Context, u *User) error {
	_, err := run(ctx, p, p.engine.hooks.postAuthentication, func() *hook.PostAuthentication {
		return &hook.PostAuthentication{Event: p.event(ctx, hook.AfterSignIn, u)}
	}, PostAuthentication)
	return err
}

// preTokenGeneration runs before the tokens of a grant are made, and before what
// they stand for is committed.
func (p points) preTokenGeneration(ctx context.Context, source hook.Source, g *grant) (hook.PreTokenGenerationDecision, error) {
	return run(ctx, p, p.engine.hooks.preTokenGeneration, func() *hook.PreTokenGeneration {
		ev := &hook.PreTokenGeneration{Event: p.event(ctx, source, g.user), Scopes: strings.Fields(g.scope)}
		for _, in := range g.groups {
			ev.Groups = append(ev.Groups, hook.Group{Name: in.Name, RoleARN: pick(in.RoleARN, nil, "")})
		}
		return ev
	}, PreTokenGeneration, PreTokenGenerationV1)
}

// customMessage runs before a message to a user is built.
func (p points) customMessage(ctx context.Context, kind MessageKind, u *User, attribute string) (hook.CustomMessageDecision, error) {
	return run(ctx, p, p.engine.hooks.customMessage, func() *hook.CustomMessage {
		return &hook.CustomMessage{Event: p.event(ctx, messageSource(CustomMessage, kind), u), Medium: string(medium(attribute))}
	}, CustomMessage)
}

// send sends a message to a user: by the hook for its medium, or else by the [Sender].
func (p points) send(ctx context.Context, u *User, m *Message) error {
	fn, trigger := p.engine.hooks.customEmailSender, senderTrigger(m.Medium)
	if trigger == CustomSMSSender {
		fn = p.engine.hooks.customSMSSender
	}
	_, err := run(ctx, p, fn, func() *hook.CustomSender {
		return &hook.CustomSender{Event: p.event(ctx, messageSource(trigger, m.Kind), u), To: m.To, Code: m.Code}
	}, trigger)
	if err != nil || fn != nil {
		return err
	}
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

// beforeTokens runs what comes after all proofs of a sign-in and before its
// tokens: postAuthentication, then preTokenGeneration. What commit is about to
// write decides whether there are tokens to come; so commit is run once
// beforehand, and nothing of it is kept. A refusal of a hook leaves nothing of
// the sign-in, not even the proof's use. Of a sign-in that gets no tokens the
// commit itself tells, and counts. Without hooks nothing of that is done.
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
		return err
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

// errRehearsed ends a transaction of which nothing is kept.
var errRehearsed = errors.New("identity: nothing is to be kept")
