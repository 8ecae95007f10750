package identity

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/cognate-id/cognate/store"
)

// If a user has more sign-ins than the pool allows, a transaction after the commit of a sign-in ends
// some: the oldest ones beyond MaxSignIns, and the least recently used ones beyond the MaxPerUser of
// sessions on record. Those are counted at each sign-in, because the limit is exact.

// countEach is the largest limit for which the sign-ins are counted at each sign-in.
const countEach = 15

// dueForCount reports whether the sign-ins of a user are counted after this one:
// each time for a small limit, and otherwise after about one in an eighth of the
// limit, because counting costs a round trip.
func (f *family) dueForCount(limit int) bool {
	if limit <= countEach {
		return true
	}
	n, err := strconv.ParseUint(f.ID[max(0, len(f.ID)-4):], 16, 64)
	return err != nil || n%uint64(limit/8) == 0
}

// maxBrowsers is how many browsers of a user are signed in, where the settings limit sessions. With
// at most 100 sessions with tokens, that makes one page of a list.
const maxBrowsers = 25

// boundSignIns ends sign-ins of a user who has too many. f is the one that was just committed, which
// stands in any case.
func (s *scope) boundSignIns(ctx context.Context, f *family, now time.Time) error {
	limit, sessions := s.settings.SignInLimit(), s.settings.SessionLimit()
	if sessions == 0 && (limit == 0 || !f.dueForCount(limit)) {
		return nil
	}
	if sessions > 0 && f.Browser {
		sessions = maxBrowsers
	}
	ev, err := s.proved(ctx, f.Sub, EventOldSignInsEnded, now)
	if err != nil {
		return err
	}
	return s.engine.store.Update(ctx, func(tx store.Tx) error {
		others, err := otherSignIns(tx, f, max(limit, sessions)+signOutBatch)
		if err != nil {
			return err
		}
		old := beyond(others, limit, func(o *family) time.Time { return o.AuthTime })
		rest := slices.DeleteFunc(others, func(o *family) bool {
			return slices.Contains(old, o) || o.Browser != f.Browser || !o.onRecord() || !now.Before(o.Expires)
		})
		old = append(old, beyond(rest, sessions, func(o *family) time.Time { return o.Active })...)
		if len(old) == 0 {
			return nil
		}
		for _, o := range old {
			if _, err := families.Delete(tx, families.Key(o)); err != nil {
				return err
			}
		}
		return events.Insert(tx, ev.with(dataCount, strconv.Itoa(len(old))))
	})
}

// otherSignIns returns the sign-ins of the user of f without f, at most so many.
func otherSignIns(r store.Reader, f *family, most int) ([]*family, error) {
	rng := store.Prefix(f.Pool, f.Sub)
	rng.Limit = most
	var others []*family
	for other, err := range families.Scan(r, rng) {
		if err != nil {
			return nil, err
		}
		if other.ID != f.ID {
			others = append(others, other)
		}
	}
	return others, nil
}

// beyond returns the sign-ins that are too many beside one more, the first by a time. A limit of 0 is none.
func beyond(all []*family, limit int, by func(*family) time.Time) []*family {
	if limit == 0 || len(all) < limit {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b *family) int { return cmp.Or(by(a).Compare(by(b)), cmp.Compare(a.ID, b.ID)) })
	return sorted[:len(sorted)-limit+1]
}
