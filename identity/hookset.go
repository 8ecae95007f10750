package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
)

// Hooks are functions of the program that run in the flows of users, and decide
// what these may do. Set them in [Options]. A nil function does nothing, and the
// zero decision changes nothing.
//
// A hook runs outside of any transaction, so it may be slow. Meanwhile the user may
// change: the transaction that follows reads the user again, and may refuse what the
// hook has allowed. A hook must not change its event. It should give up when its
// context ends. What the error of a hook means, see [hook.Refuse].
//
// The head of hooks.go lists which flow runs which hook.
type Hooks struct {
	// PreSignUp runs before a user is stored, at a sign-up and when an operator creates one.
	PreSignUp func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error)
	// PostConfirmation runs after a user was confirmed, or has reset the password. An error
	// is returned to the caller, and undoes nothing. It runs also if the caller has gone; its
	// context ends after a minute.
	PostConfirmation func(context.Context, *hook.PostConfirmation) error
	// PreAuthentication runs before a password is checked.
	PreAuthentication func(context.Context, *hook.PreAuthentication) error
	// PostAuthentication runs after the last proof of a sign-in, and before its tokens.
	PostAuthentication func(context.Context, *hook.PostAuthentication) error
	// PreTokenGeneration runs before tokens are made, at a sign-in and at a refresh.
	PreTokenGeneration func(context.Context, *hook.PreTokenGeneration) (hook.PreTokenGenerationDecision, error)
	// CustomMessage runs before a message is made, unless a custom sender sends it.
	CustomMessage func(context.Context, *hook.CustomMessage) (hook.CustomMessageDecision, error)
	// DefineAuthChallenge decides what comes next in a custom sign-in. Without it nobody
	// can begin one.
	DefineAuthChallenge func(context.Context, *hook.DefineAuthChallenge) (hook.DefineAuthChallengeDecision, error)
	// CreateAuthChallenge makes a challenge of a custom sign-in.
	CreateAuthChallenge func(context.Context, *hook.CreateAuthChallenge) (hook.CreateAuthChallengeDecision, error)
	// VerifyAuthChallengeResponse judges an answer in a custom sign-in. Without it every answer is
	// wrong.
	VerifyAuthChallengeResponse func(context.Context, *hook.VerifyAuthChallenge) (hook.VerifyAuthChallengeDecision, error)
	// UserMigration runs for a name that no user has, at a sign-in with a password and when
	// a password was forgotten.
	UserMigration func(context.Context, *hook.UserMigration) (hook.UserMigrationDecision, error)
	// InboundFederation runs in each sign-in by an identity provider, before anything of it is stored.
	InboundFederation func(context.Context, *hook.InboundFederation) (hook.InboundFederationDecision, error)
	// CustomEmailSender sends mails instead of the [Sender].
	CustomEmailSender func(context.Context, *hook.CustomSender) error
	// CustomSMSSender sends text messages instead of the [Sender].
	CustomSMSSender func(context.Context, *hook.CustomSender) error
}

// A TargetCaller returns the hooks that call the target which a pool's settings name
// for a trigger. Only the hook of that trigger is run. The result is nil if the target
// cannot be called: then each flow that would run it fails with a [*TriggerError].
type TargetCaller func(pool *PoolInfo, trigger Trigger, target TriggerTarget) *Hooks

// A HookError says which hook ended a call, and why. It is [ErrHookRefused],
// [ErrHookDecision] or [ErrHookFailed].
type HookError struct {
	Trigger Trigger // of the hook
	Err     error   // of the hook: a [*hook.RefusalError], a [*hook.FailureError], [hook.ErrInvalidDecision] or any other
}

// Error implements error.
func (e *HookError) Error() string {
	return e.kind().Error() + ": " + string(e.Trigger) + ": " + e.Err.Error()
}

// Unwrap makes the kind and the error of the hook visible to [errors.Is].
func (e *HookError) Unwrap() []error { return []error{e.kind(), e.Err} }

func (e *HookError) kind() error {
	if _, ok := errors.AsType[*hook.RefusalError](e.Err); ok {
		return ErrHookRefused
	}
	if errors.Is(e.Err, hook.ErrInvalidDecision) {
		return ErrHookDecision
	}
	return ErrHookFailed
}

// hooksByPool are those of Options.PoolHooks, for [points.sets].
func hooksByPool(given map[string]Hooks) map[string]*Hooks {
	all := make(map[string]*Hooks, len(given))
	for key, h := range given {
		all[key] = &h
	}
	return all
}

// sets returns the hooks of a point in the order in which they run, with nil for
// those that are not there: those of all pools, those of the pool's key, and the one
// that calls the target of the first of the triggers that has one. It returns a
// [*TriggerError] if that target cannot be called.
func (p points) sets(triggers ...Trigger) (all [3]*Hooks, err error) {
	all[0] = p.engine.hooks
	if p.pool.Key != "" {
		all[1] = p.engine.poolHooks[p.pool.Key]
	}
	for _, t := range triggers {
		target, ok := p.pool.Settings.Triggers[t]
		if !ok {
			continue
		}
		all[2] = p.callTarget(t, target)
		if all[2] == nil {
			return all, &TriggerError{t}
		}
		break
	}
	return all, nil
}

// callTarget returns the hooks that call a target, or nil if nothing can call it.
func (p points) callTarget(t Trigger, target TriggerTarget) *Hooks {
	if p.engine.targets == nil {
		return nil
	}
	return p.engine.targets(p.pool, t, target)
}

// present reports whether any hook runs at a point.
func present[E, D any](p points, at at[E, D]) bool {
	sets, err := p.sets(at.triggers...)
	if err != nil {
		return true // run returns the error
	}
	return slices.ContainsFunc(sets[:], func(h *Hooks) bool { return h != nil && at.hook(h) != nil })
}

// run runs the hooks of a point, and merges their decisions as the point says. The first
// error ends the run. run makes the event only if there is a hook.
func run[E, D any](ctx context.Context, p points, at at[E, D], event func() *E) (D, error) {
	var nothing, all D
	sets, err := p.sets(at.triggers...)
	if err != nil {
		return nothing, err
	}
	if pretended(at.triggers[0]) && present(p, at) {
		defer func(begun time.Time) { p.engine.paceOf(p.pool.ID, at.triggers[0]).note(time.Since(begun)) }(time.Now())
	}
	for _, h := range sets {
		if h == nil || at.hook(h) == nil {
			continue
		}
		d, err := guarded(ctx, p, at.triggers[0], at.hook(h), event())
		if err != nil {
			return nothing, p.ended(ctx, at.triggers[0], err)
		}
		all = at.merge(all, d)
	}
	return all, nil
}

// ended returns the error by which a hook ends the call. It logs what the caller may not be told:
// why a hook failed, or what is wrong with its decision.
func (p points) ended(ctx context.Context, t Trigger, err error) error {
	e := &HookError{t, err}
	if !errors.Is(e, ErrHookRefused) && !errors.Is(err, errHookPanicked) && ctx.Err() == nil {
		p.engine.log.ErrorContext(ctx, "a hook has ended a call", "trigger", t, "pool", p.pool.ID, "error", err)
	}
	return e
}

// guarded calls a hook. A panic of the hook is an error, so that one bad hook does not
// end the program.
func guarded[E, D any](ctx context.Context, p points, t Trigger, fn func(context.Context, *E) (D, error), event *E) (d D, err error) {
	defer func() {
		if r := recover(); r != nil {
			p.engine.log.ErrorContext(ctx, "a hook has panicked", "trigger", t, "pool", p.pool.ID, "error", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = errHookPanicked
		}
	}()
	return fn(ctx, event)
}

var errHookPanicked = errors.New("the hook has panicked")

// An at is a hook point: which function of [Hooks] runs there, by which triggers a
// pool may name a target for it, and how two decisions become one.
type at[E, D any] struct {
	hook     func(*Hooks) func(context.Context, *E) (D, error)
	merge    func(earlier, later D) D
	triggers []Trigger
}

// none is the decision of a hook that can only refuse.
type none struct{}

func noDecision(none, none) none { return none{} }

// deciding is fn as a function with a decision, or nil.
func deciding[E any](fn func(context.Context, *E) error) func(context.Context, *E) (none, error) {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, e *E) (none, error) { return none{}, fn(ctx, e) }
}

// mergeTokens makes one decision of two. Of the claims that both set, the later value
// wins. A claim or a scope that either suppresses is suppressed.
func mergeTokens(a, b hook.PreTokenGenerationDecision) hook.PreTokenGenerationDecision {
	if changesNothing(&a) {
		return b
	}
	merged := hook.PreTokenGenerationDecision{
		ID: mergeClaims(a.ID, b.ID), Access: mergeClaims(a.Access, b.Access), Groups: a.Groups,
		AddScopes: slices.Concat(a.AddScopes, b.AddScopes), SuppressScopes: slices.Concat(a.SuppressScopes, b.SuppressScopes),
	}
	if b.Groups != nil {
		merged.Groups = b.Groups
	}
	return merged
}

// changesNothing reports whether a decision leaves the tokens as they are.
func changesNothing(d *hook.PreTokenGenerationDecision) bool {
	return isEmpty(d.ID) && isEmpty(d.Access) && d.Groups == nil && len(d.AddScopes) == 0 && len(d.SuppressScopes) == 0
}

func isEmpty(c hook.Claims) bool { return len(c.Set) == 0 && len(c.Suppress) == 0 }

func mergeClaims(a, b hook.Claims) hook.Claims {
	set := map[string]json.RawMessage{}
	maps.Copy(set, a.Set)
	maps.Copy(set, b.Set)
	return hook.Claims{Set: set, Suppress: slices.Concat(a.Suppress, b.Suppress)}
}

func mergeSignUp(a, b hook.PreSignUpDecision) hook.PreSignUpDecision {
	return hook.PreSignUpDecision{
		Confirm: a.Confirm || b.Confirm, VerifyEmail: a.VerifyEmail || b.VerifyEmail, VerifyPhone: a.VerifyPhone || b.VerifyPhone,
	}
}

func mergeMessage(a, b hook.CustomMessageDecision) hook.CustomMessageDecision {
	return hook.CustomMessageDecision{Subject: cmp.Or(b.Subject, a.Subject), Body: cmp.Or(b.Body, a.Body)}
}

// mergeDefine takes the first decision that says anything, unless the other fails the sign-in.
func mergeDefine(a, b hook.DefineAuthChallengeDecision) hook.DefineAuthChallengeDecision {
	merged := cmp.Or(a, b)
	merged.Fail = a.Fail || b.Fail
	return merged
}

// mergeCreate takes the first challenge that a hook has made.
func mergeCreate(a, b hook.CreateAuthChallengeDecision) hook.CreateAuthChallengeDecision {
	if a.Public != nil || a.Private != nil || a.Metadata != "" {
		return a
	}
	return b
}

// mergeVerify finds an answer right if one of the hooks does.
func mergeVerify(a, b hook.VerifyAuthChallengeDecision) hook.VerifyAuthChallengeDecision {
	return hook.VerifyAuthChallengeDecision{Correct: a.Correct || b.Correct}
}

// mergeFederation takes the first attributes that a hook has put in the place of what a provider says.
func mergeFederation(a, b hook.InboundFederationDecision) hook.InboundFederationDecision {
	if len(a.Attributes) > 0 {
		return a
	}
	return b
}

// mergeMigration takes the first user that a hook has found.
func mergeMigration(a, b hook.UserMigrationDecision) hook.UserMigrationDecision {
	if a.Attributes != nil {
		return a
	}
	return b
}
