package cognito_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// An obj is a JSON object, and a list a JSON array, of a request or an answer.
type (
	obj  = map[string]any
	list = []any
)

const (
	idpPrefix   = "AWSCognitoIdentityProviderService."
	fedidPrefix = "AWSCognitoIdentityService."
	goodPass    = "Passw0rd!"
	otherPass   = "An0ther-one"
)

// epoch is where the clock of each server begins. It has milliseconds, which show in answers.
var epoch = time.Date(2026, 11, 22, 9, 5, 7, 123e6, time.UTC)

// A server is the real handler over a real engine on a store in memory.
type server struct {
	t       testing.TB
	handler http.Handler
	engine  *identity.Engine
	idpools *idpool.Service
	store   *watchedStore
	outbox  *identity.Outbox
	log     *logBuffer
	offset  atomic.Int64
	region  string // of the signatures of operators' calls
	passed  collection
}

// serverOptions say what a server has otherwise.
type serverOptions struct {
	rsa     bool // real RSA keys, which cost time
	sender  identity.Sender
	mayFail bool // unexpected errors in the log are what the test is about
	handler cognito.Options
	issuer  identity.IssuerFunc
	quotas  identity.Quotas
	hooks   *identity.Hooks
}

func newServer(t testing.TB) *server { return newServerWith(t, serverOptions{}) }

// sameKeys has RSA keys for all tests.
var sameKeys = identity.InsecureKeyStock(2, readyKey("../../internal/fakeidp/testdata/key.pem"), readyKey("../../oauth/federation/oidc/testdata/stranger.pem"))

// readyKey is the RSA key of a file, because one takes long to make.
func readyKey(file string) *rsa.PrivateKey {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(*rsa.PrivateKey)
}

func newServerWith(t testing.TB, o serverOptions) *server {
	t.Helper()
	s := &server{t: t, outbox: identity.NewOutbox(0), log: &logBuffer{}, region: "us-east-1"}
	s.store = &watchedStore{Store: memory.New(), quickKeys: !o.rsa}
	logger := s.logger()
	sender := o.sender
	if sender == nil {
		sender = s.outbox
	}
	s.engine = identity.New(s.store, &identity.Options{
		Catalog: identity.Tables().With(idpool.Tables()...),
		Sender:  sender, Logger: logger, InsecureCheapHashing: true, InsecureUnsealed: true, Issuer: o.issuer, Clock: s.now, Quotas: o.quotas, Hooks: o.hooks,
		KeyStock:     sameKeys,
		PageURL:      func(context.Context) string { return "https://auth.example.com" },
		PasswordWait: time.Hour, // a crowd waits, however slow the machine is
	})
	o.handler.Logger, o.handler.Clock = logger, s.now
	s.idpools = s.identityPools(logger)
	o.handler.IdentityPools = s.idpools
	s.handler = cognito.NewWatchedHandler(s.engine, &o.handler, func(op *wire.Operation, e *wire.Error) {
		t.Errorf("%s answers %v, which its model does not declare", op.Name, e)
	})
	t.Cleanup(s.wantNoLeaks)
	if !o.mayFail {
		t.Cleanup(func() {
			for line := range strings.Lines(s.log.String()) {
				if !strings.Contains(line, "an operator's call was refused") && !strings.Contains(line, "the invitation was not sent") { // which are no faults
					t.Errorf("unexpected entry in the log: %s", line)
				}
			}
		})
	}
	return s
}

// logger writes all there is to the log.
func (s *server) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (s *server) now() time.Time { return epoch.Add(time.Duration(s.offset.Load())) }

func (s *server) advance(d time.Duration) { s.offset.Add(int64(d)) }

// An answer is what the handler answered.
type answer struct {
	op     string
	status int
	header http.Header
	raw    string
	body   obj
}

// call sends a request as an SDK does. body is an object, or text that is sent as it is.
func (s *server) call(op string, body any) *answer {
	s.t.Helper()
	return s.do(s.request(op, body), op)
}

// request is a request as an SDK makes it.
func (s *server) request(op string, body any) *http.Request {
	s.t.Helper()
	raw, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatalf("%s: encode the request: %v", op, err)
		}
		raw = string(b)
	}
	s.passed.add(raw)
	target := idpPrefix + op
	if strings.Contains(op, ".") {
		target = op
	}
	return s.post(target, raw)
}

func (s *server) send(target, raw string) *answer {
	s.t.Helper()
	return s.do(s.post(target, raw), strings.TrimPrefix(target, idpPrefix))
}

// post is a request with any target and body.
func (s *server) post(target, raw string) *http.Request {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/", strings.NewReader(raw))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	r.RemoteAddr, r.Host = "127.0.0.1:4711", "localhost"
	if s.region != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/"+s.region+
			"/cognito-idp/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	}
	return r
}

func (s *server) do(r *http.Request, op string) *answer {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := &answer{op: op, status: w.Code, header: w.Header(), raw: w.Body.String()}
	s.passed.add(a.raw)
	if a.raw != "" && json.Unmarshal(w.Body.Bytes(), &a.body) != nil {
		s.t.Errorf("%s: the answer is no JSON object: %q", op, a.raw)
	}
	return a
}

// ok makes a call that must succeed and returns its answer.
func (s *server) ok(op string, body any) obj {
	s.t.Helper()
	a := s.call(op, body)
	if a.status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", op, a.status, a.raw)
	}
	return a.body
}

// A problem is an error that an answer must be.
type problem struct {
	exception, message string
	status             int // 0 is 400
}

// want checks that the answer is an error, in the envelope that SDKs read.
// wantMarker checks that a page token was refused as one of another list.
func (a *answer) wantMarker(t testing.TB, token any) {
	t.Helper()
	a.want(t, invalid(fmt.Sprintf("Paging marker %s is invalid for request %s", token, a.header.Get("x-amzn-RequestId"))))
}

func (a *answer) want(t testing.TB, p problem) {
	t.Helper()
	if p.status == 0 {
		p.status = http.StatusBadRequest
	}
	message, _ := a.body["message"].(string)
	if a.status != p.status || a.body["__type"] != p.exception || message != p.message {
		t.Errorf("%s:\n got %d %s\nwant %d %s: %q", a.op, a.status, a.raw, p.status, p.exception, p.message)
	}
	if got, want := a.header.Get("x-amzn-ErrorType"), p.exception+":"; got != want {
		t.Errorf("%s: x-amzn-ErrorType is %q, want %q", a.op, got, want)
	}
	if got, want := a.header.Get("x-amzn-ErrorMessage"), strings.ReplaceAll(p.message, "\n", " "); got != want {
		t.Errorf("%s: x-amzn-ErrorMessage is %q, want %q", a.op, got, want)
	}
	a.wantHeaders(t)
}

// wantHeaders checks what every answer of the API has.
func (a *answer) wantHeaders(t testing.TB) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":                "application/x-amz-json-1.1",
		"Access-Control-Allow-Origin": "*",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", a.op, name, got, want)
		}
	}
	if id := a.header.Get("x-amzn-RequestId"); !uuidForm.MatchString(id) {
		t.Errorf("%s: x-amzn-RequestId is %q, want a UUID", a.op, id)
	}
}

// with is an object with more members, which win.
func with(base obj, more ...obj) obj {
	out := maps.Clone(base)
	for _, m := range more {
		maps.Copy(out, m)
	}
	return out
}

// dig follows names into nested objects; it is nil if there is nothing.
func dig(v any, path ...string) any {
	for _, name := range path {
		o, ok := v.(obj)
		if !ok {
			return nil
		}
		v = o[name]
	}
	return v
}

// str is the text at a path, which must be there.
func str(t testing.TB, v any, path ...string) string {
	t.Helper()
	s, ok := dig(v, path...).(string)
	if !ok || s == "" {
		t.Fatalf("no text at %s of %v", strings.Join(path, "."), v)
	}
	return s
}

// parse reads a JSON document of a test.
func parse[T any](t testing.TB, doc string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatalf("parse %s: %v", doc, err)
	}
	return v
}

// A logBuffer is a log in memory.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A watchedStore tells which tables were written, fails on demand, and has
// pools use ES256, whose keys cost nothing to make, instead of RS256.
type watchedStore struct {
	store.Store
	quickKeys bool

	mu     sync.Mutex
	tables []string // written by committed transactions
	fail   error
}

func (s *watchedStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.Store.View(ctx, fn)
}

func (s *watchedStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.failure(); err != nil {
		return err
	}
	var w *watchedTx
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		w = &watchedTx{Tx: tx, quickKeys: s.quickKeys}
		return fn(w)
	})
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tables = append(s.tables, w.tables...)
	}
	return err
}

func (s *watchedStore) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fail
}

// failWith makes every later transaction fail; nil ends that.
func (s *watchedStore) failWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// written returns the tables that were written since the last call, in order.
func (s *watchedStore) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.tables
	s.tables = nil
	return out
}

type watchedTx struct {
	store.Tx
	quickKeys bool
	tables    []string
}

func (w *watchedTx) Insert(table, key string, value []byte) error {
	w.tables = append(w.tables, table)
	if table == "pools" && w.quickKeys {
		value = bytes.Replace(value, []byte(`"settings":{`), []byte(`"settings":{"algorithm":"ES256",`), 1)
	}
	return w.Tx.Insert(table, key, value)
}

func (w *watchedTx) Put(table, key string, value []byte) error {
	w.tables = append(w.tables, table)
	return w.Tx.Put(table, key, value)
}

func (w *watchedTx) Delete(table, key string) error {
	w.tables = append(w.tables, table)
	return w.Tx.Delete(table, key)
}

// edit changes a record in the store, for states that no operation leads to yet.
func (s *server) edit(table string, change func(obj), key ...string) {
	s.t.Helper()
	ref := store.Ref{Table: table, Key: store.Key(key...)}
	err := s.store.Store.Update(s.t.Context(), func(tx store.Tx) error {
		values, err := tx.Get(ref)
		if err != nil {
			return err
		}
		record := parse[obj](s.t, string(values[0]))
		change(record)
		value, err := json.Marshal(record)
		if err != nil {
			return err
		}
		return tx.Put(ref.Table, ref.Key, value)
	})
	if err != nil {
		s.t.Fatalf("edit %s: %v", table, err)
	}
}

// remove deletes a record from the store, for what no operation deletes yet.
func (s *server) remove(table string, key ...string) {
	s.t.Helper()
	err := s.store.Store.Update(s.t.Context(), func(tx store.Tx) error { return tx.Delete(table, store.Key(key...)) })
	if err != nil {
		s.t.Fatalf("remove from %s: %v", table, err)
	}
}

func (a *answer) wantOK(t testing.TB) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Errorf("%s: %d %s, want 200", a.op, a.status, a.raw)
	}
}
