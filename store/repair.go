package store

import (
	"bytes"
	"context"
	"fmt"
)

// A Problem is one thing that is wrong with a table, see [Table.Check].
type Problem struct {
	Table string // of the record, or of the index
	Key   string
	What  string
	Index bool // an index entry is missing, wrong or extra: [Table.Repair] mends that

	err error // why a record cannot be read
}

func (p Problem) String() string { return fmt.Sprintf("%s %q: %s", p.Table, p.Key, p.What) }

// What is wrong with an index entry.
const (
	entryMissing = "the index entry of a record is missing or wrong"
	entryTaken   = "two records call for this index key, which is unique"
	entryExtra   = "no record calls for this index entry"
)

// Check reads the whole table and reports every record that cannot be read
// and every index entry that is missing, wrong or extra. It keeps one record
// in memory. good, which may be nil, is called with each record that can be read.
func (t *Table[R]) Check(r Reader, report func(Problem), good func(*R) error) error {
	for e, err := range r.Scan(t.Name, Range{}) {
		if err != nil {
			return err
		}
		rec, err := t.Decode(e.Value)
		if err == nil && t.Key(rec) != e.Key {
			err = fmt.Errorf("%w: the record belongs at another key", ErrCorrupt)
		}
		if err != nil {
			report(Problem{Table: t.Name, Key: e.Key, What: err.Error(), err: err})
			continue
		}
		if _, err := t.faults(r, e.Key, rec, report); err != nil {
			return err
		}
		if good == nil {
			continue
		}
		if err := good(rec); err != nil {
			return err
		}
	}
	for _, table := range t.indexTables() {
		for e, err := range r.Scan(table, Range{}) {
			if err != nil {
				return err
			}
			wanted, err := t.wanted(r, table, e)
			if err != nil {
				return err
			}
			if !wanted {
				report(Problem{Table: table, Key: e.Key, What: entryExtra, Index: true})
			}
		}
	}
	return nil
}

// Verify is Check for those who want no list: it reads the whole table and
// returns the first problem as an error, which is [ErrCorrupt], or [ErrNewer]
// for a record that a newer version wrote.
func (t *Table[R]) Verify(r Reader) error {
	var first error
	err := t.Check(r, func(p Problem) {
		switch {
		case first != nil:
		case p.err != nil:
			first = p.err
		default:
			first = fmt.Errorf("%w: %s", ErrCorrupt, p)
		}
	}, nil)
	if err != nil {
		return err
	}
	return first
}

func (t *Table[R]) indexTables() []string {
	var out []string
	for _, ix := range t.Indexes {
		out = append(out, t.indexTable(ix.Name))
	}
	if t.Expires != nil {
		out = append(out, t.indexTable(expiryIndex))
	}
	return out
}

// faults returns the entries of a record that are missing or wrong and may be written.
func (t *Table[R]) faults(r Reader, primary string, rec *R, report func(Problem)) ([]indexEntry, error) {
	entries := t.indexEntries(primary, rec)
	refs := make([]Ref, len(entries))
	for i, e := range entries {
		refs[i] = e.ref
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	var out []indexEntry
	for i, e := range entries {
		if bytes.Equal(values[i], e.value(primary)) {
			continue
		}
		taken := false
		if e.unique && values[i] != nil {
			if taken, err = t.wanted(r, e.ref.Table, Entry{e.ref.Key, values[i]}); err != nil {
				return nil, err
			}
		}
		if taken {
			report(Problem{Table: e.ref.Table, Key: e.ref.Key, What: entryTaken})
			continue
		}
		report(Problem{Table: e.ref.Table, Key: e.ref.Key, What: entryMissing, Index: true})
		out = append(out, e)
	}
	return out, nil
}

// wanted tells whether the record that an index entry leads to calls for it.
func (t *Table[R]) wanted(r Reader, table string, e Entry) (bool, error) {
	primary, err := tail(e)
	for _, ix := range t.Indexes {
		if t.indexTable(ix.Name) == table {
			primary, err = ix.primary(e)
		}
	}
	if err != nil || primary == "" {
		return false, nil //nolint:nilerr // it leads nowhere
	}
	values, err := r.Get(t.Ref(primary))
	if err != nil || values[0] == nil {
		return false, err
	}
	rec, err := t.Decode(values[0])
	if err != nil {
		return true, nil //nolint:nilerr // unreadable: reported as such, and its entries are left alone
	}
	for _, want := range t.indexEntries(primary, rec) {
		if want.ref == (Ref{table, e.Key}) && bytes.Equal(want.value(primary), e.Value) {
			return true, nil
		}
	}
	return false, nil
}

// Repair writes the index entries that are missing or wrong and deletes those
// that are extra, in transactions of at most 500 rows, and returns how many
// it mended. It leaves records alone, and what [Problem.Index] says it cannot mend.
func (t *Table[R]) Repair(ctx context.Context, s Store) (int, error) {
	total := 0
	for _, table := range t.indexTables() { // what is extra first: it may be in the way
		n, err := inBatches(ctx, s, table, func(tx Tx, e Entry) (int, error) {
			wanted, err := t.wanted(tx, table, e)
			if err != nil || wanted {
				return 0, err
			}
			return 1, tx.Delete(table, e.Key)
		})
		total += n
		if err != nil {
			return total, err
		}
	}
	n, err := inBatches(ctx, s, t.Name, func(tx Tx, e Entry) (int, error) {
		rec, err := t.Decode(e.Value)
		if err != nil || t.Key(rec) != e.Key {
			return 0, nil //nolint:nilerr // reported by Check, and nothing that an index could mend
		}
		missing, err := t.faults(tx, e.Key, rec, func(Problem) {})
		for _, m := range missing {
			if err := tx.Put(m.ref.Table, m.ref.Key, m.value(e.Key)); err != nil {
				return 0, err
			}
		}
		return len(missing), err
	})
	return total + n, err
}

// inBatches calls fn with each entry of a table, a batch of them a transaction,
// and adds up what it returns.
func inBatches(ctx context.Context, s Store, table string, fn func(Tx, Entry) (int, error)) (total int, err error) {
	from := ""
	for {
		var n, rows int
		last := ""
		err := s.Update(ctx, func(tx Tx) error {
			n, rows, last = 0, 0, ""
			size := 0
			for e, err := range tx.Scan(table, Range{From: from, Limit: sweepRows}) {
				if err != nil {
					return err
				}
				did, err := fn(tx, e)
				if err != nil {
					return err
				}
				n, rows, last = n+did, rows+1, e.Key
				if size += len(e.Value); size > sweepBytes {
					rows = sweepRows // there may be more
					break
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += n
		if rows < sweepRows {
			return total, nil
		}
		from = last + "\x00"
	}
}
