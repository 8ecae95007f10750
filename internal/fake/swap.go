package fake

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/cognate-id/cognate/store"
)

// A swap is a store that another can take the place of at any moment. Calls in
// flight end on the store that they began on, which is not closed, and what
// they write there is lost with it.
type swap struct{ current atomic.Pointer[store.Store] }

func newSwap(s store.Store) *swap {
	w := &swap{}
	w.set(s)
	return w
}

func (w *swap) get() store.Store  { return *w.current.Load() }
func (w *swap) set(s store.Store) { w.current.Store(&s) }

// View implements [store.Store].
func (w *swap) View(ctx context.Context, fn func(store.Reader) error) error {
	return w.get().View(ctx, fn)
}

// Update implements [store.Store].
func (w *swap) Update(ctx context.Context, fn func(store.Tx) error) error {
	return w.get().Update(ctx, fn)
}

// Unwrap lets a [store.Sealer] below be found.
func (w *swap) Unwrap() store.Store { return w.get() }

// Close implements [store.Store].
func (w *swap) Close() error { return w.get().Close() }

// keepStart keeps a copy of the store as it is now, where it can be copied.
func (s *Server) keepStart(inner store.Store) error {
	forker, ok := inner.(store.Forker)
	if !ok {
		return nil
	}
	start, err := forker.Fork()
	if err != nil {
		return fmt.Errorf("copy the start state: %w", err)
	}
	s.start, _ = start.(store.Forker)
	return nil
}

// Reset takes everything back to how it was when the server started: what is
// stored, the messages and the clock. The ready pool keeps its signing keys,
// so that whoever has fetched them need not do so again. The error is
// [ErrNoReset] on a store that cannot be copied.
func (s *Server) Reset(ctx context.Context) error {
	s.resetting.Lock()
	defer s.resetting.Unlock()
	if s.start == nil {
		return ErrNoReset
	}
	fresh, err := s.start.Fork()
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	if err := s.keepKeys(ctx, fresh); err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	s.store.set(fresh)
	s.outbox.Clear()
	s.clock.reset()
	return nil
}

// keyTable is the table of the engine's in which a pool has its keys.
const keyTable = "keyrings"

// keepKeys takes the keys of the ready pool over to another store. Since they
// are made in the background, the start state need not have them yet.
func (s *Server) keepKeys(ctx context.Context, to store.Store) error {
	if s.ready == nil {
		return nil
	}
	ref := store.Ref{Table: keyTable, Key: store.Key(s.ready.PoolID())}
	var keys []byte
	err := s.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(ref)
		if err == nil {
			keys = values[0]
		}
		return err
	})
	if err != nil || keys == nil {
		return err
	}
	return to.Update(ctx, func(tx store.Tx) error { return tx.Put(ref.Table, ref.Key, keys) })
}
