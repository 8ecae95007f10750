package identitytest_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/fake"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
)

func newFake(t *testing.T, o *fake.Options) *fake.Server {
	t.Helper()
	if o == nil {
		o = &fake.Options{}
	}
	if o.Pool == nil {
		o.Pool = fake.ReadyPool()
		o.Pool.Algorithm = "ES256" // costs nothing to make keys for
	}
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	f, err := fake.New(t.Context(), o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return f
}

// ask sends a request to the server without a network.
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost:9229"+target, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:4711"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func signUp(t *testing.T, f *fake.Server, name string) {
	t.Helper()
	_, err := f.Pool().SignUp(t.Context(), identity.SignUp{
		Username: name, Password: "Passw0rd!", Attributes: map[string]string{"email": name + "@example.com"},
	})
	if err != nil {
		t.Fatalf("SignUp(%q): %v", name, err)
	}
}

type letter struct{ ID, UserPoolID, ClientID, Username, To, Medium, Kind, Code, Subject, Body string }

func outbox(t *testing.T, f *fake.Server, query string) []letter {
	t.Helper()
	w := ask(f, "GET", "/_cognate/outbox"+query, "")
	var out []letter
	if err := json.Unmarshal(w.Body.Bytes(), &out); w.Code != 200 || err != nil {
		t.Fatalf("GET outbox%s: %d %s", query, w.Code, w.Body)
	}
	return out
}

func TestHealthIsAnsweredToEveryone(t *testing.T) {
	f := newFake(t, &fake.Options{Version: "v1.2.3"})
	for _, host := range []string{"localhost", "cognate.internal:9229"} {
		w := ask(f, "GET", "/_cognate/health", "", "Host", host)
		if got, want := strings.TrimSpace(w.Body.String()), `{"status":"ok","version":"v1.2.3"}`; w.Code != 200 || got != want {
			t.Errorf("health for %s: %d %s, want 200 %s", host, w.Code, got, want)
		}
	}
}

func TestOutbox(t *testing.T) {
	var shown []string
	f := newFake(t, &fake.Options{OnMessage: func(m *identity.Message) { shown = append(shown, m.Username) }})
	signUp(t, f, "alice")
	signUp(t, f, "bob")
	if want := []string{"alice", "bob"}; !slices.Equal(shown, want) {
		t.Errorf("OnMessage got %q, want %q", shown, want)
	}
	for _, tt := range []struct {
		query string
		want  []string
	}{
		{"", []string{"bob", "alice"}},
		{"?limit=1", []string{"bob"}},
		{"?username=alice", []string{"alice"}},
		{"?to=bob@example.com", []string{"bob"}},
		{"?kind=SignUp", []string{"bob", "alice"}},
		{"?kind=ForgotPassword", nil},
		{"?userPoolId=" + f.Pool().PoolID() + "&username=bob", []string{"bob"}},
		{"?userPoolId=us-east-1_other", nil},
		{"?to=+15551234", nil},
	} {
		var got []string
		for _, l := range outbox(t, f, tt.query) {
			got = append(got, l.Username)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("outbox%s = %q, want %q", tt.query, got, tt.want)
		}
	}
	l := outbox(t, f, "?username=alice")[0]
	want := letter{
		ID: "1", UserPoolID: f.Pool().PoolID(), ClientID: f.Pool().ClientID(), Username: "alice", To: "alice@example.com",
		Medium: "EMAIL", Kind: "SignUp", Code: f.Outbox().LastCode("alice"), Subject: l.Subject, Body: l.Body,
	}
	if l != want || len(l.Code) != 6 || !strings.Contains(l.Body, l.Code) {
		t.Errorf("message = %+v, want %+v with a code in its body", l, want)
	}
	if w := ask(f, "DELETE", "/_cognate/outbox", ""); w.Code != http.StatusNoContent {
		t.Errorf("DELETE outbox: %d %s", w.Code, w.Body)
	}
	if got := outbox(t, f, ""); len(got) != 0 {
		t.Errorf("outbox after DELETE = %v", got)
	}
}

func TestBadControlRequests(t *testing.T) {
	f := newFake(t, nil)
	for _, tt := range []struct {
		name, method, target, body string
		status                     int
		says                       string
	}{
		{"unknown path", "GET", "/_cognate/outbx", "", 404, "/_cognate/outbox"},
		{"root", "GET", "/_cognate", "", 404, "/_cognate/outbox"},
		{"encoded path", "GET", "/%5fcognate/x", "", 404, "/_cognate/outbox"},
		{"wrong method", "PUT", "/_cognate/outbox", "", 405, "DELETE, GET"},
		{"preflight", "OPTIONS", "/_cognate/outbox", "", 405, "DELETE, GET"},
		{"post to health", "POST", "/_cognate/health", "", 405, "GET"},
		{"unknown parameter", "GET", "/_cognate/outbox?user=a", "", 400, "username"},
		{"parameter twice", "GET", "/_cognate/outbox?to=a&to=b", "", 400, "2 times"},
		{"limit zero", "GET", "/_cognate/outbox?limit=0", "", 400, "1 to 1000"},
		{"limit word", "GET", "/_cognate/outbox?limit=all", "", 400, "1 to 1000"},
		{"unknown kind", "GET", "/_cognate/outbox?kind=signup", "", 400, "SignUp"},
		{"broken query", "GET", "/_cognate/outbox?to=%zz", "", 400, "query"},
		{"filtered delete", "DELETE", "/_cognate/outbox?username=a", "", 400, "all messages"},
		{"no body", "POST", "/_cognate/clock", "", 400, `{"advance":"1h"}`},
		{"not JSON", "POST", "/_cognate/clock", "1h", 400, `{"advance":"1h"}`},
		{"unknown member", "POST", "/_cognate/clock", `{"add":"1h"}`, 400, `{"advance":"1h"}`},
		{"two values", "POST", "/_cognate/clock", `{"advance":"1h"}{}`, 400, `{"advance":"1h"}`},
		{"no duration", "POST", "/_cognate/clock", `{"advance":"1 hour"}`, 400, "90s"},
		{"number", "POST", "/_cognate/clock", `{"advance":3600}`, 400, "90s"},
		{"negative", "POST", "/_cognate/clock", `{"advance":"-1h"}`, 400, "forward"},
		{"too far", "POST", "/_cognate/clock", `{"advance":"2000000h"}`, 400, "100 years"},
		{"too long", "POST", "/_cognate/clock", `{"advance":"` + strings.Repeat("1", 5000) + `"}`, 413, "bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(f, tt.method, tt.target, tt.body)
			var answer struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatalf("answer %q: %v", w.Body, err)
			}
			if w.Code != tt.status || !strings.Contains(answer.Error, tt.says) {
				t.Errorf("answer = %d %q, want %d and %q", w.Code, answer.Error, tt.status, tt.says)
			}
		})
	}
}

func TestControlIsForThisMachineOnly(t *testing.T) {
	f := newFake(t, nil)
	signUp(t, f, "alice")
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"IPv4", []string{"Host", "127.0.0.1:9229"}, 200},
		{"IPv6", []string{"Host", "[::1]:9229"}, 200},
		{"own page", []string{"Host", "localhost:9229", "Origin", "http://localhost:9229", "Sec-Fetch-Site", "same-origin"}, 200},
		{"typed into a browser", []string{"Sec-Fetch-Site", "none"}, 200},
		{"rebound name", []string{"Host", "evil.example:9229"}, 403},
		{"name that begins like localhost", []string{"Host", "localhost.evil.example"}, 403},
		{"address of another machine", []string{"Host", "192.0.2.1:9229"}, 403},
		{"no host", []string{"Host", ""}, 403},
		{"foreign page", []string{"Origin", "https://evil.example"}, 403},
		{"page on another port", []string{"Origin", "http://localhost:3000"}, 403},
		{"sandboxed page", []string{"Origin", "null"}, 403},
		{"foreign script", []string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(f, "GET", "/_cognate/outbox", "", tt.headers...)
			if w.Code != tt.status || tt.status != 200 && strings.Contains(w.Body.String(), "alice") {
				t.Errorf("answer = %d %s, want %d", w.Code, w.Body, tt.status)
			}
			for name := range w.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("answer has the header %s", name)
				}
			}
		})
	}
	for _, target := range []string{"/_cognate/reset", "/_cognate/clock"} {
		if w := ask(f, "POST", target, `{"advance":"1h"}`, "Origin", "https://evil.example"); w.Code != 403 {
			t.Errorf("POST %s from a foreign page: %d", target, w.Code)
		}
	}
}

func TestClock(t *testing.T) {
	f := newFake(t, nil)
	signUp(t, f, "alice")
	w := ask(f, "POST", "/_cognate/clock", `{"advance":"25h"}`)
	var answer struct{ Time time.Time }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
		t.Fatalf("clock: %d %s", w.Code, w.Body)
	}
	if ahead := time.Until(answer.Time); ahead < 24*time.Hour || ahead > 25*time.Hour {
		t.Errorf("the clock is %v ahead, want 25h", ahead)
	}
	err := f.Pool().ConfirmSignUp(t.Context(), identity.ConfirmSignUp{
		Username: "alice", Code: identity.Secret(f.Outbox().LastCode("alice")),
	})
	if err == nil {
		t.Error("a code of yesterday still works")
	}
}

func TestReset(t *testing.T) {
	f := newFake(t, nil)
	signUp(t, f, "alice")
	before := ask(f, "GET", "/"+f.Pool().PoolID()+"/.well-known/jwks.json", "").Body.String()
	if err := f.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if w := ask(f, "POST", "/_cognate/reset", ""); w.Code != 200 {
			t.Fatalf("reset: %d %s", w.Code, w.Body)
		}
		if got := outbox(t, f, ""); len(got) != 0 {
			t.Errorf("outbox after reset = %v", got)
		}
		if ahead := time.Until(f.Now()); ahead > time.Minute {
			t.Errorf("the clock is %v ahead after reset", ahead)
		}
		signUp(t, f, "alice") // the name is free again, and pool and client are there
	}
	after := ask(f, "GET", "/"+f.Pool().PoolID()+"/.well-known/jwks.json", "").Body.String()
	if before != after || !strings.Contains(before, "kid") {
		t.Errorf("keys changed from %s to %s", before, after)
	}
}

// TestResetUnderLoad resets while users sign up. Each answer is one that an
// undisturbed server gives.
func TestResetUnderLoad(t *testing.T) {
	f := newFake(t, nil)
	signUps, resets := 50, 20
	if testing.Short() {
		signUps, resets = 15, 6
	}
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := range signUps {
				_, err := f.Pool().SignUp(t.Context(), identity.SignUp{
					Username: string(rune('a'+n)) + strings.Repeat("x", i), Password: "Passw0rd!",
					Attributes: map[string]string{"email": "a@example.com"},
				})
				if err != nil {
					t.Errorf("SignUp during a reset: %v", err)
				}
			}
		})
	}
	for range resets {
		if err := f.Reset(t.Context()); err != nil {
			t.Errorf("Reset: %v", err)
		}
	}
	wg.Wait()
}

func openBolt(t *testing.T, file string) store.Store {
	t.Helper()
	st, err := bolt.Open(file, nil)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func TestFileKeepsItsPool(t *testing.T) {
	file := t.TempDir() + "/dev.db"
	st := openBolt(t, file)
	first := newFake(t, &fake.Options{Store: st})
	signUp(t, first, "alice")
	if w := ask(first, "POST", "/_cognate/reset", ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "--store memory") {
		t.Errorf("reset of a file: %d %s, want 409 that says what to do", w.Code, w.Body)
	}
	st.Close()

	again := newFake(t, &fake.Options{Store: openBolt(t, file)})
	if first.Pool().PoolID() != again.Pool().PoolID() || first.Pool().ClientID() != again.Pool().ClientID() {
		t.Errorf("pool %s client %s, want those of the first start, %s and %s",
			again.Pool().PoolID(), again.Pool().ClientID(), first.Pool().PoolID(), first.Pool().ClientID())
	}
	if _, err := again.Pool().Admin().Users().Get(t.Context(), "alice"); err != nil {
		t.Errorf("Get(alice): %v", err)
	}
}

func TestDeletedPoolIsMadeAnew(t *testing.T) {
	st := memory.New()
	first := newFake(t, &fake.Options{Store: st})
	if err := first.Pool().Admin().Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The first server wrote to st itself: it was not reset.
	again := newFake(t, &fake.Options{Store: st})
	if again.Pool().PoolID() == first.Pool().PoolID() {
		t.Error("the deleted pool is the ready one again")
	}
	signUp(t, again, "alice")
}

func TestEmpty(t *testing.T) {
	f := newFake(t, &fake.Options{Empty: true})
	if f.Pool() != nil {
		t.Error("there is a pool")
	}
	for p, err := range f.Engine().UserPools(t.Context(), "us-east-1", "") {
		t.Errorf("there is a pool: %v, %v", p, err)
	}
	if err := f.Warm(t.Context()); err != nil {
		t.Errorf("Warm: %v", err)
	}
	if err := f.Reset(t.Context()); err != nil {
		t.Errorf("Reset: %v", err)
	}
}

func TestHealthHandlerHasNoControl(t *testing.T) {
	h := fake.Health("v1", func(context.Context) error { return nil }, func() bool { return false })
	if w := ask(h, "GET", "/_cognate/health", ""); w.Code != 200 {
		t.Errorf("health: %d", w.Code)
	}
	for _, target := range []string{"/_cognate/outbox", "/_cognate/reset", "/_cognate/clock"} {
		if w := ask(h, "GET", target, ""); w.Code != 404 {
			body, _ := io.ReadAll(w.Body)
			t.Errorf("%s: %d %s, want 404", target, w.Code, body)
		}
	}
}

// TestNoCodeIsStored: no cache keeps what the control API answers, which has codes in it.
func TestNoCodeIsStored(t *testing.T) {
	f := newFake(t, nil)
	for _, path := range []string{"/_cognate/outbox", "/_cognate/health", "/_cognate/nothing"} {
		if got := ask(f, "GET", path, "").Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control is %q, want no-store", path, got)
		}
	}
}
