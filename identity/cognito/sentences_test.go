package cognito_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/settings"
)

// inOurWords are the codes for which the service has no sentence, as far as is known.
var inOurWords []settings.Code

// Each code of package settings has a sentence of the service or is in inOurWords.
func TestEveryCodeHasASentence(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../settings/problem.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" {
			return true
		}
		n++
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		code := settings.Code(text)
		if said, ours := cognito.Sentence(code) != "", slices.Contains(inOurWords, code); said == ours {
			t.Errorf("%s: it has a sentence: %t, it is in inOurWords: %t; want one of the two", spec.Names[0].Name, said, ours)
		}
		return true
	})
	if n == 0 {
		t.Fatal("problem.go has no codes")
	}
}
