package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/store"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// makeViews creates the views. It replaces them if their queries have changed since the
// last time. It replaces a view in place, so that rights to read the view, and other views
// built on it, stay.
func (c *catalog) makeViews(ctx context.Context, tx pgx.Tx, views []store.View) error {
	if len(views) == 0 {
		return nil
	}
	schema := c.schema + "_views"
	sum := sha256.New()
	for _, v := range views {
		fmt.Fprintf(sum, "%q %q\n", v.Name, query(v))
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	made, err := c.makeViewSchema(ctx, tx, schema)
	if err != nil || made == digest {
		return err
	}
	if _, err := tx.Exec(ctx, "set local search_path to "+quote(c.schema)); err != nil {
		return err
	}
	for _, v := range views {
		if err := c.makeTables(ctx, tx, v.Tables); err != nil {
			return err
		}
		if err := makeView(ctx, tx, quote(schema, v.Name), query(v)); err != nil {
			return fmt.Errorf("make the views: %w", err)
		}
	}
	_, err = tx.Exec(ctx, "comment on schema "+quote(schema)+" is '"+digest+"'")
	return err
}

// makeViewSchema creates the schema of the views if necessary, and returns the digest of
// the views in it. It returns an error if the schema holds something that this program did
// not make.
func (c *catalog) makeViewSchema(ctx context.Context, tx pgx.Tx, schema string) (digest string, err error) {
	var there, used bool
	var comment *string
	err = tx.QueryRow(ctx, "select n is not null, obj_description(n, 'pg_namespace'), exists (select from pg_class where relnamespace = n)"+
		" from to_regnamespace($1) as n", quote(schema)).Scan(&there, &comment, &used)
	switch {
	case err != nil:
		return "", err
	case !there:
		_, err = tx.Exec(ctx, "create schema "+quote(schema))
		return "", err
	case comment != nil && len(*comment) == hex.EncodedLen(sha256.Size):
		return *comment, nil
	case used:
		return "", fmt.Errorf("the views belong in the schema %q, but it holds something else: choose another schema with schema=NAME", schema)
	}
	return "", nil
}

// invalidDefinition is the SQLSTATE of replacing a view by one that lacks a column.
const invalidDefinition = "42P16"

func makeView(ctx context.Context, tx pgx.Tx, ident, query string) error {
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { // a savepoint
		_, err := tx.Exec(ctx, "create or replace view "+ident+" as "+query)
		return err
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != invalidDefinition {
		return err
	}
	if _, err := tx.Exec(ctx, "drop view "+ident); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "create view "+ident+" as "+query)
	return err
}

// query returns the SELECT of a view.
func query(v store.View) string {
	if v.Query != "" {
		return v.Query
	}
	columns := make([]string, len(v.Columns))
	for i, c := range v.Columns {
		columns[i] = member(c) + " as " + quote(c.Name)
	}
	return "select " + strings.Join(columns, ", ") + " from " + quote(relation(v.Tables[0]))
}

// member returns the SQL of a column: the member of the value as it is, or as text that is
// cast.
func member(c store.Column) string {
	operator, cast := "#>>", "::"+string(cmp.Or(c.Type, store.TextColumn))
	if c.Type == store.JSONColumn {
		operator, cast = "#>", ""
	}
	path := strings.Split(cmp.Or(c.Path, c.Name), ".")
	for i, name := range path {
		path[i] = literal(name)
	}
	return "(value " + operator + " array[" + strings.Join(path, ", ") + "])" + cast
}

// literal returns a text as a SQL literal that works with any standard_conforming_strings.
func literal(s string) string {
	return "E'" + strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(s) + "'"
}
