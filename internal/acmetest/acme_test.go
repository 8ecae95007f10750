// Package acmetest tries `cognate serve --acme-host` against Pebble, the small ACME
// authority of Let's Encrypt. It is a module of its own, so that Pebble is in no go.sum of
// those who import Cognate.
package acmetest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

const host = "auth.example.com"

var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cognate-acme")
	if err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "cognate")
	build := exec.Command("go", "build", "-o", binary, "./cmd/cognate")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		log.Printf("build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// An authority is Pebble, with the real validation of tls-alpn-01. It finds the host at
// this machine, and the server at the port that a public authority would find as 443.
type authority struct {
	directory string // the URL
	rootFile  string // of the certificate of the directory itself, for SSL_CERT_FILE
	roots     *x509.CertPool
	orders    func() int
}

func newAuthority(t *testing.T, tlsPort int, life time.Duration) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	t.Setenv("PEBBLE_AUTHZREUSE", "0") // each order is validated
	logger := log.New(io.Discard, "", 0)
	memory := db.NewMemoryStore()
	issuer := ca.New(logger, memory, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(life.Seconds())}})
	validator := va.New(logger, 0, tlsPort, true, resolver(t), memory)
	front := wfe.New(logger, memory, validator, issuer, []string{"pebble.letsencrypt.org"}, true, false, 1, 1)
	var mu sync.Mutex
	orders := 0
	handler := front.Handler()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/order-plz") {
			mu.Lock()
			orders++
			mu.Unlock()
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a := &authority{directory: server.URL + wfe.DirectoryPath, rootFile: filepath.Join(t.TempDir(), "root.pem"), roots: x509.NewCertPool()}
	a.orders = func() int {
		mu.Lock()
		defer mu.Unlock()
		return orders
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(a.rootFile, root, 0o600); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(issuer.GetRootCert(0).Cert)
	return a
}

// resolver is a DNS server that knows one host.
func resolver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	server := &dns.Server{Listener: l, NotifyStartedFunc: func() { close(ready) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg).SetReply(r)
		if q := r.Question[0]; q.Qtype == dns.TypeA && q.Name == host+"." {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = server.Shutdown() })
	return l.Addr().String()
}

// A process is a server for real users.
type process struct {
	cmd *exec.Cmd
	log *buffer
}

// A buffer may be read while a process writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func serve(t *testing.T, a *authority, dir string, port int, args ...string) *process {
	t.Helper()
	p := &process{log: &buffer{}}
	args = append([]string{
		"serve", "--addr", fmt.Sprintf("127.0.0.1:%d", port), "--acme-host", host, "--acme-directory", a.directory,
	}, args...)
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir, p.cmd.Stderr, p.cmd.Env = dir, p.log, append(os.Environ(), "SSL_CERT_FILE="+a.rootFile)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("the log of the server:\n%s", p.log)
		}
	})
	return p
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
}

const patience = 30 * time.Second

// await asks for health until a certificate of the authority is served that is not old.
func await(t *testing.T, a *authority, port int, old *big.Int) *x509.Certificate {
	t.Helper()
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.roots, ServerName: host}}
		res, err := (&http.Client{Transport: transport, Timeout: patience}).Get(fmt.Sprintf("https://127.0.0.1:%d/_cognate/health", port))
		transport.CloseIdleConnections()
		if last = err; err != nil {
			continue
		}
		res.Body.Close()
		if cert := res.TLS.PeerCertificates[0]; res.StatusCode == http.StatusOK && (old == nil || cert.SerialNumber.Cmp(old) != 0) {
			return cert
		}
	}
	t.Fatalf("no such certificate: %v", last)
	return nil
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A certificate is got by tls-alpn-01 and survives a restart without another order: from
// the store and from a directory.
func TestCertificateSurvivesARestart(t *testing.T) {
	for name, args := range map[string][]string{"in the store": nil, "in a directory": {"--acme-cache", "certs"}} {
		t.Run(name, func(t *testing.T) {
			port, dir := freePort(t), t.TempDir()
			a := newAuthority(t, port, 90*24*time.Hour)
			p := serve(t, a, dir, port, args...)
			first := await(t, a, port, nil)
			if err := first.VerifyHostname(host); err != nil {
				t.Error(err)
			}
			if !strings.Contains(p.log.String(), fmt.Sprintf("iss=https://%s:%d/POOL_ID", host, port)) {
				t.Error("the issuer is not the host of the certificate")
			}
			p.stop(t)
			serve(t, a, dir, port, args...)
			if again := await(t, a, port, nil); again.SerialNumber.Cmp(first.SerialNumber) != 0 {
				t.Error("the restart got another certificate")
			}
			if n := a.orders(); n != 1 {
				t.Errorf("%d orders, want 1", n)
			}
			secrets(t, dir, name == "in the store")
		})
	}
}

// secrets checks that no private key is in the store in clear text, and that a directory
// is for its owner alone.
func secrets(t *testing.T, dir string, inStore bool) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "cognate.db"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte("PRIVATE KEY")) || bytes.Contains(data, []byte("UFJJVkFURSBLRVkt")) { // PEM, and PEM in Base64
		t.Error("a key is in the store in clear text")
	}
	if inStore != bytes.Contains(data, []byte(host)) {
		t.Errorf("the store has the certificate: want %v", inStore)
	}
	if info, err := os.Stat(filepath.Join(dir, "certs")); !inStore && (err != nil || info.Mode().Perm() != 0o700) {
		t.Errorf("the directory of the certificates: %v %v, want mode 0700", info, err)
	}
}

// A certificate is renewed after two thirds of its life, while the server answers, and
// without a client: the server asked for it itself at the start.
func TestCertificateIsRenewed(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	a := newAuthority(t, port, 12*time.Second)
	serve(t, a, dir, port)
	first := await(t, a, port, nil)
	if wait := time.Until(first.NotBefore.Add(10 * time.Second)); wait > 0 {
		time.Sleep(wait) // no connection meanwhile
	}
	if a.orders() < 2 {
		t.Error("the certificate was not renewed by itself")
	}
	second := await(t, a, port, first.SerialNumber)
	if !second.NotAfter.After(first.NotAfter) {
		t.Errorf("renewed until %s, before until %s", second.NotAfter, first.NotAfter)
	}
}

// Other names get no certificate, so that nobody makes the server use up its quota.
func TestOtherHostsGetNoCertificate(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	a := newAuthority(t, port, time.Hour)
	serve(t, a, dir, port)
	await(t, a, port, nil)
	for _, name := range []string{"evil.example.com", ""} {
		c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil {
			c.Close()
			t.Errorf("a handshake for %q succeeds", name)
		}
	}
	if n := a.orders(); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
}
