package identity_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/cognate-id/cognate"

// arrows says which of our rooms each room may import. An arrow that is not
// here does not exist; a new one is argued for in the change that adds it. A
// room ending in /... stands for all rooms below it too.
var arrows = map[string][]string{
	"store":                         {"store/internal/limits"},
	"store/driver":                  {"store", "store/internal/limits"},
	"store/internal/gate":           {},
	"store/internal/limits":         {},
	"store/internal/sample":         {"store"},
	"store/memory":                  {"store", "store/driver", "store/internal/gate"},
	"store/postgres":                {"store", "store/driver", "store/internal/gate"},
	"store/postgres/postgrestest":   {"store/postgres"},
	"store/bolt":                    {"store", "store/driver", "store/internal/gate"},
	"store/sealed":                  {"store", "store/driver"},
	"store/storetest":               {"store", "store/driver", "store/memory"},
	"token":                         {},
	"mfa":                           {},
	"mfa/webauthn":                  {},
	"mfa/webauthn/webauthntest":     {},
	"identity":                      {"store", "token", "mfa", "mfa/webauthn", "identity/hook", "identity/settings", "identity/internal/..."},
	"identity/hook":                 {"identity/settings"},
	"identity/settings":             {"token"},
	"identity/internal/...":         {},
	"identity/cognito":              {"identity", "identity/hook", "identity/idpool", "identity/internal/sigv4", "identity/settings", "mfa/webauthn", "store", "token", "identity/cognito/internal/..."},
	"identity/cognito/internal/...": {"identity/cognito/internal/...", "identity/internal/sigv4"},
	"identity/backchannel":          {"identity", "internal/outbound"},
	"identity/edge":                 {"identity/edge/alb", "oauth/login", "store", "token"}, // not the engine: an edge may stand before a server elsewhere
	"identity/edge/alb":             {"token"},
	"identity/edge/gateway":         {"token"},
	"identity/delivery":             {"identity", "internal/outbound", "identity/internal/sigv4", "identity/settings"},
	"identity/webhook":              {"identity", "identity/hook", "internal/outbound", "identity/internal/sigv4", "identity/settings"},
	"identity/logsink":              {"internal/outbound"},
	"identity/web":                  {"identity", "store", "mfa", "internal/pagejs"},
	"identity/idpool":               {"identity", "identity/idpool/sts", "identity/internal/throttle", "internal/outbound", "store", "token"},
	"identity/idpool/samllogin":     {"identity/idpool", "oauth/federation/saml"},
	"identity/idpool/policy":        {},
	"identity/idpool/sts":           {"identity/idpool/policy", "identity/internal/sigv4", "internal/outbound", "store", "token"},
	"identity/identitytest":         {"identity", "identity/cognito", "identity/idpool/sts", "identity/internal/srp", "internal/fake", "internal/fakeidp", "mfa", "mfa/webauthn/webauthntest", "store"},
	"oauth":                         {"identity", "identity/hook", "identity/settings", "mfa", "oauth/federation", "oauth/federation/fetch", "oauth/federation/oidc", "oauth/federation/saml", "oauth/hosted", "oauth/login", "token"},
	"oauth/federation":              {"identity", "oauth/federation/fetch", "oauth/federation/oidc", "oauth/federation/saml"},
	"oauth/federation/fetch":        {"internal/outbound"},
	"oauth/federation/oidc":         {"oauth/federation/fetch"},
	"oauth/federation/saml":         {},
	"oauth/hosted":                  {"mfa", "internal/pagejs"},
	"oauth/login":                   {"store", "token"}, // not the engine: a web program links neither it nor the server
	"internal/fake":                 {"identity", "identity/cognito", "identity/idpool", "identity/idpool/sts", "identity/idpool/samllogin", "internal/outbound", "oauth", "oauth/federation/fetch", "store", "store/memory"},
	"internal/doctor":               {"token"},
	"internal/fakeidp":              {},
	"internal/few":                  {},
	"internal/floor":                {},
	"internal/outbound":             {},
	"internal/pagejs":               {},
	"internal/relay":                {"store", "store/driver"},
	"cmd/cognate":                   {"identity", "identity/backchannel", "identity/cognito", "identity/delivery", "identity/edge", "identity/idpool", "identity/idpool/policy", "identity/idpool/samllogin", "identity/idpool/sts", "identity/logsink", "identity/settings", "identity/web", "identity/webhook", "internal/doctor", "internal/fake", "internal/fakeidp", "internal/outbound", "internal/relay", "oauth", "oauth/federation", "oauth/federation/fetch", "oauth/federation/saml", "oauth/hosted", "store", "store/bolt", "store/memory", "store/postgres", "store/sealed"},
	"examples/account":              {"identity", "mfa", "store/bolt", "store/sealed"},
	"examples/embed":                {"identity", "identity/web", "store/bolt", "store/sealed"},
	"examples/embedlogin":           {"identity", "oauth", "oauth/hosted", "oauth/login", "store/bolt", "store/sealed"},
	"examples/hello":                {"identity", "store/bolt", "store/sealed"},
	"examples/hooks":                {"identity", "identity/hook", "store/memory"},
	"examples/machine":              {"token"},
	"examples/spa":                  {},
	"examples/server":               {"identity", "identity/cognito", "store/bolt", "store/sealed", "token"},
}

// thirdParties says which one room may import each library. What tests import is not held to it.
var thirdParties = map[string]string{
	"go.etcd.io/bbolt":                    "store/bolt",
	"github.com/jackc/pgx/v5":             "store/postgres",
	"github.com/tidwall/btree":            "store/memory",
	"github.com/go-jose/go-jose/v4":       "token",
	"github.com/coreos/go-oidc/v3":        "oauth/federation/oidc",
	"golang.org/x/oauth2":                 "oauth/federation/oidc",
	"github.com/alecthomas/kong":          "cmd/cognate",
	"github.com/pquerna/otp":              "mfa",
	"github.com/boombuler/barcode":        "mfa",
	"github.com/wneessen/go-mail":         "identity/delivery",
	"github.com/FastFilter/xorfilter":     "identity/internal/blocklist",
	"github.com/go-webauthn/webauthn":     "mfa/webauthn",
	"golang.org/x/crypto":                 "*",
	"golang.org/x/text":                   "*",
	"golang.org/x/term":                   "cmd/cognate",
	"golang.org/x/sync":                   "*",
	"golang.org/x/sys":                    "*",
	"github.com/crewjam/saml":             "oauth/federation/saml",
	"github.com/russellhaering/goxmldsig": "oauth/federation/saml",
	"github.com/beevik/etree":             "oauth/federation/saml",
}

// A source is a Go file of the module.
type source struct {
	room, path string
	file       *ast.File
}

// sources calls fn for each Go file of the module, with its room.
func sources(t *testing.T, fn func(room, path string, f *ast.File, set *token.FileSet)) {
	t.Helper()
	all, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		fn(s.room, s.path, s.file, fileSet)
	}
}

var fileSet = token.NewFileSet()

// parsed is every source of the module. Several tests walk them, which are parsed once.
// In the short tier it leaves out the tests that do not ask for the tier.
var parsed = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipped(path, d)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || testing.Short() && strings.HasSuffix(path, "_test.go") && !bytes.Contains(text, []byte("testing.Short()")) {
			return err
		}
		f, err := parse(path, text)
		if err != nil {
			return err
		}
		room, err := filepath.Rel("..", filepath.Dir(path))
		all = append(all, source{filepath.ToSlash(room), path, f})
		return err
	})
	return all, err
})

// parse parses a file: of one with tests no comments, and in the short tier the functions alone that ask for the tier.
func parse(path string, text []byte) (*ast.File, error) {
	const mode = parser.SkipObjectResolution
	if !strings.HasSuffix(path, "_test.go") {
		return parser.ParseFile(fileSet, path, text, mode|parser.ParseComments)
	}
	if testing.Short() {
		some := []byte("package p\n")
		for _, decl := range bytes.SplitAfter(text, []byte("\n}\n")) {
			_, fn, found := bytes.Cut(decl, []byte("\nfunc "))
			if found && bytes.Contains(fn, []byte("testing.Short()")) {
				some = append(append(some, "\nfunc "...), fn...)
			}
		}
		if f, err := parser.ParseFile(fileSet, path, some, mode); err == nil {
			return f, nil
		} // a literal of several lines was cut
	}
	return parser.ParseFile(fileSet, path, text, mode)
}

// skipped leaves out what is no room of this module: hidden folders, data, modules of their own.
func skipped(path string, d fs.DirEntry) error {
	name := d.Name()
	if path == ".." {
		return nil
	}
	if strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func TestArrows(t *testing.T) {
	rooms := map[string]bool{}
	sources(t, func(room, path string, f *ast.File, _ *token.FileSet) {
		rooms[room] = true
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, spec := range f.Imports {
			checkImport(t, room, path, strings.Trim(spec.Path.Value, `"`))
		}
	})
	if len(rooms) < 10 {
		t.Errorf("found %d rooms: the walk misses the module", len(rooms))
	}
}

func checkImport(t *testing.T, room, path, imported string) {
	t.Helper()
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		allowed, known := lookUp(room)
		if !known {
			t.Errorf("%s: the room %s is not in the table of arrows", path, room)
		}
		if !slices.ContainsFunc(allowed, func(a string) bool { return matches(a, ours) }) {
			t.Errorf("%s: %s may not import %s", path, room, ours)
		}
		return
	}
	if !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
		return // the standard library
	}
	for library, only := range thirdParties {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			if only != "*" && only != room {
				t.Errorf("%s: %s belongs to %s, and %s imports it", path, library, only, room)
			}
			return
		}
	}
	t.Errorf("%s: %s is not in the table of third parties", path, imported)
}

// TestLinterKnowsThirdParties holds the table to that of depguard, which sees an
// import in the editor already.
func TestLinterKnowsThirdParties(t *testing.T) {
	text, err := os.ReadFile("../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := string(text)
	for library, only := range thirdParties {
		if !strings.Contains(config, "            - "+library+"\n") {
			t.Errorf(".golangci.yml does not allow %s", library)
		}
		deny := "deny: [{pkg: " + library + ", desc: it belongs to " + only + "}]"
		if only != "*" && !strings.Contains(config, deny) {
			t.Errorf(".golangci.yml does not say of %s: %s", library, deny)
		}
	}
}

func lookUp(room string) ([]string, bool) {
	for r, allowed := range arrows {
		if matches(r, room) {
			return allowed, true
		}
	}
	return nil, false
}

func matches(pattern, room string) bool {
	prefix, all := strings.CutSuffix(pattern, "/...")
	return room == prefix || all && strings.HasPrefix(room, prefix+"/")
}

// The limits of size that the project holds itself to.
const (
	longestFunction = 80
	longFunction    = 40 // nine in ten functions are shorter
	longestFile     = 600
)

func TestSizes(t *testing.T) {
	functions, long := 0, 0
	sources(t, func(_, path string, f *ast.File, set *token.FileSet) {
		if ast.IsGenerated(f) {
			return
		}
		if n := set.Position(f.FileEnd).Line; n > longestFile {
			t.Errorf("%s has %d lines, the limit is %d", path, n, longestFile)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
			functions++
			if n > longFunction {
				long++
			}
			if n > longestFunction {
				t.Errorf("%s: %s has %d lines, the limit is %d", path, fn.Name.Name, n, longestFunction)
			}
		}
	})
	if long*10 > functions {
		t.Errorf("%d of %d functions have more than %d lines, the limit is one in ten", long, functions, longFunction)
	}
}
