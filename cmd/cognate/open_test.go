package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

// A store whose values were sealed anew up to some place needs both keys.
func TestProbeFindsThatTheOldKeyIsMissing(t *testing.T) {
	inner := memory.New()
	defer inner.Close()
	under := func(name string) store.Store {
		keys, err := sealed.OpenKeyFile(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		return sealed.New(inner, keys, identity.SecretTables()...)
	}
	old, current := under("old"), under("new")
	for key, st := range map[string]store.Store{"a": current, "b": old} {
		err := st.Update(t.Context(), func(tx store.Tx) error { return tx.Put(identity.SecretTables()[0], key, []byte("1")) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, st := range map[string]store.Store{"new": current, "old": old} {
		err := probe(t.Context(), st, "cognate.db", keySource{file: name})
		if err == nil || !strings.Contains(err.Error(), name+" is not the key file of cognate.db") {
			t.Errorf("with the %s key alone: %v", name, err)
		}
	}
}
