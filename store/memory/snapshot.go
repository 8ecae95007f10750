package memory

import (
	"context"
	"iter"
	"slices"
	"strings"
	"unsafe"

	"github.com/cognate-id/cognate/store"
	"github.com/tidwall/btree"
)

// An item is an entry: its key and its value one after the other in one
// allocation. In a store of a million users the difference to two is hundreds of megabytes.
type item struct {
	text string
	key  int // length of the key
}

func newItem(key string, value []byte) item {
	b := make([]byte, len(key)+len(value))
	copy(b[copy(b, key):], value)
	return item{unsafe.String(unsafe.SliceData(b), len(b)), len(key)}
}

// pivot is an item to look for.
func pivot(key string) item { return item{key, len(key)} }

func (i item) name() string { return i.text[:i.key] }

// value returns the value without a copy, cut off so that an append cannot reach further.
func (i item) value() []byte {
	v := i.text[i.key:]
	return unsafe.Slice(unsafe.StringData(v), len(v))
}

func less(a, b item) bool { return a.name() < b.name() }

type tree = btree.BTreeG[item]

// degree is half of what a node of a tree holds. A write copies the nodes on
// its way, so smaller ones make it cheaper, and take a little more room.
const degree = 16

// A table is an ordered tree with its name.
type table struct {
	name string
	tree *tree
}

// A snapshot is the state after a transaction: its tables, ordered by name. It
// is never changed; the next state shares with it what was not written.
type snapshot struct{ tables []table }

func (s *snapshot) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.tables, name, func(t table, name string) int {
		return strings.Compare(t.name, name)
	})
}

// fork copies all trees. The copies are lazy: a node is copied when one side changes it.
func (s *snapshot) fork() *snapshot {
	out := &snapshot{slices.Clone(s.tables)}
	for i := range out.tables {
		out.tables[i].tree = out.tables[i].tree.Copy()
	}
	return out
}

// with returns the state after writes.
func (s *snapshot) with(writes iter.Seq[store.Write]) *snapshot {
	e := s.edit()
	for w := range writes {
		if w.Value == nil {
			e.remove(w.Ref)
			continue
		}
		e.tree(w.Table).Set(newItem(w.Key, w.Value))
	}
	return e.snapshot()
}

// An edit makes the next snapshot. Only the writer may hold one, since copying
// a tree marks the tree that it is copied from.
type edit struct {
	next  snapshot
	owned []string // tables whose tree has been copied
}

func (s *snapshot) edit() *edit { return &edit{next: snapshot{slices.Clone(s.tables)}} }

func (e *edit) snapshot() *snapshot { return &e.next }

// tree returns the tree of a table, to be changed.
func (e *edit) tree(name string) *tree {
	i, ok := e.next.find(name)
	if !ok {
		t := btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: degree})
		e.next.tables = slices.Insert(e.next.tables, i, table{name, t})
		e.owned = append(e.owned, name)
		return t
	}
	t := &e.next.tables[i]
	if !slices.Contains(e.owned, name) {
		t.tree = t.tree.Copy()
		e.owned = append(e.owned, name)
	}
	return t.tree
}

func (e *edit) remove(ref store.Ref) {
	if _, ok := e.next.find(ref.Table); ok {
		e.tree(ref.Table).Delete(pivot(ref.Key))
	}
}

func (e *edit) load(ref store.Ref, value []byte) {
	e.tree(ref.Table).Load(newItem(ref.Key, value))
}

// A reader reads a snapshot on behalf of a call.
type reader struct {
	ctx  context.Context
	snap *snapshot
}

func (r reader) Get(refs ...store.Ref) ([][]byte, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	values := make([][]byte, len(refs))
	for n, ref := range refs {
		i, ok := r.snap.find(ref.Table)
		if !ok {
			continue
		}
		if it, ok := r.snap.tables[i].tree.Get(pivot(ref.Key)); ok {
			values[n] = it.value()
		}
	}
	return values, nil
}

// between is how many entries a scan yields before it looks at its context again.
const between = 256

func (r reader) Scan(name string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		if err := r.ctx.Err(); err != nil {
			yield(store.Entry{}, err)
			return
		}
		i, ok := r.snap.find(name)
		if !ok {
			return
		}
		n := 0
		visit := func(it item) bool {
			if n++; n%between == 0 && r.ctx.Err() != nil {
				yield(store.Entry{}, r.ctx.Err())
				return false
			}
			return yield(store.Entry{Key: it.name(), Value: it.value()}, nil) && n != rng.Limit
		}
		walk(r.snap.tables[i].tree, rng, visit)
	}
}

// walk visits the items of a range in its order until visit returns false.
func walk(t *tree, rng store.Range, visit func(item) bool) {
	if !rng.Reverse {
		t.Ascend(pivot(rng.From), func(it item) bool {
			return (rng.To == "" || it.name() < rng.To) && visit(it)
		})
		return
	}
	down := func(it item) bool {
		if rng.To != "" && it.name() >= rng.To {
			return true // To itself is not part of the range
		}
		return it.name() >= rng.From && visit(it)
	}
	if rng.To == "" {
		t.Reverse(down)
		return
	}
	t.Descend(pivot(rng.To), down)
}
