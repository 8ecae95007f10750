package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/samllogin"
	"github.com/cognate-id/cognate/identity/idpool/sts"
	"github.com/cognate-id/cognate/internal/outbound"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/store"
)

// providerFlags say which identity providers may be called.
type providerFlags struct {
	ProviderAllow []string `name:"provider-allow" sep:"none" placeholder:"HOST:PORT" help:"Host of an identity provider that may have a private address. Can be repeated."`
}

// guestFlags bound the guests of identity pools.
type guestFlags struct {
	PerSource int `name:"guests-per-source" default:"100" placeholder:"N" help:"How many guests of identity pools one IPv4 address or IPv6 /64 may make in an hour; -1 means no limit. Default: ${default}."`
	PerPool   int `name:"guests-per-pool" default:"100000" placeholder:"N" help:"How many identities without a login an identity pool may have; -1 means no limit. Default: ${default}."`
}

// Validate returns an error if the command line is invalid.
func (f guestFlags) Validate() error {
	if f.PerSource == 0 || f.PerSource < -1 || f.PerPool == 0 || f.PerPool < -1 {
		return errors.New("--guests-per-source and --guests-per-pool: give a number from 1, or -1 for no limit; a pool without guests has AllowUnauthenticatedIdentities false")
	}
	return nil
}

// identityPools makes the identity pools of a server. self is its own URL.
func (c *serveCommand) identityPools(log *slog.Logger, e *identity.Engine, st store.Store, self string) (*idpool.Service, error) {
	fetch, err := outbound.New(&outbound.Options{Allow: c.ProviderAllow})
	if err != nil {
		return nil, fmt.Errorf("--provider-allow: %w", err)
	}
	o := &idpool.Options{
		Fetch: fetch, SAML: &samllogin.Verifier{}, Logger: log, Operator: operatorOf(e),
		Limits: idpool.Limits{GuestsPerSource: c.PerSource, GuestsPerPool: c.PerPool},
	}
	if c.STS != "" {
		if o.Remote, err = sts.NewRemote(&sts.RemoteOptions{Endpoint: c.STS, Client: fetch}); err != nil {
			return nil, fmt.Errorf("--sts-endpoint: %w", err)
		}
	}
	if c.Issuer != issuerAWS {
		o.Issuer = c.Issuer.fixed(self)
	}
	return idpool.New(e, st, o)
}

// operatorOf lets operators call STS with their access keys, and those of the role owner assume roles that trust the account.
func operatorOf(e *identity.Engine) func(ctx context.Context, accessKey string) (sts.Operator, bool, error) {
	return func(ctx context.Context, accessKey string) (sts.Operator, bool, error) {
		key, secret, err := e.AccessKeys().Find(ctx, accessKey)
		if err != nil || key == nil {
			return sts.Operator{}, false, err
		}
		return sts.Operator{
			Secret: sts.Secret(secret), UserID: key.ID, ARN: "arn:aws:iam::" + e.Account() + ":user/" + key.ID,
			Assumes: key.Role == identity.RoleOwner && len(key.Pools) == 0 && len(key.Regions) == 0,
		}, true, nil
	}
}

func (f providerFlags) fetcher() (*fetch.Client, error) {
	c, err := fetch.New(&fetch.Options{Allow: f.ProviderAllow})
	if err != nil {
		return nil, fmt.Errorf("--provider-allow: %w", err)
	}
	return c, nil
}
