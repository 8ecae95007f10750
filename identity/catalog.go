package identity

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/cognate-id/cognate/store"
)

// The catalog lists every table, and each table says who owns its records. All
// work on whole tables follows from the catalog:
//
//   - store/sealed encrypts the tables that are marked Secret. An engine refuses a
//     store that encrypts some tables and leaves one of these in clear. On a store
//     that encrypts nothing and persists, it refuses to write these tables.
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
		pools, poolTombstones, tombstones, accessKeys, leases, formats, clients, clientSecrets, resourceServers, keyrings, senderKeys, users, groups, groupTombstones, groupRuns,
		totps, passkeys, devices, recoverySets, consents, credentials, codes, families, authCodes, authGrants, usedStates, sources, throttles, events, echoes, importJobs, importChunks, importLogs, outboxes, suppressions,
		providers, providerTokens, samlSignings, domains, uiDefaults, uiCustomizations, brandings, brandingParts, terms,
	}
}

// UserRef returns the ref of the record of a user. A program that keeps records
// owned by users reads it in the transaction that writes such a record: if the
// value is nil, the user was deleted, and the record would have no owner.
func UserRef(poolID, sub string) store.Ref { return users.Ref(store.Key(poolID, sub)) }

// ownTables returns the error of the catalog of the engine's own tables.
var ownTables = sync.OnceValue(func() error { return Tables().Err() })

// usable returns an error if an engine must not use a catalog on a store.
func usable(c store.Catalog, s store.Store) error {
	own := Tables()
	if slices.Equal(c, own) { // as for most engines, so it is checked once
		return cmp.Or(ownTables(), c.CheckSealed(s))
	}
	if err := c.Err(); err != nil {
		return err
	}
	for _, t := range own {
		if !slices.Contains(c, t) {
			return fmt.Errorf("%w: it lacks the table %s of the engine: begin with identity.Tables()", store.ErrCatalog, t.Tables()[0])
		}
	}
	return c.CheckSealed(s)
}

// A clearStore takes the place of a store that persists and encrypts nothing. It
// can be read, but it takes no secret: a transaction that would write one fails
// with [store.ErrUnsealed].
type clearStore struct {
	store.Store
	secret map[string]bool // the tables that are marked Secret
}

// guardSecrets returns s, or a store that refuses the secrets of the catalog if s
// would write them to a disk in clear text.
func guardSecrets(c store.Catalog, s store.Store) store.Store {
	if !store.Unsealed(s) {
		return s
	}
	guarded := clearStore{s, make(map[string]bool)}
	for _, table := range c.SecretTables() {
		guarded.secret[table] = true
	}
	return guarded
}

// Update implements [store.Store].
func (s clearStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(inner store.Tx) error {
		tx := &clearTx{Tx: inner, secret: s.secret}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.err
	})
}

// A clearTx remembers the first write that it refused, so that the transaction
// does not commit.
type clearTx struct {
	store.Tx
	secret map[string]bool
	err    error
}

// GetFollowing implements [store.Follower].
func (t *clearTx) GetFollowing(refs []store.Ref, follow []store.Follow) ([][]byte, []store.Entry, error) {
	return store.GetFollowing(t.Tx, refs, follow)
}

// Insert implements [store.Tx].
func (t *clearTx) Insert(table, key string, value []byte) error {
	if err := t.refuse(table); err != nil {
		return err
	}
	return t.Tx.Insert(table, key, value)
}

// Put implements [store.Tx].
func (t *clearTx) Put(table, key string, value []byte) error {
	if err := t.refuse(table); err != nil {
		return err
	}
	return t.Tx.Put(table, key, value)
}

func (t *clearTx) refuse(table string) error {
	if t.err == nil && t.secret[table] {
		t.err = fmt.Errorf("%w: %s: put store/sealed in front of the store (sealed.New), or set Options.InsecureUnsealed; a store that wraps another one needs a method Unwrap", store.ErrUnsealed, table)
	}
	return t.err
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
