package passhash

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The limits of a stored hash. A hash can come from an import, and must not be able to
// exhaust the memory of the server.
const (
	maxMemory  = 256 * 1024 // KiB
	maxTime    = 16
	maxThreads = 16
	minSalt    = 8
	maxSalt    = 64
	minKey     = 16
	maxKey     = 64
	maxEncoded = 256

	memoryPerThread = 8 // the minimum in KiB, by RFC 9106
)

// encoded is the hash of a password with its salt and parameters.
type encoded struct {
	params    Params
	salt, key []byte
}

// String writes e as $argon2id$v=19$m=…,t=…,p=…$salt$key.
func (e encoded) String() string {
	b64 := base64.RawStdEncoding.Strict()
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		e.params.Memory, e.params.Time, e.params.Threads, b64.EncodeToString(e.salt), b64.EncodeToString(e.key))
}

// The limits of a hash that comes in. Each sign-in of its user, and each guess at it, costs as
// much: these are seven times the work of [Default], and allow the defaults of PHP and of
// argon2-cffi. Hashes that are stored already may have more.
const (
	maxMemoryIn = 128 * 1024 // KiB
	maxCostIn   = 256 * 1024 // memory in KiB times passes
	maxThreadIn = 8
)

// parse reads the form that String writes, and no other.
func parse(s string) (encoded, error) {
	parts := strings.Split(s, "$")
	if len(s) > maxEncoded || len(parts) != 6 {
		return encoded{}, ErrFormat
	}
	var e encoded
	var err error
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &e.params.Memory, &e.params.Time, &e.params.Threads); err != nil {
		return encoded{}, ErrFormat
	}
	if e.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return encoded{}, ErrFormat
	}
	if e.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return encoded{}, ErrFormat
	}
	if !e.withinLimits() || e.String() != s {
		return encoded{}, ErrFormat
	}
	return e, nil
}

func (e encoded) withinLimits() bool {
	within := func(n, low, high int) bool { return low <= n && n <= high }
	return e.params == e.params.bounded() &&
		within(len(e.salt), minSalt, maxSalt) &&
		within(len(e.key), minKey, maxKey)
}

// bounded returns p with defaults for zero fields, and within the limits.
func (p Params) bounded() Params {
	if p.Memory == 0 {
		p.Memory = Default.Memory
	}
	if p.Time == 0 {
		p.Time = Default.Time
	}
	if p.Threads == 0 {
		p.Threads = Default.Threads
	}
	p.Time = min(p.Time, maxTime)
	p.Threads = min(p.Threads, maxThreads)
	p.Memory = min(max(p.Memory, memoryPerThread*uint32(p.Threads)), maxMemory)
	return p
}
