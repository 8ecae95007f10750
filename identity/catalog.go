package identity

import (
	"context"
	"fmt"
	"slices"

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
//   - The deletion of a pool writes a tombstone, and Sweep purges the pool: it
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
