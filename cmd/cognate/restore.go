package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/sealed"
)

// A restore into a file writes under another name (FILE.part) and renames the complete
// store. A restore into a database first marks the database as unfinished, writes the
// entries, and then removes the mark, so servers never open a part of a store. In both
// cases the whole backup is verified before anything is written.

type restoreCommand struct {
	File  string    `arg:"" help:"Backup to read."`
	Store storeFlag `default:"bolt:cognate.db" env:"COGNATE_STORE" placeholder:"STORE" help:"Store to make: bolt:FILE, which must not exist, or postgres://USER:PASSWORD@HOST/DATABASE, which must be empty. Default: ${default}."`
	keyFlags
	Unauthenticated bool `help:"Accept a backup that has no MAC, such as one of an earlier version: anybody may have altered it."`
	Progress        bool `help:"Report progress, even if standard error is not a terminal."`
}

// Help returns the details that --help shows.
func (restoreCommand) Help() string {
	return `The command makes a new store from a file that "cognate backup" wrote. A truncated or altered backup is an error, and nothing is written. The store file appears only when it is complete. Put the key file that the store had at the time of the backup beside the new store, or give its place with --key-file: the backup has a MAC under that key. The server needs this key file too.

    cognate restore cognate-monday.backup --store bolt:new.db
    cognate restore old.backup --store bolt:old.db --key-file keys/cognate-2026.key

Backups of earlier versions have no MAC. If you know that nobody could write to such a backup, give --unauthenticated.`
}

// Validate returns an error if the command line is invalid.
func (c *restoreCommand) Validate() error { return needsPlace(c.Store) }

// Run makes a store from a backup.
func (c *restoreCommand) Run(t *terminal) error {
	ctx, stop := signals()
	defer stop()
	if _, err := os.Lstat(c.Store.file); c.Store.file != "" && err == nil {
		return hint(fmt.Errorf("the store %s exists already", c.Store.file), "choose another store with --store, or move this one away")
	}
	f, err := os.Open(c.File)
	if err != nil {
		return hint(fmt.Errorf("cannot %w", err), "give the file that cognate backup wrote")
	}
	defer f.Close()
	p := newCounter(t, "restored", c.Progress)
	o, err := c.options(t, p)
	if err != nil {
		return err
	}
	n, err := c.restore(ctx, f, o)
	if told := notAsMade(c.File, err, "--key-file"); told != nil {
		return told
	}
	if err != nil {
		return plain(fmt.Errorf("restore %s: %w", c.File, err))
	}
	p.end(n)
	return nil
}

// options returns the keys that authenticate the backup. With --unauthenticated the key
// file may be missing.
func (c *restoreCommand) options(t *terminal, p *counter) (*store.RestoreOptions, error) {
	o := &store.RestoreOptions{InsecureUnauthenticated: c.Unauthenticated, Progress: p.at}
	from := c.source(c.Store)
	if _, err := os.Stat(from.file); c.Unauthenticated && from.env == "" && errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	keys, err := openBackupKeys(t, c.File, from)
	o.Keys = keys
	return o, err
}

// openBackupKeys opens the keys of a backup, which must exist.
func openBackupKeys(t *terminal, backup string, from keySource) (store.BackupKeys, error) {
	if _, err := os.Stat(from.file); from.env == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, hint(fmt.Errorf("the key file %s is missing, which shows whether %s was altered", from.file, backup),
			"give the key file that the store had at the time of the backup with --key-file; a store without a key file, such as that of cognate dev, makes backups that nothing authenticates: if this is one, and you know that nobody could write to it, give --unauthenticated")
	}
	return openKeys(t, backup, from, true)
}

// notAsMade returns the error of a backup that is not as cognate backup wrote it, or whose
// key is not there. It returns nil for other errors. flag names the keys.
func notAsMade(backup string, err error, flag string) error {
	told := plain(fmt.Errorf("restore %s: %w", backup, err))
	switch {
	case errors.Is(err, store.ErrUnauthenticated):
		return hint(told, "nothing was written; if you know that nobody could write to the backup, give --unauthenticated")
	case errors.Is(err, sealed.ErrWrongKey):
		return hint(fmt.Errorf("the keys that were given do not authenticate %s", backup), "nothing was written; give the key file that the store had at the time of the backup with %s", flag)
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, store.ErrNewer):
		return hint(told, "no store was made; use another backup, or the version of cognate that wrote this one")
	}
	return nil
}

// restore writes the store under another name, so that a store with its final name is
// whole.
func (c *restoreCommand) restore(ctx context.Context, f *os.File, o *store.RestoreOptions) (int64, error) {
	if c.Store.file == "" {
		return c.intoDatabase(ctx, f, o)
	}
	part := c.Store.file + ".part"
	if err := removeLeft(part); err != nil {
		return 0, err
	}
	n, err := c.restoreInto(ctx, storeFlag{file: part}, f, o)
	if errors.Is(err, store.ErrLocked) { // another process has the file, so leave it
		return n, err
	}
	defer os.Remove(part)
	if err != nil {
		return n, err
	}
	return n, settle(part, c.Store.file)
}

// removeLeft removes the file of an interrupted restore. It removes neither a directory,
// nor the file of a restore that is still running.
func removeLeft(part string) error {
	info, err := os.Lstat(part)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return hint(fmt.Errorf("%s is in the way and is not a file", part), "move it away, or choose another store with --store")
	}
	st, err := bolt.Open(part, nil)
	if errors.Is(err, store.ErrLocked) {
		return hint(fmt.Errorf("another restore is writing %s", part), "wait until it has ended, or choose another store with --store")
	}
	if err == nil {
		defer st.Close()
	}
	return os.Remove(part) // even if it is damaged
}

// intoDatabase marks the database until all entries are there, so that no server opens a
// part of a store.
func (c *restoreCommand) intoDatabase(ctx context.Context, f *os.File, o *store.RestoreOptions) (n int64, err error) {
	// Verify before the mark is written. store.Restore verifies again.
	if _, err := store.VerifyBackup(ctx, f, catalog(), o); err != nil {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	st, err := openStore(ctx, c.Store)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if err := begin(ctx, st, c.Store.name(), backupMark+c.File, false); err != nil {
		return 0, err
	}
	if n, err = store.Restore(ctx, st, f, catalog(), o); err != nil {
		return n, hint(err, "the entries that were written are marked as unfinished; begin again in another schema of the database")
	}
	return n, finish(ctx, st)
}

func (c *restoreCommand) restoreInto(ctx context.Context, where storeFlag, f *os.File, o *store.RestoreOptions) (int64, error) {
	st, err := openStore(ctx, where)
	if err != nil {
		return 0, err
	}
	n, err := store.Restore(ctx, st, f, catalog(), o)
	return n, errors.Join(err, st.Close())
}
