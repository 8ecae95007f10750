package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// rounds returns how often a race between two transactions is run.
func rounds() int { return times(5, 2) }

// together runs two transactions at once and returns how many committed.
func together(t testing.TB, s store.Store, fn func(tx store.Tx, party int, m *meeting) error) (committed int) {
	t.Helper()
	var errs [2]error
	var both sync.WaitGroup
	m := newMeeting()
	for party := range errs {
		both.Go(func() {
			errs[party] = update(s, func(tx store.Tx) error { return fn(tx, party, m) })
		})
	}
	both.Wait()
	for _, err := range errs {
		switch {
		case err == nil:
			committed++
		case !errors.Is(err, errStop):
			t.Errorf("Update: %v", err)
		}
	}
	return committed
}

func noDirtyRead(t testing.TB, s store.Store) {
	put(t, s, "table", map[string]string{"key": `"clean"`})
	look := func() {
		var got string
		err := s.View(context.Background(), func(r store.Reader) (err error) {
			got, err = getIn(r, "table", "key")
			return err
		})
		if err != nil || got != `"clean"` {
			t.Errorf("beside an open transaction: got %s, %v, want what was committed", got, err)
		}
	}
	var reader <-chan struct{}
	err := s.Update(context.Background(), func(tx store.Tx) error {
		if err := tx.Put("table", "key", []byte(`"dirty"`)); err != nil {
			return err
		}
		reader = inBackground(look)
		waitFor(reader)
		return errStop
	})
	wantErr(t, "Update", err, errStop)
	<-reader
	look()
}

func noLostUpdate(t testing.TB, s store.Store) {
	for range rounds() {
		put(t, s, "table", map[string]string{"n": "0"})
		together(t, s, func(tx store.Tx, party int, m *meeting) error { return increment(tx, func() { m.wait(party) }) })
		if got := get(t, s, "table", "n"); got != "2" {
			t.Errorf("after two increments: got %s, want 2", got)
			return
		}
	}
}

func increment(tx store.Tx, between func()) error {
	value, err := getIn(tx, "table", "n")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return err
	}
	between()
	return tx.Put("table", "n", strconv.AppendInt(nil, int64(n+1), 10))
}

func countsEveryIncrement(t testing.TB, s store.Store) {
	const writers = 8
	each := times(15, 5)
	put(t, s, "table", map[string]string{"n": "0"})
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if err := update(s, func(tx store.Tx) error { return increment(tx, runtime.Gosched) }); err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	all.Wait()
	if got, want := get(t, s, "table", "n"), strconv.Itoa(writers*each); got != want {
		t.Errorf("after %s increments by %d writers: got %s", want, writers, got)
	}
}

const (
	appenders   = 8
	appendLists = 3
)

// appendHistory lets writers append to shared lists, each time to one of several lists and
// to the list of all. It checks that lists only grow and only at the end, that an append is
// present exactly once, and that a snapshot never shows a part of an append.
func appendHistory(t testing.TB, s store.Store) {
	each := times(12, 4)
	refs := []store.Ref{{Table: "table", Key: "all"}}
	lists := map[string]string{"all": `""`}
	for i := range appendLists {
		refs = append(refs, store.Ref{Table: "table", Key: strconv.Itoa(i)})
		lists[strconv.Itoa(i)] = `""`
	}
	put(t, s, "table", lists)
	var writers sync.WaitGroup
	for w := range appenders {
		writers.Go(func() {
			seen := make([]string, len(refs))
			for n := range each {
				token := fmt.Sprintf(" %d.%d", w, n)
				err := update(s, func(tx store.Tx) error { return appendTo(tx, refs[0], refs[1+(w+n)%appendLists], token) })
				if err != nil {
					t.Errorf("Update: %v", err)
				}
				lookAtLists(t, s, refs, seen, token)
			}
		})
	}
	writers.Wait()
	var next [appenders]int
	for _, token := range strings.Fields(strings.Trim(get(t, s, "table", "all"), `"`)) {
		var w, n int
		if _, err := fmt.Sscanf(token, "%d.%d", &w, &n); err != nil || w < 0 || w >= appenders || n != next[w] {
			t.Errorf("the list of all has %q, where %d comes next", token, next)
			return
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			t.Errorf("%d appends of writer %d are there, want %d", n, w, each)
		}
	}
}

func appendTo(tx store.Tx, all, one store.Ref, token string) error {
	values, err := tx.Get(all, one)
	if err != nil {
		return err
	}
	runtime.Gosched()
	for i, ref := range []store.Ref{all, one} {
		longer := strings.TrimSuffix(string(values[i]), `"`) + token + `"`
		if err := tx.Put(ref.Table, ref.Key, []byte(longer)); err != nil {
			return err
		}
	}
	return nil
}

// lookAtLists reads the lists, the list of all first, and compares them with what the same
// goroutine has seen before. token is the last append of that goroutine.
func lookAtLists(t testing.TB, s store.Store, refs []store.Ref, seen []string, token string) {
	err := view(s, func(r store.Reader) error {
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		parts := 0
		for i, v := range values {
			list := strings.Trim(string(v), `"`)
			if !strings.HasPrefix(list, seen[i]) {
				t.Errorf("a list is %q, and was %q before", list, seen[i])
			}
			seen[i] = list
			if i > 0 {
				parts += len(list)
			}
		}
		if parts != len(seen[0]) || !strings.Contains(seen[0]+" ", token+" ") {
			t.Errorf("after%s was appended, a snapshot shows a part of an append, or not this: %q", token, seen)
		}
		return nil
	})
	if err != nil {
		t.Errorf("View: %v", err)
	}
}

// noWriteSkew: two people are on call, and one may leave only while the other stays.
func noWriteSkew(t testing.TB, s store.Store) {
	for range rounds() {
		put(t, s, "table", map[string]string{"0": `"on"`, "1": `"on"`})
		committed := together(t, s, func(tx store.Tx, party int, m *meeting) error {
			values, err := tx.Get(store.Ref{Table: "table", Key: "0"}, store.Ref{Table: "table", Key: "1"})
			if err != nil {
				return err
			}
			m.wait(party)
			if string(values[0]) != `"on"` || string(values[1]) != `"on"` {
				return errStop
			}
			return tx.Put("table", strconv.Itoa(party), []byte(`"off"`))
		})
		if committed != 1 {
			t.Errorf("%d of two transactions committed that rule each other out, want 1", committed)
			return
		}
	}
}

// noPhantom: two transactions add an entry each, but only if they find none.
func noPhantom(t testing.TB, s store.Store) {
	for round := range rounds() {
		prefix := fmt.Sprint(round)
		committed := together(t, s, func(tx store.Tx, party int, m *meeting) error {
			found, err := keys(tx, "table", store.Prefix(prefix))
			if err != nil {
				return err
			}
			m.wait(party)
			if len(found) > 0 {
				return errStop
			}
			return tx.Insert("table", store.Key(prefix, strconv.Itoa(party)), []byte("1"))
		})
		if committed != 1 {
			t.Errorf("%d of two transactions found a range empty and wrote to it, want 1", committed)
			return
		}
	}
}
