package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/idpool"
)

type identityPoolCommand struct {
	List     identityPoolList     `cmd:"" help:"List identity pools."`
	Create   identityPoolCreate   `cmd:"" help:"Make an identity pool and show its id."`
	Show     identityPoolShow     `cmd:"" help:"Show an identity pool as it is stored."`
	SetRoles identityPoolSetRoles `cmd:"" name:"set-roles" help:"Say which roles the identities of a pool get."`
	Revoke   identityPoolRevoke   `cmd:"" help:"Revoke all credentials of a pool, or of an identity, that were issued until now."`
	Delete   identityPoolDelete   `cmd:"" help:"Delete an identity pool and its identities."`
}

// Help returns the details that --help shows.
func (identityPoolCommand) Help() string {
	return `An identity pool turns the token of a user into temporary credentials of a role: see "cognate role". A server that runs sees changes at its next request. Role mappings, principal tags and other settings are changed by the API: see "aws cognito-identity help".

    cognate identity-pool create --name app --guests --user-pool main/web
    cognate role create reader --identity-pool us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab
    cognate identity-pool set-roles us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab --authenticated reader`
}

type identityPoolList struct {
	poolStore
	listing
}

// Help returns the details that --help shows.
func (identityPoolList) Help() string {
	return `    cognate identity-pool list
    cognate identity-pool list --json | jq -r .id`
}

// Run lists the identity pools.
func (c *identityPoolList) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		return list(t, c.listing, 0, pools.Pools().List(ctx, "", ""), "IDENTITY POOL, CREATED, GUESTS, ROLES, NAME", func(p *idpool.Pool) []string {
			return []string{p.ID, stamp(p.Created), yesNo(p.Guests), orDash(strings.TrimSpace(p.Roles.Authenticated + " " + p.Roles.Unauthenticated)), p.Name}
		})
	})
}

type identityPoolCreate struct {
	poolStore
	Name      string   `required:"" placeholder:"TEXT" help:"Name of the pool, for people: 1 to 128 characters."`
	Guests    bool     `help:"Give credentials to whoever comes, without a sign-in."`
	UserPools []string `name:"user-pool" sep:"none" placeholder:"POOL/CLIENT" help:"User pool and app client whose users may sign in, each by its id or its name. Can be repeated."`
	OIDC      []string `name:"oidc" sep:"none" placeholder:"ARN" help:"OIDC provider whose users may sign in, see cognate provider. Can be repeated."`
	SAML      []string `name:"saml" sep:"none" placeholder:"ARN" help:"SAML provider whose users may sign in, see cognate provider. Can be repeated."`
	Social    []string `sep:"none" placeholder:"NAME=CLIENT" help:"Client of google, apple, facebook or amazon whose users may sign in. Can be repeated."`
	Developer string   `placeholder:"NAME" help:"Name of the logins that a program of yours vouches for. It cannot be changed later."`
	Region    region   `default:"us-east-1" placeholder:"REGION" help:"Region of the pool. Default: ${default}."`
}

// Help returns the details that --help shows.
func (identityPoolCreate) Help() string {
	return `The output is the id of the new pool. Its identities get no credentials until it has roles: see "cognate identity-pool set-roles".

    cognate identity-pool create --name app --guests --user-pool main/web
    cognate identity-pool create --name app --social google=1234.apps.googleusercontent.com --social facebook=5678
    cognate identity-pool create --name app --oidc arn:aws:iam::123456789012:oidc-provider/idp.example.com --developer login.example.com`
}

// Run makes a pool.
func (c *identityPoolCreate) Run(t *terminal) error {
	social, err := socialClients(c.Social)
	if err != nil {
		return err
	}
	set := idpool.Settings{Name: c.Name, Guests: c.Guests, OIDC: c.OIDC, SAML: c.SAML, Social: social, DeveloperProvider: c.Developer}
	return c.engine(t, func(ctx context.Context, e *identity.Engine, pools *idpool.Service) error {
		for _, arn := range append(set.OIDC[:len(set.OIDC):len(set.OIDC)], set.SAML...) {
			if _, err := pools.Providers().Get(ctx, arn); err != nil {
				return err
			}
		}
		for _, given := range c.UserPools {
			found, err := c.userPool(ctx, e, given)
			if err != nil {
				return fmt.Errorf("--user-pool: %w", err)
			}
			set.UserPools = append(set.UserPools, *found)
		}
		p, err := pools.Pools().Create(ctx, string(c.Region), set)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(t.out, p.ID)
		return err
	})
}

// userPool finds the app client of a user pool that POOL/CLIENT names.
func (c *identityPoolCreate) userPool(ctx context.Context, e *identity.Engine, given string) (*idpool.UserPool, error) {
	i := strings.LastIndexByte(given, '/')
	if i < 1 || i == len(given)-1 {
		return nil, fmt.Errorf("give a user pool and an app client, as in main/web, not %q", given)
	}
	all, err := collect(e.UserPools(ctx, "", ""))
	if err != nil {
		return nil, err
	}
	called := poolsCalled(all, given[:i])
	switch len(called) {
	case 0:
		return nil, hint(fmt.Errorf("there is no user pool %q", given[:i]), "cognate pool list shows all user pools")
	case 1:
	default:
		return nil, hint(fmt.Errorf("%d user pools have the name %q", len(called), given[:i]), "choose by its id from %s", poolNames(called))
	}
	pool, err := e.UserPool(ctx, called[0].ID)
	if err != nil {
		return nil, err
	}
	client, err := clientCalled(ctx, pool.Admin(), given[i+1:])
	if err != nil {
		return nil, err
	}
	return &idpool.UserPool{Name: idpool.UserPoolName(called[0].ID), ClientID: client}, nil
}

// socialNames are the names of providers, as people and as identity pools have them.
var socialNames = map[string]string{
	"google": "accounts.google.com", "apple": "appleid.apple.com", "facebook": "graph.facebook.com", "amazon": "www.amazon.com",
}

// socialClients reads NAME=CLIENT. Several clients of one provider are joined.
func socialClients(given []string) (map[string]string, error) {
	clients := map[string]string{}
	for _, g := range given {
		name, client, ok := strings.Cut(g, "=")
		if !ok || client == "" {
			return nil, fmt.Errorf("--social: give a provider and a client, as in google=1234.apps.googleusercontent.com, not %q", g)
		}
		provider, ok := socialNames[name]
		if !ok {
			return nil, fmt.Errorf("--social: the provider is google, apple, facebook or amazon, not %q", name)
		}
		if clients[provider] != "" {
			client = clients[provider] + ";" + client
		}
		clients[provider] = client
	}
	return clients, nil
}

// A theIdentityPool is an identity pool, by its id.
type theIdentityPool struct {
	poolStore
	ID string `arg:"" name:"identity-pool" help:"The identity pool, by its id. See identity-pool list."`
}

type identityPoolShow struct{ theIdentityPool }

// Help returns the details that --help shows.
func (identityPoolShow) Help() string {
	return `    cognate identity-pool show us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab
    cognate identity-pool show us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab | jq .roles`
}

// Run shows a pool.
func (c *identityPoolShow) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		p, err := pools.Pools().Get(ctx, c.ID)
		if err != nil {
			return err
		}
		return t.show(p)
	})
}

type identityPoolSetRoles struct {
	theIdentityPool
	Authenticated *string `placeholder:"ROLE" help:"Role of users who have signed in: the name of a role of the store, or an ARN. An empty ROLE takes it away."`
	Guest         *string `placeholder:"ROLE" help:"Role of guests, likewise."`
	Account       account `default:"123456789012" placeholder:"NUMBER" help:"Account number in the ARN, if ROLE is a name: that of cognate serve. Default: ${default}."`
}

// Help returns the details that --help shows.
func (identityPoolSetRoles) Help() string {
	return `What is not given does not change, nor do role mappings. An ARN need not be that of a role of the store: with "cognate serve --sts-endpoint", roles are those of AWS.

    cognate identity-pool set-roles us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab --authenticated reader --guest visitor
    cognate identity-pool set-roles us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab --authenticated arn:aws:iam::123456789012:role/reader --guest=`
}

// Validate returns an error if the command line is invalid.
func (c *identityPoolSetRoles) Validate() error {
	if c.Authenticated == nil && c.Guest == nil {
		return errors.New("say which roles, with --authenticated or --guest")
	}
	return c.realStore.Validate()
}

// Run sets the roles.
func (c *identityPoolSetRoles) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		authenticated, err := c.role(ctx, pools, c.Authenticated)
		if err != nil {
			return err
		}
		guest, err := c.role(ctx, pools, c.Guest)
		if err != nil {
			return err
		}
		err = pools.Pools().ChangeRoles(ctx, c.ID, func(r *idpool.Roles) error {
			if authenticated != nil {
				r.Authenticated = *authenticated
			}
			if guest != nil {
				r.Unauthenticated = *guest
			}
			return nil
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Set the roles of identity pool %s.\n", c.ID)
		return err
	})
}

// role returns the ARN of a role. One that is given by its name must be there.
func (c *identityPoolSetRoles) role(ctx context.Context, pools *idpool.Service, name *string) (*string, error) {
	if name == nil || *name == "" || strings.HasPrefix(*name, "arn:") {
		return name, nil
	}
	arn := roleARN(*name, c.Account)
	if _, err := pools.STS().Role(ctx, arn); err != nil {
		return nil, roleError(err)
	}
	return &arn, nil
}

type identityPoolRevoke struct {
	theIdentityPool
	Identity string `placeholder:"ID" help:"Id of an identity of the pool, to revoke its credentials alone."`
}

// Help returns the details that --help shows.
func (identityPoolRevoke) Help() string {
	return `Open ID tokens are revoked too. Identities may get new credentials. To keep one out, delete it or disable its user.

    cognate identity-pool revoke us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab
    cognate identity-pool revoke us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab --identity us-east-1:0cb9e4d5-a6ee-4f14-8ca5-5e1f8d2dbb3f`
}

// Run revokes credentials.
func (c *identityPoolRevoke) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		what, revoke := "identity pool "+c.ID, func() error { return pools.Pools().Revoke(ctx, c.ID) }
		if c.Identity != "" {
			what, revoke = "identity "+c.Identity, func() error { return c.revokeOne(ctx, pools) }
		}
		if err := revoke(); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Revoked the credentials of %s.\n", what)
		return err
	})
}

func (c *identityPoolRevoke) revokeOne(ctx context.Context, pools *idpool.Service) error {
	if _, err := pools.Pools().Get(ctx, c.ID); err != nil {
		return err
	}
	one, err := pools.Identities().Get(ctx, c.Identity)
	if err != nil {
		return err
	}
	if one.Pool != c.ID {
		return hint(fmt.Errorf("the identity %s is not of this identity pool, but of %s", one.ID, one.Pool), "name its own pool")
	}
	return pools.Identities().Revoke(ctx, one.ID)
}

type identityPoolDelete struct {
	theIdentityPool
	confirmed
}

// Help returns the details that --help shows.
func (identityPoolDelete) Help() string {
	return `Credentials of its identities are worth nothing from then on. Its roles stay.

    cognate identity-pool delete us-east-1:157d6171-ee37-c0dd-c6c5-ce7afc0154ab --yes`
}

// Run deletes a pool.
func (c *identityPoolDelete) Run(t *terminal) error {
	return c.pools(t, func(ctx context.Context, pools *idpool.Service) error {
		p, err := pools.Pools().Get(ctx, c.ID)
		if err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the identity pool %s (%s) and its identities?", p.ID, p.Name); err != nil {
			return err
		}
		if err := pools.Pools().Delete(ctx, c.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Deleted identity pool %s.\n", c.ID)
		return err
	})
}
