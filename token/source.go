package token

import (
	"context"
	"fmt"
)

// A KeySource finds the key that must have signed a token. Several goroutines may use it
// at once.
type KeySource interface {
	// Key returns the key of issuer with the id kid. The kid comes from an unverified
	// token; issuer is one of the issuers that the Verifier accepts. The error is
	// [ErrUnknownKey] if the issuer has no such key, [ErrKeysUnavailable] if the source
	// cannot find out now, or the error of the context.
	Key(ctx context.Context, issuer, kid string) (PublicKey, error)
}

// StaticKeys is a [KeySource] that holds the keys of each issuer. A key verifies tokens of
// its own issuer only. Do not change the map while it is in use.
type StaticKeys map[string]Set

// Key returns the key, or [ErrUnknownKey].
func (s StaticKeys) Key(_ context.Context, issuer, kid string) (PublicKey, error) {
	key, ok := s[issuer].Key(kid)
	if !ok {
		return PublicKey{}, fmt.Errorf("%w: no such key of the issuer", ErrUnknownKey)
	}
	return key, nil
}
