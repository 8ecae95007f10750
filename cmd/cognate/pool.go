package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity"
)

type poolCommand struct {
	List    poolList    `cmd:"" help:"List user pools."`
	Create  poolCreate  `cmd:"" help:"Make a user pool and show its id."`
	Show    poolShow    `cmd:"" help:"Show a user pool and its settings as they are stored."`
	Set     poolSet     `cmd:"" help:"Change settings of a user pool."`
	Upgrade poolUpgrade `cmd:"" name:"upgrade-defaults" help:"Move a user pool to the newest safe defaults."`
	Delete  poolDelete  `cmd:"" help:"Delete a user pool and all that is in it."`
	Rotate  poolRotate  `cmd:"" name:"rotate-keys" help:"Make new keys for a user pool."`
	Domain  poolDomain  `cmd:"" help:"List, add and remove the domains of a user pool."`
	Sender  poolSender  `cmd:"" name:"sender-key" help:"Show or make the raw key with which a custom sender reads codes."`
}

// Help returns the details that --help shows.
func (poolCommand) Help() string {
	return `These commands work on the store of "cognate serve" or "cognate dev", which may run meanwhile. If the server has a file open, they use the socket beside the file (cognate.db.sock). Run them as a user who may read and write the file.

Settings are JSON with the names that "cognate pool show" shows:

    cognate pool create main
    cognate pool set --settings '{"mfa":"OPTIONAL","totp":true}'
    cognate pool show`
}

type poolList struct {
	realStore
	listing
}

// Help returns the details that --help shows.
func (poolList) Help() string {
	return `The list has the pools of all regions. KEY is the key with which a Go program opens a pool.

    cognate pool list
    cognate pool list --json | jq -r .id`
}

// Run lists the pools.
func (c *poolList) Run(t *terminal) error {
	return c.openExisting(t, func(ctx context.Context, e *identity.Engine) error {
		return list(t, c.listing, 0, e.UserPools(ctx, "", ""), "POOL, CREATED, KEY, NAME", func(p *identity.PoolInfo) []string {
			return []string{p.ID, stamp(p.Created), orDash(p.Key), p.Settings.Name}
		})
	})
}

type poolCreate struct {
	realStore
	Name     string       `arg:"" help:"Name of the pool, for people: 1 to 128 characters."`
	Settings settingsFlag `placeholder:"JSON|@FILE|-" help:"Settings that differ from the defaults."`
	Key      string       `placeholder:"KEY" help:"Key by which a Go program finds the pool: OpenUserPool(ctx, KEY, settings). The pool then has a default app client. Default: none, so that such a program makes a pool of its own."`
	Region   region       `default:"us-east-1" placeholder:"REGION" help:"Region of the pool, unless the settings have a region. Default: ${default}."`
}

// Help returns the details that --help shows.
func (poolCreate) Help() string {
	return `The output is the id of the new pool. The defaults are safe: names ignore case, passwords have at least 15 characters, and answers do not reveal who has an account. With {"defaults":"cognito"}, settings that you leave out get the defaults of Amazon Cognito. The command makes the store if it does not exist.

    cognate pool create main
    cognate pool create main --key main
    cognate pool create main --settings '{"defaults":"cognito","srp":true,"autoVerified":["email"]}'
    cognate pool create main --settings '{"schema":[{"name":"email","type":"String","mutable":true,"required":true}]}'
    cognate pool create copy --settings @settings.json

To make a pool with the settings of another one, use the output of "pool show":

    cognate pool show | jq .settings > settings.json`
}

// Run makes a pool.
func (c *poolCreate) Run(t *terminal) error {
	changes, err := c.Settings.read(t)
	if err != nil {
		return err
	}
	settings, err := patched(&identity.PoolSettings{}, changes)
	if err != nil {
		return err
	}
	settings.Name, settings.Key, settings.Schema = c.Name, c.Key, withAttributes(nil, settings.Schema)
	return c.open(t, &identity.Options{Region: string(c.Region)}, func(ctx context.Context, e *identity.Engine) error {
		p, err := e.CreateUserPool(ctx, settings)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(t.out, p.ID)
		return err
	})
}

type poolShow struct{ inPool }

// Help returns the details that --help shows.
func (poolShow) Help() string {
	return `The output is the stored pool as JSON. A setting that is missing has its default.

    cognate pool show
    cognate pool show --pool us-east-1_AbCdEf123 | jq .settings`
}

// Run shows a pool.
func (c *poolShow) Run(t *terminal) error {
	return c.openPool(t, func(_ context.Context, _ *identity.Engine, info *identity.PoolInfo) error { return t.show(info) })
}

type poolSet struct {
	inPool
	Settings settingsFlag `required:"" placeholder:"JSON|@FILE|-" help:"Settings to change; null resets a setting to its default."`
}

// Help returns the details that --help shows.
func (poolSet) Help() string {
	return `The JSON object is merged into the stored settings, member by member. An array replaces the stored array. null resets a setting to its default. If one change is invalid, nothing is changed. Settings that are fixed when a pool is made, such as its region, its sign-in names and its schema, cannot be changed. You can add custom attributes to the schema; give only the new ones.

    cognate pool set --settings '{"mfa":"OPTIONAL","totp":true}'
    cognate pool set --settings '{"passwordPolicy":{"minimumLength":12,"historySize":5}}'
    cognate pool set --settings '{"passwordPolicy":null,"tags":{"team":"web","old":null}}'
    cognate pool set --settings '{"schema":[{"name":"custom:team","type":"String","mutable":true}]}'
    cognate pool set --pool main --settings @settings.json`
}

// Run changes a pool.
func (c *poolSet) Run(t *terminal) error {
	changes, err := c.Settings.read(t)
	if err != nil {
		return err
	}
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		info, err := a.Update(ctx, func(s *identity.PoolSettings) error {
			next, err := patched(s, changes)
			if err != nil {
				return err
			}
			next.Schema = withAttributes(s.Schema, next.Schema)
			*s = *next
			return nil
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Changed user pool %s.\n", info.ID)
		return err
	})
}

type poolUpgrade struct {
	inPool
	DryRun bool `help:"Show what would change, and change nothing."`
}

// Help returns the details that --help shows.
func (poolUpgrade) Help() string {
	return `Safe defaults grow stricter from one version to the next. A pool keeps the defaults that it was made with until this command moves it to the newest ones. The output lists what changes. Settings that you have set stay as they are, and so do pools with {"defaults":"cognito"}. Users who are unconfirmed when expiry is turned on have the whole time left.

    cognate pool upgrade-defaults --dry-run
    cognate pool upgrade-defaults --pool main

To keep one of the old defaults, set it first:

    cognate pool set --settings '{"notices":false}'`
}

// Run upgrades a pool.
func (c *poolUpgrade) Run(t *terminal) error {
	return c.openPool(t, func(ctx context.Context, e *identity.Engine, info *identity.PoolInfo) error {
		changes := info.Settings.Upgrade()
		if !c.DryRun {
			pool, err := e.UserPool(ctx, info.ID)
			if err != nil {
				return err
			}
			if changes, err = pool.Admin().UpgradeDefaults(ctx); err != nil {
				return err
			}
		}
		if len(changes) == 0 {
			_, err := fmt.Fprintf(t.out, "User pool %s has the newest defaults.\n", info.ID)
			return err
		}
		return list(t, listing{}, 0, each(changes), "SETTING, BEFORE, NOW", func(c identity.SettingChange) []string { return []string{c.Setting, c.From, c.To} })
	})
}

// withAttributes returns a schema with attributes added by an operator. The operator does
// not have to repeat the attributes that every pool has, or that the pool has already.
func withAttributes(had, given []identity.SchemaAttribute) []identity.SchemaAttribute {
	if given == nil {
		return nil
	}
	if had == nil {
		had = identity.StandardSchema()
	}
	out := slices.Clone(had)
	for _, a := range given {
		i := slices.IndexFunc(out, func(b identity.SchemaAttribute) bool { return a.Name == b.Name })
		if i < 0 {
			out = append(out, a)
			continue
		}
		out[i] = a
	}
	return out
}

type poolDelete struct {
	inPool
	confirmed
}

// Help returns the details that --help shows.
func (poolDelete) Help() string {
	return `The pool is deleted for good, with its users, groups and clients. The only way back is a copy of the store and of the key file. To keep the users, run "cognate user export" first.

    cognate pool delete --pool us-east-1_AbCdEf123
    cognate pool delete --pool main --yes`
}

// Run deletes a pool.
func (c *poolDelete) Run(t *terminal) error {
	return c.openPool(t, func(ctx context.Context, e *identity.Engine, info *identity.PoolInfo) error {
		pool, err := e.UserPool(ctx, info.ID)
		if err != nil {
			return err
		}
		n, err := pool.Admin().CountUsers(ctx)
		if err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the user pool %s (%s) and its %s for good?", info.ID, info.Settings.Name, people(n)); err != nil {
			return err
		}
		if err := pool.Admin().Delete(ctx); err != nil {
			return err
		}
		fmt.Fprintf(t.out, "Deleted user pool %s.\n", info.ID)
		if _, err := e.Sweep(ctx); err != nil {
			return hint(fmt.Errorf("the pool is deleted, but some of its records are still in the store: %w", err), "cognate serve removes them in the background")
		}
		return nil
	})
}

type poolRotate struct {
	inPool
	confirmed
	Lead   *time.Duration `xor:"when" placeholder:"DURATION" help:"How long the new signing keys are published before they sign, such as 90m. Default: 24h."`
	Revoke bool           `xor:"when" help:"Use the new keys at once, and refuse whatever was made with earlier keys: all users sign in again."`
}

// Help returns the details that --help shows.
func (poolRotate) Help() string {
	return `A pool has signing keys, for access and ID tokens, and master keys, from which the keys of refresh tokens, challenge states and codes are derived. This command replaces both, and users notice nothing. "cognate serve --rotate-keys DAYS" does so automatically.

Verifiers fetch the signing keys of a pool from its jwks.json and keep them for some time. So new keys are published first and sign later. The old keys stay published for 24 hours after the new keys begin to sign, until their last token has expired.

The new master key is used at once. The old one is removed when no refresh token of it can be valid any more. A pool has at most eight master keys. If all are in use, the newest stays.

    cognate pool rotate-keys
    cognate pool rotate-keys --pool main --lead 0s
    cognate pool rotate-keys --revoke --yes

If the keys were stolen, give --revoke. The command asks first. All earlier keys are dropped at once: signing keys, which leave jwks.json, and master keys, with which a thief can sign in as anybody. The server refuses all access, ID and refresh tokens, sign-ins that wait for an answer, and codes that were sent before. All users sign in again. Other verifiers accept the old tokens until they fetch jwks.json again, so restart those that keep it for long. Answers about unknown users change once: see docs/operate.md.`
}

// Validate is called when the command line has been read.
func (c *poolRotate) Validate() error {
	if c.Lead != nil && *c.Lead < 0 {
		return errors.New("--lead: give a duration that is not negative, such as 24h or 0s")
	}
	return nil
}

// Run makes new keys.
func (c *poolRotate) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		if c.Revoke {
			info, err := a.Describe(ctx)
			if err != nil {
				return err
			}
			if err := c.confirm(ctx, t, "Revoke all keys of the user pool %s (%s) and sign all its users out?", info.ID, info.Settings.Name); err != nil {
				return err
			}
			if err := a.RevokeKeys(ctx); err != nil {
				return err
			}
			_, err = fmt.Fprintln(t.out, "The new keys sign from now. All earlier keys are revoked, and all users sign in again.")
			return err
		}
		lead := 24 * time.Hour
		if c.Lead != nil {
			lead = *c.Lead
		}
		if err := a.RotateKeys(ctx, lead); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "The new signing keys are published, and sign from %s.\n", stamp(time.Now().Add(lead)))
		return err
	})
}

// people says how many users there are. The count ends at 1,000.
func people(n int) string {
	switch {
	case n == 1:
		return "one user"
	case n >= 1000:
		return "1000 users or more"
	}
	return fmt.Sprintf("%d users", n)
}
