package identity_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// A way is a way to prove a password.
type way func(t testing.TB, a *identity.AppClient, pool, name, password string) (*identity.SignInResult, error)

// allWays are all ways to prove a password.
var allWays = map[string]way{"password": passwordWay, "SRP": srpWay}

// ways are the ways in which tests prove a password: all of them, and in the short tier the one that is cheap.
var ways = maps.Clone(allWays)

func passwordWay(t testing.TB, a *identity.AppClient, _, name, password string) (*identity.SignInResult, error) {
	return a.SignIn(t.Context(), identity.SignIn{Username: name, Password: identity.Secret(password)})
}

func srpWay(t testing.TB, a *identity.AppClient, pool, name, password string) (*identity.SignInResult, error) {
	x, err := beginSRP(t.Context(), a, pool, name)
	if err != nil {
		return nil, err
	}
	return x.ch.Answer(t.Context(), x.proof(t, password))
}

// states puts a user of its name into each of the states that an account can be in.
func states(t *testing.T, f *fixture, pool *identity.UserPool) {
	t.Helper()
	ctx, users := t.Context(), pool.Admin().Users()
	for _, name := range []string{"confirmed", "disabled", "reset", "imported"} {
		f.join(t, pool, name, name+"@example.com")
	}
	f.signUp(t, pool, "unconfirmed", "unconfirmed@example.com")
	f.edit(t, pool, "disabled", func(u *identity.User) { u.Disabled = true })
	for _, name := range []string{"reset", "imported"} {
		f.edit(t, pool, name, func(u *identity.User) { u.Status = identity.StatusResetRequired })
	}
	u, err := users.Get(ctx, "imported")
	check(t, "Get", err)
	check(t, "DropCredential", f.DropCredential(ctx, pool.PoolID(), u.Sub))
	for _, name := range []string{"expired", "invited"} {
		_, err := users.Create(ctx, identity.CreateUser{Username: name, TemporaryPassword: password, SuppressInvitation: true})
		check(t, "Create", err)
		if name == "expired" {
			f.advance(7 * 24 * time.Hour)
		}
	}
}

// outcomes are what a right and a wrong password lead to.
type outcomes struct{ right, wrong error }

// safeOutcomes are those of a client that may not tell who has an account.
var safeOutcomes = map[string]outcomes{
	"confirmed":   {nil, identity.ErrIncorrectCredentials},
	"unconfirmed": {identity.ErrUserNotConfirmed, identity.ErrIncorrectCredentials},
	"disabled":    {identity.ErrUserDisabled, identity.ErrIncorrectCredentials},
	"reset":       {identity.ErrPasswordResetRequired, identity.ErrIncorrectCredentials},
	"imported":    {identity.ErrIncorrectCredentials, identity.ErrIncorrectCredentials},
	"expired":     {identity.ErrTemporaryPasswordExpired, identity.ErrIncorrectCredentials},
	"invited":     {nil, identity.ErrIncorrectCredentials},
	"nobody":      {identity.ErrIncorrectCredentials, identity.ErrIncorrectCredentials},
}

// cognitoOutcomes are those of the service: it tells the state of an account before any proof.
func cognitoOutcomes(nobody error) map[string]outcomes {
	out := maps.Clone(safeOutcomes)
	out["unconfirmed"] = outcomes{identity.ErrUserNotConfirmed, identity.ErrUserNotConfirmed}
	out["disabled"] = outcomes{identity.ErrUserDisabled, identity.ErrUserDisabled}
	out["imported"] = outcomes{identity.ErrPasswordResetRequired, identity.ErrPasswordResetRequired}
	out["nobody"] = outcomes{nobody, nobody}
	return out
}

func TestSignInObeysTheStateOfTheAccount(t *testing.T) {
	safe := identity.PoolSettings{SRP: true}
	for _, tt := range few.Of(5, []struct {
		name     string
		settings identity.PoolSettings
		hide     *string
		want     map[string]outcomes
	}{
		{"safe", safe, nil, safeOutcomes},
		{"safe, hiding asked for", safe, ptr("ENABLED"), safeOutcomes},
		{"safe, telling asked for", safe, ptr("LEGACY"), cognitoOutcomes(identity.ErrUserNotFound)},
		{"Cognito", cognitoPool, nil, cognitoOutcomes(identity.ErrUserNotFound)},
		{"Cognito, hiding", cognitoPool, ptr("ENABLED"), cognitoOutcomes(identity.ErrIncorrectCredentials)},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			client := f.client(t, pool, identity.ClientSettings{PreventUserExistenceErrors: tt.hide})
			states(t, f, pool)
			for _, name := range slices.Sorted(maps.Keys(tt.want)) {
				for how, try := range ways {
					_, err := try(t, client, pool.PoolID(), name, password)
					wantErr(t, name+" with the right "+how, err, tt.want[name].right)
					_, err = try(t, client, pool.PoolID(), name, wrong)
					wantErr(t, name+" with a wrong "+how, err, tt.want[name].wrong)
				}
			}
		})
	}
}

func TestTemporaryPasswordLeadsToAChallenge(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	_, err := pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "alice", TemporaryPassword: password, SuppressInvitation: true})
	check(t, "Create", err)
	for how, try := range ways {
		res, err := try(t, pool.AppClient, pool.PoolID(), "alice", password)
		check(t, how, err)
		if _, ok := res.Challenge.(*identity.NewPasswordRequired); !ok || res.Tokens != nil {
			t.Errorf("%s: result %+v, want a challenge and no tokens", how, res)
		}
	}
}

func TestTemporaryPasswordLivesAsLongAsThePoolSays(t *testing.T) {
	day := 24 * time.Hour
	for _, tt := range few.Of(2, []struct {
		name     string
		settings identity.PoolSettings
		life     time.Duration
	}{
		{"default", identity.PoolSettings{}, 7 * day},
		{"policy", identity.PoolSettings{PasswordPolicy: &identity.PasswordPolicy{TemporaryDays: 2}}, 2 * day},
		{"unused account", identity.PoolSettings{UnusedAccountDays: ptr(3)}, 3 * day},
		{"policy before unused account", identity.PoolSettings{UnusedAccountDays: ptr(3), PasswordPolicy: &identity.PasswordPolicy{TemporaryDays: 2}}, 2 * day},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			_, err := pool.Admin().Users().Create(t.Context(), identity.CreateUser{Username: "alice", TemporaryPassword: password, SuppressInvitation: true})
			check(t, "Create", err)
			f.advance(tt.life - time.Millisecond)
			wantErr(t, "just before", byPassword(t, pool.AppClient, "alice", password), nil)
			f.advance(time.Millisecond)
			wantErr(t, "at the end", byPassword(t, pool.AppClient, "alice", password), identity.ErrTemporaryPasswordExpired)
		})
	}
}

func TestSignInNeedsItsFlow(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.join(t, pool, "alice", email)
	for _, tt := range []struct {
		flow          identity.AuthFlow
		password, srp bool
	}{
		{identity.AllowUserPassword, true, false},
		{identity.LegacyUserPassword, true, true},
		{identity.LegacyAdminNoSRP, false, true},
		{identity.LegacyCustomOnly, false, false},
		{identity.AllowUserSRP, false, true},
		{identity.AllowRefresh, false, false},
		{identity.AllowCustom, false, false},
		{identity.AllowAdminPassword, false, false},
	} {
		client := f.client(t, pool, identity.ClientSettings{AuthFlows: []identity.AuthFlow{tt.flow}})
		for how, allowed := range map[string]bool{"password": tt.password, "SRP": tt.srp} {
			_, err := allWays[how](t, client, pool.PoolID(), "alice", password)
			if allowed {
				wantErr(t, string(tt.flow)+" by "+how, err, nil)
			} else {
				wantErr(t, string(tt.flow)+" by "+how, err, identity.ErrFlowNotEnabled)
			}
		}
	}
}

func TestSignInNeedsItsParameters(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.join(t, pool, "alice", email)
	for _, tt := range []struct {
		in   identity.SignIn
		name string
	}{
		{identity.SignIn{Password: password}, "USERNAME"},
		{identity.SignIn{Username: "alice"}, "PASSWORD"},
		{identity.SignIn{Username: "nobody"}, "PASSWORD"},
	} {
		_, err := pool.SignIn(t.Context(), tt.in)
		p, ok := errors.AsType[*identity.ParameterError](err)
		if !ok || p.Name != tt.name || !errors.Is(err, identity.ErrMissingParameter) {
			t.Errorf("SignIn(%v): %v, want %s missing", tt.in, err, tt.name)
		}
	}
}

func TestClientSecretIsProved(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.join(t, pool, "alice", email)
	a := f.client(t, pool, identity.ClientSettings{GenerateSecret: true})
	secrets, err := pool.Admin().Clients().Secrets(t.Context(), a.ClientID())
	check(t, "Secrets", err)
	hash := func(name string) string { return identity.SecretHash(secrets[0], name, a.ClientID()) }
	ctx := t.Context()
	calls := map[string]func(name, hash string) error{
		"SignUp": func(name, hash string) error {
			_, err := a.SignUp(ctx, identity.SignUp{Username: name, Password: password, SecretHash: hash})
			return err
		},
		"ConfirmSignUp": func(name, hash string) error {
			return a.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: name, Code: "000000", SecretHash: hash})
		},
		"ResendConfirmationCode": func(name, hash string) error {
			_, err := a.ResendConfirmationCode(ctx, name, hash)
			return err
		},
		"SignIn": func(name, hash string) error {
			_, err := a.SignIn(ctx, identity.SignIn{Username: name, Password: password, SecretHash: hash})
			return err
		},
		"StartSRP": func(name, hash string) error {
			_, err := a.StartSRP(ctx, identity.StartSRP{Username: name, A: "2", SecretHash: hash})
			return err
		},
	}
	for call, try := range calls {
		for _, name := range []string{"alice", "nobody"} {
			wantErr(t, call+" without a hash", try(name, ""), identity.ErrSecretHashMissing)
			wantErr(t, call+" with a hash of another name", try(name, hash("bob")), identity.ErrSecretHashMismatch)
			wantErr(t, call+" with the plain secret", try(name, string(secrets[0])), identity.ErrSecretHashMismatch)
			if err := try(name, hash(name)); errors.Is(err, identity.ErrSecretHashMismatch) || errors.Is(err, identity.ErrSecretHashMissing) {
				t.Errorf("%s with the right hash: %v", call, err)
			}
		}
	}
}

// notTrigger is nil for the error of a trigger that cannot be called.
func notTrigger(err error) error {
	switch {
	case errors.Is(err, identity.ErrTrigger):
		return nil
	case err == nil:
		return errors.New("a trigger was skipped")
	}
	return err
}

func TestTriggerIsNotSkipped(t *testing.T) {
	for trigger, try := range map[identity.Trigger]func(context.Context, *identity.UserPool) error{
		identity.PreSignUp: func(ctx context.Context, pool *identity.UserPool) error {
			_, err := pool.SignUp(ctx, identity.SignUp{Username: "bob", Password: password, Attributes: map[string]string{"email": "b@example.com"}})
			return err
		},
		identity.PreAuthentication: func(ctx context.Context, pool *identity.UserPool) error {
			_, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
			return err
		},
		identity.PreTokenGeneration: func(ctx context.Context, pool *identity.UserPool) error {
			_, err := pool.SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
			return err
		},
		identity.PostConfirmation: func(ctx context.Context, pool *identity.UserPool) error {
			return cmp.Or(
				notTrigger(pool.ConfirmSignUp(ctx, identity.ConfirmSignUp{Username: "carol", Code: "000000"})),
				recoverAs(ctx, pool.AppClient, "alice", "000000", chosen),
			)
		},
		identity.CustomMessage: func(ctx context.Context, pool *identity.UserPool) error {
			_, err := pool.ForgotPassword(ctx, "alice", "")
			return cmp.Or(notTrigger(err), pool.Admin().Users().ResetPassword(ctx, "alice"))
		},
		identity.UserMigration: func(ctx context.Context, pool *identity.UserPool) error {
			_, err := pool.ForgotPassword(ctx, "nobody", "")
			return err
		},
	} {
		f := newEngine(t)
		pool := f.open(t, identity.PoolSettings{})
		f.join(t, pool, "alice", email)
		f.signUp(t, pool, "carol", "carol@example.com")
		check(t, "EditPool", f.EditPool(t.Context(), pool.PoolID(), func(s *identity.PoolSettings) {
			s.Triggers = map[identity.Trigger]identity.TriggerTarget{trigger: {ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"}}
		}))
		wantErr(t, string(trigger), try(t.Context(), pool), identity.ErrTrigger)
	}
}

func TestSignInOfOtherPoolsClientIsRefused(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	other, err := f.OpenUserPool(t.Context(), "other", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	wantErr(t, "client of another pool", byPassword(t, pool.Client(other.ClientID()), "alice", password), identity.ErrClientNotFound)
	wantErr(t, "client of no pool", byPassword(t, pool.Client("nosuchclient"), "alice", password), identity.ErrClientNotFound)
}

// A hookedStore calls hook once, before the next Update.
type hookedStore struct {
	store.Store
	hook func()
}

func (s *hookedStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if hook := s.hook; hook != nil {
		s.hook = nil
		hook()
	}
	return s.Store.Update(ctx, fn)
}

// TestSignInSeesWhatChangesWhileThePasswordIsHashed changes the account after
// the password was found to be right, and before the sign-in is written.
func TestSignInSeesWhatChangesWhileThePasswordIsHashed(t *testing.T) {
	for how, try := range ways {
		for name, tt := range few.Named(2, map[string]struct {
			change func(f *fixture, pool *identity.UserPool) error
			want   error
		}{
			"nothing": {func(*fixture, *identity.UserPool) error { return nil }, nil},
			"password": {func(f *fixture, pool *identity.UserPool) error {
				f.advance(time.Second)
				return pool.Admin().Users().SetPassword(t.Context(), "alice", chosen, true)
			}, identity.ErrIncorrectCredentials},
			"disabled": {func(f *fixture, pool *identity.UserPool) error {
				return pool.Admin().Users().Disable(t.Context(), "alice")
			}, identity.ErrUserDisabled},
			"deleted": {func(f *fixture, pool *identity.UserPool) error {
				u, err := pool.Admin().Users().Get(t.Context(), "alice")
				check(t, "Get", err)
				return pool.Admin().Users().Delete(t.Context(), u.Sub)
			}, identity.ErrIncorrectCredentials},
			"locked": {func(_ *fixture, pool *identity.UserPool) error {
				for range 5 {
					_ = byPassword(t, pool.AppClient, "alice", wrong)
				}
				return nil
			}, identity.ErrTooManyAttempts},
		}) {
			s := &hookedStore{Store: memory.New()}
			f := newEngineOn(t, s)
			pool := f.open(t, identity.PoolSettings{SRP: true})
			f.join(t, pool, "alice", email)
			f.signIn(t, pool.AppClient, "alice") // makes the keys
			s.hook = func() { check(t, name, tt.change(f, pool)) }
			_, err := try(t, pool.AppClient, pool.PoolID(), "alice", password)
			wantErr(t, name+" changed, by "+how, err, tt.want)
			if s.hook != nil {
				t.Errorf("%s by %s: nothing was written", name, how)
			}
		}
	}
}
