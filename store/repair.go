package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
)

// A Problem is one thing that is wrong with a table, see [Table.Check].
type Problem struct {
	Table string // of the record, or of the index
	Key   string // of the record or the index entry in Table
	What  string // is wrong, for people
	Index bool   // an index entry is missing, wrong or extra: [Table.Repair] mends that

	err error // why a record cannot be read
}

func (p Problem) String() string { return fmt.Sprintf("%s %q: %s", p.Table, p.Key, p.What) }

// What is wrong with an index entry.
const (
	entryMissing = "the index entry of a record is missing or wrong"
	entryTaken   = "two records call for this index key, which is unique"
	entryExtra   = "no record calls for this index entry"
)

// checkRows is how many records Check reads in one round trip, and has in memory, at most.
const checkRows = 100

// Check reads the whole table and reports every record that cannot be read
// and every index entry that is missing, wrong or extra. It has up to a hundred
// records in memory. good, which may be nil, is called with those that can be read.
func (t *Table[R]) Check(r Reader, report func(Problem), good func([]*R) error) error {
	err := inChunks(r.Scan(t.Name, Range{}), func(chunk []Entry) error {
		recs := t.readable(chunk, report)
		if _, err := t.faults(r, recs, report); err != nil || good == nil {
			return err
		}
		return good(recs)
	})
	if err != nil {
		return err
	}
	for _, table := range t.indexTables() {
		err := inChunks(r.Scan(table, Range{}), func(chunk []Entry) error {
			wanted, err := t.wanted(r, table, chunk)
			for i, ok := range wanted {
				if !ok {
					report(Problem{Table: table, Key: chunk[i].Key, What: entryExtra, Index: true})
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// inChunks calls fn with a few entries of a scan at a time.
func inChunks(seq iter.Seq2[Entry, error], fn func([]Entry) error) error {
	var chunk []Entry
	size := 0
	for e, err := range seq {
		if err != nil {
			return err
		}
		chunk = append(chunk, e)
		if size += len(e.Value); len(chunk) < checkRows && size < sweepBytes {
			continue
		}
		if err := fn(chunk); err != nil {
			return err
		}
		chunk, size = nil, 0
	}
	if len(chunk) == 0 {
		return nil
	}
	return fn(chunk)
}

// readable returns the records that can be read and are where they belong, and reports the others.
func (t *Table[R]) readable(entries []Entry, report func(Problem)) []*R {
	var out []*R
	for _, e := range entries {
		rec, err := t.Decode(e.Value)
		if err == nil && t.Key(rec) != e.Key {
			err = fmt.Errorf("%w: the record belongs at another key", ErrCorrupt)
		}
		if err != nil {
			report(Problem{Table: t.Name, Key: e.Key, What: err.Error(), err: err})
			continue
		}
		out = append(out, rec)
	}
	return out
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

// A fault is an index entry that is missing or wrong.
type fault struct {
	indexEntry
	primary string
}

// faults returns the entries of records that are missing or wrong and may be written.
func (t *Table[R]) faults(r Reader, recs []*R, report func(Problem)) (out []fault, err error) {
	var all []fault
	var refs []Ref
	for _, rec := range recs {
		primary := t.Key(rec)
		for _, e := range t.indexEntries(primary, rec) {
			all, refs = append(all, fault{e, primary}), append(refs, e.ref)
		}
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	claimed := make(map[Ref]bool)
	for i, f := range all {
		if bytes.Equal(values[i], f.value(f.primary)) {
			continue
		}
		taken := claimed[f.ref]
		if f.unique && values[i] != nil {
			wanted, err := t.wanted(r, f.ref.Table, []Entry{{f.ref.Key, values[i]}})
			if err != nil {
				return nil, err
			}
			taken = taken || wanted[0]
		}
		if taken {
			report(Problem{Table: f.ref.Table, Key: f.ref.Key, What: entryTaken})
			continue
		}
		report(Problem{Table: f.ref.Table, Key: f.ref.Key, What: entryMissing, Index: true})
		claimed[f.ref] = true
		out = append(out, f)
	}
	return out, nil
}

// wanted tells of each entry of an index whether the record that it leads to calls for it.
func (t *Table[R]) wanted(r Reader, table string, entries []Entry) ([]bool, error) {
	out := make([]bool, len(entries))
	primaries := make([]string, len(entries))
	var refs []Ref
	for i, e := range entries {
		if primary, err := t.leadsTo(table, e); err == nil && primary != "" { // otherwise it leads nowhere
			primaries[i], refs = primary, append(refs, t.Ref(primary))
		}
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		if primaries[i] == "" {
			continue
		}
		out[i] = t.calls(primaries[i], values[0], table, e)
		values = values[1:]
	}
	return out, nil
}

func (t *Table[R]) leadsTo(table string, e Entry) (primary string, err error) {
	for _, ix := range t.Indexes {
		if t.indexTable(ix.Name) == table {
			return ix.primary(e)
		}
	}
	return tail(e)
}

// calls tells whether the record in a value calls for an index entry. One that
// cannot be read is reported as such, and its entries are left alone.
func (t *Table[R]) calls(primary string, value []byte, table string, e Entry) bool {
	if value == nil {
		return false
	}
	rec, err := t.Decode(value)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(t.indexEntries(primary, rec), func(want indexEntry) bool {
		return want.ref == (Ref{table, e.Key}) && bytes.Equal(want.value(primary), e.Value)
	})
}

// Repair writes the index entries that are missing or wrong and deletes those
// that are extra, in transactions of at most 500 rows, and returns how many
// it mended. It leaves records alone, and what [Problem.Index] says it cannot mend.
func (t *Table[R]) Repair(ctx context.Context, s Store) (int, error) {
	total := 0
	for _, table := range t.indexTables() { // what is extra first: it may be in the way
		n, err := inBatches(ctx, s, table, func(tx Tx, entries []Entry) (n int, err error) {
			wanted, err := t.wanted(tx, table, entries)
			for i, ok := range wanted {
				if ok {
					continue
				}
				if err := tx.Delete(table, entries[i].Key); err != nil {
					return 0, err
				}
				n++
			}
			return n, err
		})
		total += n
		if err != nil {
			return total, err
		}
	}
	silent := func(Problem) {} // Check reports
	n, err := inBatches(ctx, s, t.Name, func(tx Tx, entries []Entry) (int, error) {
		missing, err := t.faults(tx, t.readable(entries, silent), silent)
		for _, m := range missing {
			if err := tx.Put(m.ref.Table, m.ref.Key, m.value(m.primary)); err != nil {
				return 0, err
			}
		}
		return len(missing), err
	})
	return total + n, err
}

// inBatches calls fn with the entries of a table, a batch of them a transaction,
// and adds up what it returns.
func inBatches(ctx context.Context, s Store, table string, fn func(Tx, []Entry) (int, error)) (total int, err error) {
	for from, more := "", true; more; {
		var n int
		var batch []Entry
		err := s.Update(ctx, func(tx Tx) (err error) {
			n, batch, more = 0, nil, false
			size := 0
			for e, err := range tx.Scan(table, Range{From: from, Limit: sweepRows}) {
				if err != nil {
					return err
				}
				batch = append(batch, e)
				size += len(e.Value)
				if more = len(batch) == sweepRows || size > sweepBytes; more {
					break
				}
			}
			n, err = fn(tx, batch)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
		if more {
			from = batch[len(batch)-1].Key + "\x00"
		}
	}
	return total, nil
}
