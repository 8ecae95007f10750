package storetest

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// awkward are keys in ascending order, with zero and 0xff bytes and common prefixes.
var awkward = []string{
	"\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "A", "a", "a\x00", "a\x00\x01", "a\x00\xff", "a\x01",
	"aa", "ab", "b", "b\xff", "b\xff\xff", "c", "z", "~", "\x7f", "\x80", "é", "\xfe", "\xff", "\xff\x00", "\xff\xff",
}

func fill(t testing.TB, s store.Store) {
	t.Helper()
	values := make(map[string]string)
	for i, key := range awkward {
		values[key] = fmt.Sprint(i)
	}
	put(t, s, "a.table", map[string]string{"elsewhere": "1"})
	put(t, s, "table", values)
	put(t, s, "table.x", map[string]string{"elsewhere": "1"})
}

func order(t testing.TB, s store.Store) {
	r := rand.New(rand.NewSource(1))
	var want []string
	for i := range times(300, 60) {
		key := store.Key(fmt.Sprint(r.Intn(40)), string([]byte{byte(r.Intn(256)), byte(i)}))
		want = append(want, key)
		put(t, s, "table", map[string]string{key: fmt.Sprint(i)})
	}
	slices.Sort(want)
	want = slices.Compact(want)
	mustView(t, s, func(r store.Reader) error {
		got, err := keys(r, "table", store.Range{})
		if !slices.Equal(got, want) {
			t.Errorf("scan of everything: got %d keys %.60q…, want %d in order", len(got), got, len(want))
		}
		return err
	})
}

// expect returns the keys that a scan of awkward must yield.
func expect(keys []string, rng store.Range) []string {
	var out []string
	for _, key := range keys {
		if key >= rng.From && (rng.To == "" || key < rng.To) {
			out = append(out, key)
		}
	}
	if rng.Reverse {
		slices.Reverse(out)
	}
	if rng.Limit > 0 && len(out) > rng.Limit {
		out = out[:rng.Limit]
	}
	return out
}

func compareScan(t testing.TB, r store.Reader, have []string, rng store.Range) error {
	t.Helper()
	got, err := keys(r, "table", rng)
	if want := expect(have, rng); !slices.Equal(got, want) {
		t.Errorf("scan from %q to %q, reverse %v, limit %d: got %q, want %q", rng.From, rng.To, rng.Reverse, rng.Limit, got, want)
	}
	return err
}

func prefixAndRange(t testing.TB, s store.Store) {
	fill(t, s)
	have := slices.Sorted(slices.Values(awkward))
	bounds := append([]string{"", "bb", "\xff\xff\xff"}, awkward...)
	mustView(t, s, func(r store.Reader) error {
		for i, from := range bounds {
			for j, to := range bounds {
				if (i+j)%times(1, 4) > 0 {
					continue
				}
				if err := compareScan(t, r, have, store.Range{From: from, To: to}); err != nil {
					return err
				}
			}
		}
		got, err := keys(r, "unknown table", store.Range{})
		if len(got) > 0 {
			t.Errorf("an unknown table holds %q", got)
		}
		return err
	})
}

func reverseAndLimit(t testing.TB, s store.Store) {
	fill(t, s)
	have := slices.Sorted(slices.Values(awkward))
	mustView(t, s, func(r store.Reader) error {
		for _, rng := range []store.Range{{}, {From: "a"}, {To: "b"}, {To: "bb"}, {From: "a", To: "c"}, {To: "\xff\xff\xff"}, {From: "c", To: "a"}} {
			for _, limit := range []int{0, 1, 2, 5, 100} {
				rng.Limit = limit
				rng.Reverse = false
				err1 := compareScan(t, r, have, rng)
				rng.Reverse = true
				if err := compareScan(t, r, have, rng); err != nil || err1 != nil {
					return fmt.Errorf("%w, %w", err1, err)
				}
			}
		}
		return nil
	})
}

func getInsideScan(t testing.TB, s store.Store) {
	fill(t, s)
	inside := func(r store.Reader) error {
		n := 0
		for e, err := range r.Scan("table", store.Range{}) {
			if err != nil {
				return err
			}
			value, err := getIn(r, "table", e.Key)
			if err != nil {
				return err
			}
			if value != string(e.Value) {
				t.Errorf("Get(%q) inside a scan: %q, the scan has %q", e.Key, value, e.Value)
			}
			if err := compareScan(t, r, slices.Sorted(slices.Values(awkward)), store.Range{From: e.Key, Limit: 3}); err != nil {
				return err
			}
			n++
		}
		if n != len(awkward) {
			t.Errorf("a scan with reads inside it: got %d entries, want %d", n, len(awkward))
		}
		return nil
	}
	mustView(t, s, inside)
	mustUpdate(t, s, func(tx store.Tx) error { return inside(tx) })
}

func deleteInsideScan(t testing.TB, s store.Store) {
	fill(t, s)
	mustUpdate(t, s, func(tx store.Tx) error {
		for e, err := range tx.Scan("table", store.Range{From: "a"}) {
			if err != nil {
				return err
			}
			if err := tx.Delete("table", e.Key); err != nil {
				return err
			}
			if err := tx.Put("table", e.Key+"+", e.Value); err != nil {
				return err
			}
		}
		return nil
	})
	var want []string
	for _, key := range slices.Sorted(slices.Values(awkward)) {
		if key >= "a" {
			key += "+"
		}
		want = append(want, key)
	}
	slices.Sort(want)
	mustView(t, s, func(r store.Reader) error { return compareScan(t, r, want, store.Range{}) })
}

func snapshotIsStable(t testing.TB, s store.Store) {
	fill(t, s)
	var writer <-chan struct{}
	err := s.View(context.Background(), func(r store.Reader) error {
		before, err := getIn(r, "table", "c")
		if err != nil {
			return err
		}
		writer = inBackground(func() {
			err := update(s, func(tx store.Tx) error {
				for _, key := range []string{"c", "cc", "zz"} {
					if err := tx.Put("table", key, []byte(`"new"`)); err != nil {
						return err
					}
				}
				return tx.Delete("table", "a")
			})
			if err != nil {
				t.Errorf("Update beside a View: %v", err)
			}
		})
		waitFor(writer)
		after, err := getIn(r, "table", "c")
		if after != before {
			t.Errorf("a value changed within a View from %s to %s", before, after)
		}
		if err != nil {
			return err
		}
		return compareScan(t, r, slices.Sorted(slices.Values(awkward)), store.Range{})
	})
	if err != nil {
		t.Fatal(err)
	}
	<-writer
	if got := get(t, s, "table", "c"); got != `"new"` {
		t.Errorf("after the View: got %s, want what was written meanwhile", got)
	}
}
