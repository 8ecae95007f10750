package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// A Fate is what happens to a commit.
type Fate int

// The fates of a commit.
const (
	Known     Fate = iota // the connection works
	Committed             // the transaction is committed, but the answer is lost
	Lost                  // the request is lost, and the transaction is not committed
)

// Unsure returns a store that loses its connection during commits. It calls fate for each
// Update whose function returned nil. If fate returns [Committed] or [Lost], the Update
// returns [store.ErrUnknownOutcome]. Use it to prove that a caller of Update copes with
// both outcomes. fate must be safe for concurrent use.
//
// The store is a [store.Forker] and a [store.BulkLoader] if s is. Forks and bulk loads lose
// nothing.
func Unsure(s store.Store, fate func() Fate) store.Store {
	return withPowers(unsure{s, fate}, s, func(fork store.Store) store.Store { return Unsure(fork, fate) })
}

type unsure struct {
	store.Store
	fate func() Fate
}

var errLost = errors.New("storetest: the commit is lost")

// Update implements [store.Store].
func (s unsure) Update(ctx context.Context, fn func(store.Tx) error) error {
	asked, fate := false, Known
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if !asked { // ask once, however often the driver calls the function
			asked, fate = true, s.fate()
		}
		if fate == Lost {
			return errLost
		}
		return nil
	})
	if fate == Lost && errors.Is(err, errLost) || fate == Committed && err == nil {
		return fmt.Errorf("%w: storetest lost the connection", store.ErrUnknownOutcome)
	}
	return err
}

// RunUnknownOutcome tests a store that loses its connection during a commit. The store must
// return [store.ErrUnknownOutcome] once, must not call the function again, and must work
// afterwards. open returns an empty store and the function cut, which makes the next commit
// [Committed] or [Lost]. A driver's test can put a proxy in front of the server that drops
// either the answer or the request.
//
// RunUnknownOutcome also shows what a caller can do: call Update again, with an Insert that
// only one of the attempts can make.
func RunUnknownOutcome(t *testing.T, open func(t *testing.T) (s store.Store, cut func(Fate))) {
	for _, c := range unknownChecks {
		t.Run(c.name, func(t *testing.T) {
			s, cut := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			c.run(t, s, cut)
		})
	}
}

var unknownChecks = []struct {
	name string
	run  func(t testing.TB, s store.Store, cut func(Fate))
}{
	{"Committed", func(t testing.TB, s store.Store, cut func(Fate)) { unknownOnce(t, s, cut, Committed) }},
	{"Lost", func(t testing.TB, s store.Store, cut func(Fate)) { unknownOnce(t, s, cut, Lost) }},
	{"ExactlyOnce", exactlyOnce},
}

func unknownOnce(t testing.TB, s store.Store, cut func(Fate), fate Fate) {
	put(t, s, "table", map[string]string{"n": "0"})
	put(t, s, "other", map[string]string{"first": "1", "second": "1", "third": "1"})
	usual, err := countOnce(s, "first")
	wantErr(t, "an Update with its connection", err, nil)
	cut(fate)
	calls, err := countOnce(s, "second")
	wantErr(t, "an Update that loses its connection", err, store.ErrUnknownOutcome)
	if calls != usual {
		t.Errorf("the function was called %d times by an Update that lost its connection, and %d times by another", calls, usual)
	}
	want := "1  1"
	if fate == Committed {
		want = "2 1 "
	}
	got := fmt.Sprintf("%s %s %s", get(t, s, "table", "n"), get(t, s, "table", "second"), get(t, s, "other", "second"))
	if got != want {
		t.Errorf("after an Update that lost its connection: a count, an inserted and a deleted value are %q, want %q", got, want)
	}
	if _, err := countOnce(s, "third"); err != nil {
		t.Errorf("the next Update: %v", err)
	}
}

// countOnce increments a count, inserts a mark and deletes a value. It returns how often
// its function was called.
func countOnce(s store.Store, mark string) (calls int, err error) {
	err = s.Update(context.Background(), func(tx store.Tx) error {
		calls++
		if err := increment(tx, func() {}); err != nil {
			return err
		}
		if err := tx.Insert("table", mark, []byte("1")); err != nil {
			return err
		}
		return tx.Delete("other", mark)
	})
	return calls, err
}

// exactlyOnce counts in spite of a bad connection. It retries after an unknown outcome, and
// the mark of an attempt that was committed makes the retry fail.
func exactlyOnce(t testing.TB, s store.Store, cut func(Fate)) {
	const all = 30
	put(t, s, "table", map[string]string{"n": "0"})
	r := rand.New(rand.NewSource(8))
	for i := range all {
		if fate := Fate(r.Intn(3)); fate != Known {
			cut(fate)
		}
		_, err := countOnce(s, fmt.Sprint(i))
		if errors.Is(err, store.ErrUnknownOutcome) {
			_, err = countOnce(s, fmt.Sprint(i))
		}
		if err != nil && !errors.Is(err, store.ErrExists) {
			t.Fatalf("Update: %v", err)
		}
	}
	if got := get(t, s, "table", "n"); got != fmt.Sprint(all) {
		t.Errorf("counted %d with a bad connection, got %s", all, got)
	}
}
