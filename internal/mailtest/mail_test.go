// Package mailtest sends the codes of `cognate serve --smtp` to real mail servers: Mailpit, and
// Postfix where it is installed. It is a module of its own, so that Mailpit is in no go.sum of
// those who import Cognate.
package mailtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const limit = 30 * time.Second

var bin string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	var err error
	if bin, err = os.MkdirTemp("", "cognate-mail"); err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(bin)
	for dir, pkg := range map[string]string{"../..": "./cmd/cognate", ".": "github.com/axllent/mailpit"} {
		build := exec.Command("go", "build", "-o", bin+"/", pkg)
		build.Dir = dir
		if out, err := build.CombinedOutput(); err != nil {
			log.Printf("build %s: %v\n%s", pkg, err, out)
			return 1
		}
	}
	return m.Run()
}

// A mailServer is a mail server that runs.
type mailServer struct {
	port  string
	roots string                 // the file with its certificate
	login string                 // USER@ in the URL, or empty
	mail  func(to string) []byte // the newest mail to an address, or nil
}

// certificate writes a certificate for localhost, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return cert, key
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// start runs a program until the end of the test.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
}

// eventually repeats a look until it finds something.
func eventually[T any](t *testing.T, what string, look func() (T, bool)) T {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if v, ok := look(); ok {
			return v
		}
	}
	t.Fatalf("%s: not within %s", what, limit)
	panic("unreachable")
}

func listens(port string) func() (bool, bool) {
	return func() (bool, bool) {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			c.Close()
		}
		return true, err == nil
	}
}

// mailpit starts Mailpit with STARTTLS and a password.
func mailpit(t *testing.T) *mailServer {
	t.Helper()
	cert, key := certificate(t)
	s := &mailServer{port: freePort(t), roots: cert, login: "acme@"}
	web := freePort(t)
	passwords := filepath.Join(t.TempDir(), "passwords")
	write(t, passwords, []byte("acme:s3cr3t\n"))
	start(t, exec.Command(filepath.Join(bin, "mailpit"), "--smtp", "127.0.0.1:"+s.port, "--listen", "127.0.0.1:"+web, "--disable-version-check",
		"--smtp-tls-cert", cert, "--smtp-tls-key", key, "--smtp-require-starttls", "--smtp-auth-file", passwords))
	eventually(t, "Mailpit", listens(s.port))
	eventually(t, "Mailpit", listens(web))
	s.mail = func(to string) []byte {
		var found struct{ Messages []struct{ ID string } }
		if json.Unmarshal(get(t, "http://127.0.0.1:"+web+"/api/v1/search?query=to:"+to), &found) != nil || len(found.Messages) == 0 {
			return nil
		}
		return get(t, "http://127.0.0.1:"+web+"/api/v1/message/"+found.Messages[0].ID+"/raw")
	}
	return s
}

func get(t *testing.T, target string) []byte {
	t.Helper()
	resp, err := http.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// postfix starts an instance of Postfix with STARTTLS and SMTPUTF8, which delivers to a folder.
func postfix(t *testing.T) *mailServer {
	t.Helper()
	program, err := exec.LookPath("postfix")
	if err != nil {
		program = "/usr/sbin/postfix"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("Postfix is not installed")
	}
	if os.Getuid() != 0 {
		t.Skip("Postfix is started by root only")
	}
	cert, key := certificate(t)
	s := &mailServer{port: freePort(t), roots: cert}
	dir, err := os.MkdirTemp("", "cognate-postfix") // a folder that the user postfix may read
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{"etc", "queue", "data", "mail"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, "chown", "postfix", filepath.Join(dir, "data"), filepath.Join(dir, "mail"))
	uid := run(t, "id", "-u", "postfix")
	write(t, filepath.Join(dir, "etc/main.cf"), fmt.Appendf(nil, mainCF, dir, dir, dir, dir, uid, uid, cert, key))
	write(t, filepath.Join(dir, "etc/master.cf"), fmt.Appendf(nil, masterCF, s.port))
	run(t, "chmod", "644", filepath.Join(dir, "etc/main.cf"), filepath.Join(dir, "etc/master.cf"))
	run(t, program, "-c", filepath.Join(dir, "etc"), "start")
	t.Cleanup(func() { _ = exec.Command(program, "-c", filepath.Join(dir, "etc"), "stop").Run() })
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(dir, "data/log")); t.Failed() && err == nil {
			t.Logf("%s", text)
		}
	})
	eventually(t, "Postfix", listens(s.port))
	s.mail = func(to string) []byte {
		files, _ := filepath.Glob(filepath.Join(dir, "mail/all/new/*"))
		for _, f := range files {
			text, _ := os.ReadFile(f)
			if bytes.Contains(text, []byte("X-Original-To: "+to+"\n")) {
				return text
			}
		}
		return nil
	}
	return s
}

const mainCF = `compatibility_level = 3.6
queue_directory = %s/queue
data_directory = %s/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = %s/data/log
maillog_file_prefixes = /tmp, /var
multi_instance_directories =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.com
mydestination =
local_recipient_maps =
alias_maps =
virtual_mailbox_domains = example.com, exämple.com, xn--exmple-cua.com
virtual_mailbox_base = %s/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:%s
virtual_gid_maps = static:%s
virtual_minimum_uid = 1
smtputf8_enable = yes
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = %s
smtpd_tls_key_file = %s
`

const masterCF = `127.0.0.1:%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// A pool is a server with a pool of users, and its client.
type pool struct {
	t           *testing.T
	url, client string
}

// serve starts cognate serve, which sends mail to a server.
func serve(t *testing.T, s *mailServer, settings string) *pool {
	t.Helper()
	dir := t.TempDir()
	cognate := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(context.Background(), filepath.Join(bin, "cognate"), args...)
		c.Dir, c.Env = dir, append(os.Environ(), "SSL_CERT_FILE="+s.roots, "COGNATE_SMTP_PASSWORD=s3cr3t")
		return c
	}
	made := func(args ...string) string {
		out, err := cognate(args...).Output()
		if err != nil {
			t.Fatalf("cognate %q: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	made("pool", "create", "main", "--settings", settings)
	p := &pool{t: t, client: made("client", "create", "web")}
	port := freePort(t)
	p.url = "http://127.0.0.1:" + port
	c := cognate("serve", "--addr", "127.0.0.1:"+port, "--smtp", "smtp://"+s.login+"localhost:"+s.port, "--mail-from", "Acme Überß <no-reply@acme.test>")
	var out bytes.Buffer
	c.Stderr = &out
	start(t, c)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", out.String())
		}
	})
	eventually(t, "cognate serve", listens(port))
	return p
}

// call calls an operation, and returns the status and the answer.
func (p *pool) call(op string, body map[string]any) (int, string) {
	p.t.Helper()
	body["ClientId"] = p.client
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, p.url, bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+op)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer)
}

func (p *pool) signUp(name, address string) (int, string) {
	p.t.Helper()
	return p.call("SignUp", map[string]any{
		"Username": name, "Password": "correct-horse-battery-staple", "UserAttributes": []any{map[string]string{"Name": "email", "Value": address}},
	})
}

// parts are the texts of a mail, by their type.
func parts(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "multipart/alternative" {
		text, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{kind: string(text)}
	}
	out := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextPart() // decodes quoted-printable
		if err != nil {
			return out
		}
		text, _ := io.ReadAll(part)
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		out[kind] = string(text)
	}
}

var codeForm = regexp.MustCompile(`\b[0-9]{6}\b`)

// arrived returns a mail that arrived.
func arrived(t *testing.T, s *mailServer, to string) *mail.Message {
	t.Helper()
	raw := eventually(t, "the mail to "+to, func() ([]byte, bool) { raw := s.mail(to); return raw, raw != nil })
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Message-Id", "Date", "From", "To", "Subject"} {
		if len(m.Header[name]) != 1 {
			t.Errorf("%s of the mail to %s: %q", name, to, m.Header[name])
		}
	}
	if from, err := mail.ParseAddress(m.Header.Get("From")); err != nil || from.Name != "Acme Überß" || from.Address != "no-reply@acme.test" {
		t.Errorf("From is %q: %v", m.Header.Get("From"), err)
	}
	if m.Header.Get("Auto-Submitted") != "auto-generated" || m.Header["Bcc"] != nil {
		t.Errorf("headers: %v", m.Header)
	}
	return m
}

const settings = `{"algorithm":"ES256","autoVerified":["email"],"verification":{"subject":"Hello {username}","email":"<p>Hello {username}, your code is <b>{####}</b></p>"}}`

// testCodes signs users up, who confirm by the codes that arrive.
func testCodes(t *testing.T, s *mailServer, users map[string]string) {
	t.Helper()
	p := serve(t, s, settings)
	for name, address := range users {
		if status, answer := p.signUp(name, address); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, answer)
			continue
		}
		m := arrived(t, s, address)
		subject, err := (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject"))
		if err != nil || subject != "Hello "+name {
			t.Errorf("the subject is %q, %v, want the name %q", subject, err, name)
		}
		texts := parts(t, m)
		if strings.Contains(name, "<") && strings.Contains(texts["text/html"], name) || !strings.Contains(texts["text/plain"], name) {
			t.Errorf("the texts for %q: %q", name, texts)
		}
		code := codeForm.FindString(texts["text/plain"])
		if !strings.Contains(texts["text/html"], "<b>"+code+"</b>") {
			t.Errorf("the texts: %q", texts)
		}
		if status, answer := p.call("ConfirmSignUp", map[string]any{"Username": name, "ConfirmationCode": code}); status != http.StatusOK {
			t.Errorf("the code %q of %s: %d %s", code, name, status, answer)
		}
	}
	for name, address := range map[string]string{"x\r\nBcc: eve@evil.test": "dora@example.com", "erik": "erik@example.com\r\nBcc: eve@evil.test", "frida": "frida@example.com>,<eve@evil.test"} {
		if status, answer := p.signUp(name, address); status == http.StatusOK {
			t.Errorf("%q, %q is accepted: %s", name, address, answer)
		}
	}
	if s.mail("eve@evil.test") != nil {
		t.Error("a header was injected")
	}
}

func TestMailpit(t *testing.T) {
	testCodes(t, mailpit(t), map[string]string{
		"alice": "alice@example.com", "<b>bob</b>": "bob@example.com", "=?utf-8?q?carol=0D=0ABcc:eve?=": "carol@example.com", "ädä": "ada@example.com",
	})
}

func TestPostfix(t *testing.T) {
	testCodes(t, postfix(t), map[string]string{"alice": "alice@example.com", "dörte": "dörte@example.com"})
}
