package identity

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCatalogHasEveryTable holds that each table which the package declares is in
// the catalog, once: one that is left out would not be sealed, backed up, checked, swept or buried.
func TestCatalogHasEveryTable(t *testing.T) {
	declared := declaredTables(t)
	if len(declared) < 18 {
		t.Errorf("found %d tables %q: the test misses some", len(declared), declared)
	}
	times := map[string]int{}
	for _, table := range Tables() {
		times[table.Tables()[0]]++
	}
	for _, name := range declared {
		if times[name] != 1 {
			t.Errorf("the table %s is in the catalog %d times, want once: see Tables", name, times[name])
		}
		delete(times, name)
	}
	if len(times) > 0 {
		t.Errorf("the catalog has %v, which no source declares", times)
	}
	if err := Tables().Err(); err != nil {
		t.Error(err)
	}
	for _, index := range []string{"users.names", "users.search", "groups.names", "families.expiry"} {
		if !slices.Contains(Tables().Tables(), index) {
			t.Errorf("Tables lacks the index %s", index)
		}
	}
}

// declaredTables are the names in all literals of store.Table in the package.
func declaredTables(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("Table[")) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file.Name(), text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && isTable(lit.Type) {
				names = append(names, nameOf(t, file.Name(), lit))
			}
			return true
		})
	}
	return names
}

// isTable reports whether an expression is the type store.Table of some record.
func isTable(e ast.Expr) bool {
	generic, ok := e.(*ast.IndexExpr)
	if !ok {
		return false
	}
	sel, ok := generic.X.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "Table"
}

// nameOf is the name that a literal of a table has.
func nameOf(t *testing.T, file string, lit *ast.CompositeLit) string {
	t.Helper()
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok || kv.Key.(*ast.Ident).Name != "Name" {
			continue
		}
		if value, ok := kv.Value.(*ast.BasicLit); ok {
			name, err := strconv.Unquote(value.Value)
			if err != nil {
				t.Fatal(err)
			}
			return name
		}
	}
	t.Fatalf("%s: a table has a name that is no constant text", file)
	return ""
}
