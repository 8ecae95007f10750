package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

func problems(t *testing.T, s store.Store) (index, other int) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		return books.Check(r, func(p store.Problem) {
			if p.Index {
				index++
			} else {
				other++
			}
		}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	return index, other
}

// TestRepair breaks the indexes of more records than one transaction takes.
func TestRepair(t *testing.T) {
	s := memory.New()
	defer s.Close()
	update := func(fn func(store.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx store.Tx) error {
		for i := range 1200 {
			b := &book{ISBN: fmt.Sprintf("%04d", i), Title: fmt.Sprint("t", i), Shelf: i % 7, Until: time.Unix(int64(i+1), 0)}
			if err := books.Insert(tx, b); err != nil {
				return err
			}
		}
		return nil
	})
	if index, other := problems(t, s); index+other > 0 {
		t.Fatalf("a good table has %d and %d problems", index, other)
	}
	update(func(tx store.Tx) error {
		title := func(i int) string { return store.Key(fmt.Sprint("t", i)) }
		for _, i := range []int{0, 600, 1199} {
			if err := tx.Delete("books.titles", title(i)); err != nil { // missing
				return err
			}
		}
		if err := tx.Put("books.titles", title(7), []byte(`"eA"`)); err != nil { // wrong, and so extra too
			return err
		}
		if err := tx.Put("books.shelves", "x", []byte("1")); err != nil { // extra
			return err
		}
		if err := tx.Put("books.expiry", "y", []byte("{}")); err != nil { // unreadable
			return err
		}
		// A record that has the title of another, as only a broken program writes it.
		if err := tx.Put("books", store.Key("z"), []byte(`{"v":2,"ISBN":"z","Title":"t9","Shelf":1}`)); err != nil {
			return err
		}
		return tx.Put("books", "unreadable", []byte(`{"v":1}`))
	})
	if index, other := problems(t, s); index != 8 || other != 2 { // 3 missing, 1 wrong twice, 2 extra, a shelf of z
		t.Errorf("%d problems of indexes and %d others, want 8 and 2", index, other)
	}
	if n, err := books.Repair(t.Context(), s); err != nil || n != 8 {
		t.Errorf("Repair = %d, %v, want 8", n, err)
	}
	if index, other := problems(t, s); index != 0 || other != 2 {
		t.Errorf("after Repair: %d problems of indexes and %d others, want 0 and 2", index, other)
	}
}

// TestRepairBesideWriters mends a table that others write to: what they wrote
// meanwhile stays whole.
func TestRepairBesideWriters(t *testing.T) {
	s := memory.New()
	defer s.Close()
	write := func(i, round int) error {
		b := &book{ISBN: fmt.Sprintf("%04d", i), Title: fmt.Sprint("t", i, ".", round), Shelf: round % 7, Until: time.Unix(int64(round+1), 0)}
		return s.Update(t.Context(), func(tx store.Tx) error { return books.Put(tx, b) })
	}
	all := 2000
	if testing.Short() {
		all = 400
	}
	for i := range all {
		if err := write(i, 0); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for i := 0; i < all; i += 3 { // no writer comes to these
			if err := tx.Delete("books.titles", store.Key(fmt.Sprint("t", i, ".0"))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 2 {
		writers.Go(func() {
			for round := 1; ; round++ {
				for i := 1 + w; i < all; i += 3 {
					select {
					case <-stop:
						return
					default:
					}
					if err := write(i, round); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	n, err := books.Repair(t.Context(), s)
	close(stop)
	writers.Wait()
	if missing := (all + 2) / 3; err != nil || n != missing {
		t.Errorf("Repair = %d, %v, want the %d that were missing", n, err, missing)
	}
	if err := s.View(t.Context(), books.Verify); err != nil {
		t.Error(err)
	}
}

// Of two records that call for one unique key, whose entry is missing, one gets it.
func TestRepairOfAKeyThatTwoCallFor(t *testing.T) {
	s := memory.New()
	defer s.Close()
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for _, isbn := range []string{"a", "b"} {
			if err := tx.Put("books", store.Key(isbn), fmt.Appendf(nil, `{"v":2,"ISBN":%q,"Title":"t","Shelf":1}`, isbn)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := books.Repair(t.Context(), s); err != nil || n != 3 { // a title, and two shelves
		t.Errorf("Repair = %d, %v, want 3", n, err)
	}
	if index, other := problems(t, s); index != 0 || other != 1 {
		t.Errorf("after Repair: %d problems of indexes and %d others, want 0 and 1", index, other)
	}
}
