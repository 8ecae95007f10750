package logsink_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/logsink"
)

const arn = "arn:aws:logs:us-east-1:123456789012:log-group:mail"

// sinkTo is a sink with one destination, and what it logs.
func sinkTo(t *testing.T, where string, queue int) (*logsink.Sink, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	s, err := logsink.New(&logsink.Options{
		Destinations: map[string]string{arn + ":*": where}, Logger: slog.New(slog.NewTextHandler(log, nil)), Queue: queue,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func closed(t *testing.T, s *logsink.Sink) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestRecordsAreAppendedToAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "records.jsonl")
	s, log := sinkTo(t, "file:"+name, 0)
	s.WriteLog(t.Context(), arn, []byte(`{"n":1}`))
	s.WriteLog(t.Context(), arn, []byte(`{"n":2}`))
	s.WriteLog(t.Context(), "arn:aws:logs:us-east-1:123456789012:log-group:other", []byte(`{"n":3}`))
	closed(t, s)
	s.WriteLog(t.Context(), arn, []byte(`{"n":4}`)) // too late, and no panic
	text, err := os.ReadFile(name)
	if err != nil || string(text) != "{\"n\":1}\n{\"n\":2}\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	if !strings.Contains(log.String(), "has no destination") || !strings.Contains(log.String(), "the sink is closed") || strings.Contains(log.String(), "full") {
		t.Errorf("the log is %s", log.String())
	}
}

func TestRecordsArePosted(t *testing.T) {
	var got []string
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable) // it is tried again
			return
		}
		body, _ := io.ReadAll(r.Body)
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+string(body))
	}))
	defer server.Close()
	s, _ := sinkTo(t, server.URL+"/records", 0)
	s.WriteLog(t.Context(), arn, []byte(`{"n":1}`))
	closed(t, s)
	if len(got) != 1 || got[0] != `POST /records application/json {"n":1}` {
		t.Errorf("posted %q", got)
	}
}

var syslogForm = regexp.MustCompile(`^<83>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ cognate \d+ - - \{"n":1\}$`)

func TestRecordsGoToSyslog(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	s, _ := sinkTo(t, "syslog+udp://"+udp.LocalAddr().String(), 0)
	s.WriteLog(t.Context(), arn, []byte(`{"n":1}`))
	closed(t, s)
	buf := make([]byte, 1000)
	_ = udp.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, _, err := udp.ReadFrom(buf); err != nil || !syslogForm.Match(buf[:n]) {
		t.Errorf("by UDP: %q, %v", buf[:n], err)
	}

	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	s, _ = sinkTo(t, "syslog+tcp://"+tcp.Addr().String(), 0)
	s.WriteLog(t.Context(), arn, []byte(`{"n":1}`))
	c, err := tcp.Accept()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(c)
	closed(t, s)
	length, message, _ := strings.Cut(string(text), " ")
	if err != nil || length != strconv.Itoa(len(message)) || !syslogForm.MatchString(message) {
		t.Errorf("by TCP: %q, %v", text, err)
	}
}

// A destination that is stuck holds nobody up, and the operator is told what is lost.
func TestAStuckDestinationHoldsNobodyUp(t *testing.T) {
	stuck := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	s, log := sinkTo(t, server.URL, 2)
	began := time.Now()
	for range 10 {
		s.WriteLog(t.Context(), arn, []byte(`{"n":1}`))
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("ten records took %v", took)
	}
	close(stuck)
	closed(t, s)
	if n := strings.Count(log.String(), "its queue is full"); n < 7 || strings.Contains(log.String(), server.URL) {
		t.Errorf("the log is %s", log.String())
	}
}

func TestMalformedDestinations(t *testing.T) {
	for _, where := range []string{
		"", "x", "file:", "file:relative", "file://host/path", "syslog:x", "syslog://host:514", "syslog+udp://host", "ftp://host/x",
		"http://example.com/x", "https://user:secret@example.com/x", "https:///x", ":",
	} {
		s, err := logsink.New(&logsink.Options{Destinations: map[string]string{arn: where}})
		if err == nil {
			t.Errorf("%q is accepted", where)
			_ = s.Close()
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
	s, err := logsink.New(&logsink.Options{Destinations: map[string]string{
		"a": "syslog:", "b": "syslog+tcp://[::1]:601", "c": "https://example.com/x?token=y", "d": "http://127.0.0.1:1/x", "e": "http://localhost:1/x",
	}})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	if _, err := logsink.New(&logsink.Options{Allow: []string{"x"}}); err == nil {
		t.Error("a malformed entry of Allow is accepted")
	}
}
