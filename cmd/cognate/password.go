package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

type userCreate struct {
	inPool
	Name          string          `arg:"" name:"user" help:"The username, or the address where users sign in with theirs."`
	Attributes    []assignment    `arg:"" optional:"" placeholder:"NAME=VALUE" help:"Attributes."`
	Password      identity.Secret `xor:"password" placeholder:"PASSWORD" help:"The password. Who can list the processes of this machine can read it: prefer --password-stdin."`
	PasswordStdin bool            `xor:"password" help:"Read the password from standard input: one line, or typed unseen on a terminal."`
	Temporary     bool            `help:"The password must be changed at the first sign-in."`
}

// Help tells more of the command.
func (userCreate) Help() string {
	return `It writes the sub of the new user. Nobody is sent anything. A user with a password is confirmed and can sign in at once. Where none is given a temporary one is made, which is written on a second line and must be changed at the first sign-in.

    cognate user create alice email=alice@example.com email_verified=true
    cognate user create alice email=alice@example.com --password-stdin < password.txt`
}

// Run makes a user.
func (c *userCreate) Run(t *terminal) error {
	attrs, err := attributes(c.Attributes)
	if err != nil {
		return err
	}
	return c.open(t, func(ctx context.Context, a *identity.Admin) error {
		password, made, err := c.choose(ctx, t, a)
		if err != nil {
			return err
		}
		in := identity.CreateUser{Username: c.Name, Attributes: attrs, TemporaryPassword: password, SuppressInvitation: true}
		u, err := a.Users().Create(ctx, in)
		if err != nil {
			return err
		}
		if !made && !c.Temporary {
			if err := a.Users().SetPassword(ctx, u.Sub, password, true); err != nil {
				return hint(fmt.Errorf("the user is made, and the password is a temporary one: %w", err), "set it by cognate user password")
			}
		}
		fmt.Fprintln(t.out, u.Sub)
		if made {
			fmt.Fprintln(t.err, "cognate: the second line is a temporary password. It is shown only this once.")
			fmt.Fprintln(t.out, string(password))
		}
		return nil
	})
}

// choose is the password of a new user, and whether it was made here.
func (c *userCreate) choose(ctx context.Context, t *terminal, a *identity.Admin) (password identity.Secret, made bool, err error) {
	switch {
	case c.Password != "":
		return c.Password, false, nil
	case c.PasswordStdin:
		password, err := readPassword(ctx, t)
		return password, false, err
	}
	info, err := a.Describe(ctx)
	if err != nil {
		return "", false, err
	}
	return newPassword(info.Settings.EffectivePasswordPolicy().MinimumLength), true, nil
}

// newPassword makes a password of at least n characters that has one of each kind.
func newPassword(n int) identity.Secret {
	text := strings.ToLower(rand.Text()) + "-A1"
	for len(text) < n {
		text = strings.ToLower(rand.Text()) + text
	}
	return identity.Secret(text)
}

type userPassword struct {
	theUser
	Password  identity.Secret `placeholder:"PASSWORD" help:"The password. Who can list the processes of this machine can read it: prefer standard input."`
	Temporary bool            `help:"The password must be changed at the next sign-in."`
}

// Help tells more of the command.
func (userPassword) Help() string {
	return `The password is read from standard input: typed twice on a terminal, which does not show it, or one line of what is piped in. It confirms the user, unless it is a temporary one, and ends a lock-out.

    cognate user password alice
    cognate user password alice --temporary < password.txt`
}

// Run sets a password.
func (c *userPassword) Run(t *terminal) error {
	return c.change(t, "Set the password of", func(ctx context.Context, us identity.Users) error {
		if _, err := us.Get(ctx, c.Name); err != nil {
			return err // before anybody is asked for a password
		}
		password, err := c.Password, error(nil)
		if password == "" {
			password, err = readPassword(ctx, t)
		}
		if err != nil {
			return err
		}
		if password == "" {
			return errors.New("a password cannot be empty")
		}
		return us.SetPassword(ctx, c.Name, password, !c.Temporary)
	})
}
