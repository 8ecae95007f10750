package storetest_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/storetest"
)

// bad returns s with a connection that the second result cuts.
func bad(s store.Store) (store.Store, func(storetest.Fate)) {
	var next atomic.Int32
	return storetest.Unsure(s, func() storetest.Fate { return storetest.Fate(next.Swap(0)) }),
		func(f storetest.Fate) { next.Store(int32(f)) }
}

func TestUnsureKeepsTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the contract again")
	}
	storetest.Run(t, func(*testing.T) store.Store {
		s, _ := bad(memory.New())
		return s
	})
}

func TestUnknownOutcome(t *testing.T) {
	for name, open := range map[string]func() (store.Store, func(storetest.Fate)){
		"Unsure": func() (store.Store, func(storetest.Fate)) { return bad(memory.New()) },
		"Unsure above Twice": func() (store.Store, func(storetest.Fate)) {
			return bad(storetest.Twice(memory.New()))
		},
		"Twice above Unsure": func() (store.Store, func(storetest.Fate)) {
			s, cut := bad(memory.New())
			return storetest.Twice(s), cut
		},
		"a store without flaws": func() (store.Store, func(storetest.Fate)) {
			s := &flawed{data: tables{}}
			return s, s.cut
		},
		"one that finds conflicts at the commit": func() (store.Store, func(storetest.Fate)) {
			s := &flawed{data: tables{}, late: true}
			return s, s.cut
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.RunUnknownOutcome(t, func(*testing.T) (store.Store, func(storetest.Fate)) { return open() })
		})
	}
}

func TestEachFlawOfUnknownOutcomeIsFound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		flaws  flaws
		checks []string
	}{
		{"runs again", flaws{retriesUnknown: true}, []string{"Committed", "Lost"}},
		{"says it is committed", flaws{hidesUnknown: true}, []string{"Committed", "Lost", "ExactlyOnce"}},
		{"rolls back", flaws{losesUnknown: true}, []string{"Committed"}},
		{"commits a part", flaws{partialUnknown: true}, []string{"Committed"}},
		{"is stuck", flaws{stuckAfterUnknown: true}, []string{"Committed", "Lost", "ExactlyOnce"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, check := range tt.checks {
				s := &flawed{flaws: tt.flaws, data: tables{}}
				got := verdictOf(t, func(t testing.TB) { storetest.UnknownOutcome(t, check, s, s.cut) })
				if got == "" {
					t.Errorf("%s finds nothing wrong", check)
				}
				t.Logf("%s: %.150s", check, got)
			}
		})
	}
}

func TestUnsureDoesWhatItSays(t *testing.T) {
	for fate, want := range map[storetest.Fate]struct {
		err   error
		value string
	}{
		storetest.Known:     {nil, "1"},
		storetest.Committed: {store.ErrUnknownOutcome, "1"},
		storetest.Lost:      {store.ErrUnknownOutcome, ""},
	} {
		inner := memory.New()
		s := storetest.Unsure(inner, func() storetest.Fate { return fate })
		err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("table", "key", []byte("1")) })
		if got := read(t, inner, "table", "key"); !errors.Is(err, want.err) || got != want.value {
			t.Errorf("fate %d: got %v and %q, want %v and %q", fate, err, got, want.err, want.value)
		}
		failed := errors.New("the function fails")
		if err := s.Update(t.Context(), func(store.Tx) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("fate %d: got %v from a function that fails", fate, err)
		}
	}
}

func read(t *testing.T, s store.Store, table, key string) (value string) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: table, Key: key})
		if err == nil {
			value = string(values[0])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}
