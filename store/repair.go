package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
)

// Check reads the records of a table first, in chunks, and compares the index entries with
// what each record requires. Then Check reads each index and looks for entries that no
// record requires. Check writes nothing.
//
// Repair goes the other way round: it deletes the extra entries, then it writes the missing
// ones. Each batch commits on its own, so a Repair that fails can be called again.

// A Problem is one thing that is wrong with a table, see [TableOf.Check].
type Problem struct {
	Table string // the table of the record, or of the index
	Key   string // the key of the record, or of the index entry
	What  string // a description for people
	Index bool   // the problem is a missing, wrong or extra index entry, which [TableOf.Repair] mends

	err error // the error of a record that cannot be read
}

// String returns the table, the key and the description of the problem.
func (p Problem) String() string { return fmt.Sprintf("%s %q: %s", p.Table, p.Key, p.What) }

// The descriptions of index problems.
const (
	entryMissing = "the index entry of a record is missing or wrong"
	entryTaken   = "two records have this index key, which is unique"
	entryExtra   = "no record has this index entry"
)

// checkRows is the maximum number of records that Check holds in memory and reads in one
// round trip.
const checkRows = 100

// Check reads the whole table. It reports every record that cannot be read and every index
// entry that is missing, wrong or extra. It holds at most a hundred records in memory.
// Check calls good, which may be nil, with the records that can be read.
func (t *TableOf[P]) Check(r Reader, report func(Problem), good func([]P) error) error {
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
			needed, err := t.needed(r, table, chunk)
			for i, ok := range needed {
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

// inChunks calls fn with consecutive chunks of a scan.
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

// readable returns the records that can be read and have the right key. It reports the
// others.
func (t *TableOf[P]) readable(entries []Entry, report func(Problem)) []P {
	var out []P
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

// Verify is [TableOf.Check] for callers that need only the first problem. It reads the whole
// table and returns that problem as an error: [ErrNewer] for a record that a newer version
// wrote, otherwise [ErrCorrupt].
func (t *TableOf[P]) Verify(r Reader) error {
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

func (t *TableOf[P]) indexTables() []string {
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

// faults returns the index entries of the records that are missing or wrong and can be
// written.
func (t *TableOf[P]) faults(r Reader, recs []P, report func(Problem)) (out []fault, err error) {
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
			needed, err := t.needed(r, f.ref.Table, []Entry{{f.ref.Key, values[i]}})
			if err != nil {
				return nil, err
			}
			taken = taken || needed[0]
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

// needed reports for each index entry whether its record needs the entry.
func (t *TableOf[P]) needed(r Reader, table string, entries []Entry) ([]bool, error) {
	out := make([]bool, len(entries))
	primaries := make([]string, len(entries))
	var refs []Ref
	for i, e := range entries {
		if primary, err := t.leadsTo(table, e); err == nil && primary != "" { // otherwise the entry has no record
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
		out[i] = t.needs(primaries[i], values[0], table, e)
		values = values[1:]
	}
	return out, nil
}

func (t *TableOf[P]) leadsTo(table string, e Entry) (primary string, err error) {
	for _, ix := range t.Indexes {
		if t.indexTable(ix.Name) == table {
			return ix.primary(e)
		}
	}
	return tail(e)
}

// needs reports whether the record in value needs an index entry. It returns true for a
// record that cannot be read: Check reports that record, and Repair must leave its entries
// alone.
func (t *TableOf[P]) needs(primary string, value []byte, table string, e Entry) bool {
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

// Repair writes the index entries that are missing or wrong, and deletes the extra ones. It
// returns the number of entries that it mended. It commits transactions of at most 500
// rows. Repair does not change records, and cannot mend problems whose [Problem.Index] is
// false.
func (t *TableOf[P]) Repair(ctx context.Context, s Store) (int, error) {
	total := 0
	for _, table := range t.indexTables() { // delete extra entries first: they may block a unique key
		n, err := inBatches(ctx, s, table, func(tx Tx, entries []Entry) (n int, err error) {
			needed, err := t.needed(tx, table, entries)
			for i, ok := range needed {
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
	silent := func(Problem) {} // only Check reports
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

// inBatches calls fn with batches of entries of a table, one transaction for each batch,
// and returns the sum of the results.
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
