package identity

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Sign-ins end in two more ways than by sign-out and expiry. If a second factor of
// a user changes, in pools with SignOutOnFactorChange, the transaction of the
// change ends all sign-ins except the one that made it, and forgets the other devices. And if a user has more
// sign-ins than MaxSignIns, a transaction after the commit of a sign-in ends the
// oldest ones.

// factorsChanged reports whether a user proves sign-ins by other factors than
// before, or by a factor whose address is another one.
func factorsChanged(before, after *User) bool {
	if !slices.Equal(before.MFA.Methods, after.MFA.Methods) {
		return true
	}
	return slices.ContainsFunc(factors[:], func(f *factor) bool {
		return f.address != "" && after.MFA.Has(f.method) && before.Attributes[f.address] != after.Attributes[f.address]
	})
}

// signOutByFactors ends the sign-ins of a user whose factors change, except the one
// with the id own; own is empty for an operator. The caller writes the user.
func signOutByFactors(tx store.Tx, s *PoolSettings, u *User, own string, now time.Time) error {
	if !s.SignsOutOnFactorChange() {
		return nil
	}
	kept, err := signOutOthers(tx, u, own, now)
	if err != nil {
		return err
	}
	if err := forgetOthers(tx, s, u, kept); err != nil || kept == nil {
		return err
	}
	kept.Kept = u.NotBefore
	return families.Put(tx, kept)
}

// forgetOthers forgets the devices of a user except that of a sign-in, which may be nil: they
// would go on replacing factors that the user may have changed because of somebody else.
func forgetOthers(tx store.Tx, s *PoolSettings, u *User, kept *family) error {
	if !s.TracksDevices() {
		return nil
	}
	var keys []string
	for d, err := range devices.Scan(tx, store.Prefix(u.Pool, u.Sub)) {
		if err != nil {
			return err
		}
		if kept == nil || d.Key != kept.Device {
			keys = append(keys, devices.Key(d))
		}
	}
	for _, key := range keys {
		if _, err := devices.Delete(tx, key); err != nil {
			return err
		}
	}
	return nil
}

// signOutOthers ends all sign-ins of the user. It returns the one with the id own,
// if it stood, for the caller to write again with a time that is not before the
// user's NotBefore. One transaction deletes only some of the sign-ins; NotBefore
// invalidates the rest.
func signOutOthers(tx store.Tx, u *User, own string, now time.Time) (*family, error) {
	var kept *family
	if own != "" {
		f, err := orNil(families.Get(tx, store.Key(u.Pool, u.Sub, own)))
		if err != nil {
			return nil, err
		}
		if f != nil && !f.ended(u) {
			kept = f
		}
	}
	return kept, u.signOut(tx, now)
}

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

// boundSignIns ends the oldest sign-ins of a user who has too many. f is the one
// that was just committed, which stands in any case.
func (s *scope) boundSignIns(ctx context.Context, f *family, now time.Time) error {
	limit := s.settings.SignInLimit()
	if limit == 0 || !f.dueForCount(limit) {
		return nil
	}
	ev, err := s.proved(ctx, f.Sub, EventOldSignInsEnded, now)
	if err != nil {
		return err
	}
	return s.engine.store.Update(ctx, func(tx store.Tx) error {
		old, err := beyond(tx, f, limit)
		if err != nil || len(old) == 0 {
			return err
		}
		for _, o := range old {
			if _, err := families.Delete(tx, families.Key(o)); err != nil {
				return err
			}
		}
		return events.Insert(tx, ev.with(dataCount, strconv.Itoa(len(old))))
	})
}

// beyond returns the oldest sign-ins of the user of f that are more than limit, at
// most signOutBatch.
func beyond(tx store.Tx, f *family, limit int) ([]*family, error) {
	rng := store.Prefix(f.Pool, f.Sub)
	rng.Limit = limit + signOutBatch
	var all []*family
	for other, err := range families.Scan(tx, rng) {
		if err != nil {
			return nil, err
		}
		if other.ID != f.ID {
			all = append(all, other)
		}
	}
	if len(all) < limit {
		return nil, nil
	}
	slices.SortFunc(all, func(a, b *family) int { return cmp.Or(a.AuthTime.Compare(b.AuthTime), cmp.Compare(a.ID, b.ID)) })
	return all[:len(all)-limit+1], nil
}
