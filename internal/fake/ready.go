package fake

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// readyName is the name of the ready pool and of its client.
const readyName = "dev"

// ReadyPool returns the settings of a pool as CreateUserPool makes it, with a code by
// e-mail at sign-up.
func ReadyPool() *identity.PoolSettings {
	return &identity.PoolSettings{
		Name: readyName, Defaults: identity.CognitoDefaults, SRP: true,
		AutoVerified: []string{"email"},
	}
}

// ReadyClient returns the settings of a client without a secret that may sign in by SRP and
// by password, and refresh.
func ReadyClient() *identity.ClientSettings {
	return &identity.ClientSettings{
		Name: readyName,
		AuthFlows: []identity.AuthFlow{
			identity.AllowUserSRP, identity.AllowUserPassword, identity.AllowAdminPassword, identity.AllowRefresh,
		},
	}
}

// A readyRecord stores which pool and client of a region are the ready ones.
type readyRecord struct {
	Region string `json:"region"`
	Pool   string `json:"pool"`
	Client string `json:"client"`
}

var readies = &store.Table[readyRecord]{
	Name: "fakeready", Key: func(r *readyRecord) string { return store.Key(r.Region) },
}

// openReady finds the ready pool of an earlier start, or makes one. It makes a new pool or
// client if the old one was deleted.
func openReady(ctx context.Context, e *identity.Engine, st store.Store, o *Options) (*identity.UserPool, error) {
	pool, err := findReady(ctx, e, st)
	if err != nil {
		return nil, err
	}
	if pool != nil {
		return pool, o.wants(pool)
	}
	return makeReady(ctx, e, st, o)
}

// ErrOtherID is returned by [New] if the store has a ready pool or client with another id
// than the options.
var ErrOtherID = errors.New("fake: the store was made with another id")

func (o *Options) wants(p *identity.UserPool) error {
	for _, id := range []struct{ want, have string }{{o.PoolID, p.PoolID()}, {o.ClientID, p.ClientID()}} {
		if id.want != "" && id.want != id.have {
			return fmt.Errorf("%w: %s", ErrOtherID, id.have)
		}
	}
	return nil
}

// findReady returns nil if there is no ready pool, or the pool has lost its ready client.
func findReady(ctx context.Context, e *identity.Engine, st store.Store) (*identity.UserPool, error) {
	var r *readyRecord
	err := st.View(ctx, func(rd store.Reader) (err error) {
		r, err = readies.Get(rd, store.Key(e.Region()))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pool, err := readyHandle(ctx, e, r)
	if errors.Is(err, identity.ErrPoolNotFound) || errors.Is(err, identity.ErrClientNotFound) {
		return nil, nil
	}
	return pool, err
}

// readyHandle returns a handle of the ready pool whose default client is the ready client.
func readyHandle(ctx context.Context, e *identity.Engine, r *readyRecord) (*identity.UserPool, error) {
	pool, err := e.UserPool(ctx, r.Pool)
	if err != nil {
		return nil, err
	}
	client, err := e.AppClient(ctx, r.Client)
	if err != nil {
		return nil, err
	}
	pool.AppClient = client
	return pool, nil
}

func makeReady(ctx context.Context, e *identity.Engine, st store.Store, o *Options) (*identity.UserPool, error) {
	settings, clientSettings := o.Pool, o.Client
	if settings == nil {
		settings = ReadyPool()
	}
	if clientSettings == nil {
		clientSettings = ReadyClient()
	}
	s, c := named(settings), namedClient(clientSettings)
	s.ID, c.ID = cmp.Or(o.PoolID, s.ID), cmp.Or(o.ClientID, c.ID)
	pool, err := poolFor(ctx, e, s)
	if err != nil {
		return nil, err
	}
	client, err := pool.Admin().Clients().Create(ctx, c)
	if err != nil {
		return nil, err
	}
	r := &readyRecord{Region: e.Region(), Pool: pool.PoolID(), Client: client.ID}
	if err := st.Update(ctx, func(tx store.Tx) error { return readies.Put(tx, r) }); err != nil {
		return nil, err
	}
	pool.AppClient = pool.Client(client.ID)
	return pool, nil
}

// poolFor makes the pool. If the pool with the given id has lost only its ready client, poolFor
// returns that pool; if the pool was deleted, its id is free after a sweep.
func poolFor(ctx context.Context, e *identity.Engine, s *identity.PoolSettings) (*identity.UserPool, error) {
	if s.ID != "" {
		pool, err := e.UserPool(ctx, s.ID)
		if !errors.Is(err, identity.ErrPoolNotFound) {
			return pool, err
		}
		if _, err := e.Sweep(ctx); err != nil {
			return nil, err
		}
	}
	info, err := e.CreateUserPool(ctx, s)
	if err != nil {
		return nil, err
	}
	return e.UserPool(ctx, info.ID)
}

func named(s *identity.PoolSettings) *identity.PoolSettings {
	c := *s
	if c.Name == "" {
		c.Name = readyName
	}
	return &c
}

func namedClient(s *identity.ClientSettings) *identity.ClientSettings {
	c := *s
	if c.Name == "" {
		c.Name = readyName
	}
	return &c
}
