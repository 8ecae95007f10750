package oauth_test

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/cognate-id/cognate/internal/fakeidp"
)

// TestMain has the garbage collector run seldom: each test makes an engine of its own, small and soon dropped.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	fakeidp.InsecureKeyFile = "../internal/fakeidp/testdata/key.pem"
	os.Exit(m.Run())
}

// crowd is how many do the same at once.
func crowd() int {
	if testing.Short() {
		return 5
	}
	return 20
}
