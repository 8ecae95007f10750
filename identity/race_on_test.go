//go:build race

package identity_test

// raceEnabled tells whether the race detector is on.
const raceEnabled = true
