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

// An Overlay is the [store.Tx] that every driver hands to the function of an Update.
// It buffers the writes above a [store.Reader] of the driver, shows them to the
// function, holds it to the limits, and remembers the first statement that
// failed. When the function has returned nil and [Overlay.Err] is nil, the
// driver applies [Overlay.Writes], all or none.
//
// After a statement has failed, each further one fails with the same error:
// that is what a transaction in PostgreSQL does.
//
// A Scan yields what was there when its loop began; writes made inside the
// loop are seen by the next one.
type Overlay struct {
	reader   store.Reader
	tables   map[string]*buffer
	inserted map[store.Ref]bool // nil in an overlay that looks at once; else what was inserted and is not looked at yet
	size     int
	err      error
}

// A Write is the last that a transaction wrote at one key. A nil Value removes the key.
type Write struct {
	store.Ref
	Value []byte // the new value; nil removes the key
	// Insert is for a driver that asked for it by [NewDeferringOverlay]: the
	// transaction takes place only if there is nothing at the key, and is [store.ErrExists] otherwise.
	Insert bool
}

// NewOverlay returns an empty overlay above r. Its Insert looks at once whether the key is taken.
func NewOverlay(r store.Reader) *Overlay { return &Overlay{reader: r} }

// NewDeferringOverlay returns an empty overlay above r that leaves it to the
// commit to find out whether the key of an Insert is taken. A read to look
// would cost a round trip, and conflict with whoever inserts nearby.
func NewDeferringOverlay(r store.Reader) *Overlay {
	return &Overlay{reader: r, inserted: make(map[store.Ref]bool)}
}

// Err returns the error of the first statement that failed, nil while none has.
func (o *Overlay) Err() error { return o.err }

// Size is the number of bytes, keys and values, that are to be written.
func (o *Overlay) Size() int { return o.size }

// Writes yields the writes in order of table and key. Values belong to the
// overlay, which never changes them.
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

// insertLater is Insert where the driver finds out whether the key is taken.
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
		// The Insert is gone with what it wrote, so whether it was allowed is to be known now.
		if err := o.look(ref); err != nil {
			return err
		}
	}
	return o.write(table, key, nil)
}

// look finds out whether a key was free for the Insert that was put off.
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
		return o.remember(fmt.Errorf("%w: a transaction writes at most %d bytes", store.ErrTooLarge, store.MaxTx))
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

// merge scans the reader with the writes laid over it, which are in the order of the scan.
func (o *Overlay) merge(table string, writes []store.Entry, r store.Range) iter.Seq2[store.Entry, error] {
	under := r
	if r.Limit > 0 {
		under.Limit += len(writes) // so many of the reader's entries may be hidden
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

// limited passes entries on until there have been enough, leaving out what was deleted.
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
