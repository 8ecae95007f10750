package identity

import (
	"context"
	"iter"

	"github.com/cognate-id/cognate/store"
)

// listBatch is how many records a listing reads in one transaction: a page of
// the wire, and one to see that there is more, are one read.
const listBatch = 64

// batches yields what read returns, each time in a transaction of its own and
// after the record before, as name names it: so a slow consumer holds none open.
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

// batch reads the first listBatch records that an index has in a range.
func batch[R any](r store.Reader, t *store.Table[R], ix *store.Index[R], rng store.Range) ([]*R, error) {
	rng.Limit = listBatch
	return indexed(r, t, ix, rng)
}

// indexed reads the records that an index has in a range, in two round trips at the most.
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
