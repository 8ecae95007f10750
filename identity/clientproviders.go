package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// What pages and relying parties ask about the providers of a client. A provider counts if the client names it and the pool has it.

// ClientProviders are by whom the users of a client sign in.
type ClientProviders struct {
	// Native reports whether users sign in with what they have in the pool itself. It is so for a client that names no providers.
	Native bool
	// Providers are the identity providers, in the order in which the client names them. Their details have secrets.
	Providers []*Provider
}

// Providers returns by whom the users of the client sign in.
func (a *AppClient) Providers(ctx context.Context) (*ClientProviders, error) {
	out := &ClientProviders{}
	_, err := a.loadWith(ctx, func(r store.Reader, s *scope) error {
		named := s.client.Settings.Providers
		*out = ClientProviders{Native: s.native()}
		for _, name := range named {
			p, err := orNil(providers.Get(r, store.Key(s.pool.ID, name)))
			if err != nil {
				return err
			}
			if p != nil {
				out.Providers = append(out.Providers, p.shown())
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("providers of a client: %w", err)
	}
	return out, nil
}

// native reports whether users of the client sign in with what they have in the pool itself.
func (s *scope) native() bool {
	named := s.client.Settings.Providers
	return len(named) == 0 || slices.Contains(named, nativeProvider)
}

// hasProvider reports whether the client lets users sign in by a provider.
func (s *scope) hasProvider(provider string) bool {
	return provider != nativeProvider && slices.Contains(s.client.Settings.Providers, provider)
}

// Provider returns a provider of the client by its name, or [ErrProviderNotFound] also if only the pool has it. Its details have secrets.
func (a *AppClient) Provider(ctx context.Context, name string) (*Provider, error) {
	p, err := a.providerRecord(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("provider of a client: %w", err)
	}
	return p.shown(), nil
}

func (a *AppClient) providerRecord(ctx context.Context, name string) (p *providerRecord, err error) {
	_, err = a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		if !s.hasProvider(name) {
			return &NotFoundError{ErrProviderNotFound, name}
		}
		p, err = providerOf(r, s.pool.ID, name)
		return err
	})
	return p, err
}

// ProviderByIdentifier returns the provider of the client that has an identifier, or [ErrProviderNotFound].
func (a *AppClient) ProviderByIdentifier(ctx context.Context, identifier string) (*Provider, error) {
	var p *providerRecord
	_, err := a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		p, err = orNil(providers.Find(r, providersByIdentifier, store.Key(s.pool.ID, identifier)))
		if err == nil && (p == nil || !s.hasProvider(p.Name)) {
			err = &NotFoundError{ErrProviderNotFound, identifier}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("provider of a client: %w", err)
	}
	return p.shown(), nil
}
