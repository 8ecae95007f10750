package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	return &family{
		Pool: s.pool.ID, Sub: sub, ID: id, Client: s.client.ID, EventID: event, AuthTime: now,
		Expires: now.Add(s.client.Settings.RefreshTokenLife()), Scope: scopeAdmin,
	}, nil
}

// issue signs the tokens of a sign-in. The refresh token is left out unless asked for.
func (s *scope) issue(ctx context.Context, u *User, in []*Group, f *family, refresh bool) (*Tokens, error) {
	r, err := s.engine.signing(ctx, s.pool, s.ring)
	if err != nil {
		return nil, err
	}
	s.ring = r
	in = fitting(in)
	now := s.engine.now()
	iss := s.engine.Issuer(ctx, s.pool)
	access, err := s.accessToken(u, in, f, iss, now)
	if err != nil {
		return nil, err
	}
	id, err := s.idToken(u, in, f, iss, now)
	if err != nil {
		return nil, err
	}
	t := &Tokens{Access: Secret(access), ID: Secret(id), ExpiresIn: s.client.Settings.AccessTokenLife()}
	if refresh {
		t.Refresh, err = s.refreshToken(f)
	}
	return t, err
}

func (s *scope) accessToken(u *User, in []*Group, f *family, iss string, now time.Time) (string, error) {
	c, err := s.commonClaims(u, in, f, iss, "access", now, s.client.Settings.AccessTokenLife())
	if err != nil {
		return "", err
	}
	c.str("client_id", s.client.ID)
	c.str("scope", f.Scope)
	c.str("username", u.Username)
	return s.ring.signer("access", now).Sign(c.done())
}

func (s *scope) idToken(u *User, in []*Group, f *family, iss string, now time.Time) (string, error) {
	c, err := s.commonClaims(u, in, f, iss, "id", now, s.client.Settings.IDTokenLife())
	if err != nil {
		return "", err
	}
	c.str("aud", s.client.ID)
	c.str("cognito:username", u.Username)
	c.roles(in)
	for _, name := range sortedKeys(u.Attributes) {
		if s.settings.Readable(&s.client.Settings, name) {
			c.attribute(name, u.Attributes[name])
		}
	}
	return s.ring.signer("id", now).Sign(c.done())
}

// commonClaims are those that both tokens of a sign-in have.
func (s *scope) commonClaims(u *User, in []*Group, f *family, iss, use string, now time.Time, life time.Duration) (*claims, error) {
	jti, err := s.engine.uuid()
	if err != nil {
		return nil, err
	}
	c := newClaims()
	c.str("sub", u.Sub)
	if len(in) > 0 {
		c.list("cognito:groups", groupNames(in))
	}
	c.str("iss", iss)
	s.origin(c, f)
	c.str("token_use", use)
	c.num("auth_time", f.AuthTime.Unix())
	c.num("exp", now.Add(life).Unix())
	c.num("iat", now.Unix())
	c.str("jti", jti)
	return c, nil
}

// origin writes what ties a token to its sign-in. A client whose tokens neither
// can be revoked nor rotate has no origin_jti; the event id then names the family.
func (s *scope) origin(c *claims, f *family) {
	if !s.client.Settings.HasOriginID() {
		c.str("event_id", f.ID)
		return
	}
	c.str("origin_jti", f.ID)
	c.str("event_id", f.EventID)
}

// claims builds the payload of a token, in the order of its calls.
type claims struct{ buf []byte }

func newClaims() *claims { return &claims{append(make([]byte, 0, 1024), '{')} }

func (c *claims) raw(name string, value []byte) {
	if len(c.buf) > 1 {
		c.buf = append(c.buf, ',')
	}
	c.buf = append(append(append(c.buf, quote(name)...), ':'), value...)
}

func (c *claims) str(name, value string) { c.raw(name, quote(value)) }

func (c *claims) list(name string, values []string) {
	words := make([][]byte, len(values))
	for i, v := range values {
		words[i] = quote(v)
	}
	c.raw(name, slices.Concat([]byte{'['}, bytes.Join(words, []byte{','}), []byte{']'}))
}

func (c *claims) num(name string, n int64) { c.raw(name, strconv.AppendInt(nil, n, 10)) }

// attribute writes an attribute of the user in the type that its claim has.
func (c *claims) attribute(name, value string) {
	switch name {
	case "email_verified", "phone_number_verified":
		c.raw(name, strconv.AppendBool(nil, value == "true"))
	case "updated_at":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			c.num(name, n)
		}
	case "address":
		c.raw(name, append(append([]byte(`{"formatted":`), quote(value)...), '}'))
	case "sub", "identities":
	default:
		c.str(name, value)
	}
}

func (c *claims) done() []byte { return append(c.buf, '}') }

// quote is s as a JSON string.
func quote(s string) []byte {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return out
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
