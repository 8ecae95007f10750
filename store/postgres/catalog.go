package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/cognate-id/cognate/store"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// format is the version of the layout of the tables in the database.
const format = 1

// A catalog knows which database tables exist, and creates missing ones. A known table
// stays valid, because tables are never dropped.
type catalog struct {
	conn   *pgx.ConnConfig
	schema string // quoted for SQL
	mu     sync.RWMutex
	known  map[string]string // name of a table in the store to its name in SQL
}

func quote(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// maxIdentifier is the maximum length of an identifier in PostgreSQL, in bytes.
const maxIdentifier = 63

// relation returns the name of the database table for a table of the store. A name that
// PostgreSQL cannot hold is replaced by its beginning and a digest.
func relation(table string) string {
	if len(table) <= maxIdentifier && utf8.ValidString(table) && table != metaTable && !strings.Contains(table, "~") {
		return table
	}
	sum := sha256.Sum256([]byte(table))
	beginning := strings.ToValidUTF8(table[:min(len(table), 20)], "")
	return strings.ReplaceAll(beginning, "~", "") + "~" + hex.EncodeToString(sum[:16])
}

// metaTable holds the format. Its row is the lock for creating and migrating tables.
const metaTable = "cognate_meta"

func openCatalog(ctx context.Context, conn *pgx.ConnConfig, o *Options) (*catalog, error) {
	c := &catalog{conn: conn, schema: o.Schema, known: make(map[string]string)}
	err := c.connected(ctx, func(conn *pgx.Conn) error {
		if err := requireUTF8(conn); err != nil {
			return err
		}
		if err := c.makeSchema(ctx, conn); err != nil {
			return err
		}
		return c.locked(ctx, conn, func(tx pgx.Tx) error {
			return c.makeViews(ctx, tx, o.Views)
		})
	})
	return c, err
}

// requireUTF8 returns an error if the encoding of the database is not UTF-8. With another
// encoding, an error would appear only when the first user has a name with a character that
// the encoding lacks.
func requireUTF8(conn *pgx.Conn) error {
	if encoding := conn.PgConn().ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, but must have UTF8; create it with: create database NAME encoding 'UTF8' template template0", encoding)
	}
	return nil
}

// connected calls fn with a connection outside of the pool, because transactions that wait
// for a table hold the connections of the pool.
func (c *catalog) connected(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := pgx.ConnectConfig(ctx, c.conn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return fn(conn)
}

// makeSchema creates the schema and stores the format in it. Several processes that do so
// at the same time can conflict, so it is retried.
func (c *catalog) makeSchema(ctx context.Context, conn *pgx.Conn) error {
	meta := quote(c.schema, metaTable)
	schema := "create schema if not exists " + quote(c.schema) + ";"
	script := "create table if not exists " + meta + " (name text primary key, number bigint not null);" +
		fmt.Sprintf("insert into %s values ('format', %d) on conflict do nothing", meta, format)
	for try := 0; ; try++ {
		var made, there bool
		err := conn.QueryRow(ctx, "select to_regnamespace($1) is not null, to_regclass($2) is not null", quote(c.schema), meta).Scan(&made, &there)
		if err == nil && there {
			var n int
			err = conn.QueryRow(ctx, "select count(*) from "+meta).Scan(&n)
			there = n > 0
		}
		if err != nil || there {
			return err
		}
		if made { // perhaps the database user may not create a schema
			schema = ""
		}
		_, err = conn.Exec(ctx, schema+script)
		if err == nil || !raced(err) || try == maxRetries {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// raced reports whether the error means that another process was creating the same thing at
// the same time.
func raced(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{uniqueViolation, "42P06", "42P07", "XX000", serializationFailure, deadlockDetected}, pg.Code)
}

// locked calls fn in a transaction that holds the row of the format, after it has checked
// that this program can write the format.
func (c *catalog) locked(ctx context.Context, conn *pgx.Conn, fn func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		var have int
		err := tx.QueryRow(ctx, "select number from "+quote(c.schema, metaTable)+" where name = 'format' for update").Scan(&have)
		if err != nil {
			return err
		}
		if have > format {
			return fmt.Errorf("%w: the schema %q has format %d, this program knows %d", store.ErrNewer, c.schema, have, format)
		}
		return fn(tx)
	})
}

// idents returns the names of tables in SQL and creates the missing tables.
func (c *catalog) idents(ctx context.Context, tables map[string][][]byte) (map[string]string, error) {
	out := make(map[string]string, len(tables))
	var missing []string
	c.mu.RLock()
	for table := range tables {
		if ident, ok := c.known[table]; ok {
			out[table] = ident
		} else {
			missing = append(missing, table)
		}
	}
	c.mu.RUnlock()
	if len(missing) == 0 {
		return out, nil
	}
	slices.Sort(missing)
	err := retry(ctx, func() error { // also retries if no connection is available at the moment
		return explain(ctx, c.connected(ctx, func(conn *pgx.Conn) error {
			return c.locked(ctx, conn, func(tx pgx.Tx) error { return c.makeTables(ctx, tx, missing) })
		}))
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, table := range missing {
		c.known[table] = quote(c.schema, relation(table))
		out[table] = c.known[table]
	}
	return out, nil
}

func (c *catalog) makeTables(ctx context.Context, tx pgx.Tx, tables []string) error {
	for _, table := range tables {
		ident := quote(c.schema, relation(table))
		var there bool
		if err := tx.QueryRow(ctx, "select to_regclass($1) is not null", ident).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		if _, err := tx.Exec(ctx, "create table "+ident+" (key bytea primary key, value jsonb not null)"); err != nil {
			return err
		}
	}
	return nil
}

// Drop deletes the schema that a URL names, with everything in it, and the schema of its
// views.
func Drop(ctx context.Context, address string) error {
	var o Options
	config, err := configure(address, &o)
	if err != nil {
		return err
	}
	c := &catalog{conn: config.ConnConfig}
	return c.connected(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "drop schema if exists "+quote(o.Schema)+" cascade; drop schema if exists "+quote(o.Schema+"_views")+" cascade")
		return err
	})
}

// Size returns how many bytes the tables and their indexes take in the database.
func (s *Store) Size(ctx context.Context) (n int64, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.Leave()
	err = s.pool.QueryRow(ctx, "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c"+
		" join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind = 'r'", s.tables.schema).Scan(&n)
	return n, explain(ctx, err)
}
