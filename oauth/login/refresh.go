package login

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/cognate-id/cognate/token"
)

// refresh returns a sign-in with new tokens. The new ID token must be of the same person and the
// same sign-in (OpenID Connect Core, section 12.2). The refresh token stays if it does not rotate.
func (m *Middleware) refresh(ctx context.Context, s *signedIn) (*signedIn, error) {
	if s.Refresh == "" {
		return nil, fmt.Errorf("%w: there is no refresh token", errGrant)
	}
	e, err := m.server.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	t, err := m.server.tokens(ctx, e, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.Refresh}})
	if err != nil {
		return nil, err
	}
	next := &signedIn{ID: t.ID, Access: t.Access, Refresh: t.Refresh, Began: s.Began, Seen: m.options.Clock()}
	if next.Refresh == "" {
		next.Refresh = s.Refresh
	}
	id, err := m.server.verify(ctx, next)
	if err != nil {
		return nil, err
	}
	before, err := token.Parse(s.ID)
	if err != nil {
		return nil, fmt.Errorf("%w: the former ID token: %w", errInvalid, err)
	}
	had := before.UnverifiedClaims()
	if id.Subject != had.Subject || !id.AuthTime.Equal(had.AuthTime) {
		return nil, fmt.Errorf("%w: the new ID token is of another sign-in", errInvalid)
	}
	return next, nil
}

const (
	flightTime = time.Minute // a browser may send old cookies so long
	maxFlights = 4096
)

// Flights do a thing once for all who need it at the same time, and for a minute after. What has
// failed is done again by whoever comes next.
type flights struct {
	clock func() time.Time

	mu    sync.Mutex
	byKey map[string]*flight
	order []*flight // as they began
}

type flight struct {
	key   string
	began time.Time
	done  chan struct{}
	kept  *kept
	err   error
}

func newFlights(clock func() time.Time) *flights {
	return &flights{clock: clock, byKey: map[string]*flight{}}
}

// do returns what fn returns, for this caller or another one. fn goes on if the browser of its
// caller goes.
func (f *flights) do(ctx context.Context, key string, fn func(context.Context) (*kept, error)) (*kept, error) {
	f.mu.Lock()
	f.forget()
	if had, ok := f.byKey[key]; ok {
		f.mu.Unlock()
		select {
		case <-had.done:
			return had.kept, had.err
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}
	mine := &flight{key: key, began: f.clock(), done: make(chan struct{}), err: ErrUnavailable}
	f.byKey[key], f.order = mine, append(f.order, mine)
	f.mu.Unlock()
	defer f.land(mine)
	mine.kept, mine.err = fn(context.WithoutCancel(ctx))
	return mine.kept, mine.err
}

// land wakes those who wait, after a panic too.
func (f *flights) land(done *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if done.err != nil && f.byKey[done.key] == done {
		delete(f.byKey, done.key)
	}
	close(done.done)
}

// forget drops what was done more than a minute ago, and the oldest if there is too much. What is
// not done yet is dropped by no time.
func (f *flights) forget() {
	now := f.clock()
	for len(f.order) > 0 {
		first := f.order[0]
		if len(f.order) < maxFlights && now.Sub(first.began) < flightTime {
			return
		}
		select {
		case <-first.done:
		default:
			return
		}
		f.order = f.order[1:]
		if f.byKey[first.key] == first {
			delete(f.byKey, first.key)
		}
	}
}
