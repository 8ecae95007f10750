package main

import (
	"fmt"
	"log/slog"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/internal/outbound"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/store"
)

// providerFlags say which identity providers may be called.
type providerFlags struct {
	ProviderAllow []string `name:"provider-allow" sep:"none" placeholder:"HOST:PORT" help:"Host of an identity provider that may have a private address. Can be repeated."`
}

// identityPools makes the identity pools of a server. self is its own URL.
func (c *serveCommand) identityPools(log *slog.Logger, e *identity.Engine, st store.Store, self string) (*idpool.Service, error) {
	fetch, err := outbound.New(&outbound.Options{Allow: c.ProviderAllow})
	if err != nil {
		return nil, fmt.Errorf("--provider-allow: %w", err)
	}
	o := &idpool.Options{Fetch: fetch, Logger: log}
	if c.Issuer != issuerAWS {
		o.Issuer = c.Issuer.fixed(self)
	}
	return idpool.New(e, st, o)
}

func (f providerFlags) fetcher() (*fetch.Client, error) {
	c, err := fetch.New(&fetch.Options{Allow: f.ProviderAllow})
	if err != nil {
		return nil, fmt.Errorf("--provider-allow: %w", err)
	}
	return c, nil
}
