package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

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
	ID        Secret        // about the user, for the application; empty if the application has not asked for the scope openid
	Refresh   Secret        // for new tokens; empty after a refresh that does not rotate
	ExpiresIn time.Duration // life of the access token
	// Scope is the claim scope of the access token, with the changes of hooks, for an answer by OAuth 2.0 (RFC 6749, section
	// 5.1). It is empty in pools without the setting OpenID: the service says nothing of scopes.
	Scope string
	// NewDevice is the device of a sign-in, if the pool tracks devices and the client has named
	// none: confirm it with [Session.ConfirmDevice], or its sign-in cannot be refreshed. Nil otherwise.
	NewDevice *NewDevice
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
	s.note(f, now)
	if s.pages {
		f.Scope, f.Browser, f.Expires = "", true, now.Add(s.pool.BrowserLife())
		return f, nil
	}
	f.use(s.settings.IdleLife(&s.client.Settings), now)
	return f, s.place(f)
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

	// What the hook before the tokens changes.
	accessChanges, idChanges hook.Claims
	groupChanges             *hook.GroupOverride // nil for nothing
}

// newGrant returns the grant of a sign-in, with as many of the user's groups as fit.
func newGrant(u *User, in []*Group, f *family) *grant {
	g := &grant{user: u, groups: fitting(in), family: f, scope: f.Scope, audience: f.Audience, device: f.Device}
	if f.ACR != "" {
		g.amr, g.acr = f.AMR, f.ACR
	}
	return g
}

// changed makes the changes of the hooks before the tokens.
func (g *grant) changed(d *hook.PreTokenGenerationDecision) (*grant, error) {
	if d == nil {
		return g, nil
	}
	again := *g
	again.accessChanges, again.idChanges, again.groupChanges = d.Access, d.ID, d.Groups
	scopes := strings.Fields(g.scope)
	for _, name := range d.AddScopes {
		if name == "" || strings.ContainsFunc(name, unicode.IsSpace) || strings.HasPrefix(name, "aws.cognito") {
			return nil, fmt.Errorf("scope %q: %w", name, errScope)
		}
		if !slices.Contains(scopes, name) {
			scopes = append(scopes, name)
		}
	}
	again.scope = strings.Join(slices.DeleteFunc(scopes, func(name string) bool { return slices.Contains(d.SuppressScopes, name) }), " ")
	return &again, nil
}

var errScope = errors.New("a hook cannot add this scope")

// groupNames are the groups that the tokens name.
func (g *grant) groupNames() []string {
	if g.groupChanges != nil {
		return g.groupChanges.Names
	}
	return groupNames(g.groups)
}

// roles are the roles that the ID token names, and the preferred one.
func (g *grant) roles() ([]string, string) {
	if g.groupChanges != nil {
		return g.groupChanges.Roles, g.groupChanges.PreferredRole
	}
	return rolesOf(g.groups)
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
	access, id, err := s.claims(ctx, g, now)
	if err != nil {
		return nil, err
	}
	t := &Tokens{ExpiresIn: s.client.Settings.AccessTokenLife(), Scope: s.told(access)}
	if t.Access, err = s.sign(access, now); err != nil {
		return nil, err
	}
	if t.ID, err = s.signID(id, g, t.Access, now); err != nil {
		return nil, err
	}
	if g.refresh {
		t.Refresh, err = s.refreshToken(g.family)
	}
	return t, err
}

// told is what the answer with an access token says of its scopes.
func (s *scope) told(access *claims) string {
	if !s.settings.FollowsOpenID() {
		return ""
	}
	return access.textOf("scope")
}

// tryClaims returns an error if the hooks before the tokens have changed what cannot be
// changed so.
func (s *scope) tryClaims(ctx context.Context, g *grant) error {
	access, id, err := s.claims(ctx, g, s.engine.now())
	if err != nil {
		return err
	}
	for _, c := range []*claims{access, id} {
		payload, err := c.encode()
		if err != nil {
			return err
		}
		if len(payload) > maxClaims {
			return errClaimsTooLarge
		}
	}
	return nil
}

// maxClaims is how large the claims of a token may become by the changes of hooks, in
// bytes: more does not fit into the headers of a request.
const maxClaims = 16 << 10

var errClaimsTooLarge = errors.New("the claims are too large")

// claims lists the claims of both tokens, with the changes of the hooks.
func (s *scope) claims(ctx context.Context, g *grant, now time.Time) (access, id *claims, err error) {
	if g, err = g.changed(s.changes); err != nil {
		return nil, nil, err
	}
	iss := s.engine.Issuer(ctx, s.pool)
	if access, err = s.accessClaims(g, iss, now); err != nil {
		return nil, nil, err
	}
	if id, err = s.idClaims(g, iss, now); err != nil {
		return nil, nil, err
	}
	if err := access.apply(g.accessChanges); err != nil {
		return nil, nil, err
	}
	return access, id, id.apply(g.idChanges)
}

// sign signs the claims of a token.
func (s *scope) sign(c *claims, now time.Time) (Secret, error) {
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
	if g.family.OAuth {
		c.num("version", tokenVersion)
	}
	c.str("client_id", s.client.ID)
	c.option("scope", g.scope)
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
	if f := g.family; f.OAuth && f.Parent != "" && s.client.Settings.ToldOfLogouts() {
		c.str("sid", sessionID(browserSession, f.Parent))
	}
	roles, preferred := g.roles()
	c.words("cognito:roles", roles)
	c.option("cognito:preferred_role", preferred)
	for _, name := range sortedKeys(g.user.Attributes) {
		if s.settings.Readable(&s.client.Settings, name) && s.shows(g.family, name) {
			c.attribute(name, g.user.Attributes[name])
		}
	}
	if len(g.user.Identities) == 0 {
		return c, nil
	}
	text, err := g.user.identitiesClaim()
	c.raw("identities", text)
	return c, err
}

// commonClaims adds the claims that both tokens of a sign-in have.
func (s *scope) commonClaims(c *claims, g *grant, iss string, now time.Time, life time.Duration) error {
	jti, err := s.engine.uuid()
	if err != nil {
		return err
	}
	c.str("sub", g.user.Sub)
	c.words("cognito:groups", g.groupNames())
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
	Device     string `json:"d,omitempty"`
	Expires    int64  `json:"e"` // Unix milliseconds
}

func (s *scope) refreshToken(f *family) (Secret, error) {
	plain, err := json.Marshal(refreshClaims{f.Sub, f.ID, f.Client, f.Generation, f.Device, f.Expires.UnixMilli()})
	if err != nil {
		return "", err
	}
	return Secret(s.ring.refresh.SealJWE(plain)), nil
}

// openRefresh reads a refresh token of the pool.
func (r *ring) openRefresh(raw Secret) (*refreshClaims, error) {
	plain, err := r.refresh.OpenJWE(string(raw))
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
