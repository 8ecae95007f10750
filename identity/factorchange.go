package identity

import (
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// If a second factor of a user changes, in pools with SignOutOnFactorChange, the transaction of the
// change ends all sign-ins except the one that made it, and forgets the other devices.

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
