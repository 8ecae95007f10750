// Package edgetest puts nginx and Caddy in front of a page, by the configurations of docs/edge.md as they stand there, with
// cognate edge to decide. internal/clients/run starts the server: the suites are named nginx and caddy.
package edgetest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	password = "Correct-Horse-1"
	host     = "app.example.com"
	site     = "https://" + host
)

// narrowed are locations that ask for more than the rules.
const narrowed = `
    location = /oauth2/staff {
        internal;
        proxy_pass http://127.0.0.1:9230/oauth2/auth?allowed_groups=admins;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Original-URL https://app.example.com$request_uri;
        proxy_set_header X-Original-Method $request_method;
    }
    location /staff {
        auth_request /oauth2/staff;
        proxy_pass http://127.0.0.1:8080;
    }
`

func TestNginx(t *testing.T) {
	w := newWorld(t)
	dir := w.dir
	config := fmt.Sprintf("pid %[1]s/nginx.pid; error_log %[1]s/nginx.log; worker_processes 1; daemon off; events {} http { access_log off;\n", dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	config += w.adapted("nginx",
		"    location / {\n", narrowed+"    location / {\n",
		"listen 443", "listen "+w.proxy,
		"/etc/ssl/app.example.com.pem", dir+"/cert.pem",
		"/etc/ssl/private/app.example.com.key", dir+"/key.pem",
	) + "}\n"
	w.write("nginx.conf", config)
	w.run("nginx", "nginx", "-c", dir+"/nginx.conf")
	w.promises(t, 403)
	t.Run("groups that the gateway asks for", func(t *testing.T) {
		alice, bob := w.browser(t, "alice"), w.browser(t, "bob")
		for _, query := range []string{"", "?allowed_groups=readers", "?allowed_groups=readers&allowed_groups=admins"} {
			if got := bob.get("/staff" + query); got.status != 403 {
				t.Errorf("bob, %q: %d", query, got.status)
			}
			if got := alice.get("/staff" + query); got.status != 200 {
				t.Errorf("alice, %q: %d", query, got.status)
			}
		}
	})
	t.Run("the endpoint is for nginx alone", func(t *testing.T) {
		if got := w.stranger().get("/oauth2/auth", "X-Original-URL", site+"/status", "X-Original-Method", "GET"); got.status != 404 {
			t.Errorf("a client asks the edge: %d %s", got.status, got.body)
		}
	})
}

func TestCaddy(t *testing.T) {
	w := newWorld(t)
	config := "{\n\tadmin off\n\tauto_https off\n}\n" + w.adapted("caddyfile",
		"app.example.com {", "https://app.example.com:"+w.port()+" {\n\ttls "+w.dir+"/cert.pem "+w.dir+"/key.pem",
	)
	w.write("Caddyfile", config)
	w.run("caddy", "caddy", "run", "--config", w.dir+"/Caddyfile", "--adapter", "caddyfile")
	w.promises(t, 400)
	t.Run("a parameter of the client does not widen", func(t *testing.T) {
		bob := w.browser(t, "bob")
		if got := bob.get("/admin?allowed_groups=readers"); got.status != 403 {
			t.Errorf("/admin: %d", got.status)
		}
		if got := bob.get("/shelf?allowed_groups=admins"); got.status != 403 {
			t.Errorf("a group that bob is not in: %d", got.status)
		}
		if got := bob.get("/shelf?allowed_groups=readers"); got.status != 200 {
			t.Errorf("a group that bob is in: %d", got.status)
		}
	})
}

// promises are those of docs/edge.md. ambiguous is the status of a path that can be read in two ways.
func (w *world) promises(t *testing.T, ambiguous int) {
	t.Run("signed out", w.signedOut)
	alice, bob := w.browser(t, "alice"), w.browser(t, "bob")
	t.Run("signed in", func(t *testing.T) { w.signedIn(t, alice) })
	t.Run("wrong group", func(t *testing.T) { w.wrongGroup(t, alice, bob) })
	t.Run("forged headers", func(t *testing.T) { w.forged(t, bob) })
	t.Run("headers that a client has removed", func(t *testing.T) { w.removed(t, bob) })
	t.Run("paths", func(t *testing.T) { w.paths(t, bob, ambiguous) })
	t.Run("bearer token", func(t *testing.T) {
		access := w.token(t, "alice")
		if got := w.stranger().get("/admin", "Authorization", "Bearer "+access); got.status != 200 || got.page["Remote-User"] != "alice" || got.page["Remote-Email"] != "" {
			t.Errorf("alice: %d %v", got.status, got.page)
		}
	})
	t.Run("sign-out", func(t *testing.T) {
		if got := alice.send("POST", "/oauth2/sign_out", "", "Origin", site); got.status != 303 || !strings.HasPrefix(got.location, w.server+"/logout?") {
			t.Errorf("%d to %q", got.status, got.location)
		}
		if got := alice.get("/shelf"); got.status != 401 {
			t.Errorf("after the sign-out: %d", got.status)
		}
	})
}

func (w *world) signedOut(t *testing.T) {
	b := w.stranger()
	if got := b.get("/shelf?a=1&b=2", "Accept", "text/html"); got.status != 302 || got.location != site+"/oauth2/sign_in?rd=%2Fshelf%3Fa%3D1%26b%3D2" {
		t.Errorf("a browser: %d to %q", got.status, got.location)
	}
	for _, head := range [][]string{{"Accept", "*/*"}, {"Accept", "text/html", "X-Requested-With", "XMLHttpRequest"}, {"Accept", "text/html", "Authorization", "Bearer x.y.z"}} {
		if got := b.get("/shelf", head...); got.status != 401 || got.location != "" {
			t.Errorf("%v: %d to %q", head, got.status, got.location)
		}
	}
	if got := b.get("/status"); got.status != 200 || got.told() != "" {
		t.Errorf("where anyone may come: %d %s", got.status, got.body)
	}
	if got := b.get("/oauth2/sign_in?rd=https://evil.example/", "Accept", "text/html"); got.status != 400 || got.location != "" {
		t.Errorf("rd to another host: %d to %q", got.status, got.location)
	}
}

func (w *world) signedIn(t *testing.T, alice *browser) {
	got := alice.get("/shelf?x=1")
	for header, want := range map[string]string{
		"X-Auth-Request-Preferred-Username": "alice", "X-Auth-Request-Email": "alice@example.com", "X-Auth-Request-Groups": "admins,readers",
		"Remote-User": "alice", "Remote-Email": "alice@example.com", "Remote-Groups": "admins,readers", "Remote-Name": "Alice Ä.",
	} {
		if got.page[header] != want {
			t.Errorf("the page reads %s as %q, want %q", header, got.page[header], want)
		}
	}
	if len(got.page["X-Auth-Request-User"]) != 36 || got.page["path"] != "/shelf?x=1" {
		t.Errorf("the page reads %v", got.page)
	}
	if got := alice.send("POST", "/shelf", "a body"); got.status != 200 || got.page["method"] != "POST" || got.page["body"] != "a body" {
		t.Errorf("a form: %d %v", got.status, got.page)
	}
}

func (w *world) wrongGroup(t *testing.T, alice, bob *browser) {
	if got := bob.get("/admin/users", "Accept", "text/html"); got.status != 403 || got.page != nil {
		t.Errorf("bob: %d %s", got.status, got.body)
	}
	if got := alice.get("/admin/users"); got.status != 200 {
		t.Errorf("alice: %d", got.status)
	}
	if got := bob.send("POST", "/shelf", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); got.status != 403 {
		t.Errorf("a form of another site: %d", got.status)
	}
}

func (w *world) forged(t *testing.T, bob *browser) {
	forged := []string{
		"Remote-User", "alice", "Remote-Groups", "admins", "Remote-Email", "alice@example.com", "Remote-Name", "Alice", "X-Auth-Request-User", "alice",
		"X-Auth-Request-Groups", "admins", "X-Auth-Request-Email", "alice@example.com", "X-Auth-Request-Preferred-Username", "alice",
		"X-Original-URL", site + "/status", "X-Original-Method", "GET", "X-Forwarded-Uri", "/status", "X-Forwarded-Host", "evil.example", "X-Forwarded-Method", "GET",
	}
	if got := w.stranger().get("/status", forged...); got.status != 200 || got.told() != "" {
		t.Errorf("a stranger: %d, and the page reads %s", got.status, got.told())
	}
	if got := w.stranger().get("/shelf", forged...); got.status != 401 {
		t.Errorf("a stranger: %d", got.status)
	}
	if got := bob.get("/admin", forged...); got.status != 403 {
		t.Errorf("bob: %d", got.status)
	}
	got := bob.get("/shelf", forged...)
	if got.page["Remote-User"] != "bob" || got.page["Remote-Groups"] != "readers" || strings.Contains(got.told(), "alice") || strings.Contains(got.told(), "admins") {
		t.Errorf("bob: %d, and the page reads %s", got.status, got.told())
	}
	for _, name := range []string{"Remote_User", "X_Auth_Request_User", "X-Auth-Request_Groups"} {
		if got := w.stranger().get("/status", name, "alice"); strings.Contains(got.body, "alice") {
			t.Errorf("%s: %d, and the page reads %s", name, got.status, got.body)
		}
	}
}

func (w *world) removed(t *testing.T, bob *browser) {
	for _, names := range []string{"close, Remote-User, Remote-Groups", "close, x-auth-request-user"} {
		got, body := bob.raw(t, "/shelf", host, "Connection", names)
		var page map[string]string
		if err := json.Unmarshal([]byte(body), &page); err == nil && got == 200 && (page["Remote-User"] != "bob" || page["Remote-Groups"] != "readers" || page["X-Auth-Request-User"] == "") {
			t.Errorf("%s: the page reads %v", names, page)
		}
	}
}

func (w *world) paths(t *testing.T, bob *browser, ambiguous int) {
	for path, want := range map[string]int{
		"/ADMIN": 403, "/admin;x": 403, "/adm%69n": 403, "/status/../admin": ambiguous, "/status/%2e%2e/admin": ambiguous, "/status/..%2fadmin": ambiguous,
		"//admin": ambiguous, "/status//x": ambiguous, "/status%5c..%5cadmin": ambiguous, "/status/%252e%252e/admin": ambiguous,
	} {
		if got, _ := bob.raw(t, path, host); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if got, body := bob.raw(t, "/shelf", "evil.example"); w.name == "caddy" && body != "" { // for nginx each name is that of its only server
		t.Errorf("another host: %d %s", got, body)
	}
	if got, _ := bob.raw(t, "/shelf?"+strings.Repeat("x", 7000), host); got != 200 {
		t.Errorf("a long query: %d", got)
	}
}

// A world is a server, an edge, a page behind a proxy, and two users.
type world struct {
	*testing.T
	dir, server, pool, client, secret string
	edge, page, proxy                 string // addresses
	caller                            string // the client of a program
	roots                             *x509.CertPool
	name                              string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := os.Getenv("COGNATE_URL")
	if server == "" {
		t.Fatal("COGNATE_URL is not set; start this test with internal/clients/run nginx, or caddy")
	}
	w := &world{T: t, dir: t.TempDir(), server: server, edge: freePort(t), proxy: freePort(t)}
	w.register()
	page := httptest.NewServer(http.HandlerFunc(shelf))
	t.Cleanup(page.Close)
	w.page = strings.TrimPrefix(page.URL, "http://")
	w.certificate()
	config := w.block("json")
	config = strings.NewReplacer("https://auth.example.com/us-east-1_AbCdEf123", server+"/"+w.pool, "1example23456789", w.client,
		`"proxies"`, `"bearerClients": ["`+w.caller+`"], "proxies"`).Replace(config)
	w.write("edge.json", config)
	w.write("secret", w.secret)
	w.run("edge", os.Getenv("COGNATE_BIN"), "edge", w.dir+"/edge.json", "--addr", w.edge, "--store", "bolt:"+w.dir+"/edge.db", "--client-secret-file", w.dir+"/secret")
	w.reachable(w.edge)
	return w
}

// shelf is the page: it tells what it reads.
func shelf(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	read := map[string]string{"path": r.URL.RequestURI(), "method": r.Method, "body": string(body)}
	for name, values := range r.Header {
		read[name] = strings.Join(values, "|")
	}
	_ = json.NewEncoder(w).Encode(read)
}

// block is the first block of a language in the page of the documentation.
func (w *world) block(language string) string {
	w.Helper()
	text, err := os.ReadFile("../../docs/edge.md")
	if err != nil {
		w.Fatal(err)
	}
	m := regexp.MustCompile("(?s)(?:^|\n) *```" + language + "\n(.*?)\n *```").FindSubmatch(text)
	if m == nil {
		w.Fatalf("no block of %s", language)
	}
	return string(m[1]) + "\n"
}

// adapted is a block with the addresses and files of this machine. Each must be there.
func (w *world) adapted(language string, pairs ...string) string {
	w.Helper()
	text := w.block(language)
	pairs = append(pairs, "127.0.0.1:9230", w.edge, "127.0.0.1:8080", w.page)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			w.Fatalf("the block of %s has no %q", language, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func (w *world) write(name, text string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w *world) port() string { return w.proxy[strings.LastIndexByte(w.proxy, ':')+1:] }

// run starts a program, which ends with the test.
func (w *world) run(name, program string, args ...string) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), program, args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+w.dir, "XDG_CONFIG_HOME="+w.dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		_ = cmd.Wait() // the context of the test has ended
		if w.Failed() {
			own, _ := os.ReadFile(filepath.Join(w.dir, name+".log"))
			w.Logf("%s says:\n%s%s", name, log.String(), own)
		}
	})
	if name != "edge" {
		w.name = name
		w.reachable(w.proxy)
	}
}

func (w *world) reachable(address string) {
	w.Helper()
	for range 100 {
		c, err := (&net.Dialer{}).DialContext(w.Context(), "tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.Fatalf("nobody listens at %s", address)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// certificate makes one for the site.
func (w *world) certificate() {
	w.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		w.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		w.Fatal(err)
	}
	w.roots = x509.NewCertPool()
	w.roots.AddCert(parsed)
	w.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	w.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// dial connects to the proxy for the site, whose name no server knows.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address == host+":443" {
		address = w.proxy
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// raw sends a request whose path nobody has cleaned, and returns the status and the body.
func (b *browser) raw(t *testing.T, path, to string, head ...string) (int, string) {
	t.Helper()
	c, err := tls.Dial("tcp", b.proxy, &tls.Config{RootCAs: b.roots, ServerName: host})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if len(head) == 0 {
		head = []string{"Connection", "close"}
	}
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n%s: %s\r\n\r\n", path, to, b.cookie(), head[0], head[1])
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}
