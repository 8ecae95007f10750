package main_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServeTellsWhatItDoes(t *testing.T) {
	dir := t.TempDir()
	p, url := serveAt(t, dir, "--log", "json")
	p.stderr.await(t, p.done, "made the key file cognate.key: keep a copy")
	for _, want := range []string{
		`"iss":"https://auth.example.com/POOL_ID"`, "there is no access key", "the server cannot send mail:",
	} {
		p.stderr.await(t, p.done, want)
	}
	if status, body := get(t, url+"/_cognate/health"); status != 200 || !strings.Contains(body, `"status":"ok"`) {
		t.Errorf("health: %d %s", status, body)
	}
	for _, path := range []string{"outbox", "reset", "clock"} {
		if status, body := get(t, url+"/_cognate/"+path); status != 404 {
			t.Errorf("%s: %d %s, want 404", path, status, body)
		}
	}
	if out := p.stdout.text(); out != "" {
		t.Errorf("stdout = %q", out)
	}
}

// A pool's function may be what sends messages, so the server does not say that nothing does.
func TestServeWithFunctionsDoesNotWarnOfMail(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a server")
	}
	p, url := serveAt(t, t.TempDir(), "--lambda-endpoint", "http://127.0.0.1:1")
	p.stderr.await(t, p.done, "there is no access key")
	if status, _ := get(t, url+"/_cognate/health"); status != 200 || strings.Contains(p.stderr.text(), "cannot send mail") {
		t.Errorf("health %d, and the log is %s", status, p.stderr.text())
	}
}

func TestServeVerifiesSignatures(t *testing.T) {
	dir := t.TempDir()
	good, revoked := newSigner(t, dir), newSigner(t, dir)
	if _, errs, code := run(t, dir, "key", "revoke", revoked.id); code != 0 {
		t.Fatalf("key revoke: %d %s", code, errs)
	}
	_, url := serveAt(t, dir, "--insecure-log-codes")
	const body = `{"PoolName":"main","AutoVerifiedAttributes":["email"]}`
	for _, tt := range []struct {
		name string
		by   *signer
		want string
	}{
		{"unsigned", nil, "MissingAuthenticationTokenException"},
		{"revoked key", revoked, "UnrecognizedClientException"},
		{"unknown key", &signer{"AKIAAAAAAAAAAAAAAAAA", good.secret, ""}, "UnrecognizedClientException"},
		{"wrong secret", &signer{good.id, revoked.secret, ""}, "InvalidSignatureException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := call(t, url, "CreateUserPool", body, tt.by); a.status != 400 || a.Type != tt.want {
				t.Errorf("answer = %+v, want 400 %s", a, tt.want)
			}
		})
	}
	a := call(t, url, "CreateUserPool", body, good)
	if a.status != 200 || a.UserPool.Id == "" {
		t.Fatalf("signed CreateUserPool: %+v", a)
	}
	client := call(t, url, "CreateUserPoolClient", fmt.Sprintf(`{"UserPoolId":%q,"ClientName":"web"}`, a.UserPool.Id), good)
	if client.status != 200 {
		t.Fatalf("signed CreateUserPoolClient: %+v", client)
	}
	if a := call(t, url, "SignUp", signUpBody(client.UserPoolUser.ClientId, "alice"), nil); a.status != 200 {
		t.Errorf("unsigned SignUp: %+v", a)
	}
	for _, host := range []string{"localhost", "evil.example"} {
		if got, want := discoveredIssuer(t, url, a.UserPool.Id, host), "https://auth.example.com/"+a.UserPool.Id; got != want {
			t.Errorf("issuer for the host %s = %s, want %s", host, got, want)
		}
	}
}

// discoveredIssuer is the issuer that a server tells when it is called by a name.
func discoveredIssuer(t *testing.T, url, pool, host string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/"+pool+"/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), `"issuer":"`)
	issuer, _, _ := strings.Cut(rest, `"`)
	return issuer
}

// TestServeSelfIssuer holds that the server's own URL comes from --addr.
func TestServeSelfIssuer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	p := start(t, t.TempDir(), "serve", "--addr", addr)
	p.stderr.await(t, p.done, "iss=http://"+addr+"/POOL_ID")
}

// A halfSent is a request of which a part is still to come.
type halfSent struct {
	conn net.Conn
	rest string
}

// sendHalf sends the head of a request and half of its body.
func sendHalf(t *testing.T, url string) *halfSent {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	const body = `{"AccessToken":"e30.e30.no-token"}`
	_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSCognitoIdentityProviderService.GetUser\r\n"+
		"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
	if err != nil {
		t.Fatal(err)
	}
	// The server has surely read the head once it answers another connection.
	for range 20 {
		if status, _ := get(t, url+"/_cognate/health"); status != 200 {
			t.Fatalf("health: %d", status)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return &halfSent{conn, body[10:]}
}

func TestServeStopsGracefully(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a server that has a request to answer")
	}
	dir := t.TempDir()
	p, url := serveAt(t, dir)
	r := sendHalf(t, url)
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, p.done, "stopping")
	if conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), time.Second); err == nil {
		conn.Close() // it may have been taken just before
	}
	if _, err := io.WriteString(r.conn, r.rest); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r.conn)
	if err != nil || !strings.Contains(string(got), "NotAuthorizedException") {
		t.Errorf("the request in flight was answered %q, %v", got, err)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("exit code = %d\n%s", code, p.stderr.text())
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a server that has a request to answer")
	}
	p, url := serveAt(t, t.TempDir())
	sendHalf(t, url)
	p.signal(syscall.SIGTERM)
	p.stderr.await(t, p.done, "stopping")
	begin := time.Now()
	for ended := false; !ended; { // until the handler of the first is gone
		p.signal(syscall.SIGTERM)
		select {
		case <-p.done:
			ended = true
		case <-time.After(100 * time.Millisecond):
		}
		if time.Since(begin) > 5*time.Second {
			t.Fatal("the second signal did not end the server")
		}
	}
	if p.cmd.ProcessState.ExitCode() == 0 {
		t.Error("exit code = 0 though a request was broken off")
	}
}

// Codes reach the log only if the operator asked for that, and the server says so.
func TestServeWritesNoCodesUnasked(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want int    // the status of a sign-up
		warn string // at the start
	}{
		{"unasked", nil, 400, "operations that owe a message fail"},
		{"asked", []string{"--insecure-log-codes"}, 200, "whoever reads it can take accounts over"},
	}
	if testing.Short() {
		tests = tests[:1]
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, _ := withPool(t, `{"algorithm":"ES256"}`)
			client := must(t, dir, "client", "create", "web")
			p, url := serveAt(t, dir, tt.args...)
			p.stderr.await(t, p.done, tt.warn)
			body := strings.ReplaceAll(signUpBody(client, "alice"), "Passw0rd!", "correct horse battery staple")
			if a := call(t, url, "SignUp", body, nil); a.status != tt.want {
				t.Fatalf("SignUp: %+v, want the status %d", a, tt.want)
			}
			if tt.want == 400 {
				p.stderr.await(t, p.done, "no way to send messages")
			} else {
				p.stderr.await(t, p.done, " code=")
			}
			p.signal(os.Interrupt)
			p.wait()
			if logged := strings.Contains(p.stderr.text(), " code="); logged != (tt.want == 200) {
				t.Errorf("the log has a code: %v", logged)
			}
		})
	}
}
