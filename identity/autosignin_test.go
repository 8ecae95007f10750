package identity_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

// signUpSession signs a user up through a client that may choose.
func signUpSession(t *testing.T, a *identity.AppClient, name, pass string) string {
	t.Helper()
	res, err := a.SignUp(t.Context(), identity.SignUp{Username: name, Password: identity.Secret(pass), Attributes: attrs{"email": name + "@example.com"}})
	check(t, "SignUp", err)
	return res.Session
}

// confirmed confirms a sign-up with its session.
func (f *fixture) confirmed(t *testing.T, a *identity.AppClient, name, session string) (string, error) {
	t.Helper()
	return a.ConfirmSignUpSession(t.Context(), identity.ConfirmSignUp{
		Username: name, Code: identity.Secret(f.outbox.LastCode(name + "@example.com")), Session: session,
	})
}

func TestSignedInRightAfterASignUp(t *testing.T) {
	for _, s := range []identity.PoolSettings{cognitoPool, {}} {
		for _, pass := range []string{password, ""} {
			f := newEngineOn(t, twice(memory.New()))
			pool := f.open(t, everyFactor(s))
			a, other := f.choosing(t, pool, false), f.choosing(t, pool, false)
			first := signUpSession(t, a, "alice", pass)
			bob := signUpSession(t, a, "bob", password)
			for what, session := range map[string]string{"garbage": "garbage", "of another user": bob, "of another client": signUpSession(t, other, "carol", password)} {
				_, err := f.confirmed(t, a, "alice", session)
				wantErr(t, what, err, identity.ErrSessionInvalid)
			}
			_, err := a.ConfirmSignUpSession(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: "000000", Session: first})
			wantErr(t, "a wrong code", err, identity.ErrCodeMismatch)
			wantErr(t, "the session of a sign-up", begin(t.Context(), a, identity.BeginSignIn{Username: "alice", Session: first}), identity.ErrSessionInvalid, identity.ErrUserNotConfirmed)
			f.advance(time.Hour) // mail takes its time
			session, err := f.confirmed(t, a, "alice", first)
			check(t, "confirm", err)

			in := identity.BeginSignIn{Username: "alice", Session: session}
			wantErr(t, "garbage", begin(t.Context(), a, identity.BeginSignIn{Username: "alice", Session: "garbage"}), identity.ErrSessionInvalid)
			wantErr(t, "the session of a sign-up, later", begin(t.Context(), a, identity.BeginSignIn{Username: "alice", Session: first}), identity.ErrSessionInvalid)
			wantErr(t, "another client", begin(t.Context(), other, in), identity.ErrSessionInvalid)
			check(t, "confirm bob", f.confirmOther(t, a, "bob"))
			wantErr(t, "another user", begin(t.Context(), a, identity.BeginSignIn{Username: "bob", Session: session}), identity.ErrSessionInvalid)
			_, err = a.FirstFactor("alice", session).Answer(t.Context(), identity.FirstChoice{Factor: byMail})
			wantErr(t, "as a choice", err, identity.ErrSessionInvalid)
			res, err := a.Begin(t.Context(), in)
			wantTokens(t, "sign in", res, err)
			wantErr(t, "sign in again", begin(t.Context(), a, in), identity.ErrSessionUsed)
		}
	}
}

func (f *fixture) confirmOther(t *testing.T, a *identity.AppClient, name string) error {
	t.Helper()
	session, err := f.confirmed(t, a, name, "") // as Amplify does
	if err == nil && session == "" {
		return errors.New("no session")
	}
	return err
}

// The session proves the address only, and no more than a code to it would.
func TestSessionOfASignUpThatProvesNoFactor(t *testing.T) {
	for what, change := range map[string]func(f *fixture, pool *identity.UserPool) error{
		"passwords alone": func(f *fixture, pool *identity.UserPool) error {
			return f.EditPool(context.Background(), pool.PoolID(), func(s *identity.PoolSettings) { s.FirstFactors = nil })
		},
		"MFA on": func(f *fixture, pool *identity.UserPool) error {
			return f.EditPool(context.Background(), pool.PoolID(), func(s *identity.PoolSettings) { s.MFA, s.TOTP = "ON", new(true) })
		},
		"another password": func(_ *fixture, pool *identity.UserPool) error {
			return pool.Admin().Users().SetPassword(context.Background(), "alice", chosen, true)
		},
	} {
		f := newEngine(t)
		pool := f.open(t, everyFactor(cognitoPool))
		a := f.choosing(t, pool, false)
		session, err := f.confirmed(t, a, "alice", signUpSession(t, a, "alice", password))
		check(t, "confirm", err)
		check(t, what, change(f, pool))
		res, err := a.Begin(t.Context(), identity.BeginSignIn{Username: "alice", Session: session})
		check(t, what, err)
		challengeOf[*identity.FirstFactorRequired](t, res)
	}
	f := newEngine(t)
	pool := f.open(t, everyFactor(cognitoPool))
	a := f.choosing(t, pool, false)
	session, err := f.confirmed(t, a, "alice", signUpSession(t, a, "alice", password))
	check(t, "confirm", err)
	f.advance(3 * time.Minute)
	wantErr(t, "too late", begin(t.Context(), a, identity.BeginSignIn{Username: "alice", Session: session}), identity.ErrSessionExpired)
	if res := f.signUp(t, pool, "dave", "dave@example.com"); res.Session != "" {
		t.Error("a client without the flow got a session")
	}
	if session, err := f.confirmed(t, pool.AppClient, "dave", ""); err != nil || session != "" {
		t.Errorf("a client without the flow: %q, %v", session, err)
	}
}

// A sign-up with the address of somebody who has an account looks like any other, with its session too.
func TestSessionOfAHiddenSignUp(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, everyFactor(identity.PoolSettings{UsernameAttributes: []string{"email"}}))
	a := f.choosing(t, pool, false)
	in := func(address string) *identity.SignUpResult {
		res, err := a.SignUp(t.Context(), identity.SignUp{Username: address, Password: password})
		check(t, "SignUp", err)
		return res
	}
	confirm := func(address, code, session string) error {
		return second(a.ConfirmSignUpSession(t.Context(), identity.ConfirmSignUp{Username: address, Code: identity.Secret(code), Session: session}))
	}
	first := in(email)
	code := f.outbox.LastCode(email)
	check(t, "confirm", confirm(email, code, first.Session))
	again, fresh := in(email), in("bobby@example.com")
	if len(again.Session) != len(fresh.Session)-len("bobby")+len("alice") || len(again.Session) != len(first.Session) {
		t.Errorf("sessions of %d, %d and %d", len(first.Session), len(again.Session), len(fresh.Session))
	}
	for what, err := range map[string]error{
		"of a user":    confirm(email, "000000", again.Session),
		"of a sign-up": confirm("bobby@example.com", "000000", fresh.Session),
	} {
		wantErr(t, what, err, identity.ErrCodeMismatch)
	}
	wantErr(t, "the code of before", confirm(email, code, again.Session), identity.ErrCodeMismatch)
}

// What a user without a password can do, and cannot.
func TestUsersWithoutAPassword(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, everyFactor(cognitoPool))
	a := f.choosing(t, pool, false)
	ctx, users := t.Context(), pool.Admin().Users()
	plain := f.client(t, pool, identity.ClientSettings{})
	_, err := plain.SignUp(ctx, identity.SignUp{Username: "alice", Attributes: attrs{"email": email}})
	wantErr(t, "a client without the flow", err, identity.ErrInvalidPassword)
	_, err = a.SignUp(ctx, identity.SignUp{Username: "alice"})
	wantErr(t, "no address", err, identity.ErrInvalidPassword)
	_, err = a.SignUp(ctx, identity.SignUp{Username: "alice", Attributes: attrs{"phone_number": phone}})
	wantErr(t, "an address that the sign-up does not verify", err, identity.ErrInvalidPassword)

	session, err := f.confirmed(t, a, "alice", signUpSession(t, a, "alice", ""))
	check(t, "confirm", err)
	res, err := a.Begin(ctx, identity.BeginSignIn{Username: "alice", Session: session})
	wantTokens(t, "sign in", res, err)
	s, err := f.Session(ctx, res.Tokens.Access)
	check(t, "Session", err)
	has := func(want ...identity.AuthFactor) {
		t.Helper()
		if own, err := s.Factors(ctx); err != nil || !slices.Equal(own.Configured, want) {
			t.Errorf("factors %+v, %v, want %v", own, err, want)
		}
	}
	has(identity.FactorEmail)
	if ch := begun[*identity.FirstFactorRequired](t, a, "alice", byWord); !slices.Equal(ch.Available, []identity.FirstFactor{byMail}) {
		t.Errorf("may choose from %v", ch.Available)
	}
	wantErr(t, "an empty password", byPassword(t, plain, "alice", ""), identity.ErrMissingParameter)
	wantErr(t, "any password", byPassword(t, plain, "alice", password), identity.ErrIncorrectCredentials)
	check(t, "a password without a previous one", s.ChangePassword(ctx, "", password))
	check(t, "sign in by it", byPassword(t, plain, "alice", password))
	has(identity.FactorPassword, identity.FactorEmail)

	u, err := users.Create(ctx, identity.CreateUser{Username: "bob", Attributes: attrs{"email": otherMail, "email_verified": "true"}})
	check(t, "Create", err)
	if m := f.outbox.Messages(nil)[0]; u.Status != identity.StatusConfirmed || m.To != otherMail || m.Body != "Your username is bob." || m.Code != "" {
		t.Errorf("user %s, message %q with code %q", u.Status, m.Body, string(m.Code))
	}
	check(t, "bob's code", answer(ctx, begun[*identity.EmailOTPRequired](t, a, "bob", byMail), f.outbox.LastCode(otherMail)))
	check(t, "a password by a code", recoverAs(ctx, plain, "bob", f.forgot(t, plain, "bob"), chosen))
	check(t, "sign in by it", byPassword(t, plain, "bob", chosen))

	for what, in := range map[string]identity.CreateUser{
		"not verified":    {Username: "carol", Attributes: attrs{"email": "carol@example.com"}},
		"with a password": {Username: "dave", Attributes: attrs{"email": "dave@example.com", "email_verified": "true"}, TemporaryPassword: password},
	} {
		u, err := users.Create(ctx, in)
		check(t, what, err)
		if u.Status != identity.StatusForceChangePassword {
			t.Errorf("%s: %s", what, u.Status)
		}
	}
	if m := f.outbox.Messages(nil)[0]; !strings.Contains(m.Body, "temporary password") {
		t.Errorf("invitation %q", m.Body)
	}
	_, err = users.Create(ctx, identity.CreateUser{Username: "erin", Attributes: attrs{"email": "erin@example.com", "email_verified": "true"}, SuppressInvitation: true})
	check(t, "Create", err)
	check(t, "SetPassword", users.SetPassword(ctx, "erin", password, true))
	check(t, "sign in by it", byPassword(t, plain, "erin", password))
	check(t, "Verify", verify(t, f.store))
}

// Of many right answers at once, one signs in.
func TestRightFirstCodesAtOnce(t *testing.T) {
	for _, b := range backEnds {
		t.Run(b.name, func(t *testing.T) {
			f := newEngineOn(t, b.open(t))
			_, a := f.choosers(t, cognitoPool)
			code := begun[*identity.EmailOTPRequired](t, a, "alice", byMail)
			right := f.outbox.LastCode(email)
			choice := begun[*identity.FirstFactorRequired](t, a, "alice", noFactor)
			pass := begun[*identity.PasswordRequired](t, a, "alice", byWord)
			for what, try := range map[string]func() error{
				"a code":     func() error { return answer(t.Context(), code, right) },
				"a choice":   func() error { return second(choice.Answer(t.Context(), identity.FirstChoice{Factor: byMail})) },
				"a password": func() error { return second(pass.Answer(t.Context(), identity.PasswordAnswer{Password: password})) },
			} {
				var won, used atomic.Int32
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						switch err := try(); {
						case err == nil:
							won.Add(1)
						case errors.Is(err, identity.ErrSessionUsed), errors.Is(err, identity.ErrCodeMismatch), errors.Is(err, identity.ErrLimitExceeded):
							used.Add(1)
						default:
							t.Errorf("%s: %v", what, err)
						}
					})
				}
				wg.Wait()
				if won.Load() != 1 || used.Load() != 7 {
					t.Errorf("%s: %d won and %d were refused", what, won.Load(), used.Load())
				}
			}
		})
	}
}

// One challenge is answered alike for a user and for nobody, past all its tries.
func TestTriesOfOneFirstCodeDoNotTellWhoHasAnAccount(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses a code past all its tries")
	}
	for _, s := range few.Of(2, []identity.PoolSettings{cognitoPool, {}}) {
		f := newEngine(t)
		pool, _ := f.choosers(t, s)
		a := f.choosing(t, pool, true)
		var all [2][]string
		for i, name := range []string{"alice", "annie"} {
			ch := begun[*identity.EmailOTPRequired](t, a, name, byMail)
			for range 8 {
				all[i] = append(all[i], kindOf(answer(t.Context(), ch, "00000000")))
			}
			for range 12 {
				all[i] = append(all[i], shown(a.Begin(t.Context(), identity.BeginSignIn{Username: name, Preferred: byMail})))
			}
		}
		if !slices.Equal(all[0], all[1]) {
			t.Errorf("answers to a user:\n%q\nto nobody:\n%q", all[0], all[1])
		}
		if !slices.Contains(all[0], identity.ErrLimitExceeded.Error()) {
			t.Errorf("no limit of codes: %q", all[0])
		}
	}
}

// What a stranger asks for and guesses does not keep the owner out.
func TestStrangersDoNotUseUpTheOwnersCodes(t *testing.T) {
	if testing.Short() {
		t.Skip("asks for codes until they are used up")
	}
	f := newLimited(t)
	_, a := f.choosers(t, identity.PoolSettings{})
	home := from(t, "192.0.2.1")
	check(t, "a sign-in from home", begin(home, a, identity.BeginSignIn{Username: "alice", Preferred: byWord, Password: password}))
	for i := range 8 {
		res, err := a.Begin(from(t, "203.0.113.7"), identity.BeginSignIn{Username: "alice", Preferred: byMail})
		if i >= 5 {
			wantErr(t, "a stranger's sixth code", err, identity.ErrLimitExceeded)
			continue
		}
		check(t, "a stranger's code", err)
		for range 5 {
			wantErr(t, "a stranger's guess", answer(from(t, "203.0.113.7"), res.Challenge.(*identity.EmailOTPRequired), "00000000"), identity.ErrCodeMismatch)
		}
	}
	res, err := a.Begin(home, identity.BeginSignIn{Username: "alice", Preferred: byMail})
	check(t, "the owner's code", err)
	check(t, "the owner", answer(home, res.Challenge.(*identity.EmailOTPRequired), f.outbox.LastCode(email)))
}
