package identity_test

import (
	"go/ast"
	gotoken "go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestArchitectureNames holds the names in the map's account of a sign-in to the code.
func TestArchitectureNames(t *testing.T) {
	if testing.Short() {
		t.Skip("reads all sources and pages")
	}
	text, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, way, ok := strings.Cut(string(text), "## The way of one sign-in")
	way, _, ends := strings.Cut(way, "\n## ")
	if !ok || !ends {
		t.Fatal("ARCHITECTURE.md has no account of a sign-in")
	}
	known := map[string]bool{}
	sources(t, func(room, path string, f *ast.File, _ *gotoken.FileSet) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && !strings.HasSuffix(path, "_test.go") {
				known[fn.Name.Name] = true
				known[receiver(fn)+"."+fn.Name.Name] = true
			}
		}
	})
	names := regexp.MustCompile("`((?:wire\\.)?[A-Za-z]+(?:\\.[A-Za-z]+)*)`").FindAllStringSubmatch(way, -1)
	checked := 0
	for _, m := range names {
		name := strings.TrimPrefix(m[1], "wire.")
		if !strings.Contains(name, ".") && (name == strings.ToUpper(name[:1])+name[1:]) {
			continue // a name of the protocol
		}
		if known[name] {
			checked++
			continue
		}
		if name != "spent" {
			t.Errorf("ARCHITECTURE.md names %s, which is not in the code", name)
		}
	}
	if checked < 15 {
		t.Errorf("found %d names of functions, want at least 15", checked)
	}
}

func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}
