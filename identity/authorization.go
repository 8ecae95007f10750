package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/hook"
	"github.com/cognate-id/cognate/store"
)

// An application asks for authorization (RFC 6749, section 4.1). Authorization checks the
// request against the settings of the client, before anybody is asked to sign in. Code then
// inserts a record that binds a code to the client, to the redirect URI, to the challenge of PKCE and to
// the browser. Exchange (exchange.go) makes a sign-in of it.

// The grants of a client, which its settings OAuthFlows allow.
const (
	GrantCode              = "code"
	GrantImplicit          = "implicit"
	GrantClientCredentials = "client_credentials"
)

// The scopes that are not of a resource server.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopePhone   = "phone"
)

const (
	codeLife          = 5 * time.Minute // of an authorization code, as the service's
	codesOfABrowser   = 20              // that are outstanding at the same moment
	maxNonce          = 2048            // bytes
	minVerifierLength = 43              // RFC 7636, section 4.1
	maxVerifierLength = 128
)

// An AuthorizationRequest is what an application asks the authorization server for.
type AuthorizationRequest struct {
	// Grant is [GrantCode] or [GrantImplicit].
	Grant string
	// RedirectURI is one of the client's CallbackURLs, byte by byte. Empty means the client's DefaultRedirectURI.
	RedirectURI string
	// Scopes are the scopes that are asked for. Nil means all that the client may have.
	Scopes []string
	// Nonce becomes a claim of the ID token. Empty means none.
	Nonce string
	// Challenge is the S256 challenge of PKCE (RFC 7636). Empty means none.
	Challenge string
	// Resource is the aud of access tokens (RFC 8707): the identifier of a resource server of the pool. Empty means none.
	Resource string
	// Claims are asked for one by one. They count in pools with the setting OpenID.
	Claims ClaimsRequest
	// Levels are the names of the levels that the sign-in is to reach, the best first, see LevelNames of [PoolSettings]. Names that
	// the pool does not have are ignored, and on the plan LITE all of them. If none is left, the request names none. Otherwise
	// the tokens tell what was proved, and a browser that has reached none of the levels gets nothing.
	Levels []string
}

// A ClaimsRequest names claims that an application asks for beside those of its scopes
// (OpenID Connect Core, section 5.5). Attributes that the client may not read, and that the
// user does not have, are left out.
type ClaimsRequest struct {
	ID       []string `json:"id,omitempty"`       // in the ID token
	UserInfo []string `json:"userInfo,omitempty"` // in the user info
}

// An Authorization is a request that the settings of the client allow.
type Authorization struct {
	// RedirectURI is where the answer goes.
	RedirectURI string
	// Scopes are what the application gets.
	Scopes []string
	// Subject is the sub of the user who must be signed in. Set it before Code or Tokens; empty means anybody.
	Subject string
	// Levels are those of the request that the pool has, or nil.
	Levels []string
	Pool   *PoolInfo   // that the application belongs to; do not change it
	Client *ClientInfo // of the application; do not change it

	request AuthorizationRequest
	scope   *scope
	levels  []Level // by the names in Levels
}

// Authorization checks a request of an application. It returns
//
//   - [ErrRedirectMismatch] if the redirect URI is not one of the client's: tell the
//     user, and redirect nobody,
//   - [ErrGrantNotAllowed] if the client may not use the grant, or no OAuth at all,
//   - [ErrScopeNotAllowed] for a scope that the client may not have,
//   - [ErrResourceServerNotFound] for a resource that the pool does not have,
//   - [ErrChallengeRequired] if the pool is a safe one, the client has no secret, and there is no challenge,
//   - [ErrInvalidParameter] for a malformed challenge, or a nonce of more than 2,048 bytes.
//
// With all of them but the first, the Authorization has the RedirectURI, where the
// application is told, and gives neither a code nor tokens.
func (a *AppClient) Authorization(ctx context.Context, in AuthorizationRequest) (*Authorization, error) {
	s, exist, err := a.loadScopes(ctx, in.Resource)
	if err != nil {
		return nil, fmt.Errorf("authorization: %w", err)
	}
	auth := &Authorization{Pool: s.pool, Client: s.client, request: in, scope: s}
	if auth.RedirectURI, err = s.redirectURI(in.RedirectURI); err != nil {
		return nil, fmt.Errorf("authorization: %w", err)
	}
	if err := auth.check(exist); err != nil {
		return &Authorization{RedirectURI: auth.RedirectURI, Pool: s.pool, Client: s.client}, fmt.Errorf("authorization: %w", err)
	}
	return auth, nil
}

func (auth *Authorization) check(exist map[string]bool) (err error) {
	s, in := auth.scope, &auth.request
	if err := s.mayGrant(in.Grant); err != nil {
		return err
	}
	if auth.Scopes, err = s.grantedScopes(in.Scopes, exist); err != nil {
		return err
	}
	if len(in.Nonce) > maxNonce {
		return invalid("nonce", "must have at most 2048 bytes")
	}
	if in.Resource != "" && !exist[in.Resource] {
		return &NotFoundError{ErrResourceServerNotFound, in.Resource}
	}
	in.Claims = s.askable(in.Claims)
	auth.levels, auth.Levels = in.namedLevels(s.settings)
	return s.checkChallenge(in.Grant, in.Challenge)
}

// redirectURI returns the redirect URI of a request. They are compared byte by byte
// (RFC 9700, section 2.1), but for the port of the loopback address where the client says so.
func (s *scope) redirectURI(given string) (string, error) {
	c := &s.client.Settings
	if given == "" && c.DefaultRedirectURI != nil {
		given = *c.DefaultRedirectURI
	}
	if given == "" || !slices.Contains(c.CallbackURLs, given) && !(c.AnyLoopbackPort && sameButForPort(given, c.CallbackURLs)) {
		return "", ErrRedirectMismatch
	}
	return given, nil
}

var loopbackPort = regexp.MustCompile(`^(http://(?:127\.0\.0\.1|\[::1\])):([1-9][0-9]{0,4})(/[!-~]*)?$`)

// sameButForPort reports whether one of some URIs is a URI of the loopback address with another port.
func sameButForPort(given string, all []string) bool {
	m := loopbackPort.FindStringSubmatch(given)
	if m == nil || strings.Contains(m[3], "#") {
		return false
	}
	if port, err := strconv.Atoi(m[2]); err != nil || port > 65535 {
		return false
	}
	return slices.ContainsFunc(all, func(known string) bool {
		if known == m[1]+m[3] {
			return true
		}
		k := loopbackPort.FindStringSubmatch(known)
		return k != nil && k[1] == m[1] && k[3] == m[3]
	})
}

// mayGrant returns an error unless the client may use a grant.
func (s *scope) mayGrant(grant string) error {
	if c := &s.client.Settings; !c.OAuth || !slices.Contains(c.OAuthFlows, grant) {
		return ErrGrantNotAllowed
	}
	return nil
}

// loadScopes is load for an application, with the scopes of the client's that resource servers still have, and
// with the resource if there is one.
func (a *AppClient) loadScopes(ctx context.Context, resource string) (s *scope, exist map[string]bool, err error) {
	s, err = a.application().loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		exist, err = resourceScopes(r, s.pool.ID, customScopes(s.client.Settings.OAuthScopes))
		if err != nil || resource == "" {
			return err
		}
		server, err := orNil(resourceServers.Get(r, store.Key(s.pool.ID, resource)))
		if server != nil {
			exist[resource] = true
		}
		return err
	})
	return s, exist, err
}

// application is the client for what an application gets, which is no browser: see [AppClient.Pages].
func (a *AppClient) application() *AppClient {
	return &AppClient{engine: a.engine, pool: a.pool, id: a.id}
}

// grantedScopes returns the scopes of a request, or all of the client's where it names none. A
// scope that its resource server has no longer is left out.
func (s *scope) grantedScopes(given []string, exist map[string]bool) ([]string, error) {
	allowed := s.client.Settings.OAuthScopes
	if len(given) == 0 {
		given = allowed
	}
	var granted []string
	for _, name := range given {
		if !slices.Contains(allowed, name) {
			return nil, ErrScopeNotAllowed
		}
		if !slices.Contains(granted, name) && (exist[name] || isKnownScope(name)) {
			granted = append(granted, name)
		}
	}
	about := []string{scopeProfile, scopeEmail, scopePhone}
	if !slices.Contains(granted, scopeOpenID) && slices.ContainsFunc(granted, func(name string) bool { return slices.Contains(about, name) }) {
		return nil, ErrScopeNotAllowed // they are about the ID token
	}
	return granted, nil
}

// isKnownScope reports whether every pool has a scope.
func isKnownScope(name string) bool { return slices.Contains(knownScopes, name) }

// customScopes are those of scopes that are of a resource server.
func customScopes(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), isKnownScope)
}

// checkChallenge checks the challenge of PKCE. A client without a secret cannot do without
// one in a safe pool (RFC 9700, section 2.1.1).
func (s *scope) checkChallenge(grant, challenge string) error {
	if challenge == "" {
		if grant == GrantCode && s.settings.Defaults == SafeDefaults && len(s.secrets) == 0 {
			return ErrChallengeRequired
		}
		return nil
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge); err != nil || len(raw) != sha256.Size {
		return invalid("code_challenge", "must be a SHA-256 in base64url without padding")
	}
	return nil
}

// An authCode is an authorization code that was not exchanged yet.
type authCode struct {
	Pool      string         `json:"pool"`
	Digest    string         `json:"digest"`
	Client    string         `json:"client"`
	Sub       string         `json:"sub"`
	Browser   string         `json:"browser"` // the family of the browser
	Redirect  string         `json:"redirect"`
	Scopes    []string       `json:"scopes"`
	Nonce     string         `json:"nonce,omitempty"`
	Challenge string         `json:"challenge,omitempty"`
	Resource  string         `json:"resource,omitempty"`
	Claims    *ClaimsRequest `json:"claims,omitempty"`
	ACR       string         `json:"acr,omitempty"` // of the tokens
	Expires   time.Time      `json:"expires"`
}

// digestOf is what a code is stored under. A code has 122 random bits, so it needs no salt.
func digestOf(code Secret) string {
	sum := sha256.Sum256([]byte(code))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Code gives an authorization code for the user who is signed in to a browser. It is valid for
// five minutes, once. At most 20 codes of a browser are outstanding: the oldest give way. Code
// returns [ErrNotSignedIn] as [AppClient.Browser] does, and for a sign-in that is not Reusable, see
// [Browser], unless it is less than five minutes old. It returns [ErrConsentRequired] if the client asks for
// consent and the user has not given it, and a [*LevelError] if the browser has reached none of the Levels.
func (auth *Authorization) Code(ctx context.Context, cookie Secret) (Secret, error) {
	code, err := auth.code(ctx, cookie)
	if err != nil {
		return "", fmt.Errorf("authorization code: %w", err)
	}
	return code, nil
}

func (auth *Authorization) code(ctx context.Context, cookie Secret) (Secret, error) {
	s, in := auth.scope, &auth.request
	if s == nil || in.Grant != GrantCode {
		return "", ErrGrantNotAllowed
	}
	raw, err := s.engine.uuid()
	if err != nil {
		return "", err
	}
	b, now := &Browser{scope: s}, s.engine.now()
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := b.read(tx, cookie); err != nil {
			return err
		}
		if err := b.gives(auth.Subject, now); err != nil {
			return err
		}
		if err := auth.consented(tx, b); err != nil {
			return err
		}
		acr, err := auth.acr(tx, b)
		if err != nil {
			return err
		}
		if err := b.dropOldCodes(tx); err != nil {
			return err
		}
		return authCodes.Insert(tx, &authCode{
			Pool: s.pool.ID, Digest: digestOf(Secret(raw)), Client: s.client.ID, Sub: b.User.Sub, Browser: b.family.ID,
			Redirect: auth.RedirectURI, Scopes: auth.Scopes, Nonce: in.Nonce, Challenge: in.Challenge, Resource: in.Resource,
			Claims: in.Claims.orNil(), ACR: acr, Expires: now.Add(codeLife),
		})
	})
	return Secret(raw), err
}

// dropOldCodes makes room for a code of the browser.
func (b *Browser) dropOldCodes(tx store.Tx) error {
	var keys []string
	for key, err := range authCodes.ScanIndex(tx, authCodesByBrowser, store.Prefix(b.family.Pool, b.family.Sub, b.family.ID)) {
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	for i := range max(0, len(keys)-codesOfABrowser+1) {
		if _, err := authCodes.Delete(tx, keys[i]); err != nil {
			return err
		}
	}
	return nil
}

// Tokens gives tokens at once, by the implicit grant, for the user who is signed in to a
// browser. There is no refresh token. It returns the errors of [Authorization.Code].
func (auth *Authorization) Tokens(ctx context.Context, cookie Secret) (*Tokens, error) {
	t, err := auth.tokens(ctx, cookie)
	if err != nil {
		return nil, fmt.Errorf("implicit grant: %w", err)
	}
	return t, nil
}

func (auth *Authorization) tokens(ctx context.Context, cookie Secret) (*Tokens, error) {
	s, in := auth.scope, &auth.request
	if s == nil || in.Grant != GrantImplicit {
		return nil, ErrGrantNotAllowed
	}
	b, now := &Browser{scope: s}, s.engine.now()
	var groups []*Group
	var acr string
	err := s.engine.store.View(ctx, func(r store.Reader) (err error) {
		if err := b.read(r, cookie); err != nil {
			return err
		}
		if err := b.gives(auth.Subject, now); err != nil {
			return err
		}
		if acr, err = auth.acr(r, b); err != nil {
			return err
		}
		if err := auth.consented(r, b); err != nil {
			return err
		}
		groups, err = b.User.memberships(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	f, err := b.grant(&authCode{Scopes: auth.Scopes, Resource: in.Resource, Claims: in.Claims.orNil(), ACR: acr}, now)
	if err != nil {
		return nil, err
	}
	f.Expires = now.Add(s.client.Settings.AccessTokenLife())
	g := newGrant(b.User, groups, f)
	g.nonce = in.Nonce
	return b.give(ctx, g, now, func(store.Tx) error { return nil })
}

// grant makes the family of an application's tokens, before it is committed.
func (b *Browser) grant(c *authCode, now time.Time) (*family, error) {
	f, err := b.scope.newFamily(b.User.Sub, now)
	if err != nil {
		return nil, err
	}
	f.AuthTime, f.Kept, f.OAuth, f.Parent = b.AuthTime, b.family.Kept, true, b.family.ID
	f.AMR, f.ACR = b.family.AMR, c.ACR
	f.Provider, f.Level = b.family.Provider, b.family.Level
	f.Claims = c.Claims
	if f.onRecord() && b.family.onRecord() { // the call may come from a server of the application
		f.Agent, f.IP = b.family.Agent, b.family.IP
	}
	f.Scope, f.Audience, f.Device, f.DeviceGroup = strings.Join(c.Scopes, " "), c.Resource, "", ""
	return f, nil
}

// give commits the family of a grant, together with what fn writes, and signs its tokens. A
// hook that refuses leaves nothing.
func (b *Browser) give(ctx context.Context, g *grant, now time.Time, fn func(store.Tx) error) (*Tokens, error) {
	s, f := b.scope, g.family
	if err := s.points().callable(PreTokenGeneration, PreTokenGenerationV1); err != nil {
		return nil, err
	}
	if err := s.changeTokens(ctx, hook.TokensOfPages, g); err != nil {
		return nil, err
	}
	ev, err := s.proved(ctx, f.Sub, EventTokensGranted, now)
	if err != nil {
		return nil, err
	}
	ev = ev.with(dataScopes, f.Scope)
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		again := &Browser{scope: s}
		if err := again.readFamily(tx, f.Sub, f.Parent); err != nil {
			return err
		}
		if err := again.standing(now); err != nil {
			return err
		}
		if err := again.use(tx, now); err != nil {
			return err
		}
		if err := families.Insert(tx, f); err != nil {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return nil, err
	}
	if err := s.boundSignIns(ctx, f, now); err != nil {
		s.engine.log.ErrorContext(ctx, "old sign-ins not ended", "pool", f.Pool, "sub", f.Sub, "error", err) // the sign-in is committed
	}
	return s.issue(ctx, g)
}
