package identity

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
)

// The worker of the outbox takes what is due: one transaction gives it the lease of a few
// messages (claim). It looks whether each is still worth sending (outboxcheck.go), sends it,
// and then deletes it, or writes when to try again (settle). A process that ends in between
// leaves the lease to end: then the message is sent again, with the same id. Mail and text
// messages have workers of their own, so that neither waits for the other's provider.

const (
	outboxPoll   = 5 * time.Second  // how often a worker looks for messages of other processes
	outboxMargin = 30 * time.Second // by which a lease is longer than a try
	outboxGrace  = 5 * time.Second  // for messages that are being sent when the worker ends
	outboxFailed = 10_000           // how many messages of a pool are kept that could not be sent
	firstPause   = 10 * time.Second
	longestPause = 15 * time.Minute

	settleTimeout = 10 * time.Second
)

// pause is how long a message waits after so many tries.
func pause(tries int) time.Duration {
	return min(firstPause<<min(max(tries-1, 0), 10), longestPause)
}

// SendDue sends the messages of the outbox that are due, and returns how many the senders
// have taken. [Engine.Maintain] does so all the time: call SendDue where it does not run, such
// as in a test. Without [Options].Outbox it does nothing.
func (e *Engine) SendDue(ctx context.Context) (int, error) {
	if e.outbox == nil {
		return 0, nil
	}
	var all error
	sent := 0
	for _, m := range mediums {
		w := e.newWorker(m)
		err := w.pump(ctx)
		w.busy.Wait()
		sent += w.sent
		all = errors.Join(all, err)
	}
	if all != nil {
		return sent, fmt.Errorf("send messages: %w", all)
	}
	return sent, nil
}

// A worker sends the messages of one medium.
type worker struct {
	engine *Engine
	medium Medium
	slots  chan struct{} // holds one value for each message that is being sent
	busy   sync.WaitGroup

	mu   sync.Mutex
	sent int
}

func (e *Engine) newWorker(m Medium) *worker {
	return &worker{engine: e, medium: m, slots: make(chan struct{}, e.outbox.Workers)}
}

// work sends messages until ctx ends, and waits a little for those that are being sent then.
func (w *worker) work(ctx context.Context) {
	e := w.engine
	if e.outbox.Alone {
		if err := e.takeOver(ctx, w.medium); err != nil && ctx.Err() == nil {
			e.log.ErrorContext(ctx, "messages of an earlier process wait for their lease to end", "error", err)
		}
	}
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(outboxGrace, cancel) })()
	tick := time.NewTicker(outboxPoll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := w.pumpUntil(ctx, sending); err != nil && ctx.Err() == nil {
			e.log.ErrorContext(ctx, "the outbox cannot be read", "medium", w.medium, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-e.outbox.wake[w.medium]:
		case <-tick.C:
		}
	}
	w.busy.Wait()
}

func (w *worker) pump(ctx context.Context) error { return w.pumpUntil(ctx, ctx) }

// pumpUntil begins to send everything that is due. It takes no more messages once ctx ends.
func (w *worker) pumpUntil(ctx, sending context.Context) error {
	for {
		select {
		case w.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		idle := 1
		for more := true; more; {
			select {
			case w.slots <- struct{}{}:
				idle++
			default:
				more = false
			}
		}
		batch, seen, err := w.engine.claim(ctx, w.medium, idle)
		for range idle - len(batch) {
			<-w.slots
		}
		for _, q := range batch {
			w.busy.Go(func() {
				defer func() { <-w.slots }()
				if w.engine.try(sending, q) {
					w.mu.Lock()
					w.sent++
					w.mu.Unlock()
				}
			})
		}
		if err != nil || seen == 0 {
			return err
		}
	}
}

// claim takes the lease of at most n messages that are due, and deletes those to nobody. seen
// is how many were due when it looked.
func (e *Engine) claim(ctx context.Context, m Medium, n int) (batch []*queued, seen int, err error) {
	now := e.now()
	keys, err := e.dueKeys(ctx, m, now, n)
	if err != nil || len(keys) == 0 {
		return nil, 0, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		batch = nil
		for _, key := range keys {
			q, err := orNil(outboxes.Get(tx, key))
			if err != nil {
				return err
			}
			if q == nil || q.state() != queuedWaiting || q.Due.After(now) { // another engine was first
				continue
			}
			if q.Decoy {
				if _, err := outboxes.Delete(tx, key); err != nil {
					return err
				}
				continue
			}
			q.Holder, q.Due = e.name, now.Add(e.outbox.SendTimeout+outboxMargin)
			q.Tries++
			if err := outboxes.Put(tx, q); err != nil {
				return err
			}
			batch = append(batch, q)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return batch, len(keys), nil
}

// dueKeys reads which messages are due. It has a transaction of its own, because one that
// also writes would be in conflict with each message that is added meanwhile.
func (e *Engine) dueKeys(ctx context.Context, m Medium, now time.Time, n int) (keys []string, err error) {
	rng := store.Prefix(string(m))
	rng.To, rng.Limit = store.Key(string(m), store.Time(now.Add(1))), n
	err = e.store.View(ctx, func(r store.Reader) error {
		keys = nil
		for key, err := range outboxes.ScanIndex(r, outboxByDue, rng) {
			if err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}

// try makes one try of a message whose lease this engine holds. It reports whether the sender took it.
func (e *Engine) try(sending context.Context, q *queued) bool {
	ctx, cancel := context.WithTimeout(sending, e.outbox.SendTimeout)
	defer cancel()
	p, u, failure := e.stillWorth(ctx, q)
	if failure == nil {
		failure = p.deliver(WithCall(ctx, Call{ClientMetadata: q.Metadata}), u, q.message())
	}
	next := q.after(failure, e.now())
	if sending.Err() != nil && failure != nil {
		next = q.untried(e.now())
	}
	if next != nil && next.state() == queuedFailed && p.pool != nil {
		e.undelivered(ctx, p.pool, q.message(), failure)
	}
	e.settled(sending, q, next)
	e.tell(ctx, q, next, failure) // whoever reads it finds the message as it says
	return failure == nil
}

// settled calls settle until it succeeds, a few times at most.
func (e *Engine) settled(sending context.Context, q, next *queued) {
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		err := e.settle(context.WithoutCancel(sending), q, next)
		if err == nil {
			return
		}
		if pause > time.Second || sending.Err() != nil {
			e.log.ErrorContext(sending, "what became of a message is not written: it may be sent again", "message", q.ID, "pool", q.Pool, "error", err)
			return
		}
		time.Sleep(pause)
	}
}

// deliver gives a message to its sender. A panic of the sender is an error.
func (p points) deliver(ctx context.Context, u *User, m *Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.engine.log.ErrorContext(ctx, "a sender has panicked", "message", m.ID, "pool", p.pool.ID, "stack", string(debug.Stack()))
			err = errors.New("the sender has panicked")
		}
	}()
	return p.send(ctx, u, m)
}

// after is the record after a try: nil if it is deleted, because the message was sent or is worth nothing.
func (q *queued) after(failure error, now time.Time) *queued {
	if failure == nil || errors.Is(failure, errWorthless) {
		return nil
	}
	next := *q
	next.Holder, next.Error = "", q.shown(failure)
	next.Due = now.Add(pause(q.Tries))
	if lasting(failure) || !next.Due.Before(q.ends()) {
		next.Failed = now
	}
	return &next
}

// untried is the record after a try that the end of the process has ended.
func (q *queued) untried(now time.Time) *queued {
	next := *q
	next.Holder, next.Due = "", now
	next.Tries--
	return &next
}

// maxReason is how much of an error is kept.
const maxReason = 500

// shown is the text of an error, without the code of the message.
func (q *queued) shown(err error) string {
	text := err.Error()
	if d, ok := errors.AsType[interface {
		error
		Detail() string
	}](err); ok && d.Detail() != "" {
		text += ": " + d.Detail()
	}
	return redacted(text, Secret(q.Code), maxReason)
}

// lasting reports whether a message that failed with this error would fail at each try.
func lasting(err error) bool {
	p, ok := errors.AsType[interface {
		error
		Permanent() bool
	}](err)
	return ok && p.Permanent()
}

// A finalError is the error of a message that is not tried again.
type finalError struct{ error }

func (e finalError) Unwrap() error   { return e.error }
func (e finalError) Permanent() bool { return true }

// tell writes to the log what became of a message that was not sent.
func (e *Engine) tell(ctx context.Context, q, next *queued, failure error) {
	log := e.log.With("message", q.ID, "kind", q.Kind, "medium", q.Medium, "pool", q.Pool, "sub", q.Sub, "tries", q.Tries)
	switch {
	case failure == nil:
	case next == nil:
		log.DebugContext(ctx, "message dropped", "reason", failure)
	case next.state() == queuedFailed:
		log.ErrorContext(ctx, "message not sent", "error", next.Error)
	default:
		log.WarnContext(ctx, "message not sent yet", "next", next.Due, "error", next.Error)
	}
}

// settle writes what became of a message. If another engine has the lease now, only the
// deletion of a message is written.
func (e *Engine) settle(ctx context.Context, q, next *queued) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if next != nil && next.state() == queuedFailed {
		n, err := e.countQueued(ctx, q.Pool, queuedFailed, outboxFailed)
		if err != nil {
			return err
		}
		if n >= outboxFailed {
			next = nil
		}
	}
	return e.store.Update(ctx, func(tx store.Tx) error {
		now, err := orNil(outboxes.Get(tx, outboxes.Key(q)))
		if err != nil || now == nil {
			return err
		}
		if next == nil {
			_, err = outboxes.Delete(tx, outboxes.Key(q))
			return err
		}
		if now.Holder != q.Holder || now.Tries != q.Tries {
			return nil
		}
		if next.state() == queuedFailed && q.MAC != nil {
			if err := unsent(tx, q.Pool, q.Sub, q.Purpose, q.MAC); err != nil {
				return err
			}
		}
		return outboxes.Put(tx, next)
	})
}

// takeOver ends the leases of other engines, which are gone.
func (e *Engine) takeOver(ctx context.Context, m Medium) error {
	now := e.now()
	var keys []string
	err := e.store.View(ctx, func(r store.Reader) error {
		keys = nil
		rng := store.Prefix(string(m))
		rng.From = store.Key(string(m), store.Time(now))
		for key, err := range outboxes.ScanIndex(r, outboxByDue, rng) {
			if err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return nil
	})
	for batch := range slices.Chunk(keys, sweepBatch) {
		if err != nil {
			return err
		}
		err = e.store.Update(ctx, func(tx store.Tx) error { return e.endLeases(tx, batch, now) })
	}
	return err
}

func (e *Engine) endLeases(tx store.Tx, keys []string, now time.Time) error {
	for _, key := range keys {
		q, err := orNil(outboxes.Get(tx, key))
		if err != nil {
			return err
		}
		if q == nil || q.Holder == "" || q.Holder == e.name {
			continue
		}
		q.Holder, q.Due = "", now
		if err := outboxes.Put(tx, q); err != nil {
			return err
		}
	}
	return nil
}
