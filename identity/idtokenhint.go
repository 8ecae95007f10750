package identity

import (
	"context"
	"fmt"

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
	id := poolOfIssuer(parsed.UnverifiedClaims().Issuer)
	c, err := e.readIDToken(ctx, id, parsed)
	if err != nil && notAnIDToken(err) {
		return nil, refused
	}
	if err != nil {
		return nil, fmt.Errorf("id token hint: %w", err)
	}
	return &IDTokenHint{Pool: id, Client: c.ClientID, Sub: c.Subject}, nil
}
