package identity_test

import (
	"context"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/mfa"
)

// factorRounds decides: a code of the app first, then a riddle.
func factorRounds(rounds []hook.Round) hook.DefineAuthChallengeDecision {
	switch n := len(rounds); {
	case n == 0:
		return hook.DefineAuthChallengeDecision{Challenge: "SOFTWARE_TOKEN_MFA"}
	case rounds[n-1].Challenge == "CUSTOM_CHALLENGE" && rounds[n-1].Correct:
		return hook.DefineAuthChallengeDecision{IssueTokens: true}
	}
	return hook.DefineAuthChallengeDecision{Challenge: "CUSTOM_CHALLENGE"}
}

// factorPool is a pool with alice, who has an app, and hooks that decide by define.
func (f *fixture) factorPool(t *testing.T, define func([]hook.Round) hook.DefineAuthChallengeDecision) (*game, *identity.UserPool, *identity.AppClient, mfa.Secret) {
	t.Helper()
	pool, _, key := f.enrolled(t, "OPTIONAL")
	g := &game{define: func(e *hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision { return define(e.Rounds) }}
	h := g.hooks()
	f.SetHooks(&h)
	return g, pool, f.customClient(t, pool, false), key
}

func startFactor(t *testing.T, a *identity.AppClient) *identity.TOTPRequired {
	t.Helper()
	in, err := a.StartCustom(t.Context(), identity.StartCustom{Username: "alice"})
	check(t, "StartCustom", err)
	return in.Challenge.(*identity.TOTPRequired)
}

// A second factor that a hook names is a round: the code signs nobody in.
func TestFactorOfACustomSignIn(t *testing.T) {
	f := newEngine(t)
	g, _, a, key := f.factorPool(t, factorRounds)
	ch := startFactor(t, a)
	_, err := ch.Answer(t.Context(), identity.FactorCode{Code: "000000"})
	wantErr(t, "a wrong code", err, identity.ErrMFACodeMismatch)
	code := identity.FactorCode{Code: identity.Secret(key.Code(f.now()))}
	in, err := a.TOTP("alice", ch.State()).Answer(t.Context(), code)
	check(t, "the right code", err)
	if in.Tokens != nil {
		t.Fatal("the code signs alice in, although the hooks go on")
	}
	_, err = a.TOTP("alice", ch.State()).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})
	wantErr(t, "the state again", err, identity.ErrSessionUsed)
	in, err = guess(t, in.Challenge.(*identity.CustomChallenge), "right")
	if err != nil || in.Tokens == nil {
		t.Fatalf("the riddle: %+v, %v", in, err)
	}
	check(t, "the session", session(t, f, in.Tokens))
	want := []hook.Round{{Challenge: "SOFTWARE_TOKEN_MFA", Correct: true}, {Challenge: "CUSTOM_CHALLENGE", Correct: true, Metadata: "RI"}}
	if got := g.rounds[len(g.rounds)-1]; !slices.Equal(got, want) {
		t.Errorf("rounds %+v, want %+v", got, want)
	}
}

// The hooks decide after the code, whatever the policy of the pool is, and the factor is not
// asked for twice.
func TestHooksDecideAfterAFactor(t *testing.T) {
	for name, c := range map[string]struct {
		after hook.DefineAuthChallengeDecision
		want  error // nil for tokens
	}{
		"tokens":  {hook.DefineAuthChallengeDecision{IssueTokens: true}, nil},
		"refusal": {hook.DefineAuthChallengeDecision{Fail: true}, identity.ErrIncorrectCredentials},
		"nothing": {hook.DefineAuthChallengeDecision{}, identity.ErrHookDecision},
	} {
		f := newEngine(t)
		_, _, a, key := f.factorPool(t, func(rounds []hook.Round) hook.DefineAuthChallengeDecision {
			if len(rounds) == 0 {
				return hook.DefineAuthChallengeDecision{Challenge: "SOFTWARE_TOKEN_MFA"}
			}
			return c.after
		})
		ch := startFactor(t, a)
		before := f.events(t, identity.EventSignedIn)
		in, err := ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})
		if c.want != nil {
			wantErr(t, name, err, c.want)
		} else if err != nil || in.Tokens == nil {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		if n := f.events(t, identity.EventSignedIn) - before; (n == 1) != (c.want == nil) || n > 1 {
			t.Errorf("%s: %d sign-ins", name, n)
		}
	}
}

// What no longer holds is refused, and so is a factor that the user does not have.
func TestFactorOfACustomSignInThatDoesNotFit(t *testing.T) {
	f := newEngine(t)
	_, pool, a, key := f.factorPool(t, factorRounds)
	ch := startFactor(t, a)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", chosen, true))
	_, err := ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(key.Code(f.now()))})
	wantErr(t, "after another password", err, identity.ErrSessionInvalid)

	begin := func(ctx context.Context, name string) error {
		_, err := a.StartCustom(ctx, identity.StartCustom{Username: name})
		return err
	}
	f.join(t, pool, "bob", "bob@example.com")
	wantErr(t, "a user without the factor", begin(t.Context(), "bob"), identity.ErrHookDecision)
}
