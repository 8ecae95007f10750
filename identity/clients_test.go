package identity_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

func TestClientsAreListedById(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	want := []string{pool.ClientID()}
	for range 4 {
		want = append(want, f.client(t, pool, identity.ClientSettings{}).ClientID())
	}
	slices.Sort(want)
	for i := range want {
		after := ""
		if i > 0 {
			after = want[i-1]
		}
		var got []string
		for c, err := range pool.Admin().Clients().List(t.Context(), after) {
			check(t, "List", err)
			got = append(got, c.ID)
		}
		if !slices.Equal(got, want[i:]) {
			t.Errorf("after %q: %q, want %q", after, got, want[i:])
		}
	}
}

func TestUpdatedClientIsReturnedAsItIsStored(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	id := f.client(t, pool, identity.ClientSettings{GenerateSecret: true}).ClientID()
	f.advance(time.Minute)
	clients := pool.Admin().Clients()
	got, err := clients.Update(t.Context(), id, func(s *identity.ClientSettings) error {
		if !s.GenerateSecret || s.Secret != "" {
			t.Error("the settings do not tell that there is a secret, or tell it")
		}
		s.Name, s.OAuth, s.OAuthFlows, s.OAuthScopes = "new", true, []string{"client_credentials"}, []string{"openid"}
		return nil
	})
	if err != nil || got.Settings.Name != "new" || !got.HasSecret || !got.Modified.Equal(f.now()) || got.Settings.GenerateSecret {
		t.Errorf("Update = %+v, %v", got, err)
	}
	if again, err := clients.Get(t.Context(), id); err != nil || again.Settings.Name != "new" || !again.Settings.OAuth {
		t.Errorf("Get = %+v, %v", again, err)
	}
}

// A client that is deleted is gone for every engine, also one that has used it.
func TestDeletedClientIsGoneEverywhere(t *testing.T) {
	s := memory.New()
	f, other := newEngineOn(t, s), newEngineOn(t, s)
	pool := f.open(t, identity.PoolSettings{})
	f.join(t, pool, "alice", email)
	id := f.client(t, pool, identity.ClientSettings{}).ClientID()
	client, err := other.AppClient(t.Context(), id)
	check(t, "AppClient", err)
	_, err = f.AppClient(t.Context(), id)
	check(t, "AppClient", err)
	tokens := f.signIn(t, client, "alice")
	check(t, "Delete", pool.Admin().Clients().Delete(t.Context(), id))
	wantErr(t, "Delete again", pool.Admin().Clients().Delete(t.Context(), id), identity.ErrClientNotFound)
	_, err = f.AppClient(t.Context(), id)
	wantErr(t, "AppClient", err, identity.ErrClientNotFound)
	for name, e := range map[string]*fixture{"here": f, "there": other} {
		wantErr(t, "SignIn "+name, byPassword(t, client, "alice", password), identity.ErrClientNotFound)
		_, err = e.Session(t.Context(), tokens.Access)
		wantErr(t, "Session "+name, err, identity.ErrInvalidAccessToken)
	}
	_, err = client.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})
	wantErr(t, "Refresh", err, identity.ErrClientNotFound)
	wantErr(t, "the default client", byPassword(t, pool.AppClient, "alice", password), nil)
	f.advance(100 * 24 * time.Hour)
	check(t, "Sweep", second(f.Sweep(t.Context())))
	if left := entries(t, s, id); len(left) > 0 {
		t.Errorf("%q is left behind", left)
	}
}

func TestSecretsOfAClient(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{})
	clients := pool.Admin().Clients()
	id := f.client(t, pool, identity.ClientSettings{GenerateSecret: true}).ClientID()
	infos := func() (ids []string) {
		t.Helper()
		list, err := clients.SecretInfos(t.Context(), id)
		check(t, "SecretInfos", err)
		for _, s := range list {
			if s.Value != "" || s.Created.IsZero() || !strings.HasPrefix(s.ID, id+"--") {
				t.Errorf("secret %+v with a value of %d characters", s, len(s.Value))
			}
			ids = append(ids, s.ID)
		}
		return ids
	}
	seen := infos()
	for range 3 { // all within one millisecond
		added, err := clients.AddSecret(t.Context(), id, "")
		check(t, "AddSecret", err)
		if len(added.Value) != 52 || slices.Contains(seen, added.ID) {
			t.Errorf("secret %s of %d characters, want an id besides %q", added.ID, len(added.Value), seen)
		}
		seen = append(seen, added.ID)
		_, err = clients.AddSecret(t.Context(), id, "")
		wantErr(t, "third secret", err, identity.ErrQuotaExceeded)
		check(t, "DeleteSecret", clients.DeleteSecret(t.Context(), id, added.ID))
	}
	wantErr(t, "last secret", clients.DeleteSecret(t.Context(), id, seen[0]), identity.ErrLastSecret)
	wantErr(t, "deleted secret", clients.DeleteSecret(t.Context(), id, seen[1]), identity.ErrSecretNotFound)
	_, err := clients.AddSecret(t.Context(), id, "too short")
	wantErr(t, "short secret", err, identity.ErrInvalidSettings)
	if got := infos(); !slices.Equal(got, seen[:1]) {
		t.Errorf("secrets %q, want %q", got, seen[:1])
	}
	_, err = clients.AddSecret(t.Context(), pool.ClientID(), "")
	wantErr(t, "secret for a client without", err, identity.ErrInvalidSettings)
	wantErr(t, "secret of a client without", clients.DeleteSecret(t.Context(), pool.ClientID(), "x"), identity.ErrSecretNotFound)
}

// While a secret is rotated, whoever uses the old or the new one signs in.
func TestRotationOfASecretFailsNoSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("signs in again and again while a secret changes")
	}
	onBackEnds(t, identity.PoolSettings{}, func(t *testing.T, f *fixture, pool *identity.UserPool) {
		const first = identity.Secret("a_secret_of_26_characters_x")
		f.join(t, pool, "alice", email)
		client := f.client(t, pool, identity.ClientSettings{Secret: first})
		clients, id := pool.Admin().Clients(), client.ClientID()
		var mu sync.RWMutex // held for reading while a secret is in use
		current := first
		stop := make(chan struct{})
		var users sync.WaitGroup
		for range 4 {
			users.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					mu.RLock()
					hash := identity.SecretHash(current, "alice", id)
					_, err := client.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password, SecretHash: hash})
					mu.RUnlock()
					if err != nil {
						t.Errorf("SignIn: %v", err)
					}
				}
			})
		}
		for range 10 {
			old, err := clients.SecretInfos(t.Context(), id)
			check(t, "SecretInfos", err)
			added, err := clients.AddSecret(t.Context(), id, "")
			check(t, "AddSecret", err)
			mu.Lock()
			current = added.Value
			mu.Unlock()
			check(t, "DeleteSecret", clients.DeleteSecret(t.Context(), id, old[0].ID))
		}
		close(stop)
		users.Wait()
	})
}
