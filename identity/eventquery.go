package identity

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Reading of events. Events are stored in the order of their time, so a query is a
// range of keys that is read in batches, each in a transaction of its own.
// Selections by user and by kind are applied to what was read.

// An EventQuery says which events to read. The zero value selects all events,
// oldest first.
type EventQuery struct {
	// From and To select events by time: at From or later, and before To. A zero
	// time is no bound.
	From, To time.Time
	// After is the event after which to go on, in the order of the query, such as
	// the last event of the page before. Only its Pool, Time and ID matter.
	// Defaults to none.
	After *Event
	// Newest yields the newest events first.
	Newest bool
	// Sub selects the events of one user. Defaults to all users.
	Sub string
	// Kinds selects events by kind. Defaults to all kinds.
	Kinds []EventKind
}

// Events yields the events of the pool, ordered by time. It ends after the first
// error, such as [ErrPoolNotFound].
//
// It reads batches of 64 events, each in a transaction of its own, and reads the
// next batch only when it is needed. A query with Sub or Kinds reads all events
// between From and To, and yields those that match: bound the time.
func (a *Admin) Events(ctx context.Context, q EventQuery) iter.Seq2[*Event, error] {
	return a.engine.events(ctx, a.pool, q, a.exists)
}

// Events yields the events that belong to no pool: changes of access keys, and
// deletions of pools. Apart from that it works as [Admin.Events] does.
func (e *Engine) Events(ctx context.Context, q EventQuery) iter.Seq2[*Event, error] {
	return e.events(ctx, "", q, func(store.Reader) error { return nil })
}

func (e *Engine) events(ctx context.Context, pool string, q EventQuery, exists func(store.Reader) error) iter.Seq2[*Event, error] {
	after := ""
	if q.After != nil {
		after = events.Key(q.After)
	}
	read := func(r store.Reader, after string) ([]*Event, error) {
		if err := exists(r); err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		var out []*Event
		for ev, err := range events.Scan(r, q.rangeAfter(pool, after)) {
			if err != nil {
				return nil, fmt.Errorf("events: %w", err)
			}
			out = append(out, ev)
		}
		return out, nil
	}
	all := batches(ctx, e.store, after, read, func(ev *Event) string { return events.Key(ev) })
	return func(yield func(*Event, error) bool) {
		for ev, err := range all {
			if (err != nil || q.selects(ev)) && !yield(ev, err) {
				return
			}
		}
	}
}

// rangeAfter returns the range of keys of one batch. after is the last key of the
// batch before, or empty.
func (q *EventQuery) rangeAfter(pool, after string) store.Range {
	rng := store.Prefix(pool)
	rng.Limit, rng.Reverse = listBatch, q.Newest
	if !q.From.IsZero() {
		rng.From = store.Key(pool, store.Time(q.From))
	}
	if !q.To.IsZero() {
		rng.To = store.Key(pool, store.Time(q.To))
	}
	switch {
	case after != "" && q.Newest:
		rng.To = min(rng.To, after)
	case after != "":
		rng.From = max(rng.From, after+"\x00")
	}
	return rng
}

func (q *EventQuery) selects(ev *Event) bool {
	return (q.Sub == "" || q.Sub == ev.Sub) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, ev.Kind))
}
