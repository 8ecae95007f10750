package identity

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Sign-ups are bounded by how many users a pool may have ([Quotas]). A counter in the store
// would make all sign-ups of a pool wait for each other, and a scan for each
// sign-up would cost more the more users there are. So each process counts the users
// now and then, and hands out half of the seats that are free before it counts again:
// a full pool is reached after few counts, and other processes have the other half. A
// sign-up takes its seat before the engine looks whether its name is taken, so that
// the refusal tells nothing about names. A sign-up that is accepted and adds no user,
// because the name has an account, keeps its seat for a while as if it had added one.

const (
	// recount is how old a count may be, and recountFull that of a pool without a free
	// seat. Both grow by as much with each recountUsers users.
	recount      = time.Minute
	recountFull  = 10 * time.Second
	recountUsers = 100_000
	// countBatch is how many users are counted in one transaction.
	countBatch = 5000
	// phantomLife is how long a seat stays taken that has no user.
	phantomLife = 7 * 24 * time.Hour
)

// seats are those of one pool under one quota.
type seats struct {
	counting chan struct{} // holds one value while somebody counts

	mu      sync.Mutex
	at      time.Time // of the last count; zero if there was none
	counted int       // users, at the last count
	left    int       // seats that may be taken before the next count
	full    bool      // the last count found no free seat
	pending int       // taken by sign-ups that are not finished

	since         time.Time // when the present phantoms began to be counted
	present, past int       // phantoms, in two generations of phantomLife
}

func newSeats() *seats { return &seats{counting: make(chan struct{}, 1)} }

// take takes a seat, and reports whether there was one. count counts the users.
func (s *seats) take(ctx context.Context, limit int, now time.Time, count func() (int, error)) (bool, error) {
	if ok, known := s.try(now); known {
		return ok, nil
	}
	select {
	case s.counting <- struct{}{}:
		defer func() { <-s.counting }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if ok, known := s.try(now); known { // somebody else has counted
		return ok, nil
	}
	pending := s.unfinished() // before the count, which may or may not see their users
	users, err := count()
	if err != nil {
		return false, err
	}
	s.learn(users, limit-users-pending, now)
	ok, _ := s.try(now)
	return ok, nil
}

// try takes a seat if the last count is good still. known is false if it is not.
func (s *seats) try(now time.Time) (ok, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	good := recount
	if s.full {
		good = recountFull
	}
	good *= time.Duration(1 + s.counted/recountUsers)
	if age := now.Sub(s.at); s.at.IsZero() || age < 0 || age >= good {
		return false, false
	}
	if s.left > 0 {
		s.left--
		s.pending++
		return true, true
	}
	return false, s.full
}

// unfinished returns how many sign-ups have a seat and are not finished.
func (s *seats) unfinished() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending
}

// learn notes a count, and how many seats it left without regard to phantoms.
func (s *seats) learn(users, free int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age(now)
	free = max(0, free-s.present-s.past)
	s.at, s.counted, s.left, s.full = now, users, (free+1)/2, free == 0
}

// leave ends a sign-up that took a seat. One that was refused gives the seat back,
// and one that was accepted and added no user leaves a phantom.
func (s *seats) leave(accepted, added bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	switch {
	case !accepted:
		s.left++
	case !added:
		s.age(now)
		s.present++
	}
}

// age forgets phantoms that have had their time.
func (s *seats) age(now time.Time) {
	switch age := now.Sub(s.since); {
	case age >= 2*phantomLife:
		s.present, s.past, s.since = 0, 0, now
	case age >= phantomLife:
		s.present, s.past, s.since = 0, s.present, now
	}
}

// A seat is what one sign-up has taken of the quotas of its pool.
type seat []*seats

func (t seat) leave(accepted, added bool, now time.Time) {
	for _, s := range t {
		s.leave(accepted, added, now)
	}
}

// takeSeat takes a seat for a sign-up in a pool, or returns [ErrQuotaExceeded]. Users are
// counted in the index by state, which has one short entry of each.
func (e *Engine) takeSeat(ctx context.Context, p *PoolInfo, now time.Time) (seat, error) {
	bounds := []struct {
		what  string
		limit int
		rng   store.Range
	}{
		{quotaUnconfirmed, e.quotas.unconfirmed(&p.Settings), store.Prefix(p.ID, searchStatus, string(StatusUnconfirmed))},
		{quotaUsers, limitOr(e.quotas.Users, math.MaxInt), store.Prefix(p.ID, searchStatus)},
	}
	var taken seat
	for _, b := range bounds {
		if b.limit == math.MaxInt {
			continue
		}
		kept, _ := e.seats.LoadOrStore(b.what+" "+p.ID, newSeats())
		s := kept.(*seats)
		ok, err := s.take(ctx, b.limit, now, func() (int, error) { return e.countUsers(ctx, b.rng, b.limit) })
		if err != nil || !ok {
			taken.leave(false, false, now)
			return nil, orRefused(err, &QuotaError{b.what, b.limit})
		}
		taken = append(taken, s)
	}
	return taken, nil
}

// countUsers counts the users of a range of the search index, up to a limit. It holds no
// transaction for long.
func (e *Engine) countUsers(ctx context.Context, rng store.Range, limit int) (int, error) {
	return e.countEntries(ctx, users.IndexRef(usersBySearch, "").Table, rng, limit)
}

// countEntries counts the entries of a range, see countUsers.
func (e *Engine) countEntries(ctx context.Context, table string, rng store.Range, limit int) (int, error) {
	for n := 0; ; {
		var found int
		var last string
		rng.Limit = min(countBatch, limit-n)
		err := e.store.View(ctx, func(r store.Reader) error {
			found = 0
			for entry, err := range r.Scan(table, rng) {
				if err != nil {
					return err
				}
				found, last = found+1, entry.Key
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		if n += found; n >= limit || found < countBatch {
			return n, nil
		}
		rng.From = last + "\x00"
	}
}
