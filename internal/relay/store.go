package relay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
)

// A Store is the store of another process. It keeps the contract of [store.Store]:
// transactions are serializable. An Update runs its function on a snapshot and sends what
// it read and writes at the end. If another transaction has changed what it read, Update
// calls its function again.
type Store struct {
	dial    func(context.Context) (net.Conn, error)
	version string
	user    string

	mu     sync.Mutex
	idle   []*Conn
	closed bool
	calls  sync.WaitGroup
}

// tries is how often an Update calls its function before it gives up.
const tries = 100

// maxIdle is how many connections are kept for the next call.
const maxIdle = 8

// Open connects to the process that has the store. dial is called for each connection. Open
// returns the error of dial, or [ErrVersion].
func Open(ctx context.Context, dial func(context.Context) (net.Conn, error), version string) (*Store, error) {
	s := &Store{dial: dial, version: version}
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	s.release(c)
	return s, nil
}

// User returns who the other process says this process is, or empty if it does not know.
func (s *Store) User() string { return s.user }

func (s *Store) connect(ctx context.Context) (*Conn, error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	c, user, err := Greet(conn, WantStore, s.version)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = user
	return c, nil
}

// acquire returns a connection that no other call uses.
func (s *Store) acquire(ctx context.Context) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	c, err := s.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the process that has the store: %w", err)
	}
	return c, nil
}

func (s *Store) release(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.idle) >= maxIdle {
		_ = c.Close()
		return
	}
	s.idle = append(s.idle, c)
}

// enter counts a call, so that Close can wait for it.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.calls.Add(1)
	return nil
}

// Close implements [store.Store]. The other process keeps its store open.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, c := range s.idle {
		err = errors.Join(err, c.Close())
	}
	s.idle = nil
	return err
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.calls.Done()
	c, err := s.snapshot(ctx, fn)
	if c != nil {
		s.release(c)
	}
	return err
}

// snapshot calls fn with a snapshot, and returns the connection if it is still good.
func (s *Store) snapshot(ctx context.Context, fn func(store.Reader) error) (*Conn, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, conn: c}
	good := false
	defer func() { // fn may panic
		if !good {
			_ = c.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	if _, err := r.ask(&request{Op: opView}); err != nil {
		return nil, err
	}
	err = fn(r)
	_, ended := r.ask(&request{Op: opEnd})
	if good = stop() && ended == nil; !good {
		return nil, errors.Join(err, ended)
	}
	return c, err
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.calls.Done()
	for i := range tries {
		stale, err := s.attempt(ctx, fn)
		if err != nil || !stale {
			return err
		}
		select {
		case <-time.After(rand.N(time.Duration(i+1) * time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return store.ErrConflict
}

// attempt calls fn once and commits. stale reports whether others have changed meanwhile
// what fn read.
func (s *Store) attempt(ctx context.Context, fn func(store.Tx) error) (stale bool, err error) {
	var rec *recorder
	var tx *driver.Overlay
	c, err := s.snapshot(ctx, func(r store.Reader) error {
		rec = newRecorder(r)
		tx = driver.NewOverlay(rec)
		if err := fn(tx); err != nil {
			return err
		}
		return tx.Err()
	})
	if c != nil {
		defer func() {
			if c != nil {
				s.release(c)
			}
		}()
	}
	if err != nil || tx.Size() == 0 {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	q := &request{Op: opCommit}
	q.Gets, q.Scans = rec.reads()
	for w := range tx.Writes() {
		q.Writes = append(q.Writes, writeEntry{w.Table, w.Key, w.Value})
	}
	var out reply
	err = c.send(q)
	if err == nil {
		err = c.receive(&out, 0)
	}
	if err != nil {
		_ = c.Close()
		c = nil
		return false, fmt.Errorf("%w: %w", store.ErrUnknownOutcome, err)
	}
	return out.Stale, out.err()
}

// A reader reads the snapshot of a connection.
type reader struct {
	ctx  context.Context
	conn *Conn
}

// ask sends a request and returns the reply.
func (r *reader) ask(q *request) (*reply, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	var out reply
	err := r.conn.send(q)
	if err == nil {
		err = r.conn.receive(&out, 0)
	}
	if err != nil {
		if r.ctx.Err() != nil {
			return nil, r.ctx.Err()
		}
		return nil, fmt.Errorf("read the store of another process: %w", err)
	}
	return &out, out.err()
}

// Get implements [store.Reader].
func (r *reader) Get(refs ...store.Ref) ([][]byte, error) {
	if len(refs) == 0 {
		return nil, r.ctx.Err()
	}
	out, err := r.ask(&request{Op: opGet, Refs: refs})
	if err != nil {
		return nil, err
	}
	if len(out.Values) != len(refs) {
		return nil, fmt.Errorf("%w: the other process sent %d values, not %d", store.ErrCorrupt, len(out.Values), len(refs))
	}
	for i, v := range out.Values {
		if len(v) == 0 {
			out.Values[i] = nil
		}
	}
	return out.Values, nil
}

// Scan implements [store.Reader]. It reads a part of the range at a time; all parts are of
// one snapshot.
func (r *reader) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		rest := rng
		for {
			out, err := r.ask(&request{Op: opScan, Table: table, Range: rest})
			if err != nil {
				yield(store.Entry{}, err)
				return
			}
			for _, e := range out.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if !out.More || len(out.Entries) == 0 {
				return
			}
			last := out.Entries[len(out.Entries)-1].Key
			if rest.Reverse {
				rest.To = last
			} else {
				rest.From = last + "\x00" // the least key after it
			}
			if rest.Limit > 0 {
				rest.Limit -= len(out.Entries)
			}
		}
	}
}
