package bolt_test

import (
	"path/filepath"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/storetest"
)

// open opens a store that is closed and checked at the end of the test.
func open(t testing.TB, path string) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		path := filepath.Join(t.TempDir(), "store.db")
		t.Cleanup(func() { checkFile(t, path) })
		s, err := bolt.Open(path, &bolt.Options{InsecureNoSync: testing.Short()}) // the power does not fail
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestContractWithEachFunctionRunTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the contract again; TestContract has run it once")
	}
	storetest.Run(t, func(t *testing.T) store.Store {
		return storetest.Twice(open(t, filepath.Join(t.TempDir(), "store.db")))
	})
}

func TestDurable(t *testing.T) {
	storetest.RunDurable(t, func(t *testing.T, dir string) store.Store {
		return open(t, filepath.Join(dir, "store.db"))
	})
}

func TestKill(t *testing.T) {
	storetest.RunKill(t, func(t *testing.T, dir string) store.Store {
		return open(t, filepath.Join(dir, "store.db"))
	})
}
