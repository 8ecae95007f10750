package bolt

import (
	"context"
	"iter"
	"slices"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
)

// A bulk load gathers entries into chunks of 32 MiB and commits each chunk as one group.
// Entries that arrive in order are written at once. From the first entry out of order on,
// chunks are sorted into temporary runs; the runs are merged and committed at the end.

// bulkBytes is the size of one transaction of a bulk load.
const bulkBytes = 32 << 20

// bulkFill is the fill of pages whose entries come after all existing entries.
const bulkFill = 0.9

// BulkLoad implements [store.BulkLoader]. It commits transactions of about 32 MiB; other
// writers get their turn in between. Entries in order of table and key are written as they
// arrive. Other entries are sorted first, in a temporary file beside the store if they do
// not fit in one transaction. Without sorting, each transaction would change pages all over
// the store and leave as many free pages behind.
func (s *Store) BulkLoad(ctx context.Context, entries iter.Seq2[store.Ref, []byte]) error {
	rest := &sorter{path: s.path}
	defer rest.close()
	l := &load{ctx: ctx, store: s}
	for ref, value := range entries {
		if err := driver.Check(ref, value); err != nil {
			return err
		}
		w := driver.Write{Ref: ref, Value: slices.Clone(value)}
		if err := l.add(w, func() error { return l.writeOrSpill(rest) }); err != nil {
			return err
		}
	}
	if rest.file == nil {
		return l.write()
	}
	if err := rest.spill(l.chunk); err != nil {
		return err
	}
	l.reset()
	for w, err := range rest.all() {
		if err != nil {
			return err
		}
		if err := l.add(w, l.write); err != nil {
			return err
		}
	}
	return l.write()
}

// A load gathers the entries of one transaction.
type load struct {
	ctx   context.Context
	store *Store
	chunk []driver.Write
	size  int
	last  driver.Write // the last entry of the previous chunk, which is committed
}

// add adds an entry. When the chunk is full, add calls full and begins a new chunk.
func (l *load) add(w driver.Write, full func() error) error {
	l.chunk = append(l.chunk, w)
	if l.size += len(w.Key) + len(w.Value); l.size < bulkBytes {
		return nil
	}
	err := full()
	l.reset()
	return err
}

func (l *load) reset() { l.chunk, l.size = l.chunk[:0], 0 }

// writeOrSpill writes the chunk if all entries so far came in order, otherwise it spills
// the chunk to the sorter.
func (l *load) writeOrSpill(rest *sorter) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	inOrder := rest.file == nil && compareWrites(l.last, l.chunk[0]) <= 0 && slices.IsSortedFunc(l.chunk, compareWrites)
	if !inOrder {
		return rest.spill(l.chunk)
	}
	l.last = l.chunk[len(l.chunk)-1]
	return l.write()
}

// write writes the chunk as a group member that is so large that the group is full.
func (l *load) write() (err error) {
	s := l.store
	if err := s.enter(l.ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	sortWrites(l.chunk)
	g, err := s.join(l.ctx)
	if err != nil {
		return err
	}
	if len(l.chunk) > 0 {
		g.members++
		g.bytes += l.size
		g.failed = apply(g.tx, slices.Values(l.chunk), bulkFill)
	}
	return s.leave(g)
}
