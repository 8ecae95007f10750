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

type restoreCommand struct {
	File     string    `arg:"" help:"Backup to read."`
	Store    storeFlag `default:"bolt:cognate.db" env:"COGNATE_STORE" placeholder:"STORE" help:"Store to make, bolt:FILE or postgres://USER:PASSWORD@HOST/DATABASE; there must be none yet, or an empty one in the database. Default: ${default}."`
	Progress bool      `help:"Tell how far it is, even where standard error is no terminal."`
}

// Help tells more of the command.
func (restoreCommand) Help() string {
	return `It makes a new store of what cognate backup wrote. A backup that was cut off or altered is refused before anything is written, and the store has its name only once it is complete. Put the key file beside it that the store had when it was backed up.

    cognate restore cognate-monday.backup --store bolt:new.db`
}

// Validate is called when the command line has been read.
func (c *restoreCommand) Validate() error { return needsPlace(c.Store) }

// Run makes a store of a backup.
func (c *restoreCommand) Run(t *terminal) error {
	ctx, stop := signals()
	defer stop()
	if _, err := os.Lstat(c.Store.file); c.Store.file != "" && err == nil {
		return hint(fmt.Errorf("there is a store %s already", c.Store.file), "choose another with --store, or move it away")
	}
	f, err := os.Open(c.File)
	if err != nil {
		return hint(fmt.Errorf("cannot %w", err), "give the file that cognate backup wrote")
	}
	defer f.Close()
	p := newCounter(t, "restored", c.Progress)
	n, err := c.restore(ctx, f, p)
	if errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrNewer) {
		return hint(plain(fmt.Errorf("restore %s: %w", c.File, err)), "no store was made; use another backup, or the version of cognate that wrote it")
	}
	if err != nil {
		return plain(fmt.Errorf("restore %s: %w", c.File, err))
	}
	p.end(n)
	return nil
}

// restore works under another name, so that a store that has its name is whole.
func (c *restoreCommand) restore(ctx context.Context, f *os.File, p *counter) (int64, error) {
	if c.Store.file == "" {
		return c.intoDatabase(ctx, f, p)
	}
	part := c.Store.file + ".part"
	if err := removeLeft(part); err != nil {
		return 0, err
	}
	n, err := c.restoreInto(ctx, storeFlag{file: part}, f, p)
	if errors.Is(err, store.ErrLocked) { // it is not ours
		return n, err
	}
	defer os.Remove(part)
	if err != nil {
		return n, err
	}
	return n, settle(part, c.Store.file)
}

// removeLeft removes what a restore that was interrupted left behind, and
// nothing else: neither a directory, nor the file of one that is still at work.
func removeLeft(part string) error {
	info, err := os.Lstat(part)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return hint(fmt.Errorf("%s is in the way, and no file", part), "move it away, or choose another store with --store")
	}
	st, err := bolt.Open(part, nil)
	if errors.Is(err, store.ErrLocked) {
		return hint(fmt.Errorf("another restore is writing %s", part), "wait until it has ended, or choose another store with --store")
	}
	if err == nil {
		defer st.Close()
	}
	return os.Remove(part) // whatever it is like
}

// intoDatabase marks the database until all is there, so that no server takes a part of it.
func (c *restoreCommand) intoDatabase(ctx context.Context, f *os.File, p *counter) (n int64, err error) {
	// Before there is a mark; store.Restore verifies on its own.
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
		return n, hint(err, "what has arrived is marked as unfinished; begin again in another schema of the database")
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
