package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/internal/passhash"
	"github.com/cognate-id/cognate/store"
)

// What the tests see of the inside, and states that no call leads to yet.

// EditUser changes the record of a user.
func (e *Engine) EditUser(ctx context.Context, pool, name string, edit func(*User)) error {
	p, err := e.poolInfo(ctx, pool)
	if err != nil {
		return err
	}
	return e.store.Update(ctx, func(tx store.Tx) error {
		u, err := findUser(tx, p, name, true)
		if err != nil {
			return err
		}
		u = u.clone()
		edit(u)
		u.rename(&p.Settings)
		return users.Put(tx, u)
	})
}

// DropCredential leaves a user without a password, as an import does.
func (e *Engine) DropCredential(ctx context.Context, pool, sub string) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		_, err := credentials.Delete(tx, store.Key(pool, sub))
		return err
	})
}

// EditPool changes the settings of a pool.
func (e *Engine) EditPool(ctx context.Context, pool string, edit func(*PoolSettings)) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		p, err := pools.Get(tx, store.Key(pool))
		if err != nil {
			return err
		}
		edit(&p.Settings)
		return pools.Put(tx, p)
	})
}

// EditClient changes the settings of an app client.
func (e *Engine) EditClient(ctx context.Context, client string, edit func(*ClientSettings)) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		c, err := clients.Get(tx, store.Key(client))
		if err != nil {
			return err
		}
		edit(&c.Settings)
		return clients.Put(tx, c)
	})
}

// EditScope changes the scope of all sign-ins of a user.
func (e *Engine) EditScope(ctx context.Context, pool, sub, scope string) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		var found []*family
		for f, err := range families.Scan(tx, store.Prefix(pool, sub)) {
			if err != nil {
				return err
			}
			found = append(found, f)
		}
		for _, f := range found {
			f.Scope = scope
			if err := families.Put(tx, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// NewCode makes the text of a code.
func NewCode() (string, error) { return random(rand.Reader, digits, codeDigits) }

// SealState seals a challenge state that was made by hand.
func (a *AppClient) SealState(ctx context.Context, kind string, plain []byte) (string, error) {
	s, err := a.load(ctx)
	if err != nil {
		return "", err
	}
	return s.ring.state.Seal(plain, s.bind(stateKind(kind))), nil
}

// SealRefresh seals the claims of a refresh token that were made by hand.
func (a *AppClient) SealRefresh(ctx context.Context, plain []byte) (Secret, error) {
	s, err := a.load(ctx)
	if err != nil {
		return "", err
	}
	return Secret(s.ring.refresh.SealJWE(plain)), nil
}

// SignClaims signs claims that were made by hand with a key of the pool.
func (a *AppClient) SignClaims(ctx context.Context, use string, claims []byte) (Secret, error) {
	s, err := a.load(ctx)
	if err != nil {
		return "", err
	}
	r, err := a.engine.signing(ctx, s.pool, s.ring)
	if err != nil {
		return "", err
	}
	raw, err := r.signer(use, a.engine.now()).Sign(claims)
	return Secret(raw), err
}

// BulkUsers yields what the store holds of users who have signed up and
// confirmed, all with one password: for stores that are filled in bulk.
func (a *AppClient) BulkUsers(ctx context.Context, names iter.Seq[string], password Secret) (iter.Seq2[store.Ref, []byte], error) {
	s, err := a.load(ctx)
	if err != nil {
		return nil, err
	}
	now := a.engine.now()
	u := &User{Pool: s.pool.ID, Sub: "model", Username: "model"}
	model, err := a.engine.newCredential(ctx, s.settings, u, password, now)
	if err != nil {
		return nil, err
	}
	return func(yield func(store.Ref, []byte) bool) {
		for name := range names {
			u, err := a.engine.newUser(s.pool, name, map[string]string{"email": name + "@example.com", "email_verified": "true"}, now)
			if err != nil {
				panic(err)
			}
			u.Status = StatusConfirmed
			cred := *model
			cred.Sub = u.Sub
			if !yieldEntries(yield, users, u) || !yieldEntries(yield, credentials, &cred) {
				return
			}
		}
	}, nil
}

func yieldEntries[R any](yield func(store.Ref, []byte) bool, t *store.Table[R], rec *R) bool {
	refs, values, err := t.Entries(rec)
	if err != nil {
		panic(err)
	}
	for i, ref := range refs {
		if !yield(ref, values[i]) {
			return false
		}
	}
	return true
}

// VerifyIndexes checks all tables, and returns the first problem.
func VerifyIndexes(ctx context.Context, s store.Store) error {
	var first error
	err := Check(ctx, s, Tables(), func(p store.Problem) {
		if first == nil {
			first = fmt.Errorf("%w: %s", store.ErrCorrupt, p)
		}
	})
	return errors.Join(err, first)
}

// TakeSweep takes the lease that Maintain sweeps under, and tells whether this engine holds it now.
func (e *Engine) TakeSweep(ctx context.Context) (bool, error) {
	return e.lease(ctx, jobSweep, 2*jobEvery+jobMargin)
}

// ReleaseSweep gives it up.
func (e *Engine) ReleaseSweep(ctx context.Context) { e.release(ctx, jobSweep) }

// ExpireUnconfirmed is what Maintain does with users who have not confirmed.
func (e *Engine) ExpireUnconfirmed(ctx context.Context) error {
	return e.expireUnconfirmed(context.WithValue(ctx, jobKey{}, jobExpire))
}

// RotateOldKeys is what Maintain does with keys that are too old.
func (e *Engine) RotateOldKeys(ctx context.Context) error { return e.rotateOldKeys(ctx) }

// OnHook has fn called at each hook point, with its trigger and its event. What
// it returns is what the hook returns.
func (e *Engine) OnHook(fn func(ctx context.Context, trigger Trigger, event any) error) {
	e.hooks = &Hooks{
		PreSignUp:          hookFunc[hook.PreSignUp, hook.PreSignUpDecision](fn, PreSignUp),
		PostConfirmation:   refusing[hook.PostConfirmation](fn, PostConfirmation),
		UserMigration:      hookFunc[hook.UserMigration, hook.UserMigrationDecision](fn, UserMigration),
		PreAuthentication:  refusing[hook.PreAuthentication](fn, PreAuthentication),
		PostAuthentication: refusing[hook.PostAuthentication](fn, PostAuthentication),
		PreTokenGeneration: hookFunc[hook.PreTokenGeneration, hook.PreTokenGenerationDecision](fn, PreTokenGeneration),
		DefineAuthChallenge: func(ctx context.Context, e *hook.DefineAuthChallenge) (hook.DefineAuthChallengeDecision, error) {
			if n := len(e.Rounds); n > 0 && e.Rounds[n-1].Correct {
				return hook.DefineAuthChallengeDecision{IssueTokens: true}, fn(ctx, DefineAuthChallenge, *e)
			}
			return hook.DefineAuthChallengeDecision{Challenge: "CUSTOM_CHALLENGE"}, fn(ctx, DefineAuthChallenge, *e)
		},
		CreateAuthChallenge: hookFunc[hook.CreateAuthChallenge, hook.CreateAuthChallengeDecision](fn, CreateAuthChallenge),
		VerifyAuthChallengeResponse: func(ctx context.Context, e *hook.VerifyAuthChallenge) (hook.VerifyAuthChallengeDecision, error) {
			return hook.VerifyAuthChallengeDecision{Correct: e.Answer == "right"}, fn(ctx, VerifyAuthChallenge, *e)
		},
		CustomMessage:     hookFunc[hook.CustomMessage, hook.CustomMessageDecision](fn, CustomMessage),
		CustomEmailSender: refusing[hook.CustomSender](fn, CustomEmailSender),
		CustomSMSSender:   refusing[hook.CustomSender](fn, CustomSMSSender),
	}
}

func hookFunc[E, D any](fn func(context.Context, Trigger, any) error, trigger Trigger) func(context.Context, *E) (D, error) {
	return func(ctx context.Context, event *E) (D, error) {
		var nothing D
		return nothing, fn(ctx, trigger, *event)
	}
}

func refusing[E any](fn func(context.Context, Trigger, any) error, trigger Trigger) func(context.Context, *E) error {
	return func(ctx context.Context, event *E) error { return fn(ctx, trigger, *event) }
}

// SetHooks sets the hooks of all pools.
func (e *Engine) SetHooks(h *Hooks) { e.hooks = h }

// LeaveSending takes the hooks that send messages away from those of OnHook.
func (e *Engine) LeaveSending() { e.hooks.CustomEmailSender, e.hooks.CustomSMSSender = nil, nil }

// Step is a step of a sign-in, as a number.
type Step = step

// The steps.
const (
	StepUndecided   = stepUndecided
	StepDone        = stepDone
	StepNewPassword = stepNewPassword
	StepFactor      = stepFactor
	StepChoose      = stepChoose
	StepSetup       = stepSetup
	StepDevice      = stepDevice
)

// Proceed gives what comes after a step of a user's sign-in, whose family was written or not.
func (a *AppClient) Proceed(ctx context.Context, u *User, next Step, method MFAMethod, written bool) (*SignInResult, error) {
	s, err := a.load(ctx)
	if err != nil {
		return nil, err
	}
	var f *family
	if written {
		if f, err = s.newFamily(u.Sub, a.engine.now()); err != nil {
			return nil, err
		}
	}
	o := &outcome{user: u, cred: &credential{}, step: next, method: method}
	return s.proceed(ctx, o, u.Username, f, a.engine.now())
}

// NextStep asks the policy what comes after a proof of a kind.
func NextStep(s *PoolSettings, u *User, proved ...string) (Step, error) {
	var proofs []proof
	for _, kind := range proved {
		proofs = append(proofs, proof{Kind: proofKind(kind)})
	}
	next, _, err := nextStep(s, u, enrolled{}, proofs)
	return next, err
}

// ProofHolds asks whether a proof of a kind still holds.
func ProofHolds(kind string) (bool, error) {
	return proof{Kind: proofKind(kind)}.holds(&PoolSettings{}, &outcome{user: &User{}, cred: &credential{}})
}

// FactorOfState looks for the factor whose challenge has a kind of state.
func FactorOfState(kind string) error {
	_, err := factorOfState(stateKind(kind))
	return err
}

// StateLengths are the lengths of two sealed states that tell their holder the
// same: one of a user, and one of a decoy, which holds less.
func (a *AppClient) StateLengths(ctx context.Context, name string) (user, decoy int, err error) {
	s, err := a.load(ctx)
	if err != nil {
		return 0, 0, err
	}
	long := &srpState{UserID: name, A: make([]byte, 384), U: make([]byte, 32), Secret: make([]byte, 32), Changed: decoyTime}
	short := &srpState{UserID: name, A: make([]byte, 384), Unknown: true}
	full := &challengeState{Kind: stateSRP, ID: decoySub, Name: name, Sub: decoySub, Expires: decoyTime, Proved: []proof{{Kind: provedPassword, Changed: decoyTime}, {Kind: provedFactor, Method: MFATOTP}}}
	one, err := s.seal(full, long)
	if err != nil {
		return 0, 0, err
	}
	other, err := s.seal(&challengeState{Kind: stateSRP, Name: name}, short)
	return len(one), len(other), err
}

// CountedSources counts an event of n sources, and returns of how many something is kept.
func CountedSources(n int) int {
	var m meter
	now := time.Now()
	for i := range n {
		m.add(strconv.Itoa(i), now)
	}
	return len(m.present) + len(m.past)
}

// HashSource returns who a call asks for the hash of a password as.
func HashSource(ctx context.Context) passhash.Source { return hashSource(ctx) }

// UnconfirmedLimit is how many users of a pool may be unconfirmed, or 0 for any number.
func (e *Engine) UnconfirmedLimit(s *PoolSettings) int {
	if n := e.quotas.unconfirmed(s); n != math.MaxInt {
		return n
	}
	return 0
}

// Prepared is a new name of a safe pool as it is stored.
func Prepared(name string) (string, error) { return prepared(name) }

// RunImports runs the active import jobs to their end.
func (e *Engine) RunImports(ctx context.Context) error { return e.runImports(ctx) }

// RunGroupRules does what the job does.
func (e *Engine) RunGroupRules(ctx context.Context) error { return e.runGroupRules(ctx) }
