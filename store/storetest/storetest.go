// Package storetest tests whether a driver keeps the storage contract.
//
// The whole test of a driver is short, see examples/sqlite:
//
//	func open(t *testing.T, dir string) store.Store { … }
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return open(t, t.TempDir()) })
//	}
//	func TestDurable(t *testing.T) { storetest.RunDurable(t, open) }
//	func TestKill(t *testing.T)    { storetest.RunKill(t, open) }
//
// The tests and tools:
//
//   - [Run] is for every driver. It tests order, isolation, limits, cancellation, memory
//     and the rest, each on an empty store. Give each sub-test a file, a schema or a
//     database of its own.
//   - [RunDurable] and [RunKill] are for stores that outlive their process: after Close,
//     and after a SIGKILL during a write.
//   - [RunUnknownOutcome] is for stores that can lose a connection. The driver's test must
//     be able to cut the connection before and after the commit.
//   - [Twice] and [Unsure] are for programs that call Update. Twice reveals functions that
//     are not pure. Unsure makes commits end in [store.ErrUnknownOutcome].
//
// A driver may find out only at the commit that the key of an Insert exists, so all checks
// look at the error of Update, not of Insert. Run also replays a history recorded in
// testdata, to which each store must give the same answers as JSON, and histories made up
// at random.
//
// Set COGNATE_REPEATS and COGNATE_KILLS in the environment to run the race and kill checks
// longer. Every check was seen to fail on a store that was broken on purpose, and to pass
// on a correct one.
package storetest

import (
	"testing"

	"github.com/cognate-id/cognate/store"
)

// A check proves one promise of the contract on an empty store.
type check struct {
	name string // the name of the promise
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
	{"AppendHistory", appendHistory},
	{"ValuesAreCopied", valuesAreCopied},
	{"Limits", limits},
	{"InvalidValues", invalidValues},
	{"EqualAsJSON", equalAsJSON},
	{"Cancellation", cancellation},
	{"CancelledReads", cancelledReads},
	{"PanicInFunction", panicInFunction},
	{"Expiry", expiry},
	{"DeleteRange", deleteRange},
	{"TablesAndIndexes", tablesAndIndexes},
	{"Following", following},
	{"RecordedHistory", recordedHistory},
	{"OtherHistories", otherHistories},
	{"ScanInConstantMemory", scanInConstantMemory},
	{"Fork", fork},
	{"BulkLoad", bulkLoad},
	{"Close", closing},
}

// Run tests a store. open must return a new, empty store for each sub-test. Run closes it.
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

// RunDurable tests that a store keeps its entries when it is closed and opened again. open
// opens the store in dir, which is the same for both.
func RunDurable(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	t.Run("Reopen", func(t *testing.T) {
		reopen(t, func(dir string) store.Store { return open(t, dir) })
	})
}

func reopen(t testing.TB, open func(dir string) store.Store) {
	dir := t.TempDir()
	s := open(dir)
	m := newModel(7)
	m.steps(t, s, times(200, 60))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(dir)
	m.compare(t, s)
	m.steps(t, s, times(50, 20))
	m.compare(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
