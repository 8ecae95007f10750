// Package passhash hashes passwords with Argon2id and verifies them.
//
// Make one [Hasher] with [New] and share it: [Hasher.Hash] where a password is
// set, [Hasher.Verify] where one is tried, and [Hasher.Dummy] where there is
// no user to try it on, so that both take the same time. What is stored is the
// usual string of the PHC, which holds salt and parameters.
//
// # Normal form
//
// Passwords are hashed in Unicode's form NFC, so that a letter and its accent
// count the same whether a keyboard sends them as one character or as two. NFC
// and not NFKC, because NFC unites only what is the same character by
// definition: NFKC would also make "²" equal "2" and "ﬁ" equal "fi", which a
// user may well have told apart on purpose. Bytes that are not UTF-8 count as
// they are. The whole password counts: there is no length at which hashing
// stops, only one, [MaxPassword], beyond which it refuses.
//
// # Caveats
//
// No more hashes run at once than there are processors, for more would only
// make each of them slower and multiply their memory. The others wait, first
// come first served, as long as their context lives. The queue has no bound of
// its own: whoever serves the public bounds the requests in flight.
//
// Each hash allocates its memory (19 MiB by default) and leaves it to the
// garbage collector, because x/crypto does not take a buffer. With default
// parameters this costs about a twentieth of the time of a hash, and a process
// that hashes without pause holds some two to three times the memory of the
// hashes in flight.
package passhash

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"runtime"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// MaxPassword is the length in bytes of the longest password that is hashed.
const MaxPassword = 1024

const (
	saltSize = 16
	keySize  = 32
)

var (
	// ErrTooLong is returned for a password of more than [MaxPassword] bytes.
	ErrTooLong = errors.New("passhash: password is too long")

	// ErrFormat is returned for a string that is not the hash of a password,
	// or that asks for more memory or time than a hash may take.
	ErrFormat = errors.New("passhash: not an Argon2id hash within limits")
)

// Params say what a hash costs.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8
}

// Default is what OWASP advises: about 30 ms of one processor.
var Default = Params{Memory: 19 * 1024, Time: 2, Threads: 1}

// InsecureCheap is for tests that are not about passwords: some 40 µs.
var InsecureCheap = Params{Memory: 64, Time: 1, Threads: 1}

// A Hasher hashes with one set of parameters. It is safe for concurrent use.
type Hasher struct {
	params Params
	slots  chan struct{} // holds one value for each hash in flight
}

// New returns a Hasher. Fields of p that are zero default to those of
// [Default]; those beyond what [Hasher.Verify] accepts are cut to that.
func New(p Params) *Hasher {
	p = p.bounded()
	n := max(1, runtime.GOMAXPROCS(0)/int(p.Threads))
	return &Hasher{params: p, slots: make(chan struct{}, n)}
}

// Hash returns the hash of a password, under a salt of its own. It waits for a
// processor; the error is that of ctx, or [ErrTooLong].
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	e := encoded{params: h.params, salt: salt, key: make([]byte, keySize)}
	key, err := h.derive(ctx, e, password)
	if err != nil {
		return "", err
	}
	e.key = key
	return e.String(), nil
}

// Verify reports whether hash is one of the password; and whether it is stale,
// made with parameters other than the Hasher's, so that a caller who has just
// seen the right password should hash it again. It waits for a processor; the
// error is that of ctx, [ErrTooLong] or [ErrFormat].
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	e, err := parse(hash)
	if err != nil {
		return false, false, err
	}
	key, err := h.derive(ctx, e, password)
	if err != nil {
		return false, false, err
	}
	stale = e.params != h.params || len(e.salt) != saltSize || len(e.key) != keySize
	return subtle.ConstantTimeCompare(key, e.key) == 1, stale, nil
}

// Dummy does what [Hasher.Verify] does and returns the errors that it would,
// for a password of nobody. A user whose hash is stale still takes another time.
func (h *Hasher) Dummy(ctx context.Context, password string) error {
	e := encoded{params: h.params, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	_, _, err := h.Verify(ctx, e.String(), password)
	return err
}

// derive computes the key of a password as e says, in its turn.
func (h *Hasher) derive(ctx context.Context, e encoded, password string) ([]byte, error) {
	if len(password) > MaxPassword {
		return nil, ErrTooLong
	}
	if err := h.acquire(ctx); err != nil {
		return nil, err
	}
	defer h.release()
	p := e.params
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), e.salt, p.Time, p.Memory, p.Threads, uint32(len(e.key))), nil
}

// acquire waits for a slot. The runtime serves the senders of a full channel
// in the order in which they came.
func (h *Hasher) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) release() {
	<-h.slots
}
