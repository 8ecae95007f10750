// Package postgres keeps a store in a PostgreSQL database, with pgx.
//
// Begin with [Open]. Any number of processes can use one database at the same time, because
// no process keeps state that another must know. Each table of the store is a database
// table with the columns key (bytea) and value (jsonb), created when it is first used. SQL
// views for people can be added, see [Options].Views.
//
// # Round trips
//
// The cost of a transaction is the wait for the server:
//
//   - A View has one round trip for each of its reads. Its begin and its end cost none.
//   - An Update has one round trip for each of its reads, and one for all its writes
//     together with their COMMIT.
//   - An Insert costs no read. The COMMIT finds out whether the key exists, and Update
//     returns [store.ErrExists].
//
// # Failures
//
// Transactions are serializable. A transaction is retried if it loses against another one
// (SQLSTATE 40001 or 40P01), or if its connection is lost before the commit begins. It is
// retried at most 5 times, after random waits of about 5 ms, 10 ms, and so on. Then Update
// returns [store.ErrConflict] or the error of the connection.
//
// A connection that refuses writes (25006) is closed, and the transaction is retried. If
// the URL names several hosts and has target_session_attrs=read-write, the next connection
// leads to the server that has taken over.
//
// If the connection is lost during the COMMIT, Update returns [store.ErrUnknownOutcome] and
// does not retry.
//
// # Caveats
//
//   - The store uses no advisory locks, no NOTIFY and no session state, so a pooler or a
//     compatible database can stand in between. It is tested with PostgreSQL 15 only.
//   - The database must be in UTF-8, otherwise Open returns an error. Run it with
//     synchronous_commit and fsync on, as is the default. Otherwise acknowledged writes can
//     be lost.
//   - A View or Update inside the function of another one takes a second connection. It
//     deadlocks when all connections are taken in this way.
//   - jsonb keeps the value of a number, but not its notation, and does not keep the order
//     of members.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/driver"
	"github.com/cognate-id/cognate/store/internal/gate"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options configure a [Store]. The zero value is good.
type Options struct {
	// Schema is the schema of the database that holds the tables. Open creates it if
	// necessary. Defaults to the parameter "schema" of the URL, or to "cognate". It has at
	// most 50 bytes.
	Schema string
	// MaxConns is the maximum number of open connections. Defaults to the parameter
	// "pool_max_conns" of the URL, or to 16.
	MaxConns int
	// Views are SQL views that Open creates or replaces, in a schema named like Schema with
	// "_views" appended. They are for people who query the data with SQL; the program does
	// not read them. Set Views to [store.Catalog.Views] of the catalog that the engine
	// gets. Defaults to none.
	Views []store.View
	// Tracer counts round trips to the server. Defaults to none.
	Tracer Tracer
}

// A Tracer is called for each round trip of a transaction.
type Tracer interface {
	// RoundTrip is called when a transaction waits for the server once.
	RoundTrip()
}

// The defaults of [Options].
const (
	defaultSchema   = "cognate"
	defaultMaxConns = 16
	maxSchema       = 50
)

// commitTimeout is how long to wait for a COMMIT before its outcome counts as unknown. It
// is long enough for a COMMIT that is only slow.
const commitTimeout = time.Minute

// A Store is a [store.Store] in a database. It is also a [store.BulkLoader].
type Store struct {
	pool   *pgxpool.Pool
	gate   gate.Gate
	tables *catalog
	tracer Tracer
}

// Open connects to the database at a URL such as
// postgres://user:password@host:5432/database?sslmode=verify-full, and creates what is
// missing. The parameters of the URL are those of libpq. o may be nil.
//
// sslmode must be given, in the URL or the environment variable PGSSLMODE, unless each host
// is this machine: a Unix socket, localhost or a loopback address. Otherwise Open returns
// [ErrNoTLSMode].
//
// Open returns [store.ErrNewer] if a newer version of this program has written to the
// database.
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
	if query.Get("sslmode") == "" && os.Getenv("PGSSLMODE") == "" {
		if host := remoteHost(&config.ConnConfig.Config); host != "" {
			return nil, fmt.Errorf("%w: %s is another machine: add sslmode=verify-full to the address, or sslmode=disable if nobody else is on the network", ErrNoTLSMode, host)
		}
	}
	if o.MaxConns > 0 {
		config.MaxConns = int32(min(o.MaxConns, 10_000))
	} else if !limited {
		config.MaxConns = defaultMaxConns
	}
	config.AfterConnect = prepareConn
	return config, nil
}

// ErrNoTLSMode is returned by [Open] if a host of the address is not this machine and the
// address does not say by sslmode whether the connection is encrypted. The default of libpq,
// prefer, falls back to clear text, and it does not verify who answers.
var ErrNoTLSMode = errors.New("sslmode is not given")

// remoteHost returns the first host that may be another machine, or "".
func remoteHost(c *pgconn.Config) string {
	if !isLocal(c.Host) {
		return c.Host
	}
	for _, f := range c.Fallbacks {
		if !isLocal(f.Host) {
			return f.Host
		}
	}
	return ""
}

// isLocal reports whether a host is the directory of a Unix socket or this machine.
func isLocal(host string) bool {
	if network, _ := pgconn.NetworkAddress(host, 0); network == "unix" || host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// prepareConn makes the planner always use the index. A serializable transaction that reads
// by a sequential scan or a bitmap locks the whole table and conflicts with every other
// transaction.
func prepareConn(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "select set_config(name, 'off', false) from pg_settings where name in ('enable_seqscan', 'enable_bitmapscan')")
	return err
}

// View implements [store.Store]. The values are copies and stay valid.
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
		return t.lostOr(err)
	}
	if err := overlay.Err(); err != nil {
		return t.lostOr(err)
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
