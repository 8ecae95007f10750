package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/identity/webhook"
)

// quick is a timeout that tests wait for.
const quick = 20 * time.Millisecond

// unhurried is a timeout for tests that wait for it, and for answers too, on a busy machine.
const unhurried = 250 * time.Millisecond

// hanging is a function that does not answer while hang is set.
func hanging(t *testing.T) (f *function, hang *atomic.Bool) {
	t.Helper()
	hang = &atomic.Bool{}
	hang.Store(true)
	end := make(chan struct{})
	f = serve(t, func(w http.ResponseWriter, body []byte) {
		if hang.Load() {
			<-end
			return
		}
		echo(w, body)
	})
	t.Cleanup(func() { close(end) }) // before the server closes
	return f, hang
}

// A function that hangs is called three times, with one id, and then fails as a socket that timed out.
func TestTriesHaveOneID(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time of a call to end")
	}
	t.Parallel()
	f, _ := hanging(t)
	h := hooks(t, f, webhook.Options{Timeout: 5 * quick})
	_, err := h.PreSignUp(t.Context(), preSignUp())
	wantFailure(t, "a function that hangs", err, "")
	ids := map[string]bool{}
	tries := f.seen(3)
	for _, r := range tries {
		ids[r.Header.Get("Webhook-Id")] = true
	}
	if len(tries) != 3 || len(ids) != 1 || ids[""] {
		t.Fatalf("%d tries with the ids %v, want 3 with one", len(tries), ids)
	}
	_, _ = h.PreSignUp(t.Context(), preSignUp())
	if again := f.seen(4)[3].Header.Get("Webhook-Id"); ids[again] {
		t.Error("two calls have one id")
	}
}

// seen are the calls of a function, of which it waits for n: one that timed out may arrive late.
func (f *function) seen(n int) []*http.Request {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		f.mu.Lock()
		calls := slices.Clone(f.calls)
		f.mu.Unlock()
		if len(calls) >= n || time.Now().After(end) {
			return calls
		}
	}
}

// The second try may succeed.
func TestSecondTrySucceeds(t *testing.T) {
	var n atomic.Int32
	f := serve(t, func(w http.ResponseWriter, body []byte) {
		if n.Add(1) == 1 {
			w.WriteHeader(502)
			return
		}
		responding(`{"autoConfirmUser":true}`)(w, body)
	})
	d, err := hooks(t, f, webhook.Options{}).PreSignUp(t.Context(), preSignUp())
	if err != nil || !d.Confirm || n.Load() != 2 {
		t.Errorf("%+v, %v after %d tries", d, err, n.Load())
	}
}

// When the caller gives up, there is no further try, and the function is not blamed.
func TestTriesEndWithTheCaller(t *testing.T) {
	t.Parallel()
	f, hang := hanging(t)
	h := hooks(t, f, webhook.Options{Timeout: time.Minute, BreakAfter: 1})
	for _, end := range []func() (context.Context, context.CancelFunc){
		func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), 5*quick) },
		func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(5*quick, cancel)
			return ctx, cancel
		},
	} {
		ctx, cancel := end()
		before := f.count()
		_, err := h.PreSignUp(ctx, preSignUp())
		cancel()
		if !errors.Is(err, ctx.Err()) || f.count() != before+1 {
			t.Errorf("%v after %d tries, want %v after one", err, f.count()-before, ctx.Err())
		}
	}
	hang.Store(false)
	if _, err := h.PreSignUp(t.Context(), preSignUp()); err != nil {
		t.Errorf("the function is left alone: %v", err)
	}
}

func TestBreaker(t *testing.T) {
	if testing.Short() {
		t.Skip("waits four times for the time of a call to end")
	}
	t.Parallel()
	var mu sync.Mutex
	now := time.Unix(1e9, 0)
	f, hang := hanging(t)
	h := hooks(t, f, webhook.Options{Timeout: unhurried, Tries: 1, BreakAfter: 2, BreakFor: time.Minute, Clock: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	call := func() error {
		_, err := h.PreSignUp(t.Context(), preSignUp())
		return err
	}
	advance := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	wantCalls := func(what string, n int) {
		t.Helper()
		if f.count() != n {
			t.Errorf("%s: %d calls, want %d", what, f.count(), n)
		}
	}
	for range 4 {
		wantFailure(t, "a function that hangs", call(), "")
	}
	wantCalls("after two calls without an answer", 2)
	advance(time.Minute)
	for range 2 {
		wantFailure(t, "the one that tries it out, and the next", call(), "")
	}
	wantCalls("a minute later", 3)
	advance(time.Minute)
	hang.Store(false)
	for range 2 {
		if err := call(); err != nil {
			t.Errorf("after an answer: %v", err)
		}
	}
	wantCalls("after an answer", 5)
	hang.Store(true)
	wantFailure(t, "one more", call(), "")
	hang.Store(false)
	if err := call(); err != nil {
		t.Errorf("an answer does not reset the count: %v", err)
	}
}

// While one call tries the function out, others fail at once.
func TestOneCallTriesOut(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time of a call to end")
	}
	t.Parallel()
	f, _ := hanging(t)
	var probe atomic.Bool
	now := time.Now()
	h := hooks(t, f, webhook.Options{Timeout: 200 * time.Millisecond, Tries: 1, BreakAfter: 1, BreakFor: time.Nanosecond, Clock: func() time.Time {
		if probe.Load() {
			return now.Add(time.Hour)
		}
		return now
	}})
	_, err := h.PreSignUp(t.Context(), preSignUp())
	wantFailure(t, "a function that hangs", err, "")
	probe.Store(true)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = h.PreSignUp(t.Context(), preSignUp()) })
	}
	all.Wait()
	if n := f.count(); n != 2 {
		t.Errorf("%d calls, want one more", n-1)
	}
}

func from(address string) *hook.PreSignUp {
	e := preSignUp()
	e.Call.Address = netip.MustParseAddr(address)
	return e
}

// Calls in flight are bounded: all of a target, and those of one source.
func TestCallsInFlightAreBounded(t *testing.T) {
	f, hang := hanging(t)
	h := hooks(t, f, webhook.Options{InFlight: 4, OfOne: 2, Timeout: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	start := func(e *hook.PreSignUp) {
		n := f.count()
		all.Go(func() { _, _ = h.PreSignUp(ctx, e) })
		for f.count() == n {
			time.Sleep(time.Millisecond)
		}
	}
	start(from("2001:db8::1"))
	start(from("2001:db8::2"))
	_, err := h.PreSignUp(ctx, from("2001:db8::3"))
	wantFailure(t, "a third of one /64", err, "TooManyRequestsException")
	operator := from("2001:db8::3")
	operator.Call.AccessKey = "key"
	start(operator) // who calls for somebody else
	start(from("192.0.2.1"))
	_, err = h.PreSignUp(ctx, from("192.0.2.2"))
	wantFailure(t, "a fifth call", err, "TooManyRequestsException")
	cancel()
	all.Wait()
	hang.Store(false)
	for range 3 {
		if _, err := h.PreSignUp(t.Context(), from("2001:db8::1")); err != nil {
			t.Errorf("after the calls have ended: %v", err)
		}
	}
}

// Each post has the headers of the Standard Webhooks, with a signature for each secret.
func TestPostsAreSigned(t *testing.T) {
	f := serve(t, echo)
	other := identity.Secret(base64.StdEncoding.EncodeToString([]byte("fedcba9876543210fedcba98")))
	at := time.Unix(1_700_000_000, 0)
	h := hooks(t, f, webhook.Options{Secrets: []identity.Secret{other}, Clock: func() time.Time { return at }})
	if _, err := h.PreSignUp(t.Context(), preSignUp()); err != nil {
		t.Fatal(err)
	}
	r, body := f.calls[0], f.last()
	signatures := strings.Fields(r.Header.Get("Webhook-Signature"))
	if len(signatures) != 2 || r.Header.Get("Webhook-Timestamp") != "1700000000" {
		t.Fatalf("headers %v", r.Header)
	}
	for i, key := range []string{"fedcba9876543210fedcba98", "0123456789abcdef0123456789abcdef"} {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(r.Header.Get("Webhook-Id") + ".1700000000." + body))
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); signatures[i] != want {
			t.Errorf("signature %s, want %s", signatures[i], want)
		}
	}
	if r.Header.Get("Authorization") != "" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", r.Header)
	}
}

// A server may close a connection that was idle just when the next event comes. The event is sent
// again on a new connection, and that is no try.
func TestConnectionThatTheServerClosesMeanwhile(t *testing.T) {
	seen := map[string]bool{}
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		again := seen[r.RemoteAddr]
		seen[r.RemoteAddr] = true
		mu.Unlock()
		if !again {
			w.Write(body)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}))
	defer s.Close()
	c := newCaller(t, webhook.Options{Endpoint: s.URL, Tries: 1})
	h := c.Target(&identity.PoolInfo{}, identity.PreSignUp, identity.TriggerTarget{ARN: "arn:aws:lambda:us-east-1:123456789012:function:f"})
	for range 3 {
		if _, err := h.PreSignUp(t.Context(), preSignUp()); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d connections were made, want 3", len(seen))
	}
}
