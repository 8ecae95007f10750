package token

import (
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// The bounds of a key set.
const (
	maxSet     = 256 << 10 // bytes
	maxSetKeys = 100
)

// A Set is the public keys of an issuer, a JWKS, in the order in which they are published.
// A nil Set is empty.
type Set []PublicKey

// Key returns the key with the given id, and reports whether there is one.
func (s Set) Key(id string) (PublicKey, bool) {
	for i := range s {
		if s[i].ID() == id {
			return s[i], id != ""
		}
	}
	return PublicKey{}, false
}

// MarshalJSON returns the JWKS document, {"keys":[…]}, each key as [PublicKey.MarshalJSON]
// has it.
func (s Set) MarshalJSON() ([]byte, error) {
	keys := []PublicKey(s)
	if keys == nil {
		keys = []PublicKey{}
	}
	return json.Marshal(struct {
		Keys []PublicKey `json:"keys"`
	}{keys})
}

// UnmarshalJSON reads a JWKS document by the rules of [ParseSet].
func (s *Set) UnmarshalJSON(data []byte) error {
	set, err := ParseSet(data)
	if err != nil {
		return err
	}
	*s = set
	return nil
}

// ParseSet reads a JWKS document of at most 256 KiB and 100 keys. Keys of a kind or an
// algorithm that this package does not have, and keys for encryption, are left out.
//
// ParseSet refuses the whole set with [ErrMalformed] if one of these is in it, because the
// publisher has made a mistake:
//
//   - a private or a symmetric key;
//   - a key without a valid kid, or two keys with the same kid;
//   - a key whose alg does not fit its kind;
//   - a point that is not on its curve;
//   - an RSA key of less than 2048 or more than 8192 bits, or with an exponent that is
//     even or below 65537.
//
// It ignores certificates (x5c) and does not follow addresses (x5u).
func ParseSet(data []byte) (Set, error) {
	if len(data) > maxSet {
		return nil, fmt.Errorf("%w: key set: too long", ErrMalformed)
	}
	members, err := readObject(string(data), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: key set: %w", ErrMalformed, err)
	}
	i := slices.IndexFunc(members, func(m member) bool { return m.name == "keys" })
	if i < 0 {
		return nil, fmt.Errorf("%w: key set: no keys", ErrMalformed)
	}
	var keys []json.RawMessage
	if err := json.Unmarshal([]byte(members[i].value), &keys); err != nil || keys == nil {
		return nil, fmt.Errorf("%w: key set: keys is not an array", ErrMalformed)
	}
	if len(keys) > maxSetKeys {
		return nil, fmt.Errorf("%w: key set: too many keys", ErrMalformed)
	}
	set := make(Set, 0, len(keys))
	for i, data := range keys {
		key, err := parsePublic(data)
		if errors.Is(err, errUnsupported) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i, err)
		}
		if _, ok := set.Key(key.ID()); ok {
			return nil, fmt.Errorf("%w: key %d of the set: kid appears twice", ErrMalformed, i)
		}
		set = append(set, key)
	}
	return set, nil
}

// errUnsupported marks a valid key that this package does not support. ParseSet leaves such
// a key out.
var errUnsupported = errors.New("token: kind of key is not supported")

// A jwk has the members of a JWK that this package reads.
type jwk struct{ kty, use, alg, kid, crv, n, e, x, y string }

func parsePublic(data []byte) (PublicKey, error) {
	w, err := readJWK(string(data))
	if err != nil {
		return PublicKey{}, err
	}
	if w.use != "" && w.use != "sig" {
		return PublicKey{}, errUnsupported
	}
	var alg Algorithm // the usual one of the kind
	var read func(jwk) (crypto.PublicKey, error)
	switch {
	case w.kty == "RSA":
		alg, read = RS256, rsaKey
	case w.kty == "EC" && w.crv == "P-256":
		alg, read = ES256, curveKey
	case w.kty == "OKP" && w.crv == "Ed25519":
		alg, read = EdDSA, curveKey
	case w.kty == "":
		return PublicKey{}, fmt.Errorf("%w: no kty", ErrMalformed)
	default:
		return PublicKey{}, errUnsupported
	}
	if err := w.allows(alg); err != nil {
		return PublicKey{}, err
	}
	key, err := read(w)
	if err != nil {
		return PublicKey{}, err
	}
	return newPublicKey(w.kid, Algorithm(w.alg), key)
}

// allows returns an error if the key must not be used with alg, the algorithm of its kind.
func (w jwk) allows(alg Algorithm) error {
	switch Algorithm(w.alg) {
	case "", alg:
		return nil
	case RS512:
		if alg == RS256 {
			return nil
		}
		return fmt.Errorf("%w: alg is not of the key's kind", ErrMalformed)
	case RS256, ES256, EdDSA:
		return fmt.Errorf("%w: alg is not of the key's kind", ErrMalformed)
	default:
		return errUnsupported
	}
}

func readJWK(text string) (jwk, error) {
	members, err := readObject(text, nil)
	if err != nil {
		return jwk{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var w jwk
	fields := map[string]*string{
		"kty": &w.kty, "use": &w.use, "alg": &w.alg, "kid": &w.kid,
		"crv": &w.crv, "n": &w.n, "e": &w.e, "x": &w.x, "y": &w.y,
	}
	for _, m := range members {
		switch m.name {
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
			return jwk{}, fmt.Errorf("%w: private or symmetric key", ErrMalformed)
		}
		field, ok := fields[m.name]
		if !ok {
			continue
		}
		if *field, ok = readString(m.value); !ok {
			return jwk{}, fmt.Errorf("%w: member is not a string", ErrMalformed)
		}
	}
	if w.kty == "oct" {
		return jwk{}, fmt.Errorf("%w: private or symmetric key", ErrMalformed)
	}
	return w, nil
}

func rsaKey(w jwk) (crypto.PublicKey, error) {
	n, ok := decode(w.n, maxModulus/8)
	if !ok {
		return nil, fmt.Errorf("%w: RSA modulus", ErrMalformed)
	}
	e, ok := decode(w.e, 4)
	if !ok {
		return nil, fmt.Errorf("%w: RSA exponent", ErrMalformed)
	}
	exponent := new(big.Int).SetBytes(e).Int64() // four bytes at most
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent)}, nil
}

// curveKey lets go-jose decode the point, which rejects points off the curve and of low
// order. go-jose gets only the members that define the point.
func curveKey(w jwk) (crypto.PublicKey, error) {
	point := map[string]string{"kty": w.kty, "crv": w.crv, "x": w.x}
	if w.kty == "EC" {
		point["y"] = w.y
	}
	for _, name := range []string{"x", "y"} {
		if _, ok := decode(point[name], 32); !ok && point[name] != "" {
			return nil, fmt.Errorf("%w: coordinate", ErrMalformed)
		}
	}
	data, err := json.Marshal(point)
	if err != nil {
		return nil, fmt.Errorf("%w: coordinate", ErrMalformed)
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("%w: point", ErrMalformed)
	}
	return key.Key, nil
}
