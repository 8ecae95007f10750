package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
)

// The access log has a line of JSON for each request: who asked for what, and what came of it.
// It has nothing of bodies, queries or signatures, so no secret can get into it.

// An accessLog is where the lines go.
type accessLog struct {
	client func(*http.Request) string // the address of a request's client
	log    *slog.Logger

	mu     sync.Mutex
	path   string
	out    io.Writer
	file   *os.File // nil for standard output
	failed bool     // the last line could not be written
}

// openAccessLog opens a file to append to, or standard output if path is "-".
func openAccessLog(t *terminal, path string, log *slog.Logger, client func(*http.Request) string) (*accessLog, error) {
	l := &accessLog{client: client, log: log, path: path}
	if path == "-" {
		l.out = t.out
		return l, nil
	}
	if err := l.open(); err != nil {
		return nil, hint(fmt.Errorf("open the access log: %w", err), "give a file in a directory that the server can write to, or - for standard output")
	}
	return l, nil
}

// open opens the file, and closes the one before.
func (l *accessLog) open() error {
	file, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.file
	l.file, l.out = file, file
	if before != nil {
		return before.Close()
	}
	return nil
}

// reopenAtHangup opens the file anew at each SIGHUP, so that it can be rotated, until stop is
// called.
func (l *accessLog) reopenAtHangup() (stop func()) {
	if l.path == "-" {
		return func() {}
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			if err := l.open(); err != nil {
				l.log.Error("the access log cannot be opened anew", "error", err)
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}

// Close closes the file.
func (l *accessLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// An access is one line.
type access struct {
	Time      string  `json:"time"`
	Request   string  `json:"request,omitempty"`   // the id, as events have it
	Address   string  `json:"address"`             // of the client
	Peer      string  `json:"peer,omitempty"`      // of the proxy, if there is one
	AccessKey string  `json:"accessKey,omitempty"` // that the request claims to be signed with
	Method    string  `json:"method"`
	Path      string  `json:"path"`
	Operation string  `json:"operation,omitempty"`
	Status    int     `json:"status"`
	Error     string  `json:"error,omitempty"` // the type, such as NotAuthorizedException
	Bytes     int64   `json:"bytes"`           // of the answer's body
	Millis    float64 `json:"ms"`
	Agent     string  `json:"agent,omitempty"`
}

// Limits of what a line repeats of a request, in bytes.
const (
	maxLogged      = 200
	accessKeyChars = 20
)

// logged returns a handler that writes a line for each request that next has answered.
func (l *accessLog) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		answer := &recorded{ResponseWriter: w}
		defer func() { l.write(r, answer, begin) }()
		next.ServeHTTP(answer, r)
	})
}

func (l *accessLog) write(r *http.Request, w *recorded, begin time.Time) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	failure, _, _ := strings.Cut(w.Header().Get("x-amzn-ErrorType"), ":")
	a := access{
		Time: begin.UTC().Format("2006-01-02T15:04:05.000Z"), Request: w.Header().Get("x-amzn-RequestId"),
		Address: l.client(r), AccessKey: claimedKey(r), Method: short(r.Method), Path: short(r.URL.Path),
		Operation: short(operation), Status: w.status, Error: short(failure), Bytes: w.bytes,
		Millis: float64(time.Since(begin).Microseconds()) / 1000, Agent: short(r.UserAgent()),
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		if p := peer.Addr().WithZone("").Unmap().String(); p != a.Address {
			a.Peer = p
		}
	}
	line, err := json.Marshal(a)
	if err == nil {
		err = l.append(append(line, '\n'))
	}
	if err != nil {
		l.log.Error("the access log cannot be written", "error", err)
	}
}

// append writes a line. It returns the first error of several in a row.
func (l *accessLog) append(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err := l.out.Write(line)
	again := l.failed
	l.failed = err != nil
	if again {
		return nil
	}
	return err
}

// claimedKey returns the access key that a request claims to be signed with, if it has the
// form of one. Other text may be a secret that was put in its place by mistake.
func claimedKey(r *http.Request) string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(rest, "/")
	if len(key) != accessKeyChars || !strings.HasPrefix(key, "AKIA") || !isIn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") {
		return ""
	}
	return key
}

// short returns text of a client's, fit for a line.
func short(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return ' '
	}, s[:min(len(s), maxLogged)])
}

// recorded is a writer that keeps what a line of the log needs.
type recorded struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap is for [http.ResponseController].
func (w *recorded) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorded) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorded) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
