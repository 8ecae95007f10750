//go:build !race

package identity_test

// raceEnabled reports whether the race detector is on.
const raceEnabled = false
