package store

import (
	"errors"
	"fmt"
	"slices"
)

// A View is a SQL view of what a table holds, for people and their reports. It is
// made by drivers for SQL databases, and nothing in the program reads it.
type View struct {
	Name string // of the view in the schema
	// Columns are what the view shows of each record of its table.
	Columns []Column
	// Query is a SELECT for a view that columns cannot describe. Each table of the
	// contract is a table of the database in it, (key bytea, value jsonb).
	Query string
	// Tables are those that Query reads. Defaults to the table that the view is declared with.
	Tables []string
}

// A Column of a view shows one member of each record.
type Column struct {
	Name string // of the column in the view
	// Path leads to the member, by the names of members with dots between them, as
	// in "settings.name". Defaults to Name.
	Path string
	// Type defaults to TextColumn.
	Type ColumnType
}

// ColumnType is the type of a column in SQL.
type ColumnType string

// The types of columns.
const (
	TextColumn   ColumnType = "text"
	NumberColumn ColumnType = "bigint"
	BoolColumn   ColumnType = "boolean"
	TimeColumn   ColumnType = "timestamptz"
	JSONColumn   ColumnType = "jsonb" // the member as it is
)

func (v View) valid() error {
	if v.Name == "" || (len(v.Columns) > 0) == (v.Query != "") {
		return errors.New("has a view without a name, or not with either columns or a query")
	}
	for _, c := range v.Columns {
		if c.Name == "" {
			return fmt.Errorf("has a view %s with a column without a name", v.Name)
		}
		switch c.Type {
		case "", TextColumn, NumberColumn, BoolColumn, TimeColumn, JSONColumn:
		default:
			return fmt.Errorf("has a view %s with a column of an unknown type %q", v.Name, c.Type)
		}
	}
	return nil
}

// views are the views of the table with their defaults filled in.
func (t *Table[R]) views() []View {
	out := slices.Clone(t.Views)
	for i, v := range out {
		if len(v.Tables) == 0 {
			out[i].Tables = []string{t.Name}
		}
	}
	return out
}
