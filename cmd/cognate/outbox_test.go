package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A mailServer takes mail by SMTP, and keeps the ids of what each address got.
type mailServer struct {
	addr string

	mu   sync.Mutex
	got  map[string][]string // ids of messages, by address
	mute bool                // it takes mail, and does not say so
	held []string            // addresses of mail that it has not said it took
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &mailServer{addr: l.Addr().String(), got: map[string][]string{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	r := textproto.NewReader(bufio.NewReader(conn))
	say := func(text string) bool { _, err := io.WriteString(conn, text+"\r\n"); return err == nil }
	for ok := say("220 ready"); ok; {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "DATA":
			say("354 go on")
			m, err := mail.ReadMessage(r.DotReader())
			if err != nil {
				return // the server was killed before it had said all
			}
			_, _ = io.Copy(io.Discard, m.Body)
			time.Sleep(5 * time.Millisecond)
			if !s.take(m) {
				_, _ = r.ReadLine() // until the client is gone
				return
			}
			ok = say("250 taken")
		case "EHLO":
			ok = say("250 localhost")
		default:
			ok = say("250 ok")
		}
	}
}

// take keeps a mail, and reports whether the client may know.
func (s *mailServer) take(m *mail.Message) bool {
	to := strings.Trim(m.Header.Get("To"), "<>")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got[to] = append(s.got[to], m.Header.Get("Message-Id"))
	if s.mute {
		s.held = append(s.held, to)
	}
	return !s.mute
}

// missing is how many of some users got no mail.
func (s *mailServer) missing(names []string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if len(s.got[name+"@example.com"]) == 0 {
			n++
		}
	}
	return n
}

// killedOutbox is how many sign-ups TestKilledServerLosesNoMessage makes.
func killedOutbox(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("COGNATE_OUTBOX_SIGNUPS"))
	if err != nil {
		return 40
	}
	return n
}

// TestKilledServerLosesNoMessage kills a server that sends mail in the middle of sign-ups. Each
// sign-up that was acknowledged gets its mail, and those that come twice have one id.
// COGNATE_KILLS says how often, and COGNATE_OUTBOX_SIGNUPS how many users sign up.
func TestKilledServerLosesNoMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes passwords at full cost")
	}
	dir, mails := t.TempDir(), newMailServer(t)
	if _, errs, code := run(t, dir, "pool", "create", "main", "--settings", `{"algorithm":"ES256"}`); code != 0 {
		t.Fatal(errs)
	}
	made, errs, code := run(t, dir, "client", "create", "web")
	if code != 0 {
		t.Fatal(errs)
	}
	client, _, _ := strings.Cut(made, "\n")
	begin := func() (*process, string) {
		return serveAt(t, dir, "--smtp", "smtp://"+mails.addr, "--mail-from", "no-reply@acme.test", "--insecure-smtp-clear-text")
	}
	total, rounds := killedOutbox(t), max(kills(t), 1)
	var all []string
	for round := range rounds {
		p, url := begin()
		want := (total - len(all)) / (rounds - round)
		all = append(all, signUpSome(t, p, url, client, round, want)...)
	}
	begin()
	for end := time.Now().Add(2 * limit); mails.missing(all) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d sign-ups got no mail", mails.missing(all), len(all))
		}
	}
	mails.mu.Lock()
	defer mails.mu.Unlock()
	twice := 0
	for to, ids := range mails.got {
		for _, id := range ids[1:] {
			if twice++; id != ids[0] || id == "" {
				t.Errorf("%s got mails with the ids %q", to, ids)
			}
		}
	}
	t.Logf("%d sign-ups were acknowledged in %d kills, %d mails came twice", len(all), rounds, twice)
	if workers := 4; twice > rounds*workers || len(all) == 0 {
		t.Errorf("%d mails came twice after %d kills, want at most %d a kill", twice, rounds, workers)
	}
}

// signUpSome signs users up over several connections until so many are acknowledged, kills the server,
// and returns their names.
func signUpSome(t *testing.T, p *process, url, client string, round, want int) (done []string) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("r%d-w%d-%d", round, w, i)
				body := fmt.Sprintf(`{"ClientId":%q,"Username":%q,"Password":"correct-horse-battery-staple","UserAttributes":[{"Name":"email","Value":"%s@example.com"}]}`, client, name, name)
				a, err := try(context.Background(), url, "SignUp", body, nil)
				if err != nil {
					return // killed
				}
				if a.Type == "TooManyRequestsException" { // the machine is busy: it was not acknowledged
					time.Sleep(50 * time.Millisecond)
					continue
				}
				if a.status != 200 {
					t.Errorf("SignUp(%s): %+v", name, a)
					return
				}
				mu.Lock()
				if done = append(done, name); len(done) == max(want, 1) {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(4 * limit):
		t.Error("too few sign-ups were acknowledged")
	}
	p.kill()
	wg.Wait()
	return done
}
