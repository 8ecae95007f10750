package identity

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// The catalog lists every table, and each table says whose its records are. From that
// follows all that is done to whole tables:
//
//   - store/sealed encrypts those that are marked Secret, and an engine refuses a
//     store that would leave one of them in clear.
//   - Sweep deletes what has expired.
//   - The deletion of a user or of a client erases its records: up to eraseBatch of them in the same
//     transaction. If there are more, a tombstone is written with it, and Sweep
//     purges the rest.
//   - The deletion of a pool writes a poolTombstone, and Sweep buries the pool: it
//     purges the records of its clients, then all others.
//   - Backups, copies, checks and SQL views have every table.

// Tables are the tables that the engine keeps. [store.Catalog.With] adds those of a
// program; give the catalog to [Options], and to all else that takes one.
func Tables() store.Catalog {
	return store.Catalog{
		pools, poolTombstones, tombstones, accessKeys, leases, clients, clientSecrets, keyrings, users, groups, groupTombstones,
		totps, credentials, codes, families, usedStates, throttles, events,
	}
}

// usable returns what is wrong with the catalog of an engine on a store.
func usable(c store.Catalog, s store.Store) error {
	if err := c.Err(); err != nil {
		return err
	}
	for _, t := range Tables() {
		if !slices.Contains(c, t) {
			return fmt.Errorf("%w: it lacks the table %s of the engine: begin with identity.Tables()", store.ErrCatalog, t.Tables()[0])
		}
	}
	return c.CheckSealed(s)
}

// A refusal is what an engine has instead of a store that it must not use: each
// call returns the error.
type refusal struct {
	store.Store
	err error
}

// View implements [store.Store].
func (r refusal) View(context.Context, func(store.Reader) error) error { return r.err }

// Update implements [store.Store].
func (r refusal) Update(context.Context, func(store.Tx) error) error { return r.err }

// eraseBatch is how many records of an owner are deleted in the transaction
// that deletes the owner, at most.
const eraseBatch = 500

// erase deletes the records of a user or a client who is deleted in this
// transaction. If there are too many it leaves a tombstone.
func (e *Engine) erase(tx store.Tx, now time.Time, owner store.Owner, id ...string) error {
	_, more, err := e.catalog.Erase(tx, eraseBatch, owner, id...)
	if err != nil || !more {
		return err
	}
	return tombstones.Put(tx, &tombstone{Owner: owner, ID: id, Deleted: now})
}

// sweepTombstones purges what is left of users and clients that were deleted, and then forgets them.
func (e *Engine) sweepTombstones(ctx context.Context) (int, error) {
	dead, err := firstOf(ctx, e.store, tombstones)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, t := range dead {
		n, err := e.catalog.Purge(ctx, e.store, t.Owner, t.ID...)
		total += n
		if err == nil {
			err = e.forget(ctx, t)
		}
		if err != nil {
			return total, fmt.Errorf("remove what is left of %s %q: %w", t.Owner, t.ID, err)
		}
	}
	return total, nil
}

func (e *Engine) forget(ctx context.Context, t *tombstone) error {
	return e.store.Update(ctx, func(tx store.Tx) error {
		_, err := tombstones.Delete(tx, tombstones.Key(t))
		return err
	})
}

// purgePools removes what belongs to deleted pools, then their poolTombstones.
func (e *Engine) purgePools(ctx context.Context) (int, error) {
	dead, err := firstOf(ctx, e.store, poolTombstones)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, g := range dead {
		n, err := e.purgePool(ctx, g)
		total += n
		if err != nil {
			return total, fmt.Errorf("remove what is left of pool %s: %w", g.Pool, err)
		}
	}
	return total, nil
}

// purgePool removes everything of one deleted pool. The records of clients are found
// by their clients, so they go first.
func (e *Engine) purgePool(ctx context.Context, g *poolTombstone) (int, error) {
	total, err := e.purgeClients(ctx, g.Pool)
	if err != nil {
		return total, err
	}
	n, err := e.catalog.Purge(ctx, e.store, store.OwnedByPool, g.Pool)
	total += n
	if err != nil {
		return total, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		_, err := poolTombstones.Delete(tx, store.Key(g.Pool))
		return err
	})
	return total, err
}

// purgeClients removes the app clients of a pool with their records, a batch a transaction.
func (e *Engine) purgeClients(ctx context.Context, pool string) (int, error) {
	total := 0
	for more := true; more; {
		n := 0
		err := e.store.Update(ctx, func(tx store.Tx) (err error) {
			n, more, err = e.purgeClientBatch(tx, pool)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// purgeClientBatch removes at most sweepBatch records, and reports whether there may be more.
func (e *Engine) purgeClientBatch(tx store.Tx, pool string) (n int, more bool, err error) {
	batch := store.Prefix(pool)
	batch.Limit = sweepBatch
	for key, err := range clients.ScanIndex(tx, clientsByPool, batch) {
		if err != nil {
			return n, false, err
		}
		id, err := store.Split(key)
		if err != nil {
			return n, false, err
		}
		k, more, err := e.catalog.Erase(tx, sweepBatch-n, store.OwnedByClient, id...)
		if n += k; err != nil || more || n == sweepBatch {
			return n, true, err
		}
		if _, err := clients.Delete(tx, key); err != nil {
			return n, false, err
		}
		n++
	}
	return n, n > 0, nil
}

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
