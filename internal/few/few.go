// Package few has tests run a part of their long tables in the short tier.
package few

import (
	"maps"
	"slices"
	"testing"
)

// Of returns every nth case of a table in the short tier, and otherwise all.
func Of[T any](n int, cases []T) []T {
	if !testing.Short() {
		return cases
	}
	var some []T
	for i := 0; i < len(cases); i += n {
		some = append(some, cases[i])
	}
	return some
}

// Named returns every nth case of a table by name, in the order of the names, in the short tier, and otherwise all.
func Named[T any](n int, cases map[string]T) map[string]T {
	some := map[string]T{}
	for _, name := range Of(n, slices.Sorted(maps.Keys(cases))) {
		some[name] = cases[name]
	}
	return some
}
