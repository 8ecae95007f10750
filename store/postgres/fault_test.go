package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/postgres"
	"github.com/cognate-id/cognate/store/postgres/postgrestest"
)

// A proxy stands between a store and the server, and cuts the connection in
// which it comes by a COMMIT: before the server gets it, or before the answer is told.
type proxy struct {
	server  string
	cut     atomic.Int32 // one of those below
	commits atomic.Int32
}

const (
	cutNothing = iota
	cutBeforeServer
	cutBeforeAnswer
)

// through returns the address by way of a new proxy.
func through(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &proxy{server: u.Host}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var silent atomic.Bool // the answers are not told any more
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || silent.Load() {
				client.Close()
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if p.isCommit(buf[:n]) {
			p.commits.Add(1)
			switch p.cut.Swap(cutNothing) {
			case cutBeforeServer:
				return
			case cutBeforeAnswer:
				silent.Store(true)
			}
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// isCommit knows the statement by its text: the store is opened so that each is sent as it is.
func (p *proxy) isCommit(sent []byte) bool { return bytes.Contains(sent, []byte("commit\x00")) }

func TestConnectionCutInCommitIsAnUnknownOutcome(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cut     int32
		written bool
	}{
		{"before the server has it", cutBeforeServer, false},
		{"before the answer comes", cutBeforeAnswer, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address := postgrestest.Address(t)
			direct := postgrestest.Open(t, address, nil)
			defer direct.Close()
			put(t, direct, "before")
			p, address := through(t, address+"&default_query_exec_mode=exec")
			s := postgrestest.Open(t, address, nil)
			defer s.Close()
			put(t, s, "warm")

			p.commits.Store(0)
			p.cut.Store(tt.cut)
			calls := 0
			err := s.Update(t.Context(), func(tx store.Tx) error {
				calls++
				return tx.Put("table", "key", []byte("1"))
			})
			if !errors.Is(err, store.ErrUnknownOutcome) {
				t.Errorf("got error %v, want %v", err, store.ErrUnknownOutcome)
			}
			if calls != 1 || p.commits.Load() != 1 {
				t.Errorf("the function was called %d times and %d commits were sent: it was tried again", calls, p.commits.Load())
			}
			time.Sleep(200 * time.Millisecond) // for what the server had been sent
			if got := has(t, direct, "key"); got != tt.written {
				t.Errorf("written: %v, want %v", got, tt.written)
			}
			put(t, s, "after")
		})
	}
}

func put(t *testing.T, s store.Store, key string) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put("table", key, []byte("1")) }); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, s store.Store, key string) (found bool) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		values, err := r.Get(store.Ref{Table: "table", Key: key})
		found = err == nil && values[0] != nil
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A server that ends at once, by restart or by SIGKILL, costs nothing that was
// acknowledged, and the store goes on by itself.
func TestServerRestartedUnderLoad(t *testing.T) {
	ctl := os.Getenv("COGNATE_POSTGRES_CTL")
	times, _ := strconv.Atoi(os.Getenv("COGNATE_POSTGRES_KILLS"))
	if ctl == "" || times == 0 {
		t.Skip("ends the server: run it alone, by COGNATE_POSTGRES_KILLS=10 .ci/postgres go test ./store/postgres -run Restarted")
	}
	s := postgrestest.Open(t, postgrestest.Address(t), nil)
	defer s.Close()
	w := startWriters(s, 8)
	for i := range times {
		time.Sleep(300 * time.Millisecond)
		how := []string{"restart", "kill"}[i%2]
		if out, err := exec.Command(ctl, how).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", how, err, out)
		}
		before := w.acknowledged.Load()
		deadline := time.Now().Add(20 * time.Second)
		for w.acknowledged.Load() == before {
			if time.Now().After(deadline) {
				t.Fatal("the store does not go on after the server was started again")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	written, unknown, failed := w.stop()
	lost := 0
	for _, key := range written {
		if !has(t, s, key) {
			lost++
		}
		if !has(t, s, key+" twin") {
			t.Errorf("%s was written in part", key)
		}
	}
	t.Logf("%d times ended; %d writes acknowledged, %d lost; %d of unknown outcome, %d failed", times, len(written), lost, unknown, failed)
	if lost > 0 || len(written) == 0 {
		t.Errorf("%d of %d acknowledged writes were lost", lost, len(written))
	}
}

// A standby that takes over from a server that was killed has all that was
// acknowledged, and the store finds it by itself.
func TestStandbyTakesOver(t *testing.T) {
	ctl := os.Getenv("COGNATE_POSTGRES_CTL")
	if ctl == "" || os.Getenv("COGNATE_POSTGRES_FAILOVER") == "" {
		t.Skip("ends the server: run it alone, by COGNATE_POSTGRES_FAILOVER=1 .ci/postgres go test ./store/postgres -run Standby")
	}
	address, err := exec.Command(ctl, "standby").Output()
	if err != nil {
		t.Fatalf("standby: %v", err)
	}
	s := postgrestest.Open(t, strings.TrimSpace(string(address)), nil)
	defer s.Close()
	w := startWriters(s, 8)
	time.Sleep(500 * time.Millisecond)
	if out, err := exec.Command(ctl, "promote").CombinedOutput(); err != nil {
		t.Fatalf("promote: %v\n%s", err, out)
	}
	before := w.acknowledged.Load()
	for deadline := time.Now().Add(20 * time.Second); w.acknowledged.Load() < before+100; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the store does not go on with the standby")
		}
	}
	written, unknown, failed := w.stop()
	for _, key := range written {
		if !has(t, s, key) || !has(t, s, key+" twin") {
			t.Errorf("%s was acknowledged, and is lost", key)
		}
	}
	t.Logf("%d writes acknowledged, %d of them by the first server; %d of unknown outcome, %d failed meanwhile", len(written), before, unknown, failed)
}

// writers write pairs of new keys until they are stopped.
type writers struct {
	cancel       context.CancelFunc
	group        sync.WaitGroup
	acknowledged atomic.Int64
	mu           sync.Mutex
	written      []string
	unknown      int
	failed       int
}

func startWriters(s store.Store, n int) *writers {
	ctx, cancel := context.WithCancel(context.Background())
	w := &writers{cancel: cancel}
	for i := range n {
		w.group.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				w.write(ctx, s, fmt.Sprintf("%d-%d", i, j))
			}
		})
	}
	return w
}

func (w *writers) write(ctx context.Context, s store.Store, key string) {
	err := s.Update(ctx, func(tx store.Tx) error {
		return errors.Join(tx.Insert("table", key, []byte("1")), tx.Insert("table", key+" twin", []byte("1")))
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.acknowledged.Add(1)
		w.written = append(w.written, key)
	case errors.Is(err, store.ErrUnknownOutcome):
		w.unknown++
	default:
		w.failed++
	}
}

func (w *writers) stop() (written []string, unknown, failed int) {
	w.cancel()
	w.group.Wait()
	return w.written, w.unknown, w.failed
}

// A connection on which nothing can be written, as one to a server that another
// has taken over from, is not kept: the next may lead to the other.
func TestReadOnlyConnectionIsNotKept(t *testing.T) {
	u, name, exec := superuser(t)
	exec("create role " + name + " login superuser password 'secret'")
	t.Cleanup(func() {
		exec("drop owned by " + name)
		exec("drop role " + name)
	})
	query := u.Query()
	query.Set("pool_max_conns", "1")
	u.RawQuery, u.User = query.Encode(), url.UserPassword(name, "secret")
	s := postgrestest.Open(t, u.String(), nil)
	defer s.Close()
	write := func(blind bool) error {
		return s.Update(t.Context(), func(tx store.Tx) error {
			if !blind { // it reads first
				if _, err := tx.Get(store.Ref{Table: "table", Key: "key"}); err != nil {
					return err
				}
			}
			return tx.Put("table", "key", []byte("1"))
		})
	}
	for _, blind := range []bool{true, false} {
		if err := write(blind); err != nil {
			t.Fatal(err)
		}
		exec("alter role " + name + " set default_transaction_read_only = on")
		exec("select pg_terminate_backend(pid) from pg_stat_activity where usename = '" + name + "'")
		if err := write(blind); err == nil || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("on a read-only connection: got %v", err)
		}
		exec("alter role " + name + " reset default_transaction_read_only")
		if err := write(blind); err != nil {
			t.Errorf("when connections can be written to again: %v", err)
		}
	}
}

// superuser returns an address, a name that is free for a role or a database, and a way to make one.
func superuser(t *testing.T) (u *url.URL, name string, exec func(sql string)) {
	t.Helper()
	address := postgrestest.Address(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	admin, schema := connect(t, address)
	return u, strings.ToLower(schema), func(sql string) {
		t.Helper()
		if _, err := admin.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func TestAddressesThatCannotBe(t *testing.T) {
	for _, address := range []string{"", "bolt:file", "postgres", "host=localhost", "postgres://%zz", "postgres://h/d?schema=" + string(bytes.Repeat([]byte("s"), 51))} {
		s, err := postgres.Open(t.Context(), address, nil)
		if err == nil {
			s.Close()
			t.Errorf("%q was opened", address)
		}
	}
}

func TestErrorsDoNotTellThePassword(t *testing.T) {
	_, err := postgres.Open(t.Context(), "postgres://someone:hunter2@127.0.0.1:1/db?connect_timeout=1", nil)
	if err == nil || bytes.Contains([]byte(err.Error()), []byte("hunter2")) {
		t.Errorf("got error %v", err)
	}
}
