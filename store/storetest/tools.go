package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
)

// patience is how long a check waits for something that a store may delay. A store that
// locks, where another keeps versions, is not wrong.
const patience = 20 * time.Millisecond

// times returns how often a check does something: n times, or fewer times in short tests.
func times(n, short int) int {
	if testing.Short() {
		return short
	}
	return n
}

// update runs an Update, and runs it again if the driver gave up on conflicts.
func update(s store.Store, fn func(store.Tx) error) error {
	for {
		err := s.Update(context.Background(), fn)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func view(s store.Store, fn func(store.Reader) error) error { return s.View(context.Background(), fn) }

func mustUpdate(t testing.TB, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := update(s, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func mustView(t testing.TB, s store.Store, fn func(store.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// put writes values, which are JSON documents, at keys of a table.
func put(t testing.TB, s store.Store, table string, values map[string]string) {
	t.Helper()
	mustUpdate(t, s, func(tx store.Tx) error {
		for key, value := range values {
			if err := tx.Put(table, key, []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
}

// get returns the value at a key, or "" if the key does not exist.
func get(t testing.TB, s store.Store, table, key string) (value string) {
	t.Helper()
	mustView(t, s, func(r store.Reader) (err error) {
		value, err = getIn(r, table, key)
		return err
	})
	return value
}

func getIn(r store.Reader, table, key string) (string, error) {
	values, err := r.Get(store.Ref{Table: table, Key: key})
	if err != nil {
		return "", err
	}
	return string(values[0]), nil
}

// keys returns the keys of a scan.
func keys(r store.Reader, table string, rng store.Range) (out []string, err error) {
	for e, err := range r.Scan(table, rng) {
		if err != nil {
			return nil, err
		}
		out = append(out, e.Key)
	}
	return out, nil
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// sameJSON reports whether two documents are equal. Numbers are equal if they have the same
// value, with any number of digits.
func sameJSON(a, b []byte) bool {
	x, err1 := decode(a)
	y, err2 := decode(b)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}

func decode(document []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	err = d.Decode(&v)
	return exact(v), err
}

// exact replaces the numbers in a document by their exact values.
func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(v.String()); ok {
			return "number " + r.String()
		}
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = exact(v[k])
		}
	}
	return v
}

// A meeting lets two transactions run at the same time, in a store that allows it: each
// waits until the other has come as far. In a store that runs transactions one after
// another, the first one stops waiting after a while.
type meeting struct {
	once [2]sync.Once
	come [2]chan struct{}
}

func newMeeting() *meeting {
	return &meeting{come: [2]chan struct{}{make(chan struct{}), make(chan struct{})}}
}

func (m *meeting) wait(party int) {
	m.once[party].Do(func() { close(m.come[party]) })
	select {
	case <-m.come[1-party]:
	case <-time.After(patience):
	}
}

// inBackground runs fn on a goroutine and returns a channel that is closed when fn has
// returned.
func inBackground(fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	return done
}

// waitFor waits a moment for done, because the store may delay it.
func waitFor(done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(10 * patience):
	}
}
