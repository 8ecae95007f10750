//go:build race

package bolt_test

// raceEnabled reports whether the race detector is on.
const raceEnabled = true
