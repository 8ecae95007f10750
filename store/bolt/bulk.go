package bolt

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// bulkBytes is how much of a bulk load is written in one transaction.
const bulkBytes = 32 << 20

// bulkFill is how full pages are made of entries that come after all others.
const bulkFill = 0.9

// BulkLoad implements [store.BulkLoader]. It writes in transactions of about
// 32 MiB, which come in between those of others.
func (s *Store) BulkLoad(ctx context.Context, entries iter.Seq2[store.Ref, []byte]) error {
	var chunk []store.Write
	size := 0
	for ref, value := range entries {
		if err := store.Check(ref, value); err != nil {
			return err
		}
		chunk = append(chunk, store.Write{Ref: ref, Value: slices.Clone(value)})
		if size += len(ref.Key) + len(value); size < bulkBytes {
			continue
		}
		if err := s.loadChunk(ctx, chunk, size); err != nil {
			return err
		}
		chunk, size = chunk[:0], 0
	}
	return s.loadChunk(ctx, chunk, size)
}

// loadChunk writes entries as a member of a group, one so large that the group is full.
func (s *Store) loadChunk(ctx context.Context, chunk []store.Write, size int) (err error) {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	slices.SortStableFunc(chunk, func(a, b store.Write) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Key, b.Key))
	})
	g, err := s.join(ctx)
	if err != nil {
		return err
	}
	if len(chunk) > 0 {
		g.members++
		g.bytes += size
		g.failed = apply(g.tx, slices.Values(chunk), bulkFill)
	}
	return s.leave(g)
}
