package storetest

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store"
)

// largeValue is the size of a value in the large table.
const largeValue = 16 << 10

// scanInConstantMemory scans a large table. It measures how the heap grows during the scan,
// so a store in memory does not fail.
func scanInConstantMemory(t testing.TB, s store.Store) {
	// The size of the table, and the memory that a scan of it may hold.
	size, grows, looks := times(32<<20, 6<<20), uint64(times(8<<20, 4<<20)), times(16, 4)
	text, want := strings.Repeat("x", largeValue-100), size/largeValue
	fillLarge(t, s, want, text)
	mustView(t, s, func(r store.Reader) error {
		n, bytes := 0, 0
		start, most := heap(), uint64(0)
		for e, err := range r.Scan("table", store.Range{}) {
			if err != nil {
				return err
			}
			bytes += len(e.Value)
			if n++; n%(want/looks) == 0 {
				most = max(most, heap())
			}
		}
		if n != want || bytes < want*len(text) {
			t.Errorf("scan of a large table: got %d entries of %d bytes, want %d of at least %d", n, bytes, want, want*len(text))
		}
		if most > start+grows {
			t.Errorf("a scan of %d MiB holds %d MiB, want at most %d", bytes>>20, (most-start)>>20, grows>>20)
		}
		return nil
	})
}

func fillLarge(t testing.TB, s store.Store, all int, text string) {
	t.Helper()
	quoted := asJSON(text)
	const each = store.MaxTx / largeValue * 3 / 4
	for from := 0; from < all; from += each {
		mustUpdate(t, s, func(tx store.Tx) error {
			for i := from; i < min(from+each, all); i++ {
				key := store.Key(store.Int(int64(i)))
				if err := tx.Put("table", key, fmt.Appendf(nil, `{"n":%d,"text":%s}`, i, quoted)); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// heap returns how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
