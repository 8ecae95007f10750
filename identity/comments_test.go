package identity_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// TestNoExportedFieldIsMute finds exported fields of exported structs without a
// comment, which godoc shows as a bare name. One comment is enough for the names
// of one line.
func TestNoExportedFieldIsMute(t *testing.T) {
	fields := 0
	sources(t, func(room, path string, f *ast.File, set *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") || slices.Contains(strings.Split(room, "/"), "internal") {
			return
		}
		eachField(f, func(of string, field *ast.Field, name *ast.Ident) {
			fields++
			if field.Doc.Text() == "" && field.Comment.Text() == "" {
				t.Errorf("%s: %s.%s has no comment", set.Position(name.Pos()), of, name.Name)
			}
		})
	})
	if fields < 50 {
		t.Errorf("found %d exported fields, want at least 50: the walk misses them", fields)
	}
}

// eachField calls fn for each exported field of the exported structs of a file.
func eachField(f *ast.File, fn func(of string, field *ast.Field, name *ast.Ident)) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !spec.Name.IsExported() {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			for _, name := range field.Names {
				if name.IsExported() {
					fn(spec.Name.Name, field, name)
				}
			}
		}
		return true
	})
}
