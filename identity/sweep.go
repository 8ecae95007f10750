package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Sweeping deletes what has expired, and purges what belonged to something that
// was deleted. It works in transactions of at most 500 records, so that other
// writers come in between, and each step may be repeated without harm.

// clockSlack is how far the clock may be set back without harm. The record of an
// answered challenge stays until the challenge has expired by such a clock too.
const clockSlack = time.Hour

// sweepBatch is how many records one transaction of a sweep removes at most.
const sweepBatch = 500

// Sweep removes expired records, what is left of deleted pools, groups, users and clients, and
// master keys that have lapsed, in small transactions. It returns how many records it removed.
func (e *Engine) Sweep(ctx context.Context) (int, error) {
	total, err := e.catalog.Sweep(ctx, e.store, e.now())
	if err != nil {
		return total, err
	}
	n, err := e.sweepTombstones(ctx)
	total += n
	if err != nil {
		return total, err
	}
	n, err = e.purgePools(ctx)
	total += n
	if err != nil {
		return total, err
	}
	n, err = e.sweepGroups(ctx)
	total += n
	if err != nil {
		return total, err
	}
	return total, e.dropLapsed(ctx)
}

// firstOf reads the first records of a table, at most sweepBatch.
func firstOf[R any](ctx context.Context, s store.Store, t *store.Table[R]) ([]*R, error) {
	return batchOf(ctx, s, t, store.Range{})
}

// batchOf reads the first records of a range, at most sweepBatch.
func batchOf[R any](ctx context.Context, s store.Store, t *store.Table[R], rng store.Range) ([]*R, error) {
	rng.Limit = sweepBatch
	var out []*R
	err := s.View(ctx, func(r store.Reader) error {
		out = nil
		for rec, err := range t.Scan(r, rng) {
			if err != nil {
				return err
			}
			out = append(out, rec)
		}
		return nil
	})
	return out, err
}

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

// purgePools removes what belongs to deleted pools, then their tombstones.
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
