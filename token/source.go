package token

import (
	"context"
	"fmt"
)

// A KeySource finds the key that must have signed a token. It is used by several
// goroutines.
type KeySource interface {
	// Key returns the key of issuer with the id kid. Both are what an unverified token
	// says, but issuer is one of the Verifier's. The error is [ErrUnknownKey] when the
	// issuer has no such key, [ErrKeysUnavailable] when that cannot be found out now, or
	// the context's.
	Key(ctx context.Context, issuer, kid string) (PublicKey, error)
}

// StaticKeys is a [KeySource] of keys that are at hand, by issuer: a key counts for its
// own issuer only. It must not be changed while it is in use.
type StaticKeys map[string]Set

// Key returns the key, or [ErrUnknownKey].
func (s StaticKeys) Key(_ context.Context, issuer, kid string) (PublicKey, error) {
	key, ok := s[issuer].Key(kid)
	if !ok {
		return PublicKey{}, fmt.Errorf("%w: no such key of the issuer", ErrUnknownKey)
	}
	return key, nil
}
