package identity

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
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

// shows reports whether the ID token of a family has an attribute.
func (s *scope) shows(f *family, name string) bool {
	return !f.OAuth || f.Claims != nil && slices.Contains(f.Claims.ID, name) || showsAttribute(s.settings, strings.Fields(f.Scope), name)
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

// showsAttribute reports whether scopes show an attribute. profile shows all but the addresses,
// custom attributes too. openid alone shows all of them, as does the service, or none of them in
// a pool with the setting OpenID.
func showsAttribute(set *PoolSettings, scopes []string, name string) bool {
	profile, email, phone := slices.Contains(scopes, scopeProfile), slices.Contains(scopes, scopeEmail), slices.Contains(scopes, scopePhone)
	if !profile && !email && !phone {
		return slices.Contains(scopes, scopeOpenID) && !set.FollowsOpenID()
	}
	switch name {
	case "email", "email_verified":
		return email
	case "phone_number", "phone_number_verified":
		return phone
	}
	return profile
}

// askable is what a request for claims may get: attributes that the client may read, once each.
func (s *scope) askable(in ClaimsRequest) (out ClaimsRequest) {
	if !s.settings.FollowsOpenID() {
		return out
	}
	for _, a := range s.settings.Attributes() {
		if !s.settings.Readable(&s.client.Settings, a.Name) {
			continue
		}
		if slices.Contains(in.ID, a.Name) {
			out.ID = append(out.ID, a.Name)
		}
		if slices.Contains(in.UserInfo, a.Name) {
			out.UserInfo = append(out.UserInfo, a.Name)
		}
	}
	return out
}

func (c ClaimsRequest) orNil() *ClaimsRequest {
	if len(c.ID)+len(c.UserInfo) == 0 {
		return nil
	}
	return &c
}

// UserInfo returns what the access token shows of the user, as a JSON object: the attributes of its scopes, and
// those that were asked for one by one, with the sub, and the name of the user as "username". All values
// are strings, as the service's are; in pools with the setting OpenID they have the types of OpenID Connect
// Core, section 5.1. It returns [ErrInsufficientScope] for a token without the scope openid, such
// as one that no authorization server has given.
func (s *Session) UserInfo() (json.RawMessage, error) {
	scopes := strings.Fields(s.claims.Scope)
	if !slices.Contains(scopes, scopeOpenID) {
		return nil, ErrInsufficientScope
	}
	typed, c := s.pool.Settings.FollowsOpenID(), &claims{}
	add := c.str
	if typed {
		add = c.attribute
	}
	c.str("sub", s.user.Sub)
	for _, name := range sortedKeys(s.user.Attributes) {
		asked := s.asked != nil && slices.Contains(s.asked.UserInfo, name)
		if name != "sub" && s.pool.Settings.Readable(&s.client.Settings, name) && (asked || showsAttribute(&s.pool.Settings, scopes, name)) {
			add(name, s.user.Attributes[name])
		}
	}
	if text := s.user.IdentitiesAttribute(); text != "" && typed {
		c.raw("identities", text)
	} else {
		c.option("identities", text)
	}
	c.str("username", s.user.Username)
	return c.encode()
}
