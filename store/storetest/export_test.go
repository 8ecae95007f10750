package storetest

import (
	"bytes"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// CheckNames returns the names of all that Run runs.
func CheckNames() (names []string) {
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

// The bodies of RunKill and RunDurable.
var (
	Kill   = runKill
	Reopen = reopen
)

// RunCheck runs one of them on s.
func RunCheck(t testing.TB, name string, s store.Store) {
	for _, c := range checks {
		if c.name == name {
			c.run(t, s)
			return
		}
	}
	t.Fatalf("there is no check %q", name)
}

// GoldenHistory is the recorded history.
func GoldenHistory() []byte { return goldenHistory }

// MakeHistory makes the recorded history anew.
func MakeHistory() []byte {
	var out bytes.Buffer
	for _, p := range newReference(1, "g").history(200) {
		out.Write(asJSON(p))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// UnknownOutcome runs one of the checks of RunUnknownOutcome.
func UnknownOutcome(t testing.TB, name string, s store.Store, cut func(Fate)) {
	for _, c := range unknownChecks {
		if c.name == name {
			c.run(t, s, cut)
			return
		}
	}
	t.Fatalf("there is no check %q", name)
}
