package driver

import (
	"bytes"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/internal/limits"
)

// An Overlay is the [store.Tx] that a driver gives to the function of an Update. It buffers
// the writes on top of a [store.Reader], shows them to later reads, enforces the limits of
// the contract, and remembers the first statement that failed.
//
// If the function returns nil and [Overlay.Err] returns nil, the driver applies
// [Overlay.Writes], all or none. After a statement has failed, every later statement
// returns the same error, as in PostgreSQL.
//
// A Scan yields the entries that existed when its loop began. Writes made inside the loop
// are visible to the next Scan.
type Overlay struct {
	reader   store.Reader
	tables   map[string]*buffer
	inserted map[store.Ref]bool // nil: Insert reads at once; otherwise the inserts whose keys were not read yet
	size     int
	err      error
}

// A Write is the last write of a transaction at one key.
type Write struct {
	store.Ref
	Value []byte // the new value; nil deletes the key
	// Insert is set only by an overlay made by [NewDeferringOverlay]. The commit must fail
	// with [store.ErrExists] if the key exists.
	Insert bool
}

// NewOverlay returns an empty overlay on top of r. Its Insert reads at once whether the key
// exists.
func NewOverlay(r store.Reader) *Overlay { return &Overlay{reader: r} }

// NewDeferringOverlay returns an empty overlay on top of r. Its Insert does not read; the
// driver finds out at the commit whether the key exists, see [Write]. A read would cost a
// round trip, and would conflict with other transactions that insert nearby keys.
func NewDeferringOverlay(r store.Reader) *Overlay {
	return &Overlay{reader: r, inserted: make(map[store.Ref]bool)}
}

// Err returns the error of the first statement that failed, or nil.
func (o *Overlay) Err() error { return o.err }

// Size returns the number of bytes to be written, keys and values.
func (o *Overlay) Size() int { return o.size }

// Writes yields the writes, ordered by table and key. The overlay owns the values and never
// changes them.
func (o *Overlay) Writes() iter.Seq[Write] {
	return func(yield func(Write) bool) {
		for _, table := range slices.Sorted(maps.Keys(o.tables)) {
			for _, w := range o.tables[table].all() {
				ref := store.Ref{Table: table, Key: w.Key}
				if !yield(Write{ref, w.Value, o.inserted[ref]}) {
					return
				}
			}
		}
	}
}

// Get implements [store.Reader].
func (o *Overlay) Get(refs ...store.Ref) ([][]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	if o.tables == nil {
		values, err := o.reader.Get(refs...)
		return values, o.remember(err)
	}
	values := make([][]byte, len(refs))
	var missing []store.Ref
	var at []int
	for i, ref := range refs {
		if value, ok := o.tables[ref.Table].get(ref.Key); ok {
			values[i] = value
			continue
		}
		missing, at = append(missing, ref), append(at, i)
	}
	if len(missing) == 0 {
		return values, nil
	}
	found, err := o.reader.Get(missing...)
	if err != nil {
		return nil, o.remember(err)
	}
	for i, value := range found {
		values[at[i]] = value
	}
	return values, nil
}

// Insert implements [store.Tx].
func (o *Overlay) Insert(table, key string, value []byte) error {
	if o.inserted != nil {
		return o.insertLater(store.Ref{Table: table, Key: key}, value)
	}
	values, err := o.Get(store.Ref{Table: table, Key: key})
	if err != nil {
		return err
	}
	if values[0] != nil {
		return o.remember(store.ErrExists)
	}
	return o.Put(table, key, value)
}

// insertLater is Insert for an overlay that leaves the check to the driver.
func (o *Overlay) insertLater(ref store.Ref, value []byte) error {
	if o.err != nil {
		return o.err
	}
	mine, written := o.tables[ref.Table].get(ref.Key)
	if mine != nil {
		return o.remember(store.ErrExists)
	}
	if err := o.Put(ref.Table, ref.Key, value); err != nil {
		return err
	}
	if !written {
		o.inserted[ref] = true
	}
	return nil
}

// Put implements [store.Tx].
func (o *Overlay) Put(table, key string, value []byte) error {
	if o.err != nil {
		return o.err
	}
	if err := Check(store.Ref{Table: table, Key: key}, value); err != nil {
		return o.remember(err)
	}
	return o.write(table, key, bytes.Clone(value))
}

// Delete implements [store.Tx].
func (o *Overlay) Delete(table, key string) error {
	if o.err != nil {
		return o.err
	}
	ref := store.Ref{Table: table, Key: key}
	if err := limits.CheckKey(ref.Table, ref.Key); err != nil {
		return o.remember(err)
	}
	if o.inserted[ref] {
		// The Delete cancels the Insert, so the commit can no longer check it. Check it now.
		if err := o.look(ref); err != nil {
			return err
		}
	}
	return o.write(table, key, nil)
}

// look reads whether the key of a deferred Insert was free.
func (o *Overlay) look(ref store.Ref) error {
	values, err := o.reader.Get(ref)
	if err == nil && values[0] != nil {
		err = store.ErrExists
	}
	delete(o.inserted, ref)
	return o.remember(err)
}

func (o *Overlay) write(table, key string, value []byte) error {
	if o.tables == nil {
		o.tables = make(map[string]*buffer)
	}
	b := o.tables[table]
	if b == nil {
		b = &buffer{latest: make(map[string][]byte)}
		o.tables[table] = b
	}
	o.size += b.put(key, value)
	if o.size > store.MaxTx {
		return o.remember(fmt.Errorf("%w: a transaction can write at most %d bytes", store.ErrTooLarge, store.MaxTx))
	}
	return nil
}

func (o *Overlay) remember(err error) error {
	if o.err == nil {
		o.err = err
	}
	return err
}

// Scan implements [store.Reader].
func (o *Overlay) Scan(table string, r store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		if o.err != nil {
			yield(store.Entry{}, o.err)
			return
		}
		seq := o.reader.Scan(table, r)
		if b := o.tables[table]; b != nil {
			seq = o.merge(table, b.between(r), r)
		}
		for e, err := range seq {
			if o.remember(err) != nil {
				yield(store.Entry{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// merge scans the reader and merges in the writes, which are in the order of the scan.
func (o *Overlay) merge(table string, writes []store.Entry, r store.Range) iter.Seq2[store.Entry, error] {
	under := r
	if r.Limit > 0 {
		under.Limit += len(writes) // each write may hide one of the reader's entries
	}
	return func(yield func(store.Entry, error) bool) {
		out := limited{yield: yield, limit: r.Limit}
		rest := writes
		for e, err := range o.reader.Scan(table, under) {
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			for len(rest) > 0 && before(rest[0].Key, e.Key, r.Reverse) {
				if !out.entry(rest[0]) {
					return
				}
				rest = rest[1:]
			}
			if len(rest) > 0 && rest[0].Key == e.Key {
				e, rest = rest[0], rest[1:]
			}
			if !out.entry(e) {
				return
			}
		}
		for _, e := range rest {
			if !out.entry(e) {
				return
			}
		}
	}
}

func before(a, b string, reverse bool) bool {
	if reverse {
		return a > b
	}
	return a < b
}

// A limited passes on entries up to a limit and leaves out deleted ones.
type limited struct {
	yield func(store.Entry, error) bool
	limit int
	n     int
}

func (l *limited) entry(e store.Entry) bool {
	if e.Value == nil {
		return true
	}
	l.n++
	return l.yield(e, nil) && l.n != l.limit
}
