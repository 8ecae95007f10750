package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// An IDTokenHint is what an ID token says of whom an application believes to be signed in.
type IDTokenHint struct {
	Pool   string // the id of the pool that signed it
	Client string // the id of the app client that it was given to
	Sub    string // of the user
}

// ClaimedPool returns the id of the pool that a token says it is of, or "" if it says
// none. Nothing is verified: anybody can write such a token.
func ClaimedPool(raw Secret) string {
	parsed, err := token.Parse(string(raw))
	if err != nil {
		return ""
	}
	return poolOfIssuer(parsed.UnverifiedClaims().Issuer)
}

// IDTokenHint reads an ID token that one of the engine's pools has signed, and that may have
// expired since (OpenID Connect Core, section 3.1.2.1). It tells who the user was, and
// signs nobody in. For anything else it returns [ErrInvalidParameter].
func (e *Engine) IDTokenHint(ctx context.Context, raw Secret) (*IDTokenHint, error) {
	refused := invalid("id_token_hint", "is not an ID token of this server")
	parsed, err := token.Parse(string(raw))
	if err != nil {
		return nil, refused
	}
	hint := parsed.UnverifiedClaims()
	id := poolOfIssuer(hint.Issuer)
	var pool *PoolInfo
	var keys []byte
	err = e.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(pools.Ref(store.Key(id)), keyrings.Ref(keyringKey(id)))
		if err != nil {
			return err
		}
		keys = values[1]
		if pool, err = e.decodePool(id, values[0]); errors.Is(err, ErrPoolNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("id token hint: %w", err)
	}
	if pool == nil || keys == nil {
		return nil, refused
	}
	ring, err := e.ring(ctx, pool, keys)
	if err != nil {
		return nil, fmt.Errorf("id token hint: %w", err)
	}
	for _, key := range ring.public(string(token.UseID), e.now()) {
		if key.ID() != parsed.KeyID() {
			continue
		}
		c, err := parsed.Verify(key)
		if err != nil || c.Use != token.UseID {
			return nil, refused
		}
		return &IDTokenHint{Pool: id, Client: c.ClientID, Sub: c.Subject}, nil
	}
	return nil, refused
}
