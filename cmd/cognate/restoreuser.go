package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/sealed"
)

type userRestore struct {
	inPool
	Backup          string `arg:"" help:"Backup that has the user."`
	Name            string `arg:"" help:"The user, by any sign-in name, the sub, the e-mail address or the phone number."`
	BackupKeyFile   string `placeholder:"FILE" help:"Key file that the store had at the time of the backup. Default: the key file of the store."`
	Unauthenticated bool   `help:"Accept a backup that has no MAC, such as one of an earlier version: anybody may have altered it."`
}

// Help returns the details that --help shows.
func (userRestore) Help() string {
	return `The command restores one user from a backup of the same pool: the sub, the attributes, the password, the authenticator app and the groups. The pool and the groups must exist, and no other user may have the names of the user. Sign-ins are not restored.

    cognate user restore monday.backup alice

If the keys of the store were changed since the backup, give the key file of that time with --backup-key-file. The backup is unpacked to a temporary directory, in which secrets stay encrypted.`
}

// Run restores a user.
func (c *userRestore) Run(t *terminal) error {
	return c.openPool(t, func(ctx context.Context, e *identity.Engine, info *identity.PoolInfo) error {
		rec, err := c.find(ctx, t, info.ID)
		if err != nil {
			return err
		}
		pool, err := e.UserPool(ctx, info.ID)
		if err != nil {
			return err
		}
		res, err := pool.Admin().Users().Import(ctx, []*identity.UserRecord{rec})
		switch {
		case err != nil:
			return err
		case len(res.Failed) > 0:
			return hint(fmt.Errorf("%s cannot be restored: %w", oneLine(c.Name), res.Failed[0].Err), "nothing was changed; free the names that are taken, and create the groups first")
		case res.Skipped > 0:
			return hint(fmt.Errorf("%s is there already", oneLine(c.Name)), "delete the user first: an existing user is not replaced")
		}
		_, err = fmt.Fprintln(t.out, rec.Sub)
		return err
	})
}

// find reads the user in the backup.
func (c *userRestore) find(ctx context.Context, t *terminal, pool string) (rec *identity.UserRecord, err error) {
	f, err := os.Open(c.Backup)
	if err != nil {
		return nil, hint(fmt.Errorf("cannot %w", err), "give the file that cognate backup wrote")
	}
	defer f.Close()
	dir, err := os.MkdirTemp("", "cognate-restore-*") // mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	temp := storeFlag{file: filepath.Join(dir, "store.db")}
	from := c.source(c.Store)
	keys := keyFlags{KeyFile: from.file, KeyEnv: from.env}
	if c.BackupKeyFile != "" {
		keys = keyFlags{KeyFile: c.BackupKeyFile}
	}
	unpack := &restoreCommand{File: c.Backup, Store: temp, keyFlags: keys, Unauthenticated: c.Unauthenticated}
	o, err := unpack.options(t, newCounter(t, "unpacked", false))
	if err != nil {
		return nil, err
	}
	_, err = unpack.restore(ctx, f, o)
	if told := notAsMade(c.Backup, err, "--backup-key-file"); told != nil {
		return nil, told
	}
	if err != nil {
		return nil, hint(fmt.Errorf("read %s: %w", c.Backup, err), "nothing was changed; use another backup")
	}
	there := inPool{realStore{Store: temp, keyFlags: keys}, pool}
	err = there.open(t, func(ctx context.Context, a *identity.Admin) error {
		u, err := findUser(ctx, a.Users(), c.Name)
		if err == nil {
			rec, err = a.Users().Export(ctx, u.Sub, true)
		}
		return err
	})
	if errors.Is(err, identity.ErrUserNotFound) {
		return nil, hint(fmt.Errorf("%s has no user %s in the pool %s", c.Backup, oneLine(c.Name), pool), "give a name that the user had at the time of the backup, or the sub")
	}
	if errors.Is(err, sealed.ErrWrongKey) {
		return nil, hint(fmt.Errorf("the keys of the store are not those of %s", c.Backup), "give the key file of that time with --backup-key-file")
	}
	return rec, err
}
