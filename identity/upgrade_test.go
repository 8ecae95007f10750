package identity_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// oldSearch is a store whose search index has values as they were given, from the
// version that wrote them so: three users with names and addresses in mixed case.
func oldSearch(t *testing.T) store.Store {
	t.Helper()
	return oldStore(t, "testdata/search-v1.jsonl")
}

// oldStore is a store in memory with the entries in a file, one a line.
func oldStore(t *testing.T, path string) store.Store {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	st := memory.New()
	err = st.Update(t.Context(), func(tx store.Tx) error {
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var line struct {
				Table string
				Key   []byte
				Value json.RawMessage
			}
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				return err
			}
			if err := tx.Put(line.Table, string(line.Key), line.Value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// A store from before the search index was folded is searched without regard to
// case once it is upgraded, and check finds nothing wrong with it.
func TestUpgradeFoldsTheSearchIndex(t *testing.T) {
	st := oldSearch(t)
	problems := func() (n int) {
		err := identity.Check(t.Context(), st, identity.Tables(), func(p store.Problem) {
			if p.Index {
				n++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if problems() == 0 {
		t.Error("the golden file is in the present form already")
	}
	for range 2 {
		check(t, "Upgrade", identity.Upgrade(t.Context(), st))
	}
	if n := problems(); n > 0 {
		t.Errorf("after the upgrade check finds %d problems of indexes", n)
	}
	pool, err := identity.New(st, nil).OpenUserPool(t.Context(), "app", nil)
	if err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]string{
		`email = "alice@example.COM"`: "Alice", `email ^= "carol@"`: "carol", `username = "ALICE"`: "Alice", `name = "école"`: "Alice",
		`family_name = "STRASSE"`: "carol", `preferred_username ^= "cAZ"`: "carol", `given_name = "bob"`: "bob", `email = "bob@example.com"`: "bob",
	} {
		page, _, err := pool.Admin().Users().Page(t.Context(), identity.UserQuery{Filter: filter})
		if err != nil || len(page) != 1 || page[0].Username != want {
			t.Errorf("%s: %d users, %v, want %s", filter, len(page), err, want)
		}
	}
	page, _, err := pool.Admin().Users().Page(t.Context(), identity.UserQuery{Filter: `status = "enabled"`})
	if err != nil || len(page) > 0 {
		t.Errorf("status is compared without regard to case: %d users, %v", len(page), err)
	}
}

// A store that a later version has upgraded is refused.
func TestUpgradeRefusesALaterForm(t *testing.T) {
	st := oldSearch(t)
	check(t, "Upgrade", identity.Upgrade(t.Context(), st))
	check(t, "Update", st.Update(t.Context(), func(tx store.Tx) error {
		return tx.Put("formats", store.Key("search"), []byte(`{"v":1,"name":"search","version":3}`))
	}))
	wantErr(t, "Upgrade", identity.Upgrade(t.Context(), st), store.ErrNewer)
}
