package identity_test

import (
	"flag"
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the garbage collector run seldom: each test makes engines of its
// own, small and soon dropped, and a fifth of the time was spent on tidying up.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	flag.Parse() // for testing.Short
	if testing.Short() && !raceEnabled {
		crowd = 24
	}
	os.Exit(m.Run())
}
