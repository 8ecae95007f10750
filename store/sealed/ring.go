package sealed

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// The times after which the source is asked for keys again.
const (
	askAgain = time.Second      // the minimum time between two requests for an unknown key
	askStale = time.Minute      // the age at which a writer asks again: the sealing key may have changed
	askLimit = 10 * time.Second // the time limit of one request
)

// KeysFrom takes keys from a function, such as one that asks a key service. The function
// returns keys in the format of a key file, see [KeysFromEnv], and must be safe for
// concurrent use. It is called:
//
//   - once by KeysFrom itself,
//   - when a store meets an unknown key, at most once a second,
//   - about once a minute while a store is written to.
//
// If a later call returns an error, the store keeps the keys that it has.
func KeysFrom(ctx context.Context, source func(context.Context) ([]byte, error)) (Keys, error) {
	r := &ring{source: source, turn: make(chan struct{}, 1)}
	if err := r.ask(ctx); err != nil {
		return Keys{}, err
	}
	return Keys{r}, nil
}

// A ring holds keys and their source.
type ring struct {
	source func(context.Context) ([]byte, error)
	list   atomic.Pointer[[]key]
	fresh  atomic.Pointer[time.Time] // time of the last request for the list

	turn    chan struct{} // holds an element during a request; guards the fields below
	last    time.Time     // time of the last request for an unknown key
	missed  string        // that key, if the source did not have it
	missing error
}

// current returns the key that seals.
func (r *ring) current() key { return (*r.list.Load())[0] }

func (r *ring) known(id string) (key, bool) {
	list := *r.list.Load()
	i := slices.IndexFunc(list, func(k key) bool { return k.id == id })
	if i < 0 {
		return key{}, false
	}
	return list[i], true
}

// find returns the key with an id. It asks the source if the key is not known. If the
// source did not have the key less than a second ago, find returns the same error at once.
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
	if k, ok := r.known(id); ok { // another goroutine asked meanwhile
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

// freshen asks the source if the last request is old. Only one goroutine asks. After an
// error the known keys stay in use.
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

// ask reads the keys from the source.
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

// askNow reads the keys from the source, even if the last request was just now.
func (r *ring) askNow(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.ask(ctx)
}
