package delivery_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/delivery"
)

const password = "s3cr3t-canary"

// A server is an SMTP server that does as its test says.
type server struct {
	net.Listener
	cert       tls.Certificate
	roots      *x509.CertPool
	extensions []string          // beside STARTTLS
	answers    map[string]string // to a command, by its first word; "drop" drops the connection, "hang" says nothing
	noTLS      bool
	implicit   bool
	dropAfter  int32 // connections are dropped, idle, after so many mails

	conns atomic.Int32
	mu    sync.Mutex
	mails []received
	log   []string // every command, with its connection in front
}

type received struct{ from, to, data string }

func newServer(t *testing.T, edit func(*server)) *server {
	t.Helper()
	s := &server{answers: map[string]string{}, extensions: []string{"AUTH PLAIN LOGIN", "8BITMIME"}}
	s.cert, s.roots = certificate(t, "localhost")
	edit(s)
	var err error
	if s.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); s.Listener.Close() })
	go func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			if s.implicit {
				conn = tls.Server(conn, s.config())
			}
			go s.serve(ctx, conn, s.conns.Add(1))
		}
	}()
	return s
}

func (s *server) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{s.cert}} //nolint:gosec // the default version is 1.2
}

func (s *server) serve(ctx context.Context, conn net.Conn, n int32) {
	defer func() { conn.Close() }()
	context.AfterFunc(ctx, func() { conn.Close() })
	secure := s.implicit
	r := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	var m received
	sent := int32(0)
	if !s.say(conn, "greeting", "220 ready") {
		return
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		s.mu.Lock()
		s.log = append(s.log, fmt.Sprintf("%d %s", n, line))
		s.mu.Unlock()
		switch verb {
		case "EHLO":
			ext := s.extensions
			if !s.noTLS && !secure {
				ext = []string{"STARTTLS"}
			}
			say("250-localhost")
			for _, e := range ext {
				say("250-" + e)
			}
			say("250 HELP")
		case "STARTTLS":
			say("220 go on")
			upgraded := tls.Server(conn, s.config())
			conn, secure, r = upgraded, true, bufio.NewReader(upgraded)
		case "MAIL":
			m = received{from: line}
			if !s.say(conn, verb, "250 ok") {
				return
			}
		case "RCPT":
			m.to = line
			if !s.say(conn, verb, "250 ok") {
				return
			}
		case "DATA":
			if !s.say(conn, verb, "354 go on") {
				return
			}
			if s.answers[verb] != "" {
				continue
			}
			if !s.take(r, m) || !s.say(conn, "end", "250 queued") {
				return
			}
			if sent++; sent == s.dropAfter {
				return
			}
		case "AUTH":
			if !s.say(conn, verb, "235 ok") {
				return
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			if !s.say(conn, verb, "250 ok") {
				return
			}
		}
	}
}

// take reads a mail up to its end, and keeps it.
func (s *server) take(r *bufio.Reader, m received) bool {
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if text == ".\r\n" {
			break
		}
		m.data += strings.TrimPrefix(text, ".")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	return true
}

func (s *server) say(conn net.Conn, verb, usual string) bool {
	text, ok := s.answers[verb]
	if !ok {
		text = usual
	}
	switch text {
	case "drop":
		return false
	case "hang":
		_, _ = io.Copy(io.Discard, conn)
		return false
	}
	_, err := io.WriteString(conn, text+"\r\n")
	return err == nil
}

func (s *server) commands() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

func (s *server) last(t *testing.T) received {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) == 0 {
		t.Fatal("no mail arrived")
	}
	return s.mails[len(s.mails)-1]
}

func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// sender returns a sender of mail to s.
func sender(t *testing.T, s *server, edit func(*delivery.SMTPOptions)) *delivery.SMTP {
	t.Helper()
	o := &delivery.SMTPOptions{
		Host: "localhost", Port: s.Addr().(*net.TCPAddr).Port, RootCAs: s.roots, ImplicitTLS: s.implicit,
		Username: "acme", Password: password, From: "Acme <no-reply@acme.test>", Timeout: 10 * time.Second,
	}
	edit(o)
	mail, err := delivery.NewSMTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mail.Close() })
	return mail
}

func asIs[T any](*T) {}

func message() *identity.Message {
	return &identity.Message{
		ID: "m-17", Time: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC), To: "alice@example.com", Username: "alice",
		Medium: identity.MediumEmail, Code: "471147", Subject: "Your code", Body: "Your code is 471147\n.\nGrüße",
	}
}

func TestSMTP(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "implicit TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(s *server) { s.implicit = implicit })
			if err := sender(t, s, asIs).Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			got := s.last(t)
			if got.from != "MAIL FROM:<no-reply@acme.test> BODY=8BITMIME" || got.to != "RCPT TO:<alice@example.com>" {
				t.Errorf("envelope %q, %q", got.from, got.to)
			}
			m, err := mail.ReadMessage(strings.NewReader(got.data))
			if err != nil {
				t.Fatal(err)
			}
			for header, want := range map[string]string{
				"From": `"Acme" <no-reply@acme.test>`, "To": "<alice@example.com>", "Subject": "Your code", "Message-ID": "<m-17@acme.test>",
				"Date": "Sun, 29 Nov 2026 09:00:00 +0000", "Auto-Submitted": "auto-generated", "Reply-To": "", "Content-Type": "text/plain; charset=UTF-8",
			} {
				if got := m.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			body, _ := io.ReadAll(quotedprintable.NewReader(m.Body))
			if text := strings.ReplaceAll(string(body), "\r\n", "\n"); strings.TrimSpace(text) != message().Body {
				t.Errorf("body %q", text)
			}
			if auth := base64.StdEncoding.EncodeToString([]byte("\x00acme\x00" + password)); !strings.Contains(s.commands(), "AUTH PLAIN "+auth) {
				t.Errorf("commands: %s", s.commands())
			}
		})
	}
}

func TestHTMLHasAPlainText(t *testing.T) {
	s := newServer(t, asIs)
	m := message()
	m.HTML, m.Body = true, "<style>p{}</style><p>Hello &lt;alice&gt;,</p><p>your code is <b>471147</b>.<br>Or <a href='https://acme.test/?c=1&amp;u=2'>click</a></p>"
	m.From, m.ReplyTo = "Shop <shop@acme.test>", "help@acme.test"
	if err := sender(t, s, asIs).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(s.last(t).data))
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("From") != `"Shop" <shop@acme.test>` || got.Header.Get("Reply-To") != "<help@acme.test>" || !strings.Contains(s.last(t).from, "<shop@acme.test>") {
		t.Errorf("headers %v, %s", got.Header, s.last(t).from)
	}
	kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	r := multipart.NewReader(got.Body, params["boundary"])
	for _, want := range []string{"Hello <alice>,\nyour code is 471147.\nOr click ( https://acme.test/?c=1&u=2 )", m.Body} {
		part, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(part)
		if got := strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")); got != want {
			t.Errorf("%s: %q, want %q", part.Header.Get("Content-Type"), got, want)
		}
	}
}

// failure sends one message and returns the error, which must not have a secret in it.
func failure(t *testing.T, mail *delivery.SMTP, m *identity.Message) *delivery.Error {
	t.Helper()
	err := mail.Send(t.Context(), m)
	e, ok := errors.AsType[*delivery.Error](err)
	if !ok {
		t.Fatalf("%v is no *delivery.Error", err)
	}
	for _, secret := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), "471147", "alice"} {
		if strings.Contains(e.Error(), secret) {
			t.Errorf("the error has a secret: %v", e)
		}
	}
	return e
}

func TestServersThatFail(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit      func(*server)
		temporary bool
		code      int
		mailed    bool // whether the mail itself went over the connection
	}{
		"greeting 421":       {func(s *server) { s.answers["greeting"] = "421 busy" }, true, 421, false},
		"greeting 554":       {func(s *server) { s.answers["greeting"] = "554 no" }, true, 554, false},
		"greeting drop":      {func(s *server) { s.answers["greeting"] = "drop" }, true, 0, false},
		"greeting hang":      {func(s *server) { s.answers["greeting"] = "hang" }, true, 0, false},
		"no STARTTLS":        {func(s *server) { s.noTLS = true }, true, 0, false},
		"bad certificate":    {func(s *server) { s.cert, _ = certificate(t, "localhost") }, true, 0, false},
		"another name":       {func(s *server) { s.cert, s.roots = certificate(t, "other.test") }, true, 0, false},
		"no AUTH":            {func(s *server) { s.extensions = nil }, true, 0, false},
		"AUTH refused":       {func(s *server) { s.answers["AUTH"] = "535 " + password + " is wrong" }, true, 535, false},
		"MAIL 550":           {func(s *server) { s.answers["MAIL"] = "550 no" }, false, 550, false},
		"MAIL 451":           {func(s *server) { s.answers["MAIL"] = "451 later" }, true, 451, false},
		"RCPT 550":           {func(s *server) { s.answers["RCPT"] = "550 5.1.1 alice is unknown" }, false, 550, false},
		"RCPT 553":           {func(s *server) { s.answers["RCPT"] = "553 bad address" }, false, 553, false},
		"RCPT 450":           {func(s *server) { s.answers["RCPT"] = "450 later" }, true, 450, false},
		"RCPT 421":           {func(s *server) { s.answers["RCPT"] = "421 bye" }, true, 421, false},
		"RCPT garbage":       {func(s *server) { s.answers["RCPT"] = "what?" }, true, 0, false},
		"DATA 451":           {func(s *server) { s.answers["DATA"] = "451 later" }, true, 451, false},
		"DATA drop":          {func(s *server) { s.answers["DATA"] = "drop" }, true, 0, false},
		"refused at the end": {func(s *server) { s.answers["end"] = "554 spam: 471147" }, false, 554, true},
		"later at the end":   {func(s *server) { s.answers["end"] = "451 471147" }, true, 451, true},
		"drop at the end":    {func(s *server) { s.answers["end"] = "drop" }, true, 0, true},
		"hang at the end":    {func(s *server) { s.answers["end"] = "hang" }, true, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(name, "hang") {
				t.Parallel()
			}
			s := newServer(t, test.edit)
			mail := sender(t, s, func(o *delivery.SMTPOptions) {
				if strings.Contains(name, "hang") {
					o.Timeout = 200 * time.Millisecond
				}
			})
			e := failure(t, mail, message())
			if e.Temporary != test.temporary || e.Code != test.code {
				t.Errorf("temporary %t, code %d: %v", e.Temporary, e.Code, e)
			}
			if strings.Contains(e.Reply, "471147") || strings.Contains(e.Reply, password) {
				t.Errorf("the reply has a secret: %s", e.Reply)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if (len(s.mails) > 0) != test.mailed {
				t.Errorf("%d mails", len(s.mails))
			}
		})
	}
}

func TestServerIsDown(t *testing.T) {
	s := newServer(t, asIs)
	s.Listener.Close()
	if e := failure(t, sender(t, s, asIs), message()); !e.Temporary || !strings.Contains(e.Error(), "refused") {
		t.Error(e)
	}
}

func TestTheCallerGivesUp(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(s *server) { s.answers["RCPT"] = "hang" })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := sender(t, s, asIs).Send(ctx, message())
	if e, ok := errors.AsType[*delivery.Error](err); !ok || !e.Temporary || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestNoPasswordInClearText offers AUTH without TLS.
func TestNoPasswordInClearText(t *testing.T) {
	s := newServer(t, func(s *server) { s.noTLS = true })
	failure(t, sender(t, s, asIs), message())
	if log := s.commands(); strings.Contains(log, "AUTH") || strings.Contains(log, "MAIL") {
		t.Errorf("commands: %s", log)
	}
	if err := sender(t, s, func(o *delivery.SMTPOptions) { o.InsecureClearText = true }).Send(t.Context(), message()); err != nil {
		t.Errorf("with the option, to loopback: %v", err)
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	s := newServer(t, asIs)
	mail := sender(t, s, asIs)
	for _, bad := range []func(*identity.Message){
		func(m *identity.Message) { m.To = "alice@example.com\r\nBcc: eve@evil.test" },
		func(m *identity.Message) { m.To = "alice@example.com>\r\nRCPT TO:<eve@evil.test" },
		func(m *identity.Message) { m.To = "alice@example.com, eve@evil.test" },
		func(m *identity.Message) { m.To = "Alice <alice@example.com>" },
		func(m *identity.Message) { m.To = "" },
		func(m *identity.Message) { m.From = "a@acme.test\r\nBcc: eve@evil.test" },
		func(m *identity.Message) { m.From = "=?utf-8?q?a=0D=0ABcc=3A_eve?= <a@acme.test>" },
		func(m *identity.Message) { m.ReplyTo = "a@acme.test\nBcc: eve@evil.test" },
	} {
		m := message()
		bad(m)
		if e := failure(t, mail, m); e.Temporary {
			t.Errorf("%v is temporary", e)
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections for invalid messages", n)
	}
	m := message()
	m.Subject, m.ID, m.Body = "Hello \r\nBcc: eve@evil.test\r\n\r\nx\u2028", "1\r\nBcc: eve@evil.test", "x\r\n.\r\nMAIL FROM:<eve@evil.test>\r\n"
	if err := mail.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got, err := readMail(s.last(t).data)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || got.Header.Get("Bcc") != "" || strings.ContainsAny(subject, "\r\n\u2028") {
		t.Errorf("%v, subject %q, %v", got.Header, subject, err)
	}
	if strings.Count(s.commands(), "MAIL FROM") != 1 {
		t.Errorf("commands: %s", s.commands())
	}
}

func readMail(data string) (*mail.Message, error) { return mail.ReadMessage(strings.NewReader(data)) }

func TestMessageIDOfARepeat(t *testing.T) {
	s := newServer(t, asIs)
	mail := sender(t, s, asIs)
	ids := map[string]int{}
	for _, id := range []string{"1", "1", "pool/1", "pool/1", "", ""} {
		m := message()
		m.ID = id
		if err := mail.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got, err := readMail(s.last(t).data)
		if err != nil {
			t.Fatal(err)
		}
		ids[got.Header.Get("Message-ID")]++
	}
	if len(ids) != 4 {
		t.Errorf("%v: want one id for each message that has one, and one for each that has none", ids)
	}
}

func TestSMTPUTF8(t *testing.T) {
	m := message()
	m.To = "jürgen@example.com"
	if e := failure(t, sender(t, newServer(t, asIs), asIs), m); e.Temporary || !strings.Contains(e.Error(), "SMTPUTF8") {
		t.Error(e)
	}
	s := newServer(t, func(s *server) { s.extensions = append(s.extensions, "SMTPUTF8") })
	mail := sender(t, s, asIs)
	if err := mail.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := s.last(t); got.to != "RCPT TO:<jürgen@example.com>" || !strings.Contains(got.from, "SMTPUTF8") {
		t.Errorf("%q, %q", got.from, got.to)
	}
	// Without need it is not asked for: a later server may not have it.
	if err := mail.Send(t.Context(), message()); err != nil || strings.Contains(s.last(t).from, "SMTPUTF8") {
		t.Errorf("%v, %q", err, s.last(t).from)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	for name, test := range map[string]struct {
		edit    func(*server)
		options func(*delivery.SMTPOptions)
		conns   int32
	}{
		"one":                        {asIs[server], asIs[delivery.SMTPOptions], 1},
		"two messages each":          {asIs[server], func(o *delivery.SMTPOptions) { o.MaxMessages = 2 }, 3},
		"idle for too long":          {asIs[server], func(o *delivery.SMTPOptions) { o.IdleTimeout = 1 }, 5},
		"dropped while it was idle":  {func(s *server) { s.dropAfter = 1 }, asIs[delivery.SMTPOptions], 5},
		"the server refuses a reset": {func(s *server) { s.answers["RSET"] = "421 bye" }, asIs[delivery.SMTPOptions], 5},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, test.edit)
			mail := sender(t, s, test.options)
			for range 5 {
				if err := mail.Send(t.Context(), message()); err != nil {
					t.Fatal(err)
				}
			}
			if n := s.conns.Load(); n != test.conns {
				t.Errorf("%d connections, want %d", n, test.conns)
			}
			if len(s.mails) != 5 {
				t.Errorf("%d mails, want 5", len(s.mails))
			}
		})
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	s := newServer(t, asIs)
	mail := sender(t, s, func(o *delivery.SMTPOptions) { o.MaxConns = 2 })
	errs := make(chan error)
	for range 20 {
		go func() { errs <- mail.Send(context.Background(), message()) }()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := s.conns.Load(); n > 2 {
		t.Errorf("%d connections, the limit is 2", n)
	}
}

func TestOptionsThatAreInvalid(t *testing.T) {
	for name, edit := range map[string]func(*delivery.SMTPOptions){
		"no host":      func(o *delivery.SMTPOptions) { o.Host = "" },
		"no from":      func(o *delivery.SMTPOptions) { o.From = "" },
		"a bad from":   func(o *delivery.SMTPOptions) { o.From = "acme" },
		"both":         func(o *delivery.SMTPOptions) { o.ImplicitTLS, o.InsecureClearText = true, true },
		"a port":       func(o *delivery.SMTPOptions) { o.Port = 65536 },
		"a hello line": func(o *delivery.SMTPOptions) { o.Hello = "a\r\nb" },
	} {
		o := &delivery.SMTPOptions{Host: "localhost", From: "a@acme.test"}
		edit(o)
		if _, err := delivery.NewSMTP(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRouter(t *testing.T) {
	box := identity.NewOutbox(0)
	r := &delivery.Router{Email: box}
	if !r.Sends(identity.MediumEmail) || r.Sends(identity.MediumSMS) || r.Sends("FAX") {
		t.Error("the router sends by another medium than mail")
	}
	if err := r.Send(t.Context(), message()); err != nil || len(box.Messages(nil)) != 1 {
		t.Errorf("mail: %v", err)
	}
	m := message()
	m.Medium = identity.MediumSMS
	if err := r.Send(t.Context(), m); !errors.Is(err, identity.ErrNoSender) {
		t.Errorf("SMS: %v", err)
	}
}
