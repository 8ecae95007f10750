package identity_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// update changes the settings of a pool.
func update(t testing.TB, pool *identity.UserPool, fn func(*identity.PoolSettings)) *identity.PoolInfo {
	t.Helper()
	info, err := pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error { fn(s); return nil })
	check(t, "Update", err)
	return info
}

func TestUpdateKeepsWhatItIsNotAskedToChange(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Tags: map[string]string{"a": "1"}, Schema: with(custom("custom:a")), CaseSensitive: ptr(true)})
	before, err := pool.Admin().Describe(t.Context())
	check(t, "Describe", err)
	f.advance(time.Minute)
	got := update(t, pool, func(s *identity.PoolSettings) {
		s.Tags["b"] = "2"
		s.Schema = append(s.Schema, custom("custom:b"))
		s.PasswordPolicy = &identity.PasswordPolicy{MinimumLength: 20}
	})
	want := *before
	want.Modified = f.now()
	want.Settings.Tags = map[string]string{"a": "1", "b": "2"}
	want.Settings.Schema = with(custom("custom:a"), custom("custom:b"))
	want.Settings.PasswordPolicy = &identity.PasswordPolicy{MinimumLength: 20}
	if !reflect.DeepEqual(got, &want) {
		t.Errorf("Update = %+v, want %+v", got, &want)
	}
	if again, err := pool.Admin().Describe(t.Context()); err != nil || !reflect.DeepEqual(again, &want) {
		t.Errorf("Describe = %+v, %v, want %+v", again, err, &want)
	}
	if _, ok := before.Settings.Tags["b"]; ok {
		t.Error("what was read before changed under its reader")
	}
}

func TestWhatAPoolIsMadeWithCannotBeChanged(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{Schema: with(custom("custom:a")), Aliases: []string{"email"}})
	for setting, change := range map[string]func(*identity.PoolSettings){
		"Region":             func(s *identity.PoolSettings) { s.Region = "eu-west-1" },
		"Defaults":           func(s *identity.PoolSettings) { s.Defaults = identity.CognitoDefaults; s.CaseSensitive = ptr(false) },
		"Algorithm":          func(s *identity.PoolSettings) { s.Algorithm = "" },
		"Aliases":            func(s *identity.PoolSettings) { s.Aliases = append(s.Aliases, "phone_number") },
		"UsernameAttributes": func(s *identity.PoolSettings) { s.UsernameAttributes = []string{"email"} },
		"CaseSensitive":      func(s *identity.PoolSettings) { s.CaseSensitive = ptr(true) },
		"Schema":             func(s *identity.PoolSettings) { s.Schema[len(s.Schema)-1].Mutable = false },
		"Name":               func(s *identity.PoolSettings) { s.Name = "" }, // can be changed, but not to that
	} {
		_, err := pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error { change(s); return nil })
		if e, ok := errors.AsType[*identity.SettingError](err); !ok || e.Setting != setting {
			t.Errorf("%s: %v, want it refused", setting, err)
		}
	}
	for name, change := range map[string]func(*identity.PoolSettings){
		"an attribute less":     func(s *identity.PoolSettings) { s.Schema = s.Schema[:len(s.Schema)-1] },
		"no schema":             func(s *identity.PoolSettings) { s.Schema = nil },
		"another order":         func(s *identity.PoolSettings) { slices.Reverse(s.Schema) },
		"an attribute twice":    func(s *identity.PoolSettings) { s.Schema = append(s.Schema, custom("custom:a")) },
		"a standard one longer": func(s *identity.PoolSettings) { s.Schema[0].Bounds.Max = ptr("9") },
	} {
		_, err := pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error { change(s); return nil })
		wantErr(t, name, err, identity.ErrInvalidSettings)
	}
	same := update(t, pool, func(s *identity.PoolSettings) { s.CaseSensitive = ptr(false) }) // which is what unset means
	if same.Settings.CaseSensitive == nil {
		t.Error("what unset means cannot be said")
	}
}

func TestUpdateThatFailsChangesNothing(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	client := f.client(t, pool, identity.ClientSettings{GenerateSecret: true})
	before := contents(t, f.store)
	_, err := pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error { s.Name = "new"; return errInjected })
	wantErr(t, "Update", err, errInjected)
	clients := pool.Admin().Clients()
	_, err = clients.Update(t.Context(), client.ClientID(), func(s *identity.ClientSettings) error { s.Name = "new"; return errInjected })
	wantErr(t, "Update of a client", err, errInjected)
	for name, change := range map[string]func(*identity.ClientSettings){
		"no secret":      func(s *identity.ClientSettings) { s.GenerateSecret = false },
		"another secret": func(s *identity.ClientSettings) { s.Secret = "a_secret_of_26_characters_x" },
		"no name":        func(s *identity.ClientSettings) { s.Name = "" },
		"too long":       func(s *identity.ClientSettings) { s.AccessTokenValidity = ptr(25) },
	} {
		_, err := clients.Update(t.Context(), client.ClientID(), func(s *identity.ClientSettings) error { change(s); return nil })
		wantErr(t, name, err, identity.ErrInvalidSettings)
	}
	if !reflect.DeepEqual(contents(t, f.store), before) {
		t.Error("something was written all the same")
	}
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	nothing := func(*identity.PoolSettings) error { return nil }
	_, err = pool.Admin().Update(t.Context(), nothing)
	wantErr(t, "Update of a deleted pool", err, identity.ErrPoolNotFound)
	_, err = clients.AddSecret(t.Context(), client.ClientID(), "")
	wantErr(t, "AddSecret in a deleted pool", err, identity.ErrPoolNotFound)
	for _, err := range clients.List(t.Context(), "") {
		wantErr(t, "List of a deleted pool", err, identity.ErrPoolNotFound)
	}
}

func TestNoUpdateIsLost(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 80 updates at once")
	}
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		const n = 40
		clients := pool.Admin().Clients()
		errs := together(2*n, func(i int) error {
			if i%2 == 0 {
				_, err := pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
					if s.Tags == nil {
						s.Tags = map[string]string{}
					}
					s.Tags[fmt.Sprint(i)] = ""
					return nil
				})
				return err
			}
			_, err := clients.Update(t.Context(), pool.ClientID(), func(s *identity.ClientSettings) error {
				s.LogoutURLs = append(s.LogoutURLs, fmt.Sprintf("https://example.com/%d", i))
				return nil
			})
			return err
		})
		tally(t, errs, nil)
		info, err := pool.Admin().Describe(t.Context())
		check(t, "Describe", err)
		client, err := clients.Get(t.Context(), pool.ClientID())
		check(t, "Get", err)
		if len(info.Settings.Tags) != n || len(client.Settings.LogoutURLs) != n {
			t.Errorf("%d and %d changes are left, want %d each", len(info.Settings.Tags), len(client.Settings.LogoutURLs), n)
		}
		check(t, "Verify", verify(t, f.store))
	})
}

func TestSettingsHoldAtTheNextSignIn(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.join(t, pool, "alice", email)
	f.signIn(t, pool.AppClient, "alice")
	bySRP := func() error {
		x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
		return second(x.ch.Answer(t.Context(), x.proof(t, password)))
	}
	wantErr(t, "SRP", bySRP(), nil)
	x := mustBeginSRP(t, pool.AppClient, pool.PoolID(), "alice")
	update(t, pool, func(s *identity.PoolSettings) { s.SRP = false })
	wantErr(t, "SRP that began before the pool ceased to keep verifiers", second(x.ch.Answer(t.Context(), x.proof(t, password))), identity.ErrIncorrectCredentials)
	client := f.client(t, pool, identity.ClientSettings{}) // may use SRP by its own settings
	x = mustBeginSRP(t, client, pool.PoolID(), "alice")
	wantErr(t, "SRP without verifiers", second(x.ch.Answer(t.Context(), x.proof(t, password))), identity.ErrIncorrectCredentials)
	f.signIn(t, pool.AppClient, "alice")
	if left := entries(t, f.store, `"verifier"`); len(left) > 0 {
		t.Errorf("a verifier is left in %q after a sign-in", left)
	}
	update(t, pool, func(s *identity.PoolSettings) { s.SRP = true })
	f.signIn(t, pool.AppClient, "alice") // makes the verifier again
	wantErr(t, "SRP", bySRP(), nil)

	update(t, pool, func(s *identity.PoolSettings) { s.MFA, s.TOTP = "ON", new(true) })
	in, err := pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	if _, ok := in.Challenge.(*identity.MFASetupRequired); err != nil || !ok || in.Tokens != nil {
		t.Errorf("SignIn = %+v, %v, want a second factor to be set up", in, err)
	}
	update(t, pool, func(s *identity.PoolSettings) { s.MFA, s.TOTP = "OFF", new(false) })
	f.signIn(t, pool.AppClient, "alice")
}

func TestQuotasOfPoolsAndClients(t *testing.T) {
	f := newEngineWith(t, memory.New(), func(o *identity.Options) { o.Quotas = identity.Quotas{Pools: 2, Clients: 2} })
	make := func(region string) error {
		return second(f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "p", Region: region}))
	}
	wantErr(t, "first pool", make("us-east-1"), nil)
	pool := f.open(t, identity.PoolSettings{})
	wantErr(t, "third pool", make("us-east-1"), identity.ErrQuotaExceeded)
	_, err := f.OpenUserPool(t.Context(), "another", nil)
	wantErr(t, "third pool by its key", err, identity.ErrQuotaExceeded)
	_, err = f.OpenUserPool(t.Context(), t.Name(), nil)
	wantErr(t, "pool that is there", err, nil)
	wantErr(t, "pool of another region", make("eu-west-1"), nil)
	clients := pool.Admin().Clients() // the default one is there
	create := func() error {
		return second(clients.Create(t.Context(), &identity.ClientSettings{Name: "c"}))
	}
	wantErr(t, "second client", create(), nil)
	wantErr(t, "third client", create(), identity.ErrQuotaExceeded)
	check(t, "Delete", clients.Delete(t.Context(), pool.ClientID()))
	wantErr(t, "client in the place of another", create(), nil)
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	wantErr(t, "pool in the place of another", make("us-east-1"), nil)
}
