package idpool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// Identities, as operators see them.

// An Identity is a user, or a guest, of an identity pool.
type Identity struct {
	ID   string // the region, a colon, and a UUID
	Pool string // the id of the pool
	// Logins are the names of the providers that it is linked to. The developer provider is among them, once.
	Logins   []string
	Created  time.Time // when it was made
	Modified time.Time // when its logins changed last
	// Disabled says that it was merged into another one.
	Disabled bool
}

// Identities has what an operator may do with identities.
type Identities struct{ s *Service }

// Identities returns a handle on identities.
func (s *Service) Identities() Identities { return Identities{s} }

// shown is an identity as operators get it.
func (r *record) shown(p *Pool) *Identity {
	out := &Identity{ID: r.ID, Pool: r.Pool, Created: r.Created, Modified: r.Modified, Disabled: r.disabled()}
	for _, l := range r.Logins {
		if !slices.Contains(out.Logins, l.Provider) {
			out.Logins = append(out.Logins, l.Provider)
		}
	}
	if len(r.Developer) > 0 {
		out.Logins = append(out.Logins, p.DeveloperProvider)
	}
	return out
}

// identity reads an identity and its pool. One that has expired does not exist. The record is shared: to change it, copy it first.
func (s *Service) identity(r store.Reader, id string, now time.Time) (*record, *Pool, error) {
	key := store.Key(id)
	values, err := r.Get(identities.Ref(key))
	if err != nil {
		return nil, nil, err
	}
	rec, err := s.records.Decode(key, values[0])
	if errors.Is(err, store.ErrNotFound) || err == nil && !rec.Expires.IsZero() && !now.Before(rec.Expires) {
		return nil, nil, about(ErrIdentityNotFound, "%s", id)
	}
	if err != nil {
		return nil, nil, err
	}
	p, err := s.pool(r, rec.Pool)
	if errors.Is(err, ErrPoolNotFound) { // it was deleted, and the identity is still to be swept
		return nil, nil, about(ErrIdentityNotFound, "%s", id)
	}
	return rec, p, err
}

// readIdentity reads an identity in a transaction of its own.
func (s *Service) readIdentity(ctx context.Context, id string) (rec *record, p *Pool, err error) {
	now := s.now()
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		rec, p, err = s.identity(r, id, now)
		return err
	})
	return rec, p, err
}

// Get returns an identity, or [ErrIdentityNotFound].
func (is Identities) Get(ctx context.Context, id string) (*Identity, error) {
	rec, p, err := is.s.readIdentity(ctx, id)
	if err != nil {
		return nil, err
	}
	return rec.shown(p), nil
}

// A Query says which identities of a pool to list.
type Query struct {
	// After is the id of the last identity of the page before.
	After string
	// Limit is how many to return, from 1 to 60. Defaults to 60.
	Limit int
	// HideDisabled leaves out those that were merged into others.
	HideDisabled bool
}

// maxPage is how many identities a page has.
const maxPage = 60

// List returns a page of the identities of a pool, by id, and where the next page begins: "" if there is none.
func (is Identities) List(ctx context.Context, pool string, q Query) (page []*Identity, next string, err error) {
	s := is.s
	if q.Limit < 1 || q.Limit > maxPage {
		q.Limit = maxPage
	}
	now := s.now()
	for after := q.After; ; {
		found, p, err := s.some(ctx, pool, after)
		if err != nil {
			return nil, "", err
		}
		for _, rec := range found {
			gone := !rec.Expires.IsZero() && !now.Before(rec.Expires)
			if gone || q.HideDisabled && rec.disabled() {
				continue
			}
			if len(page) == q.Limit {
				return page, page[len(page)-1].ID, nil
			}
			page = append(page, rec.shown(p))
		}
		if len(found) < batch {
			return page, "", nil
		}
		after = found[len(found)-1].ID
	}
}

// some reads the next identities of a pool.
func (s *Service) some(ctx context.Context, pool, after string) (found []*record, p *Pool, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		found = nil
		if p, err = s.pool(r, pool); err != nil {
			return err
		}
		rng := store.Prefix(pool)
		rng.Limit = batch
		if after != "" {
			rng.From = max(rng.From, store.Key(pool, after)+"\x00")
		}
		var refs []store.Ref
		for key, err := range identities.ScanIndex(r, identitiesByPool, rng) {
			if err != nil {
				return err
			}
			refs = append(refs, identities.Ref(key))
		}
		if len(refs) == 0 {
			return nil
		}
		values, err := r.Get(refs...)
		if err != nil {
			return err
		}
		for _, v := range values {
			rec, err := identities.Decode(v)
			if err != nil {
				return err
			}
			found = append(found, rec)
		}
		return nil
	})
	return found, p, err
}

// Revoke revokes all credentials and open ID tokens of an identity that were issued until now. The identity may get new
// ones: to keep it out, delete it, or disable its user. It returns [ErrIdentityNotFound].
func (is Identities) Revoke(ctx context.Context, id string) error {
	s := is.s
	ev, err := s.operated(ctx, EventIdentityRevoked, SubjectIdentity, id, nil)
	if err != nil {
		return err
	}
	now := s.now()
	err = s.store.Update(ctx, func(tx store.Tx) error {
		rec, _, err := s.identity(tx, id, now)
		if err != nil {
			return err
		}
		next := *rec
		next.NotBefore = now
		if err := identities.Put(tx, &next); err != nil {
			return err
		}
		return identity.InsertEvent(tx, ev)
	})
	if err != nil {
		return fmt.Errorf("revoke the credentials of an identity: %w", err)
	}
	return nil
}

// maxDelete is how many identities one call deletes.
const maxDelete = 60

// Delete deletes identities, at most 60. Those that do not exist are left out in silence, and so are those for which allowed returns false: it may be nil.
// It returns the ids of those that allowed refused.
func (is Identities) Delete(ctx context.Context, ids []string, allowed func(pool string) bool) (refused []string, err error) {
	s := is.s
	if len(ids) < 1 || len(ids) > maxDelete {
		return nil, invalid("A call deletes 1 to %d identities.", maxDelete)
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		ev, err := s.operated(ctx, EventIdentityDeleted, SubjectIdentity, id, nil)
		if err != nil {
			return nil, err
		}
		not := false
		err = s.store.Update(ctx, func(tx store.Tx) error {
			not = false
			rec, err := identities.Get(tx, store.Key(id))
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			if not = allowed != nil && !allowed(rec.Pool); not {
				return nil
			}
			if _, err := identities.Delete(tx, store.Key(id)); err != nil {
				return err
			}
			return identity.InsertEvent(tx, ev)
		})
		if err != nil {
			return nil, fmt.Errorf("delete identities: %w", err)
		}
		if not {
			refused = append(refused, id)
		}
	}
	return refused, nil
}
