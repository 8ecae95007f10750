package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/store/memory"
)

// spoils are ways in which a message loses its worth before it is sent. failed is what is left to see of it.
var spoils = map[string]struct {
	owe, spoil func(t *testing.T, q *queuing, users identity.Users) error
	failed     string
}{
	"sign-up was confirmed": {oweSignUp, func(t *testing.T, _ *queuing, us identity.Users) error { return us.Confirm(t.Context(), "bob") }, ""},
	"sign-up was deleted":   {oweSignUp, func(t *testing.T, _ *queuing, us identity.Users) error { return us.Delete(t.Context(), "bob") }, ""},
	"code has expired": {
		oweReset, func(_ *testing.T, q *queuing, _ identity.Users) error { q.advance(time.Hour); return nil }, "its time is over",
	},
	"message is old": {
		oweInvitation, func(_ *testing.T, q *queuing, _ identity.Users) error { q.advance(24 * time.Hour); return nil }, "its time is over",
	},
	"password was set": {
		oweInvitation, func(t *testing.T, _ *queuing, us identity.Users) error {
			return us.SetPassword(t.Context(), "bob", chosen, false)
		}, "",
	},
	"user was disabled": {oweReset, func(t *testing.T, _ *queuing, us identity.Users) error { return us.Disable(t.Context(), "alice") }, ""},
	"user was deleted":  {oweReset, func(t *testing.T, _ *queuing, us identity.Users) error { return us.Delete(t.Context(), "alice") }, ""},
	"address was changed": {oweReset, func(t *testing.T, _ *queuing, us identity.Users) error {
		return us.UpdateAttributes(t.Context(), "alice", map[string]string{"email": "new@example.com", "email_verified": "true"})
	}, ""},
	"code was used": {oweReset, func(t *testing.T, q *queuing, _ identity.Users) error {
		code := q.codeIn(t)
		return q.pool.ConfirmForgotPassword(t.Context(), identity.ConfirmForgotPassword{Username: "alice", Code: code, Password: chosen})
	}, ""},
	"code was guessed at": {oweReset, func(t *testing.T, q *queuing, _ identity.Users) error {
		for range 5 {
			wantErr(t, "ConfirmForgotPassword", recoverAs(t.Context(), q.pool.AppClient, "alice", "wrong", chosen), identity.ErrCodeMismatch)
		}
		return nil
	}, ""},
	"keys were revoked": {oweReset, func(t *testing.T, q *queuing, _ identity.Users) error { return q.pool.Admin().RevokeKeys(t.Context()) }, ""},
	"address came back": {oweReset, func(t *testing.T, q *queuing, _ identity.Users) error {
		return q.pool.Admin().Messages().Suppress(t.Context(), strings.ToUpper(email), identity.Complained)
	}, "messages to the address came back"},
	"a new address was given up": {oweNewAddress, func(t *testing.T, _ *queuing, us identity.Users) error {
		return us.UpdateAttributes(t.Context(), "alice", map[string]string{"email": "third@example.com", "email_verified": "true"})
	}, ""},
	"a new address was replaced": {oweNewAddress, func(t *testing.T, q *queuing, us identity.Users) error {
		check(t, "Suppress", q.pool.Admin().Messages().Suppress(t.Context(), "third@example.com", identity.Bounced)) // its own code is not sent
		return second(q.sessionOf(t, "alice").UpdateAttributes(t.Context(), map[string]string{"email": "third@example.com"}))
	}, "messages to the address came back"},
	"challenge was answered": {oweFactor, func(t *testing.T, q *queuing, _ identity.Users) error {
		return second(q.asked.Answer(t.Context(), identity.FactorCode{Code: q.codeIn(t)}))
	}, ""},
	"phone of a factor was changed": {oweFactor, func(t *testing.T, _ *queuing, us identity.Users) error {
		return us.UpdateAttributes(t.Context(), "alice", map[string]string{"phone_number": "+4915112345679", "phone_number_verified": "true"})
	}, ""},
}

// oweNewAddress has alice give a new address, whose code waits.
func oweNewAddress(t *testing.T, q *queuing, _ identity.Users) error {
	return second(q.sessionOf(t, "alice").UpdateAttributes(t.Context(), map[string]string{"email": "new@example.com"}))
}

// oweFactor has alice sign in with a code by text message, which waits.
func oweFactor(t *testing.T, q *queuing, us identity.Users) error {
	check(t, "UpdateAttributes", us.UpdateAttributes(t.Context(), "alice", map[string]string{"phone_number": "+4915112345678", "phone_number_verified": "true"}))
	check(t, "SetMFA", us.SetMFA(t.Context(), "alice", identity.MFAUpdate{identity.MFASMS: {Enabled: true}}))
	in, err := q.pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	if err == nil {
		q.asked = in.Challenge.(*identity.SMSCodeRequired)
	}
	return err
}

// sessionOf signs a user in.
func (q *queuing) sessionOf(t testing.TB, name string) *identity.Session {
	t.Helper()
	s, err := q.pool.Session(t.Context(), q.signIn(t, q.pool.AppClient, name).Access)
	check(t, "Session", err)
	return s
}

func oweSignUp(t *testing.T, q *queuing, _ identity.Users) error {
	q.signUp(t, q.pool, "bob", "bob@example.com")
	return nil
}

func oweReset(t *testing.T, q *queuing, _ identity.Users) error {
	return second(q.pool.ForgotPassword(t.Context(), "alice", ""))
}

func oweInvitation(t *testing.T, _ *queuing, us identity.Users) error {
	return second(us.Create(t.Context(), identity.CreateUser{Username: "bob", Attributes: map[string]string{"email": "bob@example.com"}}))
}

// codeIn reads the code of the only message in the store.
func (q *queuing) codeIn(t testing.TB) identity.Secret {
	t.Helper()
	for key, value := range contents(t, q.store) {
		var row struct{ Code string }
		if strings.HasPrefix(key, "outbox ") && json.Unmarshal([]byte(value), &row) == nil && row.Code != "" {
			return identity.Secret(row.Code)
		}
	}
	t.Fatal("no message with a code is in the store")
	return ""
}

// A message that is worth nothing any more is not sent.
func TestWorthlessMessageIsNotSent(t *testing.T) {
	for name, tt := range few.Named(4, spoils) {
		t.Run(name, func(t *testing.T) {
			q := newQueuing(t, memory.New(), identity.PoolSettings{Notices: ptr(false), MFA: "OPTIONAL", SMSMFA: true})
			q.signUp(t, q.pool, "alice", email)
			users := q.pool.Admin().Users()
			q.send(t)
			check(t, "ConfirmSignUp", q.pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: q.post.last(t).Code}))
			q.post.tries = 0
			check(t, "owe", tt.owe(t, q, users))
			if len(q.queued(t)) != 1 {
				t.Fatal("no message waits")
			}
			check(t, "spoil", tt.spoil(t, q, users))
			if q.send(t); q.post.tries != 0 {
				t.Errorf("sent: %v", q.post.last(t))
			}
			var errs []string
			for _, m := range q.queued(t) {
				errs = append(errs, m.Error)
			}
			if got := strings.Join(errs, " "); tt.failed == "" && got != "" || !strings.Contains(got, tt.failed) {
				t.Errorf("left %q, want %q", got, tt.failed)
			}
		})
	}
}

// A full outbox refuses what owes a message, of users and of nobody, and leaves what needs none alone.
func TestFullOutbox(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{}, func(o *identity.Options) {
		o.Outbox = &identity.OutboxOptions{Waiting: 3}
	})
	q.post.fails = func(*identity.Message) error { return errors.New("down") }
	for _, name := range []string{"alice", "bob", "carol"} {
		q.signUp(t, q.pool, name, name+"@example.com")
	}
	_, err := q.pool.SignUp(t.Context(), identity.SignUp{Username: "dave", Password: password, Attributes: map[string]string{"email": "dave@example.com"}})
	wantErr(t, "SignUp", err, identity.ErrQuotaExceeded)
	if _, err := q.pool.Admin().Users().Get(t.Context(), "dave"); !errors.Is(err, identity.ErrUserNotFound) {
		t.Errorf("half a sign-up: %v", err)
	}
	wantErr(t, "ResendConfirmationCode of a user", second(q.pool.ResendConfirmationCode(t.Context(), "alice", "")), identity.ErrQuotaExceeded)
	wantErr(t, "ResendConfirmationCode of nobody", second(q.pool.ResendConfirmationCode(t.Context(), "nobody", "")), identity.ErrQuotaExceeded)
	check(t, "Confirm", q.pool.Admin().Users().Confirm(t.Context(), "alice"))
	q.signIn(t, q.pool.AppClient, "alice")
	q.post.fails = nil
	if q.send(t); q.post.count() != 2 { // alice needs none any more
		t.Errorf("%d sent", q.post.count())
	}
	q.advance(time.Minute)
	q.signUp(t, q.pool, "dave", "dave@example.com")
}

// Of several engines on a store, one sends a message. If it ends in the middle, another sends it again when the lease has ended.
func TestOutboxLease(t *testing.T) {
	for _, tt := range backEnds {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.open(t)
			a := newQueuing(t, s, identity.PoolSettings{})
			b := newQueuing(t, s, identity.PoolSettings{}, func(o *identity.Options) { o.Clock = a.now })
			for i := range 20 {
				name := fmt.Sprintf("user%d", i)
				a.signUp(t, a.pool, name, name+"@example.com")
			}
			var both sync.WaitGroup
			for _, q := range []*queuing{a, b} {
				both.Go(func() { q.send(t) })
			}
			both.Wait()
			a.send(t) // what the two have left to each other
			if n := a.post.count() + b.post.count(); n != 20 {
				t.Errorf("%d sent, want each of 20 once", n)
			}

			a.signUp(t, a.pool, "alice", email)
			inside, end := make(chan struct{}), make(chan struct{})
			a.post.fails = func(*identity.Message) error { close(inside); <-end; return nil }
			both.Go(func() { a.send(t) })
			<-inside
			first, n := a.one(t).ID, b.post.count()
			if !a.one(t).Sending || b.send(t) != 0 {
				t.Error("two engines send one message")
			}
			a.advance(90*time.Second - time.Millisecond)
			if b.send(t) != 0 {
				t.Error("the lease has ended too early")
			}
			a.advance(time.Millisecond)
			if b.send(t) != 1 || b.post.count() != n+1 || b.post.last(t).ID != first {
				t.Error("the lease has ended, and the message was not sent again with its id")
			}
			close(end)
			both.Wait()
			if len(a.queued(t)) != 0 {
				t.Errorf("left %+v", a.queued(t))
			}
		})
	}
}

// A custom sender is called by the worker, with the metadata of the call, and its error is nobody's but the operator's.
func TestCustomSenderIsCalledByTheWorker(t *testing.T) {
	var got []*hook.CustomSender
	fail := errors.New("oops")
	q := newQueuing(t, memory.New(), identity.PoolSettings{}, func(o *identity.Options) {
		o.Hooks = &identity.Hooks{CustomEmailSender: func(_ context.Context, e *hook.CustomSender) error {
			got = append(got, e)
			return fail
		}}
	})
	ctx := identity.WithCall(t.Context(), identity.Call{ClientMetadata: map[string]string{"a": "b"}})
	_, err := q.pool.SignUp(ctx, identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}})
	check(t, "SignUp", err)
	if q.send(t); len(got) != 1 || got[0].Source != "CustomEmailSender_SignUp" || got[0].To != email || got[0].Call.ClientMetadata["a"] != "b" || got[0].Attributes["email"] != email || got[0].Client != q.pool.ClientID() {
		t.Errorf("events %+v", got)
	}
	if m := q.one(t); !strings.Contains(m.Error, "oops") || !m.Failed.IsZero() {
		t.Errorf("message %+v", m)
	}
	q.advance(time.Minute)
	if fail = nil; q.send(t) != 1 || got[0].ID == "" || got[1].ID != got[0].ID {
		t.Errorf("not sent with the same id: %+v", got)
	}
	check(t, "ConfirmSignUp", q.pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: got[1].Code}))
}

// A sender that panics is one that fails.
func TestSenderPanics(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.post.fails = func(*identity.Message) error { panic("oops") }
	q.signUp(t, q.pool, "alice", email)
	q.send(t)
	if m := q.one(t); m.Error != "the sender has panicked" || !m.Failed.IsZero() {
		t.Errorf("message %+v", m)
	}
}

// With an outbox a slow sender does not tell users from nobody. While the worker runs, the
// engine that is probed does all that a server does.
func TestTimesOfASlowSenderDoNotTellWhoHasAnAccount(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("compares the times of thousands of calls")
	}
	n := samples(t)
	var rank float64
	for range 3 {
		if rank = rankOfSlowSender(t, "ForgotPassword", n); 0.40 <= rank && rank <= 0.60 {
			t.Logf("rank statistic %.3f", rank)
			return
		}
	}
	t.Errorf("rank statistic %.3f, want 0.40 to 0.60: the time tells users from nobody", rank)
}

func rankOfSlowSender(t *testing.T, call string, n int) float64 {
	t.Helper()
	p := newProbed(t, identity.PoolSettings{}, n, true)
	slow := &post{}
	slow.fails = func(*identity.Message) error { time.Sleep(300 * time.Millisecond); return nil }
	f := newEngineWith(t, p.store, func(o *identity.Options) {
		o.Outbox, o.Sender, o.Clock = &identity.OutboxOptions{}, slow, p.now
	})
	client, err := f.AppClient(t.Context(), p.client.ClientID())
	check(t, "AppClient", err)
	p.client = client
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Maintain(ctx) }()
	defer func() { stop(); <-done }()
	for i := range 50 {
		probes[call](t, p, fmt.Sprintf("warm%04d", i))
	}
	rank := compareTimes(t, p, probes[call], n)
	if slow.tried() == 0 {
		t.Error("the worker has sent nothing")
	}
	return rank
}

// What could not be sent in its time is tried again if an operator says so, as long as it is worth it.
func TestRetryOfAMessageWhoseTimeIsOver(t *testing.T) {
	for name, tt := range map[string]struct {
		owe  func(t *testing.T, q *queuing, users identity.Users) error
		sent int
	}{"an invitation is good for days": {oweInvitation, 1}, "a code has expired": {oweReset, 0}} {
		t.Run(name, func(t *testing.T) {
			q := newQueuing(t, memory.New(), identity.PoolSettings{Notices: ptr(false)})
			q.signUp(t, q.pool, "alice", email)
			q.send(t)
			check(t, "ConfirmSignUp", q.pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: q.post.last(t).Code}))
			check(t, "owe", tt.owe(t, q, q.pool.Admin().Users()))
			q.post.fails = func(*identity.Message) error { return errors.New("down") }
			q.send(t)
			q.advance(25 * time.Hour)
			q.send(t)
			m := q.one(t)
			if m.Failed.IsZero() {
				t.Fatalf("it waits: %+v", m)
			}
			q.post.fails = nil
			check(t, "Retry", q.pool.Admin().Messages().Retry(t.Context(), m.ID))
			if n := q.send(t); n != tt.sent {
				t.Errorf("%d sent, want %d; left %+v", n, tt.sent, q.queued(t))
			}
		})
	}
}

// Retry and Drop take several messages. If there is none with one of the ids, they change nothing.
func TestRetryOfSeveralMessages(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.post.fails = func(*identity.Message) error { return permanent{errors.New("550")} }
	for _, name := range []string{"alice", "bob", "carol"} {
		q.signUp(t, q.pool, name, name+"@example.com")
	}
	q.send(t)
	q.post.fails = nil
	var ids []string
	for _, m := range q.queued(t) {
		ids = append(ids, m.ID)
	}
	all := q.pool.Admin().Messages()
	wantErr(t, "Retry", all.Retry(t.Context(), ids[0], "another"), identity.ErrMessageNotFound)
	wantErr(t, "Drop", all.Drop(t.Context(), ids[0], "another"), identity.ErrMessageNotFound)
	if n := q.send(t); n != 0 || len(q.queued(t)) != 3 {
		t.Errorf("%d sent, %d left", n, len(q.queued(t)))
	}
	check(t, "Retry", all.Retry(t.Context(), ids[1:]...))
	check(t, "Drop", all.Drop(t.Context(), ids[0]))
	if n := q.send(t); n != 2 || len(q.queued(t)) != 0 {
		t.Errorf("%d sent, %d left", n, len(q.queued(t)))
	}
}

// A message that is being sent is not retried, and leaves no event that says so.
func TestRetryOfAMessageThatIsBeingSent(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.signUp(t, q.pool, "alice", email)
	q.post.fails = func(m *identity.Message) error {
		check(t, "Retry", q.pool.Admin().Messages().Retry(t.Context(), m.ID))
		return nil
	}
	q.send(t)
	for ev, err := range q.pool.Admin().Events(t.Context(), identity.EventQuery{}) {
		check(t, "Events", err)
		if ev.Kind == identity.EventMessageRetried {
			t.Error("there is an event")
		}
	}
}
