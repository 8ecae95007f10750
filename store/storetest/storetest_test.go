package storetest_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/storetest"
)

// A recorder takes the place of a *testing.T and keeps what a check says.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.FailNow()
}

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	r.FailNow()
}

func (r *recorder) FailNow() { runtime.Goexit() }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.said) > 0
}

func (r *recorder) Helper() {}

// verdict runs one check on a store and returns the first thing it complains
// of, "" if nothing. A check that does not come to an end fails.
func verdict(t *testing.T, check string, s store.Store) string {
	return verdictOf(t, func(t testing.TB) { storetest.RunCheck(t, check, s) })
}

func verdictOf(t *testing.T, run func(testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(r)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		return "it hangs"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.said) == 0 {
		return ""
	}
	return r.said[0]
}

func TestAStoreWithoutFlawsPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the contract again; `store/memory` has run it")
	}
	for _, check := range storetest.CheckNames() {
		t.Run(check, func(t *testing.T) {
			if got := verdict(t, check, newFlawed(flaws{})); got != "" {
				t.Error(got)
			}
		})
	}
}

// A driver need not look whether a key is taken before it commits.
func TestAStoreThatFindsConflictsAtTheCommitPasses(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the contract twice on a slow store")
	}
	for _, check := range storetest.CheckNames() {
		t.Run(check, func(t *testing.T) {
			if got := verdict(t, check, newLate()); got != "" {
				t.Error(got)
			}
			if got := verdict(t, check, storetest.Twice(newLate())); got != "" {
				t.Errorf("each function called twice: %s", got)
			}
		})
	}
}

// broken are the stores on which checks must fail.
var broken = []struct {
	name   string
	flaws  flaws
	checks []string // which must find it
}{
	{"no isolation", flaws{dirtyReads: true, unstableSnapshot: true, lostUpdates: true}, []string{"NoDirtyRead", "SnapshotIsStable", "NoLostUpdate"}},
	{"dirty reads", flaws{dirtyReads: true}, []string{"NoDirtyRead"}},
	{"unstable snapshot", flaws{unstableSnapshot: true}, []string{"SnapshotIsStable"}},
	{"no rollback", flaws{noRollback: true}, []string{"RollbackOnError", "RecordedHistory", "OtherHistories"}},
	{"lags behind", flaws{lagsBehind: true}, []string{"AppendHistory"}},
	{"partial commit", flaws{partialCommit: true}, []string{"AllOrNothing"}},
	{"lost updates", flaws{lostUpdates: true}, []string{"NoLostUpdate", "CountsEveryIncrement", "OneWinnerOfMany", "NoWriteSkew", "NoPhantom"}},
	{"write skew", flaws{writeSkew: true}, []string{"NoWriteSkew", "NoPhantom"}},
	{"phantoms", flaws{phantoms: true}, []string{"NoPhantom"}},
	{"follows an index half way", flaws{followsHalfWay: true}, []string{"Following"}},
	{"Insert overwrites", flaws{insertOverwrites: true}, []string{"InsertConflict", "OneWinnerOfMany", "TablesAndIndexes", "RecordedHistory"}},
	{"swallows conflict", flaws{swallowsConflict: true}, []string{"SwallowedErrorDoesNotCommit", "RecordedHistory"}},
	{"goes on after a failure", flaws{goesOn: true}, []string{"RecordedHistory", "OtherHistories"}},
	{"aliases input", flaws{aliasesInput: true}, []string{"ValuesAreCopied"}},
	{"aliases output", flaws{aliasesOutput: true}, []string{"ValuesAreCopied"}},
	{"unsorted", flaws{unsorted: true}, []string{"Order", "PrefixAndRange", "RecordedHistory"}},
	{"takes null for nothing", flaws{nullIsNothing: true}, []string{"EqualAsJSON", "RecordedHistory"}},
	{"deletes too much", flaws{deletesTooMuch: true}, []string{"Expiry", "DeleteRange", "RecordedHistory", "OtherHistories"}},
	{"rounds numbers", flaws{roundsNumbers: true}, []string{"EqualAsJSON"}},
	{"Get ends a scan", flaws{getEndsScan: true}, []string{"GetInsideScan"}},
	{"a scan sees writes inside it", flaws{scanSeesWrites: true}, []string{"DeleteInsideScan"}},
	{"collects scans", flaws{collectsScan: true}, []string{"ScanInConstantMemory"}},
	{"ignores Limit", flaws{ignoresLimit: true}, []string{"ReverseAndLimit", "RecordedHistory"}},
	{"ignores Reverse", flaws{ignoresReverse: true}, []string{"ReverseAndLimit", "RecordedHistory"}},
	{"includes To", flaws{includesTo: true}, []string{"PrefixAndRange", "RecordedHistory"}},
	{"Get is blind to own writes", flaws{blindToOwnGets: true}, []string{"ReadsItsOwnWrites", "RecordedHistory", "OtherHistories"}},
	{"Scan is blind to own writes", flaws{blindToOwnScans: true}, []string{"ScansItsOwnWrites", "RecordedHistory", "OtherHistories"}},
	{"ignores context", flaws{ignoresContext: true}, []string{"Cancellation"}},
	{"reads on when the context is done", flaws{readsWhenDone: true}, []string{"CancelledReads"}},
	{"accepts anything", flaws{acceptsAnything: true}, []string{"Limits", "InvalidValues"}},
	{"stuck after a panic", flaws{stuckAfterPanic: true}, []string{"PanicInFunction"}},
	{"commits after a panic", flaws{commitsAfterPanic: true}, []string{"PanicInFunction"}},
	{"serves after Close", flaws{servesAfterClose: true}, []string{"Close"}},
	{"Close does not wait", flaws{closesAtOnce: true}, []string{"Close"}},
	{"loses entries of a bulk load", flaws{lossyBulkLoad: true}, []string{"BulkLoad"}},
	{"fork shares its data", flaws{sharedFork: true}, []string{"Fork"}},
}

func TestEachCheckHasAFlawToFind(t *testing.T) {
	found := make(map[string]bool)
	for _, b := range broken {
		for _, check := range b.checks {
			found[check] = true
		}
	}
	for _, check := range storetest.CheckNames() {
		if !found[check] {
			t.Errorf("%s has been seen to fail on no store", check)
		}
	}
}

func TestEachFlawIsFound(t *testing.T) {
	for _, tt := range broken {
		t.Run(tt.name, func(t *testing.T) {
			if !tt.flaws.collectsScan { // what others hold would hide it
				t.Parallel()
			}
			if testing.Short() {
				if tt.flaws.readsWhenDone {
					t.Skip("waits a second for a scan that does not end; the suite's check itself stays")
				}
				tt.checks = tt.checks[:1]
			}
			for _, check := range tt.checks {
				got := verdict(t, check, newFlawed(tt.flaws))
				if got == "" {
					t.Errorf("%s finds nothing wrong", check)
				}
				t.Logf("%s: %.150s", check, got)
			}
		})
	}
}

func TestTwiceFindsImpureFunctions(t *testing.T) {
	calls := 0
	for _, tt := range []struct {
		name string
		fn   func(tx store.Tx) error
		want error
	}{
		{"pure", func(tx store.Tx) error { return tx.Insert("table", "pure", []byte("1")) }, nil},
		{"counts", func(tx store.Tx) error { calls++; return tx.Put("table", "key", fmt.Append(nil, calls)) }, storetest.ErrImpure},
		{"writes once", func(tx store.Tx) error {
			if calls++; calls%2 == 0 {
				return nil
			}
			return tx.Put("table", "key", []byte("1"))
		}, storetest.ErrImpure},
		{"fails once", func(tx store.Tx) error {
			if calls++; calls%2 == 0 {
				return nil
			}
			return store.ErrNotFound
		}, storetest.ErrImpure},
		{"finds a key taken once", func(tx store.Tx) error {
			if calls++; calls%2 == 0 {
				return nil
			}
			return errors.Join(tx.Put("table", "key", []byte("1")), tx.Insert("table", "key", []byte("2")))
		}, storetest.ErrImpure},
		{"fails", func(tx store.Tx) error { return store.ErrNotFound }, store.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls = 0
			s := storetest.Twice(memory.New())
			if err := s.Update(t.Context(), tt.fn); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
