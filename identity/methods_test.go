package identity_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// exportedMethods are the exported methods of exported types that take a context first.
func exportedMethods(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	check(t, "Glob", err)
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		check(t, "ParseFile", err)
		for _, d := range file.Decls {
			if m := methodOf(d); m != "" {
				found = append(found, m)
			}
		}
	}
	return found
}

func methodOf(d ast.Decl) string {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Recv == nil || !f.Name.IsExported() || len(f.Type.Params.List) == 0 {
		return ""
	}
	receiver := f.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	of, ok := receiver.(*ast.Ident)
	if !ok || !of.IsExported() || of.Name == "Outbox" || of.Name == "InsecureLogSender" {
		return ""
	}
	if first, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr); !ok || first.Sel.Name != "Context" {
		return ""
	}
	return of.Name + "." + f.Name.Name
}
