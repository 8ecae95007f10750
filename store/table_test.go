package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// A book has a unique index, one that is not, and an expiry.
type book struct {
	ISBN, Title string
	Shelf       int
	Until       time.Time
}

var (
	byTitle = &store.Index[book]{Name: "titles", Unique: true, Keys: func(b *book) []string { return []string{store.Key(b.Title)} }}
	byShelf = &store.Index[book]{Name: "shelves", Keys: func(b *book) []string { return []string{store.Key(store.Int(int64(b.Shelf)))} }}
	books   = &store.Table[book]{
		Name:    "books",
		Version: 2,
		Key:     func(b *book) string { return store.Key(b.ISBN) },
		Expires: func(b *book) time.Time { return b.Until },
		Indexes: []*store.Index[book]{byTitle, byShelf},
	}
)

func TestRecordOfAnotherVersionIsRefused(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  error
	}{
		{`{"v":2,"ISBN":"1"}`, nil},
		{`{"ISBN": "1", "v": 2}`, nil},
		{`{"v":3,"ISBN":"1"}`, store.ErrNewer},
		{`{"v":1,"ISBN":"1"}`, store.ErrCorrupt},
		{`{"ISBN":"1"}`, store.ErrCorrupt},
		{`{"v":2,"ISBN":1}`, store.ErrCorrupt},
		{`[]`, store.ErrCorrupt},
	} {
		if _, err := books.Decode([]byte(tt.value)); !errors.Is(err, tt.want) {
			t.Errorf("Decode(%s): got %v, want %v", tt.value, err, tt.want)
		}
	}
	if _, err := books.Decode(nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Decode(nil): got %v, want %v", err, store.ErrNotFound)
	}
}

func TestEmptyRecordIsStored(t *testing.T) {
	type nothing struct{}
	table := &store.Table[nothing]{Name: "nothings", Key: func(*nothing) string { return "only" }}
	s := memory.New()
	if err := s.Update(t.Context(), func(tx store.Tx) error { return table.Insert(tx, &nothing{}) }); err != nil {
		t.Fatal(err)
	}
	_ = s.View(t.Context(), func(r store.Reader) error {
		if _, err := table.Get(r, "only"); err != nil {
			t.Error(err)
		}
		return nil
	})
}

func TestVerifyFindsWhatDoesNotAgree(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(tx store.Tx) error
		want   error
	}{
		{"nothing", func(store.Tx) error { return nil }, nil},
		{"missing entry", func(tx store.Tx) error { return tx.Delete("books.titles", store.Key("title 3")) }, store.ErrCorrupt},
		{"surplus entry", func(tx store.Tx) error { return tx.Put("books.titles", store.Key("no such"), []byte(`"eA"`)) }, store.ErrCorrupt},
		{"entry of another", func(tx store.Tx) error { return tx.Put("books.titles", store.Key("title 3"), []byte(`"eA"`)) }, store.ErrCorrupt},
		{"missing record", func(tx store.Tx) error { return tx.Delete("books", store.Key("3")) }, store.ErrCorrupt},
		{"missing expiry", func(tx store.Tx) error {
			for e := range tx.Scan("books.expiry", store.Range{Limit: 1}) {
				return tx.Delete("books.expiry", e.Key)
			}
			return nil
		}, store.ErrCorrupt},
		{"record at another key", func(tx store.Tx) error { return tx.Put("books", "x", []byte(`{"v":2,"ISBN":"3"}`)) }, store.ErrCorrupt},
		{"newer record", func(tx store.Tx) error { return tx.Put("books", store.Key("99"), []byte(`{"v":3,"ISBN":"99"}`)) }, store.ErrNewer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := library(t)
			if err := s.Update(t.Context(), tt.damage); err != nil {
				t.Fatal(err)
			}
			err := s.View(t.Context(), books.Verify)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// library is a store with ten books.
func library(t *testing.T) *memory.Store {
	t.Helper()
	s := memory.New()
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for i := range 10 {
			b := book{fmt.Sprint(i), fmt.Sprint("title ", i), i % 3, time.Unix(int64(i), 0)}
			if err := books.Insert(tx, &b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSweepMendsAnExpiryIndexThatIsWrong(t *testing.T) {
	s := library(t)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		wrong := store.Key(store.Time(time.Unix(1, 0)))
		return errors.Join(
			tx.Put("books.expiry", wrong+"no such", []byte("7")),
			tx.Put("books.expiry", wrong+store.Key("9"), fmt.Append(nil, len(store.Key("9")))), // expires later
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := books.Sweep(t.Context(), s, time.Unix(4, 0), 0); err != nil || n != 7 {
		t.Errorf("Sweep: got %d, %v, want 5 records and 2 entries", n, err)
	}
	if err := s.View(t.Context(), books.Verify); err != nil {
		t.Error(err)
	}
}

func TestCacheIsNeverStale(t *testing.T) {
	c := store.NewCache(books, 32)
	decode := func(key, value string) *book {
		t.Helper()
		b, err := c.Decode(key, []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := decode("1", `{"v":2,"Title":"a"}`)
	if again := decode("1", `{"v":2,"Title":"a"}`); again != first {
		t.Error("the same value was decoded twice")
	}
	if changed := decode("1", `{"v":2,"Title":"b"}`); changed.Title != "b" {
		t.Errorf("a changed value came back as %q", changed.Title)
	}
	if back := decode("1", `{"v":2,"Title":"a"}`); back.Title != "a" {
		t.Errorf("a value changed back came back as %q", back.Title)
	}
	if other := decode("2", `{"v":2,"Title":"a"}`); other == first {
		t.Error("two keys share one record")
	}
	if _, err := c.Decode("1", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no value: got %v, want %v", err, store.ErrNotFound)
	}
	if _, err := c.Decode("1", []byte(`{"v":3}`)); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer value: got %v, want %v", err, store.ErrNewer)
	}
}

func TestCacheStaysSmallUnderManyGoroutines(t *testing.T) {
	c := store.NewCache(books, 64)
	reads := 3000
	if testing.Short() {
		reads = 700
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range reads {
				key := fmt.Sprint(i * (g + 1) % 700)
				value := fmt.Sprintf(`{"v":2,"Title":"%s","Shelf":%d}`, key, i%2)
				b, err := c.Decode(key, []byte(value))
				if err != nil || b.Title != key || b.Shelf != i%2 {
					t.Errorf("Decode of %s: got %+v, %v", value, b, err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := c.Len(); n > 64 {
		t.Errorf("the cache holds %d records, want at most 64", n)
	}
}

func TestCacheHitAllocatesNothing(t *testing.T) {
	c := store.NewCache(books, 64)
	value := []byte(`{"v":2,"Title":"` + strings.Repeat("x", 900) + `"}`)
	if got := testing.AllocsPerRun(100, func() { _, _ = c.Decode("key", value) }); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkCacheHit(b *testing.B) {
	c := store.NewCache(books, 64)
	value := []byte(`{"v":2,"Title":"` + strings.Repeat("x", 900) + `"}`)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Decode("key", value)
	}
}

// An entry that does not say where its primary key begins leads to no record.
func TestEntriesWithoutALengthAreCorrupt(t *testing.T) {
	for _, value := range []string{`0`, `-1`, `99`, `"7"`, `{}`, `1.5`} {
		s := library(t)
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return tx.Put("books.shelves", store.Key(store.Int(1))+store.Key("1"), []byte(value))
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.View(t.Context(), func(r store.Reader) error {
			for _, err := range books.ScanIndex(r, byShelf, store.Range{}) {
				if err != nil {
					return err
				}
			}
			return nil
		})
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("value %s: %v, want it refused as corrupt", value, err)
		}
	}
}
