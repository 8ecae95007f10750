package identity

import (
	"context"

	"github.com/cognate-id/cognate/store"
)

// owners returns where an owner is kept, and what says that it was deleted and that its
// records wait to be swept.
func owners(owner store.Owner, id ...string) []store.Ref {
	key := store.Key(id...)
	switch owner {
	case store.OwnedByPool:
		if id[0] == "" { // an event of the whole engine
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

// namedGroups are the groups of the user, or what says that they were deleted.
func (u *User) namedGroups() [][]store.Ref {
	var out [][]store.Ref
	for _, g := range u.Groups {
		key := store.Key(u.Pool, g)
		out = append(out, []store.Ref{groups.Ref(key), groupTombstones.Ref(key), poolTombstones.Ref(store.Key(u.Pool))})
	}
	return out
}

// Check reads the tables of a catalog in one snapshot and reports all that is wrong:
// records that cannot be read or have another version, index entries that are missing,
// wrong or extra, and records that belong to something that is not there. What is
// left of deleted pools, users and clients until it is swept is not wrong.
func Check(ctx context.Context, s store.Store, c store.Catalog, report func(store.Problem)) error {
	return s.View(ctx, func(r store.Reader) error { return c.Check(r, owners, report) })
}
