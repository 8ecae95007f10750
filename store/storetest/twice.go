package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
)

// ErrImpure is returned by an Update of a store made by [Twice] if the two calls of the
// function wrote different things or returned different errors.
var ErrImpure = errors.New("storetest: the function of the Update is not pure: called twice it does two things")

// Twice returns a store that calls the function of each Update twice and discards what the
// first call wrote, as a driver may do at any time. Update returns [ErrImpure] if the two
// calls make different statements.
//
// The store is a [store.Forker] and a [store.BulkLoader] if s is. Put Twice around
// store/sealed, not inside: sealing never writes the same bytes twice.
func Twice(s store.Store) store.Store { return withPowers(twice{s}, s, Twice) }

// withPowers returns outer, which wraps inner, with the optional interfaces that inner has.
// It wraps a fork with wrap.
func withPowers(outer, inner store.Store, wrap func(store.Store) store.Store) store.Store {
	f, forks := inner.(store.Forker)
	l, loads := inner.(store.BulkLoader)
	switch {
	case forks && loads:
		return struct {
			store.Store
			unwrapper
			forker
			store.BulkLoader
		}{outer, unwrapper{inner}, forker{f, wrap}, l}
	case forks:
		return struct {
			store.Store
			unwrapper
			forker
		}{outer, unwrapper{inner}, forker{f, wrap}}
	case loads:
		return struct {
			store.Store
			unwrapper
			store.BulkLoader
		}{outer, unwrapper{inner}, l}
	default:
		return struct {
			store.Store
			unwrapper
		}{outer, unwrapper{inner}}
	}
}

// An unwrapper makes a [store.Sealer] inside visible.
type unwrapper struct{ inner store.Store }

// Unwrap returns the wrapped store.
func (u unwrapper) Unwrap() store.Store { return u.inner }

type forker struct {
	inner store.Forker
	wrap  func(store.Store) store.Store
}

// Fork implements [store.Forker].
func (f forker) Fork() (store.Store, error) {
	s, err := f.inner.Fork()
	if err != nil {
		return nil, err
	}
	return f.wrap(s), nil
}

type twice struct{ store.Store }

// Update implements [store.Store].
func (s twice) Update(ctx context.Context, fn func(store.Tx) error) error {
	var taken error // the error of the first call, which the driver may find only at the commit
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		taken = nil
		first := &logged{Tx: driver.NewOverlay(tx), last: make(map[store.Ref]string)}
		err1 := fn(first)
		second := &logged{Tx: tx, last: make(map[store.Ref]string)}
		err2 := fn(second)
		switch {
		case ctx.Err() != nil:
			return err2 // cancelled between the two calls
		case errors.Is(err1, store.ErrExists) && err2 == nil:
			taken = err1 // the driver checks only at the commit
			return nil
		case (err1 == nil) != (err2 == nil):
			return fmt.Errorf("%w: it returned %q, then %q", ErrImpure, fmt.Sprint(err1), fmt.Sprint(err2))
		case err2 == nil && !maps.Equal(first.last, second.last):
			return fmt.Errorf("%w: it wrote %.500q, then %.500q", ErrImpure, first.last, second.last)
		}
		return err2
	})
	if err == nil && taken != nil {
		return fmt.Errorf("%w: it returned %q, then nothing, and was committed", ErrImpure, taken.Error())
	}
	return err
}

// A logged transaction remembers its last write at each key, or "" for a deletion.
type logged struct {
	store.Tx
	last map[store.Ref]string
}

func (l *logged) Insert(table, key string, value []byte) error {
	l.last[store.Ref{Table: table, Key: key}] = string(value)
	return l.Tx.Insert(table, key, value)
}

func (l *logged) Put(table, key string, value []byte) error {
	l.last[store.Ref{Table: table, Key: key}] = string(value)
	return l.Tx.Put(table, key, value)
}

func (l *logged) Delete(table, key string) error {
	l.last[store.Ref{Table: table, Key: key}] = ""
	return l.Tx.Delete(table, key)
}
