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
)

// A restore into a file writes under another name (FILE.part) and renames the complete
// store. A restore into a database first marks the database as unfinished, writes the
// entries, and then removes the mark, so servers never open a part of a store. In both
// cases the whole backup is verified before anything is written.

type restoreCommand struct {
	File     string    `arg:"" help:"Backup to read."`
	Store    storeFlag `default:"bolt:cognate.db" env:"COGNATE_STORE" placeholder:"STORE" help:"Store to make: bolt:FILE, which must not exist, or postgres://USER:PASSWORD@HOST/DATABASE, which must be empty. Default: ${default}."`
	Progress bool      `help:"Report progress, even if standard error is not a terminal."`
}

// Help returns the details that --help shows.
func (restoreCommand) Help() string {
	return `The command makes a new store from a file that "cognate backup" wrote. A truncated or altered backup is an error, and nothing is written. The store file appears only when it is complete. Put the key file that the store had at the time of the backup beside the new store.

    cognate restore cognate-monday.backup --store bolt:new.db`
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
	n, err := c.restore(ctx, f, p)
	if errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNewer) {
		return hint(plain(fmt.Errorf("restore %s: %w", c.File, err)), "no store was made; use another backup, or the version of cognate that wrote this one")
	}
	if err != nil {
		return plain(fmt.Errorf("restore %s: %w", c.File, err))
	}
	p.end(n)
	return nil
}

// restore writes the store under another name, so that a store with its final name is
// whole.
func (c *restoreCommand) restore(ctx context.Context, f *os.File, p *counter) (int64, error) {
	if c.Store.file == "" {
		return c.intoDatabase(ctx, f, p)
	}
	part := c.Store.file + ".part"
	if err := removeLeft(part); err != nil {
		return 0, err
	}
	n, err := c.restoreInto(ctx, storeFlag{file: part}, f, p)
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
func (c *restoreCommand) intoDatabase(ctx context.Context, f *os.File, p *counter) (n int64, err error) {
	// Verify before the mark is written. store.Restore verifies again.
	if _, err := store.VerifyBackup(f, catalog()); err != nil {
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
	if n, err = store.Restore(ctx, st, f, catalog(), p.at); err != nil {
		return n, hint(err, "the entries that were written are marked as unfinished; begin again in another schema of the database")
	}
	return n, finish(ctx, st)
}

func (c *restoreCommand) restoreInto(ctx context.Context, where storeFlag, f *os.File, p *counter) (int64, error) {
	st, err := openStore(ctx, where)
	if err != nil {
		return 0, err
	}
	n, err := store.Restore(ctx, st, f, catalog(), p.at)
	return n, errors.Join(err, st.Close())
}
