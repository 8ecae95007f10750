package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cognate-id/cognate/store"
)

// An application names levels in its request (acr_values of OpenID Connect Core, section 3.1.2.1), and the browser may be
// signed in already:
//
//  1. Authorization.namedLevels keeps those that the pool has. If none is left, the request names none.
//  2. Authorization.Level compares the sign-in of the browser with them, for a server that has to decide whether to ask for more.
//  3. BeginSignIn.Browser lets the next sign-in on pages count what that of the browser has proved (stepup.go).
//  4. Code and Tokens have the last word, in their own snapshots: the sign-in must have reached one of the levels.
//
// A browser counts by what its sign-in has proved, whether or not that has named a level. It counts for nothing once
// the password was replaced, as an access token does.

// A BrowserLevel says how far the sign-in of a browser is from the levels of a request.
type BrowserLevel int

const (
	// LevelBest means that it has reached as much as the user can of what was asked for, or that nothing was asked for.
	LevelBest BrowserLevel = iota + 1
	// LevelMet means that it has reached one of the levels, and the user can reach one that stands before.
	LevelMet
	// LevelBelow means that it has reached none of the levels, and the user can reach one.
	LevelBelow
	// LevelBeyond means that it has reached none of the levels, and neither can the user.
	LevelBeyond
)

// Level compares the sign-in of a browser with the levels of the request. It returns [ErrNotSignedIn] as [AppClient.Browser] does.
func (auth *Authorization) Level(ctx context.Context, cookie Secret) (BrowserLevel, error) {
	if auth.scope == nil {
		return 0, fmt.Errorf("level of a browser: %w", ErrGrantNotAllowed)
	}
	s := *auth.scope
	s.levels = auth.levels
	b, now := &Browser{scope: &s}, s.engine.now()
	var level BrowserLevel
	err := s.engine.store.View(ctx, func(r store.Reader) (err error) {
		if err = b.read(r, cookie); err != nil {
			return err
		}
		if err = b.standing(now); err != nil {
			return err
		}
		level, err = b.compare(r)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("level of a browser: %w", err)
	}
	return level, nil
}

func (b *Browser) compare(r store.Reader) (BrowserLevel, error) {
	s := b.scope
	if s.levels == nil {
		return LevelBest, nil
	}
	have, cred, err := b.counts(r)
	if err != nil {
		return 0, err
	}
	o := &outcome{user: b.User, cred: cred}
	if have != nil {
		o.proved = []proof{{Kind: provedEarlier, Changed: cred.changed(), Family: b.family.ID}}
	}
	if o.enrolled.totp, err = orNil(totps.Get(r, store.Key(s.pool.ID, b.User.Sub))); err != nil {
		return 0, err
	}
	a, err := o.aim(r, s)
	reached := b.reached(have)
	switch {
	case err != nil:
		return 0, err
	case errors.Is(o.refused, ErrLevelUnreachable):
		return LevelBeyond, nil
	case o.refused != nil:
		return 0, o.refused
	case reached >= a.best:
		return LevelBest, nil
	case reached >= slices.Min(s.levels):
		return LevelMet, nil
	}
	return LevelBelow, nil
}

// counts reads what the sign-in of a browser has proved, as far as it counts for a level.
func (b *Browser) counts(r store.Reader) (methods []string, cred *credential, err error) {
	values, err := r.Get(credentials.Ref(store.Key(b.family.Pool, b.User.Sub)))
	if err != nil {
		return nil, nil, err
	}
	if cred, err = credentialOf(b.scope.settings, values[0]); err != nil || cred.changed().After(b.AuthTime) {
		return nil, cred, err
	}
	return b.family.credits(), cred, nil
}

// reached is the level of the sign-in of a browser. A sign-in by an identity provider counts whatever became of the password.
func (b *Browser) reached(counting []string) Level {
	if b.family.Provider != "" {
		return b.family.level()
	}
	return levelOf(counting)
}

// namedLevels are the levels that a request names: those that the pool has, the best first. On the plan LITE there are none.
func (in *AuthorizationRequest) namedLevels(s *PoolSettings) (levels []Level, names []string) {
	if s.Tier == TierLite {
		return nil, nil
	}
	for _, name := range in.Levels {
		if l := s.LevelNamed(name); l != 0 && !slices.Contains(levels, l) {
			levels, names = append(levels, l), append(names, name)
		}
	}
	return levels, names
}

// acr is the name of the level for the tokens of an application: what the sign-in of the browser has named, if the request names
// none. It returns [ErrLevelRequired] if the browser has reached none of those of the request.
func (auth *Authorization) acr(r store.Reader, b *Browser) (string, error) {
	if auth.levels == nil {
		return b.family.ACR, nil
	}
	have, _, err := b.counts(r)
	if err != nil {
		return "", err
	}
	least, reached := slices.Min(auth.levels), b.reached(have)
	if set := b.scope.settings; reached < least {
		return "", &LevelError{Level: least, Name: set.LevelName(least)}
	}
	return b.scope.settings.LevelName(reached), nil
}

// browserCredit is the credit of the browser that a sign-in on pages comes from. A browser of somebody else and one that
// is not signed in count for nothing: whoever sits before it signs in from scratch.
func (t *attempt) browserCredit(ctx context.Context, in *BeginSignIn, now time.Time) (c credit, err error) {
	s := t.scope
	if !s.pages {
		return c, invalid("Browser", "A browser counts in sign-ins on pages.")
	}
	b := &Browser{scope: s}
	if err := s.engine.store.View(ctx, func(r store.Reader) error { return b.read(r, in.Browser) }); err != nil {
		return c, err
	}
	if b.standing(now) != nil || t.user == nil || t.user.Sub != b.User.Sub {
		return c, nil //nolint:nilerr // it counts for nothing
	}
	return t.creditOf(in, b.AuthTime, b.family.credits(), b.family.ID, b.family.level()), nil
}
