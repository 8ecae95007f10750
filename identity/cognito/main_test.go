package cognito_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the garbage collector run seldom: each test makes an engine of its own, small and soon dropped.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
