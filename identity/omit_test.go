package identity_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

// What a program gets that leaves something out: it must be safe.

// A wrapped store passes on what is inside.
type wrapped struct{ store.Store }

func (w wrapped) Unwrap() store.Store { return w.Store }

// A mute store does not say what is inside.
type mute struct{ store.Store }

func TestNoSecretReachesADiskInClear(t *testing.T) {
	keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	check(t, "OpenKeyFile", err)
	seal := func(s store.Store) store.Store { return sealed.New(s, keys, identity.Tables()) }
	for _, tt := range []struct {
		name    string
		store   store.Store
		options identity.Options
		want    error
	}{
		{"bare", openBolt(t), identity.Options{}, store.ErrUnsealed},
		{"bare, wrapped", wrapped{openBolt(t)}, identity.Options{}, store.ErrUnsealed},
		{"of an unknown kind", mute{memory.New()}, identity.Options{}, store.ErrUnsealed},
		{"bare, as asked for", openBolt(t), identity.Options{InsecureUnsealed: true}, nil},
		{"sealed", seal(openBolt(t)), identity.Options{}, nil},
		{"sealed, wrapped", wrapped{seal(openBolt(t))}, identity.Options{}, nil},
		{"in memory", memory.New(), identity.Options{}, nil},
		{"in memory, wrapped", wrapped{memory.New()}, identity.Options{}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.InsecureCheapHashing, tt.options.Sender = true, identity.NewOutbox(0)
			pool, err := identity.New(tt.store, &tt.options).OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
			check(t, "OpenUserPool", err)
			_, err = pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}})
			if tt.want == nil {
				check(t, "SignUp", err)
				return
			}
			wantErr(t, "SignUp", err, tt.want)
			for _, remedy := range []string{"store/sealed", "Options.InsecureUnsealed"} {
				if !strings.Contains(fmt.Sprint(err), remedy) {
					t.Errorf("the error %v does not name %s", err, remedy)
				}
			}
			if n := recordsIn(t, tt.store); n != 0 {
				t.Errorf("the refused call left %d secrets and users", n)
			}
		})
	}
}

// recordsIn counts the records in the secret tables of a store, and the users.
func recordsIn(t *testing.T, s store.Store) (n int) {
	t.Helper()
	check(t, "View", s.View(t.Context(), func(r store.Reader) error {
		for _, table := range append(identity.Tables().SecretTables(), "users") {
			for _, err := range r.Scan(table, store.Range{}) {
				if err != nil {
					return err
				}
				n++
			}
		}
		return nil
	}))
	return n
}

// A store whose secrets are in clear already can be read without the option, so
// that a program can move what is in it.
func TestUnsealedStoreCanBeRead(t *testing.T) {
	s := openBolt(t)
	pool, err := identity.New(s, &identity.Options{InsecureUnsealed: true, InsecureCheapHashing: true}).OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
	check(t, "OpenUserPool", err)
	later := identity.New(s, nil)
	found, err := later.OpenUserPool(context.Background(), "main", nil)
	check(t, "OpenUserPool again", err)
	if found.PoolID() != pool.PoolID() {
		t.Errorf("pool = %s, want %s", found.PoolID(), pool.PoolID())
	}
	_, _, err = later.AccessKeys().Create(t.Context(), "deploy", nil)
	wantErr(t, "AccessKeys.Create", err, store.ErrUnsealed)
}
