package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// A Table is a typed table: records of type R, with a primary key and indexes. Declare a
// table once, as a package variable. Its methods take the transaction; [TableOf] lists them.
//
// The table keeps its indexes up to date, in tables of their own named NAME.INDEX. The keys
// of an index must be a pure function of the record.
type Table[R any] = TableOf[*R]

// An Index finds records of a [Table] by something other than their primary key. Its fields
// are those of [IndexOf].
type Index[R any] = IndexOf[*R]

// A TableOf is a [Table] of records that P points to. Write Table[R] for it: the compiler
// then makes the code of the methods once for all tables, because all pointers have one
// shape, and not once for each type of record. It does so only while P is any.
type TableOf[P any] struct {
	// Name is the name of the table, such as "users". It is part of the file format.
	Name string
	// Version is the schema version that is written with each record. 0 means 1.
	Version int
	// Secret marks a table that holds secrets. store/sealed encrypts its values. If a store
	// encrypts other tables but not this one, writes return [ErrUnsealed].
	Secret bool
	// Key returns the primary key of a record.
	Key func(P) string
	// Expires returns the time from which a record may be swept, on the engine's clock. The
	// zero time means never. Leave Expires nil if the records of the table do not expire.
	Expires func(P) time.Time
	// Slack is how long Sweep waits after a record has expired. It protects records if a
	// clock is set back.
	Slack time.Duration
	// Indexes are the indexes of the table.
	Indexes []*IndexOf[P]
	// Upgrade converts a value of an older version to the present version. The next Put
	// writes the new value. Upgrade must not change index keys. If Upgrade is nil, reading
	// an older record returns [ErrCorrupt].
	Upgrade func(version int, value []byte) ([]byte, error)

	// Owner says what the records belong to. When the owner is deleted, the records are
	// deleted. A table in a [Catalog] must have an Owner. The fields below are used only by
	// a Catalog.
	Owner Owner
	// OwnerIndex finds the records of an owner if the primary keys do not begin with the id
	// of the owner. The keys of this index must begin with that id. OwnerIndex must also be
	// in Indexes.
	OwnerIndex *IndexOf[P]
	// UserKeys returns the keys at which a user may have records. Set it for a table that
	// is owned by users and whose keys begin with the id of the pool but not the sub.
	UserKeys func(pool, sub string) []string
	// Refs returns groups of refs. At least one ref of each group must exist, besides the
	// owner. [Catalog.Check] reports records for which it does not.
	Refs func(P) [][]Ref
	// Views are the SQL views of the table. A secret table must not have views.
	Views []View
}

// An IndexOf is an [Index] of records that P points to.
type IndexOf[P any] struct {
	Name   string // the name of the index, such as "names"; part of the file format
	Unique bool   // at most one record for each key
	// Keys returns the index keys of a record. Make them with [Key]; there must be no
	// duplicates. A unique index stores each key as it is. Another index appends the
	// primary key.
	Keys func(P) []string
}

// expiryIndex is the name of the index of a table with Expires.
const expiryIndex = "expiry"

// indexTable returns the name of the table that holds an index.
func (t *TableOf[P]) indexTable(name string) string { return t.Name + "." + name }

// Ref returns the ref of the record with a primary key.
func (t *TableOf[P]) Ref(key string) Ref { return Ref{t.Name, key} }

// Get returns the record at key, or [ErrNotFound].
func (t *TableOf[P]) Get(r Reader, key string) (rec P, err error) {
	values, err := r.Get(t.Ref(key))
	if err != nil {
		return rec, err
	}
	return t.Decode(values[0])
}

// Decode returns the record in a value that [Reader.Get] returned for a [TableOf.Ref]. It
// returns [ErrNotFound] if the value is nil.
func (t *TableOf[P]) Decode(value []byte) (none P, err error) {
	if value == nil {
		return none, fmt.Errorf("%s: %w", t.Name, ErrNotFound)
	}
	version, err := t.checkVersion(value)
	if err != nil {
		return none, err
	}
	if version < t.version() {
		if value, err = t.Upgrade(version, value); err != nil {
			return none, fmt.Errorf("%s: %w: %w", t.Name, ErrCorrupt, err)
		}
	}
	rec := reflect.New(reflect.TypeFor[P]().Elem()).Interface().(P)
	if err := json.Unmarshal(value, rec); err != nil {
		return none, fmt.Errorf("%s: %w: %w", t.Name, ErrCorrupt, err)
	}
	return rec, nil
}

// Insert writes a new record and its index entries. It returns [ErrExists] if the key or a
// unique index key exists; see [Tx] for when that error appears.
func (t *TableOf[P]) Insert(tx Tx, rec P) error {
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
	var none P
	return t.reindex(tx, key, none, rec)
}

// Put writes a record, replaces the record at the same key, if any, and updates the
// indexes.
func (t *TableOf[P]) Put(tx Tx, rec P) error {
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

// writable returns [ErrUnsealed] if the table is secret and the store of tx encrypts other
// tables but not this one.
func (t *TableOf[P]) writable(tx Tx) error {
	if !t.Secret {
		return nil
	}
	if s, ok := tx.(Sealer); ok && !s.Seals(t.Name) {
		return fmt.Errorf("%s: %w", t.Name, ErrUnsealed)
	}
	return nil
}

func (t *TableOf[P]) put(tx Tx, key string, rec P) error {
	if err := t.writable(tx); err != nil {
		return err
	}
	value, err := t.encode(rec)
	if err != nil {
		return err
	}
	return tx.Put(t.Name, key, value)
}

// Delete deletes the record at key and its index entries. It reports whether the record
// existed.
func (t *TableOf[P]) Delete(tx Tx, key string) (bool, error) {
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
func (t *TableOf[P]) remove(tx Tx, key string, rec P) error {
	if err := tx.Delete(t.Name, key); err != nil {
		return err
	}
	var none P
	return t.reindex(tx, key, rec, none)
}

// Scan yields the records in a range of primary keys, in the order of their keys. It ends
// after the first error.
func (t *TableOf[P]) Scan(r Reader, rng Range) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		for e, err := range r.Scan(t.Name, rng) {
			if err != nil {
				var none P
				yield(none, err)
				return
			}
			rec, err := t.Decode(e.Value)
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Find returns the record that a unique index has for key, or [ErrNotFound].
func (t *TableOf[P]) Find(r Reader, ix *IndexOf[P], key string) (rec P, err error) {
	primary, err := t.Lookup(r, ix, key)
	if err != nil {
		return rec, err
	}
	rec, err = t.Get(r, primary)
	if errors.Is(err, ErrNotFound) {
		return rec, fmt.Errorf("%s: %w: index %s names a record that is not there", t.Name, ErrCorrupt, ix.Name)
	}
	return rec, err
}

// Lookup returns the primary key that a unique index has for key, or [ErrNotFound].
func (t *TableOf[P]) Lookup(r Reader, ix *IndexOf[P], key string) (string, error) {
	values, err := r.Get(t.IndexRef(ix, key))
	if err != nil {
		return "", err
	}
	return t.DecodeIndex(ix, values[0])
}

// IndexRef returns the ref of an entry of a unique index. Use it to read an index entry and
// other values with one [Reader.Get].
func (t *TableOf[P]) IndexRef(ix *IndexOf[P], key string) Ref {
	return Ref{t.indexTable(ix.Name), key}
}

// DecodeIndex returns the primary key in a value that was read at [TableOf.IndexRef]. It
// returns [ErrNotFound] if the value is nil.
func (t *TableOf[P]) DecodeIndex(ix *IndexOf[P], value []byte) (string, error) {
	if value == nil {
		return "", fmt.Errorf("%s.%s: %w", t.Name, ix.Name, ErrNotFound)
	}
	return decodeKey(value)
}

// ScanIndex yields the primary keys that an index has in a range of index keys, in the
// order of the index.
func (t *TableOf[P]) ScanIndex(r Reader, ix *IndexOf[P], rng Range) iter.Seq2[string, error] {
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

// Entries returns what Insert would write: the record, then its index entries. Use it to
// build a bulk load.
func (t *TableOf[P]) Entries(rec P) ([]Ref, [][]byte, error) {
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

// value returns the value of an index entry. That is the primary key or, if the entry's own
// key ends with the primary key, only the length of the primary key. The short form saves
// space, because there are many such entries.
func (e indexEntry) value(primary string) []byte {
	if e.unique {
		return encodeKey(primary)
	}
	return strconv.AppendInt(nil, int64(len(primary)), 10)
}

// primary returns the primary key of the record that an entry leads to.
func (ix *IndexOf[P]) primary(e Entry) (string, error) {
	if ix.Unique {
		return decodeKey(e.Value)
	}
	return tail(e)
}

// tail returns the primary key at the end of an entry's key.
func tail(e Entry) (string, error) {
	n, err := strconv.Atoi(string(e.Value))
	if err != nil || n <= 0 || n > len(e.Key) {
		return "", fmt.Errorf("%w: an index entry has no key length", ErrCorrupt)
	}
	return e.Key[len(e.Key)-n:], nil
}

// indexEntries returns all index entries of a record, and no entry if rec is nil.
func (t *TableOf[P]) indexEntries(primary string, rec P) []indexEntry {
	var none P
	if any(rec) == any(none) {
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

// reindex replaces the index entries of old by those of rec. Either may be nil.
func (t *TableOf[P]) reindex(tx Tx, primary string, old, rec P) error {
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

func (t *TableOf[P]) version() int { return max(t.Version, 1) }

// encode returns the record as JSON, with the schema version as the first member.
func (t *TableOf[P]) encode(rec P) ([]byte, error) {
	body, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	if len(body) < 2 || body[0] != '{' {
		return nil, fmt.Errorf("%s: %w: a record must be a JSON object", t.Name, ErrInvalid)
	}
	out := t.versionPrefix(len(body))
	if body[1] == '}' {
		out = out[:len(out)-1] // no comma in an object without other members
	}
	return append(out, body[1:]...), nil
}

func (t *TableOf[P]) versionPrefix(room int) []byte {
	out := make([]byte, 0, room+12)
	out = append(out, `{"v":`...)
	out = strconv.AppendInt(out, int64(t.version()), 10)
	return append(out, ',')
}

// checkVersion returns the schema version of a record that this program can read. The fast
// path compares the prefix that encode writes. The slow path decodes the member, because a
// database may reorder the members of JSON.
func (t *TableOf[P]) checkVersion(value []byte) (int, error) {
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
