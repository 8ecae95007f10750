package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/cognate-id/cognate/store"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The format is stored in a bucket whose name no table can have.
const (
	metaBucket  = "\x00cognate"
	formatKey   = "format"
	firstFormat = 1 // buckets of checksummed values, see bucket.go
)

// createFile creates the file at path if it does not exist. It writes the file under
// another name and renames the complete file. So a crash leaves no partial file, and an
// empty file is never mistaken for a new store.
func createFile(path string, o Options) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() == 0 {
		return fmt.Errorf("%w: the file is empty; remove it to begin with an empty store", store.ErrCorrupt)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := temp.Close(); err != nil {
		return err
	}
	if err := initialize(temp.Name(), o); err != nil {
		return err
	}
	if err := move(temp.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

func initialize(path string, o Options) error {
	db, err := openFile(path, o)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error { return writeFormat(tx, currentFormat()) })
	return errors.Join(err, db.Close())
}

// move gives a file its name. It does not replace a file that was created meanwhile, if the
// file system has hard links.
func move(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(from, to)
}

// syncDir flushes the directory, so that a new name in it is durable. Not every system can
// or must do this.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	_ = d.Sync()
}

// openFile opens an existing file. It uses less address space if there is not enough. The
// file must be verified first: bbolt reads a file without a list of free pages on a
// goroutine of its own, where a damaged page would end the process.
func openFile(path string, o Options) (*bbolt.DB, error) {
	options := bbolt.Options{
		Timeout:         o.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		NoFreelistSync:  true, // otherwise bbolt would write a missing list now
		InitialMmapSize: mapSize(),
		NoSync:          o.InsecureNoSync,
		NoGrowSync:      o.InsecureNoSync,
	}
	db, err := openMapped(path, options)
	if errors.Is(err, syscall.ENOMEM) {
		options.InitialMmapSize = 0
		db, err = openMapped(path, options)
	}
	if err != nil {
		return nil, err
	}
	db.AllocSize = 1 << 20
	db.NoFreelistSync = false
	return db, nil
}

// openMapped opens a file. If bbolt panics over a damaged file, openMapped closes the file,
// because the lock would stay otherwise.
func openMapped(path string, o bbolt.Options) (db *bbolt.DB, err error) {
	var file *os.File
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			file.Close()
			db, err = nil, damaged(r)
		}
	}()
	o.NoStatistics = true
	o.OpenFile = func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		// Always open for writing, so that a read-only file is an error at once.
		file, err = os.OpenFile(name, flag&^os.O_CREATE|os.O_RDWR, mode)
		return file, err
	}
	db, err = bbolt.Open(path, 0o600, &o)
	if err != nil {
		return nil, openError(err)
	}
	return db, nil
}

// mapSize returns how much address space to reserve for the file. bbolt does not have to
// map a growing file again until it reaches this size. Mapping again waits for all readers,
// so a long View would block writers. On Windows the reserved size would be the size of the
// file.
func mapSize() int {
	if runtime.GOOS == "windows" || math.MaxInt == math.MaxInt32 {
		return 0
	}
	size := int64(4 << 30)
	return int(size)
}

func openError(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return store.ErrLocked
	case errors.As(err, &errno), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return err
	default:
		return fmt.Errorf("%w: not a store file, or a damaged one: %w", store.ErrCorrupt, err)
	}
}

// verify checks a file before it is used. Other processes may read the file at the same
// time, but none can write to it.
func verify(path string, o Options) error {
	db, err := openMapped(path, bbolt.Options{Timeout: o.LockTimeout, ReadOnly: true})
	if err != nil {
		return err
	}
	defer db.Close()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	txn, err := verifyOutline(db, info.Size())
	if err != nil {
		return err
	}
	c := &checker{ctx: context.Background(), file: f, pageSize: int64(db.Info().PageSize)}
	if err := c.roots(); err != nil && !o.AcceptLoss {
		return err
	}
	if m, err := c.meta(txn); err != nil || m.listed() && info.Size() > o.CheckUpTo {
		return err
	}
	if info.Size() > o.CheckUpTo {
		if err := c.readAhead(info.Size()); err != nil {
			return err
		}
	}
	return c.run(txn)
}

// verifyOutline checks the size and the root records, and returns the number of the last
// transaction.
func verifyOutline(db *bbolt.DB, size int64) (txn uint64, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer catch(&err)
	err = db.View(func(tx *bbolt.Tx) error {
		txn = uint64(tx.ID())
		if size < tx.Size() {
			return fmt.Errorf("%w: the file is truncated: %d of %d bytes are left", store.ErrCorrupt, size, tx.Size())
		}
		_, err := formatOf(tx)
		return err
	})
	return txn, err
}
