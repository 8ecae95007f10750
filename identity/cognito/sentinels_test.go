package cognito_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var sentinelForm = regexp.MustCompile(`^Err[A-Z]`)

// parseSource reads a source file.
func parseSource(t testing.TB, name string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return file
}

// vars calls fn for each package variable of a file that has a value.
func vars(file *ast.File, fn func(name string, value ast.Expr)) {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.ValueSpec) //nolint:forcetypeassert // what a var declares
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					fn(name.Name, spec.Values[i])
				}
			}
		}
	}
}

// sentinels are the errors that package identity exports. Its files are read once for all tests.
func sentinels(t testing.TB) (out []string) {
	t.Helper()
	exported.Lock()
	defer exported.Unlock()
	if exported.names != nil {
		return exported.names
	}
	files, err := filepath.Glob(filepath.Join("..", "*.go"))
	if err != nil {
		t.Fatalf("list the files of identity: %v", err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		vars(parseSource(t, name), func(name string, _ ast.Expr) {
			if sentinelForm.MatchString(name) {
				out = append(out, "identity."+name)
			}
		})
	}
	if len(out) < 50 {
		t.Fatalf("identity has %d sentinels, want all", len(out))
	}
	exported.names = out
	return out
}

var exported struct {
	sync.Mutex
	names []string
}

// elements counts the errors that a list, or a table by its first column, names.
func elements(t testing.TB, file *ast.File, list string) map[string]int {
	t.Helper()
	out := map[string]int{}
	vars(file, func(name string, value ast.Expr) {
		lit, ok := value.(*ast.CompositeLit)
		if name != list || !ok {
			return
		}
		for _, e := range lit.Elts {
			if row, ok := e.(*ast.CompositeLit); ok && len(row.Elts) > 0 {
				e = row.Elts[0]
			}
			sel, ok := e.(*ast.SelectorExpr)
			if !ok {
				t.Errorf("%s: an element is no error of a package but %T", list, e)
				continue
			}
			x, _ := sel.X.(*ast.Ident)
			out[x.Name+"."+sel.Sel.Name]++
		}
	})
	if len(out) == 0 {
		t.Fatalf("%s names no errors", list)
	}
	return out
}

// The authorization server answers the errors of OAuth.
const (
	oauthErrors = "../../oauth/errors.go"
	oauthToken  = "../../oauth/token.go"

	oauthProviders = "../../oauth/federate.go"
	ofProviders    = "../../oauth/federation/users.go" // it makes them, for callers in Go
)

// elsewhere are the errors that no operation of the API can return, and the file that answers
// them: an upload and a link in a mail are pages of their own.
var elsewhere = map[string]string{
	"identity.ErrUploadRefused": "upload.go", "identity.ErrUploadExpired": "upload.go", "identity.ErrUploadTooLarge": "upload.go",
	"identity.ErrNoLinks": "confirmuser.go", "identity.ErrNotAsked": "confirmuser.go",
	"identity.ErrInsufficientScope": oauthToken, "identity.ErrNotSignedIn": oauthErrors, "identity.ErrRedirectMismatch": oauthErrors,
	"identity.ErrChallengeRequired": oauthErrors, "identity.ErrConsentRequired": oauthErrors, "identity.ErrInvalidAuthCode": oauthErrors,
	"identity.ErrLinkRequired": oauthProviders, "identity.ErrLinkUser": oauthErrors, "identity.ErrLastWayIn": oauthErrors,
	"identity.ErrProviderToken": ofProviders, "identity.ErrProviderTokens": ofProviders, "identity.ErrNoProviderToken": ofProviders,
}

// TestSentinelsHaveOneRow holds the table of errors to the errors there are:
// one that has no row would be an internal error, and of two rows one is dead.
func TestSentinelsHaveOneRow(t *testing.T) {
	rows := elements(t, parseSource(t, "errors.go"), "rows")
	for _, name := range sentinels(t) {
		if file := elsewhere[name]; file != "" {
			if source, err := os.ReadFile(file); err != nil || !strings.Contains(string(source), name) {
				t.Errorf("%s does not answer %s, %v", file, name, err)
			}
			continue
		}
		if rows[name] == 0 {
			t.Errorf("%s has no row", name)
		}
	}
	for name, n := range rows {
		if n > 1 {
			t.Errorf("%s has %d rows, want 1", name, n)
		}
	}
}

// TestKnownErrorsAreAll holds the list of errors that the tests of identity
// take for known, the fuzz tests among them, to the errors there are.
func TestKnownErrorsAreAll(t *testing.T) {
	known := elements(t, parseSource(t, filepath.Join("..", "known_test.go")), "knownErrors")
	for _, name := range sentinels(t) {
		if known[name] != 1 {
			t.Errorf("%s stands %d times in knownErrors, want once", name, known[name])
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("knownErrors has %s, which identity does not", name)
	}
}
