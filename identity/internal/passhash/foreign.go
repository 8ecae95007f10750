package passhash

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"
)

// Hashes of other systems come in by imports. Each is verified as it is, and counts as
// stale: after the first sign-in the caller has one of Argon2id in its place.

// An Algorithm is a way to hash passwords.
type Algorithm string

// The algorithms of hashes that are taken over.
const (
	Argon2id Algorithm = "ARGON2ID"
	Bcrypt   Algorithm = "BCRYPT"
	Scrypt   Algorithm = "SCRYPT"
	PBKDF2   Algorithm = "PBKDF2_SHA256"
)

// The limits of foreign hashes. Each costs at most about seven times the work of [Default],
// as one of Argon2id does that comes in.
const (
	maxBcryptCost = 12
	maxScryptWork = 1 << 20 // N times r times p
	maxScryptUnit = 1 << 20 // N times r: 128 MiB
	maxIterations = 1_200_000
)

// A verifier is a stored hash, of whatever algorithm.
type verifier interface {
	// matches computes the hash of a password and compares it with the stored one.
	matches(password []byte) (bool, error)
	// admissible reports whether a hash with this cost may come in.
	admissible() bool
}

// readers are the algorithms, with the functions that read their forms.
var readers = []struct {
	algorithm Algorithm
	read      func(string) (verifier, error)
}{
	{Argon2id, readArgon2},
	{Bcrypt, readBcrypt},
	{Scrypt, readScrypt},
	{PBKDF2, readPBKDF2},
}

// read returns the verifier of a stored hash, and its algorithm.
func read(hash string) (verifier, Algorithm, error) {
	if len(hash) > maxEncoded {
		return nil, "", ErrFormat
	}
	for _, r := range readers {
		if v, err := r.read(hash); err == nil {
			return v, r.algorithm, nil
		}
	}
	return nil, "", ErrFormat
}

// AlgorithmOf returns the algorithm of a hash that may come in, or [ErrFormat] if it may not:
// because [Hasher.Verify] would not accept it, or because it would cost too much at each sign-in.
func AlgorithmOf(hash string) (Algorithm, error) {
	v, a, err := read(hash)
	if err != nil {
		return "", err
	}
	if !v.admissible() {
		return "", ErrFormat
	}
	return a, nil
}

// Check returns the error of [AlgorithmOf].
func Check(hash string) error {
	_, err := AlgorithmOf(hash)
	return err
}

func readArgon2(s string) (verifier, error) {
	e, err := parse(s)
	return e, err
}

func (e encoded) matches(password []byte) (bool, error) {
	key := argon2.IDKey(password, e.salt, e.params.Time, e.params.Memory, e.params.Threads, uint32(len(e.key)))
	return equal(key, e.key), nil
}

func (e encoded) admissible() bool {
	return e.params.Memory <= maxMemoryIn && e.params.cost() <= maxCostIn && e.params.Threads <= maxThreadIn
}

// A bcryptHash is $2b$COST$SALT+HASH, with any of the letters a, b, x and y. As everywhere,
// bcrypt sees the first 72 bytes of a password only.
type bcryptHash struct {
	text string
	cost int
}

const bcryptLength = 60

func readBcrypt(s string) (verifier, error) {
	if len(s) != bcryptLength || !strings.HasPrefix(s, "$2") || !strings.Contains("abxy", s[2:3]) || s[3] != '$' {
		return nil, ErrFormat
	}
	cost, err := bcrypt.Cost([]byte(s))
	if err != nil || !bcryptBase64(s[7:]) {
		return nil, ErrFormat
	}
	return bcryptHash{s, cost}, nil
}

// bcryptBase64 reports whether salt and hash are written in the alphabet of bcrypt.
func bcryptBase64(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", r)
	})
}

func (b bcryptHash) matches(password []byte) (bool, error) {
	err := bcrypt.CompareHashAndPassword([]byte(b.text), password)
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil, err
}

func (b bcryptHash) admissible() bool { return b.cost <= maxBcryptCost }

// A scryptHash is N$r$p$SALT$HASH, in hexadecimal as the service takes it, or
// $scrypt$ln=16,r=8,p=1$SALT$HASH, in base64.
type scryptHash struct {
	n, r, p   int
	salt, key []byte
}

func readScrypt(s string) (verifier, error) {
	h := scryptHash{}
	parts := strings.Split(s, "$")
	var err error
	switch {
	case len(parts) != 5:
		return nil, ErrFormat
	case strings.HasPrefix(s, "$scrypt$"):
		err = h.readPHC(parts)
	default:
		err = h.readHex(parts)
	}
	if err != nil || !h.withinLimits() {
		return nil, ErrFormat
	}
	return h, nil
}

func (h *scryptHash) readPHC(parts []string) error {
	var log int
	if _, err := fmt.Sscanf(parts[2], "ln=%d,r=%d,p=%d", &log, &h.r, &h.p); err != nil || log < 1 || log > 30 ||
		parts[2] != fmt.Sprintf("ln=%d,r=%d,p=%d", log, h.r, h.p) {
		return ErrFormat
	}
	h.n = 1 << log
	return decodeInto(base64Of, parts[3], &h.salt, parts[4], &h.key)
}

func (h *scryptHash) readHex(parts []string) error {
	for i, n := range []*int{&h.n, &h.r, &h.p} {
		v, err := number(parts[i])
		if err != nil {
			return err
		}
		*n = v
	}
	return decodeInto(hex.DecodeString, parts[3], &h.salt, parts[4], &h.key)
}

// withinLimits holds for a hash that is stored: larger ones are never computed.
func (h *scryptHash) withinLimits() bool {
	return h.n > 1 && bits.OnesCount(uint(h.n)) == 1 && h.r > 0 && h.p > 0 &&
		h.r <= maxScryptUnit/h.n && h.p <= maxScryptWork/(h.n*h.r) && sized(h.salt, h.key)
}

func (h scryptHash) matches(password []byte) (bool, error) {
	key, err := scrypt.Key(password, h.salt, h.n, h.r, h.p, len(h.key))
	return err == nil && equal(key, h.key), err
}

func (h scryptHash) admissible() bool { return true } // withinLimits has seen to it

// A pbkdf2Hash is $pbkdf2-sha256$ITERATIONS$SALT$HASH as the service and passlib write it,
// $pbkdf2-sha256$i=ITERATIONS,l=32$SALT$HASH, or Django's pbkdf2_sha256$ITERATIONS$SALT$HASH.
type pbkdf2Hash struct {
	iterations int
	salt, key  []byte
}

func readPBKDF2(s string) (verifier, error) {
	h := pbkdf2Hash{}
	parts := strings.Split(s, "$")
	var err error
	switch {
	case len(parts) == 4 && parts[0] == "pbkdf2_sha256":
		h.salt = []byte(parts[2])
		err = decodeInto(base64.StdEncoding.Strict().DecodeString, "", nil, parts[3], &h.key)
		parts = parts[1:]
	case len(parts) == 5 && parts[0] == "" && parts[1] == "pbkdf2-sha256":
		err = decodeInto(base64Of, parts[3], &h.salt, parts[4], &h.key)
		parts = parts[2:]
	default:
		return nil, ErrFormat
	}
	if err != nil || !sized(h.salt, h.key) {
		return nil, ErrFormat
	}
	count, length, _ := strings.Cut(strings.TrimPrefix(parts[0], "i="), ",")
	if length != "" && length != "l="+strconv.Itoa(len(h.key)) {
		return nil, ErrFormat
	}
	if h.iterations, err = number(count); err != nil || h.iterations > maxIterations {
		return nil, ErrFormat
	}
	return h, nil
}

func (h pbkdf2Hash) matches(password []byte) (bool, error) {
	key, err := pbkdf2.Key(sha256.New, string(password), h.salt, h.iterations, len(h.key))
	return err == nil && equal(key, h.key), err
}

func (h pbkdf2Hash) admissible() bool { return true }

// number reads a number from 1 to 2^31-1, without a sign and without zeros in front.
func number(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != s {
		return 0, ErrFormat
	}
	return int(n), nil
}

// base64Of decodes base64 without padding. passlib writes "." in place of "+".
func base64Of(s string) ([]byte, error) {
	return base64.RawStdEncoding.Strict().DecodeString(strings.ReplaceAll(s, ".", "+"))
}

// decodeInto decodes a salt and a key. A nil salt is left alone.
func decodeInto(decode func(string) ([]byte, error), from string, salt *[]byte, text string, key *[]byte) (err error) {
	if salt != nil {
		if *salt, err = decode(from); err != nil {
			return err
		}
	}
	*key, err = decode(text)
	return err
}

// sized reports whether a salt and a key have lengths that are taken. Salts of other systems
// may be shorter than ours.
func sized(salt, key []byte) bool {
	return len(salt) >= 1 && len(salt) <= maxSalt && len(key) >= minKey && len(key) <= maxKey
}

// normal is the form in which a password is hashed.
func normal(password string) []byte { return slices.Clip(norm.NFC.Bytes([]byte(password))) }
