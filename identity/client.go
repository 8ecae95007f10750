package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Clients.Create checks the settings and makes the id and the secret. It checks
// the quota. Then one transaction checks that the pool still exists, and inserts
// the client, its secret and the event. The quota is checked outside of the
// transaction, so clients that are created at the same moment may exceed it.

// An AppClient has what anyone may do in a user pool through one of its app
// clients. The settings of the client say which ways to sign in are allowed.
type AppClient struct {
	engine *Engine
	pool   string
	id     string
	admin  bool // calls come from an operator's program
	pages  bool // calls come from sign-in pages, see Pages
}

// ClientID returns the id of the app client.
func (a *AppClient) ClientID() string { return a.id }

// AppClient finds an app client, in whatever pool, by its id. It returns
// [ErrClientNotFound] if no client has the id.
func (e *Engine) AppClient(ctx context.Context, id string) (*AppClient, error) {
	if pool, ok := e.homes.Load(id); ok {
		return &AppClient{engine: e, pool: pool.(string), id: id}, nil
	}
	var c *ClientInfo
	err := e.store.View(ctx, func(r store.Reader) (err error) {
		c, err = clients.Get(r, store.Key(id))
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, &NotFoundError{ErrClientNotFound, id}
	}
	if err != nil {
		return nil, err
	}
	e.homes.Store(id, c.Pool)
	return &AppClient{engine: e, pool: c.Pool, id: id}, nil
}

// Clients has what an operator may do with the app clients of a pool.
type Clients struct{ admin *Admin }

// Clients returns a handle on the app clients of the pool.
func (a *Admin) Clients() Clients { return Clients{a} }

// Create makes an app client. Read its secret, if it has one, with
// [Clients.Secrets]. Create returns [ErrQuotaExceeded] if the pool has as many
// clients as it may have: see [Quotas]. It returns [ErrScopeNotFound] for a scope of no
// resource server of the pool.
func (c Clients) Create(ctx context.Context, settings *ClientSettings) (*ClientInfo, error) {
	pool, err := c.admin.Describe(ctx)
	if err != nil {
		return nil, err
	}
	settings = cmp.Or(settings, &ClientSettings{})
	client, secret, err := c.admin.engine.newClient(pool, settings)
	if err != nil {
		return nil, err
	}
	ev, err := c.admin.happened(ctx, EventClientCreated, Subject{SubjectClient, client.ID}, client.Created)
	if err != nil {
		return nil, err
	}
	if err := c.admin.engine.checkClientLimit(ctx, pool.ID); err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	err = c.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		now, err := pools.Get(tx, store.Key(pool.ID))
		if errors.Is(err, store.ErrNotFound) {
			return &NotFoundError{ErrPoolNotFound, pool.ID}
		}
		if err != nil {
			return err
		}
		if err := cmp.Or(clientIDFree(tx, settings.ID), checkScopes(tx, pool.ID, &client.Settings), checkProviders(tx, pool.ID, &client.Settings)); err != nil {
			return err
		}
		if err := cmp.Or(insertClient(tx, client, secret), admitSSO(tx, now, &client.Settings)); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	c.admin.engine.homes.Delete(client.ID) // a given id may be that of a client which another pool had
	return client, nil
}

// Get returns an app client of the pool, or [ErrClientNotFound].
func (c Clients) Get(ctx context.Context, id string) (*ClientInfo, error) {
	s, err := c.admin.client(id).load(ctx)
	if err != nil {
		return nil, err
	}
	return s.client, nil
}

// Secrets returns the secrets of an app client: none, one, or two during a
// rotation.
func (c Clients) Secrets(ctx context.Context, id string) ([]Secret, error) {
	s, err := c.admin.client(id).load(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Secret, 0, 2)
	for _, v := range s.secrets {
		out = append(out, Secret(v))
	}
	return out, nil
}

func (a *Admin) client(id string) *AppClient {
	return &AppClient{engine: a.engine, pool: a.pool, id: id, admin: true}
}

// newClient makes the records of a client. The record of the secret is nil if
// the client has no secret.
func (e *Engine) newClient(p *PoolInfo, settings *ClientSettings) (*ClientInfo, *clientSecret, error) {
	if err := settings.Check(&p.Settings); err != nil {
		return nil, nil, fmt.Errorf("create client: %w", err)
	}
	id := settings.ID
	if id == "" {
		made, err := random(e.rand, lower36, 26)
		if err != nil {
			return nil, nil, err
		}
		id = made
	}
	now := e.now()
	c := &ClientInfo{ID: id, Pool: p.ID, Created: now, Modified: now, Settings: *settings}
	c.Settings.ID = "" // not stored
	value := settings.Secret
	if settings.GenerateSecret {
		var err error
		if value, err = newSecret(); err != nil {
			return nil, nil, err
		}
	}
	if value == "" {
		return c, nil, nil
	}
	c.HasSecret = true
	secret := &clientSecret{Client: id}
	secret.add(string(value), now)
	return c, secret, nil
}

// secretID returns the id of a client's secret, in the form that the service uses.
func secretID(client string, created time.Time) string {
	return client + "--" + strconv.FormatInt(created.UnixMilli(), 10)
}

func insertClient(tx store.Tx, c *ClientInfo, s *clientSecret) error {
	if err := clients.Insert(tx, c); err != nil {
		return err
	}
	if s == nil {
		return nil
	}
	return clientSecrets.Insert(tx, s)
}

// appClient returns a handle on the app client that the call came through.
func (s *scope) appClient() *AppClient {
	return &AppClient{engine: s.engine, pool: s.pool.ID, id: s.client.ID, admin: s.admin, pages: s.pages}
}
