// Package passhash hashes passwords with Argon2id and verifies them. It also verifies hashes of
// bcrypt, scrypt and PBKDF2 that other systems made.
//
// Make one [Hasher] with [New] and share it. Call [Hasher.Hash] when a password is set,
// [Hasher.Verify] when a password is tried, and [Hasher.Dummy] when the user does not
// exist, so that both cases take the same time. The stored form is the usual PHC string
// with salt and parameters.
//
// # Normal form
//
// Passwords are hashed in Unicode's form NFC. So a letter with an accent is the same
// password, whether a keyboard sends one character or two. The form is NFC and not NFKC,
// because NFC unites only characters that are the same by definition. NFKC would also make
// "²" equal "2" and "ﬁ" equal "fi", which a user may have distinguished on purpose. Bytes
// that are not UTF-8 are hashed as they are. The whole password counts: a password longer
// than [MaxPassword] is refused, never cut.
//
// # Caveats
//
// At most one hash runs on each processor, because more would make each hash slower and use
// more memory. The other calls wait, in turns by source (see [Source]), until their context
// is done. A call that would have to wait for more than its patience returns [ErrBusy] at once.
//
// Each hash allocates its memory (19 MiB by default) and leaves it to the garbage
// collector, because x/crypto does not accept a buffer. With default parameters this costs
// about a twentieth of the time of a hash. A process that hashes without pause holds two to
// three times the memory of the hashes in flight.
package passhash

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"
)

// MaxPassword is the maximum length of a password in bytes.
const MaxPassword = 1024

const (
	saltSize = 16
	keySize  = 32
)

var (
	// ErrTooLong is returned for a password of more than [MaxPassword] bytes.
	ErrTooLong = errors.New("passhash: password is too long")

	// ErrFormat is returned for a string that is not a password hash, or that needs more
	// memory or time than allowed.
	ErrFormat = errors.New("passhash: not a hash of a password within limits")
)

// Params are the cost of a hash.
type Params struct {
	Memory  uint32 // memory in KiB
	Time    uint32 // number of passes over the memory
	Threads uint8  // number of lanes
}

// Default is the recommendation of OWASP: about 30 ms of one processor.
var Default = Params{Memory: 19 * 1024, Time: 2, Threads: 1}

// InsecureCheap is for tests that are not about passwords. It is the least that Argon2 can do.
var InsecureCheap = Params{Memory: 8, Time: 1, Threads: 1}

// A Hasher hashes with one set of parameters. It is safe for concurrent use.
type Hasher struct {
	params Params
	source func(context.Context) Source
	queue  *queue
}

// firstGuess is what a hash with the parameters of [Default] is expected to take until one
// was measured.
const firstGuess = 30 * time.Millisecond

// New returns a Hasher. Zero fields of p default to those of [Default]. Fields over the
// limits of [Hasher.Verify] are lowered to the limits. source says who asks for a hash; if
// it is nil, all wait in one line.
func New(p Params, source func(context.Context) Source) *Hasher {
	p = p.bounded()
	if source == nil {
		source = func(context.Context) Source { return Source{} }
	}
	n := max(1, runtime.GOMAXPROCS(0)/int(p.Threads))
	each := firstGuess * time.Duration(p.cost()) / time.Duration(Default.cost())
	return &Hasher{params: p, source: source, queue: newQueue(n, each)}
}

// cost is what the time of a hash is proportional to.
func (p Params) cost() uint64 { return uint64(p.Memory) * uint64(p.Time) }

// SetPatience sets the expected wait beyond which a hash is refused. Call it before the
// first hash.
func (h *Hasher) SetPatience(d time.Duration) { h.queue.patience = d }

// Busy reports whether a hash would be refused, even if its source asks for no other.
func (h *Hasher) Busy() bool { return h.queue.busy() }

// Hash returns the hash of a password with a new salt. It waits for a processor. It returns
// [ErrTooLong], [ErrBusy] or the error of ctx.
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

// Verify reports whether hash is the hash of the password. stale reports whether the hash
// was made with another algorithm or with other parameters than the Hasher's; if the password is right, the caller
// should hash it again. Verify waits for a processor. It returns [ErrTooLong], [ErrFormat],
// [ErrBusy] or the error of ctx.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	v, _, err := read(hash)
	if err != nil {
		return false, false, err
	}
	if err := h.work(ctx, password, func(p []byte) error {
		ok, err = v.matches(p)
		return err
	}); err != nil {
		return false, false, err
	}
	e, own := v.(encoded)
	return ok, !own || e.params != h.params || len(e.salt) != saltSize || len(e.key) != keySize, nil
}

// equal compares two keys in constant time.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// Dummy takes the same time as [Hasher.Verify] and returns the same errors, without a hash.
// Call it if the user does not exist. The time differs only from that of a user whose hash
// is stale.
func (h *Hasher) Dummy(ctx context.Context, password string) error {
	e := encoded{params: h.params, salt: make([]byte, saltSize), key: make([]byte, keySize)}
	_, _, err := h.Verify(ctx, e.String(), password)
	return err
}

// derive waits for its turn and computes the key of a password with the parameters of e.
func (h *Hasher) derive(ctx context.Context, e encoded, password string) (key []byte, err error) {
	p := e.params
	err = h.work(ctx, password, func(text []byte) error {
		key = argon2.IDKey(text, e.salt, p.Time, p.Memory, p.Threads, uint32(len(e.key)))
		return nil
	})
	return key, err
}

// work waits for its turn and calls fn with the normal form of the password.
func (h *Hasher) work(ctx context.Context, password string, fn func(password []byte) error) error {
	if len(password) > MaxPassword {
		return ErrTooLong
	}
	if err := h.queue.acquire(ctx, h.source(ctx)); err != nil {
		return err
	}
	defer h.queue.release()
	begin := time.Now()
	defer func() { h.queue.took(time.Since(begin)) }()
	return fn(normal(password))
}
