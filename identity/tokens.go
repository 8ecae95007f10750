package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/token"
)

// The tokens of a sign-in. newFamily makes the record of the sign-in, which the
// flow commits together with whatever else the sign-in changes. Only after that
// commit issue signs the access token and the ID token (claims.go) and seals the
// refresh token. It writes nothing: all three name the family, and are valid only
// as long as the family stands.

// Tokens are what a sign-in gives.
type Tokens struct {
	Access    Secret        // for APIs, this one's among them
	ID        Secret        // about the user, for the application
	Refresh   Secret        // for new tokens; empty after a refresh that does not rotate
	ExpiresIn time.Duration // life of the access token
}

// scopeAdmin lets a user manage the own account with an access token.
const scopeAdmin = "aws.cognito.signin.user.admin"

// newFamily makes the record of a sign-in, before it is committed.
func (s *scope) newFamily(sub string, now time.Time) (*family, error) {
	id, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	event, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	f := &family{
		Pool: s.pool.ID, Sub: sub, ID: id, Client: s.client.ID, EventID: event, AuthTime: now,
		Expires: now.Add(s.client.Settings.RefreshTokenLife()), Scope: scopeAdmin,
	}
	f.use(s.settings.IdleLife(&s.client.Settings), now)
	return f, nil
}

// A grant describes the tokens of a sign-in: what they say beside what the pool
// and the client say. What a sign-in newly tells is one field here, set from
// the family in newGrant, and one line in claims, accessClaims or idClaims.
type grant struct {
	user     *User
	groups   []*Group
	family   *family
	refresh  bool     // a refresh token is among the tokens
	scope    string   // scope of the access token
	audience string   // aud of the access token, the resource it is bound to; empty for none
	nonce    string   // nonce of the ID token; empty for none
	amr      []string // methods that proved the user; nil for a sign-in that does not tell
	acr      string   // level that they reach; empty for a sign-in that does not tell
	device   string   // device_key of the access token; empty for none

	// What the hook before the tokens changes in each of them.
	accessChanges, idChanges hook.Claims
}

// newGrant returns the grant of a sign-in, with as many of the user's groups as fit.
func newGrant(u *User, in []*Group, f *family) *grant {
	return &grant{user: u, groups: fitting(in), family: f, scope: f.Scope}
}

// issue signs the tokens of a grant. It writes nothing: the family was
// committed before. For each token it lists the claims, applies the changes of
// the hook, encodes and signs.
func (s *scope) issue(ctx context.Context, g *grant) (*Tokens, error) {
	r, err := s.engine.signing(ctx, s.pool, s.ring)
	if err != nil {
		return nil, err
	}
	s.ring = r
	now := s.engine.now()
	iss := s.engine.Issuer(ctx, s.pool)
	access, err := s.accessClaims(g, iss, now)
	if err != nil {
		return nil, err
	}
	id, err := s.idClaims(g, iss, now)
	if err != nil {
		return nil, err
	}
	t := &Tokens{ExpiresIn: s.client.Settings.AccessTokenLife()}
	if t.Access, err = s.sign(access, g.accessChanges, now); err != nil {
		return nil, err
	}
	if t.ID, err = s.sign(id, g.idChanges, now); err != nil {
		return nil, err
	}
	if g.refresh {
		t.Refresh, err = s.refreshToken(g.family)
	}
	return t, err
}

// sign applies the changes of a hook to the claims of a token, and signs them.
func (s *scope) sign(c *claims, changes hook.Claims, now time.Time) (Secret, error) {
	if err := c.apply(changes); err != nil {
		return "", err
	}
	payload, err := c.encode()
	if err != nil {
		return "", err
	}
	raw, err := s.ring.signer(string(c.use), now).Sign(payload)
	return Secret(raw), err
}

func (s *scope) accessClaims(g *grant, iss string, now time.Time) (*claims, error) {
	c := newClaims(token.UseAccess, 0)
	if err := s.commonClaims(c, g, iss, now, s.client.Settings.AccessTokenLife()); err != nil {
		return nil, err
	}
	c.str("client_id", s.client.ID)
	c.str("scope", g.scope)
	c.str("username", g.user.Username)
	c.option("aud", g.audience)
	c.option("device_key", g.device)
	return c, nil
}

func (s *scope) idClaims(g *grant, iss string, now time.Time) (*claims, error) {
	c := newClaims(token.UseID, len(g.user.Attributes))
	if err := s.commonClaims(c, g, iss, now, s.client.Settings.IDTokenLife()); err != nil {
		return nil, err
	}
	c.str("aud", s.client.ID)
	c.str("cognito:username", g.user.Username)
	c.option("nonce", g.nonce)
	c.roles(g.groups)
	for _, name := range sortedKeys(g.user.Attributes) {
		if s.settings.Readable(&s.client.Settings, name) {
			c.attribute(name, g.user.Attributes[name])
		}
	}
	return c, nil
}

// commonClaims adds the claims that both tokens of a sign-in have.
func (s *scope) commonClaims(c *claims, g *grant, iss string, now time.Time, life time.Duration) error {
	jti, err := s.engine.uuid()
	if err != nil {
		return err
	}
	c.str("sub", g.user.Sub)
	c.words("cognito:groups", groupNames(g.groups))
	c.str("iss", iss)
	s.origin(c, g.family)
	c.str("token_use", string(c.use))
	c.num("auth_time", g.family.AuthTime.Unix())
	c.num("exp", now.Add(life).Unix())
	c.num("iat", now.Unix())
	c.str("jti", jti)
	c.words("amr", g.amr)
	c.option("acr", g.acr)
	return nil
}

// origin adds what ties a token to its sign-in. A client whose tokens neither
// can be revoked nor rotate has no origin_jti; the event id then names the family.
func (s *scope) origin(c *claims, f *family) {
	if !s.settings.HasOriginID(&s.client.Settings) {
		c.str("event_id", f.ID)
		return
	}
	c.str("origin_jti", f.ID)
	c.str("event_id", f.EventID)
}

// refreshClaims are what a refresh token says to us; to others it is opaque.
type refreshClaims struct {
	Sub        string `json:"s"`
	Family     string `json:"f"`
	Client     string `json:"c"`
	Generation int    `json:"g,omitempty"`
	Expires    int64  `json:"e"` // Unix milliseconds
}

func (s *scope) refreshToken(f *family) (Secret, error) {
	plain, err := json.Marshal(refreshClaims{f.Sub, f.ID, f.Client, f.Generation, f.Expires.UnixMilli()})
	if err != nil {
		return "", err
	}
	return Secret(s.ring.refresh.SealJWE(plain)), nil
}

// openRefresh reads a refresh token of the pool.
func (s *scope) openRefresh(raw Secret) (*refreshClaims, error) {
	plain, err := s.ring.refresh.OpenJWE(string(raw))
	if err != nil {
		return nil, ErrInvalidRefreshToken
	}
	c := &refreshClaims{}
	if err := json.Unmarshal(plain, c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRefreshToken, err)
	}
	return c, nil
}

// looksSigned tells a JWS, which an access or ID token is, from a refresh token.
func looksSigned(raw Secret) bool { return strings.Count(string(raw), ".") == 2 }
