package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// The second run finds the key, the pool and the user of the first.
func TestRunsTwice(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for i := range 2 {
		if err := run(t.Context()); err != nil {
			t.Fatalf("run %d: %v", i+1, err)
		}
	}
	data, err := os.ReadFile("users.db")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"argon2", `"kty"`} { // of a password hash, and of a signing key
		if strings.Contains(string(data), secret) {
			t.Errorf("the store holds %s in clear", secret)
		}
	}
	t.Chdir(here)
}

// README shows the program because it is short.
func TestProgramIsShort(t *testing.T) {
	const most = 20
	f, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		d, ok := node.(*ast.FuncDecl)
		if ok && d.Name.Name == "main" { // the frame
			return false
		}
		if s, ok := node.(*ast.IfStmt); ok && onlyReturnsErr(s) {
			return false
		}
		if s, ok := node.(ast.Stmt); ok {
			if _, ok := s.(*ast.BlockStmt); !ok {
				n++
			}
		}
		return true
	})
	if n > most {
		t.Errorf("%d statements, want at most %d", n, most)
	}
	t.Logf("%d statements", n)
}

func onlyReturnsErr(s *ast.IfStmt) bool {
	if len(s.Body.List) != 1 || s.Else != nil {
		return false
	}
	_, ok := s.Body.List[0].(*ast.ReturnStmt)
	return ok
}
