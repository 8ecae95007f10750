package identity_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// madeV1 is what the version wrote that made testdata/keyring-v1.jsonl, when it was 9 o'clock
// in the tests: a store in which a pool has one master key.
type madeV1 struct {
	Client, Refresh, State, Code string
	Salt, Destination            string // for "ghost", whom nobody is called
}

// A store of one master key is opened. What was made with the key works, before and after a
// rotation, and the answers about unknown users stay what they were.
func TestKeyringsOfVersion1(t *testing.T) {
	raw, err := os.ReadFile("testdata/keyring-v1.json")
	check(t, "ReadFile", err)
	var made madeV1
	check(t, "Unmarshal", json.Unmarshal(raw, &made))
	for name, rotate := range map[string]bool{"as it is": false, "rotated": true} {
		t.Run(name, func(t *testing.T) {
			f := newEngineOn(t, oldStore(t, "testdata/keyring-v1.jsonl"))
			pool, err := f.OpenUserPool(t.Context(), "app", nil)
			check(t, "OpenUserPool", err)
			a := pool.Client(made.Client)
			version, masters := 1, 0
			if rotate {
				version, masters = 2, 2 // a process of version 1 refuses the record: it would ignore the newer master
				check(t, "RotateKeys", pool.Admin().RotateKeys(t.Context(), 0))
			}
			check(t, "Refresh", second(a.Refresh(t.Context(), identity.Refresh{Token: identity.Secret(made.Refresh)})))
			check(t, "ConfirmSignUp", a.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "bob", Code: identity.Secret(made.Code)}))
			check(t, "NewPassword", second(a.NewPassword("carol", made.State).Answer(t.Context(), identity.NewPassword{Password: chosen})))
			if got := told(t, a, "ghost"); got[1] != made.Salt || got[2] != made.Destination {
				t.Errorf("an unknown user is answered %q, want %q and %q", got, made.Salt, made.Destination)
			}
			f.signIn(t, a, "alice")
			if k := f.ring(t, pool.PoolID()); k.Version != version || len(k.Masters) != masters {
				t.Errorf("stored is version %d with %d master keys, want %d with %d", k.Version, len(k.Masters), version, masters)
			}
			check(t, "RevokeKeys", pool.Admin().RevokeKeys(t.Context()))
			wantErr(t, "Refresh", second(a.Refresh(t.Context(), identity.Refresh{Token: identity.Secret(made.Refresh)})), identity.ErrInvalidRefreshToken)
			check(t, "Check", verify(t, f.store))
		})
	}
}

// A process that an upgrade left behind refuses the keyring of a newer version, and leaves it
// alone: it would ignore keys that it does not know, and answer differently.
func TestKeyringsOfANewerVersion(t *testing.T) {
	f := newEngine(t)
	pool := f.open(t, identity.PoolSettings{SRP: true})
	f.join(t, pool, "alice", email)
	tokens := f.signIn(t, pool.AppClient, "alice")
	ref := store.Ref{Table: "keyrings", Key: store.Key(pool.PoolID())}
	read := func() (raw []byte) {
		t.Helper()
		check(t, "View", f.store.View(t.Context(), func(r store.Reader) error {
			values, err := r.Get(ref)
			if err == nil {
				raw = bytes.Clone(values[0])
			}
			return err
		}))
		return raw
	}
	newer := bytes.Replace(read(), []byte(`{"v":2,`), []byte(`{"v":3,`), 1)
	check(t, "Update", f.store.Update(t.Context(), func(tx store.Tx) error { return tx.Put(ref.Table, ref.Key, newer) }))
	for name, engine := range map[string]*identity.Engine{"the same": f.Engine, "another": newEngineOn(t, f.store).Engine} {
		same, err := engine.UserPool(t.Context(), pool.PoolID())
		check(t, "UserPool", err)
		a := same.Client(pool.ClientID())
		for what, call := range map[string]func() error{
			"SignIn":     func() error { return byPassword(t, a, "alice", password) },
			"StartSRP":   func() error { return second(beginSRP(t.Context(), a, pool.PoolID(), "nobody")) },
			"Refresh":    func() error { return second(a.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh, Rotating: true})) },
			"Session":    func() error { return second(engine.Session(t.Context(), tokens.Access)) },
			"JWKS":       func() error { return second(engine.JWKS(t.Context(), pool.PoolID())) },
			"RotateKeys": func() error { return same.Admin().RotateKeys(t.Context(), 0) },
			"RevokeKeys": func() error { return same.Admin().RevokeKeys(t.Context()) },
		} {
			wantErr(t, name+" engine: "+what, call(), store.ErrNewer)
		}
	}
	if !bytes.Equal(read(), newer) {
		t.Error("the keyring was written")
	}
}
