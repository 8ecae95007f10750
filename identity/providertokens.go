package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cognate-id/cognate/store"
)

// The tokens of a provider. Where the policy of a provider says so, the sign-in keeps what the provider has given, in a table that is
// encrypted, one record for each identity of a user. [Session.ProviderToken] hands the access token out, and gets a new one by the refresh token: providers
// often take each refresh token once, so one call refreshes, and others wait for what it gets. The call takes the record first
// (providerToken.Held), for a time: if its process dies, another call goes on after that.
//
// The record is deleted with the user, with the identity, and when the user signs out everywhere. No event, log or export has a token.

// ProviderTokens are what a provider has given of a user.
type ProviderTokens struct {
	Access  Secret    // for the provider's interfaces
	ID      Secret    // empty if the provider has none
	Refresh Secret    // empty if the provider has given none
	Expires time.Time // of Access; zero if the provider does not say
	Scope   string    // what was granted, if the provider says
}

// A ProviderToken is an access token of a provider, for its interfaces.
type ProviderToken struct {
	Access  Secret    // goes into the header Authorization of a request
	Expires time.Time // zero if the provider does not say
	Scope   string    // what was granted, if the provider says
}

// A ProviderRefresher is a [ProviderResolver] that gets new tokens of a user.
type ProviderRefresher interface {
	// RefreshProvider gets tokens by a refresh token. It returns [ErrNoProviderToken] if the provider takes the refresh token no more, and
	// [ErrProviderUnreachable] if nobody knows. An empty Refresh in the result says that the old one stays.
	RefreshProvider(ctx context.Context, p *Provider, refresh Secret) (*ProviderTokens, error)
}

// ErrNoProviderToken is returned if no token of the provider is kept for the user, or the one that is kept is good no more: the user signs in by the provider again.
var ErrNoProviderToken = errors.New("identity: no token of the identity provider")

const (
	providerTokenLife  = 400 * 24 * time.Hour // of a record that nothing renews
	providerTokenSpare = time.Minute          // an access token that expires sooner is refreshed
	providerTokenHold  = 30 * time.Second     // for which a call may refresh
	providerTokenPause = 10 * time.Second     // after a try that failed
	providerTokenPoll  = 50 * time.Millisecond
	maxProviderTokens  = 48 << 10 // bytes of all tokens together
)

// A providerToken is what is kept of an identity of a user.
type providerToken struct {
	Pool     string    `json:"pool"`
	Sub      string    `json:"sub"`
	Provider string    `json:"provider"`
	Subject  string    `json:"subject"`
	Access   string    `json:"access,omitempty"`
	ID       string    `json:"id,omitempty"`
	Refresh  string    `json:"refresh,omitempty"`
	Scope    string    `json:"scope,omitempty"`
	Expires  time.Time `json:"expires,omitzero"` // of Access
	Written  time.Time `json:"written"`
	Held     time.Time `json:"held,omitzero"`  // until when a call refreshes
	Tried    time.Time `json:"tried,omitzero"` // when a call has failed to
}

// providerTokens: what providers have given of users.
var providerTokens = &store.Table[providerToken]{
	Name: "providertokens", Secret: true, Key: func(t *providerToken) string { return store.Key(t.Pool, t.Sub, t.Provider, t.Subject) },
	Owner:   store.OwnedByUser,
	Expires: func(t *providerToken) time.Time { return t.Written.Add(providerTokenLife) },
}

// fresh reports whether the access token can be handed out.
func (t *providerToken) fresh(now time.Time) bool {
	return t.Access != "" && (t.Expires.IsZero() || now.Add(providerTokenSpare).Before(t.Expires))
}

// take takes over what a provider has given. A refresh token stays if there is no new one.
func (t *providerToken) take(in *ProviderTokens, now time.Time) {
	t.Access, t.Scope, t.Expires, t.Written, t.Held, t.Tried = string(in.Access), in.Scope, in.Expires, now, time.Time{}, time.Time{}
	if in.Refresh != "" {
		t.Refresh = string(in.Refresh)
	}
}

// keepTokens keeps what the provider has given, in the transaction of the sign-in, or deletes what was kept before.
func (fd *federation) keepTokens(tx store.Tx, u *User) error {
	s := fd.scope
	policy := s.settings.Policy(fd.in.Provider)
	if !policy.KeepTokens && !policy.SignOut {
		_, err := providerTokens.Delete(tx, store.Key(u.Pool, u.Sub, fd.in.Provider, fd.in.Subject))
		return err
	}
	in := fd.in.Tokens
	if in == nil {
		return nil
	}
	if len(in.Access)+len(in.ID)+len(in.Refresh)+len(in.Scope) > maxProviderTokens {
		return nil // the sign-in is good without them
	}
	key := store.Key(u.Pool, u.Sub, fd.in.Provider, fd.in.Subject)
	t, err := orNil(providerTokens.Get(tx, key))
	if err != nil {
		return err
	}
	if t == nil {
		t = &providerToken{Pool: u.Pool, Sub: u.Sub, Provider: fd.in.Provider, Subject: fd.in.Subject}
	}
	if t.Written = fd.now; policy.KeepTokens {
		t.take(in, fd.now)
	} else {
		t.Access, t.Refresh, t.Scope, t.Expires = "", "", "", time.Time{}
	}
	if t.ID = ""; policy.SignOut {
		t.ID = string(in.ID)
	}
	return providerTokens.Put(tx, t)
}

// dropTokens deletes what is kept of a user, or of one provider, or of one identity.
func (u *User) dropTokens(tx store.Tx, of ...string) error {
	var keys []string
	for t, err := range providerTokens.Scan(tx, store.Prefix(append([]string{u.Pool, u.Sub}, of...)...)) {
		if err != nil {
			return err
		}
		keys = append(keys, providerTokens.Key(t))
	}
	for _, key := range keys {
		if _, err := providerTokens.Delete(tx, key); err != nil {
			return err
		}
	}
	return nil
}

// tokenOf returns what was kept last of a user's identities with a provider. It returns nil if nothing is.
func (u *User) tokenOf(r store.Reader, provider string) (*providerToken, error) {
	var last *providerToken
	for t, err := range providerTokens.Scan(r, store.Prefix(u.Pool, u.Sub, provider)) {
		if err != nil {
			return nil, err
		}
		if id := u.identity(provider, subjectAttribute, t.Subject); id == nil || id.Disabled {
			continue
		}
		if last == nil || t.Written.After(last.Written) {
			last = t
		}
	}
	return last, nil
}

// ProviderToken returns an access token that a provider has given of the user, for calls of the provider's interfaces by your own program: keep it away from browsers. It needs
// KeepTokens in the policy of the provider. A token that expires within a minute is refreshed first; calls that come at the same time, in any process, refresh once.
//
// It returns [ErrNoProviderToken] if the user must sign in by the provider again, and [ErrProviderUnreachable] if the provider does not answer: then it is not
// asked again for 10 seconds.
func (s *Session) ProviderToken(ctx context.Context, provider string) (*ProviderToken, error) {
	t, err := s.providerToken(ctx, provider)
	if err != nil {
		return nil, fmt.Errorf("token of %s: %w", provider, err)
	}
	return &ProviderToken{Secret(t.Access), t.Expires, t.Scope}, nil
}

func (s *Session) providerToken(ctx context.Context, provider string) (*providerToken, error) {
	if err := s.managed(); err != nil {
		return nil, err
	}
	if policy := s.pool.Settings.Policy(provider); !policy.KeepTokens {
		return nil, ErrNoProviderToken
	}
	for {
		t, p, wait, err := s.holdToken(ctx, provider)
		switch {
		case err != nil:
			return nil, err
		case !wait && p == nil:
			return t, nil
		case !wait:
			return s.refreshToken(ctx, p, t)
		}
		select { // another call refreshes
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(providerTokenPoll):
		}
	}
}

// holdToken returns the token that is kept. If it must be refreshed, holdToken takes the record, and returns the provider too. wait says that another
// call has taken it.
func (s *Session) holdToken(ctx context.Context, provider string) (t *providerToken, p *providerRecord, wait bool, err error) {
	now := s.engine.now()
	_, able := s.engine.resolver.(ProviderRefresher)
	err = s.engine.store.Update(ctx, func(tx store.Tx) (err error) {
		t, p, wait = nil, nil, false
		u, err := orNil(users.Get(tx, store.Key(s.pool.ID, s.user.Sub)))
		if err != nil {
			return err
		}
		if u == nil {
			return ErrUserNotFound
		}
		if t, err = u.tokenOf(tx, provider); err != nil {
			return err
		}
		switch {
		case t == nil:
			return ErrNoProviderToken
		case t.fresh(now):
			return nil
		case t.Refresh == "" || !able:
			return ErrNoProviderToken
		case now.Before(t.Held):
			wait = true
			return nil
		case now.Sub(t.Tried).Abs() < providerTokenPause:
			return ErrProviderUnreachable
		}
		if p, err = providerOf(tx, s.pool.ID, provider); err != nil {
			return err
		}
		held := *t
		held.Held = now.Add(providerTokenHold)
		return providerTokens.Put(tx, &held)
	})
	return t, p, wait, err
}

// refreshToken refreshes a record that the call has taken, and keeps what comes of it.
func (s *Session) refreshToken(ctx context.Context, p *providerRecord, held *providerToken) (*providerToken, error) {
	refresher, ok := s.engine.resolver.(ProviderRefresher)
	if !ok {
		return nil, ErrNoProviderToken
	}
	asking, cancel := context.WithTimeout(ctx, providerTokenHold/2)
	defer cancel()
	got, failed := refresher.RefreshProvider(asking, p.shown(), Secret(held.Refresh))
	if failed == nil && len(got.Access)+len(got.Refresh)+len(got.Scope) > maxProviderTokens-len(held.ID) {
		failed = ErrNoProviderToken
	}
	var kept *providerToken
	// What the provider has given must be kept, even if the caller has given up meanwhile: the old refresh token may be good no more.
	err := s.engine.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		t, err := orNil(providerTokens.Get(tx, providerTokens.Key(held)))
		if err != nil {
			return err
		}
		if kept = t; t == nil || t.Refresh != held.Refresh { // deleted, or the user has signed in again
			return nil
		}
		now := s.engine.now()
		switch {
		case failed == nil:
			t.take(got, now)
		case errors.Is(failed, ErrNoProviderToken):
			t.Access, t.Refresh, t.Expires, t.Held = "", "", time.Time{}, time.Time{}
		default:
			t.Held, t.Tried = time.Time{}, now
		}
		return providerTokens.Put(tx, t)
	})
	switch {
	case err != nil:
		return nil, err
	case failed != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case failed != nil:
		return nil, failed
	case kept == nil || !kept.fresh(s.engine.now()):
		return nil, ErrNoProviderToken
	}
	return kept, nil
}

// ProviderIDToken returns the ID token of the provider by which the browser is signed in, for a sign-out there, or "" if none is kept: see SignOut of
// [ProviderPolicy].
func (b *Browser) ProviderIDToken(ctx context.Context) (Secret, error) {
	if policy := b.scope.settings.Policy(b.Provider); b.Provider == "" || !policy.SignOut {
		return "", nil
	}
	var t *providerToken
	err := b.scope.engine.store.View(ctx, func(r store.Reader) (err error) {
		t, err = b.User.tokenOf(r, b.Provider)
		return err
	})
	if err != nil || t == nil {
		return "", err
	}
	return Secret(t.ID), nil
}
