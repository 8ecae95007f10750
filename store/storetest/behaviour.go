package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
)

func valuesAreCopied(t testing.TB, s store.Store) {
	buf := []byte(`"first"`)
	overwrite := func() { copy(buf, `"xxxxx"`) }
	mustUpdate(t, s, func(tx store.Tx) error {
		copy(buf, `"first"`)
		err := tx.Put("table", "key", buf)
		overwrite()
		if got, _ := getIn(tx, "table", "key"); got != `"first"` {
			t.Errorf("a value changed with the slice that it was written from, to %s", got)
		}
		copy(buf, `"other"`)
		err = errors.Join(err, tx.Insert("table", "other", buf))
		return err
	})
	overwrite()
	if got := get(t, s, "table", "key") + get(t, s, "table", "other"); got != `"first""other"` {
		t.Errorf("values changed with the slice that they were written from: %s", got)
	}
	kept, scanned := collect(t, s)
	for i := range 40 {
		put(t, s, "table", map[string]string{"key": fmt.Sprintf(`"%05d"`, i), "other": fmt.Sprintf(`"%05d"`, i)})
	}
	_ = get(t, s, "table", "key")
	if string(kept) != `"first"` || string(scanned) != `"first"` {
		t.Errorf("values changed after the View: %s and %s", kept, scanned)
	}
}

// collect returns a value as Get returns it, and as Scan returns it.
func collect(t testing.TB, s store.Store) (got, scanned []byte) {
	mustView(t, s, func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: "table", Key: "key"})
		if err != nil {
			return err
		}
		got = values[0]
		for e, err := range r.Scan("table", store.Range{}) {
			if err != nil {
				return err
			}
			if e.Key == "key" {
				scanned = e.Value
			}
		}
		return nil
	})
	return got, scanned
}

func limits(t testing.TB, s store.Store) {
	document := func(size int) []byte {
		return append(append([]byte{'"'}, bytes.Repeat([]byte("x"), size-2)...), '"')
	}
	try := func(key string, value []byte) error {
		return update(s, func(tx store.Tx) error { return tx.Put("table", key, value) })
	}
	longest := strings.Repeat("k", store.MaxKey)
	wantErr(t, "the longest key", try(longest, []byte("1")), nil)
	wantErr(t, "a key too long", try(longest+"k", []byte("1")), store.ErrTooLarge)
	largest := document(store.MaxValue)
	wantErr(t, "the largest value", try("key", largest), nil)
	wantErr(t, "a value too large", try("key", document(store.MaxValue+1)), store.ErrTooLarge)
	if got := len(get(t, s, "table", "key")); got != store.MaxValue {
		t.Errorf("the largest value came back with %d bytes", got)
	}
	wantErr(t, "a transaction too large", update(s, func(tx store.Tx) error {
		for i := range store.MaxTx/store.MaxValue + 1 {
			if err := tx.Put("large", fmt.Sprint(i), largest); err != nil {
				return err
			}
		}
		return nil
	}), store.ErrTooLarge)
	if got := get(t, s, "large", "0"); got != "" {
		t.Error("a part of a transaction that was too large is there")
	}
}

func invalidValues(t testing.TB, s store.Store) {
	for _, value := range []string{
		"", " ", "{", "nul", `{"a":1}{}`, `{"a":1,}`, "'a'", "\"a\x00\"", `"\u0000"`, `{"\u0000":1}`, `["\\\u0000"]`,
		"\"\xff\"", `"\ud800"`, `"\ud800\u0041"`, `"\udc00"`,
	} {
		err := update(s, func(tx store.Tx) error { return tx.Put("table", "key", []byte(value)) })
		wantErr(t, fmt.Sprintf("Put of %q", value), err, store.ErrInvalid)
	}
	for _, ref := range []store.Ref{{Table: "", Key: "key"}, {Table: "table", Key: ""}} {
		err := update(s, func(tx store.Tx) error { return tx.Insert(ref.Table, ref.Key, []byte("1")) })
		wantErr(t, fmt.Sprintf("Insert at %q", ref), err, store.ErrInvalid)
	}
	if got := get(t, s, "table", "key"); got != "" {
		t.Errorf("an invalid value is there: %q", got)
	}
}

func equalAsJSON(t testing.TB, s store.Store) {
	for _, value := range []string{
		`null`, `true`, `""`, `0`, `-1.5e3`, `12345678901234567890.123`, `{}`, `[]`, ` { "b" : 1 , "a" : [ null ] } `,
		`"\\u0000"`, `"\\\\u0000 \\u0000"`, `"\ud83d\ude00 \u00e9 é"`, `{"a":{"a":{"a":{}}}}`,
	} {
		put(t, s, "table", map[string]string{"key": value})
		if got := get(t, s, "table", "key"); !sameJSON([]byte(got), []byte(value)) {
			t.Errorf("wrote %s, read %s", value, got)
		}
	}
}

func cancellation(t testing.TB, s store.Store) {
	fill(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Update(ctx, func(tx store.Tx) error {
		err := tx.Put("table", "new", []byte("1"))
		cancel()
		return err
	})
	wantErr(t, "an Update cancelled inside its function", err, context.Canceled)
	wantErr(t, "an Update cancelled before it began", s.Update(ctx, func(tx store.Tx) error {
		return tx.Put("table", "new", []byte("1"))
	}), context.Canceled)
	wantErr(t, "a View cancelled before it began", s.View(ctx, func(store.Reader) error { return nil }), context.Canceled)
	if got := get(t, s, "table", "new"); got != "" {
		t.Error("a cancelled Update was committed")
	}
	cancelledInQueue(t, s)
}

// cancelledInQueue cancels an Update that waits for another one. A store that does not make
// it wait may commit it.
func cancelledInQueue(t testing.TB, s store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	inside, leave := make(chan struct{}), make(chan struct{})
	first := inBackground(func() {
		entered := false
		err := update(s, func(tx store.Tx) error {
			if !entered {
				entered = true
				close(inside)
			}
			<-leave
			return tx.Put("table", "first", []byte("1"))
		})
		if err != nil {
			t.Errorf("Update: %v", err)
		}
	})
	<-inside
	var err error
	second := inBackground(func() {
		err = s.Update(ctx, func(tx store.Tx) error { return tx.Put("table", "second", []byte("1")) })
	})
	time.AfterFunc(patience, cancel)
	select {
	case <-second:
	case <-time.After(10 * time.Second):
		t.Error("an Update that waits for its turn does not heed its context")
	}
	close(leave)
	<-first
	<-second
	if written := get(t, s, "table", "second") != ""; written != (err == nil) {
		t.Errorf("the Update returned %v, and was written: %v", err, written)
	}
}

// cancelledReads reads on after its context is done. A driver may answer from its buffers
// for a while.
func cancelledReads(t testing.TB, s store.Store) {
	fill(t, s)
	reads := map[string]func(r store.Reader) error{
		"Get": func(r store.Reader) error {
			_, err := getIn(r, "table", "a")
			return err
		},
		"Scan": func(r store.Reader) error {
			_, err := keys(r, "table", store.Range{})
			return err
		},
	}
	for name, read := range reads {
		ctx, goOn := readOn(read)
		wantErr(t, name+" in a View that was cancelled", s.View(ctx, goOn), context.Canceled)
		if t.Failed() {
			return
		}
		ctx, goOn = readOn(read)
		var inside error
		err := s.Update(ctx, func(tx store.Tx) error {
			inside = goOn(tx)
			return inside
		})
		wantErr(t, name+" in an Update that was cancelled", inside, context.Canceled)
		wantErr(t, "an Update that was cancelled", err, context.Canceled)
	}
}

// readOn returns a function that reads, ends the context, and reads until a read returns an
// error.
func readOn(read func(store.Reader) error) (context.Context, func(store.Reader) error) {
	ctx, cancel := context.WithCancel(context.Background())
	return ctx, func(r store.Reader) error {
		if err := read(r); err != nil {
			return err
		}
		cancel()
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			if err := read(r); err != nil {
				return err
			}
			time.Sleep(time.Millisecond) // a store need not see the end at once, and others want the processor
		}
		return nil
	}
}

func panicInFunction(t testing.TB, s store.Store) {
	ends := map[string]func(){
		"panic":  func() { panic("storetest: the function panics") },
		"Goexit": runtime.Goexit,
	}
	for name, end := range ends {
		<-inBackground(func() {
			defer func() { _ = recover() }()
			_ = s.Update(context.Background(), func(tx store.Tx) error {
				if err := tx.Put("table", "key", []byte("1")); err != nil {
					t.Errorf("Put: %v", err)
				}
				end()
				return nil
			})
			t.Errorf("Update returned after a %s in its function", name)
		})
		<-inBackground(func() {
			defer func() { _ = recover() }()
			_ = s.View(context.Background(), func(store.Reader) error { end(); return nil })
		})
		if got := get(t, s, "table", "key"); got != "" {
			t.Errorf("after a %s: the transaction was committed", name)
		}
		usable := inBackground(func() { put(t, s, "table", map[string]string{"after": "1"}) })
		select {
		case <-usable:
		case <-time.After(10 * time.Second):
			t.Fatalf("after a %s the store does not take writes any more", name)
		}
	}
}

func closing(t testing.TB, s store.Store) {
	put(t, s, "table", map[string]string{"key": "1"})
	inside, leave := make(chan struct{}), make(chan struct{})
	view := inBackground(func() {
		err := s.View(context.Background(), func(r store.Reader) error {
			close(inside)
			<-leave
			got, err := getIn(r, "table", "key")
			if got != "1" {
				t.Errorf("a View during Close: got %q, want 1", got)
			}
			return err
		})
		if err != nil {
			t.Errorf("a View during Close: %v", err)
		}
	})
	<-inside
	closed := inBackground(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	select {
	case <-closed:
		t.Error("Close returned while a View was running")
	case <-time.After(patience):
	}
	close(leave)
	<-view
	<-closed
	wantErr(t, "View after Close", s.View(t.Context(), func(store.Reader) error { return nil }), store.ErrClosed)
	wantErr(t, "Update after Close", s.Update(t.Context(), func(store.Tx) error { return nil }), store.ErrClosed)
	wantErr(t, "Close after Close", s.Close(), nil)
}
