package store

import (
	"context"
	"time"
)

// A record with [TableOf.Expires] has an entry in the expiry index. Sweep reads the entries
// that are due, deletes their records with all index entries, and commits. Each transaction
// is bounded in records and in bytes read, so other writers get their turn in between.

// The bounds of one transaction that deletes records.
const (
	sweepRows  = 500
	sweepBytes = 4 << 20
)

// Sweep deletes, in one transaction, at most limit records that have expired at now. A
// record is due when [TableOf.Slack] has passed since it expired. Sweep never deletes more
// than 500 records in one call; a limit of zero means 500. It returns the number of records
// deleted. If that number equals the limit, call Sweep again.
func (t *TableOf[P]) Sweep(ctx context.Context, s Store, now time.Time, limit int) (n int, err error) {
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

// sweepAll calls Sweep until no record is due.
func (t *TableOf[P]) sweepAll(ctx context.Context, s Store, now time.Time) (int, error) {
	total := 0
	for {
		n, err := t.Sweep(ctx, s, now, sweepRows)
		total += n
		if err != nil || n < sweepRows {
			return total, err
		}
	}
}

// due returns the entries of the expiry index in a range, and the values of the records
// they lead to.
func (t *TableOf[P]) due(r Reader, rng Range) (entries []Entry, values [][]byte, err error) {
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

// sweepOne deletes the record of an entry of the expiry index. It deletes the entry alone
// if the record does not exist or expires at another time.
func (t *TableOf[P]) sweepOne(tx Tx, e Entry, value []byte, now time.Time) error {
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

// DeleteRange deletes the records in a range of primary keys, with their index entries. It
// commits as many transactions as it needs. DeleteRange returns the number of records
// deleted, also if it returns an error. Call it again after an error to continue.
func (t *TableOf[P]) DeleteRange(ctx context.Context, s Store, r Range) (int, error) {
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

// deleteBatch deletes records of a range in one transaction. more reports whether there may
// be more.
func (t *TableOf[P]) deleteBatch(ctx context.Context, s Store, r Range) (n int, more bool, err error) {
	err = s.Update(ctx, func(tx Tx) (err error) {
		n, more, err = t.deleteIn(tx, r)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return n, more, nil
}

// deleteIn deletes records of a range with a limit, within a transaction. more reports
// whether there may be more.
func (t *TableOf[P]) deleteIn(tx Tx, r Range) (n int, more bool, err error) {
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
