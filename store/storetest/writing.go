package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/store"
)

var errStop = errors.New("storetest: the function wants no commit")

func readsItsOwnWrites(t testing.TB, s store.Store) {
	put(t, s, "table", map[string]string{"old": "1", "gone": "1", "kept": "1"})
	mustUpdate(t, s, func(tx store.Tx) error {
		err := errors.Join(tx.Put("table", "old", []byte("2")), tx.Insert("table", "new", []byte("3")),
			tx.Delete("table", "gone"), tx.Delete("table", "never was"))
		if err != nil {
			return err
		}
		refs := []store.Ref{
			{Table: "table", Key: "gone"},
			{Table: "table", Key: "new"},
			{Table: "table", Key: "kept"},
			{Table: "table", Key: "old"},
			{Table: "other", Key: "old"},
		}
		values, err := tx.Get(refs...)
		if err != nil {
			return err
		}
		if got, want := fmt.Sprintf("%s", values), "[ 3 1 2 ]"; got != want {
			t.Errorf("Get of five in a transaction: got %s, want %s", got, want)
		}
		return errors.Join(tx.Delete("table", "new"), tx.Insert("table", "new", []byte("4")), tx.Insert("table", "gone", []byte("5")))
	})
	for key, want := range map[string]string{"old": "2", "new": "4", "gone": "5", "kept": "1", "never was": ""} {
		if got := get(t, s, "table", key); got != want {
			t.Errorf("after the commit %q is %q, want %q", key, got, want)
		}
	}
}

// scansItsOwnWrites compares scans over committed and uncommitted writes with a model.
func scansItsOwnWrites(t testing.TB, s store.Store) {
	fill(t, s)
	mustUpdate(t, s, func(tx store.Tx) error {
		r := rand.New(rand.NewSource(2))
		have := slices.Sorted(slices.Values(awkward))
		for range 60 {
			key := awkward[r.Intn(len(awkward))]
			if r.Intn(2) == 0 {
				key += string(rune('a' + r.Intn(3)))
			}
			have = slices.DeleteFunc(have, func(k string) bool { return k == key })
			write := func() error { return tx.Delete("table", key) }
			if r.Intn(3) > 0 {
				have = append(have, key)
				slices.Sort(have)
				write = func() error { return tx.Put("table", key, []byte(`"mine"`)) }
			}
			if err := write(); err != nil {
				return err
			}
			rng := store.Range{Limit: r.Intn(8), Reverse: r.Intn(2) == 0}
			if r.Intn(3) > 0 {
				rng.From = awkward[r.Intn(len(awkward))]
			}
			if r.Intn(3) > 0 {
				rng.To = awkward[r.Intn(len(awkward))]
			}
			if err := compareScan(t, tx, have, rng); err != nil {
				return err
			}
		}
		return nil
	})
}

func rollbackOnError(t testing.TB, s store.Store) {
	put(t, s, "table", map[string]string{"kept": "1", "changed": "1"})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Put("table", "changed", []byte("2")), tx.Insert("table", "new", []byte("2")),
			tx.Delete("table", "kept"), errStop)
	})
	wantErr(t, "an Update whose function failed", err, errStop)
	for key, want := range map[string]string{"kept": "1", "changed": "1", "new": ""} {
		if got := get(t, s, "table", key); got != want {
			t.Errorf("after a rollback %q is %q, want %q", key, got, want)
		}
	}
}

// allOrNothing lets readers read while many keys change together.
func allOrNothing(t testing.TB, s store.Store) {
	const rows = 30
	write := func(round int) {
		mustUpdate(t, s, func(tx store.Tx) error {
			for i := range rows {
				if err := tx.Put("table", store.Key(store.Int(int64(i))), fmt.Append(nil, round)); err != nil {
					return err
				}
				runtime.Gosched()
			}
			return nil
		})
	}
	write(0)
	stop := make(chan struct{})
	reader := inBackground(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if got := distinct(t, s); len(got) != 1 {
				t.Errorf("a View saw a part of a transaction: values %q", got)
				return
			}
		}
	})
	for round := range times(60, 15) {
		write(round + 1)
	}
	close(stop)
	<-reader
}

// distinct returns the distinct values in the table.
func distinct(t testing.TB, s store.Store) (values []string) {
	err := s.View(context.Background(), func(r store.Reader) error {
		values = nil
		for e, err := range r.Scan("table", store.Range{}) {
			if err != nil {
				return err
			}
			if !slices.Contains(values, string(e.Value)) {
				values = append(values, string(e.Value))
			}
			runtime.Gosched()
		}
		return nil
	})
	if err != nil {
		t.Errorf("View: %v", err)
	}
	return values
}

func insertConflict(t testing.TB, s store.Store) {
	put(t, s, "table", map[string]string{"taken": "1"})
	insert := func(key string) error {
		return update(s, func(tx store.Tx) error { return tx.Insert("table", key, []byte("2")) })
	}
	wantErr(t, "Insert of a taken key", insert("taken"), store.ErrExists)
	if got := get(t, s, "table", "taken"); got != "1" {
		t.Errorf("after a refused Insert the value is %s, want 1", got)
	}
	wantErr(t, "Insert of a free key", insert("free"), nil)
	wantErr(t, "Insert of one's own key", update(s, func(tx store.Tx) error {
		return errors.Join(tx.Put("table", "own", []byte("1")), tx.Insert("table", "own", []byte("2")))
	}), store.ErrExists)
	wantErr(t, "Insert after Delete", update(s, func(tx store.Tx) error {
		return errors.Join(tx.Delete("table", "taken"), tx.Insert("table", "taken", []byte("3")))
	}), nil)
	if got := get(t, s, "table", "taken") + get(t, s, "table", "own"); got != "3" {
		t.Errorf("after Delete and Insert: got %q, want 3", got)
	}
}

func swallowedErrorDoesNotCommit(t testing.TB, s store.Store) {
	put(t, s, "table", map[string]string{"taken": "1"})
	for _, tt := range []struct {
		name      string
		statement func(tx store.Tx) error
		want      error
	}{
		{"Insert of a taken key", func(tx store.Tx) error { return tx.Insert("table", "taken", []byte("2")) }, store.ErrExists},
		{"Put of an invalid value", func(tx store.Tx) error { return tx.Put("table", "invalid", []byte("{")) }, store.ErrInvalid},
		{"Put without a key", func(tx store.Tx) error { return tx.Put("table", "", []byte("{}")) }, store.ErrInvalid},
	} {
		err := update(s, func(tx store.Tx) error {
			if err := tx.Put("table", "before", []byte("1")); err != nil {
				return err
			}
			_ = tt.statement(tx)
			_ = tx.Put("table", "after", []byte("1"))
			return nil
		})
		wantErr(t, tt.name+", swallowed", err, tt.want)
		if got := get(t, s, "table", "before") + get(t, s, "table", "after"); got != "" {
			t.Errorf("%s, swallowed: the rest was committed", tt.name)
		}
	}
}

// oneWinnerOfMany runs COGNATE_REPEATS times, three times by default, once in short tests.
func oneWinnerOfMany(t testing.TB, s store.Store) {
	repeats, err := strconv.Atoi(os.Getenv("COGNATE_REPEATS"))
	if err != nil {
		repeats = times(3, 1)
	}
	for n := range repeats {
		winnerOfMany(t, s, fmt.Sprint("name", n))
	}
}

func winnerOfMany(t testing.TB, s store.Store, key string) {
	t.Helper()
	many := times(200, 50)
	errs := make([]error, many)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			<-start
			errs[i] = update(s, func(tx store.Tx) error {
				defer runtime.Gosched()
				return tx.Insert("table", key, fmt.Append(nil, i))
			})
		})
	}
	close(start)
	all.Wait()
	winners := 0
	for i, err := range errs {
		if err != nil {
			wantErr(t, "a loser", err, store.ErrExists)
			continue
		}
		winners++
		if got := get(t, s, "table", key); got != fmt.Sprint(i) {
			t.Errorf("the key holds %s, but %d was told that it won", got, i)
		}
	}
	if winners != 1 {
		t.Errorf("%d of %d Inserts of one key succeeded, want 1", winners, many)
	}
}
