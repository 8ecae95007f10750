package idpool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/store"
)

// What operators do with pools. Each change reads the pool, checks the result, and writes it with
// an event, in one transaction. The deletion of a pool writes a tombstone, and Sweep deletes the identities.

// The kinds of events of identity pools. They belong to no user pool: Engine.Events has them.
const (
	EventPoolCreated       identity.EventKind = "IdentityPoolCreated"
	EventPoolChanged       identity.EventKind = "IdentityPoolChanged" // Data has what: settings, roles, tags, principalTags
	EventPoolDeleted       identity.EventKind = "IdentityPoolDeleted"
	EventIdentityCreated   identity.EventKind = "PoolIdentityCreated" // with a login; guests leave no event
	EventIdentityLinked    identity.EventKind = "PoolIdentityLinked"  // Data has the providers
	EventIdentityUnlinked  identity.EventKind = "PoolIdentityUnlinked"
	EventIdentityMerged    identity.EventKind = "PoolIdentityMerged" // Data has the identity that it was merged into
	EventIdentityDeleted   identity.EventKind = "PoolIdentityDeleted"
	EventIdentityRevoked   identity.EventKind = "PoolIdentityRevoked" // the credentials that were issued until then
	EventPoolRevoked       identity.EventKind = "IdentityPoolRevoked" // those of all its identities
	EventRoleCreated       identity.EventKind = "RoleCreated"
	EventRoleChanged       identity.EventKind = "RoleChanged"
	EventRoleRevoked       identity.EventKind = "RoleRevoked" // the credentials that were issued until then
	EventRoleDeleted       identity.EventKind = "RoleDeleted"
	EventProviderChanged   identity.EventKind = "IAMProviderChanged"
	EventProviderDeleted   identity.EventKind = "IAMProviderDeleted"
	EventSigningKeyCreated identity.EventKind = "IdentityKeyCreated"
)

// The kinds of subjects of these events.
const (
	SubjectPool     identity.SubjectKind = "identityPool" // by its id
	SubjectIdentity identity.SubjectKind = "poolIdentity" // by its id
	SubjectProvider identity.SubjectKind = "iamProvider"  // by its ARN
	SubjectRole     identity.SubjectKind = "role"         // by its ARN
)

// Pools has what an operator may do with identity pools.
type Pools struct{ s *Service }

// Pools returns a handle on the identity pools.
func (s *Service) Pools() Pools { return Pools{s} }

// Create makes a pool in a region, or in that of the engine if it is empty. It returns [ErrInvalid], and [ErrLimit] if there are as many as there may be.
func (ps Pools) Create(ctx context.Context, region string, set Settings) (*Pool, error) {
	s := ps.s
	if region == "" {
		region = s.engine.Region()
	}
	now := s.now()
	p := &Pool{ID: newID(region), Created: now, Modified: now, Settings: set.clone()}
	if err := p.check(); err != nil {
		return nil, err
	}
	ev, err := s.operated(ctx, EventPoolCreated, SubjectPool, p.ID, nil)
	if err != nil {
		return nil, err
	}
	err = s.store.Update(ctx, func(tx store.Tx) error {
		if err := s.room(tx); err != nil {
			return err
		}
		if err := poolRecords.Insert(tx, p); err != nil {
			return err
		}
		return identity.InsertEvent(tx, ev)
	})
	if err != nil {
		return nil, fmt.Errorf("create identity pool: %w", err)
	}
	return p.clone(), nil
}

// room returns [ErrLimit] if there are as many pools as there may be.
func (s *Service) room(r store.Reader) error {
	most := limitOr(s.o.Limits.Pools, 1000)
	n := 0
	for _, err := range r.Scan(poolRecords.Name, store.Range{Limit: most}) {
		if err != nil {
			return err
		}
		n++
	}
	if n >= most {
		return about(ErrLimit, "identity pools")
	}
	return nil
}

func limitOr(set, fallback int) int {
	switch {
	case set < 0:
		return math.MaxInt
	case set == 0:
		return fallback
	}
	return set
}

// operated makes the event of an operator's change.
func (s *Service) operated(ctx context.Context, kind identity.EventKind, what identity.SubjectKind, id string, data map[string]string) (*identity.Event, error) {
	return s.engine.NewEvent(ctx, identity.Event{
		Kind: kind, Actor: identity.Actor{Kind: identity.ActorProgram}, Subject: identity.Subject{Kind: what, ID: id}, Data: data,
	})
}

// Get returns a pool, or [ErrPoolNotFound].
func (ps Pools) Get(ctx context.Context, id string) (*Pool, error) {
	p, err := ps.s.readPool(ctx, id)
	if err != nil {
		return nil, err
	}
	return p.clone(), nil
}

// Revoke revokes all credentials and open ID tokens of a pool that were issued until now. Its identities may get new ones. It
// returns [ErrPoolNotFound].
func (ps Pools) Revoke(ctx context.Context, id string) error {
	now := ps.s.now()
	_, err := ps.update(ctx, EventPoolRevoked, id, nil, func(p *Pool) error {
		p.NotBefore = now
		return nil
	})
	return err
}

// change changes a pool in a transaction, and returns it as it is stored then.
func (ps Pools) change(ctx context.Context, id, what string, fn func(*Pool) error) (*Pool, error) {
	return ps.update(ctx, EventPoolChanged, id, map[string]string{"changed": what}, fn)
}

func (ps Pools) update(ctx context.Context, kind identity.EventKind, id string, data map[string]string, fn func(*Pool) error) (*Pool, error) {
	s := ps.s
	ev, err := s.operated(ctx, kind, SubjectPool, id, data)
	if err != nil {
		return nil, err
	}
	now := s.now()
	var p *Pool
	err = s.store.Update(ctx, func(tx store.Tx) error {
		old, err := s.pool(tx, id)
		if err != nil {
			return err
		}
		p = old.clone()
		if err := fn(p); err != nil {
			return err
		}
		p.Modified = now
		if err := poolRecords.Put(tx, p); err != nil {
			return err
		}
		return identity.InsertEvent(tx, ev)
	})
	if err != nil {
		return nil, err
	}
	return p.clone(), nil
}

// Update replaces the settings of a pool: what is left out is unset. Only Defaults, and UnusedGuestDays if it is nil, stay. Role mappings and
// principal tags of providers that the pool no longer has go too.
func (ps Pools) Update(ctx context.Context, id string, set Settings) (*Pool, error) {
	return ps.change(ctx, id, "settings", func(p *Pool) error {
		if p.DeveloperProvider != "" && set.DeveloperProvider != p.DeveloperProvider {
			return ErrDeveloperProvider
		}
		next := set.clone()
		next.Defaults = p.Defaults
		if next.UnusedGuestDays == nil {
			next.UnusedGuestDays = p.UnusedGuestDays
		}
		if err := next.check(); err != nil {
			return err
		}
		p.Settings = next
		maps.DeleteFunc(p.Roles.Mappings, func(key string, _ Mapping) bool { return !p.maps(key) })
		maps.DeleteFunc(p.PrincipalTags, func(provider string, _ PrincipalTags) bool { return !p.knows(provider) })
		return nil
	})
}

// Delete deletes a pool and its identities. Credentials of theirs are no longer good.
func (ps Pools) Delete(ctx context.Context, id string) error {
	s := ps.s
	ev, err := s.operated(ctx, EventPoolDeleted, SubjectPool, id, nil)
	if err != nil {
		return err
	}
	now := s.now()
	return s.store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.pool(tx, id); err != nil {
			return err
		}
		if _, err := poolRecords.Delete(tx, store.Key(id)); err != nil {
			return err
		}
		if err := tombstones.Put(tx, &tombstone{id, now}); err != nil {
			return err
		}
		return identity.InsertEvent(tx, ev)
	})
}

// List yields the pools of a region, by id, after the one in after. An empty region means all. It ends after the first error.
func (ps Pools) List(ctx context.Context, region, after string) iter.Seq2[*Pool, error] {
	s := ps.s
	return func(yield func(*Pool, error) bool) {
		for {
			found, err := s.somePools(ctx, region, after)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, p := range found {
				if !yield(p.clone(), nil) {
					return
				}
				after = p.ID
			}
			if len(found) < batch {
				return
			}
		}
	}
}

// batch is how many records a listing reads in one transaction.
const batch = 64

func (s *Service) somePools(ctx context.Context, region, after string) (found []*Pool, err error) {
	rng := store.Range{Limit: batch}
	if region != "" {
		rng = store.StartsWith(region + ":")
		rng.Limit = batch
	}
	if after != "" {
		rng.From = max(rng.From, store.Key(after)+"\x00")
	}
	err = s.store.View(ctx, func(r store.Reader) error {
		found = nil
		for p, err := range poolRecords.Scan(r, rng) {
			if err != nil {
				return err
			}
			found = append(found, p)
		}
		return nil
	})
	return found, err
}

// SetRoles replaces the roles and the role mappings of a pool. It returns [ErrInvalid], [ErrMappingProvider] or [ErrTooManyRules] for invalid ones.
func (ps Pools) SetRoles(ctx context.Context, id string, roles Roles) error {
	return ps.ChangeRoles(ctx, id, func(r *Roles) error {
		*r = roles.clone()
		return nil
	})
}

// ChangeRoles changes the roles and the role mappings of a pool by fn, which may be called more than once. It returns the errors of [Pools.SetRoles], and
// those of fn as they are.
func (ps Pools) ChangeRoles(ctx context.Context, id string, fn func(*Roles) error) error {
	_, err := ps.change(ctx, id, "roles", func(p *Pool) error {
		if err := fn(&p.Roles); err != nil {
			return err
		}
		return p.Roles.check(p)
	})
	return err
}

// SetPrincipalTags replaces the principal tags of a provider, and returns them. The provider must be one of the pool.
func (ps Pools) SetPrincipalTags(ctx context.Context, id, provider string, tags PrincipalTags) (*PrincipalTags, error) {
	if tags.UseDefaults {
		tags.Tags = nil
	}
	tags.Tags = maps.Clone(tags.Tags)
	_, err := ps.change(ctx, id, "principalTags", func(p *Pool) error {
		if !p.knows(provider) {
			return invalid("%s is not a provider of the identity pool.", provider)
		}
		if err := tags.check(); err != nil {
			return err
		}
		if p.PrincipalTags == nil {
			p.PrincipalTags = map[string]PrincipalTags{}
		}
		p.PrincipalTags[canonical(provider)] = tags
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &tags, nil
}

// PrincipalTagsOf returns the principal tags of a provider. One that has none set has the zero value.
func (ps Pools) PrincipalTagsOf(ctx context.Context, id, provider string) (*PrincipalTags, error) {
	p, err := ps.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if !p.knows(provider) {
		return nil, invalid("%s is not a provider of the identity pool.", provider)
	}
	tags := p.PrincipalTags[canonical(provider)]
	return &tags, nil
}

// knows reports whether a name is that of a provider of the pool.
func (p *Pool) knows(provider string) bool {
	_, social := p.Social[provider]
	return social || slices.Contains(p.OIDC, provider) || slices.Contains(p.SAML, provider) || slices.ContainsFunc(p.OIDC, func(arn string) bool { return issuerIn(arn) == provider }) ||
		slices.ContainsFunc(p.UserPools, func(u UserPool) bool { return canonical(u.Name) == canonical(provider) })
}

// Retag changes the tags of a pool by fn.
func (ps Pools) Retag(ctx context.Context, id string, fn func(map[string]string)) error {
	_, err := ps.change(ctx, id, "tags", func(p *Pool) error {
		if p.Tags == nil {
			p.Tags = map[string]string{}
		}
		fn(p.Tags)
		return checkTags(p.Tags)
	})
	return err
}

// ARN returns the Amazon Resource Name of a pool.
func (s *Service) ARN(id string) string {
	return "arn:aws:cognito-identity:" + regionOf(id) + ":" + s.engine.Account() + ":identitypool/" + id
}

// Sweep deletes the identities of deleted pools, in transactions of at most 500 records, and returns how many. The engine's Maintain
// runs it as a job, see [Service.Job]. What has expired is deleted by the engine's own sweep.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	var gone []string
	err := s.store.View(ctx, func(r store.Reader) error {
		gone = nil
		for t, err := range tombstones.Scan(r, store.Range{Limit: batch}) {
			if err != nil {
				return err
			}
			gone = append(gone, t.Pool)
		}
		return nil
	})
	total := 0
	for _, pool := range gone {
		n, purgeErr := s.purge(ctx, pool)
		total += n
		err = errors.Join(err, purgeErr)
	}
	return total, err
}

// sweepBatch is how many records one transaction deletes.
const sweepBatch = 500

// purge deletes the identities of a pool, and then its tombstone.
func (s *Service) purge(ctx context.Context, pool string) (total int, err error) {
	for more := true; more; {
		n := 0
		err := s.store.Update(ctx, func(tx store.Tx) error {
			n = 0
			rng := store.Prefix(pool)
			rng.Limit = sweepBatch
			var keys []string
			for key, err := range identities.ScanIndex(tx, identitiesByPool, rng) {
				if err != nil {
					return err
				}
				keys = append(keys, key)
			}
			for _, key := range keys {
				if _, err := identities.Delete(tx, key); err != nil {
					return err
				}
				n++
			}
			if more = len(keys) == sweepBatch; more {
				return nil
			}
			_, err := tombstones.Delete(tx, store.Key(pool))
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

// Job returns the job that deletes the identities of deleted pools, for identity.Options.Jobs. It works on the engine that runs it.
func Job(s store.Store) identity.Job {
	return identity.Job{Name: "sweep-identity-pools", Run: func(ctx context.Context, _ *identity.Engine) error {
		if _, err := (&Service{store: s}).Sweep(ctx); err != nil {
			return err
		}
		roles, err := sts.New(s, nil)
		if err != nil {
			return err
		}
		return roles.RotateKeys(ctx, false)
	}}
}
