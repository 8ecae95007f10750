package idpool

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/internal/throttle"
	"github.com/cognate-id/cognate/store"
)

// Guests are rows that strangers make. Three bounds hold them: what one source makes in an hour, how many a pool
// has, and how long one stays that nobody uses.

// newGuest makes the identity of a guest. It leaves no event.
func (s *Service) newGuest(ctx context.Context, p *Pool) (string, error) {
	if !p.Guests {
		return "", ErrGuests
	}
	now := s.now()
	source := identity.SourceOf(identity.CallFrom(ctx).Address)
	if !s.guests.take(source, now, limitOr(s.o.Limits.GuestsPerSource, 100)) {
		return "", ErrThrottled
	}
	if err := s.guestRoom(ctx, p, now); err != nil {
		return "", err
	}
	rec := &record{ID: newID(regionOf(p.ID)), Pool: p.ID, Created: now, Modified: now, Guest: true, Expires: now.Add(p.unusedLife())}
	err := s.store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.pool(tx, p.ID); err != nil {
			return err
		}
		return identities.Insert(tx, rec)
	})
	if err != nil {
		return "", err
	}
	return rec.ID, nil
}

// usedEvery is how seldom the use of a guest is written.
const usedEvery = 24 * time.Hour

// used notes that a guest is used, so that it stays.
func (s *Service) used(ctx context.Context, rec *record, p *Pool) error {
	now := s.now()
	until := now.Add(p.unusedLife())
	if until.Sub(rec.Expires) < min(usedEvery, p.unusedLife()/2) {
		return nil
	}
	return s.store.Update(ctx, func(tx store.Tx) error {
		again, _, err := s.identity(tx, rec.ID, now)
		if err != nil {
			return err
		}
		if !again.Guest || !again.loose() || again.disabled() {
			return about(ErrForbidden, "%s", rec.ID)
		}
		next := *again
		next.Expires = until
		return identities.Put(tx, &next)
	})
}

// A guestCount is how many identities without a login a pool has: counted in the store now and then, and those of this
// process since.
type guestCount struct {
	mu      sync.Mutex
	counted time.Time
	n       int
}

// recount is how often the store is asked. Between two counts, each process on the store may make a few more.
const recount = 10 * time.Minute

// guestRoom returns [ErrLimit] if a pool has as many identities without a login as it may have.
func (s *Service) guestRoom(ctx context.Context, p *Pool, now time.Time) error {
	most := limitOr(s.o.Limits.GuestsPerPool, 100_000)
	if most == math.MaxInt {
		return nil
	}
	v, _ := s.counts.LoadOrStore(p.ID, &guestCount{})
	c := v.(*guestCount)
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := now.Sub(c.counted); age >= recount || age < 0 {
		n, err := s.countGuests(ctx, p.ID, most)
		if err != nil {
			return err
		}
		c.n, c.counted = n, now
	}
	if c.n >= most {
		return about(ErrLimit, "identities without a login")
	}
	c.n++
	return nil
}

func (s *Service) countGuests(ctx context.Context, pool string, most int) (n int, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		n = 0
		rng := store.Prefix(pool)
		rng.Limit = most
		for _, err := range r.Scan(identities.IndexRef(guestsByPool, "").Table, rng) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// maxMeters is how many sources a process counts for. Beyond that it forgets those of the past hour.
const maxMeters = 50_000

// A meter counts events of sources, or of logins, in memory, in two generations, so that it is bounded.
type meter struct {
	mu            sync.Mutex
	begun         time.Time
	present, past map[string]throttle.Window
}

// take counts an event of a source, and reports whether it may happen. The source "" has no limit.
func (m *meter) take(source string, now time.Time, perHour int) bool {
	if source == "" || perHour == math.MaxInt {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.present == nil || now.Sub(m.begun) > 2*time.Hour || len(m.present) >= maxMeters {
		m.past, m.present, m.begun = m.present, map[string]throttle.Window{}, now
	}
	w, ok := m.present[source]
	if !ok {
		w = m.past[source]
	}
	w, ok = w.Allow(now, perHour, time.Hour)
	m.present[source] = w
	return ok
}
