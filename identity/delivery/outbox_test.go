package delivery_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

// A moved sender sends by one server, and later by another.
type moved struct{ identity.Sender }

func (m *moved) Send(ctx context.Context, msg *identity.Message) error {
	return m.Sender.Send(ctx, msg)
}

// What an SMTP server does to a message of the outbox decides whether it is tried again. In each
// case it is one mail, by its id, when a server takes it at last.
func TestOutboxByAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		verb, answer string
		down, once   bool // the server is not there; it is tried once
		arrives      bool // the mail, although the server does not say so
		says         string
	}{
		"busy":                     {verb: "greeting", answer: "421 too many connections", says: ": 421"},
		"mailbox is busy":          {verb: "RCPT", answer: "451 4.3.0 try later", says: ": 451: 4.3.0 try later"},
		"busy after the mail":      {verb: "end", answer: "451 4.3.0 try later", says: ": 451", arrives: true},
		"no such user":             {verb: "RCPT", answer: "550 5.1.1 no such user", says: ": 550: 5.1.1 no such user", once: true},
		"refused after the mail":   {verb: "end", answer: "554 5.7.1 spam", says: ": 554", once: true, arrives: true},
		"ends after the mail":      {verb: "end", answer: "drop", says: "did not take the mail", arrives: true},
		"refuses the password":     {verb: "AUTH", answer: "535 5.7.8 wrong", says: ": 535"},
		"nothing is there":         {down: true, says: "no connection"},
		"ends before the greeting": {verb: "greeting", answer: "drop", says: "does not greet"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := newServer(t, func(s *server) {
				if tt.verb != "" {
					s.answers[tt.verb] = tt.answer
				}
			})
			if tt.down {
				bad.Close()
			}
			good := newServer(t, asIs)
			by, now := &moved{sender(t, bad, asIs)}, time.Now()
			engine := identity.New(memory.New(), &identity.Options{
				Sender: by, InsecureCheapHashing: true, Outbox: &identity.OutboxOptions{}, Clock: func() time.Time { return now },
			})
			pool, err := engine.OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"})
			if err != nil {
				t.Fatal(err)
			}
			in := identity.SignUp{Username: "alice", Password: "correct horse battery staple", Attributes: map[string]string{"email": "alice@example.com"}}
			if _, err := pool.SignUp(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			if n, err := engine.SendDue(t.Context()); n != 0 || err != nil {
				t.Fatalf("%d sent, %v", n, err)
			}
			m := onlyMessage(t, pool)
			if m.Tries != 1 || !m.Failed.IsZero() != tt.once || !strings.Contains(m.Error, tt.says) {
				t.Errorf("message %+v, want an error with %q, given up: %t", m, tt.says, tt.once)
			}
			if tt.once {
				if err := pool.Admin().Messages().Retry(t.Context(), m.ID); err != nil {
					t.Fatal(err)
				}
			}
			by.Sender, now = sender(t, good, asIs), m.Next
			if tt.once {
				now = time.Now()
			}
			if n, err := engine.SendDue(t.Context()); n != 1 || err != nil {
				t.Fatalf("%d sent to the server that takes all, %v", n, err)
			}
			id := idOf(t, good.last(t).data)
			if !strings.HasPrefix(id, "<"+m.ID+"@") {
				t.Errorf("the mail has the id %q, and the message %q", id, m.ID)
			}
			if tt.arrives && idOf(t, bad.last(t).data) != id {
				t.Errorf("the mail that came first has the id %q, and the next %q", idOf(t, bad.last(t).data), id)
			}
		})
	}
}

func onlyMessage(t *testing.T, pool *identity.UserPool) (only *identity.QueuedMessage) {
	t.Helper()
	for m, err := range pool.Admin().Messages().List(t.Context()) {
		if err != nil || only != nil {
			t.Fatalf("more than one message, or %v", err)
		}
		only = m
	}
	if only == nil {
		t.Fatal("no message waits")
	}
	return only
}

func idOf(t *testing.T, data string) string {
	t.Helper()
	m, err := readMail(data)
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get("Message-Id")
}
