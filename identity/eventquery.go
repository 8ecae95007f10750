package identity

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// An EventQuery says which events to read. The zero value is all of them, the oldest first.
type EventQuery struct {
	// From and To bound the time: events at From or later, and before To. The
	// zero time is no bound.
	From, To time.Time
	// After is an event to go on after, in the order of the query, such as the
	// last one of a page before. Its Pool, Time and ID count. Defaults to none.
	After *Event
	// Newest gives the newest first.
	Newest bool
	// Sub selects the events of a user. Defaults to those of all.
	Sub string
	// Kinds selects events by kind. Defaults to all kinds.
	Kinds []EventKind
}

// Events yields the events of the pool in the order of their time. It ends
// after the first error, such as [ErrPoolNotFound].
//
// It reads as it goes, a batch of 64 in a transaction of its own, so that a
// caller who stops early pays for what was read. Sub and Kinds are looked at
// after reading: they cost as much as all events of the time that is asked for.
func (a *Admin) Events(ctx context.Context, q EventQuery) iter.Seq2[*Event, error] {
	return a.engine.events(ctx, a.pool, q, a.exists)
}

// Events yields the events that are of no pool: those of access keys, and the
// deletion of pools. It is otherwise as [Admin.Events].
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

// rangeAfter is the range of keys of one batch; after is the key that the batch
// before ended with, or empty.
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
