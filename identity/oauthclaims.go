package identity

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

// What differs in the tokens that the authorization server gives: the scopes of the
// application decide whether there is an ID token, and which attributes are in it.

// tokenVersion is the claim version of access tokens of the authorization server.
const tokenVersion = 2

// shows reports whether the scopes of a grant show an attribute in the ID token.
func (g *grant) shows(name string) bool {
	return !g.family.OAuth || showsAttribute(strings.Fields(g.family.Scope), name)
}

// showsAttribute reports whether scopes show an attribute. openid alone shows all of them, as
// does the service. profile shows all but the addresses, custom attributes too.
func showsAttribute(scopes []string, name string) bool {
	profile, email, phone := slices.Contains(scopes, scopeProfile), slices.Contains(scopes, scopeEmail), slices.Contains(scopes, scopePhone)
	if !profile && !email && !phone {
		return slices.Contains(scopes, scopeOpenID)
	}
	switch name {
	case "email", "email_verified":
		return email
	case "phone_number", "phone_number_verified":
		return phone
	}
	return profile
}

// signID signs the ID token that goes with an access token. There is none for an application
// without the scope openid.
func (s *scope) signID(id *claims, g *grant, access Secret, now time.Time) (Secret, error) {
	if !g.family.OAuth {
		return s.sign(id, now)
	}
	if !slices.Contains(strings.Fields(g.family.Scope), scopeOpenID) {
		return "", nil
	}
	hash, err := accessHash(s.ring.signer(string(id.use), now).Algorithm(), access)
	if err != nil {
		return "", err
	}
	id.str("at_hash", hash)
	return s.sign(id, now)
}

// accessHash is the claim at_hash: the left half of a hash of the access token, by the
// algorithm that signs the ID token (OpenID Connect Core, section 3.1.3.6).
func accessHash(alg token.Algorithm, access Secret) (string, error) {
	var sum []byte
	switch alg {
	case token.RS256, token.ES256:
		h := sha256.Sum256([]byte(access))
		sum = h[:]
	case token.EdDSA: // Ed25519 hashes by SHA-512
		h := sha512.Sum512([]byte(access))
		sum = h[:]
	default:
		return "", fmt.Errorf("%w: the algorithm %s", errUnhandled, alg)
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]), nil
}

// UserInfo returns what the scopes of the access token show of the user: attributes, with the
// sub among them, and the name of the user as "username". It returns [ErrInsufficientScope] for a token without the
// scope openid, such as one that no authorization server has given.
func (s *Session) UserInfo() (map[string]string, error) {
	scopes := strings.Fields(s.claims.Scope)
	if !slices.Contains(scopes, scopeOpenID) {
		return nil, ErrInsufficientScope
	}
	info := map[string]string{}
	for name, value := range visible(&s.pool.Settings, &s.client.Settings, s.user) {
		if showsAttribute(scopes, name) {
			info[name] = value
		}
	}
	info["sub"], info["username"] = s.user.Sub, s.user.Username
	return info, nil
}
