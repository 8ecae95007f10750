// Package memory keeps a store in memory. Use it for tests, for the development server, and
// wherever nothing has to outlive the process.
//
// Begin with [New]. Readers work on a snapshot and hold no lock. Writers run one after
// another. [Store.Fork] copies a whole store in microseconds, so each test can start from a
// store that was filled once.
//
// # Caveats
//
//   - An Update inside the function of another Update of the same store deadlocks.
//   - The values that a Reader returns are the store's own memory. Changing one changes the
//     store.
package memory

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	"github.com/cognate-id/cognate/store/internal/gate"
)

// A Store is a [store.Store] in memory. It is also a [store.Forker], a
// [store.BulkLoader] and [store.Volatile].
type Store struct {
	gate    gate.Gate
	turn    chan struct{}            // holds one token; the writer takes it
	current atomic.Pointer[snapshot] // never changed in place
}

// New returns an empty store.
func New() *Store { return open(&snapshot{}) }

func open(snap *snapshot) *Store {
	s := &Store{turn: make(chan struct{}, 1)}
	s.current.Store(snap)
	s.turn <- struct{}{}
	return s
}

// Volatile implements [store.Volatile].
func (s *Store) Volatile() bool { return true }

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if !s.gate.Enter() {
		return store.ErrClosed
	}
	defer s.gate.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(reader{ctx, s.current.Load()})
}

// Update implements [store.Store]. It calls fn once.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if !s.gate.Enter() {
		return store.ErrClosed
	}
	defer s.gate.Leave()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	base := s.current.Load()
	tx := driver.NewOverlay(reader{ctx, base})
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Err(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if tx.Size() > 0 {
		s.current.Store(base.with(tx.Writes()))
	}
	return nil
}

// Close implements [store.Store].
func (s *Store) Close() error {
	if s.gate.Close() {
		s.current.Store(&snapshot{})
	}
	return nil
}

// Fork implements [store.Forker]. The copy is copy-on-write.
func (s *Store) Fork() (store.Store, error) {
	if !s.gate.Enter() {
		return nil, store.ErrClosed
	}
	defer s.gate.Leave()
	<-s.turn
	defer s.unlock()
	return open(s.current.Load().fork()), nil
}

// chunk is how many entries of a bulk load become visible at once.
const chunk = 10_000

// BulkLoad implements [store.BulkLoader]. Other writers wait until it ends.
func (s *Store) BulkLoad(ctx context.Context, entries iter.Seq2[store.Ref, []byte]) error {
	if !s.gate.Enter() {
		return store.ErrClosed
	}
	defer s.gate.Leave()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	next := s.current.Load().edit()
	defer func() { s.current.Store(next.snapshot()) }()
	n := 0
	for ref, value := range entries {
		if err := driver.Check(ref, value); err != nil {
			return err
		}
		next.load(ref, value)
		if n++; n%chunk != 0 {
			continue
		}
		s.current.Store(next.snapshot())
		next = s.current.Load().edit()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) unlock() { s.turn <- struct{}{} }
