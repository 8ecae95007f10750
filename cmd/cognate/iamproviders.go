package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
	"github.com/cognate-id/cognate/identity/idpool/samllogin"
	"github.com/cognate-id/cognate/oauth/federation/saml"
	"github.com/cognate-id/cognate/store"
)

// Providers that identity pools name by an ARN. With Amazon they are objects of IAM.

type providerCommand struct {
	List   providerList   `cmd:"" help:"List the providers."`
	Set    providerSet    `cmd:"" help:"Make a provider, or replace it."`
	Show   providerShow   `cmd:"" help:"Show a provider as it is stored."`
	Delete providerDelete `cmd:"" help:"Delete a provider."`
}

// Help returns the details that --help shows.
func (providerCommand) Help() string {
	return `An identity pool names OIDC and SAML providers by an ARN. With Amazon, the ARN is that of an object of IAM. Here, these commands say what it stands for. User pools, Google, Facebook, Amazon and Apple need no provider.

    cognate provider set arn:aws:iam::123456789012:oidc-provider/idp.example.com --client-id web
    cognate provider set arn:aws:iam::123456789012:saml-provider/Okta --metadata okta.xml`
}

// A poolStore is the store of a server, for commands of identity pools.
type poolStore struct{ realStore }

// pools calls fn with the identity pools of the store.
func (s *poolStore) pools(t *terminal, fn func(context.Context, *idpool.Service) error) error {
	return s.engine(t, func(ctx context.Context, _ *identity.Engine, pools *idpool.Service) error { return fn(ctx, pools) })
}

// engine calls fn with the engine too.
func (s *poolStore) engine(t *terminal, fn func(context.Context, *identity.Engine, *idpool.Service) error) error {
	var st store.Store
	return s.with(t, nil, func(ctx context.Context, e *identity.Engine) error {
		// The store of cognate dev is the only one without encryption.
		pools, err := idpool.New(e, st, &idpool.Options{SAML: &samllogin.Verifier{}, InsecureUnsealed: true})
		if err != nil {
			return err
		}
		return inWords(fn(ctx, e, pools))
	}, func(ctx context.Context, o *identity.Options) (_ store.Store, err error) {
		inner, err := openThere(ctx, s.Store, "say where it is with --store; cognate key create and cognate pool create make a new one", openShared)
		if err != nil {
			return nil, err
		}
		st, err = s.unlock(ctx, t, inner, o)
		return st, err
	})
}

// inWords leaves the name of the package out of an error.
func inWords(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "idpool: ", ""), "invalid parameter: ")
	shown := &textError{text, err}
	switch {
	case errors.Is(err, idpool.ErrPoolNotFound):
		return hint(shown, "cognate identity-pool list shows all identity pools")
	case errors.Is(err, idpool.ErrProviderNotFound):
		return hint(shown, "cognate provider list shows all providers; cognate provider set makes one")
	default:
		return shown
	}
}

type providerList struct {
	poolStore
	listing
}

// Help returns the details that --help shows.
func (providerList) Help() string {
	return `    cognate provider list
    cognate provider list --json | jq -r .arn`
}

// Run lists the providers.
func (c *providerList) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		all, err := pools.Providers().List(ctx)
		if err != nil {
			return err
		}
		return list(t, c.listing, 0, each(all), "ARN, CLIENTS", func(p *idpool.Provider) []string {
			if p.OIDC == nil {
				return []string{p.ARN, orDash("")}
			}
			return []string{p.ARN, strings.Join(p.OIDC.ClientIDs, " ")}
		})
	})
}

type theProvider struct {
	poolStore
	ARN string `arg:"" help:"ARN of the provider, as identity pools name it."`
}

type providerSet struct {
	theProvider
	ClientIDs []string `name:"client-id" sep:"none" placeholder:"ID" help:"Client that tokens of an OIDC provider must be for: their azp, or else their aud. Can be repeated."`
	Issuer    string   `placeholder:"URL" help:"The iss of the tokens, for a provider of tests by http. Default: https:// and the end of the ARN."`
	JWKS      string   `name:"jwks" placeholder:"URL" help:"URL of the keys. Default: the one in the issuer's discovery document."`
	Metadata  string   `placeholder:"FILE" help:"Metadata document of a SAML provider; - reads it from standard input."`
}

// Help returns the details that --help shows.
func (providerSet) Help() string {
	return `What was set before is replaced. A SAML provider must know the sign-in as urn:amazon:webservices at https://signin.aws.amazon.com/saml, as with Amazon.

    cognate provider set arn:aws:iam::123456789012:oidc-provider/idp.example.com --client-id web --client-id app
    cognate provider set arn:aws:iam::123456789012:oidc-provider/localhost:8080/realm --issuer http://localhost:8080/realm --client-id web
    cognate provider set arn:aws:iam::123456789012:saml-provider/Okta --metadata okta.xml`
}

// Run makes a provider, or replaces it.
func (c *providerSet) Run(t *terminal) error {
	p := idpool.Provider{ARN: c.ARN}
	if c.Metadata != "" {
		text, err := readText(t, c.Metadata, saml.MaxMetadata)
		if err != nil {
			return fmt.Errorf("--metadata: %w", err)
		}
		p.SAML = &idpool.SAMLProvider{Metadata: text}
	}
	if len(c.ClientIDs) > 0 || c.Issuer != "" || c.JWKS != "" {
		p.OIDC = &idpool.OIDCProvider{ClientIDs: c.ClientIDs, Issuer: c.Issuer, JWKS: c.JWKS}
	}
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		if err := pools.Providers().Set(ctx, p); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Set provider %s.\n", c.ARN)
		return err
	})
}

type providerShow struct{ theProvider }

// Help returns the details that --help shows.
func (providerShow) Help() string {
	return `    cognate provider show arn:aws:iam::123456789012:oidc-provider/idp.example.com`
}

// Run shows a provider.
func (c *providerShow) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		p, err := pools.Providers().Get(ctx, c.ARN)
		if err != nil {
			return err
		}
		return t.show(p)
	})
}

type providerDelete struct {
	theProvider
	confirmed
}

// Help returns the details that --help shows.
func (providerDelete) Help() string {
	return `    cognate provider delete arn:aws:iam::123456789012:saml-provider/Okta --yes`
}

// Run deletes a provider.
func (c *providerDelete) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		if _, err := pools.Providers().Get(ctx, c.ARN); err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the provider %s?", c.ARN); err != nil {
			return err
		}
		if err := pools.Providers().Delete(ctx, c.ARN); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Deleted provider %s.\n", c.ARN)
		return err
	})
}
