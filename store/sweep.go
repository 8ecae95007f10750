package store

import (
	"context"
	"time"
)

// Records are deleted in transactions of at most so many records, and of so
// many bytes read, so that other writers come in between.
const (
	sweepRows  = 500
	sweepBytes = 4 << 20
)

// Sweep deletes records that have expired at now, [Table.Slack] included, in one transaction and by
// way of the expiry index: at most limit of them, and never more than 500,
// which is also what a limit of zero means. It returns how many it deleted;
// whoever gets as many as it asked for calls again.
func (t *Table[R]) Sweep(ctx context.Context, s Store, now time.Time, limit int) (n int, err error) {
	if t.Expires == nil {
		return 0, nil
	}
	if limit <= 0 || limit > sweepRows {
		limit = sweepRows
	}
	now = now.Add(-t.Slack)
	due := Range{To: Prefix(Time(now)).To, Limit: limit}
	err = s.Update(ctx, func(tx Tx) error {
		n = 0
		entries, values, err := t.due(tx, due)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if err := t.sweepOne(tx, e, values[i], now); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// sweepAll calls Sweep until nothing is left to sweep.
func (t *Table[R]) sweepAll(ctx context.Context, s Store, now time.Time) (int, error) {
	total := 0
	for {
		n, err := t.Sweep(ctx, s, now, sweepRows)
		total += n
		if err != nil || n < sweepRows {
			return total, err
		}
	}
}

// due returns the entries of the expiry index in a range, and the values of the records that they name.
func (t *Table[R]) due(r Reader, rng Range) (entries []Entry, values [][]byte, err error) {
	var refs []Ref
	for e, err := range r.Scan(t.indexTable(expiryIndex), rng) {
		if err != nil {
			return nil, nil, err
		}
		key, err := tail(e)
		if err != nil {
			return nil, nil, err
		}
		entries, refs = append(entries, e), append(refs, t.Ref(key))
	}
	if len(refs) == 0 {
		return nil, nil, nil
	}
	values, err = r.Get(refs...)
	return entries, values, err
}

// sweepOne deletes what an entry of the expiry index names. An entry without a
// record, or with one that expires at another time, is deleted by itself.
func (t *Table[R]) sweepOne(tx Tx, e Entry, value []byte, now time.Time) error {
	if value != nil {
		rec, err := t.Decode(value)
		if err != nil {
			return err
		}
		if at := t.Expires(rec); !at.IsZero() && !at.After(now) {
			return t.remove(tx, t.Key(rec), rec)
		}
	}
	return tx.Delete(t.indexTable(expiryIndex), e.Key)
}

// DeleteRange deletes the records of a range of primary keys with their index
// entries, in as many transactions as it takes. It returns how many it has
// deleted, also when it ends early with an error: called again, it goes on.
func (t *Table[R]) DeleteRange(ctx context.Context, s Store, r Range) (int, error) {
	total := 0
	for {
		batch := r
		batch.Limit = sweepRows
		if r.Limit > 0 {
			batch.Limit = min(sweepRows, r.Limit-total)
		}
		n, more, err := t.deleteBatch(ctx, s, batch)
		total += n
		if err != nil || !more || total == r.Limit {
			return total, err
		}
	}
}

// deleteBatch deletes records of a range in one transaction, and reports whether there may be more.
func (t *Table[R]) deleteBatch(ctx context.Context, s Store, r Range) (n int, more bool, err error) {
	err = s.Update(ctx, func(tx Tx) (err error) {
		n, more, err = t.deleteIn(tx, r)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return n, more, nil
}

// deleteIn deletes records of a range, which has a limit, in a transaction, and reports whether there may be more.
func (t *Table[R]) deleteIn(tx Tx, r Range) (n int, more bool, err error) {
	size := 0
	for e, err := range tx.Scan(t.Name, r) {
		if err != nil {
			return n, false, err
		}
		rec, err := t.Decode(e.Value)
		if err != nil {
			return n, false, err
		}
		if err := t.remove(tx, e.Key, rec); err != nil {
			return n, false, err
		}
		n++
		size += len(e.Value)
		if n == r.Limit || size > sweepBytes {
			return n, true, nil
		}
	}
	return n, false, nil
}
