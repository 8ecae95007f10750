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
	passwordFlags
	Name          string          `arg:"" name:"user" help:"The username, or the address if users sign in with their address."`
	Attributes    []assignment    `arg:"" optional:"" placeholder:"NAME=VALUE" help:"Attributes."`
	Password      identity.Secret `xor:"password" placeholder:"PASSWORD" help:"The password. Other users of this machine can read it in the list of processes, so prefer --password-stdin."`
	PasswordStdin bool            `xor:"password" help:"Read the password from standard input: one line, or hidden input on a terminal."`
	Temporary     bool            `help:"The password must be changed at the first sign-in."`
}

// Help returns the details that --help shows.
func (userCreate) Help() string {
	return `The first line of the output is the sub of the new user. No message is sent. A user with a password is confirmed and can sign in at once. Without a password, the command makes a temporary one and writes it on a second line. The user must change it at the first sign-in.

    cognate user create alice email=alice@example.com email_verified=true
    cognate user create alice email=alice@example.com --password-stdin < password.txt`
}

// Run makes a user.
func (c *userCreate) Run(t *terminal) error {
	attrs, err := attributes(c.Attributes)
	if err != nil {
		return err
	}
	if c.inPool.blocked, err = c.passwordFlags.blocked(); err != nil {
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
				return hint(fmt.Errorf("the user was created, but the password is temporary: %w", err), "set the password with cognate user password")
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

// choose returns the password of a new user. made reports whether it was made here.
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

// newPassword makes a password of at least n characters, with at least one character of
// each kind.
func newPassword(n int) identity.Secret {
	text := strings.ToLower(rand.Text()) + "-A1"
	for len(text) < n {
		text = strings.ToLower(rand.Text()) + text
	}
	return identity.Secret(text)
}

type userPassword struct {
	theUser
	passwordFlags
	Password  identity.Secret `placeholder:"PASSWORD" help:"The password. Other users of this machine can read it in the list of processes, so prefer standard input."`
	Temporary bool            `help:"The password must be changed at the next sign-in."`
}

// Help returns the details that --help shows.
func (userPassword) Help() string {
	return `The password is read from standard input: typed twice on a terminal, which hides it, or one line of a pipe or a file. Setting a password ends a lock-out. It also confirms the user, unless the password is temporary.

    cognate user password alice
    cognate user password alice --temporary < password.txt
    cognate user password alice --blocked-passwords our-words.txt`
}

// Run sets a password.
func (c *userPassword) Run(t *terminal) (err error) {
	if c.inPool.blocked, err = c.passwordFlags.blocked(); err != nil {
		return err
	}
	return c.change(t, "Set the password of", func(ctx context.Context, us identity.Users, sub string) error {
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
		return us.SetPassword(ctx, sub, password, !c.Temporary)
	})
}
