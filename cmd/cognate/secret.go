package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity"
)

type secretCommand struct {
	List   secretList   `cmd:"" help:"List the secrets of an app client."`
	Add    secretAdd    `cmd:"" help:"Give an app client a second secret and show it."`
	Remove secretRemove `cmd:"" help:"Take a secret away from an app client."`
}

// Help returns the details that --help shows.
func (secretCommand) Help() string {
	return `To replace the secret of a client that is in use, add a second secret, configure the program with it, and then remove the first secret. Both secrets are valid meanwhile.

    cognate client secret add 1example23456789
    cognate client secret list 1example23456789
    cognate client secret remove 1example23456789 1example23456789--1780000000000`
}

type secretList struct {
	theClient
	listing
	Values bool `help:"Show the values of the secrets."`
}

// Help returns the details that --help shows.
func (secretList) Help() string {
	return `The oldest secret comes first. The list shows the values of the secrets only with --values.

    cognate client secret list 1example23456789
    cognate client secret list 1example23456789 --values --json`
}

// A secretLine is one secret in the list.
type secretLine struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Value   string    `json:"value,omitempty"`
}

// Run lists the secrets.
func (c *secretList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		infos, err := a.Clients().SecretInfos(ctx, c.ID)
		if err != nil {
			return err
		}
		lines := make([]secretLine, len(infos))
		for i, info := range infos {
			lines[i] = secretLine{ID: info.ID, Created: info.Created}
		}
		header, row := "SECRET, CREATED", func(s secretLine) []string { return []string{s.ID, stamp(s.Created)} }
		if c.Values {
			if err := withValues(ctx, a, c.ID, lines); err != nil {
				return err
			}
			header, row = "SECRET, CREATED, VALUE", func(s secretLine) []string { return []string{s.ID, stamp(s.Created), s.Value} }
		}
		return list(t, c.listing, 0, each(lines), header, row)
	})
}

// withValues fills in the values. Both lists have the oldest secret first, and no other
// process has the store open.
func withValues(ctx context.Context, a *identity.Admin, client string, lines []secretLine) error {
	values, err := a.Clients().Secrets(ctx, client)
	if err != nil {
		return err
	}
	for i := range min(len(values), len(lines)) {
		lines[i].Value = string(values[i])
	}
	return nil
}

type secretAdd struct{ theClient }

// Help returns the details that --help shows.
func (secretAdd) Help() string {
	return `The output is the new secret. A client has at most two secrets. The first one stays valid until you remove it.

    cognate client secret add 1example23456789`
}

// Run adds a secret.
func (c *secretAdd) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		info, err := a.Clients().AddSecret(ctx, c.ID, "")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(t.out, string(info.Value))
		return err
	})
}

type secretRemove struct {
	theClient
	confirmed
	Secret string `arg:"" help:"Id of the secret, see client secret list."`
}

// Help returns the details that --help shows.
func (secretRemove) Help() string {
	return `Programs that still use the secret can no longer sign users in. The last secret of a client cannot be removed.

    cognate client secret remove 1example23456789 1example23456789--1780000000000 --yes`
}

// Run removes a secret.
func (c *secretRemove) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		if err := c.confirm(ctx, t, "Remove the secret %s for good?", c.Secret); err != nil {
			return err
		}
		if err := a.Clients().DeleteSecret(ctx, c.ID, c.Secret); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Removed secret %s.\n", oneLine(c.Secret))
		return err
	})
}
