package memory_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// awkwardKeys have more first parts than a table numbers, and what follows
// them is short, long, alike for more than eight bytes, or full of zeros.
func awkwardKeys() []string {
	r := rand.New(rand.NewPCG(1, 2))
	rests := []string{"", "a", "a\x00", "a\x00\x00b", "abcdefgh", "abcdefgha", "abcdefghb", "\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"}
	keys := []string{"no parts", "\x00\x01", "\x00\x01rest"}
	for i := range 400 {
		part := fmt.Sprintf("pool-%03d", i)
		keys = append(keys, store.Key(part))
		for range 3 {
			rest := rests[r.IntN(len(rests))]
			keys = append(keys, store.Key(part)+rest, store.Key(part, rest), part+rest)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func scanned(t *testing.T, s store.Store, rng store.Range) []string {
	t.Helper()
	var keys []string
	err := s.View(t.Context(), func(r store.Reader) error {
		keys = nil
		for e, err := range r.Scan("t", rng) {
			if err != nil {
				return err
			}
			keys = append(keys, e.Key)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestOrderWithManyFirstParts holds the short cut that comparisons take to the order of whole keys.
func TestOrderWithManyFirstParts(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a table with many thousand keys")
	}
	want := awkwardKeys()
	s := memory.New()
	defer s.Close()
	r := rand.New(rand.NewPCG(3, 4))
	for _, i := range r.Perm(len(want)) {
		err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Insert("t", want[i], []byte(`1`)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	fork, err := s.Fork()
	if err != nil {
		t.Fatal(err)
	}
	defer fork.Close()
	for _, s := range []store.Store{s, fork} {
		compareOrder(t, s, want)
	}
	gone := make(map[string]bool)
	for _, key := range want {
		if r.IntN(2) == 0 {
			continue
		}
		gone[key] = true
		if err := fork.Update(t.Context(), func(tx store.Tx) error { return tx.Delete("t", key) }); err != nil {
			t.Fatal(err)
		}
	}
	compareOrder(t, s, want)
	compareOrder(t, fork, slices.DeleteFunc(slices.Clone(want), func(k string) bool { return gone[k] }))
	if left := scanned(t, fork, store.Range{}); len(left)+len(gone) != len(want) {
		t.Errorf("after %d deletions %d of %d keys are left", len(slices.Collect(maps.Keys(gone))), len(left), len(want))
	}
}

// compareOrder reads all keys of s, each by itself, and ranges between any two, in both directions.
func compareOrder(t *testing.T, s store.Store, want []string) {
	t.Helper()
	if got := scanned(t, s, store.Range{}); !slices.Equal(got, want) {
		t.Fatalf("Scan gives %d keys, want %d in their order", len(got), len(want))
	}
	refs := make([]store.Ref, len(want))
	for i, key := range want {
		refs[i] = store.Ref{Table: "t", Key: key}
	}
	err := s.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(refs...)
		for i, v := range values {
			if v == nil {
				t.Errorf("Get(%q) = nil", want[i])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		i, j := r.IntN(len(want)), r.IntN(len(want))
		i, j = min(i, j), max(i, j)
		got := scanned(t, s, store.Range{From: want[i], To: want[j], Reverse: true})
		slices.Reverse(got)
		if !slices.Equal(got, want[i:j]) {
			t.Fatalf("Scan from %q to %q gives %d keys, want %d", want[i], want[j], len(got), j-i)
		}
	}
}
