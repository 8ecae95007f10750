package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// pairs yields entries of 2 KiB in the order of the numbers, which are their keys.
func pairs(numbers []int, text string) iter.Seq2[store.Ref, []byte] {
	return func(yield func(store.Ref, []byte) bool) {
		for _, n := range numbers {
			if !yield(pairRef(n), pairValue(n, text)) {
				return
			}
		}
	}
}

func pairRef(n int) store.Ref {
	return store.Ref{Table: fmt.Sprint("table", n%3), Key: fmt.Sprintf("%08d", n)}
}

func pairValue(n int, text string) []byte {
	return fmt.Appendf(nil, `"%s %d %s"`, text, n, strings.Repeat("x", 2000))
}

// concat yields what all of its arguments do.
func concat(all ...iter.Seq2[store.Ref, []byte]) iter.Seq2[store.Ref, []byte] {
	return func(yield func(store.Ref, []byte) bool) {
		for _, entries := range all {
			for ref, value := range entries {
				if !yield(ref, value) {
					return
				}
			}
		}
	}
}

func wantPair(t *testing.T, s store.Store, n int, text string) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(pairRef(n))
		if err == nil && string(values[0]) != string(pairValue(n, text)) {
			t.Errorf("%d: got %.20s, want %.20s", n, values[0], pairValue(n, text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantOneFile(t *testing.T, dir, when string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Errorf("%s: the directory holds %v, want the store only", when, files)
	}
}

const manyPairs = 20_000 // more than one transaction takes

func TestBulkLoadInNoOrderLeavesFewPagesFree(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a large table")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	s := open(t, path)
	order := rand.New(rand.NewSource(1)).Perm(manyPairs)
	const again = 1000 // these come a second time, in the last run
	if err := s.BulkLoad(t.Context(), concat(pairs(order, "first"), pairs(order[:again], "second"))); err != nil {
		t.Fatal(err)
	}
	putOne(t, s)
	wantListed(t, path, true, "loaded, and written to")
	wantOneFile(t, dir, "loaded")
	for i, n := range order {
		if i < again {
			wantPair(t, s, n, "second")
		} else if i%7 == 0 {
			wantPair(t, s, n, "first")
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path)
}

func TestBulkLoadInOrderIsWrittenAsItComes(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a large table")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "store.db")
	s := open(t, path)
	var order []int
	for n := 0; n < 3*manyPairs; n += 3 { // one table
		order = append(order, n)
	}
	tail := func(yield func(store.Ref, []byte) bool) {
		wantPair(t, s, 0, "first")
		wantOneFile(t, dir, "in order")
		pairs([]int{6, 3, 0}, "second")(yield)
	}
	if err := s.BulkLoad(t.Context(), concat(pairs(order, "first"), tail)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 3, 6} {
		wantPair(t, s, n, "second")
	}
	for _, n := range []int{9, 3 * (manyPairs - 1)} {
		wantPair(t, s, n, "first")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkFile(t, path)
}

func TestBulkLoadThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a large table")
	}
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "store.db"))
	defer s.Close()
	order := rand.New(rand.NewSource(1)).Perm(manyPairs)
	ctx, cancel := context.WithCancel(t.Context())
	given := 0
	err := s.BulkLoad(ctx, func(yield func(store.Ref, []byte) bool) {
		for ref, value := range pairs(append(order, order...), "first") {
			if given++; given == manyPairs {
				cancel()
			}
			if !yield(ref, value) {
				return
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if given == 2*manyPairs {
		t.Error("it took all entries in after it was canceled")
	}
	wantOneFile(t, dir, "canceled")
}
