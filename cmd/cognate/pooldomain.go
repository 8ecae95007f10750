package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/cognate-id/cognate/identity"
)

type poolDomain struct {
	List   poolDomainList   `cmd:"" help:"List the domains of a user pool."`
	Add    poolDomainAdd    `cmd:"" help:"Give a user pool a domain."`
	Remove poolDomainRemove `cmd:"" help:"Take a domain away from a user pool."`
}

// Help returns the details that --help shows.
func (poolDomain) Help() string {
	return `A domain is a prefix, which is the first label of a host, or a custom domain. A user pool has one of each at most.

    cognate pool domain add example
    cognate pool domain add auth.example.com`
}

type poolDomainList struct {
	inPool
	listing
}

// Help returns the details that --help shows.
func (poolDomainList) Help() string { return `    cognate pool domain list` }

// Run lists the domains.
func (c *poolDomainList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		return list(t, c.listing, 0, domainsOf(ctx, a), "DOMAIN, CREATED, PAGES", func(d *identity.Domain) []string {
			return []string{d.Settings.Name, stamp(d.Created), fmt.Sprint(max(d.Settings.LoginVersion, 1))}
		})
	})
}

// domainsOf yields the domains of a pool.
func domainsOf(ctx context.Context, a *identity.Admin) iter.Seq2[*identity.Domain, error] {
	return func(yield func(*identity.Domain, error) bool) {
		all, err := a.Domains().List(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, d := range all {
			if !yield(d, nil) {
				return
			}
		}
	}
}

type poolDomainAdd struct {
	inPool
	Domain string `arg:"" help:"Prefix or custom domain, in lower case."`
	Pages  int    `default:"1" placeholder:"VERSION" help:"Version of the pages: 1 for the classic ones, 2 for those of managed login. Default: ${default}."`
}

// Help returns the details that --help shows.
func (poolDomainAdd) Help() string {
	return `    cognate pool domain add example
    cognate pool domain add auth.example.com --pages 2`
}

// Run adds a domain.
func (c *poolDomainAdd) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		d, err := a.Domains().Create(ctx, identity.DomainSettings{Name: c.Domain, LoginVersion: c.Pages})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Added domain %s.\n", d.Settings.Name)
		return err
	})
}

type poolDomainRemove struct {
	inPool
	Domain string `arg:"" help:"Prefix or custom domain, see pool domain list."`
	confirmed
}

// Help returns the details that --help shows.
func (poolDomainRemove) Help() string {
	return `Browsers cannot sign in at the domain any more, and any user pool may take it.

    cognate pool domain remove example --yes`
}

// Run removes a domain.
func (c *poolDomainRemove) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		if _, err := a.Domains().Get(ctx, c.Domain); err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Take the domain %s away?", c.Domain); err != nil {
			return err
		}
		if err := a.Domains().Delete(ctx, c.Domain); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Removed domain %s.\n", c.Domain)
		return err
	})
}
