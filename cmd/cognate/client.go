package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/identity"
)

type clientCommand struct {
	List   clientList    `cmd:"" help:"List app clients."`
	Create clientCreate  `cmd:"" help:"Make an app client and show its id."`
	Show   clientShow    `cmd:"" help:"Show an app client and its settings as they are stored."`
	Set    clientSet     `cmd:"" help:"Change settings of an app client."`
	Delete clientDelete  `cmd:"" help:"Delete an app client."`
	Secret secretCommand `cmd:"" help:"List, add and remove the secrets of an app client."`
}

// Help returns the details that --help shows.
func (clientCommand) Help() string {
	return `A program signs users in with an app client.

    cognate client create web
    cognate client create backend --secret --settings '{"authFlows":["ALLOW_ADMIN_USER_PASSWORD_AUTH","ALLOW_REFRESH_TOKEN_AUTH"]}'
    cognate client list`
}

type clientList struct {
	inPool
	listing
}

// Help returns the details that --help shows.
func (clientList) Help() string {
	return `    cognate client list
    cognate client list --pool main --json | jq -r .id`
}

// Run lists the clients.
func (c *clientList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		return list(t, c.listing, 0, a.Clients().List(ctx, ""), "CLIENT, CREATED, SECRET, NAME", func(info *identity.ClientInfo) []string {
			return []string{info.ID, stamp(info.Created), yesNo(info.HasSecret), info.Settings.Name}
		})
	})
}

type clientCreate struct {
	inPool
	Name     string       `arg:"" help:"Name of the client, for people: 1 to 128 characters."`
	Settings settingsFlag `placeholder:"JSON|@FILE|-" help:"Settings that differ from the defaults."`
	Secret   bool         `help:"Make a secret, for a client that can keep one."`
}

// Help returns the details that --help shows.
func (clientCreate) Help() string {
	return `The first line of the output is the id of the new client. With --secret, the second line is its secret. A client without a secret cannot get one later.

    cognate client create web
    cognate client create web --settings '{"accessTokenValidity":15,"units":{"access":"minutes"}}'
    cognate client create backend --secret`
}

// Run makes a client.
func (c *clientCreate) Run(t *terminal) error {
	changes, err := c.Settings.read(t)
	if err != nil {
		return err
	}
	settings, err := patched(&identity.ClientSettings{}, changes)
	if err != nil {
		return err
	}
	settings.Name, settings.GenerateSecret = c.Name, c.Secret
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		info, err := a.Clients().Create(ctx, settings)
		if err != nil {
			return err
		}
		fmt.Fprintln(t.out, info.ID)
		secrets, err := a.Clients().Secrets(ctx, info.ID)
		for _, s := range secrets {
			fmt.Fprintln(t.out, string(s))
		}
		return err
	})
}

// A theClient is an app client of a pool.
type theClient struct {
	inPool
	ID string `arg:"" name:"client" help:"The app client, by its id, or its name if no other has it. See client list."`
}

// open calls fn with an operator's rights on the pool, once ID is the id of the client.
func (c *theClient) open(t *terminal, fn func(context.Context, *identity.Admin) error) error {
	return c.inPool.open(t, func(ctx context.Context, a *identity.Admin) error {
		id, err := clientCalled(ctx, a, c.ID)
		if err != nil {
			return err
		}
		c.ID = id
		return fn(ctx, a)
	})
}

// clientCalled returns the id of the client with an id, or else of the only one with a name.
func clientCalled(ctx context.Context, a *identity.Admin, name string) (string, error) {
	_, missing := a.Clients().Get(ctx, name)
	if !errors.Is(missing, identity.ErrClientNotFound) {
		return name, missing
	}
	var called []string
	for info, err := range a.Clients().List(ctx, "") {
		if err != nil {
			return "", err
		}
		if info.Settings.Name == name {
			called = append(called, info.ID)
		}
	}
	switch len(called) {
	case 0:
		return "", missing
	case 1:
		return called[0], nil
	}
	return "", hint(fmt.Errorf("%d app clients have the name %s", len(called), oneLine(name)), "give the id, see cognate client list")
}

type clientShow struct{ theClient }

// Help returns the details that --help shows.
func (clientShow) Help() string {
	return `The output is the stored client as JSON, without secrets. To see the secrets, use "cognate client secret list".

    cognate client show web
    cognate client show 1example23456789 | jq .settings.authFlows`
}

// Run shows a client.
func (c *clientShow) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		info, err := a.Clients().Get(ctx, c.ID)
		if err != nil {
			return err
		}
		return t.show(info)
	})
}

type clientSet struct {
	theClient
	Settings settingsFlag `required:"" placeholder:"JSON|@FILE|-" help:"Settings to change; null resets a setting to its default."`
}

// Help returns the details that --help shows.
func (clientSet) Help() string {
	return `The JSON object is merged into the stored settings, member by member. An array replaces the stored array. null resets a setting to its default. Tokens that were issued before do not change.

    cognate client set 1example23456789 --settings '{"name":"web"}'
    cognate client set 1example23456789 --settings '{"rotation":{"enabled":true,"graceSeconds":10}}'
    cognate client set 1example23456789 --settings '{"refreshTokenValidity":null}'`
}

// Run changes a client.
func (c *clientSet) Run(t *terminal) error {
	changes, err := c.Settings.read(t)
	if err != nil {
		return err
	}
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		_, err := a.Clients().Update(ctx, c.ID, func(s *identity.ClientSettings) error {
			next, err := patched(s, changes)
			if err == nil {
				next.GenerateSecret, next.Secret = s.GenerateSecret, s.Secret // not in the JSON
				*s = *next
			}
			return err
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Changed app client %s.\n", c.ID)
		return err
	})
}

type clientDelete struct {
	theClient
	confirmed
}

// Help returns the details that --help shows.
func (clientDelete) Help() string {
	return `Users who signed in with the client are signed out. The users are not deleted.

    cognate client delete 1example23456789
    cognate client delete 1example23456789 --yes`
}

// Run deletes a client.
func (c *clientDelete) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		info, err := a.Clients().Get(ctx, c.ID)
		if err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the app client %s (%s) for good?", info.ID, info.Settings.Name); err != nil {
			return err
		}
		if err := a.Clients().Delete(ctx, c.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Deleted app client %s.\n", c.ID)
		return err
	})
}
