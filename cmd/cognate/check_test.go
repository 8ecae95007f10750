package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
)

// TestCheck loses the index entries of a user, who cannot sign in until they are repaired.
func TestCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the command for each kind of damage; `store/storetest` holds the checks, the script `backup` runs the command")
	}
	dir, id := withPool(t, es256)
	must(t, dir, "user", "create", "alice", "--password", password)
	inStore(t, dir, func(e *identity.Engine) { // so that there are keys and a sign-in
		if _, err := signInTo(t, e, id, "alice", password); err != nil {
			t.Fatal(err)
		}
	})
	if out := must(t, dir, "check"); out != "nothing is wrong" {
		t.Errorf("check: %s", out)
	}
	st, err := bolt.Open(filepath.Join(dir, "cognate.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = st.Update(t.Context(), func(tx store.Tx) error {
		for e, err := range tx.Scan("users.names", store.Range{}) {
			if err != nil {
				return err
			}
			if err := tx.Delete("users.names", e.Key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	failure(t, dir, "problems found: 1", "--repair-indexes mends 1", "check")
	if out := must(t, dir, "check", "--repair-indexes"); !strings.Contains(out, "mended: 1") || !strings.Contains(out, "nothing is wrong") {
		t.Errorf("check --repair-indexes: %s", out)
	}
	inStore(t, dir, func(e *identity.Engine) {
		if _, err := signIn(t, e, "alice", password); err != nil {
			t.Errorf("alice signs in: %v", err)
		}
	})
}
