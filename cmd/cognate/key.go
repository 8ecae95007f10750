package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/cognate-id/cognate/identity"
)

type keyCommand struct {
	Create keyCreate `cmd:"" help:"Make an access key and show it with its secret. The secret is never shown again."`
	List   keyList   `cmd:"" help:"List access keys, without their secrets."`
	Revoke keyRevoke `cmd:"" help:"Revoke an access key."`
}

// Help returns the details that --help shows.
func (keyCommand) Help() string {
	return `Operators sign their requests to "cognate serve" with access keys. If the store is a file, stop the server first, because only one process can open the file.`
}

// A keyStore is the store of the access keys.
type keyStore struct{ realStore }

// open calls fn with the access keys of the store.
func (k *keyStore) open(t *terminal, fn func(context.Context, identity.AccessKeys) error) error {
	return k.realStore.open(t, nil, func(ctx context.Context, e *identity.Engine) error { return fn(ctx, e.AccessKeys()) })
}

// openExisting is open for a store that must exist.
func (k *keyStore) openExisting(t *terminal, fn func(context.Context, identity.AccessKeys) error) error {
	return k.realStore.openExisting(t, func(ctx context.Context, e *identity.Engine) error { return fn(ctx, e.AccessKeys()) })
}

type keyCreate struct {
	keyStore
	Name string `default:"operator" help:"Purpose of the key; \"cognate key list\" shows it. Default: ${default}."`
}

// Help returns the details that --help shows.
func (keyCreate) Help() string {
	return `The output sets the variables that AWS tools read:

    eval "$(cognate key create --name ci)"
    cognate key create --store bolt:/var/lib/cognate/cognate.db`
}

// Run makes a key.
func (c *keyCreate) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, keys identity.AccessKeys) error {
		key, secret, err := keys.Create(ctx, c.Name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "# Access key %q. The secret is shown only this once.\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n",
			key.Name, key.ID, string(secret))
		return err
	})
}

type keyList struct{ keyStore }

// Run lists the keys.
func (c *keyList) Run(t *terminal) error {
	return c.openExisting(t, func(ctx context.Context, keys identity.AccessKeys) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ACCESS KEY\tCREATED\tNAME")
		for _, k := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.Created.Format(time.RFC3339), oneLine(k.Name))
		}
		return w.Flush()
	})
}

type keyRevoke struct {
	keyStore
	ID string `arg:"" name:"access-key" help:"Id of the key, such as AKIA..., see key list."`
}

// Run revokes a key.
func (c *keyRevoke) Run(t *terminal) error {
	return c.openExisting(t, func(ctx context.Context, keys identity.AccessKeys) error {
		was, err := keys.Revoke(ctx, c.ID)
		if err != nil {
			return err
		}
		if !was {
			return hint(fmt.Errorf("there is no access key %s", oneLine(c.ID)), "cognate key list shows those there are")
		}
		_, err = fmt.Fprintf(t.out, "Revoked %s.\n", c.ID)
		return err
	})
}
