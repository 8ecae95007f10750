package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/cognate-id/cognate/internal/relay"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/sealed"
)

// A backup takes one of two ways. If a server has the file open, the command connects to
// the socket beside the file and the server sends the backup. Otherwise the command opens
// the store and reads it. In both cases the backup is written under a temporary name,
// flushed, and only then gets its name.

type backupCommand struct {
	File  string    `arg:"" help:"File to write; it must not exist yet."`
	Store storeFlag `default:"bolt:cognate.db" env:"COGNATE_STORE" placeholder:"STORE" help:"Store of the server: bolt:FILE, or postgres://USER:PASSWORD@HOST/DATABASE. Default: ${default}."`
	keyFlags
	Progress bool `help:"Report progress, even if standard error is not a terminal."`
}

// Help returns the details that --help shows.
func (backupCommand) Help() string {
	return `The backup is a consistent snapshot of the whole store. The server may run or be stopped. Secrets stay encrypted as they are in the store, so keep a copy of the key file too, in another place than the backup. The backup has a MAC under the key, by which "cognate restore" finds out whether somebody altered it. The backup file appears only when it is complete and on the disk.

    cognate backup cognate-monday.backup
    cognate backup /backup/cognate.backup --store bolt:/var/lib/cognate/cognate.db
    cognate backup cognate.backup --store postgres://cognate@db.example.com/cognate?sslmode=verify-full

If a server has the file open, the command asks the server for the backup, through a socket beside the file (cognate.db.sock). The socket has the group and the mode of the file: run the command as a user who may open the file. A PostgreSQL database is read while its servers run. "cognate restore" makes a store from the backup.`
}

// Validate returns an error if the command line is invalid.
func (c *backupCommand) Validate() error { return needsPlace(c.Store) }

func needsPlace(s storeFlag) error {
	if s.inMemory() {
		return errors.New("--store: memory cannot be backed up or restored: give a file as bolt:FILE, or a database as postgres://USER@HOST/DATABASE")
	}
	return nil
}

// Run writes a backup.
func (c *backupCommand) Run(t *terminal) error {
	ctx, stop := signals()
	defer stop()
	if _, err := os.Lstat(c.File); err == nil {
		return hint(fmt.Errorf("%s exists already", c.File), "choose another name for the backup")
	}
	if err := mustExist(c.Store, hintWhere); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Dir(c.File)); err != nil {
		return hint(fmt.Errorf("cannot %w", err), "create the directory, or choose another one for the backup")
	}
	p := newCounter(t, "backed up", c.Progress)
	var n int64
	err := writeWhole(c.File, func(w io.Writer) (err error) {
		n, err = c.write(ctx, t, w, p)
		return err
	})
	if err != nil {
		return plain(fmt.Errorf("back up %s: %w", c.Store, err))
	}
	p.end(n)
	return nil
}

// write gets the backup from the running server, or reads the store itself.
func (c *backupCommand) write(ctx context.Context, t *terminal, w io.Writer, p *counter) (int64, error) {
	if conn := dialServer(ctx, c.Store); conn != nil {
		return receiveBackup(ctx, conn, w)
	}
	st, err := openThere(ctx, c.Store, hintWhere, openStore)
	if err != nil {
		return 0, err
	}
	n, err := c.read(ctx, t, st, w, p)
	return n, errors.Join(err, st.Close())
}

// read writes the backup of a store that this process has open.
func (c *backupCommand) read(ctx context.Context, t *terminal, st store.Store, w io.Writer, p *counter) (int64, error) {
	o := &store.BackupOptions{Progress: p.at}
	made, err := purposeOf(ctx, st)
	if err != nil {
		return 0, err
	}
	err = authenticate(o, made, func() (sealed.Keys, error) { return openKeys(t, c.Store.name(), c.source(c.Store), true) })
	if err != nil {
		return 0, err
	}
	return store.Backup(ctx, st, w, catalog(), o)
}

// authenticate puts the keys of a store into the options of its backup. The secrets of
// cognate dev are not sealed, so it has no keys.
func authenticate(o *store.BackupOptions, made purpose, keys func() (sealed.Keys, error)) error {
	switch made {
	case forTests:
		return nil
	case forEdge:
		return errors.New("the store of cognate edge holds sign-ins alone: there is nothing to back up")
	case forReal:
		k, err := keys()
		o.Keys = k
		return err
	default:
		return fmt.Errorf("the store has the unknown purpose %q", string(made))
	}
}

// receiveBackup verifies the checksum only: the server has the keys.
func receiveBackup(ctx context.Context, socket net.Conn, w io.Writer) (int64, error) {
	defer context.AfterFunc(ctx, func() { socket.Close() })()
	conn, _, err := relay.Greet(socket, relay.WantBackup, version())
	if err != nil {
		return 0, relayError(err)
	}
	defer func() { _ = conn.Close() }()
	n, err := store.VerifyBackup(ctx, io.TeeReader(conn, w), catalog(), &store.RestoreOptions{InsecureUnauthenticated: true})
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return n, err
}

// writeWhole creates a file that gets its name only when it is complete and on the disk.
func writeWhole(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".part-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<18)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return settle(f.Name(), name)
}

// settle gives a file its final name and does not replace another file. If the file system
// has no hard links, it may replace a file that is created at the same moment.
func settle(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		err = os.Remove(from)
	} else if _, there := os.Lstat(to); there != nil {
		err = os.Rename(from, to)
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already", to)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// sendBackup writes a backup to a client of the socket.
func sendBackup(ctx context.Context, log *slog.Logger, conn *relay.Conn, st store.Store) {
	begin := time.Now()
	o := &store.BackupOptions{}
	made, err := purposeOf(ctx, sealed.Inner(st))
	if err == nil {
		err = authenticate(o, made, func() (sealed.Keys, error) { return sealed.KeysOf(st) })
	}
	if err != nil {
		log.Error("a backup cannot be authenticated", "error", err)
		return
	}
	n, err := store.Backup(ctx, sealed.Inner(st), conn, catalog(), o)
	if err != nil {
		log.Warn("a backup was not finished", "entries", n, "error", err)
		return
	}
	log.Info("backed up", "entries", n, "took", time.Since(begin).Round(time.Millisecond))
}
