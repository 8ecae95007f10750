package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Identity providers: by whom else the users of a pool sign in. Create and Update check the settings, let the resolver look at
// the provider, make keys, and only then begin the transaction that writes the provider and the event. federation.go signs users in by them.
//
// App clients name providers, and keep the names when a provider is deleted. So whoever signs users in reads the provider
// again. The users whom a provider has brought stay, without a way in.

// A Provider is an identity provider of a pool, as it is stored.
type Provider struct {
	Pool     string    `json:"pool"`     // the id of the pool
	Created  time.Time `json:"created"`  // when it was made
	Modified time.Time `json:"modified"` // when it was changed last
	// EntityID is what a SAML provider calls itself, if a resolver has read its metadata.
	EntityID string `json:"entityId,omitempty"`
	ProviderSettings
}

// A providerRecord is a provider with what only the engine reads.
type providerRecord struct {
	Provider
	// Encryption are the keys that a SAML provider encrypts to, the newest first.
	Encryption []SAMLKey `json:"encryption,omitempty"`
	// LinkedBy are the attributes by which links of the provider name people, or have named them.
	LinkedBy []string `json:"linkedBy,omitempty"`
}

// The details of SAML providers that are told and not set.
const (
	detailEncryption = "ActiveEncryptionCertificate"
	detailSSO        = "SSORedirectBindingURI"
	detailSLO        = "SLORedirectBindingURI"
)

// A ProviderResolver looks at an identity provider over the network.
type ProviderResolver interface {
	// ResolveProvider returns what the details of a provider do not tell. It is asked about OIDC providers that lack an
	// endpoint, and about all SAML providers. Its errors are [ErrProviderUnreachable] and a [*ProviderError] of [ErrProviderMetadata],
	// and must not tell what answered: an operator must not scan the network with it.
	ResolveProvider(ctx context.Context, p *ProviderSettings) (ResolvedProvider, error)
}

// A ResolvedProvider is what a [ProviderResolver] has found.
type ResolvedProvider struct {
	EntityID    string // of a SAML provider
	SSORedirect string // where a SAML provider takes requests to sign in, by a redirect
	SLORedirect string // where it takes requests to sign out; empty for nowhere
}

// Providers has what an operator may do with the identity providers of a pool.
type Providers struct{ admin *Admin }

// Providers returns a handle on the identity providers of the pool.
func (a *Admin) Providers() Providers { return Providers{a} }

// Create makes an identity provider, and the group of the users who sign in by it. It returns [ErrProviderExists] if the name is taken,
// [ErrProviderIdentifierTaken] for an identifier of another provider, and [ErrQuotaExceeded] if the pool has as many as it may have.
func (ps Providers) Create(ctx context.Context, settings ProviderSettings) (*Provider, error) {
	p, err := ps.create(ctx, settings.Clone())
	if err != nil {
		return nil, fmt.Errorf("create identity provider: %w", err)
	}
	return p, nil
}

func (ps Providers) create(ctx context.Context, settings *ProviderSettings) (*Provider, error) {
	a, e := ps.admin, ps.admin.engine
	pool, err := a.Describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.checkLimit(ctx, "identity providers", e.quotas.Providers, serviceQuotas.Providers, providers.Name, store.Prefix(a.pool)); err != nil {
		return nil, err
	}
	now := e.now()
	p := &providerRecord{Provider: Provider{Pool: a.pool, Created: now, Modified: now, ProviderSettings: *settings}}
	signing, err := ps.complete(ctx, pool, p, nil)
	if err != nil {
		return nil, err
	}
	group, err := a.newProviderGroup(settings.Name, now)
	if err != nil {
		return nil, err
	}
	ev, err := a.happened(ctx, EventProviderCreated, Subject{SubjectProvider, settings.Name}, now)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		if err := cmp.Or(a.exists(tx), signing.putOnce(tx), putGroupOnce(tx, group)); err != nil {
			return err
		}
		return cmp.Or(providers.Insert(tx, p), events.Insert(tx, ev))
	})
	if errors.Is(err, store.ErrExists) {
		return nil, ps.taken(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	return p.shown(), nil
}

// complete checks the settings of a provider, and fills in what follows from them and what the resolver finds. For the first SAML provider
// of a pool it also returns the key that the pool signs with, to be stored.
func (ps Providers) complete(ctx context.Context, pool *PoolInfo, p *providerRecord, before *providerRecord) (*samlSigning, error) {
	for _, key := range []string{detailEncryption, detailSSO, detailSLO} {
		delete(p.Details, key)
	}
	p.Fill()
	if err := p.Check(&pool.Settings); err != nil {
		return nil, err
	}
	e := ps.admin.engine
	if e.resolver != nil && p.Discovers() {
		found, err := e.resolver.ResolveProvider(ctx, p.ProviderSettings.Clone())
		if err != nil {
			return nil, err
		}
		p.EntityID = found.EntityID
		for key, value := range map[string]string{detailSSO: found.SSORedirect, detailSLO: found.SLORedirect} {
			if value != "" {
				p.Details[key] = value
			}
		}
	}
	if p.Type != ProviderSAML {
		return nil, nil
	}
	if before != nil && len(before.Encryption) > 0 {
		p.Encryption = before.Encryption
		return nil, nil
	}
	key, err := newSAMLKey(pool.ID, e.now())
	if err != nil {
		return nil, err
	}
	p.Encryption = []SAMLKey{*key}
	return e.newSigning(ctx, pool.ID)
}

// shown is the provider as callers get it.
func (p *providerRecord) shown() *Provider {
	out := p.Provider
	out.ProviderSettings = *p.Clone()
	if len(p.Encryption) > 0 {
		out.Details[detailEncryption] = p.Encryption[0].CertificateText()
	}
	return &out
}

// taken says which name of a provider is taken.
func (ps Providers) taken(ctx context.Context, p *providerRecord) error {
	err := error(&ProviderError{ErrProviderExists, p.Pool, p.Name})
	return cmp.Or(ps.admin.engine.store.View(ctx, func(r store.Reader) error {
		for _, id := range p.Identifiers {
			other, e := orNil(providers.Find(r, providersByIdentifier, store.Key(p.Pool, id)))
			if e != nil {
				return e
			}
			if other != nil && other.Name != p.Name {
				err = &ProviderError{ErrProviderIdentifierTaken, p.Pool, id}
			}
		}
		return nil
	}), err)
}

// Get returns an identity provider by its name, or [ErrProviderNotFound]. Its details have secrets.
func (ps Providers) Get(ctx context.Context, name string) (*Provider, error) {
	p, err := ps.read(ctx, func(r store.Reader) (*providerRecord, error) { return ps.admin.provider(r, name) })
	if err != nil {
		return nil, fmt.Errorf("get identity provider: %w", err)
	}
	return p.shown(), nil
}

// ByIdentifier returns the identity provider that has an identifier, or [ErrProviderNotFound].
func (ps Providers) ByIdentifier(ctx context.Context, identifier string) (*Provider, error) {
	p, err := ps.read(ctx, func(r store.Reader) (*providerRecord, error) {
		if err := ps.admin.exists(r); err != nil {
			return nil, err
		}
		p, err := orNil(providers.Find(r, providersByIdentifier, store.Key(ps.admin.pool, identifier)))
		if err == nil && p == nil {
			err = &NotFoundError{ErrProviderNotFound, identifier}
		}
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("get identity provider by identifier: %w", err)
	}
	return p.shown(), nil
}

func (ps Providers) read(ctx context.Context, fn func(store.Reader) (*providerRecord, error)) (p *providerRecord, err error) {
	err = ps.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		p, err = fn(r)
		return err
	})
	return p, err
}

// provider reads the pool and one of its identity providers.
func (a *Admin) provider(r store.Reader, name string) (*providerRecord, error) {
	if err := a.exists(r); err != nil {
		return nil, err
	}
	return providerOf(r, a.pool, name)
}

// providerOf reads an identity provider of a pool.
func providerOf(r store.Reader, pool, name string) (*providerRecord, error) {
	p, err := orNil(providers.Get(r, store.Key(pool, name)))
	if err == nil && p == nil {
		err = &NotFoundError{ErrProviderNotFound, name}
	}
	return p, err
}

// Update changes the settings of an identity provider with fn, and returns the provider as it is stored then. Name and type cannot be
// changed. fn runs once, before the transaction: Update returns [store.ErrConflict] if somebody else has changed the provider meanwhile.
func (ps Providers) Update(ctx context.Context, name string, fn func(*ProviderSettings) error) (*Provider, error) {
	p, err := ps.update(ctx, name, fn)
	if err != nil {
		return nil, fmt.Errorf("update identity provider: %w", err)
	}
	return p, nil
}

func (ps Providers) update(ctx context.Context, name string, fn func(*ProviderSettings) error) (*Provider, error) {
	a, e := ps.admin, ps.admin.engine
	pool, err := a.Describe(ctx)
	if err != nil {
		return nil, err
	}
	old, err := ps.read(ctx, func(r store.Reader) (*providerRecord, error) { return a.provider(r, name) })
	if err != nil {
		return nil, err
	}
	before, err := membersOf(&old.ProviderSettings)
	if err != nil {
		return nil, err
	}
	now := e.now()
	next := &providerRecord{Provider: Provider{Pool: a.pool, Created: old.Created, Modified: now, EntityID: old.EntityID, ProviderSettings: *old.Clone()}}
	if err := fn(&next.ProviderSettings); err != nil {
		return nil, err
	}
	if next.Name != old.Name || next.Type != old.Type {
		return nil, invalid("ProviderName", "The name and the type of an identity provider cannot be changed.")
	}
	next.LinkedBy = old.LinkedBy
	signing, err := ps.complete(ctx, pool, next, old)
	if err != nil {
		return nil, err
	}
	ev, err := a.happened(ctx, EventProviderChanged, Subject{SubjectProvider, name}, now)
	if err != nil {
		return nil, err
	}
	err = e.store.Update(ctx, func(tx store.Tx) error {
		again, err := a.provider(tx, name)
		if err != nil {
			return err
		}
		if !again.Modified.Equal(old.Modified) || !again.Created.Equal(old.Created) || len(again.LinkedBy) != len(old.LinkedBy) {
			return store.ErrConflict
		}
		if len(again.Encryption) > 0 {
			next.Encryption = again.Encryption // with the certificate of this year
		}
		if err := cmp.Or(signing.putOnce(tx), providers.Put(tx, next)); err != nil {
			return err
		}
		return ev.insertChanged(tx, before, &next.ProviderSettings)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, ps.taken(ctx, next)
	}
	if err != nil {
		return nil, err
	}
	return next.shown(), nil
}

// Delete removes an identity provider. The users whom it has brought stay, and so do links to it: whoever makes a provider of the same name
// lets them in again.
func (ps Providers) Delete(ctx context.Context, name string) error {
	ev, err := ps.admin.happened(ctx, EventProviderDeleted, Subject{SubjectProvider, name}, ps.admin.engine.now())
	if err != nil {
		return err
	}
	err = ps.admin.engine.store.Update(ctx, func(tx store.Tx) error {
		p, err := ps.admin.provider(tx, name)
		if err != nil {
			return err
		}
		if _, err := providers.Delete(tx, providers.Key(p)); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return fmt.Errorf("delete identity provider: %w", err)
	}
	return nil
}

// List yields the identity providers of the pool, ordered by name. It begins after the name in after; an empty string means from
// the beginning. It ends after the first error.
func (ps Providers) List(ctx context.Context, after string) iter.Seq2[*Provider, error] {
	a := ps.admin
	return batches(ctx, a.engine.store, after, func(r store.Reader, after string) (found []*Provider, err error) {
		if err := a.exists(r); err != nil {
			return nil, fmt.Errorf("list identity providers: %w", err)
		}
		rng := store.Prefix(a.pool)
		if rng.Limit = listBatch; after != "" {
			rng.From = store.Key(a.pool, after) + "\x00"
		}
		for p, err := range providers.Scan(r, rng) {
			if err != nil {
				return nil, err
			}
			found = append(found, p.shown())
		}
		return found, nil
	}, func(p *Provider) string { return p.Name })
}

// nativeProvider is how a client names the pool itself among its providers.
const nativeProvider = "COGNITO"

// checkProviders returns [ErrProviderUnknown] if a client's settings name an identity provider that does not exist.
func checkProviders(r store.Reader, pool string, s *ClientSettings) error {
	for _, name := range s.Providers {
		if name == nativeProvider {
			continue
		}
		values, err := r.Get(providers.Ref(store.Key(pool, name)))
		if err != nil {
			return err
		}
		if values[0] == nil {
			return &ProviderError{ErrProviderUnknown, pool, name}
		}
	}
	return nil
}
