package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	return `Operators sign their requests to "cognate serve" with access keys. The server may run meanwhile: a key that is revoked is refused at its next request.`
}

// A keyStore is the store of the access keys.
type keyStore struct{ realStore }

// openExisting calls fn with the access keys of the store, which must exist.
func (k *keyStore) openExisting(t *terminal, fn func(context.Context, identity.AccessKeys) error) error {
	return k.realStore.openExisting(t, func(ctx context.Context, e *identity.Engine) error { return fn(ctx, e.AccessKeys()) })
}

type keyCreate struct {
	keyStore
	Name    string   `default:"operator" help:"Purpose of the key; \"cognate key list\" shows it. Default: ${default}."`
	Role    string   `default:"owner" enum:"owner,operator,support,auditor" help:"Role of the key: owner, operator, support or auditor. Default: ${default}."`
	Expires lifetime `placeholder:"DURATION" help:"How long the key is valid, such as 90d or 720h. Default: for ever."`
	Pools   []string `name:"pool" placeholder:"POOL" help:"A pool that the key is good for, by its id, its key, or its name if no other pool has it, or an identity pool by its id; repeat it for more. Default: all pools."`
	Regions []region `name:"region" placeholder:"REGION" help:"Region of pools that the key is good for; repeat it for more. Default: all regions."`
}

// Help returns the details that --help shows.
func (keyCreate) Help() string {
	return `The output sets the variables that AWS tools read:

    eval "$(cognate key create --name ci)"
    cognate key create --store bolt:/var/lib/cognate/cognate.db
    cognate key create --name helpdesk --role support --expires 90d --pool us-east-1_AbCdEf123

The roles, each of which may also do what those after it may:

- owner: everything, such as settings of pools and app clients
- operator: users, groups and their sign-ins, and codes of custom senders
- support: help for users who cannot sign in: confirm, disable, enable, sign out, have the password reset
- auditor: reads what is not secret

A key for some pools cannot make pools.`
}

// options returns what the key is good for.
func (c *keyCreate) options(pools []string) *identity.AccessKeyOptions {
	o := &identity.AccessKeyOptions{Role: identity.AccessRole(c.Role), Pools: pools}
	if c.Expires > 0 {
		o.Expires = time.Now().Add(time.Duration(c.Expires))
	}
	for _, r := range c.Regions {
		o.Regions = append(o.Regions, string(r))
	}
	return o
}

// Run makes a key.
func (c *keyCreate) Run(t *terminal) error {
	return c.realStore.open(t, nil, func(ctx context.Context, e *identity.Engine) error {
		pools, err := c.pools(ctx, e)
		if err != nil {
			return err
		}
		key, secret, err := e.AccessKeys().Create(ctx, c.Name, c.options(pools))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "# Access key %q. The secret is shown only this once.\nexport AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n",
			key.Name, key.ID, string(secret))
		return err
	})
}

// identityPoolID is the form of the ids of identity pools.
var identityPoolID = regexp.MustCompile(`^[a-z0-9-]+:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// pools returns the ids of the pools that --pool names. A user pool that does not exist is an
// error: its key would be good for nothing. Identity pools are not looked up.
func (c *keyCreate) pools(ctx context.Context, e *identity.Engine) (ids []string, _ error) {
	for _, name := range c.Pools {
		if identityPoolID.MatchString(name) { // nobody else has a name of this form
			ids = append(ids, name)
			continue
		}
		info, err := (&inPool{c.realStore, name}).choose(ctx, e)
		if err != nil {
			return nil, err
		}
		ids = append(ids, info.ID)
	}
	return ids, nil
}

// A lifetime is a duration that is not negative. It may be given in days.
type lifetime time.Duration

// UnmarshalText reads 90d, or what [time.ParseDuration] reads.
func (l *lifetime) UnmarshalText(text []byte) error {
	days, isDays := strings.CutSuffix(string(text), "d")
	n, err := strconv.ParseUint(days, 10, 16)
	d := time.Duration(n) * 24 * time.Hour
	if !isDays {
		d, err = time.ParseDuration(string(text))
	}
	if err != nil || d < 0 {
		return errors.New("give a number of days or hours, such as 90d or 720h")
	}
	*l = lifetime(d)
	return nil
}

type keyList struct{ keyStore }

// Help returns the details that --help shows.
func (keyList) Help() string {
	return `The time of the last use may be an hour too early. A key that has expired is refused; revoke it to remove it.

    cognate key list
    cognate key list --store bolt:/var/lib/cognate/cognate.db
    cognate key list --store postgres://cognate@db.example.com/cognate?sslmode=verify-full --key-file /etc/cognate.key`
}

// Run lists the keys.
func (c *keyList) Run(t *terminal) error {
	return c.openExisting(t, func(ctx context.Context, keys identity.AccessKeys) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ACCESS KEY\tCREATED\tROLE\tLAST USED\tEXPIRES\tGOOD FOR\tNAME")
		for _, k := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, stamp(k.Created), k.Role, stampOrDash(k.LastUsed), stampOrDash(k.Expires), goodFor(k), oneLine(k.Name))
		}
		return w.Flush()
	})
}

// goodFor says which pools and regions a key is limited to.
func goodFor(k *identity.AccessKey) string {
	if limits := slices.Concat(k.Pools, k.Regions); len(limits) > 0 {
		return oneLine(strings.Join(limits, ","))
	}
	return "all pools"
}

func stampOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return stamp(t)
}

type keyRevoke struct {
	keyStore
	ID string `arg:"" name:"access-key" help:"Id of the key, such as AKIA..., see key list."`
}

// Help returns the details that --help shows.
func (keyRevoke) Help() string {
	return `The server refuses the next request that is signed with the key.

    cognate key revoke AKIAEXAMPLE123456789
    cognate key revoke AKIAEXAMPLE123456789 --store bolt:/var/lib/cognate/cognate.db`
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
