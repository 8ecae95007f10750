package identity

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/cognate-id/cognate/store"
)

// Update and Delete read the pool and the client, change them, and write the
// event, all in one transaction. Delete also erases the records that the client
// owns. If they are too many for one transaction, it writes a tombstone, and
// Sweep purges the rest.

// Update changes the settings of an app client with fn, and returns the client
// as it is stored then. What is said of fn at [Admin.Update] holds here too.
// GenerateSecret tells fn whether the client has a secret. fn must not change
// that: use [Clients.AddSecret] and [Clients.DeleteSecret]. Update returns
// [ErrScopeNotFound] if the client then names a scope that does not exist, even if it named
// the scope before. Tokens that were issued before stay as they are.
func (c Clients) Update(ctx context.Context, id string, fn func(*ClientSettings) error) (*ClientInfo, error) {
	now := c.admin.engine.now()
	ev, err := c.admin.happened(ctx, EventClientChanged, Subject{SubjectClient, id}, now)
	if err != nil {
		return nil, err
	}
	var kept *ClientInfo
	err = c.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		kept = nil
		pool, client, err := c.forChange(tx, id)
		if err != nil {
			return err
		}
		before, err := membersOf(&client.Settings)
		if err != nil {
			return err
		}
		client.Settings.GenerateSecret = client.HasSecret
		if err := fn(&client.Settings); err != nil {
			return err
		}
		if client.Settings.Secret != "" || client.Settings.GenerateSecret != client.HasSecret {
			return &SettingError{Setting: "Secret", Reason: "Whether a client has a secret cannot be changed."}
		}
		if err := cmp.Or(client.Settings.Check(&pool.Settings), checkScopes(tx, pool.ID, &client.Settings), checkProviders(tx, pool.ID, &client.Settings)); err != nil {
			return err
		}
		client.Settings.GenerateSecret = false
		client.Modified, kept = now, client
		if err := cmp.Or(clients.Put(tx, client), admitSSO(tx, pool, &client.Settings)); err != nil {
			return err
		}
		return ev.insertChanged(tx, before, &client.Settings)
	})
	if err != nil {
		return nil, fmt.Errorf("update client: %w", err)
	}
	return kept, nil
}

// forChange reads the pool and one of its app clients. The client is a copy
// that may be changed; the pool is shared and must not be changed.
func (c Clients) forChange(r store.Reader, id string) (*PoolInfo, *ClientInfo, error) {
	values, err := r.Get(pools.Ref(store.Key(c.admin.pool)), clients.Ref(store.Key(id)))
	if err != nil {
		return nil, nil, err
	}
	pool, err := c.admin.engine.decodePool(c.admin.pool, values[0])
	if err != nil {
		return nil, nil, err
	}
	client, err := orNil(clients.Decode(values[1]))
	if err != nil {
		return nil, nil, err
	}
	if client == nil || client.Pool != pool.ID {
		return nil, nil, &NotFoundError{ErrClientNotFound, id}
	}
	return pool, client, nil
}

// Delete removes an app client and its secrets. From then on every token that
// was issued to the client is refused. If the client is the default client of a
// pool, calls through the pool itself return [ErrClientNotFound] afterwards.
func (c Clients) Delete(ctx context.Context, id string) error {
	e := c.admin.engine
	now := e.now()
	ev, err := c.admin.happened(ctx, EventClientDeleted, Subject{SubjectClient, id}, now)
	if err != nil {
		return err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if _, _, err := c.forChange(tx, id); err != nil {
			return err
		}
		if _, err := clients.Delete(tx, store.Key(id)); err != nil {
			return err
		}
		if err := e.erase(tx, now, store.OwnedByClient, id); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	e.homes.Delete(id) // saves memory only: calls read the client's record in any case
	return nil
}

// List yields the app clients of the pool, ordered by id. It begins after the id
// in after; an empty string means from the beginning. It ends after the first
// error.
func (c Clients) List(ctx context.Context, after string) iter.Seq2[*ClientInfo, error] {
	a := c.admin
	return batches(ctx, a.engine.store, after, func(r store.Reader, after string) ([]*ClientInfo, error) {
		if _, _, err := a.forChange(r); err != nil {
			return nil, fmt.Errorf("list clients: %w", err)
		}
		rng := store.Prefix(a.pool)
		if after != "" {
			rng.From = store.Key(a.pool) + store.Key(after) + "\x00"
		}
		return batch(r, clients, clientsByPool, rng)
	}, func(info *ClientInfo) string { return info.ID })
}
