// Package bolt keeps a store in one local file, by way of bbolt.
//
// Begin with [Open]. One process holds the file at a time. Each Update is on
// the disk when it returns; Updates made at the same time share one flush, so
// that many writers are served several times as fast as one.
//
// # Caveats
//
//   - An Update made inside the function of another Update of the same store waits for ever.
//   - The function of an Update must be quick: others wait for it, those too
//     that have already written and wait for the common flush.
//   - The file never shrinks. What was deleted is used again.
//   - After a crash while more than 8 MiB of the file were free, Open has to
//     read the file to find out which: about two seconds for each gigabyte, and
//     more if the system does not have it in memory any more.
//   - Keep the file on a local file system. Locks and memory maps do not hold on a network share.
//
// # Failures
//
// When a write or a flush fails, each Update that took part returns the error,
// and nothing of theirs is written; the store stays open and the next Update
// tries anew, so a full disk recovers as soon as there is room. bbolt writes
// beside what is in use and moves one of two root records last, so the file is
// whole at each moment. Only when the flush of that root record itself fails
// is the outcome uncertain, and the error is then [store.ErrUnknownOutcome];
// until it has been flushed after all, nothing else is written.
//
// Each value carries a checksum over table, key and value, and each table one
// over its entries. Reading a value that was damaged returns
// [store.ErrCorrupt]. Damage to what leads to a value can hide it, or put an older one of
// the same key in its place; [Store.Check] finds any damage that matters.
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

// Options is the wiring of a [Store]. The zero value is good.
type Options struct {
	// LockTimeout is how long Open waits for another process to let go of the
	// file before it returns [store.ErrLocked]. Defaults to one second.
	LockTimeout time.Duration
	// CheckUpTo is the size of file, in bytes, up to which Open does the whole
	// of [Store.Check]. Larger files have their outline checked only, so that
	// a restart stays quick. Defaults to 256 MiB; -1 means never. A file that
	// lacks the list of its free pages is checked whatever its size.
	CheckUpTo int64
	// AcceptLoss opens a file of which one of the two root records is damaged
	// by way of the other, which may be that of the last transaction but one.
	// Without it such a file is refused.
	AcceptLoss bool
	// InsecureNoSync leaves it to the operating system when to write to the
	// disk. A power failure then damages the file. For tests and benchmarks only.
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

// A Store is a [store.Store] in a file. It is a [store.BulkLoader] too.
type Store struct {
	path  string
	db    *bbolt.DB
	file  *os.File // to look at what bbolt has written, and for settle
	gate  gate.Gate
	turns turns
	group *group // the transaction that is open; belongs to who has the turn
	// unsettled is set when the flush of a root record has failed, see settle;
	// belongs to who has the turn.
	unsettled bool
	// maxListed is what the constant says, except in tests.
	maxListed int
	// stuck is set when bbolt broke down in a way that may have left its
	// locks held: each call returns the error then.
	stuck atomic.Pointer[error]
}

// Open opens the store in the file at path and creates it, with mode 0600, if
// there is none. o may be nil.
//
// The error is [store.ErrLocked] when another process has the file open,
// [store.ErrCorrupt] when the file is damaged or something else, and
// [store.ErrNewer] when a newer version of this program wrote it. A damaged
// file is left as it is. One that an older version wrote is brought to the
// format of this one, after a copy of it was made beside it, FILE.formatN.bak.
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

// View implements [store.Store]. Values are copies and stay valid.
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

// enter is the beginning of each call; gate.Leave is its end.
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

// begin starts a transaction of bbolt. A panic inside may leave its locks
// held, so the store is not used any more then.
func (s *Store) begin(writable bool) (tx *bbolt.Tx, err error) {
	defer s.giveUp(&err)
	return s.db.Begin(writable)
}

// giveUp turns a panic of bbolt into an error that all later calls return too.
func (s *Store) giveUp(err *error) {
	if r := recover(); r != nil {
		*err = damaged(r)
		s.stuck.Store(err)
	}
}

// catch turns a panic of bbolt over a damaged page, or a fault in the mapped
// file, into an error.
func catch(err *error) {
	if r := recover(); r != nil {
		*err = damaged(r)
	}
}

func damaged(r any) error { return fmt.Errorf("%w: the file is damaged: %v", store.ErrCorrupt, r) }
