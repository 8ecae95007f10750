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

// The file says what it is in a bucket that no table can have the name of.
const (
	metaBucket  = "\x00cognate"
	formatKey   = "format"
	firstFormat = 1 // buckets of checksummed values, see bucket.go
)

// createFile makes the file at path if there is none. It is made under another
// name and moved when it is complete, so a crash leaves no half of one, and an
// empty file is never taken for a new one.
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

// move gives a file its name without replacing another that was made
// meanwhile, where the file system has links.
func move(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(from, to)
}

// syncDir makes a new name in a directory last. Not every system can, or needs to.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	_ = d.Sync()
}

// openFile opens an existing file, with less address space where there is not
// enough. It must have been verified: bbolt walks through a file without a
// list of free pages on a goroutine of its own, where a damaged page ends the process.
func openFile(path string, o Options) (*bbolt.DB, error) {
	options := bbolt.Options{
		Timeout:         o.LockTimeout,
		FreelistType:    bbolt.FreelistMapType,
		NoFreelistSync:  true, // or a list that is missing would be written now
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

// openMapped opens a file. bbolt may panic over a damaged one; it is then
// closed here, or its lock would stay.
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
		// Always for writing, so that the system refuses at once what cannot be written.
		file, err = os.OpenFile(name, flag&^os.O_CREATE|os.O_RDWR, mode)
		return file, err
	}
	db, err = bbolt.Open(path, 0o600, &o)
	if err != nil {
		return nil, openError(err)
	}
	return db, nil
}

// mapSize is how much address space is set aside for the file. Up to this size
// a growing file need not be mapped anew, for which it would wait for all
// readers: so a long View does not hold up writers. On Windows it would be the
// size of the file.
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

// verify looks at a file before it is used. Other processes may read it too
// meanwhile, but none may write.
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

// verifyOutline returns the number of the last transaction.
func verifyOutline(db *bbolt.DB, size int64) (txn uint64, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer catch(&err)
	err = db.View(func(tx *bbolt.Tx) error {
		txn = uint64(tx.ID())
		if size < tx.Size() {
			return fmt.Errorf("%w: the file is cut off: %d bytes of %d are left", store.ErrCorrupt, size, tx.Size())
		}
		_, err := formatOf(tx)
		return err
	})
	return txn, err
}
