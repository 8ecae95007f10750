package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// The catalog lists every table, and each table says who owns its records. All
// work on whole tables follows from the catalog:
//
//   - store/sealed encrypts the tables that are marked Secret. An engine refuses a
//     store that encrypts some tables and leaves one of these in clear.
//   - Sweep deletes expired records.
//   - The deletion of a user or a client erases up to eraseBatch of its records in
//     the same transaction. If there are more, the transaction also writes a
//     tombstone, and Sweep purges the rest.
//   - The deletion of a pool writes a tombstone, and Sweep purges the pool: first
//     the records of its clients, then all others.
//   - Backups, copies, checks and SQL views cover every table.

// Tables returns the tables of the engine. To add tables of your own, call
// [store.Catalog.With], and give the result to [Options] and to everything else
// that takes a catalog.
func Tables() store.Catalog {
	return store.Catalog{
		pools, poolTombstones, tombstones, accessKeys, leases, clients, clientSecrets, keyrings, users, groups, groupTombstones,
		totps, credentials, codes, families, usedStates, sources, throttles, events, echoes,
	}
}

// usable returns an error if an engine must not use a catalog on a store.
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

// A refusal takes the place of a store that an engine must not use. Every call
// returns the error.
type refusal struct {
	store.Store
	err error
}

// View implements [store.Store].
func (r refusal) View(context.Context, func(store.Reader) error) error { return r.err }

// Update implements [store.Store].
func (r refusal) Update(context.Context, func(store.Tx) error) error { return r.err }
