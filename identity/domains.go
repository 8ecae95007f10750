package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Domains of pools. A name belongs to one pool of the whole store, and a pool has one prefix and
// one custom domain at most: both are unique indexes, so two operators at once cannot break
// either rule. Create reads both first, to say which is broken. Create, Update and Delete
// make the event first, and then commit one transaction.

// A Domain is a domain of a pool, as it is stored.
type Domain struct {
	Pool     string         `json:"pool"`     // the id of the pool
	Created  time.Time      `json:"created"`  // when it was made
	Modified time.Time      `json:"modified"` // when it was changed last
	Settings DomainSettings `json:"settings"` // its name, and what it serves
}

// slot is the place that a domain takes in its pool.
func (d *Domain) slot() string {
	if d.Settings.Custom() {
		return store.Key(d.Pool, "custom")
	}
	return store.Key(d.Pool, "prefix")
}

// Domains has what an operator may do with the domains of a pool.
type Domains struct{ admin *Admin }

// Domains returns a handle on the domains of the pool.
func (a *Admin) Domains() Domains { return Domains{a} }

// DomainPool returns the id of the pool that has a domain: a prefix, which is the first label
// of a host, or a custom domain, which is the whole host without a port. Case does not count. If no
// pool has the domain, it returns [ErrDomainNotFound].
func (e *Engine) DomainPool(ctx context.Context, domain string) (poolID string, err error) {
	var d *Domain
	err = e.store.View(ctx, func(r store.Reader) (err error) {
		d, err = orNil(domains.Get(r, store.Key(strings.ToLower(domain))))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("find domain: %w", err)
	}
	if d == nil {
		return "", &NotFoundError{ErrDomainNotFound, domain}
	}
	return d.Pool, nil
}

// Create gives the pool a domain. It returns [ErrDomainTaken] if a pool has the name, and
// [ErrDomainExists] if this pool has a domain of the kind: a prefix, or a custom domain.
func (ds Domains) Create(ctx context.Context, settings DomainSettings) (*Domain, error) {
	for {
		d, err := ds.create(ctx, settings)
		if errors.Is(err, store.ErrExists) {
			continue // another operator was quicker: the next read finds what was written
		}
		if err != nil {
			return nil, fmt.Errorf("create domain: %w", err)
		}
		return d, nil
	}
}

func (ds Domains) create(ctx context.Context, settings DomainSettings) (*Domain, error) {
	if err := settings.Check(); err != nil {
		return nil, err
	}
	a, now := ds.admin, ds.admin.engine.now()
	d := &Domain{Pool: a.pool, Created: now, Modified: now, Settings: settings}
	ev, err := a.happened(ctx, EventDomainCreated, Subject{SubjectDomain, settings.Name}, now)
	if err != nil {
		return nil, err
	}
	err = a.engine.store.Update(ctx, func(tx store.Tx) error {
		values, err := tx.Get(pools.Ref(store.Key(a.pool)), domains.Ref(domains.Key(d)), domains.IndexRef(domainsBySlot, d.slot()))
		if err != nil {
			return err
		}
		if _, err := a.engine.decodePool(a.pool, values[0]); err != nil {
			return err
		}
		switch {
		case values[1] != nil:
			return &DomainError{ErrDomainTaken, settings.Name}
		case values[2] != nil:
			return &DomainError{ErrDomainExists, settings.Name}
		}
		if err := domains.Insert(tx, d); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	return d, err
}

// Get returns a domain of the pool, or [ErrDomainNotFound].
func (ds Domains) Get(ctx context.Context, name string) (*Domain, error) {
	var d *Domain
	err := ds.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		d, err = ds.admin.domain(r, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get domain: %w", err)
	}
	return d, nil
}

// domain reads the pool and one of its domains.
func (a *Admin) domain(r store.Reader, name string) (*Domain, error) {
	values, err := r.Get(pools.Ref(store.Key(a.pool)), domains.Ref(store.Key(name)))
	if err != nil {
		return nil, err
	}
	if _, err := a.engine.decodePool(a.pool, values[0]); err != nil {
		return nil, err
	}
	d, err := orNil(domains.Decode(values[1]))
	if err == nil && (d == nil || d.Pool != a.pool) {
		err = &NotFoundError{ErrDomainNotFound, name}
	}
	return d, err
}

// List returns the domains of the pool: the prefix first, then the custom domain.
func (ds Domains) List(ctx context.Context) ([]*Domain, error) {
	var found []*Domain
	err := ds.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		found, err = indexed(r, domains, domainsBySlot, store.Prefix(ds.admin.pool))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list domains: %w", err)
	}
	slices.Reverse(found) // "prefix" comes after "custom"
	return found, nil
}

// hasDomain reports whether a pool has a domain.
func hasDomain(r store.Reader, pool string) (bool, error) {
	rng := store.Prefix(pool)
	rng.Limit = 1
	for _, err := range domains.ScanIndex(r, domainsBySlot, rng) {
		return true, err
	}
	return false, nil
}

// Update changes the settings of a domain with fn, and returns the domain as it is stored then.
// What is said of fn at [Admin.Update] holds here too. The name cannot be changed.
func (ds Domains) Update(ctx context.Context, name string, fn func(*DomainSettings) error) (*Domain, error) {
	now := ds.admin.engine.now()
	ev, err := ds.admin.happened(ctx, EventDomainChanged, Subject{SubjectDomain, name}, now)
	if err != nil {
		return nil, err
	}
	var kept *Domain
	err = ds.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		kept = nil
		d, err := ds.admin.domain(tx, name)
		if err != nil {
			return err
		}
		before, err := membersOf(&d.Settings)
		if err != nil {
			return err
		}
		if err := fn(&d.Settings); err != nil {
			return err
		}
		if d.Settings.Name != name {
			return invalid("Domain", "The name of a domain cannot be changed.")
		}
		if err := d.Settings.Check(); err != nil {
			return err
		}
		d.Modified, kept = now, d
		if err := domains.Put(tx, d); err != nil {
			return err
		}
		return ev.insertChanged(tx, before, &d.Settings)
	})
	if err != nil {
		return nil, fmt.Errorf("update domain: %w", err)
	}
	return kept, nil
}

// Delete takes a domain away from the pool. Any pool may take the name from then on.
func (ds Domains) Delete(ctx context.Context, name string) error {
	ev, err := ds.admin.happened(ctx, EventDomainDeleted, Subject{SubjectDomain, name}, ds.admin.engine.now())
	if err != nil {
		return err
	}
	err = ds.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		if _, err := ds.admin.domain(tx, name); err != nil {
			return err
		}
		if _, err := domains.Delete(tx, store.Key(name)); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return fmt.Errorf("delete domain: %w", err)
	}
	return nil
}
