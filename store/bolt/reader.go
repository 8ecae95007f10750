package bolt

import (
	"bytes"
	"context"
	"iter"

	"github.com/cognate-id/cognate/store"
	"go.etcd.io/bbolt"
)

// A reader reads a bbolt transaction for one call.
type reader struct {
	ctx context.Context
	tx  *bbolt.Tx
}

func (r reader) Get(refs ...store.Ref) (values [][]byte, err error) {
	defer catch(&err)
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	values = make([][]byte, len(refs))
	for i, ref := range refs {
		b := r.tx.Bucket(raw(ref.Table))
		if b == nil {
			continue
		}
		key := raw(ref.Key)
		stored := b.Get(key)
		if stored == nil {
			continue
		}
		value, err := unseal(ref.Table, key, stored)
		if err != nil {
			return nil, err
		}
		values[i] = bytes.Clone(value)
	}
	return values, nil
}

// between is how many entries a scan yields before it checks its context again.
const between = 256

func (r reader) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		s := scan{ctx: r.ctx, table: table, rng: rng}
		for n := 1; ; n++ {
			e, ok, err := s.step(r.tx)
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			if !ok || !yield(e, nil) || n == rng.Limit {
				return
			}
		}
	}
}

// A scan is a cursor in a range. Its methods run no code of the caller, so a panic inside
// them means a damaged page.
type scan struct {
	ctx    context.Context
	table  string
	rng    store.Range
	cursor *bbolt.Cursor
	n      int
}

func (s *scan) step(tx *bbolt.Tx) (e store.Entry, ok bool, err error) {
	defer catch(&err)
	if s.n%between == 0 && s.ctx.Err() != nil {
		return e, false, s.ctx.Err()
	}
	s.n++
	key, stored := s.move(tx)
	if key == nil || !s.within(key) {
		return e, false, nil
	}
	value, err := unseal(s.table, key, stored)
	if err != nil {
		return e, false, err
	}
	return store.Entry{Key: string(key), Value: bytes.Clone(value)}, true, nil
}

// move returns the next entry; the first call returns the first entry.
func (s *scan) move(tx *bbolt.Tx) (key, stored []byte) {
	switch {
	case s.cursor == nil:
		return s.first(tx)
	case s.rng.Reverse:
		return s.cursor.Prev()
	default:
		return s.cursor.Next()
	}
}

func (s *scan) first(tx *bbolt.Tx) (key, stored []byte) {
	b := tx.Bucket(raw(s.table))
	if b == nil {
		return nil, nil
	}
	s.cursor = b.Cursor()
	if !s.rng.Reverse {
		return s.cursor.Seek(raw(s.rng.From))
	}
	if s.rng.To == "" {
		return s.cursor.Last()
	}
	if key, _ := s.cursor.Seek(raw(s.rng.To)); key == nil {
		return s.cursor.Last()
	}
	return s.cursor.Prev()
}

func (s *scan) within(key []byte) bool {
	if s.rng.Reverse {
		return string(key) >= s.rng.From
	}
	return s.rng.To == "" || string(key) < s.rng.To
}
