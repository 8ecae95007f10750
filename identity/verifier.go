package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// Verifier returns a verifier of a pool's tokens for the process that runs the
// engine. The keys come from the store, and a token is refused with
// [token.ErrRevoked] once its sign-in was ended, or its user was disabled or
// deleted. Its method Require is middleware for net/http.
//
// clientIDs are the accepted app clients. o must name the kind of tokens, as for
// [token.NewVerifier]. o.Revoked, if it is set, is asked after the engine has
// accepted a token. o.Now defaults to the engine's clock. The issuer of the pool
// is read once, here: ctx matters only if [Options].Issuer depends on it.
//
// Each token costs two reads of the store. If the store cannot be read, the token
// is refused with the error of the store.
func (e *Engine) Verifier(ctx context.Context, poolID string, clientIDs []string, o *token.VerifierOptions) (*token.Verifier, error) {
	pool, err := e.UserPool(ctx, poolID)
	if err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	info, err := pool.Admin().Describe(ctx)
	if err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	var own token.VerifierOptions
	if o != nil {
		own = *o
	}
	if own.Now == nil {
		own.Now = e.now
	}
	next := own.Revoked
	own.Revoked = func(ctx context.Context, c *token.Claims) error {
		if err := e.stands(ctx, poolID, c); err != nil || next == nil {
			return err
		}
		return next(ctx, c)
	}
	v, err := token.NewVerifier([]string{e.Issuer(ctx, info)}, keysOfPool{e, poolID}, clientIDs, &own)
	if err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	return v, nil
}

// stands returns nil if the sign-in that a verified token comes from still stands.
func (e *Engine) stands(ctx context.Context, poolID string, c *token.Claims) error {
	s := &Session{engine: e}
	f, _, err := s.read(ctx, c)
	if err != nil {
		return err
	}
	if s.pool == nil || s.pool.ID != poolID || s.alive(f) != nil {
		return token.ErrRevoked
	}
	return nil
}

// keysOfPool are the public keys of a pool, as they are in the store at each call.
type keysOfPool struct {
	engine *Engine
	pool   string
}

// Key implements [token.KeySource].
func (k keysOfPool) Key(ctx context.Context, issuer, id string) (token.PublicKey, error) {
	set, err := k.engine.JWKS(ctx, k.pool)
	if errors.Is(err, ErrPoolNotFound) || errors.Is(err, store.ErrNotFound) {
		return token.PublicKey{}, token.ErrUnknownKey
	}
	if err != nil {
		return token.PublicKey{}, err
	}
	return token.StaticKeys{issuer: set}.Key(ctx, issuer, id)
}
