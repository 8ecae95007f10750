package webauthntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
)

// A signer is the key of a passkey.
type signer interface {
	sign(message []byte) ([]byte, error)
	cose() []byte // the public key, as COSE_Key
	algorithm() int
}

func newSigner(algorithm int) (signer, error) {
	switch algorithm {
	case -7:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return ecKey{key}, err
	case -8:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return edKey{key}, err
	case -257:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		return rsaKey{key}, err
	}
	return nil, fmt.Errorf("%w: %d", ErrNoAlgorithm, algorithm)
}

type ecKey struct{ key *ecdsa.PrivateKey }

func (k ecKey) sign(message []byte) ([]byte, error) {
	hash := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, k.key, hash[:])
}

func (k ecKey) cose() []byte {
	point, err := k.key.PublicKey.Bytes() // 4, x and y
	if err != nil {
		panic("webauthntest: " + err.Error()) // only for a key that this package did not make
	}
	return slices.Concat(head(5, 5), integer(1), integer(2), integer(3), integer(-7), // EC2, ES256
		integer(-1), integer(1), integer(-2), byteString(point[1:33]), integer(-3), byteString(point[33:])) // P-256
}

func (k ecKey) algorithm() int { return -7 }

type edKey struct{ key ed25519.PrivateKey }

func (k edKey) sign(message []byte) ([]byte, error) { return ed25519.Sign(k.key, message), nil }

func (k edKey) cose() []byte {
	public := k.key.Public().(ed25519.PublicKey)
	return slices.Concat(head(5, 4), integer(1), integer(1), integer(3), integer(-8), // OKP, EdDSA
		integer(-1), integer(6), integer(-2), byteString(public)) // Ed25519
}

func (k edKey) algorithm() int { return -8 }

type rsaKey struct{ key *rsa.PrivateKey }

func (k rsaKey) sign(message []byte) ([]byte, error) {
	hash := sha256.Sum256(message)
	return rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, hash[:])
}

func (k rsaKey) cose() []byte { return RSAKey(k.key.N.Bytes(), big.NewInt(int64(k.key.E)).Bytes()) }

func (k rsaKey) algorithm() int { return -257 }

// RSAKey returns the COSE_Key of RS256 with any modulus and exponent, for a [Forgery].
func RSAKey(modulus, exponent []byte) []byte {
	return slices.Concat(head(5, 4), integer(1), integer(3), integer(3), integer(-257), // RSA, RS256
		integer(-1), byteString(modulus), integer(-2), byteString(exponent))
}

// What follows writes CBOR of RFC 8949, as much as a passkey needs.

func integer(n int) []byte {
	if n < 0 {
		return head(1, -1-n)
	}
	return head(0, n)
}

func byteString(b []byte) []byte { return append(head(2, len(b)), b...) }

func text(s string) []byte { return append(head(3, len(s)), s...) }

func head(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
}
