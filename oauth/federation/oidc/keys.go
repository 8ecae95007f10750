package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/cognate-id/cognate/oauth/federation/fetch"
)

// Keys of a provider. They are fetched for the first token, for a token that names a key that is not
// among them, and after an hour. Tokens with made-up key ids cannot make us fetch more often than
// once in 10 seconds; nor can a provider that is down.

const (
	keysLife    = time.Hour
	keysBetween = 10 * time.Second
	maxKeys     = 100
	minRSA      = 2048 // bits
	maxRSA      = 8192
)

// A keySet is the keys of one provider.
type keySet struct {
	url   string
	fetch *fetch.Client
	now   func() time.Time
	lock  chan struct{} // is held while the keys are fetched

	mu     sync.Mutex
	keys   map[string]publicKey
	read   time.Time // when the keys were fetched
	tried  time.Time // when that was tried last
	failed error     // what came of it
}

// A publicKey is one of them.
type publicKey struct {
	alg string // "" if the key does not say
	key crypto.PublicKey
}

func newKeySet(f *fetch.Client, url string, now func() time.Time) *keySet {
	return &keySet{url: url, fetch: f, now: now, lock: make(chan struct{}, 1)}
}

// key returns the key of an id.
func (s *keySet) key(ctx context.Context, id string) (publicKey, error) {
	if k, ok := s.cached(id); ok {
		return k, nil
	}
	select {
	case s.lock <- struct{}{}:
		defer func() { <-s.lock }()
	case <-ctx.Done():
		return publicKey{}, callFailure(ErrKeys, lateKeys, noKeys, ctx.Err())
	}
	if k, ok := s.cached(id); ok {
		return k, nil
	}
	if err := s.refresh(ctx); err != nil {
		return publicKey{}, err
	}
	if k, ok := s.cached(id); ok {
		return k, nil
	}
	return publicKey{}, refusedToken("the provider has no key with the id of the token")
}

const (
	lateKeys = "Timeout in calling jwks uri"
	noKeys   = "Error in calling jwks uri"
)

func (s *keySet) cached(id string) (publicKey, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Sub(s.read) >= keysLife {
		return publicKey{}, false
	}
	k, ok := s.keys[id]
	return k, ok
}

// refresh fetches the keys, unless that was tried a moment ago.
func (s *keySet) refresh(ctx context.Context) error {
	s.mu.Lock()
	now := s.now()
	if since := now.Sub(s.tried); since >= 0 && since < keysBetween {
		defer s.mu.Unlock()
		return s.failed
	}
	s.mu.Unlock()
	keys, err := s.load(ctx)
	if ctx.Err() != nil && err != nil { // the caller gave up: that says nothing of the provider
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.failed = now, err
	if err == nil {
		s.keys, s.read = keys, now
	}
	return err
}

func (s *keySet) load(ctx context.Context) (map[string]publicKey, error) {
	body, err := s.fetch.Get(ctx, s.url)
	if err != nil {
		return nil, callFailure(ErrKeys, lateKeys, noKeys, err)
	}
	keys, err := parseKeys(body)
	if err != nil {
		return nil, failure(ErrKeys, noKeys, err)
	}
	return keys, nil
}

// A jwk is a key as a provider publishes it. Members of private keys are not read.
type jwk struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	Crv string `json:"crv"`
	N   string `json:"n"`
	E   string `json:"e"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// parseKeys reads a JWKS. It leaves out keys that cannot verify a token that we take: without an id, for
// encryption, of other types, too small. Two keys with one id are an error.
func parseKeys(body []byte) (map[string]publicKey, error) {
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &doc); err != nil || doc.Keys == nil {
		return nil, errors.New("the keys are malformed")
	}
	if len(doc.Keys) > maxKeys {
		return nil, fmt.Errorf("there are %d keys, the limit is %d", len(doc.Keys), maxKeys)
	}
	keys := map[string]publicKey{}
	for _, raw := range doc.Keys {
		var k jwk
		if json.Unmarshal(raw, &k) != nil || k.Kid == "" || k.Use != "" && k.Use != "sig" {
			continue
		}
		key, err := k.public()
		if err != nil {
			continue
		}
		if _, twice := keys[k.Kid]; twice {
			return nil, errors.New("two keys have one id")
		}
		keys[k.Kid] = publicKey{k.Alg, key}
	}
	return keys, nil
}

func (k *jwk) public() (crypto.PublicKey, error) {
	switch k.Kty {
	case "RSA":
		return k.rsa()
	case "EC":
		return k.ec()
	}
	return nil, errors.New("keys of this type are not used")
}

func (k *jwk) rsa() (crypto.PublicKey, error) {
	n, errN := base64.RawURLEncoding.DecodeString(k.N)
	e, errE := base64.RawURLEncoding.DecodeString(k.E)
	if errN != nil || errE != nil || len(e) == 0 || len(e) > 4 || len(n) > maxRSA/8 {
		return nil, errors.New("the RSA key is malformed")
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if key.N.BitLen() < minRSA || key.E < 3 {
		return nil, errors.New("the RSA key is too weak")
	}
	return key, nil
}

func (k *jwk) ec() (crypto.PublicKey, error) {
	var curve elliptic.Curve
	switch k.Crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, errors.New("the curve is not used")
	}
	size := (curve.Params().BitSize + 7) / 8
	x, errX := base64.RawURLEncoding.DecodeString(k.X)
	y, errY := base64.RawURLEncoding.DecodeString(k.Y)
	if errX != nil || errY != nil || len(x) != size || len(y) != size {
		return nil, errors.New("the EC key is malformed")
	}
	return ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...)) // checks that the point is on the curve
}
