package identity_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store/memory"
)

// finalSteps are flows whose last step gives tokens, and so runs the hooks between
// the proof and the tokens. Each is prepared in a pool, and made by another engine.
var finalSteps = []struct {
	name    string
	reads   int // how often the flow asks the store before the rehearsal
	prepare func(t *testing.T, f *fixture, pool *identity.UserPool) func(ctx context.Context, pool *identity.UserPool) error
}{
	{"password", 3, func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password}))
		}
	}},
	{"SRP", 4, func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.join(t, pool, "alice", email)
		proof := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice").proof(t, password)
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.PasswordVerifier("alice").Answer(ctx, proof))
		}
	}},
	{"new password", 2, func(t *testing.T, f *fixture, pool *identity.UserPool) func(context.Context, *identity.UserPool) error {
		f.invite(t, pool, "alice", nil)
		state := challenge(t, pool.AppClient, "alice").State()
		return func(ctx context.Context, pool *identity.UserPool) error {
			return second(pool.NewPassword("alice", state).Answer(ctx, identity.NewPassword{Password: chosen}))
		}
	}},
}

// rehearsed prepares a flow on a store, and returns it to be made by an engine on
// another store, which has a copy of the data, with hooks that count.
func rehearsed(t *testing.T, i int, hooks *int) (before map[string]string, flow func(s *faultyStore, at int) error, fork func() *faultyStore) {
	t.Helper()
	base := memory.New()
	f := newEngineOn(t, base)
	pool := f.open(t, identity.PoolSettings{SRP: true, MaxSignIns: new(0)})
	f.join(t, pool, "first", "first@example.com") // so that the pool has its keys
	f.signIn(t, pool.AppClient, "first")
	call := finalSteps[i].prepare(t, f, pool)
	fork = func() *faultyStore {
		copied, err := base.Fork()
		check(t, "Fork", err)
		return &faultyStore{Store: copied}
	}
	flow = func(s *faultyStore, at int) error {
		s.at = 0
		e := newEngineOn(t, s)
		e.OnHook(func(_ context.Context, trigger identity.Trigger, _ any) error {
			if trigger == identity.PostAuthentication || trigger == identity.PreTokenGeneration {
				*hooks++
			}
			return nil
		})
		again, err := e.UserPool(t.Context(), pool.PoolID())
		check(t, "UserPool", err)
		s.step, s.at = 0, at
		return call(t.Context(), again)
	}
	return contents(t, base), flow, fork
}

// With hooks, the commit of a sign-in is rehearsed before they run. A store that
// fails in the rehearsal fails the sign-in with its error, before any hook and with
// nothing written; one that fails in the commit leaves nothing either.
func TestFailureOfTheStoreInARehearsal(t *testing.T) {
	if testing.Short() {
		t.Skip("repeats the last step of each flow, as TestFailureOfAnyStepChangesNothing does")
	}
	for i, step := range finalSteps {
		t.Run(step.name, func(t *testing.T) {
			hooks := 0
			before, flow, fork := rehearsed(t, i, &hooks)
			early := 0
			for at := 1; ; at++ {
				hooks = 0
				s := fork()
				s.fault = func() error {
					if hooks == 0 {
						early++
					}
					return errInjected
				}
				err := flow(s, at)
				if s.step < at {
					check(t, "without a fault", err)
					break
				}
				if !errors.Is(err, errInjected) {
					t.Errorf("step %d: error %v, want that of the store", at, err)
				}
				if hooks != 0 && hooks != 2 {
					t.Errorf("step %d: %d hooks ran, want none or both", at, hooks)
				}
				if !maps.Equal(contents(t, s.Store), before) {
					t.Errorf("step %d: something was written all the same", at)
				}
			}
			if early <= step.reads {
				t.Errorf("%d steps before the hooks, want those of a rehearsal too", early)
			}
		})
	}
}

// A proof that was used before is refused as used, with hooks as without them, and
// comes to no hook of tokens.
func TestUsedProofComesToNoTokens(t *testing.T) {
	for i, step := range finalSteps[1:] { // a password can be used again
		t.Run(step.name, func(t *testing.T) {
			hooks := 0
			_, flow, fork := rehearsed(t, i+1, &hooks)
			s := fork()
			check(t, "the first use", flow(s, 0))
			hooks = 0
			wantErr(t, "the second use", flow(s, 0), identity.ErrSessionUsed)
			if hooks != 0 {
				t.Errorf("%d hooks ran", hooks)
			}
		})
	}
}

// A store that fails at any step of a custom sign-in fails it with its error, and gives no
// tokens, with hooks for tokens and without.
func TestFailureOfTheStoreInACustomSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("repeats a custom sign-in once for each of its steps")
	}
	for name, post := range map[string]func(context.Context, *hook.PostAuthentication) error{
		"no hook for tokens": nil,
		"a hook for tokens":  func(context.Context, *hook.PostAuthentication) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := &faultyStore{Store: memory.New(), fault: func() error { return errInjected }}
			g := &game{}
			f, _, a := g.play(t, s, cognitoPool)
			h := g.hooks()
			h.PostAuthentication = post
			f.SetHooks(&h)
			for at := 1; ; at++ {
				ch := riddle(t, a, "alice")
				s.step, s.at = 0, at
				in, err := guess(t, ch, "right")
				steps := s.step
				s.at = 0
				if steps < at {
					check(t, "without a fault", err)
					break
				}
				if !errors.Is(err, errInjected) || in != nil {
					t.Errorf("step %d: %+v and the error %v, want that of the store", at, in, err)
				}
			}
		})
	}
}
