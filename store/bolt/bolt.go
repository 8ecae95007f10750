// Package bolt keeps a store in one local file, with bbolt.
//
// Begin with [Open]. Only one process can have the file open. Each Update is on the disk
// when it returns. Updates that run at the same time share one flush, so many writers
// together are several times as fast as one.
//
// # Caveats
//
//   - An Update inside the function of another Update of the same store deadlocks.
//   - The function of an Update must be quick. Other writers wait for it, including those
//     that have already written and wait for the shared flush.
//   - The file never shrinks. The space of deleted entries is reused.
//   - After a crash while more than 8 MiB of the file were free, Open must read the whole
//     file to find the free pages. This takes about two seconds for each gigabyte, and
//     longer if the system does not have the file in memory.
//   - Keep the file on a local file system. Locks and memory maps do not work on a network
//     share.
//
// # Failures
//
// If a write or a flush fails, each Update of the group returns the error and none of their
// writes takes place. The store stays open and the next Update tries again, so the store
// recovers from a full disk as soon as there is space.
//
// bbolt is copy-on-write: it writes new pages and replaces one of two root records last, so
// the file is consistent at every moment. Only if the flush of the root record itself fails
// is the outcome unknown. The error is then [store.ErrUnknownOutcome], and the store writes
// nothing else until that flush has succeeded.
//
// Each value has a checksum over table, key and value, and each table has a checksum over
// its entries. Reading a damaged value returns [store.ErrCorrupt]. Damage to the pages that
// lead to a value can hide the value or reveal an older one. [Store.Check] finds such
// damage too.
package bolt

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/internal/gate"
	"go.etcd.io/bbolt"
)

// Options configure a [Store]. The zero value is good.
type Options struct {
	// LockTimeout is how long Open waits for another process to release the file. Then Open
	// returns [store.ErrLocked]. Defaults to one second.
	LockTimeout time.Duration
	// CheckUpTo is the largest size of file, in bytes, that Open checks as [Store.Check]
	// does. Of larger files Open checks only the outline, so that a restart stays quick.
	// Defaults to 256 MiB; -1 means that no file is checked in full. A file without a list
	// of free pages is always checked in full.
	CheckUpTo int64
	// AcceptLoss opens a file in which one of the two root records is damaged. Open then
	// uses the other root record, and the last transaction may be lost. Without AcceptLoss,
	// Open returns [store.ErrCorrupt] for such a file.
	AcceptLoss bool
	// InsecureNoSync leaves it to the operating system when to write to the disk. A power
	// failure then damages the file. Use it only in tests and benchmarks.
	InsecureNoSync bool
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.LockTimeout <= 0 {
		out.LockTimeout = time.Second
	}
	if out.CheckUpTo == 0 {
		out.CheckUpTo = 256 << 20
	}
	return out
}

// A Store is a [store.Store] in a file. It is also a [store.BulkLoader].
type Store struct {
	path  string
	db    *bbolt.DB
	file  *os.File // for reading what bbolt has written, and for settle
	gate  gate.Gate
	turns turns
	group *group // the open transaction; guarded by the turn
	// unsettled is set if the flush of a root record has failed, see settle. It is guarded
	// by the turn.
	unsettled bool
	// maxListed is the constant maxListed, except in tests.
	maxListed int
	// stuck is set if bbolt panicked and may have left its locks held. Each later call
	// returns this error.
	stuck atomic.Pointer[error]
}

// Open opens the store in the file at path. If the file does not exist, Open creates it
// with mode 0600. o may be nil.
//
// Open returns [store.ErrLocked] if another process has the file open, [store.ErrCorrupt]
// if the file is damaged or is not a store, and [store.ErrNewer] if a newer version of this
// program wrote it. Open does not change a damaged file. It converts a file of an older
// format, after it has saved a copy as FILE.formatN.bak.
func Open(path string, o *Options) (*Store, error) {
	opts := o.withDefaults()
	if err := createFile(path, opts); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if err := verify(path, opts); err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db, err := openFile(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	s := &Store{path: path, db: db, file: file, unsettled: true, maxListed: maxListed}
	err = s.settle()
	if err == nil {
		err = migrate(path, db)
	}
	if err != nil {
		file.Close()
		db.Close()
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

// View implements [store.Store]. The values are copies and stay valid.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := s.begin(false)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(reader{ctx, tx})
}

// Close implements [store.Store].
func (s *Store) Close() error {
	if !s.gate.Close() {
		return nil
	}
	defer s.file.Close()
	if s.stuck.Load() == nil {
		s.writeFreelist()
	}
	if s.stuck.Load() != nil {
		return nil
	}
	return s.db.Close()
}

// enter begins each call; gate.Leave ends it.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.gate.Enter() {
		return store.ErrClosed
	}
	if err := s.stuck.Load(); err != nil {
		s.gate.Leave()
		return *err
	}
	return nil
}

// begin starts a transaction of bbolt. If bbolt panics, its locks may stay held, and the
// store refuses all later calls.
func (s *Store) begin(writable bool) (tx *bbolt.Tx, err error) {
	defer s.giveUp(&err)
	return s.db.Begin(writable)
}

// giveUp turns a panic of bbolt into an error that all later calls return.
func (s *Store) giveUp(err *error) {
	if r := recover(); r != nil {
		*err = damaged(r)
		s.stuck.Store(err)
	}
}

// catch turns a panic of bbolt over a damaged page, or a fault in the mapped file, into an
// error.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = damaged(r)
	}
}

func damaged(r any) error { return fmt.Errorf("%w: the file is damaged: %v", store.ErrCorrupt, r) }
