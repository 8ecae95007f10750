package storetest

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/cognate-id/cognate/store"
)

func fork(t testing.TB, s store.Store) {
	forker, ok := s.(store.Forker)
	if !ok {
		t.Skip("not a store.Forker")
	}
	put(t, s, "table", map[string]string{"both": "1", "gone": "1"})
	other, err := forker.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	put(t, s, "table", map[string]string{"left": "1", "both": "2"})
	put(t, other, "table", map[string]string{"right": "1"})
	mustUpdate(t, other, func(tx store.Tx) error { return tx.Delete("table", "gone") })
	for _, tt := range []struct{ key, left, right string }{
		{"both", "2", "1"}, {"left", "1", ""}, {"right", "", "1"}, {"gone", "1", ""},
	} {
		if l, r := get(t, s, "table", tt.key), get(t, other, "table", tt.key); l != tt.left || r != tt.right {
			t.Errorf("%q: got %q and %q in the fork, want %q and %q", tt.key, l, r, tt.left, tt.right)
		}
	}
}

func bulkLoad(t testing.TB, s store.Store) {
	loader, ok := s.(store.BulkLoader)
	if !ok {
		t.Skip("not a store.BulkLoader")
	}
	put(t, s, "people", map[string]string{"before": "1"})
	mustUpdate(t, s, func(tx store.Tx) error { return tx.Delete("people", "before") })
	m := newModel(5)
	loaded := times(4_000, 400)
	for i := range loaded {
		id := fmt.Sprintf("%06d", i*7919%loaded) // not in order
		m.people[id] = person{ID: id, Names: []string{"n" + id}, Tags: []string{fmt.Sprint("tag", i%4)}}
	}
	if err := loader.BulkLoad(t.Context(), m.entries(t)); err != nil {
		t.Fatal(err)
	}
	m.steps(t, s, 20)
	m.compare(t, s)
	err := loader.BulkLoad(t.Context(), func(yield func(store.Ref, []byte) bool) {
		yield(store.Ref{Table: "table", Key: "key"}, []byte("{"))
	})
	if !errors.Is(err, store.ErrInvalid) {
		t.Errorf("BulkLoad of an invalid value: got %v, want %v", err, store.ErrInvalid)
	}
}

// entries yields all entries of the model, for a bulk load.
func (m *model) entries(t testing.TB) iter.Seq2[store.Ref, []byte] {
	return func(yield func(store.Ref, []byte) bool) {
		for _, p := range m.people {
			refs, values, err := people.Entries(&p)
			if err != nil {
				t.Errorf("Entries: %v", err)
				return
			}
			for i, ref := range refs {
				if !yield(ref, values[i]) {
					return
				}
			}
		}
	}
}
