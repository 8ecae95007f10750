package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// User pools. CreateUserPool checks the settings, the quota and then inserts the
// pool and its event in one transaction. OpenUserPool looks a pool up by its key,
// and makes it together with a default client if there is none; of two programs
// that do so at once, one inserts, and the other finds what was inserted and tries
// again. Delete replaces the pool by a tombstone in one transaction. The sweep
// then purges everything in the pool, in many.

// A UserPool is a directory of users. What anyone may do in it is on the
// embedded [AppClient], the pool's default client; [UserPool.Client] is the
// same for another client, [UserPool.Admin] what an operator may do.
type UserPool struct {
	*AppClient
}

// OpenUserPool opens the pool that was made with key, or makes it, with a
// default client. It is safe to call from several processes at once. Settings
// apply when the pool is made, and nil means the safe ones. Where the stored settings
// of a pool differ from those given, OpenUserPool logs their names as a warning and
// leaves them as they are: [Engine.EnsureUserPool] and [Admin.Update] change them.
func (e *Engine) OpenUserPool(ctx context.Context, key string, settings *PoolSettings) (*UserPool, error) {
	p, _, err := e.openKeyed(ctx, key, settings)
	if err != nil {
		return nil, err
	}
	if settings != nil {
		if names := differences(&p.Settings, e.keyedSettings(key, settings)); len(names) > 0 {
			e.log.WarnContext(ctx, "the stored settings of the pool differ from those given to OpenUserPool; EnsureUserPool brings them in line",
				"pool", p.ID, "settings", names)
		}
	}
	return e.handle(p), nil
}

// openKeyed returns the pool with a key, which it makes where there is none.
func (e *Engine) openKeyed(ctx context.Context, key string, settings *PoolSettings) (p *PoolInfo, made bool, err error) {
	if key == "" {
		return nil, false, invalid("key", "must not be empty")
	}
	for {
		p, err := e.poolByKey(ctx, key)
		if !errors.Is(err, store.ErrNotFound) {
			return p, false, err
		}
		p, err = e.createKeyed(ctx, key, settings)
		if !errors.Is(err, store.ErrExists) {
			return p, true, err
		}
	}
}

// poolByKey finds a pool by the key of OpenUserPool. The error wraps
// [store.ErrNotFound] if there is none.
func (e *Engine) poolByKey(ctx context.Context, key string) (*PoolInfo, error) {
	var p *PoolInfo
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		p, err = pools.Find(r, poolsByKey, store.Key(key))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open user pool: %w", err)
	}
	return p, nil
}

// handle is a handle on a pool, with its default client.
func (e *Engine) handle(p *PoolInfo) *UserPool {
	return &UserPool{&AppClient{engine: e, pool: p.ID, id: p.Client}}
}

// keyedSettings are the settings that a pool is made with for a key.
func (e *Engine) keyedSettings(key string, given *PoolSettings) *PoolSettings {
	s := *cmp.Or(given, &PoolSettings{})
	s.Name, s.Region = cmp.Or(s.Name, key), cmp.Or(s.Region, e.region)
	return &s
}

// createKeyed makes a pool with a key, and its default client, in one transaction.
// The error wraps [store.ErrExists] if another program has just made it.
func (e *Engine) createKeyed(ctx context.Context, key string, settings *PoolSettings) (*PoolInfo, error) {
	s := e.keyedSettings(key, settings)
	p, err := e.newPool(s)
	if err != nil {
		return nil, err
	}
	p.Key = key
	client, secret, err := e.newClient(p, &ClientSettings{Name: "default"})
	if err != nil {
		return nil, err
	}
	p.Client = client.ID
	if err := e.checkPoolLimit(ctx, p.Settings.Region); err != nil {
		return nil, fmt.Errorf("create user pool: %w", err)
	}
	created, err := (&Admin{e, p.ID}).happened(ctx, EventPoolCreated, Subject{SubjectPool, p.ID}, p.Created)
	if err != nil {
		return nil, err
	}
	added, err := (&Admin{e, p.ID}).happened(ctx, EventClientCreated, Subject{SubjectClient, client.ID}, p.Created)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if err := insertPool(tx, p, s.ID); err != nil {
			return err
		}
		if err := insertClient(tx, client, secret); err != nil {
			return err
		}
		return cmp.Or(events.Insert(tx, created), events.Insert(tx, added))
	})
	if err != nil {
		return nil, fmt.Errorf("create user pool: %w", err)
	}
	return p, nil
}

// CreateUserPool makes a pool, without a client unless the settings have a Key. It
// returns [ErrQuotaExceeded] if the region has as many pools as [Quotas] allow.
func (e *Engine) CreateUserPool(ctx context.Context, settings *PoolSettings) (*PoolInfo, error) {
	s := *cmp.Or(settings, &PoolSettings{})
	if s.Key != "" {
		return e.createWithKey(ctx, &s)
	}
	p, err := e.newPool(&s)
	if err != nil {
		return nil, err
	}
	if err := e.checkPoolLimit(ctx, p.Settings.Region); err != nil {
		return nil, fmt.Errorf("create user pool: %w", err)
	}
	ev, err := (&Admin{e, p.ID}).happened(ctx, EventPoolCreated, Subject{SubjectPool, p.ID}, p.Created)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if err := insertPool(tx, p, s.ID); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return nil, fmt.Errorf("create user pool: %w", err)
	}
	return p, nil
}

// newPool makes the record of a pool. It writes nothing.
func (e *Engine) newPool(s *PoolSettings) (*PoolInfo, error) {
	if s.Region == "" {
		s.Region = e.region
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("create user pool: %w", err)
	}
	if err := e.checkLinks(nil, s); err != nil {
		return nil, fmt.Errorf("create user pool: %w", err)
	}
	id := s.ID
	if id == "" {
		made, err := random(e.rand, alnum62, 9)
		if err != nil {
			return nil, err
		}
		id = s.Region + "_" + made
	}
	s.Generation = settings.LatestGeneration
	now := e.now()
	p := &PoolInfo{ID: id, Created: now, Modified: now, Settings: *s}
	p.Settings.ID, p.Settings.Key = "", "" // not stored
	return p, nil
}

// UserPool returns a handle on the pool with an id, or [ErrPoolNotFound].
func (e *Engine) UserPool(ctx context.Context, id string) (*UserPool, error) {
	p, err := e.poolInfo(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.handle(p), nil
}

// poolInfo reads a pool, or returns [ErrPoolNotFound].
func (e *Engine) poolInfo(ctx context.Context, id string) (*PoolInfo, error) {
	var p *PoolInfo
	err := e.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(id)))
		if err != nil {
			return err
		}
		p, err = e.decodePool(id, values[0])
		return err
	})
	return p, err
}

// UserPools yields the pools of a region, or of all regions where it is empty,
// by region and id. It begins after the id given as after, which may be empty,
// and ends after the first error.
func (e *Engine) UserPools(ctx context.Context, region, after string) iter.Seq2[*PoolInfo, error] {
	read := func(r store.Reader, after string) ([]*PoolInfo, error) {
		rng, of := store.Prefix(region), region
		if region == "" {
			rng = store.Range{}
			of, _, _ = strings.Cut(after, "_") // an id begins with its region
		}
		if after != "" {
			rng.From = store.Key(of) + store.Key(after) + "\x00"
		}
		return batch(r, pools, poolsByRegion, rng)
	}
	return batches(ctx, e.store, after, read, func(p *PoolInfo) string { return p.ID })
}

// Client returns a handle on another app client of the pool. Whether it
// exists is known at its first use.
func (p *UserPool) Client(id string) *AppClient {
	return &AppClient{engine: p.engine, pool: p.pool, id: id}
}

// Admin returns a handle with an operator's rights on the pool.
func (p *UserPool) Admin() *Admin { return &Admin{engine: p.engine, pool: p.pool} }

// PoolID is the pool's id, such as us-east-1_AbCdEf123.
func (a *AppClient) PoolID() string { return a.pool }

// Admin is what an operator may do in a user pool.
type Admin struct {
	engine *Engine
	pool   string
}

// Describe returns the pool as it is stored.
func (a *Admin) Describe(ctx context.Context) (*PoolInfo, error) {
	return a.engine.poolInfo(ctx, a.pool)
}

// Delete removes the pool at once, and everything in it in the background,
// see [Engine.Maintain]. A protected pool is refused with [ErrDeletionProtected], and one with a
// domain with [ErrPoolHasDomain].
func (a *Admin) Delete(ctx context.Context) error {
	now := a.engine.now()
	ev, err := a.engine.event(ctx, Event{
		Kind: EventPoolDeleted, Time: now, Actor: Actor{Kind: ActorProgram}, Subject: Subject{SubjectPool, a.pool},
	})
	if err != nil {
		return err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		p, err := pools.Get(tx, store.Key(a.pool))
		if errors.Is(err, store.ErrNotFound) {
			return &NotFoundError{ErrPoolNotFound, a.pool}
		}
		if err != nil {
			return err
		}
		if p.Settings.DeletionProtection {
			return ErrDeletionProtected
		}
		if has, err := hasDomain(tx, a.pool); err != nil || has {
			return cmp.Or(err, ErrPoolHasDomain)
		}
		if _, err := pools.Delete(tx, store.Key(a.pool)); err != nil {
			return err
		}
		if err := poolTombstones.Put(tx, &poolTombstone{Pool: a.pool, Deleted: now}); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return fmt.Errorf("delete user pool: %w", err)
	}
	return nil
}

// CountUsers counts the users of the pool, up to 1,000; beyond that it returns 1,000.
func (a *Admin) CountUsers(ctx context.Context) (int, error) {
	n := 0
	err := a.engine.store.View(ctx, func(r store.Reader) error {
		n = 0
		rng := store.Prefix(a.pool)
		rng.Limit = 1000
		for _, err := range r.Scan(users.Name, rng) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// JWKS are the public keys of a pool.
func (e *Engine) JWKS(ctx context.Context, poolID string) (token.Set, error) {
	r, err := e.loadRing(ctx, poolID)
	if err != nil {
		return nil, err
	}
	return r.public("", e.now()), nil
}
