// Package sqlite is a driver that is not Cognate's own: it keeps a store in a
// file of SQLite, to be read and copied. Any driver has these parts: a reader,
// the [driver.Overlay] that gathers what is written, and a commit that applies it.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"sync"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	_ "modernc.org/sqlite" // SQLite, translated to Go
)

// Writers come one after the other (BEGIN IMMEDIATE), each reader has the
// snapshot that its transaction began with (WAL), and a commit returns when it
// is on the disk (synchronous FULL).
const settings = "?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)"

// Entries lie in the order of their keys. BLOBs compare by their bytes, as strings of Go do.
const schema = `CREATE TABLE IF NOT EXISTS entries
	(tbl BLOB, key BLOB, value BLOB NOT NULL, PRIMARY KEY (tbl, key)) WITHOUT ROWID`

// A Store is a [store.Store] in a file of SQLite.
type Store struct {
	db     *sql.DB
	turn   chan struct{} // holds one token, which the writer has: SQLite would have it poll
	mu     sync.Mutex
	closed bool           // guarded by mu
	inside sync.WaitGroup // of calls; added to under mu while not closed
}

// Open opens the store in the file at path and creates it if there is none.
func Open(path string) (*Store, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+settings)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(schema); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	s := &Store{db: db, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s, nil
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.inside.Done()
	tx, err := s.db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(reader{ctx, tx})
}

// Update implements [store.Store]. It calls fn once.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.inside.Done()
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := s.db.Begin() // without the caller's context: what has begun to commit goes on
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	overlay := driver.NewOverlay(reader{ctx, tx})
	if err := fn(overlay); err != nil {
		return err
	}
	if err := errors.Join(overlay.Err(), ctx.Err()); err != nil {
		return err
	}
	if err := apply(tx, overlay.Writes()); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil { // it may be in the file all the same
		return fmt.Errorf("%w: %w", store.ErrUnknownOutcome, err)
	}
	return nil
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.inside.Wait()
	return s.db.Close()
}

// enter is the beginning of each call; inside.Done is its end.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.inside.Add(1)
	return nil
}

func apply(tx *sql.Tx, writes iter.Seq[driver.Write]) error {
	for w := range writes {
		query, args := "REPLACE INTO entries VALUES (?, ?, ?)", []any{[]byte(w.Table), []byte(w.Key), w.Value}
		if w.Value == nil {
			query, args = "DELETE FROM entries WHERE tbl = ? AND key = ?", args[:2]
		}
		if _, err := tx.Exec(query, args...); err != nil {
			return err
		}
	}
	return nil
}

// A reader reads a transaction of SQLite. No read takes long, so it is enough
// to look at the context in between.
type reader struct {
	ctx context.Context
	tx  *sql.Tx
}

// Get implements [store.Reader]. SQLite is in this process: there is no round trip to save.
func (r reader) Get(refs ...store.Ref) ([][]byte, error) {
	values := make([][]byte, len(refs))
	for i, ref := range refs {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		row := r.tx.QueryRow("SELECT value FROM entries WHERE tbl = ? AND key = ?", []byte(ref.Table), []byte(ref.Key))
		if err := row.Scan(&values[i]); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
	}
	return values, nil
}

// Scan implements [store.Reader]. It holds one row at a time.
func (r reader) Scan(table string, rng store.Range) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		query, args := selection(table, rng)
		rows, err := r.tx.Query(query, args...)
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var key, value []byte
			if err := errors.Join(r.ctx.Err(), rows.Scan(&key, &value)); err != nil {
				yield(store.Entry{}, err)
				return
			}
			if !yield(store.Entry{Key: string(key), Value: value}, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(store.Entry{}, err)
		}
	}
}

func selection(table string, rng store.Range) (query string, args []any) {
	query, args = "SELECT key, value FROM entries WHERE tbl = ?", []any{[]byte(table)}
	if rng.From != "" {
		query, args = query+" AND key >= ?", append(args, []byte(rng.From))
	}
	if rng.To != "" {
		query, args = query+" AND key < ?", append(args, []byte(rng.To))
	}
	query += " ORDER BY key"
	if rng.Reverse {
		query += " DESC"
	}
	if rng.Limit > 0 {
		query, args = query+" LIMIT ?", append(args, rng.Limit)
	}
	return query, args
}
