package identity_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// shortRow is a row of the table in CONTRIBUTING of what the short tier leaves out.
var shortRow = regexp.MustCompile("(?m)^\\| `[^`]+` \\| `Test\\w+` \\| .* \\|$")

// TestShortTierIsListed holds CONTRIBUTING's table of what `go test -short`
// leaves out to the tests that skip themselves there, and to their reasons.
func TestShortTierIsListed(t *testing.T) {
	var want []string
	sources(t, func(room, path string, f *ast.File, set *token.FileSet) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			for _, reason := range shortSkips(fn) {
				want = append(want, fmt.Sprintf("| `%s` | `%s` | %s |", room, fn.Name.Name, reason))
			}
		}
	})
	if len(want) == 0 {
		t.Fatal("no test skips itself in the short tier: the walk misses them")
	}
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	got := shortRow.FindAllString(string(text), -1)
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("CONTRIBUTING.md does not have the row\n%s", row)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("CONTRIBUTING.md has a row for no test\n%s", row)
		}
	}
}

// shortSkips returns the reasons for which a test skips itself where testing.Short.
func shortSkips(fn *ast.FuncDecl) (reasons []string) {
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		branch, ok := n.(*ast.IfStmt)
		if !ok || !calls(branch.Cond, "Short") {
			return true
		}
		ast.Inspect(branch.Body, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if ok && len(call.Args) == 1 && calls(call, "Skip") {
				reason := "(no reason)"
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					reason, _ = strconv.Unquote(lit.Value) // it is a literal
				}
				reasons = append(reasons, reason)
			}
			return true
		})
		return true
	})
	return reasons
}

// calls reports whether an expression calls a method or function of a name.
func calls(e ast.Expr, name string) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		found = found || ok && sel.Sel.Name == name
		return true
	})
	return found
}
