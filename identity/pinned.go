package identity

import (
	"context"
	"errors"

	"github.com/cognate-id/cognate/store"
)

// A pool or an app client is made with a random id, unless its settings have one. The
// transaction that inserts it checks that a given id is free. The id of a deleted owner
// is not free before the sweep has removed the last record, because the sweep would
// take the records of the new owner.

// insertPool inserts a pool. id is the one that was given; empty means that the pool has
// a random one.
func insertPool(tx store.Tx, p *PoolInfo, id string) error {
	if id != "" {
		values, err := tx.Get(pools.Ref(store.Key(id)), poolTombstones.Ref(store.Key(id)))
		if err != nil {
			return err
		}
		if values[0] != nil || values[1] != nil {
			return &SettingError{Setting: "ID", Reason: "A pool has the id " + id + ", or had it and is not yet removed."}
		}
	}
	return pools.Insert(tx, p)
}

// clientIDFree returns an error if an app client has an id that was given, or had it.
func clientIDFree(r store.Reader, id string) error {
	if id == "" {
		return nil
	}
	values, err := r.Get(clients.Ref(store.Key(id)), tombstones.Ref(tombstoneKey(store.OwnedByClient, id)))
	if err != nil {
		return err
	}
	if values[0] != nil || values[1] != nil {
		return &SettingError{Setting: "ID", Reason: "An app client has the id " + id + ", or had it and is not yet removed."}
	}
	return nil
}

// createWithKey makes a pool with the key that its settings have.
func (e *Engine) createWithKey(ctx context.Context, s *PoolSettings) (*PoolInfo, error) {
	taken := &SettingError{Setting: "Key", Reason: "A pool has the key " + s.Key + "."}
	_, err := e.poolByKey(ctx, s.Key)
	if err == nil {
		return nil, taken
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	p, err := e.createKeyed(ctx, s.Key, s)
	if errors.Is(err, store.ErrExists) {
		return nil, taken
	}
	return p, err
}
