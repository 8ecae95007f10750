// Package store is the storage contract of Cognate: transactional, ordered tables of JSON
// documents, and typed tables with indexes on top of them.
//
// Where to begin:
//
//   - To run an engine, open a driver ([github.com/cognate-id/cognate/store/memory],
//     [github.com/cognate-id/cognate/store/bolt] or
//     [github.com/cognate-id/cognate/store/postgres]) and give it to identity.New.
//   - To keep records of your own in the same store, declare a [Table] and add it to the
//     [Catalog], the list of all tables. The Owner of the table says whether its records
//     are deleted with a user, an app client or a pool.
//   - To write a driver, begin with [Store] and
//     [github.com/cognate-id/cognate/store/driver]. Prove the driver with storetest.Run.
//
// # Caveats
//
//   - Update may call its function more than once, so the function must be pure. Do not
//     hash, send mail, read the clock or use randomness inside. If the function writes to a
//     variable outside, reset that variable at the top of the function.
//   - The function must return every error that tx returned. A swallowed conflict would
//     be a lost update, so drivers remember the error and refuse to commit.
//   - A value comes back equal as JSON, not equal in bytes.
package store

import (
	"context"
	"errors"
	"iter"

	"github.com/cognate-id/cognate/store/internal/limits"
)

// The limits of the contract. A driver may allow more, but a program must not rely on that.
const (
	MaxKey   = limits.MaxKey   // 1,024 bytes in one key
	MaxValue = limits.MaxValue // 1 MiB in one value
	MaxTx    = limits.MaxTx    // 8 MiB written by one transaction, keys and values
	MaxIndex = 256             // 256 bytes of a value are used in an index key, see [Clip]
)

// The errors that a caller branches on.
var (
	// ErrNotFound is returned if a record does not exist.
	ErrNotFound = errors.New("store: not found")
	// ErrExists is returned by Insert if the key exists.
	ErrExists = errors.New("store: already exists")
	// ErrTooLarge is returned if a key, a value or a transaction exceeds a limit.
	ErrTooLarge = limits.ErrTooLarge
	// ErrInvalid is returned if a value is not one JSON document or has U+0000, and if a
	// table name or a key is empty.
	ErrInvalid = limits.ErrInvalid
	// ErrUnknownOutcome is returned if the connection was lost during a commit. The
	// transaction may or may not have been committed. A driver never retries it.
	ErrUnknownOutcome = errors.New("store: outcome of the transaction is unknown")
	// ErrConflict is returned if a transaction lost against others so often that the driver
	// gave up. Nothing was written.
	ErrConflict = errors.New("store: too many conflicting transactions")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("store: closed")
	// ErrCorrupt is returned if stored data cannot be read: a damaged file, an altered
	// value, or a missing index entry.
	ErrCorrupt = errors.New("store: corrupt")
	// ErrNewer is returned if a newer version of the program wrote a record or a file.
	ErrNewer = errors.New("store: written by a newer version")
	// ErrLocked is returned if another process has the store open.
	ErrLocked = errors.New("store: in use by another process")
)

// A Store keeps tables of JSON documents, ordered by key. Tables are not created: a table
// that was never written is empty. All methods are safe for concurrent use.
type Store interface {
	// View calls fn with one consistent snapshot, on the caller's goroutine. fn must not
	// use the Reader after it returns. The values that the Reader returns stay valid and
	// must not be changed. When ctx is done, reads soon return its error.
	View(ctx context.Context, fn func(Reader) error) error
	// Update calls fn on the caller's goroutine. It commits the writes if fn returns nil.
	// Transactions are serializable, and fn sees its own writes. Update may call fn more
	// than once. After the commit has begun, Update waits for its outcome even if ctx is
	// done.
	Update(ctx context.Context, fn func(Tx) error) error
	// Close releases the store. It waits for the calls in progress.
	Close() error
}

// A Reader reads one snapshot.
type Reader interface {
	// Get returns the values at refs, in order. A value is nil if the key does not exist.
	// Get costs one round trip, however many refs there are.
	Get(refs ...Ref) ([][]byte, error)
	// Scan yields the entries of a range of a table, in the order of their keys. It ends
	// after the first error. The loop body may call Get, Scan and, in a Tx, write; this
	// Scan does not see those writes.
	Scan(table string, r Range) iter.Seq2[Entry, error]
}

// A Tx reads and writes in one transaction. It must be used by one goroutine. After a
// statement has failed, every later statement returns the same error and the transaction
// does not commit.
type Tx interface {
	Reader
	// Insert writes a value at a key that does not exist. Otherwise it returns [ErrExists].
	// A driver may find out only at the commit, and then Update returns [ErrExists]. So
	// branch on the error of Update, not on the error of Insert.
	Insert(table, key string, value []byte) error
	// Put writes a value and replaces the value at the key, if any. Put copies the value.
	Put(table, key string, value []byte) error
	// Delete deletes the value at a key. It returns no error if the key does not exist.
	Delete(table, key string) error
}

// A Ref names one value.
type Ref struct {
	Table, Key string // the name of a table, and a key in it
}

// An Entry is a key with its value.
type Entry struct {
	Key   string // in the table that was read
	Value []byte // as it was put
}

// A Range selects the keys with From <= key < To. An empty From or To means no bound on
// that side.
type Range struct {
	From, To string // the first key, and the first key after the range
	Reverse  bool   // yield the keys in descending order
	Limit    int    // the maximum number of entries to yield; 0 means all
}

// Optional interfaces of a store. Use a type assertion to find them.
type (
	// A Forker makes an independent copy of the whole store in microseconds.
	Forker interface {
		// Fork returns the copy. Changes of one store are not visible in the other.
		Fork() (Store, error)
	}
	// A BulkLoader writes many entries, beyond the limits of one transaction. Each entry is
	// written whole, but the load as a whole is not atomic. The load replaces keys that
	// exist. It is fastest with entries ordered by table and key.
	BulkLoader interface {
		// BulkLoad writes the entries. If it returns an error, a part of them may be
		// written.
		BulkLoad(ctx context.Context, entries iter.Seq2[Ref, []byte]) error
	}
	// A Sealer is a store, or a transaction of a store, that encrypts the values of some
	// tables. A store that wraps another one must have a method Unwrap() Store, so that the
	// Sealer inside can be found.
	Sealer interface {
		// Seals reports whether the values of the table are encrypted.
		Seals(table string) bool
	}
	// Volatile is a store that may lose everything when the process ends, so its secrets
	// need no encryption. A store that wraps another one must have a method Unwrap() Store,
	// as for a Sealer. A store that does not implement Volatile counts as one that persists.
	Volatile interface {
		// Volatile reports whether nothing that is written outlives the process.
		Volatile() bool
	}
)
