package relay_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/internal/relay"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/storetest"
)

// relayed serves s over a socket and returns it as another process would use it.
func relayed(t testing.TB, s store.Store) *relay.Store {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				if c, want, err := relay.Accept(conn, "v1", "alice"); err == nil && want == relay.WantStore {
					_ = c.ServeStore(ctx, s) // a client that goes away is no error of the test
					c.Close()
				}
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		conns.Wait()
		s.Close()
	})
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Addr().String())
	}
	out, err := relay.Open(t.Context(), dial, "v1")
	if err != nil {
		t.Fatal(err)
	}
	if out.User() != "alice" {
		t.Errorf("the user is %q", out.User())
	}
	if _, err := relay.Open(t.Context(), dial, "v2"); !errors.Is(err, relay.ErrVersion) {
		t.Errorf("Open with another version = %v, want ErrVersion", err)
	}
	return out
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return relayed(t, memory.New()) })
}

func TestContractAboveBolt(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the contract again; TestContract has run it once")
	}
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := bolt.Open(filepath.Join(t.TempDir(), "store.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return relayed(t, s)
	})
}

// TestSuspendedClientHoldsNoWriterUp writes while a transaction of a client stands still.
func TestSuspendedClientHoldsNoWriterUp(t *testing.T) {
	inner, err := bolt.Open(filepath.Join(t.TempDir(), "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := relayed(t, inner)
	defer s.Close()
	put := func(s store.Store, value string) error {
		return s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("table", "key", []byte(value)) })
	}
	if err := put(inner, "1"); err != nil {
		t.Fatal(err)
	}
	calls := 0
	err = s.Update(t.Context(), func(tx store.Tx) error {
		calls++
		values, err := tx.Get(store.Ref{Table: "table", Key: "key"})
		if err != nil {
			return err
		}
		if calls == 1 { // the client stands still, and the server writes
			done := make(chan error, 1)
			go func() { done <- put(inner, "2") }()
			select {
			case err := <-done:
				if err != nil {
					return err
				}
			case <-time.After(10 * time.Second):
				t.Error("a writer of the server waits for the client")
			}
		}
		return tx.Put("table", "other", values[0])
	})
	if err != nil || calls != 2 {
		t.Fatalf("Update = %v after %d calls, want a second call that reads what the server wrote", err, calls)
	}
	err = inner.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: "table", Key: "other"})
		if err == nil && string(values[0]) != "2" {
			t.Errorf("the client wrote %s, want 2", values[0])
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestServerThatGoesAwayIsAnError names the other process.
func TestServerThatGoesAwayIsAnError(t *testing.T) {
	s := relayed(t, memory.New())
	defer s.Close()
	err := s.View(t.Context(), func(r store.Reader) error {
		for _, err := range r.Scan("table", store.Range{}) {
			if err != nil {
				return err
			}
		}
		return errors.New("mine")
	})
	if err == nil || err.Error() != "mine" {
		t.Errorf("View = %v, want the error of the function", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = s.View(ctx, func(r store.Reader) error {
		cancel()
		_, err := r.Get(store.Ref{Table: "table", Key: "key"})
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("View = %v, want the error of the context", err)
	}
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); err != nil && !strings.Contains(err.Error(), "another process") {
		t.Errorf("View after a cancellation = %v", err)
	}
}
