package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Users consent to what an application gets, where the client asks for it
// ([ClientSettings].Consent). The answer is kept for each user and client, with its
// scopes. A transaction that keeps one reads the user, so that none is left of a user who was
// deleted meanwhile. Code and Tokens refuse what nobody has consented to, whatever a page has shown.

// A consent is what a user lets an application have.
type consent struct {
	Pool   string    `json:"pool"`
	Sub    string    `json:"sub"`
	Client string    `json:"client"`
	Made   time.Time `json:"made"` // when the client was made: another one with its id has no consent
	Scopes []string  `json:"scopes"`
	At     time.Time `json:"at"`
}

// Unconsented returns the scopes that the user of a browser has not let the application have, or nil if
// there are none, or the client does not ask. It returns [ErrNotSignedIn] as [AppClient.Browser] does.
func (auth *Authorization) Unconsented(ctx context.Context, cookie Secret) ([]string, error) {
	s := auth.scope
	if s == nil || !s.client.Settings.Consent {
		return nil, nil
	}
	b := &Browser{scope: s}
	var missing []string
	err := s.engine.store.View(ctx, func(r store.Reader) (err error) {
		if err := b.read(r, cookie); err != nil {
			return err
		}
		if err := b.gives(auth.Subject, s.engine.now()); err != nil {
			return err
		}
		missing, err = auth.unconsented(r, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("consent: %w", err)
	}
	return missing, nil
}

func (auth *Authorization) unconsented(r store.Reader, b *Browser) ([]string, error) {
	s := auth.scope
	if !s.client.Settings.Consent {
		return nil, nil
	}
	c, err := b.consentOf(r)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(auth.Scopes), func(scope string) bool { return slices.Contains(c.Scopes, scope) }), nil
}

// consentOf is what the user of a browser lets the client have, which may be nothing.
func (b *Browser) consentOf(r store.Reader) (*consent, error) {
	s := b.scope
	c, err := orNil(consents.Get(r, store.Key(s.pool.ID, b.User.Sub, s.client.ID)))
	if err != nil || c != nil && c.Made.Equal(s.client.Created) {
		return c, err
	}
	return &consent{Pool: s.pool.ID, Sub: b.User.Sub, Client: s.client.ID, Made: s.client.Created}, nil
}

// consented returns [ErrConsentRequired] for what the user of a browser has not let the application have.
func (auth *Authorization) consented(r store.Reader, b *Browser) error {
	missing, err := auth.unconsented(r, b)
	if err == nil && len(missing) > 0 {
		err = ErrConsentRequired
	}
	return err
}

// Consent keeps that the user of a browser lets the application have the scopes of the request, beside
// those from before. It returns [ErrNotSignedIn] as [AppClient.Browser] does.
func (auth *Authorization) Consent(ctx context.Context, cookie Secret) error {
	s := auth.scope
	if s == nil {
		return ErrGrantNotAllowed
	}
	b, now := &Browser{scope: s}, s.engine.now()
	if err := s.engine.store.View(ctx, func(r store.Reader) error { return b.read(r, cookie) }); err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	if err := b.gives(auth.Subject, now); err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	ev, err := s.proved(ctx, b.User.Sub, EventConsented, now)
	if err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	err = s.engine.store.Update(ctx, func(tx store.Tx) error {
		again := &Browser{scope: s}
		if err := again.read(tx, cookie); err != nil {
			return err
		}
		if err := again.gives(b.User.Sub, now); err != nil {
			return err
		}
		c, err := again.consentOf(tx)
		if err != nil {
			return err
		}
		for _, scope := range auth.Scopes {
			if !slices.Contains(c.Scopes, scope) {
				c.Scopes = append(c.Scopes, scope)
			}
		}
		c.At = now
		if err := consents.Put(tx, c); err != nil {
			return err
		}
		return events.Insert(tx, ev.with(dataScopes, strings.Join(auth.Scopes, " ")))
	})
	if err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	return nil
}
