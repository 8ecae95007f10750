package doctor

import (
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

// token looks at a token that the application was refused.
func (e *examination) token() {
	raw := strings.TrimSpace(strings.TrimPrefix(e.Token, "Bearer "))
	parsed, err := token.Parse(raw)
	if err != nil {
		remedy := "A token has three parts with dots between, and no line break. An opaque refresh token is no JWT: only the server reads it."
		e.wrong("token", "it is no token: "+err.Error(), remedy)
		return
	}
	c := parsed.UnverifiedClaims()
	if c.Issuer != e.discovery.Issuer {
		e.wrong("token", "it is of another issuer\n"+differ(c.Issuer, e.discovery.Issuer), "Verify it against its own issuer, or sign in at this one.")
		return
	}
	key, known := e.keys.Key(parsed.KeyID())
	if !known {
		e.wrong("token", "the server has no key "+parsed.KeyID(), "Its key has been replaced since, or a fake has started anew with new keys. Sign in again.")
		return
	}
	if _, err := parsed.Verify(key); err != nil {
		e.wrong("token", "its signature is not right: "+err.Error(), "It was changed on the way. Compare it with what the token endpoint gave.")
		return
	}
	now := e.Now()
	if !now.Before(c.Expires) {
		e.wrong("token", "it expired "+now.Sub(c.Expires).Round(time.Second).String()+" ago", "Get a new one with the refresh token before it expires.")
		return
	}
	if e.Client != "" && c.ClientID != e.Client {
		e.wrong("token", "it was given to the client "+c.ClientID, "Verify it for that client, or let the application use its own.")
		return
	}
	switch c.Use {
	case token.UseID:
		e.ok("token", "an ID token for %s, which is for the application itself: APIs take the access token", c.ClientID)
	case token.UseAccess:
		e.ok("token", "an access token with the scopes %q, good for %s", c.Scope, c.Expires.Sub(now).Round(time.Second))
	default:
		e.wrong("token", "its token_use is "+quoted(string(c.Use)), "Send an access token.")
	}
}
