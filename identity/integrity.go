package identity

import (
	"context"

	"github.com/cognate-id/cognate/store"
)

// owners returns the record of an owner, and the tombstones that may be in its
// place while its records wait for the sweep.
func owners(owner store.Owner, id ...string) []store.Ref {
	key := store.Key(id...)
	switch owner {
	case store.OwnedByPool:
		if id[0] == "" { // it is an event of the whole engine
			return nil
		}
		return []store.Ref{pools.Ref(key), poolTombstones.Ref(key)}
	case store.OwnedByUser:
		return []store.Ref{users.Ref(key), poolTombstones.Ref(store.Key(id[0])), tombstones.Ref(tombstoneKey(owner, id...))}
	case store.OwnedByClient:
		return []store.Ref{clients.Ref(key), tombstones.Ref(tombstoneKey(owner, id...))}
	case store.OwnedByEngine, store.OwnedByNobody:
		return nil
	default:
		return nil // Catalog.Err refuses it
	}
}

// namedGroups returns the records of the user's groups, with the tombstones that
// may be in their place.
func (u *User) namedGroups() [][]store.Ref {
	var out [][]store.Ref
	for _, g := range u.Groups {
		key := store.Key(u.Pool, g)
		out = append(out, []store.Ref{groups.Ref(key), groupTombstones.Ref(key), poolTombstones.Ref(store.Key(u.Pool))})
	}
	return out
}

// Check reads the tables of a catalog in one snapshot and calls report for
// everything that is wrong:
//
//   - records that cannot be read or have an unknown version,
//   - index entries that are missing, wrong or extra,
//   - records whose owner does not exist.
//
// Records of deleted pools, users and clients that wait for the sweep are not
// reported.
func Check(ctx context.Context, s store.Store, c store.Catalog, report func(store.Problem)) error {
	return s.View(ctx, func(r store.Reader) error { return c.Check(r, owners, report) })
}
