package oidc_test

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/cognate-id/cognate/internal/fakeidp"
)

// TestMain has the garbage collector run seldom: what a test makes is small and soon dropped.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	fakeidp.InsecureKeyFile = "../../../internal/fakeidp/testdata/key.pem"
	os.Exit(m.Run())
}
