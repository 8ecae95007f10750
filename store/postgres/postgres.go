// Package postgres keeps a store in a PostgreSQL database, by way of pgx.
//
// Begin with [Open]. Any number of processes may use one database at a time:
// nothing is kept in a process that another must know. Each table of the
// contract is a table of the database, (key bytea, value jsonb), made when it
// is first used; beside them are views for people, see [Options].Views.
//
// # Round trips
//
// What a transaction costs is the waiting for the server. A View waits once
// for each of its reads, the first included; its end is not waited for. An
// Update waits once for each of its reads and once for all its writes
// together with their COMMIT. An Insert is no read: whether the key was free
// is found out by the COMMIT, and it is Update that returns [store.ErrExists].
//
// # Failures
//
// Transactions are serializable. One that loses against another (SQLSTATE
// 40001 or 40P01), or whose connection is lost before the commit began, is
// tried again, at most 5 times after waits of 5 ms, 10 ms and so on, each more or less by
// chance; then Update returns [store.ErrConflict], or what was wrong with the connection.
// So is one on a connection that takes no writes (25006), which is closed: where the URL names several
// hosts and says target_session_attrs=read-write, the next leads to the server that has taken over.
// A connection that is lost during the COMMIT is [store.ErrUnknownOutcome] and never tried again.
//
// # Caveats
//
//   - Nothing depends on advisory locks, NOTIFY or the state of a session, so
//     that a pooler or a database that speaks the same protocol can stand
//     between. It was run on PostgreSQL 15; it is claimed for nothing else.
//   - The database must be in UTF-8: Open refuses another. Run it with synchronous_commit and fsync
//     on, as they are by default: otherwise what was acknowledged can be lost.
//   - A View or Update inside the function of another takes a second
//     connection, and waits for ever when all are taken in this way.
//   - jsonb keeps what a number is worth, and neither how it was written nor
//     the order of members.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	"github.com/cognate-id/cognate/store/internal/gate"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options is the wiring of a [Store]. The zero value is good.
type Options struct {
	// Schema is the schema of the database that tables are in. It is made if
	// there is none. Defaults to the parameter "schema" of the URL, and to
	// "cognate" without one. At most 50 bytes.
	Schema string
	// MaxConns is how many connections are open at once at most. Defaults to
	// the parameter "pool_max_conns" of the URL, and to 16 without one.
	MaxConns int
	// Views are made, or replaced, by Open in a schema of their own, which is
	// called as Schema with "_views" behind it. They are for people who look
	// at the data with SQL; nothing here reads them. Give it [store.Catalog.Views]
	// of the catalog that the engine gets. Defaults to none.
	Views []store.View
	// Tracer is told of each exchange with the server. Defaults to none.
	Tracer Tracer
}

// A Tracer is told whenever a transaction waits for the server once.
type Tracer interface{ RoundTrip() }

// Defaults of [Options].
const (
	defaultSchema   = "cognate"
	defaultMaxConns = 16
	maxSchema       = 50
)

// commitTimeout is how long a COMMIT is waited for before its outcome is
// called unknown: long enough for any that is only slow.
const commitTimeout = time.Minute

// A Store is a [store.Store] in a database. It is a [store.BulkLoader] too.
type Store struct {
	pool   *pgxpool.Pool
	gate   gate.Gate
	tables *catalog
	tracer Tracer
}

// Open connects to the database at a URL such as
// postgres://user:password@host:5432/database?sslmode=verify-full, whose
// parameters are those of libpq, and makes what is missing there. o may be nil.
//
// The error is [store.ErrNewer] when a newer version of this program has
// written to the database.
func Open(ctx context.Context, address string, o *Options) (*Store, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	config, err := configure(address, &opts)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	tables, err := openCatalog(ctx, config.ConnConfig, &opts)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL at %s: %w", place(config.ConnConfig), err)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL at %s: %w", place(config.ConnConfig), err)
	}
	return &Store{pool: pool, tables: tables, tracer: opts.Tracer}, nil
}

// place names a database without its password.
func place(c *pgx.ConnConfig) string { return fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database) }

func configure(address string, o *Options) (*pgxpool.Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("the address is not a URL such as postgres://user:password@host:5432/database")
	}
	query := u.Query()
	if o.Schema == "" {
		o.Schema = query.Get("schema")
	}
	if o.Schema == "" {
		o.Schema = defaultSchema
	}
	if len(o.Schema) > maxSchema || strings.ContainsRune(o.Schema, 0) {
		return nil, fmt.Errorf("the schema %.60q has more than %d bytes, or a NUL", o.Schema, maxSchema)
	}
	query.Del("schema")
	limited := query.Has("pool_max_conns")
	u.RawQuery = query.Encode()
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, err
	}
	if o.MaxConns > 0 {
		config.MaxConns = int32(min(o.MaxConns, 10_000))
	} else if !limited {
		config.MaxConns = defaultMaxConns
	}
	config.AfterConnect = prepareConn
	return config, nil
}

// prepareConn asks the planner for the index always. What a serializable
// transaction reads by a sequential scan or a bitmap is locked as a whole, and
// it would conflict with everybody.
func prepareConn(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "select set_config(name, 'off', false) from pg_settings where name in ('enable_seqscan', 'enable_bitmapscan')")
	return err
}

// View implements [store.Store]. Values are copies and stay valid.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	t := &txn{store: s, ctx: ctx, begin: "begin isolation level repeatable read read only"}
	defer t.leave()
	return fn(t)
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	return retry(ctx, func() error { return s.attempt(ctx, fn) })
}

func (s *Store) attempt(ctx context.Context, fn func(store.Tx) error) error {
	t := &txn{store: s, ctx: ctx, begin: "begin isolation level serializable"}
	defer t.leave()
	overlay := driver.NewDeferringOverlay(t)
	if err := fn(overlay); err != nil {
		return t.verdict(err)
	}
	if err := overlay.Err(); err != nil {
		return t.verdict(err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.commit(overlay.Writes())
}

// Close implements [store.Store].
func (s *Store) Close() error {
	if s.gate.Close() {
		s.pool.Close()
	}
	return nil
}

func (s *Store) enter(ctx context.Context) error {
	if !s.gate.Enter() {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		s.gate.Leave()
		return err
	}
	return nil
}
