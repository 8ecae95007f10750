package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// ID tokens that come back. Identity pools take one as a proof of who somebody is, and the
// authorization server as a hint. readIDToken reads pool and keys in one round trip, and
// uses nothing of what it has read before the signature is verified.

// VerifyIDToken verifies that a pool has signed an ID token, and returns the claims. It looks
// neither at the time nor at the client that the token was given to: the caller does. The
// errors are [ErrPoolNotFound], and those of package token: [token.ErrMalformed],
// [token.ErrUnknownKey], [token.ErrSignature] and, for a token of another kind, [token.ErrUse].
func (e *Engine) VerifyIDToken(ctx context.Context, pool string, raw Secret) (*token.Claims, error) {
	parsed, err := token.Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("verify an ID token: %w", err)
	}
	return e.VerifyParsedIDToken(ctx, pool, parsed)
}

// VerifyParsedIDToken is [Engine.VerifyIDToken] for a token that was parsed already.
func (e *Engine) VerifyParsedIDToken(ctx context.Context, pool string, parsed *token.Parsed) (*token.Claims, error) {
	c, err := e.readIDToken(ctx, pool, parsed)
	if err != nil {
		return nil, fmt.Errorf("verify an ID token: %w", err)
	}
	return c, nil
}

// readIDToken verifies the signature of an ID token by the keys of a pool.
func (e *Engine) readIDToken(ctx context.Context, id string, parsed *token.Parsed) (*token.Claims, error) {
	var pool *PoolInfo
	var keys []byte
	err := e.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(id)), keyrings.Ref(keyringKey(id)))
		if err != nil {
			return err
		}
		keys = values[1]
		pool, err = e.decodePool(id, values[0])
		return err
	})
	if err != nil {
		return nil, err
	}
	if keys == nil { // nobody has signed in to the pool yet
		return nil, token.ErrUnknownKey
	}
	ring, err := e.ring(ctx, pool, keys)
	if err != nil {
		return nil, err
	}
	for _, key := range ring.public(string(token.UseID), e.now()) {
		if key.ID() != parsed.KeyID() {
			continue
		}
		c, err := parsed.Verify(key)
		if err == nil && c.Use != token.UseID {
			err = token.ErrUse
		}
		if err != nil {
			return nil, err
		}
		if poolOfIssuer(c.Issuer) != id {
			return nil, token.ErrIssuer
		}
		return c, nil
	}
	return nil, token.ErrUnknownKey
}

// SignInStands returns nil if the sign-in that verified claims of a token come from still
// stands: the user and the client exist, the user is enabled, and nobody has ended the
// sign-in. Otherwise it returns [ErrUserNotFound], [ErrAccessTokenRevoked] or, for a client
// or a pool that does not exist, [ErrInvalidAccessToken].
func (e *Engine) SignInStands(ctx context.Context, c *token.Claims) error {
	s := &Session{engine: e}
	f, _, err := s.read(ctx, c)
	if err == nil && s.pool == nil {
		err = ErrInvalidAccessToken
	}
	if err == nil {
		err = s.alive(f)
	}
	if err != nil {
		return fmt.Errorf("look at a sign-in: %w", err)
	}
	return nil
}

// notAnIDToken reports whether an error of readIDToken is about the token.
func notAnIDToken(err error) bool {
	for _, about := range []error{ErrPoolNotFound, token.ErrMalformed, token.ErrUnknownKey, token.ErrSignature, token.ErrUse, token.ErrIssuer} {
		if errors.Is(err, about) {
			return true
		}
	}
	return false
}
