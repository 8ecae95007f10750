// Package storetest holds a driver to the storage contract.
//
// A driver's test calls [Run] with a function that opens an empty store, and
// [RunDurable] if it outlives its process. [Twice] makes functions that are
// not pure show in any test.
package storetest

import (
	"testing"

	"github.com/cognate-id/cognate/store"
)

// A check proves one promise of the contract on an empty store.
type check struct {
	name string // of the promise
	run  func(t testing.TB, s store.Store)
}

var checks = []check{
	{"Order", order},
	{"PrefixAndRange", prefixAndRange},
	{"ReverseAndLimit", reverseAndLimit},
	{"ReadsItsOwnWrites", readsItsOwnWrites},
	{"ScansItsOwnWrites", scansItsOwnWrites},
	{"GetInsideScan", getInsideScan},
	{"DeleteInsideScan", deleteInsideScan},
	{"RollbackOnError", rollbackOnError},
	{"AllOrNothing", allOrNothing},
	{"InsertConflict", insertConflict},
	{"SwallowedErrorDoesNotCommit", swallowedErrorDoesNotCommit},
	{"SnapshotIsStable", snapshotIsStable},
	{"NoDirtyRead", noDirtyRead},
	{"NoLostUpdate", noLostUpdate},
	{"NoWriteSkew", noWriteSkew},
	{"NoPhantom", noPhantom},
	{"OneWinnerOfMany", oneWinnerOfMany},
	{"CountsEveryIncrement", countsEveryIncrement},
	{"ValuesAreCopied", valuesAreCopied},
	{"Limits", limits},
	{"InvalidValues", invalidValues},
	{"EqualAsJSON", equalAsJSON},
	{"Cancellation", cancellation},
	{"PanicInFunction", panicInFunction},
	{"Expiry", expiry},
	{"DeleteRange", deleteRange},
	{"TablesAndIndexes", tablesAndIndexes},
	{"RecordedHistory", recordedHistory},
	{"OtherHistories", otherHistories},
	{"ScanInConstantMemory", scanInConstantMemory},
	{"Fork", fork},
	{"BulkLoad", bulkLoad},
	{"Close", closing},
}

// Run tests the store that open returns, which must be empty, a new one for
// each sub-test. Run closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.run(t, s)
		})
	}
}

// RunDurable tests that a store keeps what was written when it is closed and
// opened again. open opens the store in dir, which is the same for both.
func RunDurable(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	t.Run("Reopen", func(t *testing.T) {
		reopen(t, func(dir string) store.Store { return open(t, dir) })
	})
}

func reopen(t testing.TB, open func(dir string) store.Store) {
	dir := t.TempDir()
	s := open(dir)
	m := newModel(7)
	m.steps(t, s, 200)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(dir)
	m.compare(t, s)
	m.steps(t, s, 50)
	m.compare(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
