package identity_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// A post is a sender whose provider does as its test says.
type post struct {
	mu    sync.Mutex
	taken []*identity.Message
	tries int
	fails func(*identity.Message) error // nil takes all
}

func (p *post) Send(_ context.Context, m *identity.Message) error {
	p.mu.Lock()
	p.tries++
	fails := p.fails
	p.mu.Unlock()
	if fails != nil {
		if err := fails(m); err != nil {
			return err
		}
	}
	kept := *m
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = append(p.taken, &kept)
	return nil
}

// last is the newest message that was taken.
func (p *post) last(t testing.TB) *identity.Message {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.taken) == 0 {
		t.Fatal("no message was sent")
	}
	return p.taken[len(p.taken)-1]
}

func (p *post) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.taken)
}

func (p *post) tried() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries
}

// permanent is the error of a message that a provider refuses for ever.
type permanent struct{ error }

func (permanent) Permanent() bool { return true }

// A queuing is an engine with an outbox. Its messages are sent when the test says so.
type queuing struct {
	*fixture
	post  *post
	pool  *identity.UserPool
	asked *identity.SMSCodeRequired // the challenge of a sign-in, in tests that begin one
}

func newQueuing(t testing.TB, s store.Store, settings identity.PoolSettings, edit ...func(*identity.Options)) *queuing {
	t.Helper()
	q := &queuing{post: &post{}}
	q.fixture = newEngineWith(t, s, func(o *identity.Options) {
		o.Sender, o.Outbox = q.post, &identity.OutboxOptions{}
		for _, e := range edit {
			e(o)
		}
	})
	q.pool = q.open(t, settings)
	return q
}

// send sends what is due, and returns how many were sent.
func (q *queuing) send(t testing.TB) int {
	t.Helper()
	n, err := q.SendDue(t.Context())
	check(t, "SendDue", err)
	return n
}

// queued lists the messages of the pool.
func (q *queuing) queued(t testing.TB) []*identity.QueuedMessage {
	t.Helper()
	return collected(t, q.pool.Admin().Messages().List(t.Context()))
}

func collected[V any](t testing.TB, all iter.Seq2[V, error]) (out []V) {
	t.Helper()
	for v, err := range all {
		check(t, "List", err)
		out = append(out, v)
	}
	return out
}

// one is the only message of the pool.
func (q *queuing) one(t testing.TB) *identity.QueuedMessage {
	t.Helper()
	all := q.queued(t)
	if len(all) != 1 {
		t.Fatalf("%d messages wait, want 1", len(all))
	}
	return all[0]
}

// messageActs are acts of TestEveryChangeLeavesAnEvent.
var messageActs = []act{
	{
		"Messages.Suppress", func(ctx context.Context, l *life) error {
			return l.admin.Messages().Suppress(ctx, "gone@example.com", identity.Bounced)
		},
		[]string{"AddressSuppressed operator:AKIA "},
	},
	{
		"Messages.Lift", func(ctx context.Context, l *life) error {
			return second(l.admin.Messages().Lift(ctx, "gone@example.com"))
		},
		[]string{"AddressLifted operator:AKIA "},
	},
	{
		"Messages.Retry", func(ctx context.Context, l *life) error {
			return l.admin.Messages().Retry(ctx, l.queue("gil"))
		},
		[]string{"MessageRetried operator:AKIA gil kind=AdminCreateUser"},
	},
	{
		"Messages.Drop", func(ctx context.Context, l *life) error {
			return l.admin.Messages().Drop(ctx, l.queue("hal"))
		},
		[]string{"MessageDropped operator:AKIA hal kind=AdminCreateUser"},
	},
}

// queue makes an engine with an outbox invite a user, and returns the id of the message.
func (l *life) queue(name string) string {
	l.t.Helper()
	f := newEngineWith(l.t, l.store, func(o *identity.Options) { o.Outbox, o.Clock = &identity.OutboxOptions{}, l.now })
	pool, err := f.UserPool(l.t.Context(), l.pool.PoolID())
	check(l.t, "UserPool", err)
	u, err := pool.Admin().Users().Create(l.t.Context(), identity.CreateUser{Username: name, Attributes: map[string]string{"email": name + "@example.com"}})
	check(l.t, "Create", err)
	l.subs[name] = u.Sub
	for _, m := range collected(l.t, pool.Admin().Messages().List(l.t.Context())) {
		if m.Username == name {
			return m.ID
		}
	}
	l.t.Fatalf("no message to %s waits", name)
	return ""
}

// A message is in the store once its call has returned, and with its sender when it was due.
func TestQueuedMessageIsSentLater(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.signUp(t, q.pool, "alice", email)
	if q.post.tries != 0 {
		t.Error("the call has sent the message itself")
	}
	m := q.one(t)
	if m.Kind != identity.MessageSignUpCode || m.To != email || m.Username != "alice" || m.Tries != 0 || !m.Failed.IsZero() {
		t.Errorf("message %+v", m)
	}
	if n := q.send(t); n != 1 || len(q.queued(t)) != 0 {
		t.Errorf("%d sent, %d left", n, len(q.queued(t)))
	}
	got := q.post.last(t)
	if got.ID != m.ID || got.Subject != "Your verification code" || !strings.Contains(got.Body, string(got.Code)) || len(got.Code) != 6 || got.Client != q.pool.ClientID() {
		t.Errorf("sent %+v with %q", got, got.Body)
	}
	check(t, "ConfirmSignUp", q.pool.ConfirmSignUp(t.Context(), identity.ConfirmSignUp{Username: "alice", Code: got.Code}))
	if n := q.send(t); n != 0 {
		t.Errorf("%d sent again", n)
	}
}

// Every flow that owes a message writes it to the outbox.
func TestEveryMessageIsQueued(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{MFA: "OPTIONAL", SMSMFA: true})
	users := q.pool.Admin().Users()
	session := func(password identity.Secret) *identity.Session {
		in, err := q.pool.SignIn(identity.WithCall(t.Context(), callFrom("192.0.2.1")), identity.SignIn{Username: "alice", Password: password})
		check(t, "SignIn", err)
		s, err := q.pool.Session(t.Context(), in.Tokens.Access)
		check(t, "Session", err)
		return s
	}
	var s *identity.Session
	for _, step := range []struct {
		want string
		do   func() error
	}{
		{"SignUp", func() error { q.signUp(t, q.pool, "alice", email); return nil }},
		{"ResendCode", func() error {
			q.advance(time.Hour)
			return second(q.pool.ResendConfirmationCode(t.Context(), "alice", ""))
		}},
		{"", func() error { return users.Confirm(t.Context(), "alice") }},
		{"", func() error {
			return users.UpdateAttributes(t.Context(), "alice", map[string]string{"email_verified": "true"})
		}},
		{"ForgotPassword", func() error { return second(q.pool.ForgotPassword(t.Context(), "alice", "")) }},
		{"", func() error { s = session(password); return nil }},
		{"NewDevice", func() error {
			return second(q.pool.SignIn(identity.WithCall(t.Context(), callFrom("198.51.100.7")), identity.SignIn{Username: "alice", Password: password}))
		}},
		{"PasswordChanged", func() error {
			return s.ChangePassword(t.Context(), password, chosen)
		}},
		{"AddressChanged UpdateUserAttribute", func() error {
			return second(s.UpdateAttributes(t.Context(), map[string]string{"email": "alice@example.org"}))
		}},
		{"VerifyUserAttribute", func() error {
			q.advance(time.Hour)
			return second(session(chosen).SendVerification(t.Context(), "email"))
		}},
		{"AdminCreateUser AdminCreateUser", func() error {
			return second(users.Create(t.Context(), identity.CreateUser{
				Username: "bob", Attributes: map[string]string{"email": "bob@example.com", "phone_number": "+4915112345678"},
				Mediums: []identity.Medium{identity.MediumEmail, identity.MediumSMS},
			}))
		}},
		{"AdminCreateUser", func() error {
			return second(users.Create(t.Context(), identity.CreateUser{Username: "bob", ResendInvitation: true}))
		}},
		{"", func() error {
			return users.UpdateAttributes(t.Context(), "alice", map[string]string{"email_verified": "true", "phone_number": "+4915112345679", "phone_number_verified": "true"})
		}},
		{"FactorChanged", func() error {
			return users.SetMFA(t.Context(), "alice", identity.MFAUpdate{identity.MFASMS: {Enabled: true}})
		}},
		{"Authentication", func() error {
			return second(q.pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: chosen}))
		}},
		{"ForgotPassword", func() error { return users.ResetPassword(t.Context(), "alice") }},
	} {
		q.send(t)
		q.post.taken = nil
		check(t, "make "+step.want, step.do())
		if q.post.tries = 0; len(q.post.taken) != 0 {
			t.Errorf("%s: the call has sent the message itself", step.want)
		}
		q.send(t)
		var got []string
		for _, m := range q.post.taken {
			got = append(got, string(m.Kind))
		}
		if slices.Sort(got); strings.Join(got, " ") != step.want {
			t.Errorf("sent %q, want %q", got, step.want)
		}
	}
}

// A message that its provider does not take is tried again, later and later, with the same id.
func TestBackOff(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	var ids []string
	q.post.fails = func(m *identity.Message) error {
		ids = append(ids, m.ID)
		return errors.New("down with " + string(m.Code))
	}
	q.signUp(t, q.pool, "alice", email)
	for i, seconds := range []int64{10, 20, 40, 80, 160, 320, 640, 900, 900} {
		pause := time.Duration(seconds * int64(time.Second))
		q.send(t)
		m := q.one(t)
		if m.Tries != i+1 || m.Next.Sub(q.now()) != pause || m.Sending {
			t.Fatalf("after try %d: %+v, next in %s, want %s", i+1, m, m.Next.Sub(q.now()), pause)
		}
		if m.Error != "identity: message could not be delivered: email: down with [redacted]" {
			t.Errorf("error %q", m.Error)
		}
		q.advance(pause - time.Millisecond)
		if q.send(t); q.post.tries != i+1 {
			t.Fatal("tried too early")
		}
		q.advance(time.Millisecond)
	}
	q.post.fails = nil
	if q.send(t) != 1 || len(q.queued(t)) != 0 {
		t.Error("not sent when the provider was back")
	}
	ids = append(ids, q.post.last(t).ID)
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
		t.Errorf("the ids of the tries are %q", ids)
	}
}

// A message that its provider refuses is not tried again, and is visible, until an operator says what to do.
func TestPermanentFailureIsVisible(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.post.fails = func(*identity.Message) error { return permanent{errors.New("550 no such user")} }
	q.signUp(t, q.pool, "alice", email)
	q.send(t)
	m := q.one(t)
	if m.Failed.IsZero() || m.Tries != 1 || !strings.HasSuffix(m.Error, "550 no such user") || !m.Next.IsZero() {
		t.Errorf("message %+v", m)
	}
	q.advance(time.Hour)
	if q.send(t); q.post.tries != 1 {
		t.Error("tried again")
	}
	q.post.fails = nil
	all := q.pool.Admin().Messages()
	wantErr(t, "Retry of another", all.Retry(t.Context(), "another"), identity.ErrMessageNotFound)
	check(t, "Retry", all.Retry(t.Context(), m.ID))
	if q.send(t) != 1 {
		t.Error("not sent")
	}
	q.post.fails = func(*identity.Message) error { return permanent{errors.New("550")} }
	q.signUp(t, q.pool, "bob", "bob@example.com")
	q.send(t)
	check(t, "Drop", all.Drop(t.Context(), q.one(t).ID))
	if len(q.queued(t)) != 0 {
		t.Error("dropped, and still there")
	}
	q.signUp(t, q.pool, "carol", "carol@example.com")
	q.send(t)
	q.advance(9 * 24 * time.Hour)
	if _, err := q.Sweep(t.Context()); err != nil || len(q.queued(t)) != 0 {
		t.Errorf("kept for ever: %v", err)
	}
}

// A deleted pool leaves no message, and a deleted user neither.
func TestMessagesAreErasedWithTheirOwner(t *testing.T) {
	rows := func(q *queuing) (n int) {
		for key := range contents(t, q.store) {
			if strings.HasPrefix(key, "outbox") || strings.HasPrefix(key, "suppressions") {
				n++
			}
		}
		return n
	}
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.signUp(t, q.pool, "alice", email)
	if rows(q) == 0 {
		t.Fatal("nothing was written")
	}
	check(t, "Delete", q.pool.Admin().Users().Delete(t.Context(), "alice"))
	if n := rows(q); n != 0 {
		t.Errorf("a deleted user leaves %d entries", n)
	}
	q.signUp(t, q.pool, "alice", email)
	check(t, "Suppress", q.pool.Admin().Messages().Suppress(t.Context(), email, identity.Bounced))
	if _, err := q.pool.ForgotPassword(t.Context(), "nobody", ""); err != nil || rows(q) < 8 {
		t.Fatalf("%d entries, %v", rows(q), err)
	}
	check(t, "Delete", q.pool.Admin().Delete(t.Context()))
	check(t, "Sweep", second(q.Sweep(t.Context())))
	if n := rows(q); n != 0 {
		t.Errorf("a deleted pool leaves %d entries", n)
	}
}

// An address is suppressed whatever the case of its letters, in this pool alone, until that is lifted.
func TestSuppressedAddress(t *testing.T) {
	for _, outbox := range []*identity.OutboxOptions{nil, {}} {
		t.Run(fmt.Sprint("queued ", outbox != nil), func(t *testing.T) {
			q := newQueuing(t, memory.New(), identity.PoolSettings{}, func(o *identity.Options) { o.Outbox = outbox })
			all := q.pool.Admin().Messages()
			check(t, "Suppress", all.Suppress(t.Context(), "Alice@Example.com", identity.Bounced))
			_, err := q.pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"email": email}})
			if outbox == nil {
				wantErr(t, "SignUp", err, identity.ErrDelivery)
				wantErr(t, "SignUp", err, identity.ErrSuppressed)
			} else {
				check(t, "SignUp", err)
			}
			if q.send(t); q.post.tries != 0 {
				t.Error("sent to an address that is suppressed")
			}
			q.signUp(t, q.pool, "bob", "bob@example.com")
			was, err := all.Lift(t.Context(), "ALICE@example.com")
			if err != nil || !was {
				t.Errorf("Lift: %t, %v", was, err)
			}
			if was, err = all.Lift(t.Context(), email); err != nil || was {
				t.Errorf("Lift again: %t, %v", was, err)
			}
			q.advance(time.Hour)
			check(t, "ResendConfirmationCode", second(q.pool.ResendConfirmationCode(t.Context(), "alice", "")))
			q.send(t)
			if !slices.ContainsFunc(q.post.taken, func(m *identity.Message) bool { return m.To == email }) {
				t.Error("lifted, and nothing was sent")
			}
			wantErr(t, "Suppress of no address", all.Suppress(t.Context(), "alice", identity.Bounced), identity.ErrInvalidParameter)
			wantErr(t, "Suppress for no reason", all.Suppress(t.Context(), email, "because"), identity.ErrInvalidParameter)
			for key, value := range contents(t, q.store) {
				if strings.HasPrefix(key, "suppressions") && strings.Contains(strings.ToLower(key+value), "alice") {
					t.Errorf("the address is stored: %s", value)
				}
			}
		})
	}
}

// A message to nobody is written as one to a user, goes nowhere, and is not seen.
func TestMessageToNobody(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	check(t, "ForgotPassword", second(q.pool.ForgotPassword(t.Context(), "nobody", "")))
	sizes := map[string]int{}
	for key := range contents(t, q.store) {
		table, _, _ := strings.Cut(key, " ")
		if strings.HasPrefix(table, "outbox") {
			sizes[table]++
		}
	}
	if want := map[string]int{"outbox": 1, "outbox.due": 1, "outbox.state": 1, "outbox.expiry": 1}; !maps.Equal(sizes, want) {
		t.Errorf("entries %v, want %v", sizes, want)
	}
	if n := len(q.queued(t)); n != 0 {
		t.Errorf("%d messages are shown", n)
	}
	q.send(t)
	if q.post.tries != 0 {
		t.Error("it was sent")
	}
	for key := range contents(t, q.store) {
		if strings.HasPrefix(key, "outbox") {
			t.Errorf("it left %q", key)
		}
	}
}

// callFrom is a call from an address.
func callFrom(address string) identity.Call {
	return identity.Call{Address: netip.MustParseAddr(address)}
}
