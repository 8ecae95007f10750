package scripts

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// provider starts a server that takes mail by SMTP or text messages by HTTP, and writes what it
// gets to a file. It sets a variable to its address. An address or number with "refused" or
// 0000 in it is refused:
//
//	provider smtp|http VARIABLE FILE
func provider(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: provider smtp|http VARIABLE FILE")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[1], l.Addr().String())
	out := &messages{path: ts.MkAbs(args[2])}
	switch args[0] {
	case "smtp":
		go out.acceptMail(l)
	case "http":
		go func() { _ = http.Serve(l, out) }() // it ends with the listener
	default:
		ts.Fatalf("there is no provider %s", args[0])
	}
}

// messages is a file that messages are appended to.
type messages struct {
	mu   sync.Mutex
	path string
}

func (m *messages) add(text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, err := os.OpenFile(m.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// ServeHTTP takes a text message.
func (m *messages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case strings.Contains(string(body), "0000"):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"message":"no such number"}`)
	case err != nil || m.add(fmt.Sprintf("%s %s %s\n%s\n", r.Method, r.URL, r.Header.Get("Authorization"), body)) != nil:
		w.WriteHeader(http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"message":"queued"}`)
	}
}

func (m *messages) acceptMail(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			m.takeMail(conn)
		}()
	}
}

func (m *messages) takeMail(conn net.Conn) {
	in := bufio.NewScanner(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 ready")
	for in.Scan() {
		switch line := in.Text(); {
		case strings.HasPrefix(line, "RCPT") && strings.Contains(line, "refused"):
			say("550 5.1.1 no such user")
		case line == "DATA":
			say("354 go on")
			var mail strings.Builder
			for in.Scan() && in.Text() != "." {
				mail.WriteString(in.Text() + "\n")
			}
			if m.add(mail.String()) != nil {
				return
			}
			say("250 2.0.0 queued as 1")
		case strings.HasPrefix(line, "EHLO"):
			say("250-localhost")
			say("250 8BITMIME")
		default:
			say("250 ok")
		}
	}
}
