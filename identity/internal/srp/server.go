package srp

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
)

const (
	keySize   = 16
	keyInfo   = "Caldera Derived Key"
	fakeInfo  = "cognate srp verifier of nobody"
	fakeExtra = 16 // more bytes than N has, so that what is left modulo N is even
)

// ErrA is returned for an A that is no hexadecimal number, too long, or a
// multiple of N, under which anyone would know the key.
var ErrA = errors.New("srp: A is not a valid public value")

// An Exchange is the server's part of one run of the protocol. What must be
// kept until the client answers, sealed, is U, Secret and the client's A.
type Exchange struct {
	B      string // the server's public value, as SRP_B carries it
	U      []byte // the scrambling parameter, public
	Secret Secret // b, for [Key]
}

// Secret is the server's private exponent. It prints as [redacted].
type Secret []byte

// Format implements [fmt.Formatter] for every verb.
func (Secret) Format(s fmt.State, _ rune) {
	_, _ = s.Write([]byte("[redacted]"))
}

// ParseA reads the client's public value as SRP_A carries it: hexadecimal in
// either case, of odd or even length, with or without leading zeros. It
// returns the shortest big-endian form. The error is always [ErrA].
//
// A value beyond N is allowed as RFC 5054 allows it; u is over what was sent.
func ParseA(digits string) ([]byte, error) {
	if digits == "" || len(digits) > maxDigits {
		return nil, ErrA
	}
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, ErrA
	}
	a := new(big.Int).SetBytes(b)
	if new(big.Int).Mod(a, n).Sign() == 0 {
		return nil, ErrA
	}
	return a.Bytes(), nil
}

// Begin answers the first call of a client that sent A, as [ParseA] returned
// it, for the user whose verifier is given. Its secret is 256 fresh bits. The
// error is [ErrVerifier].
func Begin(verifier, a []byte) (*Exchange, error) {
	v, err := element(verifier)
	if err != nil {
		return nil, err
	}
	for {
		secret := make([]byte, hashSize)
		rand.Read(secret)
		if x := begin(v, a, secret); x != nil {
			return x, nil
		}
	}
}

// begin returns nil for the secret, one in about 2^256, that the protocol
// forbids for this A.
func begin(v *big.Int, a, secret []byte) *Exchange {
	b := new(big.Int).Mul(k, v)
	b.Add(b, powG(secret))
	b.Mod(b, n)
	u := scramble(a, b.Bytes())
	if b.Sign() == 0 || new(big.Int).SetBytes(u).Sign() == 0 {
		return nil
	}
	return &Exchange{B: b.Text(16), U: u, Secret: secret}
}

// Key returns the key that server and client share if the client knows the
// password: from S = (A·v^u)^b mod N. The arguments are those of the exchange
// that the client answers, b being its Secret.
func Key(verifier, a, u, b []byte) ([]byte, error) {
	v, err := element(verifier)
	if err != nil {
		return nil, err
	}
	s := new(big.Int).Exp(v, new(big.Int).SetBytes(u), n)
	s.Mul(s, new(big.Int).SetBytes(a))
	if s.Mod(s, n).Sign() == 0 {
		return nil, ErrA
	}
	s.Exp(s, new(big.Int).SetBytes(b), n)
	return deriveKey(s, u)
}

// Signature returns what the client proves its knowledge of the key with, in
// PASSWORD_CLAIM_SIGNATURE. The secretBlock is decoded, the timestamp as sent.
// Compare with [hmac.Equal].
func Signature(key []byte, poolName, userID string, secretBlock []byte, timestamp string) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(poolName), []byte(userID), secretBlock, []byte(timestamp)} {
		h.Write(part)
	}
	return h.Sum(nil)
}

// DecoyVerifier returns a verifier that belongs to no password, always the same
// for a seed: so that signing in as nobody costs and looks the same as signing
// in as someone. The seed must be secret, and long enough not to be guessed.
func DecoyVerifier(seed []byte) []byte {
	b, err := hkdf.Expand(sha256.New, hash(seed), fakeInfo, size+fakeExtra)
	if err != nil {
		panic("srp: " + err.Error()) // no length but one beyond 8160 fails
	}
	v := new(big.Int).SetBytes(b)
	v.Mod(v, n)
	v.Mul(v, v) // powers of g are squares, for 2 is one
	v.Mod(v, n)
	if v.Sign() == 0 {
		v.Set(g)
	}
	return v.FillBytes(make([]byte, size))
}

func deriveKey(s *big.Int, u []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, pad(s.Bytes()), pad(u), keyInfo, keySize)
	if err != nil {
		return nil, fmt.Errorf("srp: derive key: %w", err)
	}
	return key, nil
}
