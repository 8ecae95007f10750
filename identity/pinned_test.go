package identity_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity"
)

const pinned = "us-east-1_test1"

func TestPoolAndClientHaveTheirGivenIDs(t *testing.T) {
	f := newEngine(t)
	settings := &identity.PoolSettings{Name: "a", ID: pinned}
	info, err := f.CreateUserPool(t.Context(), settings)
	check(t, "CreateUserPool", err)
	if info.ID != pinned || info.Settings.ID != "" || settings.ID != pinned {
		t.Errorf("pool %q with settings %q, given %q", info.ID, info.Settings.ID, settings.ID)
	}
	pool, err := f.UserPool(t.Context(), pinned)
	check(t, "UserPool", err)
	c, err := pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "web", ID: "web1"})
	check(t, "Create", err)
	if a, err := f.AppClient(t.Context(), "web1"); err != nil || a.ClientID() != c.ID {
		t.Errorf("AppClient = %v, %v", a, err)
	}
	_, err = f.OpenUserPool(t.Context(), "main", &identity.PoolSettings{ID: "us-east-1_test2"})
	check(t, "OpenUserPool", err)
	if _, err := f.UserPool(t.Context(), "us-east-1_test2"); err != nil {
		t.Errorf("the pool of a key has not its id: %v", err)
	}
}

func TestTakenIDIsRefused(t *testing.T) {
	f := newEngine(t)
	_, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", ID: pinned})
	check(t, "CreateUserPool", err)
	_, err = f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "b", ID: pinned})
	wantErr(t, "the id of another pool", err, identity.ErrInvalidSettings)
	_, err = f.OpenUserPool(t.Context(), "main", &identity.PoolSettings{ID: pinned})
	wantErr(t, "the id of another pool, with a key", err, identity.ErrInvalidSettings)
	pool, err := f.UserPool(t.Context(), pinned)
	check(t, "UserPool", err)
	clients := pool.Admin().Clients()
	_, err = clients.Create(t.Context(), &identity.ClientSettings{Name: "a", ID: "web1"})
	check(t, "Create", err)
	_, err = clients.Create(t.Context(), &identity.ClientSettings{Name: "b", ID: "web1"})
	wantErr(t, "the id of another client", err, identity.ErrInvalidSettings)
}

// The sweep would take the users of the new pool for those of the old one.
func TestIDOfADeletedPoolIsTakenUntilItIsSwept(t *testing.T) {
	f := newEngine(t)
	_, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", ID: pinned})
	check(t, "CreateUserPool", err)
	pool, err := f.UserPool(t.Context(), pinned)
	check(t, "UserPool", err)
	_, err = pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "a", ID: "web1"})
	check(t, "Create", err)
	_, err = f.AppClient(t.Context(), "web1")
	check(t, "AppClient", err)
	check(t, "Delete", pool.Admin().Delete(t.Context()))
	_, err = f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "b", ID: pinned})
	wantErr(t, "the id of a deleted pool", err, identity.ErrInvalidSettings)
	_, err = f.Sweep(t.Context())
	check(t, "Sweep", err)
	other, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "b", ID: "us-east-1_other"})
	check(t, "CreateUserPool", err)
	pool, err = f.UserPool(t.Context(), other.ID)
	check(t, "UserPool", err)
	_, err = pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "a", ID: "web1"})
	check(t, "Create", err)
	a, err := f.AppClient(t.Context(), "web1")
	check(t, "AppClient", err)
	_, err = a.SignIn(t.Context(), identity.SignIn{Username: "nobody", Password: "wrong password 123"})
	wantErr(t, "SignIn through the client that was made again", err, identity.ErrIncorrectCredentials)
	_, err = f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "b", ID: pinned})
	check(t, "CreateUserPool after the sweep", err)
}

func TestGivenIDHasItsForm(t *testing.T) {
	f := newEngine(t)
	for _, id := range []string{"test", "eu-west-1_test", "us-east-1_", "us-east-1_a-b", "us-east-1_a\nb"} {
		_, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", ID: id})
		wantErr(t, id, err, identity.ErrInvalidSettings)
	}
	pool := f.open(t, identity.PoolSettings{})
	for _, id := range []string{"a b", "a-b", "a\n"} {
		_, err := pool.Admin().Clients().Create(t.Context(), &identity.ClientSettings{Name: "a", ID: id})
		wantErr(t, id, err, identity.ErrInvalidSettings)
	}
}

func TestKeyFindsACreatedPool(t *testing.T) {
	f := newEngine(t)
	info, err := f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "a", Key: "main"})
	check(t, "CreateUserPool", err)
	pool, err := f.OpenUserPool(t.Context(), "main", nil)
	if err != nil || pool.PoolID() != info.ID || pool.ClientID() == "" {
		t.Errorf("OpenUserPool = %+v, %v, want the pool %s with a client", pool, err, info.ID)
	}
	_, err = f.CreateUserPool(t.Context(), &identity.PoolSettings{Name: "b", Key: "main"})
	wantErr(t, "a second pool with the key", err, identity.ErrInvalidSettings)
}
