package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Resource servers. Create, Update and Delete check their input and make the event first. Then
// one transaction checks that the pool exists, writes the record and inserts the event.
//
// App clients name scopes, and keep the names when a resource server or a scope is deleted.
// So whoever puts scopes into a token asks resourceScopes which of them still exist, in the
// transaction that reads the client.

// A ResourceServer is an API and its scopes, as it is stored.
type ResourceServer struct {
	Pool     string                 `json:"pool"`     // the id of the pool
	Created  time.Time              `json:"created"`  // when it was made
	Modified time.Time              `json:"modified"` // when it was changed last
	Settings ResourceServerSettings `json:"settings"` // its identifier, name and scopes
}

// ResourceServers has what an operator may do with the resource servers of a pool.
type ResourceServers struct{ admin *Admin }

// ResourceServers returns a handle on the resource servers of the pool.
func (a *Admin) ResourceServers() ResourceServers { return ResourceServers{a} }

// Create makes a resource server. It returns [ErrResourceServerExists] if the identifier is
// taken, and [ErrQuotaExceeded] if the pool has as many as it may have: see [Quotas].
func (rs ResourceServers) Create(ctx context.Context, settings ResourceServerSettings) (*ResourceServer, error) {
	s, err := rs.create(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("create resource server: %w", err)
	}
	return s, nil
}

func (rs ResourceServers) create(ctx context.Context, settings ResourceServerSettings) (*ResourceServer, error) {
	if err := settings.Check(); err != nil {
		return nil, err
	}
	a, e := rs.admin, rs.admin.engine
	if err := e.checkLimit(ctx, "resource servers", e.quotas.ResourceServers, serviceQuotas.ResourceServers, resourceServers.Name, store.Prefix(a.pool)); err != nil {
		return nil, err
	}
	now := e.now()
	s := &ResourceServer{Pool: a.pool, Created: now, Modified: now, Settings: settings}
	ev, err := a.happened(ctx, EventResourceServerCreated, Subject{SubjectResourceServer, settings.Identifier}, now)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if err := a.exists(tx); err != nil {
			return err
		}
		return cmp.Or(resourceServers.Insert(tx, s), events.Insert(tx, ev))
	})
	if errors.Is(err, store.ErrExists) {
		err = &ResourceServerError{ErrResourceServerExists, a.pool, settings.Identifier}
	}
	return s, err
}

// Get returns a resource server by its identifier, or [ErrResourceServerNotFound].
func (rs ResourceServers) Get(ctx context.Context, identifier string) (*ResourceServer, error) {
	var s *ResourceServer
	err := rs.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		s, err = rs.admin.resourceServer(r, identifier)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get resource server: %w", err)
	}
	return s, nil
}

// resourceServer reads the pool and one of its resource servers.
func (a *Admin) resourceServer(r store.Reader, identifier string) (*ResourceServer, error) {
	values, err := r.Get(pools.Ref(store.Key(a.pool)), resourceServers.Ref(store.Key(a.pool, identifier)))
	if err != nil {
		return nil, err
	}
	if _, err := a.engine.decodePool(a.pool, values[0]); err != nil {
		return nil, err
	}
	if values[1] == nil {
		return nil, &NotFoundError{ErrResourceServerNotFound, identifier}
	}
	return resourceServers.Decode(values[1])
}

// Update changes the settings of a resource server with fn, and returns the resource server as
// it is stored then. What is said of fn at [Admin.Update] holds here too. The identifier cannot
// be changed. App clients keep the names of scopes that are gone, and no token has such a scope.
func (rs ResourceServers) Update(ctx context.Context, identifier string, fn func(*ResourceServerSettings) error) (*ResourceServer, error) {
	now := rs.admin.engine.now()
	ev, err := rs.admin.happened(ctx, EventResourceServerChanged, Subject{SubjectResourceServer, identifier}, now)
	if err != nil {
		return nil, err
	}
	var kept *ResourceServer
	err = rs.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		kept = nil
		s, err := rs.admin.resourceServer(tx, identifier)
		if err != nil {
			return err
		}
		before, err := membersOf(&s.Settings)
		if err != nil {
			return err
		}
		if err := fn(&s.Settings); err != nil {
			return err
		}
		if s.Settings.Identifier != identifier {
			return invalid("Identifier", "The identifier of a resource server cannot be changed.")
		}
		if err := s.Settings.Check(); err != nil {
			return err
		}
		s.Modified, kept = now, s
		if err := resourceServers.Put(tx, s); err != nil {
			return err
		}
		return ev.insertChanged(tx, before, &s.Settings)
	})
	if err != nil {
		return nil, fmt.Errorf("update resource server: %w", err)
	}
	return kept, nil
}

// Delete removes a resource server. App clients keep the names of its scopes, and no token has
// them any more. Tokens that were issued before stay as they are.
func (rs ResourceServers) Delete(ctx context.Context, identifier string) error {
	ev, err := rs.admin.happened(ctx, EventResourceServerDeleted, Subject{SubjectResourceServer, identifier}, rs.admin.engine.now())
	if err != nil {
		return err
	}
	err = rs.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		s, err := rs.admin.resourceServer(tx, identifier)
		if err != nil {
			return err
		}
		if _, err := resourceServers.Delete(tx, resourceServers.Key(s)); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return fmt.Errorf("delete resource server: %w", err)
	}
	return nil
}

// List yields the resource servers of the pool, ordered by identifier. It begins after the
// identifier in after; an empty string means from the beginning. It ends after the first error.
func (rs ResourceServers) List(ctx context.Context, after string) iter.Seq2[*ResourceServer, error] {
	a := rs.admin
	return batches(ctx, a.engine.store, after, func(r store.Reader, after string) (found []*ResourceServer, err error) {
		if err := a.exists(r); err != nil {
			return nil, fmt.Errorf("list resource servers: %w", err)
		}
		rng := store.Prefix(a.pool)
		if rng.Limit = listBatch; after != "" {
			rng.From = store.Key(a.pool, after) + "\x00"
		}
		for s, err := range resourceServers.Scan(r, rng) {
			if err != nil {
				return nil, err
			}
			found = append(found, s)
		}
		return found, nil
	}, func(s *ResourceServer) string { return s.Settings.Identifier })
}

// knownScopes are the scopes that every pool has.
var knownScopes = []string{"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"}

// resourceScopes reports which of the scopes in wanted are scopes of a resource server of the
// pool, in one round trip. The scopes that every pool has are not among them.
func resourceScopes(r store.Reader, pool string, wanted []string) (map[string]bool, error) {
	var refs []store.Ref
	for _, scope := range wanted {
		// The name of a scope has no slash, so the last one ends the identifier.
		if i := strings.LastIndexByte(scope, '/'); i > 0 {
			if ref := resourceServers.Ref(store.Key(pool, scope[:i])); !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	exist := map[string]bool{}
	if len(refs) == 0 {
		return exist, nil
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		s, err := orNil(resourceServers.Decode(v))
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		for _, scope := range s.Settings.Scopes {
			if full := s.Settings.Identifier + "/" + scope.Name; slices.Contains(wanted, full) {
				exist[full] = true
			}
		}
	}
	return exist, nil
}

// checkScopes returns [ErrScopeNotFound] if a client's settings name a scope that does not exist.
func checkScopes(r store.Reader, pool string, s *ClientSettings) error {
	exist, err := resourceScopes(r, pool, s.OAuthScopes)
	if err != nil {
		return err
	}
	for _, scope := range s.OAuthScopes {
		if !slices.Contains(knownScopes, scope) && !exist[scope] {
			return &NotFoundError{ErrScopeNotFound, scope}
		}
	}
	return nil
}
