package identity_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store/memory"
)

// A directory is where users were before: it knows alice, with a password.
type directory struct {
	mu    sync.Mutex
	asked []string
	d     hook.UserMigrationDecision
}

func (d *directory) hooks() identity.Hooks {
	return identity.Hooks{UserMigration: func(_ context.Context, e *hook.UserMigration) (hook.UserMigrationDecision, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked = append(d.asked, string(e.Source)+" "+e.Username)
		if e.Username != "alice" && e.Username != email || e.Source == hook.MigrateSignIn && e.Password != password {
			return hook.UserMigrationDecision{}, nil
		}
		return d.d, nil
	}}
}

var aliceElsewhere = map[string]string{"email": email, "email_verified": "true", "sub": "elsewhere"}

func migrating(t *testing.T, d hook.UserMigrationDecision, settings identity.PoolSettings) (*fixture, *directory, *identity.UserPool, *identity.AppClient) {
	t.Helper()
	dir := &directory{d: d}
	f := hookedEngine(t, dir.hooks())
	pool := f.open(t, settings)
	return f, dir, pool, f.client(t, pool, identity.ClientSettings{})
}

// A user of another directory signs in with the password from there, and is asked for there
// only once.
func TestMigrationAtASignIn(t *testing.T) {
	f, dir, pool, a := migrating(t, hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED"}, cognitoPool)
	for range 2 {
		f.signIn(t, a, "alice")
	}
	if len(dir.asked) != 1 {
		t.Errorf("asked %v, want once", dir.asked)
	}
	u := f.user(t, pool, "alice")
	if u.Attributes["email"] != email || u.Attributes["sub"] == "elsewhere" || u.Sub == "elsewhere" || u.Status != identity.StatusConfirmed {
		t.Errorf("user %+v", u)
	}
	if f.events(t, identity.EventUserMigrated) != 1 {
		t.Error("the migration has left no event")
	}
	wantErr(t, "a wrong password", byPassword(t, a, "alice", wrong), identity.ErrIncorrectCredentials)
}

// A wrong password brings nobody, and is counted for the name: the other directory is not
// asked any more once the name is locked.
func TestMigrationDoesNotLetGuess(t *testing.T) {
	_, dir, pool, _ := migrating(t, hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED"}, identity.PoolSettings{})
	for range 20 {
		wantErr(t, "a guess", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials, identity.ErrTooManyAttempts)
	}
	if n := len(dir.asked); n == 0 || n > 6 {
		t.Errorf("the other directory was asked %d times for 20 guesses", n)
	}
	_, err := pool.Admin().Users().Get(t.Context(), "alice")
	wantErr(t, "alice", err, identity.ErrUserNotFound)
}

// Functions of Lambda refuse a wrong password by an error. That looks as a wrong password
// of a user does, and is counted alike, also where the client may know that there is no such user.
func TestMigrationThatRefusesDoesNotLetGuess(t *testing.T) {
	if testing.Short() {
		t.Skip("guesses passwords until the account is locked")
	}
	disclosed := identity.ClientSettings{PreventUserExistenceErrors: ptr("LEGACY")}
	for name, c := range map[string]struct {
		settings identity.PoolSettings
		client   identity.ClientSettings
		refuses  bool
		want     error
	}{
		"refused, hidden":     {identity.PoolSettings{}, identity.ClientSettings{}, true, identity.ErrIncorrectCredentials},
		"refused, disclosed":  {cognitoPool, disclosed, true, identity.ErrUserNotFound},
		"no user, disclosed":  {cognitoPool, disclosed, false, identity.ErrUserNotFound},
		"no user, by default": {cognitoPool, identity.ClientSettings{}, false, identity.ErrUserNotFound},
	} {
		dir := &directory{d: hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED"}}
		h := dir.hooks()
		bring := h.UserMigration
		h.UserMigration = func(ctx context.Context, e *hook.UserMigration) (hook.UserMigrationDecision, error) {
			d, err := bring(ctx, e)
			if c.refuses && err == nil && d.Attributes == nil {
				err = hook.Refuse("Bad password")
			}
			return d, err
		}
		f := hookedEngine(t, h)
		pool := f.open(t, c.settings)
		a := f.client(t, pool, c.client)
		wantErr(t, name, byPassword(t, a, "alice", wrong), c.want)
		for range 20 {
			wantErr(t, name, byPassword(t, a, "alice", wrong), c.want, identity.ErrTooManyAttempts)
		}
		if n := len(dir.asked); n > 6 {
			t.Errorf("%s: the other directory was asked %d times for 21 guesses", name, n)
		}
		wantErr(t, name+": the right password of a locked name", byPassword(t, a, "alice", password), identity.ErrTooManyAttempts)
		_, err := a.ForgotPassword(t.Context(), "bob", "")
		if errors.Is(c.want, identity.ErrUserNotFound) {
			wantErr(t, name+": forgotten", err, identity.ErrUserNotFound)
			_, told := errors.AsType[*identity.MigrationError](err)
			if told != c.refuses {
				t.Errorf("%s: forgotten: %v", name, err)
			}
		} else {
			check(t, name+": forgotten", err)
		}
	}
}

// Of many guesses at once, no more count than one after the other: the right password
// brings nobody once the name is locked.
func TestMigrationOfANameThatWasLockedMeanwhile(t *testing.T) {
	dir := &directory{d: hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED"}}
	h := dir.hooks()
	bring := h.UserMigration
	var pool *identity.UserPool
	h.UserMigration = func(ctx context.Context, e *hook.UserMigration) (hook.UserMigrationDecision, error) {
		if e.Password == password {
			for range 6 {
				wantErr(t, "a guess", byPassword(t, pool.AppClient, "alice", wrong), identity.ErrIncorrectCredentials, identity.ErrTooManyAttempts)
			}
		}
		return bring(ctx, e)
	}
	f := hookedEngine(t, h)
	pool = f.open(t, identity.PoolSettings{})
	wantErr(t, "the right password", byPassword(t, pool.AppClient, "alice", password), identity.ErrTooManyAttempts)
	_, err := pool.Admin().Users().Get(t.Context(), "alice")
	wantErr(t, "alice", err, identity.ErrUserNotFound)
}

// A source that has asked for too many codes has nobody looked for elsewhere, and none who
// signs up is shown to a hook.
func TestSourceOfManyRequestsCallsNoHooks(t *testing.T) {
	for _, settings := range []identity.PoolSettings{{}, cognitoPool} {
		dir := &directory{}
		h := dir.hooks()
		signUps := 0
		h.PreSignUp = func(context.Context, *hook.PreSignUp) (hook.PreSignUpDecision, error) {
			signUps++
			return hook.PreSignUpDecision{}, hook.Refuse("no")
		}
		f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Hooks, o.Limits.SourceMessagesPerHour = &h, 5 })
		pool := f.open(t, settings)
		ctx := identity.WithCall(t.Context(), identity.Call{Address: netip.MustParseAddr("198.51.100.7")})
		for i := range 20 {
			_, err := pool.ForgotPassword(ctx, "nobody"+strconv.Itoa(i), "")
			if i > 5 {
				wantErr(t, "ForgotPassword", err, identity.ErrLimitExceeded)
			}
		}
		if len(dir.asked) != 5 {
			t.Errorf("the other directory was asked %d times, want 5", len(dir.asked))
		}
		ctx = identity.WithCall(t.Context(), identity.Call{Address: netip.MustParseAddr("198.51.100.8")})
		for range 20 {
			_, err := pool.SignUp(ctx, identity.SignUp{Username: "bob", Password: password, Attributes: attrs{"email": email}})
			wantErr(t, "SignUp", err, identity.ErrHookRefused, identity.ErrLimitExceeded)
		}
		if signUps != 5 {
			t.Errorf("the hook has seen %d sign-ups, want 5", signUps)
		}
	}
}

// By default a user who was migrated must reset the password first.
func TestMigrationThatWantsAReset(t *testing.T) {
	f, _, _, a := migrating(t, hook.UserMigrationDecision{Attributes: aliceElsewhere}, cognitoPool)
	wantErr(t, "sign-in", byPassword(t, a, "alice", password), identity.ErrPasswordResetRequired)
	code := f.forgot(t, a, "alice")
	check(t, "ConfirmForgotPassword", recoverAs(t.Context(), a, "alice", code, chosen))
	check(t, "sign-in", byPassword(t, a, "alice", chosen))
}

// A user whose password was forgotten is brought without one, and chooses a new one.
func TestMigrationOfAForgottenPassword(t *testing.T) {
	f, dir, _, a := migrating(t, hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED"}, cognitoPool)
	code := f.forgot(t, a, "alice")
	check(t, "ConfirmForgotPassword", recoverAs(t.Context(), a, "alice", code, chosen))
	check(t, "sign-in", byPassword(t, a, "alice", chosen))
	if len(dir.asked) != 1 || dir.asked[0] != "UserMigration_ForgotPassword alice" {
		t.Errorf("asked %v", dir.asked)
	}
}

// In a pool whose names are addresses, the user is the one of the address that was given.
func TestMigrationInAPoolOfAddresses(t *testing.T) {
	settings := cognitoPool
	settings.UsernameAttributes = []string{"email"}
	f, _, pool, a := migrating(t, hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED"}, settings)
	f.signIn(t, a, email)
	if u := f.user(t, pool, email); u.Username != u.Sub {
		t.Errorf("username %s, want the sub %s", u.Username, u.Sub)
	}
}

// What the other directory must not bring: each is refused, and nothing is stored.
func TestMigrationThatBringsTheWrongUser(t *testing.T) {
	addresses := cognitoPool
	addresses.UsernameAttributes = []string{"email"}
	aliases := cognitoPool
	aliases.Aliases = []string{"email"}
	for name, c := range map[string]struct {
		settings identity.PoolSettings
		user     string
		d        hook.UserMigrationDecision
	}{
		"another address than was given": {addresses, email, hook.UserMigrationDecision{Attributes: attrs{"email": "mallory@example.com"}}},
		"the alias of another user":      {aliases, "alice", hook.UserMigrationDecision{Attributes: attrs{"email": "owner@example.com", "email_verified": "true"}}},
		"no e-mail address":              {cognitoPool, "alice", hook.UserMigrationDecision{Attributes: attrs{"email": "nothing"}}},
		"an attribute that is unknown":   {cognitoPool, "alice", hook.UserMigrationDecision{Attributes: attrs{"custom:x": "1"}}},
		"a status that is impossible":    {cognitoPool, "alice", hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "UNCONFIRMED"}},
	} {
		f, _, pool, a := migrating(t, c.d, c.settings)
		owner := "owner"
		if len(c.settings.UsernameAttributes) > 0 {
			owner = "owner@example.com"
		}
		f.join(t, pool, owner, "owner@example.com")
		before := f.contents(t)
		for _, flow := range []func() error{
			func() error { return byPassword(t, a, c.user, password) },
			func() error { _, err := a.ForgotPassword(t.Context(), c.user, ""); return err },
		} {
			wantErr(t, name, flow(), identity.ErrHookDecision)
		}
		if after := f.contents(t); !maps.Equal(before, after) {
			t.Errorf("%s: the store has changed", name)
		}
	}
}

// With ForceAlias the alias moves to the user who was migrated.
func TestMigrationThatForcesAnAlias(t *testing.T) {
	settings := cognitoPool
	settings.Aliases = []string{"email"}
	f, _, pool, a := migrating(t, hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED", ForceAlias: true}, settings)
	f.join(t, pool, "owner", email)
	f.signIn(t, a, "alice")
	if u := f.user(t, pool, email); u.Username != "alice" {
		t.Errorf("the address is that of %s", u.Username)
	}
	if u := f.user(t, pool, "owner"); u.Attributes["email_verified"] != "false" {
		t.Error("the former owner is still verified")
	}
}

// Of many sign-ins at once, one brings the user and all are signed in.
func TestMigrationsAtOnce(t *testing.T) {
	dir := &directory{d: hook.UserMigrationDecision{Attributes: aliceElsewhere, Status: "CONFIRMED"}}
	h := dir.hooks()
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Hooks = &h })
	pool := f.open(t, cognitoPool)
	a := f.client(t, pool, identity.ClientSettings{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := byPassword(t, a, "alice", password); err != nil {
				t.Errorf("sign-in: %v", err)
			}
		})
	}
	wg.Wait()
	if n := f.events(t, identity.EventUserMigrated); n != 1 {
		t.Errorf("%d users were migrated", n)
	}
}
