package identity_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// A game is a custom sign-in: after SRP_A it wants the password, then a riddle, up to three
// times. Its metadata counts the rounds.
type game struct {
	verified atomic.Int32 // how many answers were judged
	fail     error        // of the hook that judges
	define   func(*hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision
	create   func(*hook.CreateAuthChallenge) hook.CreateAuthChallengeDecision

	mu     sync.Mutex
	rounds [][]hook.Round // that DefineAuthChallenge has seen
	absent []bool
}

func (g *game) hooks() identity.Hooks {
	return identity.Hooks{
		DefineAuthChallenge: func(_ context.Context, e *hook.DefineAuthChallenge) (hook.DefineAuthChallengeDecision, error) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.rounds, g.absent = append(g.rounds, e.Rounds), append(g.absent, e.UserNotFound)
			if g.define != nil {
				return g.define(e), nil
			}
			return riddles(e.Rounds), nil
		},
		CreateAuthChallenge: func(_ context.Context, e *hook.CreateAuthChallenge) (hook.CreateAuthChallengeDecision, error) {
			if g.create != nil {
				return g.create(e), nil
			}
			return hook.CreateAuthChallengeDecision{
				Public: map[string]string{"riddle": "what?"}, Private: map[string]string{"answer": "right"}, Metadata: "R" + strings.Repeat("I", len(e.Rounds)),
			}, nil
		},
		VerifyAuthChallengeResponse: func(_ context.Context, e *hook.VerifyAuthChallenge) (hook.VerifyAuthChallengeDecision, error) {
			g.verified.Add(1)
			return hook.VerifyAuthChallengeDecision{Correct: string(e.Answer) == e.Private["answer"]}, g.fail
		},
	}
}

func riddles(rounds []hook.Round) hook.DefineAuthChallengeDecision {
	n := len(rounds)
	switch {
	case n > 0 && rounds[n-1].Challenge == "SRP_A":
		return hook.DefineAuthChallengeDecision{Challenge: "PASSWORD_VERIFIER"}
	case n > 0 && rounds[n-1].Challenge == "CUSTOM_CHALLENGE" && rounds[n-1].Correct:
		return hook.DefineAuthChallengeDecision{IssueTokens: true}
	case n >= 3:
		return hook.DefineAuthChallengeDecision{Fail: true}
	}
	return hook.DefineAuthChallengeDecision{Challenge: "CUSTOM_CHALLENGE"}
}

func (g *game) play(t *testing.T, s store.Store, settings identity.PoolSettings) (*fixture, *identity.UserPool, *identity.AppClient) {
	t.Helper()
	h := g.hooks()
	f := newEngineWith(t, s, func(o *identity.Options) { o.Hooks = &h })
	settings.SRP = true
	pool := f.open(t, settings)
	f.join(t, pool, "alice", email)
	return f, pool, f.customClient(t, pool, settings.Defaults == identity.SafeDefaults)
}

// customPool is a pool whose hooks ask a riddle.
func (f *fixture) customPool(t *testing.T) (*identity.UserPool, *identity.AppClient) {
	t.Helper()
	pool := f.open(t, cognitoPool)
	f.join(t, pool, "alice", email)
	h := (&game{define: func(e *hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision {
		if n := len(e.Rounds); n > 0 && e.Rounds[n-1].Challenge == "PASSWORD_VERIFIER" {
			return hook.DefineAuthChallengeDecision{IssueTokens: true}
		}
		return riddles(e.Rounds)
	}}).hooks()
	f.SetHooks(&h)
	return pool, f.customClient(t, pool, false)
}

func (f *fixture) customClient(t *testing.T, pool *identity.UserPool, hidden bool) *identity.AppClient {
	t.Helper()
	c := identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowCustom, identity.AllowUserSRP, identity.AllowUserPassword}}
	if hidden {
		c.PreventUserExistenceErrors = ptr("ENABLED")
	}
	return f.client(t, pool, c)
}

func beginCustomSRP(ctx context.Context, a *identity.AppClient, pool, name string) (*exchange, error) {
	x := &exchange{pool: pool, client: srp.NewClient()}
	in, err := a.StartCustom(ctx, identity.StartCustom{Username: name, A: x.client.A()})
	if err == nil {
		x.ch = in.Challenge.(*identity.PasswordVerifier)
	}
	return x, err
}

func riddle(t *testing.T, a *identity.AppClient, name string) *identity.CustomChallenge {
	t.Helper()
	in, err := a.StartCustom(t.Context(), identity.StartCustom{Username: name})
	check(t, "StartCustom", err)
	return in.Challenge.(*identity.CustomChallenge)
}

func guess(t *testing.T, c *identity.CustomChallenge, answer identity.Secret) (*identity.SignInResult, error) {
	t.Helper()
	return c.Answer(t.Context(), identity.CustomAnswer{Answer: answer})
}

// The hooks decide round by round, and see all rounds before.
func TestCustomSignIn(t *testing.T) {
	g := &game{}
	f, _, a := g.play(t, twice(memory.New()), cognitoPool)
	first := riddle(t, a, "alice")
	if first.Parameters["riddle"] != "what?" || first.Parameters["answer"] != "" || first.Username != "alice" {
		t.Errorf("challenge %+v", first)
	}
	in, err := guess(t, first, "wrong")
	check(t, "a wrong answer", err)
	second := in.Challenge.(*identity.CustomChallenge)
	if in, err = guess(t, a.CustomChallenge("alice", second.State()), "right"); err != nil || in.Tokens == nil {
		t.Fatalf("the right answer: %+v, %v", in, err)
	}
	check(t, "the session", session(t, f, in.Tokens))
	want := []hook.Round{{Challenge: "CUSTOM_CHALLENGE", Metadata: "R"}, {Challenge: "CUSTOM_CHALLENGE", Correct: true, Metadata: "RI"}}
	if last := g.rounds[len(g.rounds)-1]; len(g.rounds) != 3 || len(last) != 2 || last[0] != want[0] || last[1] != want[1] {
		t.Errorf("the hook has seen %v, want %v", g.rounds, want)
	}
	for _, c := range []*identity.CustomChallenge{first, second} {
		_, err := guess(t, c, "right")
		wantErr(t, "a state that was answered", err, identity.ErrSessionUsed)
	}
	if g.verified.Load() != 2 {
		t.Errorf("%d answers were judged, want 2", g.verified.Load())
	}
}

func session(t *testing.T, f *fixture, tokens *identity.Tokens) error {
	t.Helper()
	_, err := f.Session(t.Context(), tokens.Access)
	return err
}

// A custom sign-in ends when its hook says so, and a wrong answer counts as a wrong password.
func TestCustomSignInThatFails(t *testing.T) {
	g := &game{}
	_, _, a := g.play(t, twice(memory.New()), cognitoPool)
	c := riddle(t, a, "alice")
	for range 2 {
		in, err := guess(t, c, "wrong")
		check(t, "a wrong answer", err)
		c = in.Challenge.(*identity.CustomChallenge)
	}
	_, err := guess(t, c, "wrong")
	wantErr(t, "the third wrong answer", err, identity.ErrIncorrectCredentials)
	for i := range 20 {
		if _, err := a.StartCustom(t.Context(), identity.StartCustom{Username: "alice"}); err != nil {
			wantErr(t, "a locked user", err, identity.ErrTooManyAttempts)
			if i > 2 {
				t.Errorf("%d more wrong answers before the user was locked", i)
			}
			return
		}
		_, err := guess(t, riddle(t, a, "alice"), "wrong")
		wantErr(t, "a wrong answer", err, nil, identity.ErrTooManyAttempts)
	}
	t.Error("wrong answers do not lock the user")
}

// For a user who does not exist, everything looks the same, and nothing gives tokens.
func TestCustomSignInOfNobody(t *testing.T) {
	g := &game{}
	_, _, a := g.play(t, twice(memory.New()), identity.PoolSettings{})
	known, nobody := riddle(t, a, "alice"), riddle(t, a, "nobod")
	if len(known.State()) != len(nobody.State()) {
		t.Errorf("the states have %d and %d bytes", len(known.State()), len(nobody.State()))
	}
	if known.Username != "alice" || nobody.Username != "nobod" || len(nobody.Parameters) != len(known.Parameters) {
		t.Errorf("challenges %+v and %+v", known, nobody)
	}
	_, err := guess(t, nobody, "right")
	wantErr(t, "the right answer of nobody", err, identity.ErrIncorrectCredentials)
	if g.absent[0] || !g.absent[1] || !g.absent[2] {
		t.Errorf("the hook was told %v of absent users", g.absent)
	}
	g.define = func(*hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision {
		return hook.DefineAuthChallengeDecision{IssueTokens: true}
	}
	_, err = a.StartCustom(t.Context(), identity.StartCustom{Username: "nobod"})
	wantErr(t, "tokens for nobody", err, identity.ErrIncorrectCredentials)
	if in, err := a.StartCustom(t.Context(), identity.StartCustom{Username: "alice"}); err != nil || in.Tokens == nil {
		t.Errorf("tokens at once: %+v, %v", in, err)
	}
}

// Decisions that make no sense are errors, and give no tokens.
func TestCustomSignInWithoutADecision(t *testing.T) {
	for name, d := range map[string]hook.DefineAuthChallengeDecision{
		"nothing":            {},
		"unknown challenge":  {Challenge: "SING_A_SONG"},
		"password, no SRP_A": {Challenge: "PASSWORD_VERIFIER"},
	} {
		g := &game{define: func(*hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision { return d }}
		_, _, a := g.play(t, twice(memory.New()), cognitoPool)
		_, err := a.StartCustom(t.Context(), identity.StartCustom{Username: "alice"})
		wantErr(t, name, err, identity.ErrHookDecision)
	}
	g := &game{create: func(*hook.CreateAuthChallenge) hook.CreateAuthChallengeDecision {
		return hook.CreateAuthChallengeDecision{Private: map[string]string{"a": strings.Repeat("x", 2000)}}
	}}
	_, _, a := g.play(t, twice(memory.New()), cognitoPool)
	_, err := a.StartCustom(t.Context(), identity.StartCustom{Username: "alice"})
	wantErr(t, "private parameters that are too long", err, identity.ErrHookDecision)
}

// A hook that fails to judge uses the state up: nobody gets a second try of it.
func TestCustomSignInWhoseHookFails(t *testing.T) {
	g := &game{fail: errInjected}
	_, _, a := g.play(t, twice(memory.New()), cognitoPool)
	c := riddle(t, a, "alice")
	_, err := guess(t, c, "right")
	wantErr(t, "a hook that fails", err, identity.ErrHookFailed)
	g.fail = nil
	_, err = guess(t, c, "right")
	wantErr(t, "the same state", err, identity.ErrSessionUsed)
}

// A state belongs to its client, its user and its kind.
func TestStateOfACustomSignInIsBound(t *testing.T) {
	g := &game{}
	f, pool, a := g.play(t, twice(memory.New()), cognitoPool)
	f.join(t, pool, "bob", "bob@example.com")
	c := riddle(t, a, "alice")
	other := f.customClient(t, pool, false)
	for name, stolen := range map[string]*identity.CustomChallenge{
		"another client": other.CustomChallenge("alice", c.State()),
		"another user":   a.CustomChallenge("bob", c.State()),
		"no user":        a.CustomChallenge("", c.State()),
		"no state":       a.CustomChallenge("alice", "AYABe"),
	} {
		_, err := guess(t, stolen, "right")
		wantErr(t, name, err, identity.ErrSessionInvalid)
	}
	_, err := a.NewPassword("alice", c.State()).Answer(t.Context(), identity.NewPassword{Password: chosen})
	wantErr(t, "as another challenge", err, identity.ErrSessionInvalid)
	_, err = guess(t, c, "")
	wantErr(t, "no answer", err, identity.ErrMissingParameter)
	if in, err := guess(t, c, "right"); err != nil || in.Tokens == nil {
		t.Errorf("in the end: %v", err)
	}
	plain := f.client(t, pool, identity.ClientSettings{})
	if _, err := plain.StartCustom(t.Context(), identity.StartCustom{Username: "alice"}); err == nil {
		t.Error("a client without the flow began a custom sign-in")
	}
}

// In the answer only the name is accepted that the sign-in began with, and the one that the
// challenge has told: another would tell whose names they are.
func TestCustomAnswerTakesNoOtherName(t *testing.T) {
	g, mailed := &game{}, cognitoPool
	mailed.Aliases = []string{"email"}
	f, pool, a := g.play(t, twice(memory.New()), mailed)
	u := f.user(t, pool, "alice")
	c := riddle(t, a, "alice")
	for _, name := range []string{u.Sub, u.Attributes["email"]} {
		_, err := guess(t, a.CustomChallenge(name, c.State()), "right")
		wantErr(t, name, err, identity.ErrSessionInvalid)
	}
	if in, err := guess(t, a.CustomChallenge("alice", c.State()), "right"); err != nil || in.Tokens == nil {
		t.Errorf("by the name: %v", err)
	}
	byMail := riddle(t, a, u.Attributes["email"])
	if in, err := guess(t, a.CustomChallenge(byMail.Username, byMail.State()), "right"); err != nil || in.Tokens == nil {
		t.Errorf("by the name that the challenge told: %v", err)
	}
}

// A password that is proved by SRP is a round, and signs nobody in by itself.
func TestCustomSignInWithAPassword(t *testing.T) {
	g := &game{}
	_, pool, a := g.play(t, twice(memory.New()), cognitoPool)
	x, err := beginCustomSRP(t.Context(), a, pool.PoolID(), "alice")
	check(t, "StartCustom", err)

	alone := x.proof(t, password)
	alone.Session = ""
	_, err = x.ch.Answer(t.Context(), alone)
	wantErr(t, "a proof without the session", err, identity.ErrIncorrectCredentials)
	y, err := beginCustomSRP(t.Context(), a, pool.PoolID(), "alice")
	check(t, "StartCustom", err)
	mixed := x.proof(t, password)
	mixed.Session = y.ch.Session
	_, err = x.ch.Answer(t.Context(), mixed)
	wantErr(t, "a proof with another session", err, identity.ErrIncorrectCredentials)

	in, err := x.ch.Answer(t.Context(), x.proof(t, password))
	check(t, "the proof", err)
	if in.Tokens != nil {
		t.Fatal("the password alone gives tokens")
	}
	_, err = x.ch.Answer(t.Context(), x.proof(t, password))
	wantErr(t, "the proof again", err, identity.ErrSessionUsed)
	in, err = guess(t, in.Challenge.(*identity.CustomChallenge), "right")
	if err != nil || in.Tokens == nil {
		t.Fatalf("the answer: %v", err)
	}
	want := "SRP_A PASSWORD_VERIFIER CUSTOM_CHALLENGE"
	var got []string
	for _, r := range g.rounds[len(g.rounds)-1] {
		got = append(got, r.Challenge)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("rounds %v, want %s", got, want)
	}
	_, err = y.ch.Answer(t.Context(), y.proof(t, wrong))
	wantErr(t, "a wrong password", err, identity.ErrIncorrectCredentials)
}

// After a custom sign-in a safe pool asks for the second factor; a pool with the service's
// behaviour leaves the decision to the hooks, unless the password was proved.
func TestSecondFactorAfterACustomSignIn(t *testing.T) {
	for _, c := range []struct {
		defaults identity.Defaults
		srp      bool
		want     bool
	}{{identity.SafeDefaults, false, true}, {identity.CognitoDefaults, false, false}, {identity.CognitoDefaults, true, true}} {
		g := &game{}
		f, pool, a := g.play(t, twice(memory.New()), identity.PoolSettings{Defaults: c.defaults, PasswordPolicy: cognitoPool.PasswordPolicy, AutoVerified: []string{"email"}, MFA: "OPTIONAL", TOTP: new(true)})
		f.enroll(t, f.session(t, a, "alice"))
		check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", identity.MFAUpdate{identity.MFATOTP: {Enabled: true}}))
		var ch *identity.CustomChallenge
		if c.srp {
			x, err := beginCustomSRP(t.Context(), a, pool.PoolID(), "alice")
			check(t, "StartCustom", err)
			in, err := x.ch.Answer(t.Context(), x.proof(t, password))
			check(t, "the proof", err)
			ch = in.Challenge.(*identity.CustomChallenge)
		} else {
			ch = riddle(t, a, "alice")
		}
		in, err := guess(t, ch, "right")
		check(t, "the answer", err)
		if _, asked := in.Challenge.(*identity.TOTPRequired); asked != c.want || (in.Tokens != nil) == c.want {
			t.Errorf("%+v: the sign-in goes on with %T", c, in.Challenge)
		}
	}
}

// Of many answers to one challenge, one is judged, on each store.
func TestAnswersAtOnceToACustomChallenge(t *testing.T) {
	for _, b := range backEnds {
		t.Run(b.name, func(t *testing.T) {
			g := &game{}
			_, _, a := g.play(t, b.open(t), cognitoPool)
			c := riddle(t, a, "alice")
			var won atomic.Int32
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					in, err := guess(t, c, "right")
					if err == nil && in.Tokens != nil {
						won.Add(1)
					} else {
						wantErr(t, "another answer", err, identity.ErrSessionUsed)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 || g.verified.Load() != 1 {
				t.Errorf("%d answers won and %d were judged, want one", won.Load(), g.verified.Load())
			}
		})
	}
}

// A password that is reset ends what is pending.
func TestCustomSignInAfterAReset(t *testing.T) {
	g := &game{}
	_, pool, a := g.play(t, twice(memory.New()), cognitoPool)
	x, err := beginCustomSRP(t.Context(), a, pool.PoolID(), "alice")
	check(t, "StartCustom", err)
	in, err := x.ch.Answer(t.Context(), x.proof(t, password))
	check(t, "the proof", err)
	check(t, "SetPassword", pool.Admin().Users().SetPassword(t.Context(), "alice", chosen, true))
	_, err = guess(t, in.Challenge.(*identity.CustomChallenge), "right")
	wantErr(t, "after the reset", err, identity.ErrSessionInvalid)
}

// A user who was disabled, or is not confirmed, gets no tokens.
func TestCustomSignInOfADisabledUser(t *testing.T) {
	g := &game{}
	f, pool, a := g.play(t, twice(memory.New()), identity.PoolSettings{})
	c := riddle(t, a, "alice")
	check(t, "Disable", pool.Admin().Users().Disable(t.Context(), "alice"))
	_, err := guess(t, c, "right")
	wantErr(t, "disabled", err, identity.ErrUserDisabled)
	f.signUp(t, pool, "carol", "carol@example.com")
	_, err = guess(t, riddle(t, a, "carol"), "right")
	wantErr(t, "unconfirmed", err, identity.ErrUserNotConfirmed)
}

// askOn asks one riddle after the other, whatever the answers.
func askOn(*hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision {
	return hook.DefineAuthChallengeDecision{Challenge: "CUSTOM_CHALLENGE"}
}

// A right answer of nobody counts as that of a user does, which is not at all: otherwise a
// riddle that anybody can solve would tell who exists, once nobody is locked out.
func TestRightAnswersOfNobodyAreNotCounted(t *testing.T) {
	g := &game{define: askOn}
	_, _, a := g.play(t, memory.New(), identity.PoolSettings{})
	for range 8 {
		for _, name := range []string{"alice", "nobod"} {
			in, err := a.StartCustom(t.Context(), identity.StartCustom{Username: name})
			check(t, "StartCustom of "+name, err)
			_, err = guess(t, in.Challenge.(*identity.CustomChallenge), "right")
			check(t, "a right answer of "+name, err)
		}
	}
	g.define = func(*hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision {
		return hook.DefineAuthChallengeDecision{IssueTokens: true}
	}
	for range 8 {
		_, err := a.StartCustom(t.Context(), identity.StartCustom{Username: "nobod"})
		wantErr(t, "tokens for nobody", err, identity.ErrIncorrectCredentials, identity.ErrTooManyAttempts)
	}
	_, err := a.StartCustom(t.Context(), identity.StartCustom{Username: "nobod"})
	wantErr(t, "the sign-in of nobody that the hook would let in", err, identity.ErrTooManyAttempts)
}

// Of many answers at once, no more are judged than one after the other: a right answer to one
// riddle of several says nothing once the user is locked out.
func TestRightAnswerOfAUserWhoWasLockedOutMeanwhile(t *testing.T) {
	g := &game{define: askOn}
	f, _, a := g.play(t, memory.New(), cognitoPool)
	h := g.hooks()
	verify := h.VerifyAuthChallengeResponse
	h.VerifyAuthChallengeResponse = func(ctx context.Context, e *hook.VerifyAuthChallenge) (hook.VerifyAuthChallengeDecision, error) {
		for range 6 {
			wantErr(t, "a guess", byPassword(t, a, "alice", wrong), identity.ErrIncorrectCredentials, identity.ErrTooManyAttempts)
		}
		return verify(ctx, e)
	}
	f.SetHooks(&h)
	_, err := guess(t, riddle(t, a, "alice"), "right")
	wantErr(t, "a right answer", err, identity.ErrTooManyAttempts)
}

// A hook that ends the sign-in ends it, whatever another hook has decided before.
func TestOneOfTwoHooksEndsACustomSignIn(t *testing.T) {
	decide := func(d hook.DefineAuthChallengeDecision) identity.Hooks {
		return (&game{define: func(*hook.DefineAuthChallenge) hook.DefineAuthChallengeDecision { return d }}).hooks()
	}
	open, shut := decide(hook.DefineAuthChallengeDecision{IssueTokens: true}), decide(hook.DefineAuthChallengeDecision{Fail: true})
	for _, order := range [][2]identity.Hooks{{open, shut}, {shut, open}} {
		f := newEngineWith(t, memory.New(), func(o *identity.Options) {
			o.Hooks, o.PoolHooks = &order[0], map[string]identity.Hooks{"app": order[1]}
		})
		pool, _, err := f.EnsureUserPool(t.Context(), "app", ptr(cognitoPool))
		check(t, "EnsureUserPool", err)
		f.join(t, pool, "alice", email)
		_, err = f.customClient(t, pool, false).StartCustom(t.Context(), identity.StartCustom{Username: "alice"})
		wantErr(t, "StartCustom", err, identity.ErrIncorrectCredentials)
	}
}
