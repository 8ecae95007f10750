package fetch_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/oauth/federation/fetch"
)

func client(t *testing.T, o *fetch.Options) *fetch.Client {
	t.Helper()
	c, err := fetch.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

var dev = &fetch.Options{InsecureLoopback: true}

func TestGet(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/here":
			_, _ = io.WriteString(w, "text for "+r.UserAgent())
		default:
			http.NotFound(w, r)
		}
	})
	if body, err := client(t, dev).Get(t.Context(), at+"/moved"); err != nil || string(body) != "text for Cognate" {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := client(t, dev).Get(t.Context(), at+"/missing"); !errors.Is(err, fetch.ErrStatus) {
		t.Error(err)
	}
}

func TestPrivateAddressesAreNotCalled(t *testing.T) {
	var called atomic.Int32
	at := serve(t, func(http.ResponseWriter, *http.Request) { called.Add(1) })
	c := client(t, nil)
	for _, to := range []string{at, strings.Replace(at, "http:", "https:", 1), "https://localhost", "https://[::1]", "https://169.254.169.254/latest", "https://10.1.2.3", "file:///etc/passwd", "https://u:p@example.com", "gopher://x", ":"} {
		if _, err := c.Get(t.Context(), to+"?secret=canary"); err == nil {
			t.Errorf("%s is fetched", to)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error has the query: %v", err)
		}
	}
	if called.Load() != 0 {
		t.Error("this machine was called")
	}
}

func TestRedirectIntoTheNetwork(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://169.254.169.254/latest/meta-data", http.StatusFound)
	})
	if _, err := client(t, dev).Get(t.Context(), at); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Error(err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 10<<20))
	})
	if _, err := client(t, dev).Get(t.Context(), at); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
}

func TestCallsAreBounded(t *testing.T) {
	var now, most atomic.Int32
	at := serve(t, func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
	})
	c := client(t, dev)
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if _, err := c.Get(t.Context(), at); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most.Load() > 8 {
		t.Errorf("%d calls at once to one host", most.Load())
	}
}

func TestSlowAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 5 seconds")
	}
	done := make(chan struct{})
	defer close(done)
	at := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
	begun := time.Now()
	if _, err := client(t, dev).Get(t.Context(), at); err == nil || time.Since(begun) > fetch.Timeout+2*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}
