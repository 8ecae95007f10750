package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"
)

// A Table is a typed table: records of type R, their primary key and their
// indexes. A table is declared once, as a package variable; its methods take
// the transaction. Indexes are pure functions of the record and are kept by
// the table, in tables of their own named NAME.INDEX.
type Table[R any] struct {
	Name    string // e.g. "users"; part of the file format
	Version int    // schema version written with each record; 0 means 1
	// Secret is for tables that hold secrets: store/sealed encrypts their values. A
	// store that encrypts other tables, and not this one, refuses writes with [ErrUnsealed].
	Secret bool
	Key    func(*R) string // returns the primary key of a record
	// Expires is when the record may be swept, on the engine's clock; the
	// zero time means never. Nil for tables whose records do not expire.
	Expires func(*R) time.Time
	// Slack is for how long a record that has expired is not swept yet, for clocks that are set back.
	Slack   time.Duration
	Indexes []*Index[R] // that the table keeps beside the records
	// Upgrade turns a value of an older version into one of this; the next Put
	// writes it. Index keys must not change by it. Without it older records are [ErrCorrupt].
	Upgrade func(version int, value []byte) ([]byte, error)

	// Owner says what the records belong to, and so what they are deleted with. A
	// table in a [Catalog] must have one; the fields below mean something only there.
	Owner Owner
	// OwnerIndex finds the records of an owner if their keys do not begin with it: then the
	// keys of this index do. It is among Indexes too.
	OwnerIndex *Index[R]
	// UserKeys are the keys that a user may have records at, for a table that is
	// owned by users and whose keys begin with the pool alone.
	UserKeys func(pool, sub string) []string
	// Refs are what else must be there for a record, besides its owner: at least one
	// of each group. [Catalog.Check] reports records that lack it.
	Refs func(*R) [][]Ref
	// Views are SQL views of the table. A secret table has none.
	Views []View
}

// An Index finds records of a table by something other than their key.
type Index[R any] struct {
	Name   string // e.g. "names"
	Unique bool   // at most one record for each key
	// Keys returns the index keys of a record, made by [Key] and without
	// duplicates. A unique index inserts each as it is; another appends the primary key.
	Keys func(*R) []string
}

// expiryIndex is the name of the index that a table with Expires has.
const expiryIndex = "expiry"

// indexTable is the name of the table that holds an index.
func (t *Table[R]) indexTable(name string) string { return t.Name + "." + name }

// Ref names the record with the given primary key.
func (t *Table[R]) Ref(key string) Ref { return Ref{t.Name, key} }

// Get reads the record at key, or returns [ErrNotFound].
func (t *Table[R]) Get(r Reader, key string) (*R, error) {
	values, err := r.Get(t.Ref(key))
	if err != nil {
		return nil, err
	}
	return t.Decode(values[0])
}

// Decode turns a value that [Reader.Get] returned for a [Table.Ref] into a
// record. A nil value is [ErrNotFound].
func (t *Table[R]) Decode(value []byte) (*R, error) {
	if value == nil {
		return nil, fmt.Errorf("%s: %w", t.Name, ErrNotFound)
	}
	version, err := t.checkVersion(value)
	if err != nil {
		return nil, err
	}
	if version < t.version() {
		if value, err = t.Upgrade(version, value); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", t.Name, ErrCorrupt, err)
		}
	}
	rec := new(R)
	if err := json.Unmarshal(value, rec); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", t.Name, ErrCorrupt, err)
	}
	return rec, nil
}

// Insert writes a record that is not there yet. [ErrExists] tells that its key
// or one of its unique index keys is taken.
func (t *Table[R]) Insert(tx Tx, rec *R) error {
	if err := t.writable(tx); err != nil {
		return err
	}
	value, err := t.encode(rec)
	if err != nil {
		return err
	}
	key := t.Key(rec)
	if err := tx.Insert(t.Name, key, value); err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	return t.reindex(tx, key, nil, rec)
}

// Put writes a record in place of the one that is there, if any, and mends the indexes.
func (t *Table[R]) Put(tx Tx, rec *R) error {
	key := t.Key(rec)
	if len(t.Indexes) == 0 && t.Expires == nil {
		return t.put(tx, key, rec)
	}
	old, err := t.Get(tx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := t.put(tx, key, rec); err != nil {
		return err
	}
	return t.reindex(tx, key, old, rec)
}

// writable returns [ErrUnsealed] if tx is of a store that encrypts tables, and this
// one is secret and not among them.
func (t *Table[R]) writable(tx Tx) error {
	if !t.Secret {
		return nil
	}
	if s, ok := tx.(Sealer); ok && !s.Seals(t.Name) {
		return fmt.Errorf("%s: %w", t.Name, ErrUnsealed)
	}
	return nil
}

func (t *Table[R]) put(tx Tx, key string, rec *R) error {
	if err := t.writable(tx); err != nil {
		return err
	}
	value, err := t.encode(rec)
	if err != nil {
		return err
	}
	return tx.Put(t.Name, key, value)
}

// Delete removes the record at key and its index entries. It reports whether there was one.
func (t *Table[R]) Delete(tx Tx, key string) (bool, error) {
	old, err := t.Get(tx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := t.remove(tx, key, old); err != nil {
		return false, err
	}
	return true, nil
}

// remove deletes a record that was just read.
func (t *Table[R]) remove(tx Tx, key string, rec *R) error {
	if err := tx.Delete(t.Name, key); err != nil {
		return err
	}
	return t.reindex(tx, key, rec, nil)
}

// Scan yields the records of a range of primary keys, in their order. It ends after the first error.
func (t *Table[R]) Scan(r Reader, rng Range) iter.Seq2[*R, error] {
	return func(yield func(*R, error) bool) {
		for e, err := range r.Scan(t.Name, rng) {
			if err != nil {
				yield(nil, err)
				return
			}
			rec, err := t.Decode(e.Value)
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Find reads the record that a unique index names, or returns [ErrNotFound].
func (t *Table[R]) Find(r Reader, ix *Index[R], key string) (*R, error) {
	primary, err := t.Lookup(r, ix, key)
	if err != nil {
		return nil, err
	}
	rec, err := t.Get(r, primary)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%s: %w: index %s names a record that is not there", t.Name, ErrCorrupt, ix.Name)
	}
	return rec, err
}

// Lookup returns the primary key that a unique index has for key, or [ErrNotFound].
func (t *Table[R]) Lookup(r Reader, ix *Index[R], key string) (string, error) {
	values, err := r.Get(t.IndexRef(ix, key))
	if err != nil {
		return "", err
	}
	return t.DecodeIndex(ix, values[0])
}

// IndexRef names the entry of a unique index, for a [Reader.Get] of several things at once.
func (t *Table[R]) IndexRef(ix *Index[R], key string) Ref {
	return Ref{t.indexTable(ix.Name), key}
}

// DecodeIndex returns the primary key in a value read at [Table.IndexRef].
func (t *Table[R]) DecodeIndex(ix *Index[R], value []byte) (string, error) {
	if value == nil {
		return "", fmt.Errorf("%s.%s: %w", t.Name, ix.Name, ErrNotFound)
	}
	return decodeKey(value)
}

// ScanIndex yields the primary keys that an index has in a range of its keys, in the order of the index.
func (t *Table[R]) ScanIndex(r Reader, ix *Index[R], rng Range) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for e, err := range r.Scan(t.indexTable(ix.Name), rng) {
			if err != nil {
				yield("", err)
				return
			}
			key, err := ix.primary(e)
			if !yield(key, err) || err != nil {
				return
			}
		}
	}
}

// Entries returns what Insert would write for a record: the record itself
// first, then its index entries. It is what a bulk load is made of.
func (t *Table[R]) Entries(rec *R) ([]Ref, [][]byte, error) {
	value, err := t.encode(rec)
	if err != nil {
		return nil, nil, err
	}
	key := t.Key(rec)
	refs, values := []Ref{t.Ref(key)}, [][]byte{value}
	for _, e := range t.indexEntries(key, rec) {
		refs, values = append(refs, e.ref), append(values, e.value(key))
	}
	return refs, values, nil
}

type indexEntry struct {
	ref    Ref
	unique bool
}

// value is what the entry of a record holds: the primary key or, where the
// entry's own key ends with that, only its length. There are many such entries.
func (e indexEntry) value(primary string) []byte {
	if e.unique {
		return encodeKey(primary)
	}
	return strconv.AppendInt(nil, int64(len(primary)), 10)
}

// primary returns the primary key that an entry leads to.
func (ix *Index[R]) primary(e Entry) (string, error) {
	if ix.Unique {
		return decodeKey(e.Value)
	}
	return tail(e)
}

// tail returns the primary key at the end of an entry's key.
func tail(e Entry) (string, error) {
	n, err := strconv.Atoi(string(e.Value))
	if err != nil || n <= 0 || n > len(e.Key) {
		return "", fmt.Errorf("%w: an index entry holds no length of a key", ErrCorrupt)
	}
	return e.Key[len(e.Key)-n:], nil
}

// indexEntries returns all index entries of a record; none for nil.
func (t *Table[R]) indexEntries(primary string, rec *R) []indexEntry {
	if rec == nil {
		return nil
	}
	var out []indexEntry
	for _, ix := range t.Indexes {
		for _, k := range ix.Keys(rec) {
			if !ix.Unique {
				k += primary
			}
			out = append(out, indexEntry{Ref{t.indexTable(ix.Name), k}, ix.Unique})
		}
	}
	if t.Expires != nil {
		if at := t.Expires(rec); !at.IsZero() {
			out = append(out, indexEntry{Ref{t.indexTable(expiryIndex), Key(Time(at)) + primary}, false})
		}
	}
	return out
}

// reindex replaces the index entries of old by those of rec; either may be nil.
func (t *Table[R]) reindex(tx Tx, primary string, old, rec *R) error {
	before, now := t.indexEntries(primary, old), t.indexEntries(primary, rec)
	for _, e := range before {
		if slices.Contains(now, e) {
			continue
		}
		if err := tx.Delete(e.ref.Table, e.ref.Key); err != nil {
			return err
		}
	}
	for _, e := range now {
		if slices.Contains(before, e) {
			continue
		}
		if err := insertIndex(tx, e, primary); err != nil {
			return err
		}
	}
	return nil
}

func insertIndex(tx Tx, e indexEntry, primary string) error {
	if !e.unique {
		return tx.Put(e.ref.Table, e.ref.Key, e.value(primary))
	}
	if err := tx.Insert(e.ref.Table, e.ref.Key, e.value(primary)); err != nil {
		return fmt.Errorf("%s: %w", e.ref.Table, err)
	}
	return nil
}

func (t *Table[R]) version() int { return max(t.Version, 1) }

// encode writes the schema version as the first member of the record's JSON object.
func (t *Table[R]) encode(rec *R) ([]byte, error) {
	body, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	if len(body) < 2 || body[0] != '{' {
		return nil, fmt.Errorf("%s: %w: a record is a JSON object", t.Name, ErrInvalid)
	}
	out := t.versionPrefix(len(body))
	if body[1] == '}' {
		out = out[:len(out)-1] // no comma before an empty rest
	}
	return append(out, body[1:]...), nil
}

func (t *Table[R]) versionPrefix(room int) []byte {
	out := make([]byte, 0, room+12)
	out = append(out, `{"v":`...)
	out = strconv.AppendInt(out, int64(t.version()), 10)
	return append(out, ',')
}

// checkVersion returns the version of a record that can be read. It accepts
// the bytes that encode wrote at once; a driver that
// keeps JSON in a form of its own may have moved the member elsewhere.
func (t *Table[R]) checkVersion(value []byte) (int, error) {
	var scratch [24]byte
	prefix := append(strconv.AppendInt(append(scratch[:0], `{"v":`...), int64(t.version()), 10), ',')
	if bytes.HasPrefix(value, prefix) {
		return t.version(), nil
	}
	var head struct {
		V int `json:"v"`
	}
	if err := json.Unmarshal(value, &head); err != nil {
		return 0, fmt.Errorf("%s: %w: %w", t.Name, ErrCorrupt, err)
	}
	switch {
	case head.V > t.version():
		return 0, fmt.Errorf("%s: %w: record has schema version %d, this program knows %d", t.Name, ErrNewer, head.V, t.version())
	case head.V < t.version() && (t.Upgrade == nil || head.V < 1):
		return 0, fmt.Errorf("%s: %w: record has schema version %d, want %d", t.Name, ErrCorrupt, head.V, t.version())
	}
	return head.V, nil
}
