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

// format is the version of how tables are laid out in the database.
const format = 1

// A catalog knows which tables are there and makes those that are missing. A
// name that it knows stays good: tables are never dropped.
type catalog struct {
	conn   *pgx.ConnConfig
	schema string // quoted
	mu     sync.RWMutex
	known  map[string]string // table of the contract, to its name in SQL
}

func quote(parts ...string) string { return pgx.Identifier(parts).Sanitize() }

// maxIdentifier is how many bytes PostgreSQL keeps of a name.
const maxIdentifier = 63

// relation is the name of the relation that holds a table. One that
// PostgreSQL cannot hold as it is becomes its beginning and a digest.
func relation(table string) string {
	if len(table) <= maxIdentifier && utf8.ValidString(table) && table != metaTable && !strings.Contains(table, "~") {
		return table
	}
	sum := sha256.Sum256([]byte(table))
	beginning := strings.ToValidUTF8(table[:min(len(table), 20)], "")
	return strings.ReplaceAll(beginning, "~", "") + "~" + hex.EncodeToString(sum[:16])
}

// metaTable keeps the format, and its row is what those who make or migrate tables lock.
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

// requireUTF8 refuses a database that could not hold every name: it would show
// only when somebody has one with a letter that is not there.
func requireUTF8(conn *pgx.Conn) error {
	if encoding := conn.PgConn().ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database is in %s, and must be in UTF8: create database NAME encoding 'UTF8' template template0", encoding)
	}
	return nil
}

// connected calls fn with a connection that is not of the pool: transactions
// that wait for a table hold those.
func (c *catalog) connected(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := pgx.ConnectConfig(ctx, c.conn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return fn(conn)
}

// makeSchema makes the schema with the format in it. Several who do so at the
// same time get in each other's way, so it is tried again.
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
		if made { // perhaps for a user who may make none
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

// raced tells whether somebody else was making the same at the same time.
func raced(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{uniqueViolation, "42P06", "42P07", "XX000", serializationFailure, deadlockDetected}, pg.Code)
}

// locked calls fn in a transaction that holds the row of the format, once that
// is known to be one that this program can write.
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

// idents returns the names of tables in SQL, and makes those that are missing.
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
	err := retry(ctx, func() error { // also where there is no connection to be had just now
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

// Drop removes the schema that a URL names with all that is in it, and its views.
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

// Size is how many bytes the tables and their indexes take in the database.
func (s *Store) Size(ctx context.Context) (n int64, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.Leave()
	err = s.pool.QueryRow(ctx, "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from pg_class c"+
		" join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relkind = 'r'", s.tables.schema).Scan(&n)
	return n, explain(ctx, err)
}
