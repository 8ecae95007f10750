package driver

import (
	"slices"
	"strings"

	"github.com/cognate-id/cognate/store"
)

// A buffer holds what one transaction wrote to one table. A map serves lookups. An ordered
// slice serves scans and is built when a scan first needs it. The slice is copy-on-write,
// so a scan keeps the slice it began with.
type buffer struct {
	latest map[string][]byte // a nil value means that the key was deleted
	sorted []store.Entry     // as of the last call of the method all
	fresh  []string          // keys written since then, with duplicates
}

// get returns what the transaction wrote at key. A nil buffer is empty.
func (b *buffer) get(key string) (value []byte, ok bool) {
	if b == nil {
		return nil, false
	}
	value, ok = b.latest[key]
	return value, ok
}

// put records a write and returns by how many bytes the buffer grew.
func (b *buffer) put(key string, value []byte) int {
	old, ok := b.latest[key]
	b.latest[key] = value
	b.fresh = append(b.fresh, key)
	if ok {
		return len(value) - len(old)
	}
	return len(key) + len(value)
}

// all returns the writes in order of their keys.
func (b *buffer) all() []store.Entry {
	if len(b.fresh) == 0 {
		return b.sorted
	}
	slices.Sort(b.fresh)
	fresh := slices.Compact(b.fresh)
	out := make([]store.Entry, 0, len(b.latest))
	for _, old := range b.sorted {
		for len(fresh) > 0 && fresh[0] < old.Key {
			out = append(out, store.Entry{Key: fresh[0], Value: b.latest[fresh[0]]})
			fresh = fresh[1:]
		}
		if len(fresh) > 0 && fresh[0] == old.Key {
			old.Value = b.latest[old.Key]
			fresh = fresh[1:]
		}
		out = append(out, old)
	}
	for _, key := range fresh {
		out = append(out, store.Entry{Key: key, Value: b.latest[key]})
	}
	b.sorted, b.fresh = out, b.fresh[:0]
	return out
}

// between returns the writes within the range r, in the order of a scan of r.
func (b *buffer) between(r store.Range) []store.Entry {
	byKey := func(e store.Entry, key string) int { return strings.Compare(e.Key, key) }
	all := b.all()
	from, _ := slices.BinarySearchFunc(all, r.From, byKey)
	to := len(all)
	if r.To != "" {
		to, _ = slices.BinarySearchFunc(all, r.To, byKey)
	}
	if from >= to {
		return nil
	}
	if !r.Reverse {
		return all[from:to]
	}
	out := slices.Clone(all[from:to])
	slices.Reverse(out)
	return out
}
