package oauth_test

import (
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/internal/fakeidp"
)

// TestMain has the garbage collector run seldom: each test makes an engine of its own, small and soon dropped.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	fakeidp.InsecureKeyFile = "../internal/fakeidp/testdata/key.pem"
	os.Exit(m.Run())
}

// few returns every nth case of a table in the short tier, and otherwise all.
func few[T any](n int, cases []T) []T {
	if !testing.Short() {
		return cases
	}
	var some []T
	for i := 0; i < len(cases); i += n {
		some = append(some, cases[i])
	}
	return some
}

// fewOf returns every nth case of a table by name in the short tier, and otherwise all.
func fewOf[T any](n int, cases map[string]T) map[string]T {
	some := map[string]T{}
	for _, name := range few(n, slices.Sorted(maps.Keys(cases))) {
		some[name] = cases[name]
	}
	return some
}

// crowd is how many do the same at once.
func crowd() int {
	if testing.Short() {
		return 5
	}
	return 20
}
