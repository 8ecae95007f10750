package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
)

// An upstream is a provider as the engine asks it: it refreshes tokens, each refresh token once, and knows ID tokens by heart.
type upstream struct {
	refreshed atomic.Int64
	refuses   atomic.Pointer[error]
	hold      chan struct{} // nil, or what a refresh waits for
	good      string        // the refresh token that is good
	verify    func(p *identity.Provider, idToken identity.Secret, nonce string, clients []string) (identity.FederatedIdentity, time.Time, error)
}

func (*upstream) ResolveProvider(context.Context, *identity.ProviderSettings) (identity.ResolvedProvider, error) {
	return identity.ResolvedProvider{}, nil
}

func (up *upstream) RefreshProvider(_ context.Context, p *identity.Provider, refresh identity.Secret) (*identity.ProviderTokens, error) {
	n := up.refreshed.Add(1)
	if up.hold != nil {
		<-up.hold
	}
	if err := up.refuses.Load(); err != nil {
		return nil, *err
	}
	if p.Details["client_secret"] == "" || string(refresh) != up.good {
		return nil, identity.ErrNoProviderToken
	}
	up.good = fmt.Sprintf("%s refresh %d", canary, n)
	return &identity.ProviderTokens{Access: identity.Secret(fmt.Sprintf("%s access %d", canary, n)), Refresh: identity.Secret(up.good), Expires: tokenEnd(n)}, nil
}

// tokenEnd is when the access token of a refresh expires.
func tokenEnd(n int64) time.Time { return time.Date(2100, 1, 1, int(n), 0, 0, 0, time.UTC) }

func (up *upstream) VerifyProviderToken(_ context.Context, p *identity.Provider, idToken identity.Secret, nonce string, clients []string) (identity.FederatedIdentity, time.Time, error) {
	return up.verify(p, idToken, nonce, clients)
}

// A keeping is a federated pool that keeps tokens of Acme.
type keeping struct {
	*federated
	up *upstream
}

func newKeeping(t *testing.T, policy identity.ProviderPolicy) *keeping {
	t.Helper()
	k := &keeping{up: &upstream{good: canary + " refresh"}}
	k.federated = newFederated(t, identity.PoolSettings{ProviderPolicies: map[string]identity.ProviderPolicy{"Acme": policy}}, oidcProvider("Acme", mapsMail), func(o *identity.Options) {
		o.Providers = k.up
	})
	return k
}

// session signs somebody in with tokens of the provider, whose access token is good for an hour.
func (k *keeping) session(t *testing.T, subject string, tokens *identity.ProviderTokens) *identity.Session {
	t.Helper()
	res, err := k.app.FederatedSignIn(t.Context(), identity.FederatedIdentity{Provider: "Acme", Subject: subject, Tokens: tokens})
	check(t, "FederatedSignIn", err)
	s, err := k.pool.Session(t.Context(), res.Tokens.Access)
	check(t, "Session", err)
	return s
}

func (k *keeping) tokens() *identity.ProviderTokens {
	return &identity.ProviderTokens{Access: canary + " access", ID: canary + " id", Refresh: canary + " refresh", Scope: "calendar", Expires: k.now().Add(time.Hour)}
}

// expired are tokens whose access token is good no more.
func (k *keeping) expired() *identity.ProviderTokens {
	tokens := k.tokens()
	tokens.Expires = k.now()
	return tokens
}

// kept is what is handed out.
func kept(t *testing.T, s *identity.Session) (string, error) {
	t.Helper()
	got, err := s.ProviderToken(t.Context(), "Acme")
	if err != nil {
		return "", err
	}
	return string(got.Access), nil
}

func TestProviderTokens(t *testing.T) {
	k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
	s := k.session(t, "1", k.tokens())
	got, err := s.ProviderToken(t.Context(), "Acme")
	check(t, "ProviderToken", err)
	if got.Access != canary+" access" || got.Scope != "calendar" || got.Expires.IsZero() || strings.Contains(fmt.Sprintf("%v %+v", got, *got), canary) {
		t.Errorf("%+v", got)
	}
	wantErr(t, "of another provider", second(s.ProviderToken(t.Context(), "Other")), identity.ErrNoProviderToken)
	_, err = kept(t, k.session(t, "2", nil))
	wantErr(t, "of another user", err, identity.ErrNoProviderToken)

	k.advance(59*time.Minute + time.Second) // less than a minute is left
	if got, err := kept(t, s); err != nil || got != canary+" access 1" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := kept(t, s); err != nil || got != canary+" access 1" || k.up.refreshed.Load() != 1 {
		t.Errorf("%q, %v after %d refreshes", got, err, k.up.refreshed.Load())
	}
	raw, err := json.Marshal(exported(t, k.pool, true))
	check(t, "Marshal", err)
	if strings.Contains(string(raw), canary+" ") {
		t.Error("an export has a token")
	}
	for ev, err := range k.pool.Admin().Events(t.Context(), identity.EventQuery{}) {
		check(t, "Events", err)
		if strings.Contains(fmt.Sprintf("%+v", ev), canary) {
			t.Errorf("an event has a token: %+v", ev)
		}
	}
}

// TestProviderTokensAreRefreshedOnce: of many calls one refreshes, and the others get what it gets.
func TestProviderTokensAreRefreshedOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("races many calls")
	}
	k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
	tokens := k.tokens()
	tokens.Expires = k.now()
	s := k.session(t, "1", tokens)
	k.up.hold = make(chan struct{})
	time.AfterFunc(20*time.Millisecond, func() { close(k.up.hold) })
	for _, err := range together(crowd, func(int) error {
		got, err := s.ProviderToken(context.Background(), "Acme")
		if err == nil && got.Access != canary+" access 1" {
			err = errors.New("another token")
		}
		return err
	}) {
		check(t, "ProviderToken", err)
	}
	if n := k.up.refreshed.Load(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

func TestProviderTokensThatAreNoMore(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
		s := k.session(t, "1", k.expired())
		k.up.good = "another"
		for range 2 {
			_, err := kept(t, s)
			wantErr(t, "ProviderToken", err, identity.ErrNoProviderToken)
		}
		if k.up.refreshed.Load() != 1 {
			t.Errorf("a refresh token that was refused is sent %d times", k.up.refreshed.Load())
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
		s := k.session(t, "1", k.expired())
		k.up.refuses.Store(ptr(identity.ErrProviderUnreachable))
		for range 5 {
			_, err := kept(t, s)
			wantErr(t, "ProviderToken", err, identity.ErrProviderUnreachable)
		}
		if k.up.refreshed.Load() != 1 {
			t.Errorf("a provider that does not answer is asked %d times", k.up.refreshed.Load())
		}
		k.up.refuses.Store(nil)
		k.advance(10 * time.Second)
		if _, err := kept(t, s); err != nil {
			t.Error(err)
		}
	})
	t.Run("a process has died over it", func(t *testing.T) {
		k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
		s := k.session(t, "1", k.expired())
		k.up.hold = make(chan struct{})
		dead := make(chan struct{})
		go func() { defer close(dead); _, _ = s.ProviderToken(context.Background(), "Acme") }()
		for k.up.refreshed.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		wantErr(t, "meanwhile", second(s.ProviderToken(ctx, "Acme")), context.DeadlineExceeded)
		k.advance(30 * time.Second)
		close(k.up.hold)
		<-dead
		if _, err := kept(t, s); err != nil {
			t.Error(err)
		}
	})
	t.Run("no refresh token", func(t *testing.T) {
		k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
		tokens := k.expired()
		tokens.Refresh = ""
		s := k.session(t, "1", tokens)
		_, err := kept(t, s)
		wantErr(t, "ProviderToken", err, identity.ErrNoProviderToken)
	})
	t.Run("the refresh token of an earlier sign-in", func(t *testing.T) {
		k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
		k.session(t, "1", k.tokens())
		tokens := k.expired()
		tokens.Refresh = ""
		if _, err := kept(t, k.session(t, "1", tokens)); err != nil {
			t.Error(err)
		}
	})
}

// TestProviderTokensDuringARefresh: what happens while a call asks the provider wins over what the provider says, and that is never lost.
func TestProviderTokensDuringARefresh(t *testing.T) {
	refreshing := func(t *testing.T, ctx context.Context) (*keeping, *identity.Session, func() error) {
		t.Helper()
		k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
		s := k.session(t, "1", k.expired())
		k.up.hold = make(chan struct{})
		done := make(chan error, 1)
		go func() { done <- second(s.ProviderToken(ctx, "Acme")) }()
		for k.up.refreshed.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		return k, s, func() error { close(k.up.hold); return <-done }
	}
	t.Run("signed out everywhere", func(t *testing.T) {
		k, s, answered := refreshing(t, t.Context())
		check(t, "SignOutEverywhere", s.SignOutEverywhere(t.Context()))
		wantErr(t, "the call", answered(), identity.ErrNoProviderToken)
		k.advance(time.Second)
		_, err := kept(t, k.session(t, "1", nil))
		wantErr(t, "after it", err, identity.ErrNoProviderToken)
	})
	t.Run("signed in again", func(t *testing.T) {
		k, s, answered := refreshing(t, t.Context())
		k.session(t, "1", &identity.ProviderTokens{Access: "newer", Refresh: "newer refresh", Expires: k.now().Add(time.Hour)})
		check(t, "the call", answered())
		if got, err := kept(t, s); err != nil || got != "newer" {
			t.Errorf("%q, %v", got, err)
		}
	})
	t.Run("the caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		k, s, answered := refreshing(t, ctx)
		cancel()
		_ = answered() // an error or not
		ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		got, err := s.ProviderToken(ctx, "Acme")
		check(t, "ProviderToken", err)
		if got.Access != canary+" access 1" || k.up.refreshed.Load() != 1 {
			t.Errorf("after %d refreshes: %+v", k.up.refreshed.Load(), got)
		}
	})
}

// TestProviderTokensAreDeleted: with what they are of, and when they are not to be kept any more.
func TestProviderTokensAreDeleted(t *testing.T) {
	for name, act := range few.Named(2, map[string]func(*testing.T, *keeping, *identity.Session) *identity.Session{
		"not kept any more": func(t *testing.T, k *keeping, _ *identity.Session) *identity.Session {
			k.policy(t, identity.ProviderPolicy{})
			k.session(t, "1", k.tokens())
			k.policy(t, identity.ProviderPolicy{KeepTokens: true})
			return k.session(t, "1", nil)
		},
		"not kept any more, and nothing given": func(t *testing.T, k *keeping, _ *identity.Session) *identity.Session {
			k.policy(t, identity.ProviderPolicy{})
			k.session(t, "1", nil)
			k.policy(t, identity.ProviderPolicy{KeepTokens: true})
			return k.session(t, "1", nil)
		},
		"kept, but not handed out any more": func(t *testing.T, k *keeping, _ *identity.Session) *identity.Session {
			res, err := k.in(t.Context(), "1", nil)
			check(t, "FederatedSignIn", err)
			k.policy(t, identity.ProviderPolicy{})
			s, err := k.pool.Session(t.Context(), res.Tokens.Access)
			check(t, "Session", err)
			return s
		},
		"signed out everywhere": func(t *testing.T, k *keeping, s *identity.Session) *identity.Session {
			check(t, "SignOutEverywhere", s.SignOutEverywhere(t.Context()))
			k.advance(time.Second)
			return k.session(t, "1", nil)
		},
		"deleted": func(t *testing.T, k *keeping, s *identity.Session) *identity.Session {
			check(t, "Delete", s.Delete(t.Context()))
			return k.session(t, "1", nil)
		},
		"turned off": func(t *testing.T, k *keeping, _ *identity.Session) *identity.Session {
			check(t, "Unlink", k.unlink(t, bySubject("1")))
			check(t, "Enable", k.pool.Admin().Users().Enable(t.Context(), "acme_1"))
			k.advance(time.Second)
			return k.session(t, "1", nil)
		},
	}) {
		t.Run(name, func(t *testing.T) {
			k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
			_, err := kept(t, act(t, k, k.session(t, "1", k.tokens())))
			wantErr(t, "ProviderToken", err, identity.ErrNoProviderToken)
			check(t, "Verify", verify(t, k.store))
		})
	}
	t.Run("unlinked", func(t *testing.T) {
		k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
		k.alice(t, bySubject("1"), bySubject("2"))
		s := k.session(t, "1", k.tokens())
		if _, err := kept(t, s); err != nil {
			t.Error(err)
		}
		check(t, "Unlink", s.Unlink(t.Context(), bySubject("1")))
		_, err := kept(t, s)
		wantErr(t, "ProviderToken", err, identity.ErrNoProviderToken)
		check(t, "Link", k.link(t, bySubject("1")))
		_, err = kept(t, s)
		wantErr(t, "linked again", err, identity.ErrNoProviderToken)
	})
}

func (k *keeping) policy(t *testing.T, p identity.ProviderPolicy) {
	t.Helper()
	check(t, "Update", second(k.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.ProviderPolicies = map[string]identity.ProviderPolicy{"Acme": p}
		return nil
	})))
}

// TestSignInWithToken: an app signs in by an ID token, which counts once.
func TestSignInWithToken(t *testing.T) {
	k := newKeeping(t, identity.ProviderPolicy{NativeClients: []string{"ios", "android"}})
	end := k.now().Add(48 * time.Hour)
	k.up.verify = func(p *identity.Provider, idToken identity.Secret, nonce string, clients []string) (identity.FederatedIdentity, time.Time, error) {
		if p.Name != "Acme" || p.Details["client_id"] != "app" || !slices.Equal(clients, []string{"ios", "android"}) {
			t.Errorf("asked about %s of %v", p.Name, clients)
		}
		if len(nonce) > 1024 {
			t.Error("asked about a long nonce")
		}
		if !strings.HasPrefix(string(idToken), "h.p") || nonce != "n" {
			return identity.FederatedIdentity{}, time.Time{}, identity.ErrProviderToken
		}
		return identity.FederatedIdentity{Provider: "Other", Subject: "1", Claims: aliceThere}, end, nil
	}
	in := func(token, nonce string) error {
		return second(k.app.SignInWithToken(t.Context(), identity.ProviderSignIn{Provider: "Acme", IDToken: identity.Secret(token), Nonce: nonce}))
	}
	res, err := k.app.SignInWithToken(t.Context(), identity.ProviderSignIn{Provider: "Acme", IDToken: "h.p.s", Nonce: "n"})
	check(t, "SignInWithToken", err)
	if c := claimsOf(t, res.Tokens.ID); c["cognito:username"] != "acme_1" || c["email"] != email {
		t.Errorf("%v", c)
	}
	wantErr(t, "again", in("h.p.s", "n"), identity.ErrProviderToken)
	wantErr(t, "with another form of the signature", in("h.p.t", "n"), identity.ErrProviderToken)
	wantErr(t, "another nonce", in("h.p2.s", "m"), identity.ErrProviderToken)
	wantErr(t, "no nonce", in("h.p2.s", ""), identity.ErrMissingParameter)
	wantErr(t, "no token", in("", "n"), identity.ErrMissingParameter)
	wantErr(t, "a long one", in("h.p"+strings.Repeat("x", 64<<10), "n"), identity.ErrProviderToken)
	wantErr(t, "a long nonce", in("h.p2.s", strings.Repeat("n", 1025)), identity.ErrProviderToken)
	check(t, "the next one", in("h.p2.s", "n"))
	k.advance(47 * time.Hour)
	check(t, "Sweep", second(k.Sweep(t.Context())))
	wantErr(t, "again, before it expires", in("h.p.s", "n"), identity.ErrProviderToken)
	check(t, "Create", second(k.pool.Admin().Providers().Create(t.Context(), oidcProvider("Other", nil))))
	wantErr(t, "a provider that the client does not have", second(k.app.SignInWithToken(t.Context(), identity.ProviderSignIn{Provider: "Other", IDToken: "h.p3.s", Nonce: "n"})), identity.ErrProviderNotFound)

	errs := together(crowd, func(int) error {
		return second(k.app.SignInWithToken(context.Background(), identity.ProviderSignIn{Provider: "Acme", IDToken: "h.p4.s", Nonce: "n"}))
	})
	wantOneWinner(t, errs, identity.ErrProviderToken)
	wantErr(t, "nobody verifies", second(newFederated(t, identity.PoolSettings{}, oidcProvider("Acme", nil)).app.SignInWithToken(t.Context(),
		identity.ProviderSignIn{Provider: "Acme", IDToken: "h.p.s", Nonce: "n"})), identity.ErrProviderTokens)
	facebook := identity.ProviderSettings{Name: "Facebook", Type: identity.ProviderFacebook, Details: map[string]string{"client_id": "app", "client_secret": "x", "authorize_scopes": "email"}}
	check(t, "Create", second(k.pool.Admin().Providers().Create(t.Context(), facebook)))
	k.app = k.client(t, k.pool, identity.ClientSettings{Providers: []string{"Facebook"}})
	wantErr(t, "Facebook", second(k.app.SignInWithToken(t.Context(), identity.ProviderSignIn{Provider: "Facebook", IDToken: "h.p.s", Nonce: "n"})), identity.ErrProviderTokens)
}

// TestSignInWithTokenKeepsNoTokens: an app has no access token to give, and what the pages have got stays.
func TestSignInWithTokenKeepsNoTokens(t *testing.T) {
	k := newKeeping(t, identity.ProviderPolicy{KeepTokens: true})
	s := k.session(t, "1", k.tokens())
	k.up.verify = func(*identity.Provider, identity.Secret, string, []string) (identity.FederatedIdentity, time.Time, error) {
		return identity.FederatedIdentity{Subject: "1", Tokens: &identity.ProviderTokens{ID: "h.p.s"}}, k.now().Add(time.Hour), nil
	}
	check(t, "SignInWithToken", second(k.app.SignInWithToken(t.Context(), identity.ProviderSignIn{Provider: "Acme", IDToken: "h.p.s", Nonce: "n"})))
	if got, err := kept(t, s); err != nil || got != canary+" access" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestSignInWithTokenAsks: an app is asked to link as pages are, and the token is used up all the same.
func TestSignInWithTokenAsks(t *testing.T) {
	k := newKeeping(t, identity.ProviderPolicy{})
	check(t, "Update", second(k.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error { s.Linking = identity.LinkingAsk; return nil })))
	k.app = k.client(t, k.pool, identity.ClientSettings{Providers: []string{"Acme", "COGNITO"}})
	alice := k.alice(t)
	k.up.verify = func(*identity.Provider, identity.Secret, string, []string) (identity.FederatedIdentity, time.Time, error) {
		return identity.FederatedIdentity{Subject: "1", Claims: aliceThere}, k.now().Add(time.Hour), nil
	}
	_, err := k.app.SignInWithToken(t.Context(), identity.ProviderSignIn{Provider: "Acme", IDToken: "h.p.s", Nonce: "n"})
	e, ok := errors.AsType[*identity.LinkRequiredError](err)
	if !ok {
		t.Fatal(err)
	}
	check(t, "AcceptLink", second(k.fixture.session(t, k.app, "alice").AcceptLink(t.Context(), e.State)))
	res, err := k.app.SignInWithToken(t.Context(), identity.ProviderSignIn{Provider: "Acme", IDToken: "h.p2.s", Nonce: "n"})
	check(t, "SignInWithToken", err)
	if claimsOf(t, res.Tokens.ID)["sub"] != alice.Sub {
		t.Error("who is linked is somebody else")
	}
}
