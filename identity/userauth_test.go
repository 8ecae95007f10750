package identity_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/srp"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

const (
	noFactor  = identity.FirstFactor("")
	byMail    = identity.FirstEmailOTP
	byText    = identity.FirstSMSOTP
	byWord    = identity.FirstPassword
	bySRP     = identity.FirstPasswordSRP
	otherMail = "bob@example.com"
)

// everyFactor lets sign-ins begin with each first factor.
func everyFactor(s identity.PoolSettings) identity.PoolSettings {
	s.FirstFactors = []identity.FirstFactor{byWord, byMail, byText}
	s.SRP = true
	return s
}

// choosing is a client that may begin with any factor, and hides who has an account if it says so.
func (f *fixture) choosing(t testing.TB, pool *identity.UserPool, hidden bool) *identity.AppClient {
	t.Helper()
	c := identity.ClientSettings{AuthFlows: []identity.AuthFlow{identity.AllowUser, identity.AllowRefresh}}
	if hidden {
		c.PreventUserExistenceErrors = ptr("ENABLED")
	}
	return f.client(t, pool, c)
}

// choosers is a pool with a user, alice, who can begin with a password and by mail.
func (f *fixture) choosers(t testing.TB, s identity.PoolSettings) (*identity.UserPool, *identity.AppClient) {
	t.Helper()
	pool := f.open(t, everyFactor(s))
	f.join(t, pool, "alice", email)
	return pool, f.choosing(t, pool, false)
}

// begun begins a sign-in and returns the challenge that follows.
func begun[C identity.Challenge](t testing.TB, a *identity.AppClient, name string, preferred identity.FirstFactor) C {
	t.Helper()
	res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: preferred})
	check(t, "Begin", err)
	return challengeOf[C](t, res)
}

func challengeOf[C identity.Challenge](t testing.TB, res *identity.SignInResult) C {
	t.Helper()
	ch, ok := res.Challenge.(C)
	if !ok {
		t.Fatalf("%+v with challenge %T, want %T", res, res.Challenge, ch)
	}
	return ch
}

func begin(ctx context.Context, a *identity.AppClient, in identity.BeginSignIn) error {
	return second(a.Begin(ctx, in))
}

// choose answers a choice.
func choose(t testing.TB, ch *identity.FirstFactorRequired, f identity.FirstFactor) (*identity.SignInResult, error) {
	t.Helper()
	return ch.Answer(t.Context(), identity.FirstChoice{Factor: f})
}

func wantTokens(t *testing.T, what string, res *identity.SignInResult, err error) {
	t.Helper()
	check(t, what, err)
	if res.Tokens == nil || res.Challenge != nil || res.Available != nil {
		t.Fatalf("%s: %+v, want tokens", what, res)
	}
}

func TestSignInWithAFactorOfOnesChoice(t *testing.T) {
	for _, s := range []identity.PoolSettings{cognitoPool, {}} {
		f := newEngineOn(t, twice(memory.New()))
		pool, a := f.choosers(t, s)
		all := []identity.FirstFactor{bySRP, byWord, byMail}
		if s.Defaults == identity.SafeDefaults {
			all = append(all, byText) // everybody is offered what the pool allows
		}
		res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice"})
		check(t, "Begin", err)
		ch := challengeOf[*identity.FirstFactorRequired](t, res)
		if !slices.Equal(ch.Available, all) || !slices.Equal(res.Available, all) || ch.Username != "alice" {
			t.Errorf("%q may choose from %v, want %v", ch.Username, ch.Available, all)
		}
		res, err = ch.Answer(t.Context(), identity.FirstChoice{Factor: byWord, Password: password})
		wantTokens(t, "the password with the choice", res, err)
		_, err = choose(t, ch, byMail)
		wantErr(t, "the choice again", err, identity.ErrSessionUsed)

		res, err = begun[*identity.PasswordRequired](t, a, "alice", byWord).Answer(t.Context(), identity.PasswordAnswer{Password: password})
		wantTokens(t, "the password", res, err)
		res, err = a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: byWord, Password: password})
		wantTokens(t, "the password at once", res, err)
		res, err = pool.Admin().Begin(t.Context(), a.ClientID(), identity.BeginSignIn{Username: "alice", Preferred: byWord, Password: password})
		wantTokens(t, "the password, for an operator's program", res, err)

		wantTokens(t, "SRP", byExchange(t, pool, begun[*identity.SRPRequired](t, a, "alice", bySRP)), nil)

		res, err = choose(t, begun[*identity.FirstFactorRequired](t, a, "alice", noFactor), byMail)
		check(t, "choose a code by mail", err)
		code := challengeOf[*identity.EmailOTPRequired](t, res)
		if d := code.Delivery; d.Medium != "EMAIL" || d.Attribute != "email" || d.Destination != "a***@e***" || !slices.Equal(res.Available, all) {
			t.Errorf("delivery %+v, available %v", d, res.Available)
		}
		m := f.outbox.Messages(nil)[0]
		if m.Kind != identity.MessageFactorCode || m.To != email || len(m.Code) != 8 || m.Body != "Your authentication code is "+string(m.Code)+"." {
			t.Errorf("message %+v with code %q", m, string(m.Code))
		}
		wantErr(t, "a wrong code", answer(t.Context(), code, "00000000"), identity.ErrCodeMismatch)
		wantErr(t, "no code", answer(t.Context(), code, ""), identity.ErrMissingParameter)
		check(t, "the right code after a wrong one", answer(t.Context(), code, string(m.Code)))
		wantErr(t, "the right code again", answer(t.Context(), code, string(m.Code)), identity.ErrSessionUsed)
		wantErr(t, "a wrong code after the right one", answer(t.Context(), code, "00000000"), identity.ErrSessionUsed)
	}
}

// byExchange proves the password by SRP, from the challenge for the public value.
func byExchange(t testing.TB, pool *identity.UserPool, ch *identity.SRPRequired) *identity.SignInResult {
	t.Helper()
	x := &exchange{pool: pool.PoolID(), client: srp.NewClient()}
	res, err := ch.Answer(t.Context(), identity.PublicValue{A: x.client.A()})
	check(t, "the public value", err)
	x.ch = challengeOf[*identity.PasswordVerifier](t, res)
	res, err = x.ch.Answer(t.Context(), x.proof(t, password))
	check(t, "the proof", err)
	return res
}

// A factor that the user does not have, or the pool does not allow, is not asked for.
func TestPreferredFactorThatIsNotThere(t *testing.T) {
	f := newEngine(t)
	pool, a := f.choosers(t, cognitoPool)
	for _, preferred := range []identity.FirstFactor{byText, identity.FirstPasskey, "PIGEON"} {
		ch := begun[*identity.FirstFactorRequired](t, a, "alice", preferred)
		if want := []identity.FirstFactor{bySRP, byWord, byMail}; !slices.Equal(ch.Available, want) {
			t.Errorf("%s: may choose from %v, want %v", preferred, ch.Available, want)
		}
		_, err := choose(t, ch, preferred)
		wantErr(t, "choose "+string(preferred), err, identity.ErrInvalidParameter)
		res, err := choose(t, ch, byWord)
		check(t, "choose another with the same state", err)
		challengeOf[*identity.PasswordRequired](t, res)
	}
	_, err := choose(t, begun[*identity.FirstFactorRequired](t, a, "alice", noFactor), noFactor)
	wantErr(t, "no choice", err, identity.ErrMissingParameter)
	wantErr(t, "no name", begin(t.Context(), a, identity.BeginSignIn{}), identity.ErrMissingParameter)
	wantErr(t, "no public value", second(begun[*identity.SRPRequired](t, a, "alice", bySRP).Answer(t.Context(), identity.PublicValue{})), identity.ErrMissingParameter)
	wantErr(t, "a bad public value", begin(t.Context(), a, identity.BeginSignIn{Username: "alice", Preferred: bySRP, A: "0"}), identity.ErrInvalidParameter)
	wantErr(t, "no password", second(begun[*identity.PasswordRequired](t, a, "alice", byWord).Answer(t.Context(), identity.PasswordAnswer{})), identity.ErrMissingParameter)

	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.FirstFactors = nil }))
	if ch := begun[*identity.FirstFactorRequired](t, a, "alice", byMail); !slices.Equal(ch.Available, []identity.FirstFactor{bySRP, byWord}) {
		t.Errorf("where the pool allows passwords: %v", ch.Available)
	}
	wantErr(t, "a client without the flow", begin(t.Context(), pool.AppClient, identity.BeginSignIn{Username: "alice"}), identity.ErrFlowNotEnabled)
	check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.Tier = identity.TierLite }))
	wantErr(t, "a pool of the plan LITE", begin(t.Context(), a, identity.BeginSignIn{Username: "alice"}), identity.ErrPlan)
}

// The factor that follows a first factor, for a user who is there and for one who is not. "known" is
// what the service was seen to do, or says that it does. The rest is (unsure), and ours.
func TestWhatFollowsAFirstFactor(t *testing.T) {
	const (
		known  = true
		unsure = false
	)
	app := identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFATOTP}}
	mail := identity.MFAPreference{Methods: []identity.MFAMethod{identity.MFAEmail}}
	for _, tt := range few.Of(3, []struct {
		first    identity.FirstFactor
		mfa      identity.MFAMode
		factors  identity.MFAPreference
		status   identity.UserStatus
		asked    identity.Challenge // for the first factor
		then     identity.Challenge // after it; nil for tokens
		evidence bool
	}{
		{byWord, "OFF", identity.MFAPreference{}, "", &identity.PasswordRequired{}, nil, known},
		{byMail, "OFF", identity.MFAPreference{}, "", &identity.EmailOTPRequired{}, nil, known},
		{bySRP, "OFF", identity.MFAPreference{}, "", &identity.SRPRequired{}, nil, known},
		{byWord, "OPTIONAL", identity.MFAPreference{}, "", &identity.PasswordRequired{}, nil, known},
		{byWord, "OPTIONAL", app, "", &identity.PasswordRequired{}, &identity.TOTPRequired{}, known},
		{bySRP, "OPTIONAL", app, "", &identity.SRPRequired{}, &identity.TOTPRequired{}, known},
		{byWord, "OPTIONAL", mail, "", &identity.PasswordRequired{}, &identity.EmailCodeRequired{}, known},
		{byMail, "OPTIONAL", identity.MFAPreference{}, "", &identity.EmailOTPRequired{}, nil, unsure},
		{byMail, "OPTIONAL", app, "", &identity.EmailOTPRequired{}, &identity.TOTPRequired{}, unsure},
		{byMail, "OPTIONAL", mail, "", &identity.FirstFactorRequired{}, nil, unsure}, // the address would be both factors
		{byWord, "ON", app, "", &identity.PasswordRequired{}, &identity.TOTPRequired{}, known},
		{byMail, "ON", app, "", &identity.FirstFactorRequired{}, nil, known},
		{byMail, "OFF", identity.MFAPreference{}, identity.StatusForceChangePassword, &identity.FirstFactorRequired{}, nil, known},
		{byWord, "OFF", identity.MFAPreference{}, identity.StatusForceChangePassword, &identity.PasswordRequired{}, &identity.NewPasswordRequired{}, known},
	}) {
		t.Run(fmt.Sprintf("%s, MFA %s, %v, %s", tt.first, tt.mfa, tt.factors.Methods, tt.status), func(t *testing.T) {
			f := newEngine(t)
			s := cognitoPool
			s.MFA, s.TOTP, s.EmailMFA = "OPTIONAL", new(true), &identity.EmailMFASettings{}
			pool := f.open(t, everyFactor(s))
			f.join(t, pool, "alice", email)
			f.setUp(t, f.session(t, f.client(t, pool, identity.ClientSettings{}), "alice"))
			f.edit(t, pool, "alice", func(u *identity.User) {
				if u.MFA = tt.factors; tt.status != "" {
					u.Status = tt.status
				}
			})
			check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA = tt.mfa }))
			a := f.choosing(t, pool, true)
			res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Preferred: tt.first})
			check(t, "Begin", err)
			sameType(t, "asked", res.Challenge, tt.asked)
			_, chosen := tt.asked.(*identity.FirstFactorRequired)
			if !chosen {
				sameType(t, "then", f.proveFirst(t, pool, res.Challenge), tt.then)
			}
			if nobody, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "nobody", Preferred: tt.first}); err != nil || !chosen && fmt.Sprintf("%T", nobody.Challenge) != fmt.Sprintf("%T", tt.asked) {
				t.Errorf("nobody is asked %T, %v, want %T", nobody.Challenge, err, tt.asked)
			}
			if !tt.evidence {
				t.Log("what the service does is unsure")
			}
		})
	}
}

func sameType(t *testing.T, what string, got, want identity.Challenge) {
	t.Helper()
	if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
		t.Errorf("%s: %T, want %T", what, got, want)
	}
}

// proveFirst answers a challenge for a first factor rightly, and returns the challenge that follows.
func (f *fixture) proveFirst(t *testing.T, pool *identity.UserPool, ch identity.Challenge) identity.Challenge {
	t.Helper()
	var res *identity.SignInResult
	var err error
	switch ch := ch.(type) {
	case *identity.PasswordRequired:
		res, err = ch.Answer(t.Context(), identity.PasswordAnswer{Password: password})
	case *identity.SRPRequired:
		res = byExchange(t, pool, ch)
	case *identity.EmailOTPRequired:
		res, err = ch.Answer(t.Context(), identity.FactorCode{Code: identity.Secret(f.outbox.LastCode(email))})
	default:
		err = errors.New("no first factor")
	}
	check(t, "answer", err)
	if (res.Challenge == nil) == (res.Tokens == nil) || res.Available != nil {
		t.Errorf("%+v", res)
	}
	return res.Challenge
}

// After five wrong codes the right one is refused in the same words. Another challenge is not touched.
func TestFirstCodesHaveFiveTries(t *testing.T) {
	f := newEngine(t)
	_, a := f.choosers(t, identity.PoolSettings{})
	other := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
	first := f.outbox.LastCode(email)
	ch := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
	right := f.outbox.LastCode(email)
	wantErr(t, "the code of another challenge", answer(t.Context(), ch, first), identity.ErrCodeMismatch)
	for range 4 {
		wantErr(t, "a wrong code", answer(t.Context(), ch, "00000000"), identity.ErrCodeMismatch)
	}
	wantErr(t, "the right code after five", answer(t.Context(), ch, right), identity.ErrCodeMismatch)
	check(t, "the code of another challenge", answer(t.Context(), other, first))
	ch = begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
	for range 4 {
		wantErr(t, "a wrong code", answer(t.Context(), ch, "00000000"), identity.ErrCodeMismatch)
	}
	check(t, "the right code after four", answer(t.Context(), ch, f.outbox.LastCode(email)))
}

// A state is of one step, one user and one client. It ends with the life of a sign-in.
func TestStatesOfFirstFactorsAreBound(t *testing.T) {
	f := newEngine(t)
	pool, a := f.choosers(t, cognitoPool)
	f.join(t, pool, "bob", otherMail)
	b := f.choosing(t, pool, false)
	choice := begun[*identity.FirstFactorRequired](t, a, "alice", noFactor)
	code := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
	right := identity.Secret(f.outbox.LastCode(email))
	pass := begun[*identity.PasswordRequired](t, a, "alice", byWord)
	ctx := t.Context()
	in := identity.FactorCode{Code: right}
	for what, err := range map[string]error{
		"of another client":           second(b.EmailOTP("alice", code.State()).Answer(ctx, in)),
		"of another user":             second(a.EmailOTP("bob", code.State()).Answer(ctx, in)),
		"a code as a second factor":   second(a.EmailCode("alice", code.State()).Answer(ctx, in)),
		"a code by another way":       second(a.SMSOTP("alice", code.State()).Answer(ctx, in)),
		"a code's as a choice":        second(a.FirstFactor("alice", code.State()).Answer(ctx, identity.FirstChoice{Factor: byWord, Password: password})),
		"a password's as a choice":    second(a.FirstFactor("alice", pass.State()).Answer(ctx, identity.FirstChoice{Factor: byWord, Password: password})),
		"a choice as a password":      second(a.Password("alice", choice.State()).Answer(ctx, identity.PasswordAnswer{Password: password})),
		"a choice, of another client": second(b.FirstFactor("alice", choice.State()).Answer(ctx, identity.FirstChoice{Factor: byWord, Password: password})),
		"a choice, of another user":   second(a.FirstFactor("bob", choice.State()).Answer(ctx, identity.FirstChoice{Factor: byWord, Password: password})),
		"a choice by an address":      second(a.FirstFactor(email, choice.State()).Answer(ctx, identity.FirstChoice{Factor: byWord, Password: password})),
		"garbage":                     second(a.FirstFactor("alice", "garbage").Answer(ctx, identity.FirstChoice{Factor: byWord})),
	} {
		wantErr(t, what, err, identity.ErrSessionInvalid)
	}
	wantErr(t, "a wrong password", second(choice.Answer(ctx, identity.FirstChoice{Factor: byWord, Password: wrong})), identity.ErrIncorrectCredentials)
	res, err := choice.Answer(ctx, identity.FirstChoice{Factor: byMail})
	check(t, "the choice after a wrong password", err)
	wantErr(t, "the choice again, with a wrong password", second(choice.Answer(ctx, identity.FirstChoice{Factor: byWord, Password: wrong})), identity.ErrSessionUsed)
	wantErr(t, "the choice again, with the password", second(choice.Answer(ctx, identity.FirstChoice{Factor: byWord, Password: password})), identity.ErrSessionUsed)
	wantErr(t, "the choice again, by SRP", second(choice.Answer(ctx, identity.FirstChoice{Factor: bySRP, A: publicA})), identity.ErrSessionUsed)
	chosen := challengeOf[*identity.EmailOTPRequired](t, res)

	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = "new@example.com" })
	wantErr(t, "a code that went to an earlier address", answer(ctx, code, string(right)), identity.ErrCodeMismatch)
	f.edit(t, pool, "alice", func(u *identity.User) { u.Attributes["email"] = email })
	f.advance(3 * time.Minute)
	wantErr(t, "a code of before", answer(ctx, chosen, f.outbox.LastCode(email)), identity.ErrSessionExpired)
	wantErr(t, "a choice of before", second(choice.Answer(ctx, identity.FirstChoice{Factor: byMail})), identity.ErrSessionExpired)
}

// What was proved must still hold: a password that is set, or a factor that the pool allows no more, ends
// what is pending.
func TestFirstFactorsEndWithTheirSetting(t *testing.T) {
	for what, change := range few.Named(2, map[string]func(f *fixture, pool *identity.UserPool) error{
		"not allowed": func(f *fixture, pool *identity.UserPool) error {
			return f.EditPool(context.Background(), pool.PoolID(), func(s *identity.PoolSettings) { s.FirstFactors = nil })
		},
		"MFA on": func(f *fixture, pool *identity.UserPool) error {
			return f.EditPool(context.Background(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA = "ON" })
		},
		"a new password": func(_ *fixture, pool *identity.UserPool) error {
			return pool.Admin().Users().SetPassword(context.Background(), "alice", chosen, true)
		},
		"another address": func(f *fixture, pool *identity.UserPool) error {
			return f.EditUser(context.Background(), pool.PoolID(), "alice", func(u *identity.User) { u.Attributes["email_verified"] = "false" })
		},
		"a disabled user": func(_ *fixture, pool *identity.UserPool) error {
			return pool.Admin().Users().Disable(context.Background(), "alice")
		},
	}) {
		f := newEngine(t)
		s := cognitoPool
		s.MFA, s.TOTP = "OPTIONAL", new(true)
		pool, a := f.choosers(t, s)
		key := f.setUp(t, f.session(t, f.client(t, pool, identity.ClientSettings{}), "alice"))
		check(t, "SetMFA", pool.Admin().Users().SetMFA(t.Context(), "alice", appOn))
		res, err := begun[*identity.EmailOTPRequired](t, a, "alice", byMail).Answer(t.Context(), identity.FactorCode{Code: identity.Secret(f.outbox.LastCode(email))})
		check(t, "the code", err)
		app := challengeOf[*identity.TOTPRequired](t, res)
		pending := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
		code := f.outbox.LastCode(email)
		check(t, what, change(f, pool))
		f.advance(30 * time.Second)
		wantErr(t, what+": the second factor", answer(t.Context(), app, key.Code(f.now())), identity.ErrSessionInvalid, identity.ErrUserDisabled)
		if what != "a new password" { // which the code does not depend on
			wantErr(t, what+": the code", answer(t.Context(), pending, code), identity.ErrCodeMismatch)
		}
	}
}
