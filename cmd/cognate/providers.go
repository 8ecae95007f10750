package main

import (
	"fmt"

	"github.com/cognate-id/cognate/oauth/federation/fetch"
)

// providerFlags say which identity providers may be called.
type providerFlags struct {
	ProviderAllow []string `name:"provider-allow" sep:"none" placeholder:"HOST:PORT" help:"Host of an identity provider that may have a private address. Can be repeated."`
}

func (f providerFlags) fetcher() (*fetch.Client, error) {
	c, err := fetch.New(&fetch.Options{Allow: f.ProviderAllow})
	if err != nil {
		return nil, fmt.Errorf("--provider-allow: %w", err)
	}
	return c, nil
}
