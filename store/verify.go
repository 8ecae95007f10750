package store

import (
	"bytes"
	"fmt"
)

// Verify reads the whole table and tells, by an error that is [ErrCorrupt],
// whether its records can be read and its indexes have exactly the entries
// that the records call for.
func (t *Table[R]) Verify(r Reader) error {
	want := make(map[string]int) // entries of each index
	for e, err := range r.Scan(t.Name, Range{}) {
		if err != nil {
			return err
		}
		if err := t.verifyRecord(r, e, want); err != nil {
			return err
		}
	}
	for _, table := range t.indexTables() {
		n := 0
		for _, err := range r.Scan(table, Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != want[table] {
			return fmt.Errorf("%w: index %s has %d entries, want %d", ErrCorrupt, table, n, want[table])
		}
	}
	return nil
}

func (t *Table[R]) verifyRecord(r Reader, e Entry, want map[string]int) error {
	rec, err := t.Decode(e.Value)
	if err != nil {
		return err
	}
	if key := t.Key(rec); key != e.Key {
		return fmt.Errorf("%w: %s: a record with key %q is kept at %q", ErrCorrupt, t.Name, key, e.Key)
	}
	var refs []Ref
	entries := t.indexEntries(e.Key, rec)
	for _, entry := range entries {
		refs = append(refs, entry.ref)
		want[entry.ref.Table]++
	}
	values, err := r.Get(refs...)
	if err != nil {
		return err
	}
	for i, value := range values {
		if !bytes.Equal(value, entries[i].value(e.Key)) {
			return fmt.Errorf("%w: index %s does not lead to %q", ErrCorrupt, refs[i].Table, e.Key)
		}
	}
	return nil
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
