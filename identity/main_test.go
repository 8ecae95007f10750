package identity_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/storetest"
)

// twice is a store that finds transactions that are not pure. It costs a fifth of the time, so the short tier does without.
func twice(s store.Store) store.Store {
	if testing.Short() {
		return s
	}
	return storetest.Twice(s)
}

// TestMain has the garbage collector run seldom: each test makes engines of its
// own, small and soon dropped, and a fifth of the time was spent on tidying up.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	flag.Parse() // for testing.Short
	if testing.Short() && !raceEnabled {
		crowd = 16
		backEnds = backEnds[:1] // the engine is the same, and the store has its contract
		delete(ways, "SRP")     // its exponentiations cost milliseconds, and srp_test.go has them
	}
	os.Exit(m.Run())
}
