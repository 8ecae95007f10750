//go:build race

package bolt_test

// raceEnabled tells whether the race detector is on.
const raceEnabled = true
