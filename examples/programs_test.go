package examples

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/identitytest"
)

// Programs are tried as people use them: built, and started in an empty directory. So their tests are one
// program to link, and not one each.

// build returns the path of the program that a directory makes.
func build(t *testing.T, name string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// start runs a program that listens in an empty directory, and returns its address as soon as it answers.
func start(t *testing.T, bin string, args ...string) (url string) {
	t.Helper()
	addr := freeAddress(t)
	run(t, bin, t.TempDir(), append(args, "-addr", addr)...).listens(addr)
	return "http://" + addr
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the next to listen there is the program
	return l.Addr().String()
}

// A program runs, and what it writes is kept.
type program struct {
	*testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	text strings.Builder
}

// run starts a program in a directory. It is killed at the end of the test, unless it was stopped.
func run(t *testing.T, bin, dir string, args ...string) *program {
	t.Helper()
	p := &program{T: t, cmd: exec.CommandContext(t.Context(), bin, args...)}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	return p
}

func (p *program) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(text)
	return p.Output().Write(text)
}

func (p *program) written() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// says waits until the program has written what matches, and returns the groups of the match.
func (p *program) says(pattern string) []string {
	p.Helper()
	for range 200 {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(p.written()); m != nil {
			return m[1:]
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.Fatalf("%s does not write %s", p.cmd.Path, pattern)
	return nil
}

func (p *program) listens(addr string) {
	p.Helper()
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.Fatalf("%s does not listen", p.cmd.Path)
}

// stop interrupts the program, which ends without an error.
func (p *program) stop() {
	p.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.Fatalf("%s: %v", p.cmd.Path, err)
	}
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// The second run of hello finds the key, the pool and the user of the first.
func TestHelloRunsTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and runs it; vet compiles it")
	}
	bin, dir := build(t, "hello"), t.TempDir()
	for i := range 2 {
		cmd := exec.CommandContext(t.Context(), bin)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("run %d: %v\n%s", i+1, err, out)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"argon2", `"kty"`} { // of a password hash, and of a signing key
		if strings.Contains(string(data), secret) {
			t.Errorf("the store holds %s in clear", secret)
		}
	}
}

// README shows hello because it is short.
func TestHelloIsShort(t *testing.T) {
	const most = 20
	f, err := parser.ParseFile(token.NewFileSet(), "hello/main.go", nil, parser.SkipObjectResolution)
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

func TestAccount(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and runs it; vet compiles it")
	}
	cmd := exec.CommandContext(t.Context(), build(t, "account"))
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestHooks(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and runs it; vet compiles it")
	}
	out, err := exec.CommandContext(t.Context(), build(t, "hooks")).Output()
	const want = "mallory is refused: Invalid email domain\nwelcome, alice\nalice is in: true\ncarol is in: true\nasked: We have sent you a code.\n"
	if err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
}

func newServer(t *testing.T) (s *identitytest.Server, issuer string) {
	t.Helper()
	s = identitytest.NewServer(t, &identitytest.Options{Pool: &identity.PoolSettings{Name: "test", Defaults: identity.CognitoDefaults, Algorithm: "ES256"}})
	return s, s.URL + "/" + s.PoolID
}

// A client with the scope is let in, and others are not.
func TestMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and runs it; vet compiles it")
	}
	const secret = "abcdefghijklmnopqrstuvwxyz0123456789"
	bin := build(t, "machine")
	srv, issuer := newServer(t)
	admin := srv.Pool().Admin()
	_, err := admin.ResourceServers().Create(t.Context(), identity.ResourceServerSettings{
		Identifier: "orders", Name: "Orders", Scopes: []identity.ResourceScope{{Name: "read", Description: "Read orders"}, {Name: "write", Description: "Write orders"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := func(name string, scopes ...string) string {
		info, err := admin.Clients().Create(t.Context(), &identity.ClientSettings{
			Name: name, Secret: secret, OAuth: true, OAuthFlows: []string{"client_credentials"}, OAuthScopes: scopes,
		})
		if err != nil {
			t.Fatal(err)
		}
		return info.ID
	}
	reader, both, writer := client("reader", "orders/read"), client("both", "orders/read", "orders/write"), client("writer", "orders/write")
	stranger := client("stranger", "orders/read")
	service := start(t, bin, "-issuer", issuer, "-clients", strings.Join([]string{reader, both, writer}, ","))
	for _, tt := range []struct {
		name, client, secret, path string
		wants                      string // of the answer or the error
	}{
		{"a client with the scope", reader, secret, "/orders", "orders for " + reader},
		{"a client with more scopes", both, secret, "/orders", "orders for " + both},
		{"another path", reader, secret, "/others", "404"},
		{"a scope that the client does not have", writer, secret, "/orders", "invalid_scope"},
		{"a client that the service does not know", stranger, secret, "/orders", "401"},
		{"a wrong secret", reader, strings.ToUpper(secret), "/orders", "invalid_client"},
	} {
		cmd := exec.CommandContext(t.Context(), bin, "-issuer", issuer, "-clients", tt.client, "-call", service+tt.path)
		cmd.Env = append(os.Environ(), "CLIENT_SECRET="+tt.secret)
		out, _ := cmd.CombinedOutput() // the error is in the output
		if !strings.Contains(string(out), tt.wants) {
			t.Errorf("%s: %q, want %q", tt.name, out, tt.wants)
		}
	}
	if got := status(t, service+"/orders", bearer(t, srv.URL, writer, secret, "orders/write")); got != http.StatusForbidden {
		t.Errorf("a token with another scope: %d", got)
	}
	if res, _ := get(t, service+"/orders"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s", res.Status)
	}
}

// bearer returns an access token that a client gets for itself.
func bearer(t *testing.T, server, client, secret, scope string) string {
	t.Helper()
	res, err := http.PostForm(server+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {scope},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || body.Token == "" {
		t.Fatalf("%s, %v", res.Status, err)
	}
	return body.Token
}

func status(t *testing.T, url, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// The flow of the application in the browser, run by Node.js against a real server.
func TestSPAFlow(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Node.js")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is not installed")
	}
	srv, issuer := newServer(t)
	srv.AddUser("ann", "Passw0rd!", map[string]string{"email": "ann@example.com"})
	const home = "http://localhost:3000/"
	client, err := srv.Pool().Admin().Clients().Create(t.Context(), &identity.ClientSettings{
		Name: "spa", OAuth: true, OAuthFlows: []string{"code"}, OAuthScopes: []string{"openid", "email"},
		CallbackURLs: []string{home}, LogoutURLs: []string{home}, Rotation: &identity.RefreshRotation{Enabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "--test", "flow.test.mjs")
	cmd.Dir, cmd.Env = "spa", append(os.Environ(), "ISSUER="+issuer, "CLIENT_ID="+client.ID, "SITE="+home)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The page may run its own scripts and call the authorization server, and nothing else.
func TestSPA(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program and runs it; vet compiles it")
	}
	bin := build(t, "spa")
	if out, err := exec.CommandContext(t.Context(), bin, "-issuer", "issuer").CombinedOutput(); err == nil {
		t.Errorf("no error without a client: %s", out)
	}
	site := start(t, bin, "-issuer", "https://id.example.com/pool", "-client", "client-1")
	for path, want := range map[string]string{
		"/": `src="app.js"`, "/app.js": "import { Client }", "/signin.js": "code_challenge", "/config.json": `"clientID":"client-1"`,
	} {
		res, body := get(t, site+path)
		policy := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != http.StatusOK || !strings.Contains(body, want) || !strings.Contains(policy, "connect-src 'self' https://id.example.com;") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s %s\n%s", path, res.Status, policy, body)
		}
	}
}
