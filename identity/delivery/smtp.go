package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/cognate-id/cognate/identity"
)

// SMTPOptions configure [NewSMTP]. Host and From are required.
type SMTPOptions struct {
	Host string // of the server; its certificate must have this name
	Port int    // 0 means 465 with ImplicitTLS, and 587 otherwise

	// ImplicitTLS begins with TLS. Without it, the connection is upgraded by STARTTLS, and a
	// server that does not offer STARTTLS gets no mail.
	ImplicitTLS bool

	// InsecureClearText sends without TLS, codes and password readable. It is for tests and
	// for a server on this machine: only a loopback address is connected to.
	InsecureClearText bool

	Username, Password string         // empty sends without AUTH
	From               string         // an address, with or without a name, for pools that have none
	RootCAs            *x509.CertPool // nil means the system's
	Hello              string         // the name that EHLO says; empty means the name of this machine

	Timeout     time.Duration // of a connection, and of each message; 0 means 30 s
	MaxConns    int           // connections at once; more messages wait; 0 means 4
	MaxMessages int           // on one connection; 0 means 100
	IdleTimeout time.Duration // after which an unused connection is not used again; 0 means 30 s
}

// SMTP sends mail to a server. It is safe for concurrent use.
type SMTP struct {
	o     SMTPOptions
	from  *mail.Address
	slots chan struct{}

	mu   sync.Mutex
	idle []*session
}

// A session is an open connection.
type session struct {
	*smtp.Client
	conn  net.Conn
	sent  int
	since time.Time // when it became idle
}

// NewSMTP returns a sender. It does not connect before the first message. It returns an error if
// an option is invalid.
func NewSMTP(o *SMTPOptions) (*SMTP, error) {
	s := &SMTP{o: *o}
	from, err := parseAddress(o.From)
	switch {
	case err != nil:
		return nil, fmt.Errorf("delivery: the address %q that mail comes from is invalid", o.From)
	case o.Host == "" || strings.ContainsAny(o.Host+o.Hello, "\r\n"):
		return nil, errors.New("delivery: give the host of the SMTP server")
	case o.ImplicitTLS && o.InsecureClearText:
		return nil, errors.New("delivery: choose one of ImplicitTLS and InsecureClearText")
	case o.Port < 0 || o.Port > 65535 || o.MaxConns < 0 || o.MaxMessages < 0 || o.Timeout < 0 || o.IdleTimeout < 0:
		return nil, errors.New("delivery: an option is out of range")
	}
	s.from = from
	if s.o.Port == 0 {
		s.o.Port = 587
		if o.ImplicitTLS {
			s.o.Port = 465
		}
	}
	if s.o.Hello == "" {
		if s.o.Hello, err = os.Hostname(); err != nil {
			s.o.Hello = "localhost"
		}
	}
	s.o.Timeout, s.o.IdleTimeout = or(o.Timeout, 30*time.Second), or(o.IdleTimeout, 30*time.Second)
	s.o.MaxMessages = or(o.MaxMessages, 100)
	s.slots = make(chan struct{}, or(o.MaxConns, 4))
	return s, nil
}

func or[T comparable](given, fallback T) T {
	var zero T
	if given == zero {
		return fallback
	}
	return given
}

// Sends reports whether the medium is mail.
func (s *SMTP) Sends(m identity.Medium) bool { return m == identity.MediumEmail }

// Send gives the mail to the server.
func (s *SMTP) Send(ctx context.Context, m *identity.Message) error {
	_, err := s.Deliver(ctx, m)
	return err
}

// Deliver gives the mail to the server, over a connection that is reused where one is free. It
// returns what the server answered.
func (s *SMTP) Deliver(ctx context.Context, m *identity.Message) (*Receipt, error) {
	if m.Medium != identity.MediumEmail {
		return nil, permanent("SMTP sends no text messages")
	}
	e, err := compose(m, s.from)
	if err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return nil, &Error{Temporary: true, what: "no connection was free", cause: ctx.Err()}
	}
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	stop := c.bound(ctx, s.o.Timeout)
	said, err := c.deliver(e)
	if ended := !stop(); err != nil || ended || c.sent >= s.o.MaxMessages {
		_ = c.Close()
	} else {
		s.keep(c)
	}
	if err != nil {
		return nil, caused(ctx, err)
	}
	return &Receipt{Code: 250, Reply: replyWithout(m, said)}, nil
}

// caused gives an error the reason that the context has.
func caused(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == 0 && ctx.Err() != nil {
		e.cause = ctx.Err()
	}
	return err
}

// bound ends what the connection does with the context, and after the timeout. stop reports
// whether the context has not ended.
func (c *session) bound(ctx context.Context, timeout time.Duration) (stop func() bool) {
	_ = c.conn.SetDeadline(time.Now().Add(timeout)) // a closed connection says so at the next command
	return context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
}

// open returns an idle connection that still answers, or a new one.
func (s *SMTP) open(ctx context.Context) (*session, error) {
	for c := s.take(); c != nil; c = s.take() {
		if time.Since(c.since) < s.o.IdleTimeout {
			stop := c.bound(ctx, s.o.Timeout)
			if err := c.Reset(); stop() && err == nil {
				return c, nil
			}
		}
		_ = c.Close()
	}
	c, err := s.connect(ctx)
	return c, caused(ctx, err)
}

func (s *SMTP) take() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.idle)
	if n == 0 {
		return nil
	}
	c := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return c
}

func (s *SMTP) keep(c *session) {
	c.since = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, c)
}

// Close closes the connections that are idle.
func (s *SMTP) Close() error {
	for c := s.take(); c != nil; c = s.take() {
		_ = c.conn.SetDeadline(time.Now().Add(time.Second))
		_ = c.Quit()
		_ = c.Close()
	}
	return nil
}

// connect makes a connection, over TLS unless the options say otherwise, and authenticates.
func (s *SMTP) connect(ctx context.Context) (c *session, err error) {
	conn, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	c = &session{conn: conn}
	defer c.bound(ctx, s.o.Timeout)()
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	if c.Client, err = smtp.NewClient(conn, s.o.Host); err != nil {
		return nil, unready("the server does not greet", err)
	}
	if err := c.Hello(s.o.Hello); err != nil {
		return nil, unready("the server refuses EHLO", err)
	}
	if !s.o.ImplicitTLS && !s.o.InsecureClearText {
		if offered, _ := c.Extension("STARTTLS"); !offered {
			return nil, unready("the server does not offer STARTTLS", nil)
		}
		if err := c.StartTLS(s.tls()); err != nil {
			return nil, unready("STARTTLS fails", err)
		}
	}
	if s.o.Username == "" {
		return c, nil
	}
	if err := c.Auth(&chosen{o: &s.o}); err != nil {
		e := unready("the server refuses the user name or the password", err)
		if s.o.isIn(e.Reply) {
			e.Reply = ""
		}
		return nil, e
	}
	return c, nil
}

// isIn reports whether a text has the password in it, as it is or as AUTH sends it.
func (o *SMTPOptions) isIn(said string) bool {
	for _, sent := range []string{o.Password, "\x00" + o.Username + "\x00" + o.Password} {
		if strings.Contains(said, sent) || strings.Contains(said, base64.StdEncoding.EncodeToString([]byte(sent))) {
			return true
		}
	}
	return false
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.o.Host, MinVersion: tls.VersionTLS12, RootCAs: s.o.RootCAs}
}

func (s *SMTP) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: s.o.Timeout}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(s.o.Host, strconv.Itoa(s.o.Port)))
	if err != nil {
		return nil, unready("no connection to the server", err)
	}
	if s.o.InsecureClearText {
		if a, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
			_ = conn.Close()
			return nil, unready("InsecureClearText is for a server on this machine", nil)
		}
	}
	if !s.o.ImplicitTLS {
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	secure := tls.Client(conn, s.tls())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, unready("TLS fails", err)
	}
	return secure, nil
}

// unready is the error of a server that takes no mail at all now. Only the text of a bad
// certificate, and of the network, is kept.
func unready(what string, err error) *Error {
	e := &Error{Temporary: true, what: what}
	var answer *textproto.Error
	var bad *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.As(err, &answer):
		e.Code, e.Reply = answer.Code, reply(answer.Msg)
	case errors.As(err, &bad):
		e.what += ": " + bad.Err.Error()
	case errors.As(err, &op):
		e.cause = op
	}
	return e
}

// chosen authenticates by the first method of ours that the server offers.
type chosen struct {
	smtp.Auth

	o *SMTPOptions
}

// Start implements smtp.Auth.
func (a *chosen) Start(server *smtp.ServerInfo) (string, []byte, error) {
	o := a.o
	if !server.TLS && !o.InsecureClearText {
		return "", nil, errors.New("no password in clear text")
	}
	switch {
	case slices.Contains(server.Auth, "PLAIN"):
		a.Auth = smtp.PlainAuth("", o.Username, o.Password, o.Host, o.InsecureClearText)
	case slices.Contains(server.Auth, "LOGIN"):
		a.Auth = smtp.LoginAuth(o.Username, o.Password, o.Host, o.InsecureClearText)
	case slices.Contains(server.Auth, "SCRAM-SHA-256"):
		a.Auth = smtp.ScramSHA256Auth(o.Username, o.Password)
	default:
		return "", nil, errors.New("the server offers none of PLAIN, LOGIN and SCRAM-SHA-256")
	}
	return a.Auth.Start(server)
}

// deliver sends one mail, and returns what the server said at the end. Behind an error the connection must not be used again.
func (c *session) deliver(e *envelope) (said string, err error) {
	if offered, _ := c.Extension("SMTPUTF8"); e.utf8 && !offered {
		return "", permanent("an address is not ASCII, and the server does not offer SMTPUTF8")
	}
	c.SkipSMTPUTF8(!e.utf8)
	if err := c.Mail((&mail.Address{Address: e.from}).String()); err != nil {
		return "", refused("the server refuses the address that the mail comes from", err, true)
	}
	if err := c.Rcpt((&mail.Address{Address: e.to}).String()); err != nil {
		return "", refused("the server refuses the address of the user", err, true)
	}
	w, err := c.Data()
	if err != nil {
		return "", refused("the server refuses the mail", err, false)
	}
	if _, err := e.msg.WriteTo(w); err != nil {
		return "", refused("the connection ended within the mail", err, false)
	}
	if err := w.Close(); err != nil {
		return "", refused("the server did not take the mail", err, false)
	}
	c.sent++
	if w, ok := w.(*smtp.DataCloser); ok {
		said = w.ServerResponse()
	}
	return said, nil
}

// refused classifies the answer to a command of a mail. What the server says is kept only
// while it has not seen the mail, which has the code in it.
func refused(what string, err error, beforeData bool) *Error {
	e := &Error{Temporary: true, what: what}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		e.Code, e.Temporary = answer.Code, answer.Code < 500 || answer.Code > 599
		if beforeData {
			e.Reply = reply(answer.Msg)
		}
	}
	return e
}
