package saml_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the garbage collector run seldom: what a test makes is small and soon dropped.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
