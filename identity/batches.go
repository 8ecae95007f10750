package identity

import (
	"context"
	"iter"

	"github.com/cognate-id/cognate/store"
)

// listBatch is how many records a listing reads in one transaction. A page of
// the wire protocol has at most 60, so one read has the page and shows whether
// there are more records.
const listBatch = 64

// batches yields records batch by batch. It calls read once for each batch, in
// a transaction of its own, with the name of the last record before. No
// transaction is open while the consumer is busy.
func batches[R any](ctx context.Context, s store.Store, after string, read func(r store.Reader, after string) ([]*R, error), name func(*R) string) iter.Seq2[*R, error] {
	return func(yield func(*R, error) bool) {
		for after := after; ; {
			var found []*R
			err := s.View(ctx, func(r store.Reader) (err error) {
				found, err = read(r, after)
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, rec := range found {
				if !yield(rec, nil) {
					return
				}
				after = name(rec)
			}
			if len(found) < listBatch {
				return
			}
		}
	}
}

// batch reads the first listBatch records of a range of an index.
func batch[R any](r store.Reader, t *store.Table[R], ix *store.Index[R], rng store.Range) ([]*R, error) {
	rng.Limit = listBatch
	return indexed(r, t, ix, rng)
}

// indexed reads the records of a range of an index, in two round trips at most.
func indexed[R any](r store.Reader, t *store.Table[R], ix *store.Index[R], rng store.Range) ([]*R, error) {
	var refs []store.Ref
	for key, err := range t.ScanIndex(r, ix, rng) {
		if err != nil {
			return nil, err
		}
		refs = append(refs, t.Ref(key))
	}
	if len(refs) == 0 {
		return nil, nil
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	out := make([]*R, len(values))
	for i, v := range values {
		if out[i], err = t.Decode(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}
