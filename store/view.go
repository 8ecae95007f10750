package store

import (
	"errors"
	"fmt"
	"slices"
)

// A View is a SQL view of the records of a table, for people and their reports. Drivers for
// SQL databases create views. No program code reads them.
type View struct {
	Name string // the name of the view in the schema
	// Columns are the columns of the view. A view has either Columns or a Query.
	Columns []Column
	// Query is a SELECT statement, for a view that columns cannot describe. In the
	// statement each table of the store is a database table with the columns key (bytea)
	// and value (jsonb).
	Query string
	// Tables are the tables that Query reads. Defaults to the table that declares the view.
	Tables []string
}

// A Column shows one member of each record.
type Column struct {
	Name string // the name of the column in the view
	// Path is the path of the member, with dots between names, such as "settings.name".
	// Defaults to Name.
	Path string
	// Type is the SQL type of the column. Defaults to TextColumn.
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
	JSONColumn   ColumnType = "jsonb" // the member unchanged
)

func (v View) valid() error {
	if v.Name == "" || (len(v.Columns) > 0) == (v.Query != "") {
		return errors.New("has a view without a name, or a view that does not have exactly one of columns and query")
	}
	for _, c := range v.Columns {
		if c.Name == "" {
			return fmt.Errorf("has a view %s with a column without a name", v.Name)
		}
		switch c.Type {
		case "", TextColumn, NumberColumn, BoolColumn, TimeColumn, JSONColumn:
		default:
			return fmt.Errorf("has a view %s with a column of unknown type %q", v.Name, c.Type)
		}
	}
	return nil
}

// views returns the views of the table, with defaults filled in.
func (t *TableOf[P]) views() []View {
	out := slices.Clone(t.Views)
	for i, v := range out {
		if len(v.Tables) == 0 {
			out[i].Tables = []string{t.Name}
		}
	}
	return out
}
