package fake

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/cognate-id/cognate/store"
)

// A swap is a store that can be replaced by another one at any moment. A call in flight
// ends on the store that it began on, and its writes are lost with that store. The old
// store is not closed.
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

// Unwrap makes a [store.Sealer] inside visible.
func (w *swap) Unwrap() store.Store { return w.get() }

// Close implements [store.Store].
func (w *swap) Close() error { return w.get().Close() }

// keepStart keeps a copy of the present store, if the store can be copied.
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

// Reset restores the state at the start of the server: the stored data, the messages and
// the clock. The ready pool keeps its signing keys, so clients do not have to fetch them
// again. Reset returns [ErrNoReset] if the store cannot be copied.
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

// keyTable is the engine's table of the signing keys of pools.
const keyTable = "keyrings"

// keepKeys copies the keys of the ready pool to another store. The keys are made in the
// background, so the start state may not have them yet.
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
