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
	fakeExtra = 16 // bytes beyond those of N, so that the value modulo N is evenly distributed
)

// ErrA is returned for an A that is not hexadecimal, too long, or a multiple of N. With a
// multiple of N anyone would know the key.
var ErrA = errors.New("srp: A is not a valid public value")

// An Exchange is the server's part of one run of the protocol. Keep U, Secret and the
// client's A, sealed, until the client answers.
type Exchange struct {
	B      string // the server's public value, as SRP_B carries it
	U      []byte // the scrambling parameter, public
	Secret Secret // b, for [Key]
}

// Secret is the server's private exponent. It prints as [redacted].
type Secret []byte

// Format prints [redacted] for every verb.
func (Secret) Format(s fmt.State, _ rune) {
	_, _ = s.Write([]byte("[redacted]"))
}

// ParseA reads the client's public value in the form of SRP_A: hexadecimal in either case,
// of odd or even length, with or without leading zeros. It returns the shortest big-endian
// form, or [ErrA].
//
// ParseA allows a value beyond N, as RFC 5054 does. u is the hash of the value as it was
// sent.
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

// Begin answers the first call of a client. a is the result of [ParseA]. verifier is that
// of the user. The secret of the Exchange is 256 fresh bits. Begin returns [ErrVerifier] if
// the verifier is invalid.
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

// begin returns nil if the protocol forbids the secret for this A. That happens once in
// about 2^256.
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

// Key returns the key that server and client share if the client knows the password. It is
// derived from S = (A·v^u)^b mod N. The arguments are those of the exchange that the client
// answers; b is its Secret.
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

// Signature returns the proof that the client must send in PASSWORD_CLAIM_SIGNATURE.
// secretBlock is decoded; timestamp is the text as sent. Compare with [hmac.Equal].
func Signature(key []byte, poolName, userID string, secretBlock []byte, timestamp string) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(poolName), []byte(userID), secretBlock, []byte(timestamp)} {
		h.Write(part)
	}
	return h.Sum(nil)
}

// DecoyVerifier returns a verifier that matches no password. The result is always the same
// for a seed. With it, a sign-in of a user who does not exist costs and looks the same as
// any other. The seed must be secret and impossible to guess.
func DecoyVerifier(seed []byte) []byte {
	b, err := hkdf.Expand(sha256.New, hash(seed), fakeInfo, size+fakeExtra)
	if err != nil {
		panic("srp: " + err.Error()) // only a length over 8160 returns an error
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
