package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
)

// ErrImpure is returned by an Update of a store made by [Twice] when the
// function wrote something else, or came to another verdict, when it was
// called the second time.
var ErrImpure = errors.New("storetest: the function of the Update is not pure: called twice it does two things")

// Twice returns a store that calls the function of each Update twice and
// throws away what the first call wrote, as a driver may at any time. It
// returns [ErrImpure] where the two calls differ in their statements. It is a
// [store.Forker] or [store.BulkLoader] where s is. It belongs on the outside
// of store/sealed, which never writes the same bytes twice.
func Twice(s store.Store) store.Store { return withPowers(twice{s}, s, Twice) }

// withPowers returns outer, which wraps inner, with those further methods that
// inner has. wrap does to a fork what was done to inner.
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

// An unwrapper lets a [store.Sealer] below be found.
type unwrapper struct{ inner store.Store }

// Unwrap returns the store that is wrapped.
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
	var taken error // what the first call was told, and the driver has yet to find out
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		taken = nil
		first := &logged{Tx: driver.NewOverlay(tx), last: make(map[store.Ref]string)}
		err1 := fn(first)
		second := &logged{Tx: tx, last: make(map[store.Ref]string)}
		err2 := fn(second)
		switch {
		case ctx.Err() != nil:
			return err2 // cancelled between the two
		case errors.Is(err1, store.ErrExists) && err2 == nil:
			taken = err1 // the driver looks only when it commits
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

// A logged transaction remembers what it wrote last at each key, "" where it deleted.
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
