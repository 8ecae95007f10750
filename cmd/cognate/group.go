package main

import (
	"context"
	"fmt"

	"github.com/cognate-id/cognate/identity"
)

type groupCommand struct {
	List    groupList    `cmd:"" help:"List groups."`
	Create  groupCreate  `cmd:"" help:"Make a group."`
	Show    groupShow    `cmd:"" help:"Show a group as it is stored."`
	Set     groupSet     `cmd:"" help:"Change a group."`
	Delete  groupDelete  `cmd:"" help:"Delete a group. Its members stay."`
	Add     groupAdd     `cmd:"" help:"Put a user into a group."`
	Remove  groupRemove  `cmd:"" help:"Take a user out of a group."`
	Members groupMembers `cmd:"" help:"List the users in a group."`
	Rule    groupRule    `cmd:"" help:"Put users into groups by an attribute."`
}

// Help returns the details that --help shows.
func (groupCommand) Help() string {
	return `Tokens list the groups of their user in the claim cognito:groups.

    cognate group create admins --precedence 1
    cognate group add admins alice
    cognate group members admins`
}

type groupList struct {
	inPool
	listing
}

// Help returns the details that --help shows.
func (groupList) Help() string {
	return `    cognate group list
    cognate group list --json | jq -r .name`
}

// Run lists the groups.
func (c *groupList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		return list(t, c.listing, 0, a.Groups().List(ctx, ""), "GROUP, CREATED, PRECEDENCE, ROLE, DESCRIPTION", func(g *identity.Group) []string {
			return []string{g.Name, stamp(g.Created), orNone(g.Precedence), orNone(g.RoleARN), orNone(g.Description)}
		})
	})
}

// groupFlags are the settings of a group.
type groupFlags struct {
	Description *string `placeholder:"TEXT" help:"What the group is for."`
	Role        *string `placeholder:"ARN" help:"ARN of a role that members may take."`
	Precedence  *int    `placeholder:"NUMBER" help:"Precedence of the group in tokens, 0 or greater; the lowest number comes first."`
}

func (f groupFlags) settings(name string) identity.GroupSettings {
	return identity.GroupSettings{Name: name, Description: f.Description, RoleARN: f.Role, Precedence: f.Precedence}
}

// A theGroup is a group of a pool.
type theGroup struct {
	inPool
	Name string `arg:"" name:"group" help:"Name of the group; upper and lower case differ."`
}

type groupCreate struct {
	theGroup
	groupFlags
}

// Help returns the details that --help shows.
func (groupCreate) Help() string {
	return `    cognate group create admins
    cognate group create admins --precedence 1 --description "may do everything"`
}

// Run makes a group.
func (c *groupCreate) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		g, err := a.Groups().Create(ctx, c.settings(c.Name))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Made group %s.\n", g.Name)
		return err
	})
}

type groupShow struct{ theGroup }

// Help returns the details that --help shows.
func (groupShow) Help() string { return `    cognate group show admins` }

// Run shows a group.
func (c *groupShow) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		g, err := a.Groups().Get(ctx, c.Name)
		if err != nil {
			return err
		}
		return t.show(g)
	})
}

type groupSet struct {
	theGroup
	groupFlags
}

// Help returns the details that --help shows.
func (groupSet) Help() string {
	return `Settings that are not given do not change. A group cannot be renamed.

    cognate group set admins --precedence 5
    cognate group set admins --description "" --role arn:aws:iam::123456789012:role/admins`
}

// Run changes a group.
func (c *groupSet) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		g, err := a.Groups().Update(ctx, c.Name, c.settings(""))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Changed group %s.\n", g.Name)
		return err
	})
}

type groupDelete struct {
	theGroup
	confirmed
}

// Help returns the details that --help shows.
func (groupDelete) Help() string {
	return `    cognate group delete admins
    cognate group delete admins --yes`
}

// Run deletes a group.
func (c *groupDelete) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		g, err := a.Groups().Get(ctx, c.Name)
		if err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the group %s for good?", g.Name); err != nil {
			return err
		}
		if err := a.Groups().Delete(ctx, c.Name); err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "Deleted group %s.\n", g.Name)
		return err
	})
}

// A membership is a group and a user.
type membership struct {
	theGroup
	User string `arg:"" help:"The user, by any sign-in name, the sub, the e-mail address or the phone number."`
}

type groupAdd struct{ membership }

// Help returns the details that --help shows.
func (groupAdd) Help() string {
	return `New tokens have the group from the next sign-in or refresh on.

    cognate group add admins alice`
}

// Run puts a user into a group.
func (c *groupAdd) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := findUser(ctx, a.Users(), c.User)
		if err != nil {
			return err
		}
		if err := a.Users().AddToGroup(ctx, u.Sub, c.Name); err != nil {
			return named(err, c.User)
		}
		_, err = fmt.Fprintf(t.out, "%s is in the group %s.\n", calledBy(u, c.User), oneLine(c.Name))
		return err
	})
}

type groupRemove struct{ membership }

// Help returns the details that --help shows.
func (groupRemove) Help() string {
	return `New tokens lack the group from the next sign-in or refresh on. To end tokens that were issued before, use "cognate user signout".

    cognate group remove admins alice`
}

// Run takes a user out of a group.
func (c *groupRemove) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := findUser(ctx, a.Users(), c.User)
		if err != nil {
			return err
		}
		if err := a.Users().RemoveFromGroup(ctx, u.Sub, c.Name); err != nil {
			return named(err, c.User)
		}
		_, err = fmt.Fprintf(t.out, "%s is not in the group %s.\n", calledBy(u, c.User), oneLine(c.Name))
		return err
	})
}

type groupMembers struct {
	theGroup
	listing
	limited
}

// Help returns the details that --help shows.
func (groupMembers) Help() string {
	return `    cognate group members admins
    cognate group members admins --json | jq -r .username`
}

// Run lists the members of a group.
func (c *groupMembers) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		return list(t, c.listing, int(c.Limit), a.Groups().Members(ctx, c.Name, ""), userHeader, userRow)
	})
}
