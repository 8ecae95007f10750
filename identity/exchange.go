package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// An application exchanges a code for tokens. Everything is read in one snapshot and checked.
// One transaction then inserts the record of the exchange under the digest of the code, and
// the family. If the record exists, the code was exchanged before: somebody else may have
// it, so its sign-in is ended (RFC 6749, section 4.1.2).

// replayWatch is how long an exchange is remembered.
const replayWatch = 24 * time.Hour

// An authGrant is an exchange of a code.
type authGrant struct {
	Pool    string    `json:"pool"`
	Digest  string    `json:"digest"` // of the code
	Sub     string    `json:"sub"`
	Family  string    `json:"family"`
	Expires time.Time `json:"expires"`
}

// CodeExchange is what an application gives for tokens.
type CodeExchange struct {
	Code        Secret // from [Authorization.Code]
	RedirectURI string // that of the authorization; may be empty only if its request had none
	Verifier    Secret // of PKCE: required if the request had a challenge
	Secret      Secret // of a client that has one
}

// Exchange gives the tokens of an authorization code. It returns a [*ClientError] unless Secret
// is that of the client, and [ErrInvalidAuthCode] for a code that does not exist, is too old,
// was exchanged before, or was given to another client, for another redirect URI, or for
// another verifier. A code that comes a second time ends the sign-in that it was exchanged for.
func (a *AppClient) Exchange(ctx context.Context, in CodeExchange) (*Tokens, error) {
	t, err := a.exchange(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("exchange: %w", err)
	}
	return t, nil
}

func (a *AppClient) exchange(ctx context.Context, in CodeExchange) (*Tokens, error) {
	x := &exchange{digest: digestOf(in.Code)}
	s, err := a.application().loadWith(ctx, x.read)
	if err != nil {
		return nil, err
	}
	now := s.engine.now()
	if err := s.checkSecret(in.Secret); err != nil {
		return nil, err
	}
	if err := s.mayGrant(GrantCode); err != nil {
		return nil, err
	}
	if err := x.check(in, now); err != nil {
		return nil, err
	}
	if x.used != nil {
		return nil, x.replayed(ctx, now)
	}
	if err := x.browser.standing(now); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidAuthCode, err)
	}
	f, err := x.browser.grant(x.code, now)
	if err != nil {
		return nil, err
	}
	g := newGrant(x.browser.User, x.groups, f)
	g.refresh, g.nonce = true, x.code.Nonce
	t, err := x.browser.give(ctx, g, now, func(tx store.Tx) error {
		return authGrants.Insert(tx, &authGrant{Pool: f.Pool, Digest: x.digest, Sub: f.Sub, Family: f.ID, Expires: now.Add(replayWatch)})
	})
	switch {
	case errors.Is(err, store.ErrExists): // two came at once, and the other was first
		return nil, x.replayed(ctx, now)
	case errors.Is(err, ErrNotSignedIn):
		return nil, fmt.Errorf("%w: %w", ErrInvalidAuthCode, err)
	}
	return t, err
}

// An exchange is what the exchange of a code has read.
type exchange struct {
	digest  string
	code    *authCode  // nil if there is none
	used    *authGrant // nil if the code was not exchanged before
	browser Browser
	groups  []*Group
}

func (x *exchange) read(r store.Reader, s *scope) error {
	x.browser = Browser{scope: s}
	values, err := r.Get(authCodes.Ref(store.Key(s.pool.ID, x.digest)), authGrants.Ref(store.Key(s.pool.ID, x.digest)))
	if err != nil {
		return err
	}
	if x.used, err = orNil(authGrants.Decode(values[1])); err != nil {
		return err
	}
	if x.code, err = orNil(authCodes.Decode(values[0])); err != nil || x.code == nil {
		return err
	}
	if err := x.browser.readFamily(r, x.code.Sub, x.code.Browser); err != nil || x.browser.User == nil {
		return err
	}
	x.groups, err = x.browser.User.memberships(r)
	return err
}

// check returns [ErrInvalidAuthCode] unless the code is for this call.
func (x *exchange) check(in CodeExchange, now time.Time) error {
	c, s := x.code, x.browser.scope
	switch {
	case c == nil:
		return fmt.Errorf("%w: there is none such", ErrInvalidAuthCode)
	case c.Client != s.client.ID:
		return fmt.Errorf("%w: it was given to another client", ErrInvalidAuthCode)
	case !now.Before(c.Expires):
		return fmt.Errorf("%w: it is too old", ErrInvalidAuthCode)
	case c.Redirect != in.RedirectURI:
		return fmt.Errorf("%w: it was given for another redirect URI", ErrInvalidAuthCode)
	case c.Challenge != "" && !verifies(in.Verifier, c.Challenge):
		return fmt.Errorf("%w: the verifier does not fit", ErrInvalidAuthCode)
	}
	return nil
}

// verifies reports whether a verifier is that of a challenge (RFC 7636, section 4.6).
func verifies(verifier Secret, challenge string) bool {
	if len(verifier) < minVerifierLength || len(verifier) > maxVerifierLength {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return equal(base64.RawURLEncoding.EncodeToString(sum[:]), challenge)
}

// replayed ends the sign-in of a code that comes a second time, and returns the error for it.
func (x *exchange) replayed(ctx context.Context, now time.Time) error {
	s := x.browser.scope
	ev, err := s.asked(ctx, x.code.Sub, EventAuthCodeReused, now)
	if err != nil {
		return err
	}
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		used, err := orNil(authGrants.Get(tx, store.Key(s.pool.ID, x.digest)))
		if err != nil || used == nil {
			return err
		}
		was, err := families.Delete(tx, store.Key(s.pool.ID, used.Sub, used.Family))
		if err != nil || !was {
			return err
		}
		return events.Insert(tx, ev.failed(EventAuthCodeReused, ErrInvalidAuthCode))
	})
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: it was exchanged before", ErrInvalidAuthCode)
}
