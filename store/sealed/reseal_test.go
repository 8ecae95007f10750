package sealed_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

// counting counts the values that each transaction writes, and calls before in front of one.
type counting struct {
	store.Store
	writes []int
	before func()
}

func (c *counting) Update(ctx context.Context, fn func(store.Tx) error) error {
	if c.before != nil {
		c.before()
	}
	n := 0
	err := c.Store.Update(ctx, func(tx store.Tx) error {
		n = 0
		return fn(countingTx{tx, &n})
	})
	c.writes = append(c.writes, n)
	return err
}

type countingTx struct {
	store.Tx
	n *int
}

func (c countingTx) Put(table, key string, value []byte) error {
	*c.n++
	return c.Tx.Put(table, key, value)
}

// rotated is a store with n values under the key before the last, and its key file.
func rotated(t *testing.T, n int) (s store.Store, inner *counting, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "key")
	inner = &counting{Store: memory.New()}
	s = sealed.New(inner, openKeys(t, path), secretTables("secrets", "more"))
	for i := range n {
		mustPut(t, s, fmt.Sprintf("%04d", i))
	}
	for table, value := range map[string]string{"more": `{"a":1}`, "plain": `"clear"`} {
		if err := put(t, s, table, "key", value); err != nil {
			t.Fatal(err)
		}
	}
	rotate(t, path)
	inner.writes = nil
	return s, inner, path
}

func TestReseal(t *testing.T) {
	s, inner, path := rotated(t, 450)
	var told []int
	counts, err := sealed.Reseal(t.Context(), s, func(done int) { told = append(told, done) })
	if err != nil || counts != (sealed.Counts{Resealed: 451}) {
		t.Errorf("got %+v, %v, want 451 resealed", counts, err)
	}
	if fmt.Sprint(inner.writes) != "[1 200 200 50]" || fmt.Sprint(told) != "[1 201 401 451]" {
		t.Errorf("transactions wrote %v, progress told %v", inner.writes, told)
	}
	if got, err := get(t, s, "plain", "key"); err != nil || got != `"clear"` {
		t.Errorf("a table that is not sealed holds %s, %v", got, err)
	}
	dropped, err := sealed.DropOldKeys(t.Context(), s, path)
	if err != nil || dropped != 1 {
		t.Fatalf("dropped %d, %v, want 1", dropped, err)
	}
	for name, s := range map[string]store.Store{"open": s, "new": sealed.New(inner, openKeys(t, path), secretTables("secrets", "more"))} {
		for i := range 450 {
			if got, err := get(t, s, "secrets", fmt.Sprintf("%04d", i)); err != nil || got != `"hunter2"` {
				t.Fatalf("%s: value %d is %s, %v", name, i, got, err)
			}
		}
	}
	inner.writes = nil
	if counts, err := sealed.Reseal(t.Context(), s, nil); err != nil || counts != (sealed.Counts{Current: 451}) || inner.writes != nil {
		t.Errorf("again: %+v, %v, writes %v", counts, err, inner.writes)
	}
	if _, err := sealed.Reseal(t.Context(), inner, nil); err == nil {
		t.Error("a store that is not sealed is resealed")
	}
}

func TestResealOfLargeValuesIsInParts(t *testing.T) {
	if testing.Short() {
		t.Skip("seals many megabytes")
	}
	s, inner, path := rotated(t, 0)
	value := `"` + strings.Repeat("x", 700_000) + `"`
	for i := range 12 {
		if err := put(t, s, "secrets", fmt.Sprint(i), value); err != nil {
			t.Fatal(err)
		}
	}
	rotate(t, path)
	inner.writes = nil
	if counts, err := sealed.Reseal(t.Context(), s, nil); err != nil || counts.Resealed != 13 {
		t.Errorf("got %+v, %v, want 13 resealed", counts, err)
	}
	if fmt.Sprint(inner.writes) != "[1 5 5 2]" {
		t.Errorf("transactions wrote %v", inner.writes)
	}
}

func TestDroppedKeyIsForgotten(t *testing.T) {
	s, inner, path := rotated(t, 1)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.Reseal(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(old)), "\n")
	stale := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(stale, []byte(lines[len(lines)-1]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sealed.DropOldKeys(t.Context(), s, path); err != nil {
		t.Fatal(err)
	}
	mustPut(t, sealed.New(inner, openKeys(t, stale), secretTables("secrets")), "late")
	if _, err := get(t, s, "secrets", "late"); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("a value under a dropped key: got %v, want %v", err, sealed.ErrWrongKey)
	}
}

func TestResealGoesOn(t *testing.T) {
	s, _, _ := rotated(t, 450)
	ctx, cancel := context.WithCancel(t.Context())
	counts, err := sealed.Reseal(ctx, s, func(done int) {
		if done > 200 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || counts.Resealed != 201 {
		t.Errorf("got %+v, %v, want 201 and the end of the context", counts, err)
	}
	if counts, err = sealed.Reseal(t.Context(), s, nil); err != nil || counts != (sealed.Counts{Resealed: 250, Current: 201}) {
		t.Errorf("got %+v, %v", counts, err)
	}
}

func TestResealKeepsWhatOthersWrite(t *testing.T) {
	s, inner, _ := rotated(t, 3)
	inner.before = func() {
		inner.before = nil
		if err := put(t, s, "more", "key", `{"a":2}`); err != nil {
			t.Error(err)
		}
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Delete("secrets", "0001") }); err != nil {
			t.Error(err)
		}
	}
	if _, err := sealed.Reseal(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, s, "more", "key"); err != nil || got != `{"a":2}` {
		t.Errorf("a value written meanwhile is %s, %v", got, err)
	}
	if use, err := sealed.Usage(t.Context(), s); err != nil || use[0].Values != 3 || use[1].Values != 0 {
		t.Errorf("with a value deleted meanwhile: %+v, %v", use, err)
	}
}

func TestOldKeyInUseIsNotDropped(t *testing.T) {
	s, _, path := rotated(t, 3)
	before, _ := os.ReadFile(path)
	if _, err := sealed.DropOldKeys(t.Context(), s, path); !errors.Is(err, sealed.ErrOldKeyInUse) {
		t.Errorf("got %v, want %v", err, sealed.ErrOldKeyInUse)
	}
	after, _ := os.ReadFile(path)
	if string(before) != string(after) || strings.Count(string(after), "\naes256gcm ") != 2 {
		t.Error("the key file was changed")
	}
	use, err := sealed.Usage(t.Context(), s)
	if err != nil || len(use) != 2 || !use[0].Seals || use[0].Values != 0 || use[1].Seals || !use[1].Known || use[1].Values != 4 {
		t.Errorf("usage is %+v, %v", use, err)
	}
	rotate(t, path) // works still: nothing was left behind
}
