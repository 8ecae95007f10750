package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// A sign-in on pages ends with a browser that is signed in to the pool, and with no tokens. It
// is a family as any other sign-in is, so that whatever ends sign-ins ends browsers too. Its
// cookie is a sealed string that names the family. The applications of the browser then get
// tokens by way of authorization codes (authorization.go), each by a family of its own, whose
// Parent is the browser.

// browserLife is how long a browser stays signed in at least.
const browserLife = time.Hour

// BrowserLife is how long a browser stays signed in: an hour, or in a pool that tracks sessions the
// largest SSOMinutes that a client was ever given, if that is longer. A client may take the sign-in
// for a shorter time, see [Browser].
func (p *PoolInfo) BrowserLife() time.Duration {
	if !p.Settings.TracksSessions() {
		return browserLife
	}
	return max(browserLife, time.Duration(p.SSOMinutes)*time.Minute)
}

// admitSSO lets browsers of the pool stay signed in for as long as a client takes them.
func admitSSO(tx store.Tx, pool *PoolInfo, c *ClientSettings) error {
	if c.SSOMinutes == nil || *c.SSOMinutes <= max(pool.SSOMinutes, int(browserLife/time.Minute)) {
		return nil
	}
	more := *pool
	more.SSOMinutes = *c.SSOMinutes
	return pools.Put(tx, &more)
}

// stateBrowser binds the cookie of a browser.
const stateBrowser = "browser"

// browserCookie is the content of the cookie of a browser, which is sealed with a key of the pool.
type browserCookie struct {
	Sub    string `json:"s"`
	Family string `json:"f"`
}

// Pages returns the app client for sign-in pages that your own server shows to people. It
// differs from the client in this:
//
//   - A sign-in ends with [SignInResult].Browser in place of tokens: a string for a cookie of
//     the browser. It is valid for the [PoolInfo.BrowserLife] of the pool. See [AppClient.Browser] and [AppClient.Authorization].
//   - Sign-ins by password need no flow of the client, and nothing needs its secret.
//   - Sign-ins are not on a device.
//   - The hook PreTokenGeneration does not run before an application gets tokens.
//
// A challenge of pages can be answered only by [AppClient.Pages] of the same client.
func (a *AppClient) Pages() *AppClient {
	pages := *a
	pages.pages = true
	return &pages
}

// sealBrowser makes the cookie of a browser.
func (s *scope) sealBrowser(f *family) (Secret, error) {
	plain, err := json.Marshal(browserCookie{f.Sub, f.ID})
	if err != nil {
		return "", err
	}
	return Secret(s.ring.state.Seal(plain, s.bindBrowser())), nil
}

// bindBrowser binds a cookie to its pool: all clients of a pool share the browsers.
func (s *scope) bindBrowser() []byte { return []byte(store.Key(stateBrowser, s.pool.ID)) }

// A Browser is a browser that is signed in to a pool.
type Browser struct {
	// User is who is signed in, with all attributes.
	User *User
	// AuthTime is when the user signed in.
	AuthTime time.Time
	// Age is how long ago that was, by the clock of the engine.
	Age time.Duration
	// Client is the id of the app client on whose page the user signed in.
	Client string
	// Provider is the identity provider that the user has signed in by. "" for a sign-in with what the user has in the pool.
	Provider string
	// Reusable reports whether the client that asks takes the sign-in without asking the user again: it
	// is not older than the SSOMinutes of the client, and was used within its IdleHours.
	Reusable bool

	scope  *scope
	family *family
}

// Browser returns the browser that a cookie names. It returns [ErrNotSignedIn] for a cookie
// that is malformed, of another pool, or too old, and after the sign-in was ended.
func (a *AppClient) Browser(ctx context.Context, cookie Secret) (*Browser, error) {
	b := &Browser{}
	s, err := a.loadWith(ctx, func(r store.Reader, s *scope) (err error) {
		b.scope = s
		return b.read(r, cookie)
	})
	if err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	now := s.engine.now()
	if err := b.standing(now); err != nil {
		return nil, fmt.Errorf("browser: %w", err)
	}
	b.Age, b.Reusable = now.Sub(b.AuthTime), b.reusable(now)
	return b, nil
}

// read reads what a cookie names. It reads nothing for a cookie that means nothing.
func (b *Browser) read(r store.Reader, cookie Secret) error {
	b.User, b.family = nil, nil
	plain, err := b.scope.ring.state.Open(string(cookie), b.scope.bindBrowser())
	if err != nil {
		return nil //nolint:nilerr // standing tells
	}
	var c browserCookie
	if err := json.Unmarshal(plain, &c); err != nil {
		return nil //nolint:nilerr // standing tells
	}
	return b.readFamily(r, c.Sub, c.Family)
}

// readFamily reads the user and the family of a browser.
func (b *Browser) readFamily(r store.Reader, sub, id string) (err error) {
	b.User, b.family, _, err = readSignIn(r, b.scope.pool.ID, &refreshClaims{Sub: sub, Family: id})
	if err == nil && b.family != nil {
		b.AuthTime, b.Client, b.Provider = b.family.AuthTime, b.family.Client, b.family.Provider
	}
	return err
}

// standing returns an error unless the browser is signed in.
func (b *Browser) standing(now time.Time) error {
	switch f := b.family; {
	case b.User == nil, b.User.Disabled, f == nil, !f.Browser, f.ended(b.User), !now.Before(f.Expires):
		return ErrNotSignedIn
	}
	return nil
}

// reusable reports whether the client of the scope takes the sign-in without asking again.
func (b *Browser) reusable(now time.Time) bool {
	s, f := b.scope, b.family
	life, idle := s.settings.SSOLife(&s.client.Settings), s.settings.IdleLife(&s.client.Settings)
	if idle > 0 && f.onRecord() && !now.Before(f.Active.Add(idle)) {
		return false
	}
	return life > 0 && now.Before(b.AuthTime.Add(life))
}

// gives returns an error unless the client of the scope gets something for the user: the sign-in is
// reusable, or the user has just signed in for the client, which may take no older sign-in. It also returns one if another user is
// signed in than sub, unless that is empty.
func (b *Browser) gives(sub string, now time.Time) error {
	if err := b.standing(now); err != nil {
		return err
	}
	if now.Sub(b.AuthTime).Abs() >= codeLife && !b.reusable(now) {
		return ErrNotSignedIn
	}
	if sub != "" && b.User.Sub != sub {
		return fmt.Errorf("%w: another user is", ErrNotSignedIn)
	}
	return nil
}

// use records a use of a browser that is on record. Its address stays that of the sign-in: an
// application may ask from a server.
func (b *Browser) use(tx store.Tx, now time.Time) error {
	f := b.family
	if !b.scope.settings.TracksSessions() || now.Sub(f.Active).Abs() < useStep {
		return nil
	}
	used := *f
	if !used.onRecord() {
		used.Begun = used.AuthTime
	}
	used.Active = now
	return families.Put(tx, &used)
}

// Session returns the session of the user who is signed in to the browser, for a page on which users
// manage their account. It acts as the session of an access token with all rights over its user.
func (b *Browser) Session() *Session {
	f, s := b.family, b.scope
	return &Session{
		engine: s.engine, pool: s.pool, client: s.client, user: b.User, ring: s.ring,
		claims:   &token.Claims{Subject: f.Sub, OriginID: f.ID, ClientID: s.client.ID, Username: b.User.Username, Use: token.UseAccess, Scope: scopeAdmin, AuthTime: f.AuthTime},
		authTime: f.AuthTime, amr: f.credits(), level: f.level(), acr: f.ACR,
	}
}

// SignOut ends the sign-in of the browser. Applications that got tokens through it stay
// signed in. It is no error if the sign-in has ended before.
func (b *Browser) SignOut(ctx context.Context) error {
	s := b.scope
	ev, err := s.proved(ctx, b.User.Sub, EventSignInRevoked, s.engine.now())
	if err != nil {
		return fmt.Errorf("sign the browser out: %w", err)
	}
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		was, err := families.Delete(tx, families.Key(b.family))
		if err != nil || !was {
			return err
		}
		return events.Insert(tx, ev)
	})
	if err != nil {
		return fmt.Errorf("sign the browser out: %w", err)
	}
	return nil
}
