package identity_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// textOfProblem is the one function whose default may succeed: it gives the text
// of what is wrong with a value, and one that has no text is named by its code.
const textOfProblem = "identity/settings: reason"

// enumRoots are the packages that declare the kinds, and those whose switches are checked.
var enumRoots = []string{"identity", "mfa", "token"}

// A sourceFile is one file of a package, without tests and generated code.
type sourceFile struct {
	dir  string // below the module
	file *ast.File
	pkgs map[string]string // the module's packages by the name that the file gives them
}

// TestSwitchesNameEveryKind walks all switches over our kinds: steps, states,
// methods, statuses, flows, and whatever else is a type with constants. A switch
// names every constant of the type, or refuses the others with an error. So a
// constant that is added fails here until every switch says what becomes of it.
func TestSwitchesNameEveryKind(t *testing.T) {
	files := sourceFiles(t, enumRoots)
	kinds := kindsOf(files)
	for _, want := range []string{"identity.UserStatus", "identity.MFAMethod", "identity.step", "mfa.Result", "identity/cognito/internal/idp.AuthFlowType"} {
		if len(kinds.constants[want]) < 2 {
			t.Errorf("type %s has the constants %q, want several", want, kinds.constants[want])
		}
	}
	for _, f := range files {
		if strings.Contains(f.dir, "internal") || !strings.HasPrefix(f.dir, "identity") {
			continue
		}
		for _, fn := range f.functions() {
			for _, problem := range kinds.check(f, fn.Body) {
				if f.dir+": "+fn.Name.Name == textOfProblem {
					continue
				}
				t.Errorf("%s: %s: %s", f.dir, fn.Name.Name, problem)
			}
		}
	}
}

// TestSwitchCheckRefuses holds the check itself to switches that must not pass.
func TestSwitchCheckRefuses(t *testing.T) {
	const kinds = `package p
import "errors"
type kind int
const ( one kind = iota; two; three )
var errKind = errors.New("kind")
func f(k kind) error {
	%
	return nil
}`
	for _, tt := range []struct {
		name, body string
		ok         bool
	}{
		{"all named", "switch k { case one: return nil; case two, three: }", true},
		{"default refuses", "switch k { case one: default: return errKind }", true},
		{"refused after the switch", "switch k { case one: return nil }; return errKind", true},
		{"one left out", "switch k { case one: return nil; case two: }", false},
		{"default succeeds", "switch k { case one: return errKind; default: return nil }", false},
		{"default succeeds after all", "switch k { case one, two, three: return errKind; default: return nil }", false},
		{"default does nothing", "switch k { case one: return errKind; default: }", false},
		{"nothing of ours", "switch 5 { case 6: }", true},
		{"challenges without a default", "switch r.Challenge.(type) { case kind: }", false},
		{"challenges with a default", "switch r.Challenge.(type) { case kind: default: return errKind }", true},
		{"an error that may be nil after the switch", "switch k { case one: return nil }; return err", false},
		{"in a closure", "func() { switch k { case one: } }()", false},
		{"in a loop", "for { switch k { case one: return errKind } }", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file, err := parser.ParseFile(token.NewFileSet(), "p.go", strings.Replace(kinds, "%", tt.body, 1), 0)
			check(t, "parse", err)
			f := sourceFile{dir: "p", file: file}
			problems := kindsOf([]sourceFile{f}).check(f, f.functions()[0].Body)
			if ok := len(problems) == 0; ok != tt.ok {
				t.Errorf("problems %q, want none: %t", problems, tt.ok)
			}
		})
	}
}

func sourceFiles(t *testing.T, roots []string) []sourceFile {
	t.Helper()
	var out []sourceFile
	sources(t, func(room, name string, file *ast.File, _ *token.FileSet) {
		root, _, _ := strings.Cut(room, "/")
		if !slices.Contains(roots, root) || strings.HasSuffix(name, "_test.go") {
			return
		}
		f := sourceFile{room, file, map[string]string{}}
		for _, imported := range file.Imports {
			from, _ := strconv.Unquote(imported.Path.Value)
			if dir, ok := strings.CutPrefix(from, module+"/"); ok {
				as := path.Base(dir)
				if imported.Name != nil {
					as = imported.Name.Name
				}
				f.pkgs[as] = dir
			}
		}
		out = append(out, f)
	})
	return out
}

func (f *sourceFile) functions() []*ast.FuncDecl {
	var out []*ast.FuncDecl
	for _, d := range f.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			out = append(out, fn)
		}
	}
	return out
}

// name is an expression that may name a constant or a type, as directory and name.
func (f *sourceFile) name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return f.dir + "." + e.Name
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok && f.pkgs[x.Name] != "" {
			return f.pkgs[x.Name] + "." + e.Sel.Name
		}
	}
	return ""
}

// A kindTable is which constants each type has.
type kindTable struct {
	of        map[string]string   // the type of a constant
	constants map[string][]string // of a type
}

func kindsOf(files []sourceFile) *kindTable {
	k := &kindTable{map[string]string{}, map[string][]string{}}
	again := map[string]string{} // constants that another package declares
	for _, f := range files {
		for _, d := range f.file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
				k.declared(&f, g, again)
			}
		}
	}
	for name, first := range again {
		if typ := k.of[first]; typ != "" {
			k.of[name] = typ
		}
	}
	return k
}

func (k *kindTable) declared(f *sourceFile, g *ast.GenDecl, again map[string]string) {
	typ := ""
	for _, s := range g.Specs {
		spec, ok := s.(*ast.ValueSpec)
		if !ok {
			continue
		}
		switch {
		case spec.Type != nil:
			typ = f.name(spec.Type)
		case len(spec.Values) > 0:
			typ = ""
		}
		for i, id := range spec.Names {
			name := f.dir + "." + id.Name
			switch {
			case id.Name == "_":
			case typ != "":
				k.of[name] = typ
				k.constants[typ] = append(k.constants[typ], name)
			case i < len(spec.Values):
				again[name] = f.name(spec.Values[i])
			}
		}
	}
}

// check says what is wrong with the switches in a body.
func (k *kindTable) check(f sourceFile, body *ast.BlockStmt) []string {
	var problems []string
	ast.Inspect(body, func(n ast.Node) bool {
		var list []ast.Stmt
		switch n := n.(type) {
		case *ast.BlockStmt:
			list = n.List
		case *ast.CaseClause:
			list = n.Body
		}
		for i, s := range list {
			if missing := k.open(&f, s); missing != "" && !(i+1 < len(list) && refuses(list[i+1:i+2])) {
				problems = append(problems, missing)
			}
		}
		return true
	})
	return problems
}

// open says what a switch leaves out that it does not refuse either, or "".
func (k *kindTable) open(f *sourceFile, s ast.Stmt) string {
	switch s := s.(type) {
	case *ast.TypeSwitchStmt:
		if _, _, refused := cases(s.Body); !refused && overChallenges(s) {
			return "a switch over types of challenges has no default that is an error"
		}
	case *ast.SwitchStmt:
		named, others, refused := cases(s.Body)
		missing := map[string]bool{}
		for _, e := range named {
			for _, c := range k.constants[k.of[f.name(e)]] {
				missing[c] = true
			}
		}
		if len(missing) < 2 || refused {
			return ""
		}
		if others {
			return "a switch over " + k.of[f.name(named[0])] + " has a default that is no error"
		}
		for _, e := range named {
			delete(missing, f.resolve(k, e))
		}
		if len(missing) > 0 {
			return "a switch leaves out " + strings.Join(slices.Sorted(maps.Keys(missing)), ", ") + ", and has no default that is an error"
		}
	}
	return ""
}

// overChallenges reports whether a switch is over the types that a challenge can have.
func overChallenges(s *ast.TypeSwitchStmt) bool {
	found := false
	ast.Inspect(s.Assign, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		found = found || ok && sel.Sel.Name == "Challenge"
		return true
	})
	return found
}

// resolve is the constant that an expression names, where it was first declared.
func (f *sourceFile) resolve(k *kindTable, e ast.Expr) string {
	name := f.name(e)
	for _, c := range k.constants[k.of[name]] {
		if c == name || path.Ext(c) == path.Ext(name) {
			return c
		}
	}
	return name
}

// cases are what the cases of a switch name, whether it has a default, and
// whether that refuses the rest.
func cases(body *ast.BlockStmt) (named []ast.Expr, others, refused bool) {
	for _, s := range body.List {
		c, ok := s.(*ast.CaseClause)
		if !ok {
			continue
		}
		named = append(named, c.List...)
		others = others || c.List == nil
		refused = refused || c.List == nil && refuses(c.Body)
	}
	return named, others, refused
}

// errorNames are names that errors have here. Some are codes of problems: those
// that end in Unknown. plain makes the error of a setting.
var errorNames = regexp.MustCompile(`(?i)^(err.*|.*error|errorf|unhandled|invalid|missing|plain|.*unknown)$`)

// refuses reports whether statements end in returning an error.
func refuses(body []ast.Stmt) bool {
	if len(body) == 0 {
		return false
	}
	ret, ok := body[len(body)-1].(*ast.ReturnStmt)
	if !ok {
		return false
	}
	found := false
	for _, result := range ret.Results {
		if id, ok := result.(*ast.Ident); ok && id.Name == "err" { // it may be nil
			continue
		}
		ast.Inspect(result, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			found = found || ok && errorNames.MatchString(id.Name)
			return true
		})
	}
	return found
}
