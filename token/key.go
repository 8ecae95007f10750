package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// redacted is what secrets print as.
const redacted = "[redacted]"

// A Key is a private signing key. It prints as [redacted]; only [Key.MarshalPrivate]
// returns the secret. It is made by [GenerateKey] or [ParsePrivate] and may be used by
// several goroutines. The zero Key has an empty id and signs nothing.
type Key struct{ p *private }

// private is behind a pointer, so that printing a struct with a Key prints only an address.
type private struct {
	public PublicKey
	signer crypto.Signer
	header string // the encoded header and the dot behind it
}

// GenerateKey returns a new key for alg: RSA of 2048 bits, ECDSA on P-256 or Ed25519. An RSA
// key takes 42 ms (median) and up to 130 ms. The id of the key is the RFC 7638 thumbprint
// of its public half in standard base64: 44 characters, the last of them "=", as with
// Cognito. An unknown algorithm is an error.
func GenerateKey(alg Algorithm) (*Key, error) {
	signer, err := generate(alg)
	if err != nil {
		return nil, fmt.Errorf("token: generate key: %w", err)
	}
	jwk := jose.JSONWebKey{Key: signer.Public()}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("token: generate key: %w", err)
	}
	return newKey(base64.StdEncoding.EncodeToString(sum), alg, signer)
}

// Named returns the key under another id, such as us-east-1-7. The id is as for [NewPublicKey].
func (k *Key) Named(id string) (*Key, error) {
	if k == nil || k.p == nil {
		return nil, fmt.Errorf("%w: zero Key", ErrMalformed)
	}
	return newKey(id, k.Algorithm(), k.p.signer)
}

func generate(alg Algorithm) (crypto.Signer, error) {
	switch alg {
	case RS256, RS512:
		return rsa.GenerateKey(rand.Reader, minModulus)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("algorithm %q is not supported", alg)
}

func newKey(id string, alg Algorithm, signer crypto.Signer) (*Key, error) {
	public, err := newPublicKey(id, alg, signer.Public())
	if err != nil {
		return nil, err
	}
	// No escaping is needed: a key id holds neither a quote nor a backslash.
	header := fmt.Sprintf(`{"kid":"%s","alg":"%s"}`, id, public.Algorithm())
	return &Key{&private{
		public: public,
		signer: signer,
		header: base64.RawURLEncoding.EncodeToString([]byte(header)) + ".",
	}}, nil
}

// ParsePrivate reads what [Key.MarshalPrivate] wrote: a private JWK with a kid. If it has an
// alg, that must be the algorithm of its kind. The error is [ErrMalformed] and contains
// nothing of the key.
func ParsePrivate(data []byte) (*Key, error) {
	if len(data) > MaxLength {
		return nil, fmt.Errorf("%w: private key: too long", ErrMalformed)
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(data); err != nil { // the error may quote the key
		return nil, fmt.Errorf("%w: private key", ErrMalformed)
	}
	signer, ok := jwk.Key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: private key: not a private key", ErrMalformed)
	}
	if key, ok := signer.(*rsa.PrivateKey); ok {
		key.Precompute() // otherwise each signature would do it again
	}
	k, err := newKey(jwk.KeyID, Algorithm(jwk.Algorithm), signer)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	return k, nil
}

// MarshalPrivate returns the key as a private JWK, a JSON object. It contains the secret in
// clear. [ParsePrivate] reads it.
func (k *Key) MarshalPrivate() ([]byte, error) {
	if k == nil || k.p == nil {
		return nil, fmt.Errorf("%w: zero Key", ErrMalformed)
	}
	jwk := jose.JSONWebKey{
		Key: k.p.signer, KeyID: k.ID(), Algorithm: string(k.Algorithm()), Use: "sig",
	}
	data, err := jwk.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("token: marshal private key: %w", err)
	}
	return data, nil
}

// ID returns the key id, the kid of every token that the key signs.
func (k *Key) ID() string { return k.Public().ID() }

// Algorithm returns the algorithm that the key signs by.
func (k *Key) Algorithm() Algorithm { return k.Public().Algorithm() }

// Public returns the public half.
func (k *Key) Public() PublicKey {
	if k == nil || k.p == nil {
		return PublicKey{}
	}
	return k.p.public
}

// Sign returns a token, a compact JWS, over claims. claims is a JSON object and is signed
// byte for byte. The header is {"kid":"…","alg":"…"} in this order, without typ, as
// Cognito's is.
//
// Sign signs nothing that [Parse] would refuse. It returns [ErrMalformed] for claims that
// are not one strict JSON object, for a registered claim of the wrong type, and for a token
// longer than [MaxLength].
func (k *Key) Sign(claims []byte) (string, error) {
	if k == nil || k.p == nil {
		return "", fmt.Errorf("%w: sign: zero Key", ErrMalformed)
	}
	return k.sign(k.p.header, claims)
}

// SignAs is Sign for a token whose header has a typ, such as logout+jwt, which keeps other readers from
// taking it for a token of another kind (RFC 8725, section 3.11). typ has letters, digits, plus and minus.
func (k *Key) SignAs(typ string, claims []byte) (string, error) {
	if k == nil || k.p == nil {
		return "", fmt.Errorf("%w: sign: zero Key", ErrMalformed)
	}
	if strings.Trim(typ, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-") != "" || typ == "" {
		return "", fmt.Errorf("%w: sign: typ %q", ErrMalformed, typ)
	}
	header := fmt.Sprintf(`{"kid":"%s","typ":"%s","alg":"%s"}`, k.ID(), typ, k.Algorithm())
	return k.sign(base64.RawURLEncoding.EncodeToString([]byte(header))+".", claims)
}

// sign signs claims below an encoded header.
func (k *Key) sign(header string, claims []byte) (string, error) {
	var scratch Claims
	if err := scratch.read(string(claims), false); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	enc := base64.RawURLEncoding
	size := len(header) + enc.EncodedLen(len(claims)) + 1 + enc.EncodedLen(maxModulus/8)
	buf := append(make([]byte, 0, size), header...)
	buf = enc.AppendEncode(buf, claims)
	signature, err := k.signature(buf)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	buf = enc.AppendEncode(append(buf, '.'), signature)
	if len(buf) > MaxLength {
		return "", fmt.Errorf("%w: sign: too long", ErrMalformed)
	}
	return string(buf), nil
}

func (k *Key) signature(signed []byte) ([]byte, error) {
	if k.Algorithm() == EdDSA {
		return k.p.signer.Sign(rand.Reader, signed, crypto.Hash(0))
	}
	if k.Algorithm() == RS512 {
		hash := sha512.Sum512(signed)
		return k.p.signer.Sign(rand.Reader, hash[:], crypto.SHA512)
	}
	hash := sha256.Sum256(signed)
	key, ok := k.p.signer.(*ecdsa.PrivateKey)
	if !ok {
		return k.p.signer.Sign(rand.Reader, hash[:], crypto.SHA256)
	}
	r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

// Format prints [redacted] for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalJSON writes "[redacted]", so that a key inside another value is not disclosed by
// accident; see [Key.MarshalPrivate].
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }
