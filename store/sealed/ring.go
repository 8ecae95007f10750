package sealed

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// When a source is asked for keys again.
const (
	askAgain = time.Second      // at the earliest, for a key that is not known
	askStale = time.Minute      // for writing: others may have changed the key that seals
	askLimit = 10 * time.Second // how long it may take
)

// KeysFrom takes keys from a func, such as one that asks a key service. It
// returns them in the format of a key file, see [KeysFromEnv], and must be safe
// for concurrent use. It is called once now; by a store that meets a key it does
// not know, at most once a second; and about once a minute while a store
// is written to. When it fails later on, the keys known so far stay in use.
func KeysFrom(ctx context.Context, source func(context.Context) ([]byte, error)) (Keys, error) {
	r := &ring{source: source, turn: make(chan struct{}, 1)}
	if err := r.ask(ctx); err != nil {
		return Keys{}, err
	}
	return Keys{r}, nil
}

// A ring is keys and where they are from.
type ring struct {
	source func(context.Context) ([]byte, error)
	list   atomic.Pointer[[]key]
	fresh  atomic.Pointer[time.Time] // when the list was last asked for

	turn    chan struct{} // holds an element while one asks; guards what follows
	last    time.Time     // when it was asked for a key that was not known
	missed  string        // that key, if it was not there
	missing error
}

// current is the key that seals.
func (r *ring) current() key { return (*r.list.Load())[0] }

func (r *ring) known(id string) (key, bool) {
	list := *r.list.Load()
	i := slices.IndexFunc(list, func(k key) bool { return k.id == id })
	if i < 0 {
		return key{}, false
	}
	return list[i], true
}

// find returns a key, for which it asks the source if need be. Who meets the
// same missing key again within a second is told so at once.
func (r *ring) find(ctx context.Context, id string) (key, error) {
	if k, ok := r.known(id); ok {
		return k, nil
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return key{}, ctx.Err()
	}
	if k, ok := r.known(id); ok { // another asked meanwhile
		return k, nil
	}
	wait := askAgain - time.Since(r.last)
	if wait > 0 && id == r.missed {
		return key{}, r.missing
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return key{}, ctx.Err()
	}
	err := r.ask(ctx)
	if ctx.Err() != nil {
		return key{}, ctx.Err()
	}
	r.last = time.Now()
	if k, ok := r.known(id); ok {
		return k, nil
	}
	r.missed, r.missing = id, fmt.Errorf("%w: it is %s", ErrWrongKey, id)
	if err != nil {
		r.missing = fmt.Errorf("%w; asked for the keys again: %w", r.missing, err)
	}
	return key{}, r.missing
}

// freshen asks the source if that was long ago, one goroutine for all. A
// failure leaves the keys as they are: they can still seal.
func (r *ring) freshen(ctx context.Context) {
	if time.Since(*r.fresh.Load()) < askStale {
		return
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
		_ = r.ask(ctx)
	default:
	}
}

// ask takes the keys from the source.
func (r *ring) ask(ctx context.Context) error {
	now := time.Now()
	r.fresh.Store(&now)
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	text, err := r.source(ctx)
	if err != nil {
		return err
	}
	list, err := parseKeys(string(text))
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	r.list.Store(&list)
	return nil
}

// askNow asks the source, however short ago it was asked.
func (r *ring) askNow(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.ask(ctx)
}
