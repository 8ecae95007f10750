package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	main "github.com/cognate-id/cognate/cmd/cognate"
)

// binary is the command under test: a link to the test binary, which is the
// command where it is called by the name of it. That saves a build.
var binary string

func TestMain(m *testing.M) {
	if strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == "cognate" {
		main.Main()
		return
	}
	dir, err := os.MkdirTemp("", "cognate-test-*")
	if err != nil {
		panic(err)
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "cognate")
	if err := os.Symlink(self, binary); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// limit is how long anything may take that ends by itself, on a busy machine.
const limit = time.Minute

// run runs the command to its end, in a directory of the test.
func run(t testing.TB, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("cognate %q: %v\n%s", args, err, &errs)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// A process is a server that runs.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout lines
	stderr lines
	done   chan struct{} // closed when it has ended
}

// start starts a server, which is killed when the test ends.
func start(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{})}
	p.cmd.Dir = dir
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var read sync.WaitGroup
	read.Go(func() { p.stdout.read(stdout) })
	read.Go(func() { p.stderr.read(stderr) })
	go func() {
		read.Wait()
		_ = p.cmd.Wait() // its state tells
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal: %v", err)
	}
}

// wait waits for the process to end by itself and returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		p.t.Fatalf("the process did not end\n%s", p.stderr.text())
	}
	return p.cmd.ProcessState.ExitCode()
}

// url waits for a dev server to tell a value of its greeting, such as Endpoint.
func (p *process) value(name string) string {
	p.t.Helper()
	line := p.stdout.await(p.t, p.done, name+" ")
	return strings.TrimSpace(line[strings.Index(line, name)+len(name):])
}

// lines are what a process has written.
type lines struct {
	mu   sync.Mutex
	kept []string
}

func (l *lines) read(r io.Reader) {
	s := bufio.NewScanner(r)
	for s.Scan() {
		l.mu.Lock()
		l.kept = append(l.kept, s.Text())
		l.mu.Unlock()
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "\n")
}

// await waits for a line that has a text in it.
func (l *lines) await(t testing.TB, done <-chan struct{}, text string) string {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		ended := false
		select {
		case <-done:
			ended = true
		default:
		}
		for line := range strings.SplitSeq(l.text(), "\n") {
			if strings.Contains(line, text) {
				return line
			}
		}
		if ended || time.Now().After(deadline) {
			t.Fatalf("no line with %q in:\n%s", text, l.text())
		}
		time.Sleep(time.Millisecond)
	}
}

// A signer signs requests with an access key (AWS Signature Version 4).
type signer struct {
	id, secret string
	token      string // of temporary credentials
}

func (s *signer) sign(r *http.Request, body string) {
	now := time.Now().UTC()
	day, at := now.Format("20060102"), now.Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", at)
	sum := func(text string) string { d := sha256.Sum256([]byte(text)); return hex.EncodeToString(d[:]) }
	signed, token := "host;x-amz-date;x-amz-target", ""
	if s.token != "" {
		r.Header.Set("X-Amz-Security-Token", s.token)
		signed, token = "host;x-amz-date;x-amz-security-token;x-amz-target", "x-amz-security-token:"+s.token+"\n"
	}
	canonical := strings.Join([]string{
		r.Method, "/", "", "host:" + r.URL.Host, "x-amz-date:" + at, token + "x-amz-target:" + r.Header.Get("X-Amz-Target"),
		"", signed, sum(body),
	}, "\n")
	scope := day + "/us-east-1/cognito-idp/aws4_request"
	key := []byte("AWS4" + s.secret)
	for _, part := range []string{
		day, "us-east-1", "cognito-idp", "aws4_request",
		"AWS4-HMAC-SHA256\n" + at + "\n" + scope + "\n" + sum(canonical),
	} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+s.id+"/"+scope+
		", SignedHeaders="+signed+", Signature="+hex.EncodeToString(key))
}

// request makes the request that an SDK makes; s may be nil.
func request(ctx context.Context, url, operation, body string, s *signer) *http.Request {
	r, err := http.NewRequestWithContext(ctx, "POST", url+"/", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSCognitoIdentityProviderService."+operation)
	if s != nil {
		s.sign(r, body)
	}
	return r
}

// An answer is what an operation answers, of which each test reads some.
type answer struct {
	status       int
	Type         string `json:"__type"`
	Message      string `json:"message"`
	UserStatus   string
	UserPool     struct{ Id string }
	UserPools    []struct{ Id string }
	UserPoolUser struct{ ClientId string } `json:"UserPoolClient"`

	AuthenticationResult struct{ AccessToken string }
	UserImportJob        importJob
}

// An importJob is a job as the API shows it.
type importJob struct {
	JobId, Status, PreSignedUrl              string
	ImportedUsers, SkippedUsers, FailedUsers int
	CompletionDate                           float64
}

func try(ctx context.Context, url, operation, body string, s *signer) (*answer, error) {
	res, err := http.DefaultClient.Do(request(ctx, url, operation, body, s))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	out := &answer{status: res.StatusCode}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return nil, fmt.Errorf("%s answered %d: %w", operation, res.StatusCode, err)
	}
	return out, nil
}

func call(t testing.TB, url, operation, body string, s *signer) *answer {
	t.Helper()
	out, err := try(t.Context(), url, operation, body, s)
	if err != nil {
		t.Fatalf("%s: %v", operation, err)
	}
	return out
}

func signUpBody(client, name string) string {
	return fmt.Sprintf(`{"ClientId":%q,"Username":%q,"Password":"Passw0rd!","UserAttributes":[{"Name":"email","Value":"%s@example.com"}]}`,
		client, name, name)
}

// get returns the status and the body of a GET.
func get(t testing.TB, url string) (int, string) {
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
	return res.StatusCode, string(body)
}

// newSigner makes an access key for the store in dir, and by it the store.
func newSigner(t testing.TB, dir string, args ...string) *signer {
	t.Helper()
	out, errs, code := run(t, dir, append([]string{"key", "create"}, args...)...)
	s := &signer{}
	for line := range strings.Lines(out) {
		if v, ok := strings.CutPrefix(line, "export AWS_ACCESS_KEY_ID="); ok {
			s.id = strings.TrimSpace(v)
		}
		if v, ok := strings.CutPrefix(line, "export AWS_SECRET_ACCESS_KEY="); ok {
			s.secret = strings.TrimSpace(v)
		}
	}
	if code != 0 || s.id == "" || s.secret == "" {
		t.Fatalf("key create: %d\n%s%s", code, out, errs)
	}
	return s
}

// serveAt starts a real server on a free port and returns its URL.
func serveAt(t testing.TB, dir string, args ...string) (*process, string) {
	t.Helper()
	p := start(t, dir, append([]string{"serve", "--addr", "127.0.0.1:0", "--issuer", "https://auth.example.com"}, args...)...)
	line := p.stderr.await(t, p.done, "addr")
	_, rest, _ := strings.Cut(line, "127.0.0.1:")
	port := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	return p, "http://127.0.0.1:" + port
}
