package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// An Algorithm is a signature algorithm, by its name in a JOSE header.
type Algorithm string

// The algorithms of this package. It supports no others, in particular not "none" or HMAC.
const (
	RS256 Algorithm = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256; what verifiers of Cognito's tokens expect
	RS512 Algorithm = "RS512" // RSASSA-PKCS1-v1_5 with SHA-512; what Cognito signs tokens of identity pools with
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
	EdDSA Algorithm = "EdDSA" // Ed25519
)

// The bounds of an RSA key. A longer modulus makes each verification expensive. A shorter
// modulus or a small exponent makes the key weak.
const (
	minModulus  = 2048 // bits
	maxModulus  = 8192 // bits
	minExponent = 65537
)

// maxKeyID is the maximum length of a key id in bytes.
const maxKeyID = 128

// A PublicKey verifies tokens. It is made by [Key.Public], [NewPublicKey] or [ParseSet],
// is not changed afterwards, and may be used by several goroutines. The zero PublicKey
// verifies nothing.
type PublicKey struct{ p *public }

type public struct {
	id  string
	alg Algorithm
	key crypto.PublicKey
}

// NewPublicKey returns a PublicKey with the key id id for key, which is an *rsa.PublicKey
// of 2048 to 8192 bits, an *ecdsa.PublicKey on P-256 or an ed25519.PublicKey, and must not
// be changed afterwards. The kind of key decides the algorithm, which is RS256 for RSA. The id
// has 1 to 128 characters, each a letter, a digit or one of "+/=-_.:~". The error is
// [ErrMalformed].
func NewPublicKey(id string, key crypto.PublicKey) (PublicKey, error) {
	return newPublicKey(id, "", key)
}

// newPublicKey returns a key for alg, or for the usual algorithm of its kind if alg is empty.
func newPublicKey(id string, alg Algorithm, key crypto.PublicKey) (PublicKey, error) {
	if !validKeyID(id) {
		return PublicKey{}, fmt.Errorf("%w: key id", ErrMalformed)
	}
	usual, err := algorithmOf(key)
	if err != nil {
		return PublicKey{}, err
	}
	if alg == "" {
		alg = usual
	}
	if alg != usual && (alg != RS512 || usual != RS256) {
		return PublicKey{}, fmt.Errorf("%w: alg is not of the key's kind", ErrMalformed)
	}
	return PublicKey{&public{id: id, alg: alg, key: key}}, nil
}

// ID returns the key id, the kid of a JWK and of a token's header.
func (k PublicKey) ID() string { return k.get().id }

// Algorithm returns the one algorithm that the key verifies.
func (k PublicKey) Algorithm() Algorithm { return k.get().alg }

// Key returns the *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey; it must not be
// changed.
func (k PublicKey) Key() crypto.PublicKey { return k.get().key }

// Equal reports whether k and o have the same id and verify the same signatures.
func (k PublicKey) Equal(o PublicKey) bool {
	if k.p == o.p { // comparing RSA keys costs a microsecond
		return true
	}
	key, ok := k.Key().(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.ID() == o.ID() && k.Algorithm() == o.Algorithm() && key.Equal(o.Key())
}

func (k PublicKey) get() public {
	if k.p == nil {
		return public{}
	}
	return *k.p
}

// MarshalJSON returns the key as a JWK with "use":"sig", its members in alphabetical order
// as Cognito has them: alg, e, kid, kty, n, use for RSA.
func (k PublicKey) MarshalJSON() ([]byte, error) {
	jwk := jose.JSONWebKey{Key: k.Key(), KeyID: k.ID(), Algorithm: string(k.Algorithm()), Use: "sig"}
	data, err := jwk.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("token: marshal public key: %w", err)
	}
	var members map[string]string
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, fmt.Errorf("token: marshal public key: %w", err)
	}
	return json.Marshal(members) // sorts the members
}

// verify checks the signature of a token's first two parts.
func (k PublicKey) verify(signed, signature []byte) bool {
	switch key := k.Key().(type) {
	case *rsa.PublicKey:
		if k.Algorithm() == RS512 {
			hash := sha512.Sum512(signed)
			return rsa.VerifyPKCS1v15(key, crypto.SHA512, hash[:], signature) == nil
		}
		hash := sha256.Sum256(signed)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], signature) == nil
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		hash := sha256.Sum256(signed)
		var room [72]byte
		return ecdsa.VerifyASN1(key, hash[:], appendDER(room[:0], signature))
	case ed25519.PublicKey:
		return ed25519.Verify(key, signed, signature)
	}
	return false
}

// appendDER appends the signature, r and s of 32 bytes each, in the form that crypto/ecdsa
// expects. Making big.Ints would cost ten more allocations.
func appendDER(dst, signature []byte) []byte {
	const sequence, integer = 0x30, 0x02
	dst = append(dst, sequence, 0)
	for _, n := range [][]byte{signature[:32], signature[32:]} {
		n = bytes.TrimLeft(n, "\x00")
		if len(n) == 0 || n[0]&0x80 != 0 { // a DER integer is signed, and never empty
			dst = append(dst, integer, byte(len(n)+1), 0)
		} else {
			dst = append(dst, integer, byte(len(n)))
		}
		dst = append(dst, n...)
	}
	dst[1] = byte(len(dst) - 2)
	return dst
}

func algorithmOf(key crypto.PublicKey) (Algorithm, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key == nil || key.N == nil {
			break
		}
		bits := key.N.BitLen()
		if bits < minModulus || bits > maxModulus || key.N.Bit(0) == 0 {
			return "", fmt.Errorf("%w: RSA modulus is even, too short or too long", ErrMalformed)
		}
		if key.E < minExponent || key.E > 1<<31-1 || key.E%2 == 0 {
			return "", fmt.Errorf("%w: RSA exponent is even, too small or too large", ErrMalformed)
		}
		return RS256, nil
	case *ecdsa.PublicKey:
		if key == nil || key.Curve != elliptic.P256() {
			break
		}
		if _, err := key.Bytes(); err != nil {
			return "", fmt.Errorf("%w: point is not on the curve", ErrMalformed)
		}
		return ES256, nil
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return EdDSA, nil
		}
	}
	return "", fmt.Errorf("%w: kind of key is not supported", ErrMalformed)
}

// validKeyID reports whether an id has only characters that real issuers use: both base64
// alphabets, names and dates. The package only compares key ids. The alphabet protects
// programs that log a key id or put it in a header.
func validKeyID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '+', c == '/', c == '=', c == '-', c == '_', c == '.', c == ':', c == '~':
		default:
			return false
		}
	}
	return true
}
