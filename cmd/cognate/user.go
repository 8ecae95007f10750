package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

type userCommand struct {
	List     userList     `cmd:"" help:"List users."`
	Create   userCreate   `cmd:"" help:"Make a user."`
	Show     userShow     `cmd:"" help:"Show everything that is stored about a user, except for secrets."`
	Set      userSet      `cmd:"" help:"Change or delete attributes of a user."`
	Password userPassword `cmd:"" help:"Set the password of a user."`
	Enable   userEnable   `cmd:"" help:"Let a user who was disabled sign in again."`
	Disable  userDisable  `cmd:"" help:"End all sign-ins of a user, and refuse new ones."`
	Confirm  userConfirm  `cmd:"" help:"Confirm a user who has signed up, without the code."`
	Signout  userSignOut  `cmd:"" help:"End all sign-ins of a user."`
	Sessions userSessions `cmd:"" help:"Show and end the sessions of a user."`
	Devices  userDevices  `cmd:"" help:"Show and forget the devices of a user."`
	ResetMFA userResetMFA `cmd:"" name:"reset-mfa" help:"Forget the second factors of a user who has lost them."`
	Delete   userDelete   `cmd:"" help:"Delete a user."`
	Export   userExport   `cmd:"" help:"Write all users as JSON lines."`
	Import   userImport   `cmd:"" help:"Read users from JSON lines."`
	Restore  userRestore  `cmd:"" help:"Restore one user from a backup."`
}

// Help returns the details that --help shows.
func (userCommand) Help() string {
	return `Name a user by the username, by any other name that the user signs in with, by the sub, or by an e-mail address or phone number. If several users have the address, the command lists them and asks for the sub.

    cognate user create alice email=alice@example.com email_verified=true
    cognate user list --filter 'email ^= "a"'
    cognate user show alice
    cognate user export --secrets --out users.jsonl`
}

// A theUser is a user of a pool.
type theUser struct {
	inPool
	Name string `arg:"" name:"user" help:"The user, by any sign-in name, the sub, the e-mail address or the phone number."`
}

// change changes the user, whose sub fn gets, and prints that it is done.
func (u *theUser) change(t *terminal, done string, fn func(ctx context.Context, us identity.Users, sub string) error) error {
	return u.open(t, func(ctx context.Context, a *identity.Admin) error {
		found, err := findUser(ctx, a.Users(), u.Name)
		if err != nil {
			return err
		}
		if err := fn(ctx, a.Users(), found.Sub); err != nil {
			return named(err, u.Name)
		}
		_, err = fmt.Fprintf(t.out, "%s %s.\n", done, calledBy(found, u.Name))
		return err
	})
}

// named adds the name of the user to [identity.ErrUserNotFound].
func named(err error, name string) error {
	if errors.Is(err, identity.ErrUserNotFound) {
		return hint(&textError{fmt.Sprintf("there is no user %s in the pool", oneLine(name)), err}, "cognate user list shows all users")
	}
	return err
}

type userList struct {
	inPool
	listing
	limited
	Filter string `placeholder:"FILTER" help:"Filter by one attribute: NAME = \"VALUE\" or NAME ^= \"BEGINNING\". Default: all users."`
}

// Help returns the details that --help shows.
func (userList) Help() string {
	return `A filter can use one of these attributes: username, email, phone_number, name, given_name, family_name, preferred_username, sub, cognito:user_status (such as CONFIRMED) and status (Enabled or Disabled).

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

// An assignment is NAME=VALUE, or NAME= to delete an attribute.
type assignment struct{ name, value string }

// UnmarshalText accepts NAME=VALUE.
func (a *assignment) UnmarshalText(text []byte) error {
	name, value, ok := strings.Cut(string(text), "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not an attribute and its value, such as email=alice@example.com", text)
	}
	*a = assignment{name, value}
	return nil
}

// attributes returns the assignments as a map. It returns an error if a name is given
// twice.
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

// Help returns the details that --help shows.
func (userShow) Help() string {
	return `The output is JSON: the attributes, the groups, the sign-ins whose tokens may still be valid, and the events of the user. Use it to answer a person who asks which data is stored.

    cognate user show alice
    cognate user show alice@example.com | jq .attributes`
}

// Run shows a user.
func (c *userShow) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := findUser(ctx, a.Users(), c.Name)
		if err != nil {
			return err
		}
		rec, err := a.Users().Export(ctx, u.Sub, false)
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

// Help returns the details that --help shows.
func (userSet) Help() string {
	return `If one change is invalid, nothing is changed. A changed address must be verified again, unless you mark it as verified.

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
	return c.change(t, "Changed attributes of", func(ctx context.Context, us identity.Users, sub string) error {
		return us.UpdateAttributes(ctx, sub, changes)
	})
}

type userEnable struct{ theUser }

// Help returns the details that --help shows.
func (userEnable) Help() string { return `    cognate user enable alice` }

// Run enables a user.
func (c *userEnable) Run(t *terminal) error {
	return c.change(t, "Enabled", func(ctx context.Context, us identity.Users, sub string) error { return us.Enable(ctx, sub) })
}

type userDisable struct{ theUser }

// Help returns the details that --help shows.
func (userDisable) Help() string {
	return `The user is signed out everywhere and cannot sign in until "cognate user enable".

    cognate user disable alice`
}

// Run disables a user.
func (c *userDisable) Run(t *terminal) error {
	return c.change(t, "Disabled", func(ctx context.Context, us identity.Users, sub string) error { return us.Disable(ctx, sub) })
}

type userConfirm struct{ theUser }

// Help returns the details that --help shows.
func (userConfirm) Help() string {
	return `The command does not verify the addresses of the user. To do that, use "cognate user set alice email_verified=true".

    cognate user confirm alice`
}

// Run confirms a user.
func (c *userConfirm) Run(t *terminal) error {
	return c.change(t, "Confirmed", func(ctx context.Context, us identity.Users, sub string) error { return us.Confirm(ctx, sub) })
}

type userSignOut struct{ theUser }

// Help returns the details that --help shows.
func (userSignOut) Help() string {
	return `The server refuses all present tokens of the user. The user can sign in again at once.

    cognate user signout alice`
}

// Run signs a user out.
func (c *userSignOut) Run(t *terminal) error {
	return c.change(t, "Signed out", func(ctx context.Context, us identity.Users, sub string) error { return us.SignOut(ctx, sub) })
}

type userResetMFA struct{ theUser }

// Help returns the details that --help shows.
func (userResetMFA) Help() string {
	return `The key of the authenticator app is deleted and all second factors are off. Unless the pool has the defaults of Amazon Cognito, the user is signed out everywhere. If the pool demands a second factor, the next sign-in asks to set one up. Make sure first who asks.

    cognate user reset-mfa alice`
}

// Run forgets the second factors.
func (c *userResetMFA) Run(t *terminal) error {
	return c.change(t, "Forgot the second factors of", func(ctx context.Context, us identity.Users, sub string) error { return us.ResetMFA(ctx, sub) })
}

type userDelete struct {
	theUser
	confirmed
}

// Help returns the details that --help shows.
func (userDelete) Help() string {
	return `The user is deleted for good, with the password, second factors and sign-ins. Another user can then have the name.

    cognate user delete alice
    cognate user delete alice --yes`
}

// addressOf returns an address by which a person knows the user, with the sub, so that a
// mistake is noticed.
func addressOf(u *identity.User) string {
	address := cmp.Or(u.Attributes["email"], u.Attributes["phone_number"])
	if address == "" {
		return u.Sub
	}
	return oneLine(address) + ", " + u.Sub
}

// Run deletes a user.
func (c *userDelete) Run(t *terminal) error {
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := findUser(ctx, a.Users(), c.Name)
		if err != nil {
			return err
		}
		if err := c.confirm(ctx, t, "Delete the user %s (%s) for good?", u.Username, addressOf(u)); err != nil {
			return err
		}
		if err := a.Users().Delete(ctx, u.Sub); err != nil {
			return named(err, c.Name)
		}
		_, err = fmt.Fprintf(t.out, "Deleted %s.\n", oneLine(u.Username))
		return err
	})
}
