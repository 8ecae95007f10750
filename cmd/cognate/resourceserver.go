package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

type resourceServerCommand struct {
	List   resourceServerList   `cmd:"" help:"List resource servers."`
	Create resourceServerCreate `cmd:"" help:"Make a resource server."`
	Show   resourceServerShow   `cmd:"" help:"Show a resource server and its scopes as they are stored."`
	Set    resourceServerSet    `cmd:"" help:"Change the name or the scopes of a resource server."`
	Delete resourceServerDelete `cmd:"" help:"Delete a resource server."`
}

// Help returns the details that --help shows.
func (resourceServerCommand) Help() string {
	return `A resource server is an API of yours, with the scopes that tokens may carry for it. An app client asks for a scope as IDENTIFIER/SCOPE.

    cognate resource-server create https://api.example.com --scope "read=Read orders" --scope "write=Change orders"
    cognate client set 1example23456789 --settings '{"oauthScopes":["openid","https://api.example.com/read"]}'`
}

type resourceServerList struct {
	inPool
	listing
}

// Help returns the details that --help shows.
func (resourceServerList) Help() string {
	return `    cognate resource-server list
    cognate resource-server list --json | jq -r .settings.identifier`
}

// Run lists the resource servers.
func (c *resourceServerList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		return list(t, c.listing, 0, a.ResourceServers().List(ctx, ""), "IDENTIFIER, SCOPES, NAME", func(s *identity.ResourceServer) []string {
			var scopes []string
			for _, scope := range s.Settings.Scopes {
				scopes = append(scopes, scope.Name)
			}
			return []string{s.Settings.Identifier, orDash(strings.Join(scopes, " ")), s.Settings.Name}
		})
	})
}

// A theResourceServer is a resource server of a pool.
type theResourceServer struct {
	inPool
	Identifier string `arg:"" help:"Identifier of the API, often its URL."`
}

type scopeFlags struct {
	Scope []string `placeholder:"NAME=DESCRIPTION" sep:"none" help:"A scope, with a description for people. Give the flag once for each scope."`
}

// scopes are the scopes that the flags name. Without a description, the name describes the scope.
func (f *scopeFlags) scopes() []identity.ResourceScope {
	var out []identity.ResourceScope
	for _, text := range f.Scope {
		name, description, ok := strings.Cut(text, "=")
		if !ok {
			description = name
		}
		out = append(out, identity.ResourceScope{Name: name, Description: description})
	}
	return out
}

type resourceServerCreate struct {
	theResourceServer
	Name string `placeholder:"NAME" help:"Name for people. Default: the identifier, if it may be a name, or else API."`
	scopeFlags
}

// Help returns the details that --help shows.
func (resourceServerCreate) Help() string {
	return `    cognate resource-server create https://api.example.com --name Orders --scope "read=Read orders"`
}

// Run makes a resource server.
func (c *resourceServerCreate) Run(t *terminal) error {
	settings := identity.ResourceServerSettings{Identifier: c.Identifier, Name: c.Name, Scopes: c.scopes()}
	if c.Name == "" {
		if settings.Name = c.Identifier; settings.Check() != nil {
			settings.Name = "API"
		}
	}
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		s, err := a.ResourceServers().Create(ctx, settings)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Made resource server %s.\n", s.Settings.Identifier)
		return err
	})
}

type resourceServerShow struct{ theResourceServer }

// Help returns the details that --help shows.
func (resourceServerShow) Help() string {
	return `    cognate resource-server show https://api.example.com`
}

// Run shows a resource server.
func (c *resourceServerShow) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		s, err := a.ResourceServers().Get(ctx, c.Identifier)
		if err != nil {
			return err
		}
		return t.show(s)
	})
}

type resourceServerSet struct {
	theResourceServer
	Name string `placeholder:"NAME" help:"Name for people."`
	scopeFlags
	NoScopes bool `name:"no-scopes" help:"Take all scopes away."`
}

// Help returns the details that --help shows.
func (resourceServerSet) Help() string {
	return `The scopes that you give replace all others. App clients keep the names of scopes that are gone, and no token has such a scope.

    cognate resource-server set https://api.example.com --scope "read=Read orders"
    cognate resource-server set https://api.example.com --name Orders`
}

// Run changes a resource server.
func (c *resourceServerSet) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		_, err := a.ResourceServers().Update(ctx, c.Identifier, func(s *identity.ResourceServerSettings) error {
			if c.Name != "" {
				s.Name = c.Name
			}
			if len(c.Scope) > 0 || c.NoScopes {
				s.Scopes = c.scopes()
			}
			return nil
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Changed resource server %s.\n", c.Identifier)
		return err
	})
}

type resourceServerDelete struct {
	theResourceServer
	confirmed
}

// Help returns the details that --help shows.
func (resourceServerDelete) Help() string {
	return `    cognate resource-server delete https://api.example.com
    cognate resource-server delete https://api.example.com --yes`
}

// Run deletes a resource server.
func (c *resourceServerDelete) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		if _, err := a.ResourceServers().Get(ctx, c.Identifier); err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the resource server %s?", c.Identifier); err != nil {
			return err
		}
		if err := a.ResourceServers().Delete(ctx, c.Identifier); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t.out, "Deleted resource server %s.\n", c.Identifier)
		return err
	})
}
