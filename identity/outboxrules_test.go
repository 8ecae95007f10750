package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// passing is the error of a provider that says itself that it passes.
type passing struct{ error }

func (passing) Permanent() bool { return false }

// An error that says that it passes is one that passes.
func TestErrorThatPasses(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.post.fails = func(*identity.Message) error { return passing{errors.New("421 later")} }
	q.signUp(t, q.pool, "alice", email)
	q.send(t)
	if m := q.one(t); !m.Failed.IsZero() {
		t.Errorf("given up: %+v", m)
	}
}

// A message that would be tried next when its time is over is given up at once.
func TestLastTryIsTheLast(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{}, func(o *identity.Options) {
		o.Outbox = &identity.OutboxOptions{MaxAge: 15 * time.Second}
	})
	q.post.fails = func(*identity.Message) error { return errors.New("down") }
	q.signUp(t, q.pool, "alice", email)
	q.send(t)
	if m := q.one(t); !m.Failed.IsZero() {
		t.Errorf("given up after the first try: %+v", m)
	}
	q.advance(10 * time.Second)
	q.send(t)
	if m := q.one(t); m.Failed.IsZero() || m.Tries != 2 || !strings.HasSuffix(m.Error, "down") {
		t.Errorf("after the last try: %+v", m)
	}
}

// A long error is cut.
func TestErrorOfAMessageIsCut(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.post.fails = func(*identity.Message) error { return errors.New(strings.Repeat("é", 5000)) }
	q.signUp(t, q.pool, "alice", email)
	q.send(t)
	if m := q.one(t); len(m.Error) > 500 || len(m.Error) < 490 {
		t.Errorf("an error of %d bytes is kept", len(m.Error))
	}
}

// A code that could not be sent does not keep its user waiting for another.
func TestCodeThatWasNotSentCanBeAskedForAgain(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{})
	q.signUp(t, q.pool, "alice", email)
	check(t, "ResendConfirmationCode", second(q.pool.ResendConfirmationCode(t.Context(), "alice", "")))
	q.one(t) // no other code is sent so soon
	q.post.fails = func(*identity.Message) error { return permanent{errors.New("550")} }
	q.send(t)
	check(t, "ResendConfirmationCode", second(q.pool.ResendConfirmationCode(t.Context(), "alice", "")))
	if n := len(q.queued(t)); n != 2 {
		t.Errorf("%d messages, want the one that has failed and another", n)
	}
}

// Settings that change while a message waits hold for it.
func TestSettingsHoldForMessagesThatWait(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{AutoVerified: []string{"phone_number"}})
	_, err := q.pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"phone_number": "+4915112345678"}})
	check(t, "SignUp", err)
	check(t, "EditPool", q.EditPool(t.Context(), q.pool.PoolID(), func(s *identity.PoolSettings) { s.SMSCountries = []string{"+1"} }))
	q.send(t)
	if m := q.one(t); q.post.tried() != 0 || m.Failed.IsZero() || m.Tries != 1 {
		t.Errorf("%d tries by the sender, and %+v", q.post.tried(), m)
	}
}

// A message that the settings forbid leaves a row that is deleted, and is not sent.
func TestForbiddenMessageLeavesNothing(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{AutoVerified: []string{"phone_number"}, SMSCountries: []string{"+1"}})
	_, err := q.pool.SignUp(t.Context(), identity.SignUp{Username: "alice", Password: password, Attributes: map[string]string{"phone_number": "+4915112345678"}})
	wantErr(t, "SignUp", err, identity.ErrDelivery)
	if q.send(t); q.post.tried() != 0 {
		t.Error("sent")
	}
	for key := range contents(t, q.store) {
		if strings.HasPrefix(key, "outbox ") {
			t.Errorf("left %s", key)
		}
	}
}

// While the outbox is full, no notice is written.
func TestFullOutboxTakesNoNotice(t *testing.T) {
	q := newQueuing(t, memory.New(), identity.PoolSettings{}, func(o *identity.Options) {
		o.Outbox = &identity.OutboxOptions{Waiting: 3}
	})
	us := q.pool.Admin().Users()
	check(t, "Create", second(us.Create(t.Context(), identity.CreateUser{
		Username: "alice", SuppressInvitation: true, Attributes: map[string]string{"email": email, "email_verified": "true"},
	})))
	check(t, "SetPassword", us.SetPassword(t.Context(), "alice", password, true))
	q.send(t)
	tokens := q.signIn(t, q.pool.AppClient, "alice")
	s, err := q.pool.Session(t.Context(), tokens.Access)
	check(t, "Session", err)
	q.post.fails = func(*identity.Message) error { return errors.New("down") }
	for i := 0; ; i++ {
		_, err := q.pool.SignUp(t.Context(), identity.SignUp{Username: fmt.Sprintf("user%d", i), Password: password, Attributes: map[string]string{"email": fmt.Sprintf("u%d@example.com", i)}})
		if errors.Is(err, identity.ErrQuotaExceeded) {
			break
		}
		check(t, "SignUp", err)
	}
	n := len(q.queued(t))
	check(t, "ChangePassword", s.ChangePassword(t.Context(), password, chosen))
	if got := len(q.queued(t)); got != n || n > 3 {
		t.Errorf("%d messages wait, %d before the notice", got, n)
	}
}

// A pool keeps 10,000 messages that could not be sent, and no more.
func TestFailedMessagesAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 20,000 entries")
	}
	for _, tt := range []struct{ failed, left int }{{9_999, 1}, {10_000, 0}} {
		q := newQueuing(t, memory.New(), identity.PoolSettings{})
		check(t, "Update", q.store.Update(t.Context(), func(tx store.Tx) error {
			for i := range tt.failed {
				// An entry of the index by which they are counted.
				if err := tx.Put("outbox.state", store.Key(q.pool.PoolID(), "failed")+fmt.Sprint(i), []byte(`""`)); err != nil {
					return err
				}
			}
			return nil
		}))
		q.post.fails = func(*identity.Message) error { return permanent{errors.New("550")} }
		q.signUp(t, q.pool, "alice", email)
		q.send(t)
		if got := len(q.queued(t)); got != tt.left {
			t.Errorf("after %d that have failed, %d are left of one more, want %d", tt.failed, got, tt.left)
		}
	}
}

// A message that another engine has tried between the look and the lease is left alone.
func TestMessageOfAnotherEngineIsLeftAlone(t *testing.T) {
	base := memory.New()
	s := &betweenStore{Store: base}
	a := newQueuing(t, s, identity.PoolSettings{})
	b := newQueuing(t, base, identity.PoolSettings{}, func(o *identity.Options) { o.Clock = a.now })
	b.post.fails = func(*identity.Message) error { return errors.New("down") }
	a.signUp(t, a.pool, "alice", email)
	s.after, s.armed = func() { b.send(t) }, true
	a.send(t)
	if s.after != nil || b.post.tried() != 1 || a.post.tried() != 0 {
		t.Errorf("tried %d times by the other, and %d times by this one", b.post.tried(), a.post.tried())
	}
}

// held is a sender that holds its first message until it is told what becomes of it.
func (q *queuing) held() (inside chan struct{}, end chan error) {
	inside, end = make(chan struct{}), make(chan error)
	var once sync.Once
	q.post.fails = func(*identity.Message) (err error) {
		once.Do(func() {
			close(inside)
			err = <-end
		})
		return err
	}
	return inside, end
}

// An engine whose lease has ended writes nothing about a try that failed: the message is another's.
func TestLateFailureIsNotWritten(t *testing.T) {
	s := memory.New()
	a := newQueuing(t, s, identity.PoolSettings{})
	b := newQueuing(t, s, identity.PoolSettings{}, func(o *identity.Options) { o.Clock = a.now })
	a.signUp(t, a.pool, "alice", email)
	insideA, endA := a.held()
	insideB, endB := b.held()
	var of [2]sync.WaitGroup
	of[0].Go(func() { a.send(t) })
	<-insideA
	a.advance(90 * time.Second)
	of[1].Go(func() { b.send(t) })
	<-insideB
	endA <- errors.New("down")
	of[0].Wait()
	if m := a.one(t); !m.Sending || m.Tries != 2 || m.Error != "" {
		t.Errorf("written over the lease of the other: %+v", m)
	}
	// An operator who is impatient does not have it sent twice.
	check(t, "Retry", a.pool.Admin().Messages().Retry(t.Context(), a.one(t).ID))
	if a.send(t) != 0 {
		t.Error("sent by two engines")
	}
	endB <- nil
	of[1].Wait()
	if n := len(a.queued(t)); n != 0 || b.post.count() != 1 {
		t.Errorf("%d left, %d sent", n, b.post.count())
	}
}

// maintained runs the jobs of an engine until the test says so.
func maintained(q *queuing) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { q.Maintain(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// OutboxOptions.Alone sends at once what an earlier process was sending when it ended. Without
// it, the lease of that process is left to end. An engine does not end leases of its own.
func TestAloneTakesLeasesOver(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprint(alone), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := memory.New()
				a := newQueuing(t, base, identity.PoolSettings{})
				a.signUp(t, a.pool, "alice", email)
				inside, end := a.held()
				var sending sync.WaitGroup
				sending.Go(func() { a.send(t) })
				<-inside
				copied, err := base.Fork() // the store as the process has left it
				check(t, "Fork", err)
				b := newQueuing(t, copied, identity.PoolSettings{}, func(o *identity.Options) {
					o.Clock, o.Outbox = a.now, &identity.OutboxOptions{Alone: alone}
				})
				stop := maintained(b)
				synctest.Wait()
				if got, want := b.post.count(), map[bool]int{true: 1, false: 0}[alone]; got != want {
					t.Errorf("%d sent at once, want %d", got, want)
				}
				stop()
				end <- nil
				sending.Wait()
			})
		})
	}
}

// An engine that works alone has leases of its own, and does not end those.
func TestAloneKeepsItsOwnLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueuing(t, memory.New(), identity.PoolSettings{}, func(o *identity.Options) { o.Outbox = &identity.OutboxOptions{Alone: true} })
		q.signUp(t, q.pool, "alice", email)
		inside, end := q.held()
		var sending sync.WaitGroup
		sending.Go(func() { q.send(t) })
		<-inside
		stop := maintained(q)
		synctest.Wait()
		if n := q.post.tried(); n != 1 {
			t.Errorf("%d tries at once", n)
		}
		stop()
		end <- nil
		sending.Wait()
	})
}

// When the worker ends, a message that is being sent has five seconds. One that is not sent by then
// counts as not tried.
func TestWorkerEndsWithGrace(t *testing.T) {
	for name, tt := range map[string]struct {
		takes      time.Duration
		left, sent int
		waits      time.Duration
	}{
		"in time":  {4 * time.Second, 0, 1, 4 * time.Second},
		"too late": {time.Hour, 1, 0, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inside := make(chan struct{})
				sent := 0
				q := newQueuing(t, memory.New(), identity.PoolSettings{}, func(o *identity.Options) {
					o.Sender = sending(func(ctx context.Context, _ *identity.Message) error {
						close(inside)
						select {
						case <-time.After(tt.takes):
							sent++
							return nil
						case <-ctx.Done():
							return ctx.Err()
						}
					})
				})
				q.signUp(t, q.pool, "alice", email)
				stop := maintained(q)
				<-inside
				began := time.Now()
				stop()
				if took := time.Since(began); took != tt.waits || sent != tt.sent {
					t.Errorf("%d sent, and the end took %v, want %v", sent, took, tt.waits)
				}
				all := q.queued(t)
				if len(all) != tt.left {
					t.Fatalf("%d left, want %d", len(all), tt.left)
				}
				for _, m := range all {
					if m.Sending || m.Tries != 0 || m.Next.After(q.now()) || !m.Failed.IsZero() {
						t.Errorf("left %+v", m)
					}
				}
			})
		})
	}
}

// sending is a function that is a sender.
type sending func(context.Context, *identity.Message) error

func (s sending) Send(ctx context.Context, m *identity.Message) error { return s(ctx, m) }
