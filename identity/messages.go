package identity

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// What an operator may do with the messages in the outbox of a pool, and with addresses that
// nothing is sent to.

// Messages has what an operator may do with the messages of a pool that wait to be sent,
// see [OutboxOptions].
type Messages struct{ admin *Admin }

// Messages returns a handle on the messages of the pool.
func (a *Admin) Messages() Messages { return Messages{a} }

// A QueuedMessage is a message in the outbox, without its text and its code.
type QueuedMessage struct {
	ID       string      // also the id of the message that the Sender gets
	Time     time.Time   // when it was written
	Sub      string      // of the user
	Username string      // of the user
	To       string      // an address or a phone number
	Medium   Medium      // how it is sent
	Kind     MessageKind // why it is sent
	Until    time.Time   // when it is given up
	Tries    int         // how often it was tried, with the try that is going on
	Next     time.Time   // when it is tried next; zero if it is not
	Sending  bool        // a try is going on, or was going on when a process ended
	Failed   time.Time   // when it was given up; zero if it waits
	Error    string      // of the last try; it has no code, and may have the address
}

func (q *queued) info() *QueuedMessage {
	m := &QueuedMessage{
		ID: q.ID, Time: q.Time, Sub: q.Sub, Username: q.Username, To: q.To, Medium: q.Medium, Kind: q.Kind, Until: q.ends(),
		Tries: q.Tries, Next: q.Due, Sending: q.Holder != "", Failed: q.Failed, Error: q.Error,
	}
	if q.state() == queuedFailed {
		m.Next = time.Time{}
	}
	return m
}

// List yields the messages that wait to be sent, and those that could not be sent, the
// oldest first. It ends after the first error. Messages that were sent are not kept. Those that
// could not be sent are kept for 7 days, at most 10,000 of a pool.
func (ms Messages) List(ctx context.Context) iter.Seq2[*QueuedMessage, error] {
	return func(yield func(*QueuedMessage, error) bool) {
		var all []*QueuedMessage
		err := ms.scan(ctx, func(q *queued) bool {
			all = append(all, q.info())
			return true
		})
		if err != nil {
			yield(nil, fmt.Errorf("list messages: %w", err))
			return
		}
		slices.SortStableFunc(all, func(a, b *QueuedMessage) int { return a.Time.Compare(b.Time) })
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// scan calls fn for the messages of the pool until it returns false, a batch a transaction.
func (ms Messages) scan(ctx context.Context, fn func(*queued) bool) error {
	a := ms.admin
	if _, err := a.Describe(ctx); err != nil {
		return err
	}
	rng := store.Prefix(a.pool)
	for {
		batch, err := batchOf(ctx, a.engine.store, outboxes, rng)
		if err != nil {
			return err
		}
		for _, q := range batch {
			if !q.Decoy && !fn(q) {
				return nil
			}
		}
		if len(batch) < sweepBatch {
			return nil
		}
		rng.From = outboxes.Key(batch[len(batch)-1]) + "\x00"
	}
}

// Retry makes messages be tried again, from now on as long as new ones are. Also those that were
// given up are. A code that has expired is not sent. Retry returns [ErrMessageNotFound] if there is none with one
// of the ids, and changes nothing then.
func (ms Messages) Retry(ctx context.Context, ids ...string) error {
	e := ms.admin.engine
	err := ms.change(ctx, ids, EventMessageRetried, func(tx store.Tx, q *queued, now time.Time) (bool, error) {
		if q.Holder != "" {
			return false, nil // it is being sent
		}
		q.tryFor(e.messageAge(), now)
		return true, outboxes.Put(tx, q)
	})
	if err != nil {
		return fmt.Errorf("retry messages: %w", err)
	}
	return nil
}

// Drop deletes messages. One that is being sent may arrive all the same. It returns
// [ErrMessageNotFound] if there is none with one of the ids, and deletes nothing then.
func (ms Messages) Drop(ctx context.Context, ids ...string) error {
	err := ms.change(ctx, ids, EventMessageDropped, func(tx store.Tx, q *queued, _ time.Time) (bool, error) {
		return outboxes.Delete(tx, outboxes.Key(q))
	})
	if err != nil {
		return fmt.Errorf("drop messages: %w", err)
	}
	return nil
}

// change calls fn for each of the messages, in a transaction of its own. fn reports whether it
// has changed anything. One that was sent or deleted meanwhile is left out.
func (ms Messages) change(ctx context.Context, ids []string, kind EventKind, fn func(store.Tx, *queued, time.Time) (bool, error)) error {
	found, err := ms.find(ctx, ids)
	if err != nil {
		return err
	}
	for _, q := range found {
		if err := ms.changeOne(ctx, q, kind, fn); err != nil {
			return err
		}
	}
	return nil
}

// find reads messages by their ids.
func (ms Messages) find(ctx context.Context, ids []string) (found []*queued, err error) {
	missing := map[string]bool{}
	for _, id := range ids {
		missing[id] = true
	}
	err = ms.scan(ctx, func(q *queued) bool {
		if missing[q.ID] {
			found = append(found, q)
			delete(missing, q.ID)
		}
		return len(missing) > 0
	})
	if err == nil && len(missing) > 0 {
		err = &NotFoundError{ErrMessageNotFound, sortedKeys(missing)[0]}
	}
	return found, err
}

func (ms Messages) changeOne(ctx context.Context, found *queued, kind EventKind, fn func(store.Tx, *queued, time.Time) (bool, error)) error {
	a := ms.admin
	now := a.engine.now()
	ev, err := a.engine.event(ctx, Event{Pool: a.pool, Sub: found.Sub, Kind: kind, Time: now, Actor: Actor{Kind: ActorProgram}, Data: map[string]string{dataKind: string(found.Kind)}})
	if err != nil {
		return err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		q, err := orNil(outboxes.Get(tx, outboxes.Key(found)))
		if err != nil || q == nil {
			return err
		}
		if changed, err := fn(tx, q, now); err != nil || !changed {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err == nil && a.engine.outbox != nil {
		a.engine.outbox.rouse(found.Medium)
	}
	return err
}

// A SuppressReason says why nothing is sent to an address.
type SuppressReason string

// The reasons.
const (
	Bounced    SuppressReason = "bounced"    // a message came back
	Complained SuppressReason = "complained" // the owner does not want messages
)

// Suppress stops all messages of the pool to an address, or a phone number, whatever the accounts that
// have it, because the provider has reported a bounce or a complaint. Calls that owe
// such a message fail with [ErrDelivery] and [ErrSuppressed]; with an outbox they succeed, and the
// message is given up. The store keeps a digest of the address.
func (ms Messages) Suppress(ctx context.Context, address string, why SuppressReason) error {
	if err := ms.suppress(ctx, address, why); err != nil {
		return fmt.Errorf("suppress address: %w", err)
	}
	return nil
}

func (ms Messages) suppress(ctx context.Context, address string, why SuppressReason) error {
	if why != Bounced && why != Complained {
		return invalid("reason", "The reason is bounced or complained.")
	}
	_, err := ms.changeAddress(ctx, address, EventAddressSuppressed, func(tx store.Tx, key string, now time.Time) (bool, error) {
		return true, suppressions.Put(tx, &suppression{Pool: ms.admin.pool, Address: key, Reason: string(why), Time: now})
	})
	return err
}

// Lift allows messages to an address again. It reports whether they were stopped.
func (ms Messages) Lift(ctx context.Context, address string) (bool, error) {
	was, err := ms.changeAddress(ctx, address, EventAddressLifted, func(tx store.Tx, key string, _ time.Time) (bool, error) {
		return suppressions.Delete(tx, store.Key(ms.admin.pool, key))
	})
	if err != nil {
		return false, fmt.Errorf("lift address: %w", err)
	}
	return was, nil
}

// changeAddress runs fn with the digest of an address, and leaves an event if it changes anything.
func (ms Messages) changeAddress(ctx context.Context, address string, kind EventKind, fn func(store.Tx, string, time.Time) (bool, error)) (bool, error) {
	a := ms.admin
	attribute := settings.NameShape(address)
	if attribute == "" {
		return false, invalid("address", "Give an e-mail address, or a phone number that begins with +.")
	}
	p, err := a.Describe(ctx)
	if err != nil {
		return false, err
	}
	ring, err := a.engine.storedRing(ctx, p)
	if err != nil {
		return false, err
	}
	now := a.engine.now()
	key := ring.addressDigest(attribute, address)
	ev, err := a.engine.event(ctx, Event{Pool: a.pool, Kind: kind, Time: now, Actor: Actor{Kind: ActorProgram}})
	if err != nil {
		return false, err
	}
	changed := false
	err = a.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		if changed, err = fn(tx, key, now); err != nil || !changed {
			return err
		}
		return events.Insert(tx, ev)
	})
	return changed, err
}
