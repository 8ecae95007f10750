package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

type userCommand struct {
	List     userList     `cmd:"" help:"List users."`
	Create   userCreate   `cmd:"" help:"Make a user."`
	Show     userShow     `cmd:"" help:"Show all that is kept about a user, but for secrets."`
	Set      userSet      `cmd:"" help:"Change and delete attributes of a user."`
	Password userPassword `cmd:"" help:"Set the password of a user."`
	Enable   userEnable   `cmd:"" help:"Let a user who was disabled sign in again."`
	Disable  userDisable  `cmd:"" help:"End all sign-ins of a user, and allow no more."`
	Confirm  userConfirm  `cmd:"" help:"Confirm a user who has signed up, without the code."`
	Signout  userSignOut  `cmd:"" help:"End all sign-ins of a user."`
	Delete   userDelete   `cmd:"" help:"Delete a user."`
	Export   userExport   `cmd:"" help:"Write all users as JSON lines."`
	Import   userImport   `cmd:"" help:"Read users from JSON lines."`
	Restore  userRestore  `cmd:"" help:"Bring one user back from a backup."`
}

// Help tells more of the command.
func (userCommand) Help() string {
	return `A user is named by the username, by whatever else the user signs in with, or by the sub. The server must not be running.

    cognate user create alice email=alice@example.com email_verified=true
    cognate user list --filter 'email ^= "a"'
    cognate user show alice
    cognate user export --secrets --out users.jsonl`
}

// A theUser is a user of a pool.
type theUser struct {
	inPool
	Name string `arg:"" name:"user" help:"The user, by any name or the sub."`
}

// change does something to the user, and says that it was done.
func (u *theUser) change(t *terminal, done string, fn func(context.Context, identity.Users) error) error {
	return u.open(t, func(ctx context.Context, a *identity.Admin) error {
		if err := fn(ctx, a.Users()); err != nil {
			return named(err, u.Name)
		}
		_, err := fmt.Fprintf(t.out, "%s %s.\n", done, oneLine(u.Name))
		return err
	})
}

// named names the user in an error that there is none.
func named(err error, name string) error {
	if errors.Is(err, identity.ErrUserNotFound) {
		return hint(fmt.Errorf("there is no user %s in the pool", oneLine(name)), "cognate user list shows those there are")
	}
	return err
}

type userList struct {
	inPool
	listing
	limited
	Filter string `placeholder:"FILTER" help:"Which users, by one attribute: NAME = \"VALUE\" or NAME ^= \"BEGINNING\". Default: all."`
}

// Help tells more of the command.
func (userList) Help() string {
	return `Users can be found by username, email, phone_number, name, given_name, family_name, preferred_username, sub, cognito:user_status (such as CONFIRMED) and status (Enabled or Disabled).

    cognate user list
    cognate user list --filter 'email ^= "a"' --limit 20
    cognate user list --filter 'status = "Disabled"' --json | jq -r .sub`
}

const userHeader = "USERNAME, STATUS, ENABLED, CREATED, EMAIL, SUB"

func userRow(u *identity.User) []string {
	return []string{u.Username, string(u.Status), yesNo(!u.Disabled), stamp(u.Created), orDash(u.Attributes["email"]), u.Sub}
}

// Run lists users.
func (c *userList) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		return list(t, c.listing, int(c.Limit), a.Users().All(ctx, c.Filter), userHeader, userRow)
	})
}

// An assignment is NAME=VALUE, or NAME= to delete.
type assignment struct{ name, value string }

// UnmarshalText takes NAME=VALUE.
func (a *assignment) UnmarshalText(text []byte) error {
	name, value, ok := strings.Cut(string(text), "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not an attribute and its value, such as email=alice@example.com", text)
	}
	*a = assignment{name, value}
	return nil
}

// attributes are assignments that do not contradict each other.
func attributes(all []assignment) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range all {
		if _, ok := out[a.name]; ok {
			return nil, &usageError{fmt.Errorf("the attribute %s is given twice", oneLine(a.name)), ""}
		}
		out[a.name] = a.value
	}
	return out, nil
}

type userShow struct{ theUser }

// Help tells more of the command.
func (userShow) Help() string {
	return `It writes JSON: the attributes, the groups, the sign-ins whose tokens may still be good, and what is on record of the user. That is what a person may ask for who wants to know what is kept.

    cognate user show alice
    cognate user show alice@example.com | jq .attributes`
}

// Run shows a user.
func (c *userShow) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		rec, err := a.Users().Export(ctx, c.Name, false)
		if err != nil {
			return named(err, c.Name)
		}
		return t.show(rec)
	})
}

type userSet struct {
	theUser
	Attributes []assignment `arg:"" placeholder:"NAME=VALUE" help:"Attributes to change; NAME= deletes one."`
}

// Help tells more of the command.
func (userSet) Help() string {
	return `All is done or nothing. An address that is changed has to be verified anew, unless it is said to be verified.

    cognate user set alice name="Alice Liddell" custom:team=web
    cognate user set alice email=alice@example.org email_verified=true
    cognate user set alice nickname=`
}

// Run changes attributes.
func (c *userSet) Run(t *terminal) error {
	changes, err := attributes(c.Attributes)
	if err != nil {
		return err
	}
	return c.change(t, "Changed attributes of", func(ctx context.Context, us identity.Users) error {
		return us.UpdateAttributes(ctx, c.Name, changes)
	})
}

type userEnable struct{ theUser }

// Help tells more of the command.
func (userEnable) Help() string { return `    cognate user enable alice` }

// Run enables a user.
func (c *userEnable) Run(t *terminal) error {
	return c.change(t, "Enabled", func(ctx context.Context, us identity.Users) error { return us.Enable(ctx, c.Name) })
}

type userDisable struct{ theUser }

// Help tells more of the command.
func (userDisable) Help() string {
	return `The user is signed out everywhere and cannot sign in until "cognate user enable".

    cognate user disable alice`
}

// Run disables a user.
func (c *userDisable) Run(t *terminal) error {
	return c.change(t, "Disabled", func(ctx context.Context, us identity.Users) error { return us.Disable(ctx, c.Name) })
}

type userConfirm struct{ theUser }

// Help tells more of the command.
func (userConfirm) Help() string {
	return `It verifies no address: "cognate user set alice email_verified=true" does.

    cognate user confirm alice`
}

// Run confirms a user.
func (c *userConfirm) Run(t *terminal) error {
	return c.change(t, "Confirmed", func(ctx context.Context, us identity.Users) error { return us.Confirm(ctx, c.Name) })
}

type userSignOut struct{ theUser }

// Help tells more of the command.
func (userSignOut) Help() string {
	return `All tokens of the user are refused from then on. The user may sign in again at once.

    cognate user signout alice`
}

// Run signs a user out.
func (c *userSignOut) Run(t *terminal) error {
	return c.change(t, "Signed out", func(ctx context.Context, us identity.Users) error { return us.SignOut(ctx, c.Name) })
}

type userDelete struct {
	theUser
	confirmed
}

// Help tells more of the command.
func (userDelete) Help() string {
	return `The user is deleted for good, with the password, second factors and sign-ins. The name is free again.

    cognate user delete alice
    cognate user delete alice --yes`
}

// Run deletes a user.
func (c *userDelete) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := a.Users().Get(ctx, c.Name)
		if err != nil {
			return named(err, c.Name)
		}
		if err := c.confirm(ctx, t, "Delete the user %s (%s) for good?", u.Username, u.Sub); err != nil {
			return err
		}
		if err := a.Users().Delete(ctx, u.Sub); err != nil {
			return named(err, c.Name)
		}
		_, err = fmt.Fprintf(t.out, "Deleted %s.\n", oneLine(u.Username))
		return err
	})
}
