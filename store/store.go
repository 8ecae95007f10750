// Package store is the storage contract of Cognate: transactional, ordered
// tables of JSON documents, and typed tables with indexes above them.
//
// A program opens a driver ([github.com/cognate-id/cognate/store/memory],
// [github.com/cognate-id/cognate/store/bolt] or
// [github.com/cognate-id/cognate/store/postgres]) and hands it to identity.New. If it keeps
// records of its own in the same store, it begins with [Table] and [Catalog]: a table
// says what its records belong to, and the catalog gives it to all that must know every
// table. Whoever writes a driver begins with [Store] and with
// [github.com/cognate-id/cognate/store/driver], and proves the driver with storetest.Run.
//
// # Caveats
//
//   - The function given to Update may be called again: it must be pure. No
//     hashing, mail, clock or randomness inside, and no writing to variables
//     outside that is not undone at the top of the function.
//   - It returns every error that tx gave it. A swallowed conflict is a lost
//     update; drivers remember the failure and refuse to commit.
//   - A value comes back equal as JSON, not as bytes.
package store

import (
	"context"
	"errors"
	"iter"

	"github.com/cognate-id/cognate/store/internal/limits"
)

// Limits of the contract. A driver may hold more; a program must not rely on it.
const (
	MaxKey   = limits.MaxKey   // 1,024 bytes in one key
	MaxValue = limits.MaxValue // 1 MiB in one value
	MaxTx    = limits.MaxTx    // 8 MiB written by one transaction, keys and values
	MaxIndex = 256             // bytes of a value that take part in an index key, see [Clip]
)

// Errors that a caller branches on.
var (
	// ErrNotFound is returned by [Table.Get] and its like for a record that is not there.
	ErrNotFound = errors.New("store: not found")
	// ErrExists is returned by Insert for a key that is taken.
	ErrExists = errors.New("store: already exists")
	// ErrTooLarge is returned for a key, a value or a transaction beyond the limits.
	ErrTooLarge = limits.ErrTooLarge
	// ErrInvalid is returned for a value that is not one JSON document, or holds U+0000,
	// and for an empty table name or key.
	ErrInvalid = limits.ErrInvalid
	// ErrUnknownOutcome is returned when the connection was lost while a
	// transaction was being committed: it may or may not have taken place. It is
	// never retried by a driver.
	ErrUnknownOutcome = errors.New("store: outcome of the transaction is unknown")
	// ErrConflict is returned when a transaction kept losing against others
	// until the driver gave up. Nothing was written.
	ErrConflict = errors.New("store: too many conflicting transactions")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("store: closed")
	// ErrCorrupt is returned when what is stored cannot be read: a damaged
	// file, a value that is not what was written, a missing index entry.
	ErrCorrupt = errors.New("store: corrupt")
	// ErrNewer is returned when a record or a file was written by a newer
	// version of this program.
	ErrNewer = errors.New("store: written by a newer version")
	// ErrLocked is returned when another process holds the store open.
	ErrLocked = errors.New("store: in use by another process")
)

// A Store keeps tables of JSON documents ordered by key. Tables need not be
// created: an unknown table is empty. All methods are safe for concurrent use.
type Store interface {
	// View calls fn with one consistent snapshot, on the caller's goroutine.
	// The Reader must not be used after fn returns. Values that it returns stay
	// valid and must not be changed. When ctx is done, reads soon return its error.
	View(ctx context.Context, fn func(Reader) error) error
	// Update calls fn, on the caller's goroutine, and commits what it wrote
	// when it returns nil. Transactions are serializable. fn sees its own
	// writes. It may be called more than once. Once the commit has begun,
	// Update waits for its outcome whatever becomes of ctx.
	Update(ctx context.Context, fn func(Tx) error) error
	// Close releases the store. Calls in flight end first.
	Close() error
}

// A Reader reads one snapshot.
type Reader interface {
	// Get returns the values at refs, in their order, nil where there is
	// nothing. It costs one round trip, however many refs there are.
	Get(refs ...Ref) ([][]byte, error)
	// Scan yields the entries of a range of a table in the order of their
	// keys. It ends after the first error. Get and other Scans may be called
	// inside the loop, and writes too, which this Scan does not see any more.
	Scan(table string, r Range) iter.Seq2[Entry, error]
}

// A Tx reads and writes in one transaction. It is for one goroutine. After a
// statement has failed, each further one fails with the same error, and the
// transaction does not commit.
type Tx interface {
	Reader
	// Insert writes a value where there is none, or returns [ErrExists]. A
	// driver may find out only when it commits, and then it is Update that
	// returns [ErrExists]: so branch on the error of Update, not inside fn.
	Insert(table, key string, value []byte) error
	// Put writes a value, whether or not there is one. The value is copied.
	Put(table, key string, value []byte) error
	// Delete removes a value. Removing what is not there is no error.
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

// A Range selects keys: From <= key < To. An empty From or To has no bound on
// that side. Limit, where it is above zero, ends the scan after so many entries.
type Range struct {
	From, To string // the first key, and the first key that is left out
	Reverse  bool   // yield the keys in descending order
	Limit    int    // the most entries to yield, 0 for all
}

// Further powers that a store may have, found by type assertion.
type (
	// A Forker makes an independent copy of the whole store in microseconds.
	Forker interface {
		Fork() (Store, error)
	}
	// A BulkLoader writes many entries, beyond the limits of one transaction.
	// Each entry is written whole, but the load as a whole is not atomic.
	// Keys that exist are replaced. It is fastest with entries in order of table and key.
	BulkLoader interface {
		BulkLoad(ctx context.Context, entries iter.Seq2[Ref, []byte]) error
	}
	// A Sealer is a store, or a transaction of one, that encrypts the values of some
	// tables and reports whether a table is among them. A store that wraps another
	// lets a Sealer be found by a method Unwrap() Store, which returns that other.
	Sealer interface {
		Seals(table string) bool
	}
)
