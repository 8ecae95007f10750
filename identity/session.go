package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// A session is made of an access token. Session.read reads pool, keys, client,
// user and sign-in in one round trip, by what the unverified claims say. Then the
// signature and the time are verified, and whether the sign-in still stands.
// Nothing that was read is used before that.

// A Session is a signed-in user: what the holder of an access token may do.
type Session struct {
	engine *Engine
	pool   *PoolInfo
	client *ClientInfo
	user   *User
	claims *token.Claims
	ring   *ring
	// authTime is when the user signed in. It is read from the store: a refresh keeps it, and a change of the password renews it.
	authTime time.Time
	amr      []string       // what the sign-in has proved that another may count, see levels.go
	level    Level          // that it has reached
	acr      string         // the name of the level in its tokens, if it has named one
	asked    *ClaimsRequest // that it shows beside those of its scopes; nil for none
}

// scope is what the session shares with calls of its app client.
func (s *Session) scope() *scope {
	return &scope{engine: s.engine, pool: s.pool, client: s.client, ring: s.ring, settings: &s.pool.Settings, user: s.user.Sub}
}

// Session verifies an access token of the pool, and that its sign-in was not ended.
func (p *UserPool) Session(ctx context.Context, access Secret) (*Session, error) {
	s, err := p.engine.Session(ctx, access)
	if err != nil {
		return nil, err
	}
	if s.pool.ID != p.pool {
		return nil, ErrInvalidAccessToken
	}
	return s, nil
}

// Session verifies an access token of any pool of the engine, and that its sign-in was not ended.
func (e *Engine) Session(ctx context.Context, access Secret) (*Session, error) {
	parsed, err := token.Parse(string(access))
	if err != nil {
		return nil, ErrInvalidAccessToken
	}
	hint := parsed.UnverifiedClaims()
	if hint.Use != token.UseAccess {
		return nil, ErrInvalidAccessToken
	}
	s := &Session{engine: e}
	f, keys, err := s.read(ctx, hint)
	if err != nil {
		return nil, err
	}
	if s.pool == nil || keys == nil {
		return nil, ErrInvalidAccessToken
	}
	ring, err := e.ring(ctx, s.pool, keys)
	if err != nil {
		return nil, err
	}
	s.ring = ring
	if err := s.verify(ring, parsed); err != nil {
		return nil, err
	}
	if err := s.alive(f); err != nil {
		return s, err
	}
	s.authTime, s.amr, s.level, s.acr, s.asked = f.AuthTime, f.credits(), f.level(), f.ACR, f.Claims
	return s, nil
}

// read reads, in one round trip, everything that the claims of a token name. The
// claims are not verified yet, and nothing that was read is answered before they are.
func (s *Session) read(ctx context.Context, hint *token.Claims) (f *family, keys []byte, err error) {
	pool := poolOfIssuer(hint.Issuer)
	err = s.engine.store.View(ctx, func(r store.Reader) error {
		values, err := r.Get(
			pools.Ref(store.Key(pool)), keyrings.Ref(keyringKey(pool)), clients.Ref(store.Key(hint.ClientID)),
			users.Ref(store.Key(pool, hint.Subject)), families.Ref(store.Key(pool, hint.Subject, familyID(hint))),
		)
		if err != nil {
			return err
		}
		keys = values[1]
		if s.pool, err = s.engine.decodePool(pool, values[0]); errors.Is(err, ErrPoolNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if s.client, err = s.engine.decodeClient(hint.ClientID, values[2]); err != nil && !errors.Is(err, ErrClientNotFound) {
			return err
		}
		if s.user, err = orNil(users.Decode(values[3])); err != nil {
			return err
		}
		f, err = orNil(families.Decode(values[4]))
		return err
	})
	return f, keys, err
}

// familyID is what a token names its sign-in by, see origin.
func familyID(c *token.Claims) string {
	if c.OriginID != "" {
		return c.OriginID
	}
	return c.EventID
}

// verify checks the signature, with the key of the pool for access tokens that the token names, and the time.
func (s *Session) verify(r *ring, parsed *token.Parsed) error {
	now := s.engine.now()
	for _, key := range r.public("access", now) {
		if key.ID() != parsed.KeyID() {
			continue
		}
		claims, err := parsed.Verify(key)
		if err != nil {
			return ErrInvalidAccessToken
		}
		s.claims = claims
		if errors.Is(claims.ValidAt(now, 0), token.ErrExpired) {
			return ErrAccessTokenExpired
		}
		return nil
	}
	return ErrInvalidAccessToken
}

// alive reports whether the sign-in of a verified token still stands.
func (s *Session) alive(f *family) error {
	switch {
	case s.client == nil || s.client.Pool != s.pool.ID:
		return ErrInvalidAccessToken
	case s.user == nil:
		return ErrUserNotFound
	case s.user.Disabled, f == nil, f.ended(s.user):
		return ErrAccessTokenRevoked
	}
	return nil
}

// Claims are what the access token says.
func (s *Session) Claims() *token.Claims { return s.claims }

// managed reports whether the access token lets its user manage the account.
func (s *Session) managed() error {
	if !s.claims.HasScope(scopeAdmin) {
		return ErrAccessTokenScope
	}
	return nil
}

// User returns the signed-in user as of the verification of the token, with
// the attributes that the client may see.
func (s *Session) User() (*User, error) {
	if err := s.managed(); err != nil {
		return nil, err
	}
	u := *s.user
	u.Attributes = visible(&s.pool.Settings, &s.client.Settings, s.user)
	return &u, nil
}

// signOutBatch is how many sign-ins one sign-out deletes; the others are dead
// by the user's NotBefore, and swept when they expire.
const signOutBatch = 500

// SignOutEverywhere ends all of the user's sign-ins, this one too.
func (s *Session) SignOutEverywhere(ctx context.Context) error {
	if err := s.managed(); err != nil {
		return err
	}
	by := origin{pool: s.pool, client: s.client.ID, sub: s.user.Sub, now: s.engine.now(), apart: true}
	if err := s.engine.signOut(ctx, by, EventSignedOutEverywhere); err != nil {
		return fmt.Errorf("sign out everywhere: %w", err)
	}
	return nil
}

// signOut ends all sign-ins of a user.
func (e *Engine) signOut(ctx context.Context, by origin, kind EventKind) error {
	_, err := e.changeUser(ctx, by, kind, func(tx store.Tx, u *User) (error, error) {
		if len(u.Identities) > 0 {
			if err := u.dropTokens(tx); err != nil {
				return nil, err
			}
		}
		return nil, u.signOut(tx, by.now)
	})
	return err
}

// signOut ends all sign-ins of the user. The caller writes the user.
func (u *User) signOut(tx store.Tx, now time.Time) error {
	u.NotBefore = later(now, u.NotBefore.Add(time.Millisecond)) // by a clock that was set back, now may be the earlier one
	return endSignIns(tx, u)
}

// signOutSafely ends the sign-ins of a user who gets another password, in safe
// pools (ASVS 7.4.3): somebody else may have begun them. The service keeps them.
func (u *User) signOutSafely(tx store.Tx, s *PoolSettings, now time.Time) error {
	if s.Defaults != SafeDefaults {
		return nil
	}
	return u.signOut(tx, now)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// endSignIns deletes sign-ins of a user, at most signOutBatch.
func endSignIns(tx store.Tx, u *User) error {
	rng := store.Prefix(u.Pool, u.Sub)
	rng.Limit = signOutBatch
	var dead []string
	for f, err := range families.Scan(tx, rng) {
		if err != nil {
			return err
		}
		dead = append(dead, families.Key(f))
	}
	for _, key := range dead {
		if _, err := families.Delete(tx, key); err != nil {
			return err
		}
	}
	return nil
}
