package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
)

// set changes the settings of a client.
func (k *tracker) set(a *identity.AppClient, edit func(*identity.ClientSettings)) {
	k.t.Helper()
	check(k.t, "Update", second(k.pool.Admin().Clients().Update(k.t.Context(), a.ClientID(), func(c *identity.ClientSettings) error {
		edit(c)
		return nil
	})))
}

// A client takes a sign-in in a browser for as long as its own settings say, and another for longer.
func TestClientsTakeABrowserForTheirOwnTime(t *testing.T) {
	for _, tt := range few.Of(2, []struct {
		name        string
		app, other  *int // minutes
		untracked   bool
		after       time.Duration
		takes       bool // the client whose page it was
		otherTakes  bool
		signedIn    bool
		wantsCookie time.Duration
	}{
		{"at once", nil, nil, false, 0, true, true, true, time.Hour},
		{"before an hour", nil, nil, false, time.Hour - time.Second, true, true, true, time.Hour},
		{"after an hour", nil, nil, false, time.Hour, false, false, false, time.Hour},
		{"a shorter time", new(10), nil, false, 10 * time.Minute, false, true, true, time.Hour},
		{"before a shorter time", new(10), nil, false, 10*time.Minute - time.Second, true, true, true, time.Hour},
		{"never", new(0), nil, false, 0, false, true, true, time.Hour},
		{"never, by a clock that was set back", new(0), nil, false, -time.Second, false, true, true, time.Hour},
		{"a longer time", nil, new(600), false, 599 * time.Minute, false, true, true, 10 * time.Hour},
		{"after a longer time", nil, new(600), false, 600 * time.Minute, false, false, false, 10 * time.Hour},
		{"untracked", new(0), new(600), true, time.Hour - time.Second, true, true, true, time.Hour},
		{"untracked, after an hour", new(0), new(600), true, time.Hour, false, false, false, time.Hour},
	}) {
		t.Run(tt.name, func(t *testing.T) {
			settings := tracked(20)
			if tt.untracked {
				settings = cognitoPool
			}
			k := track(t, settings)
			k.set(k.app, func(c *identity.ClientSettings) { c.SSOMinutes = tt.app })
			k.set(k.other, func(c *identity.ClientSettings) { c.SSOMinutes = tt.other })
			p, err := k.pool.Admin().Describe(t.Context())
			if check(t, "Describe", err); p.BrowserLife() != tt.wantsCookie {
				t.Errorf("browsers stay signed in for %v, want %v", p.BrowserLife(), tt.wantsCookie)
			}
			cookie := k.browse(t.Context(), k.app)
			k.advance(tt.after)
			for _, c := range []struct {
				a     *identity.AppClient
				takes bool
			}{{k.app, tt.takes}, {k.other, tt.otherTakes}} {
				b, err := c.a.Browser(t.Context(), cookie)
				if !tt.signedIn {
					wantErr(t, "Browser", err, identity.ErrNotSignedIn)
					continue
				}
				if check(t, "Browser", err); b.Reusable != c.takes {
					t.Errorf("Reusable = %t, want %t", b.Reusable, c.takes)
				}
			}
		})
	}
}

// A client that takes no earlier sign-in gets a code for the one that was made for it, and no other.
func TestCodesForANewSignInAlone(t *testing.T) {
	for _, grant := range []string{identity.GrantCode, identity.GrantImplicit} {
		k := track(t, tracked(20))
		k.set(k.app, func(c *identity.ClientSettings) { c.SSOMinutes = new(0) })
		auth, err := k.app.Authorization(t.Context(), identity.AuthorizationRequest{Grant: grant, RedirectURI: redirect})
		check(t, "Authorization", err)
		cookie := k.browse(t.Context(), k.app)
		get := func() error {
			if grant == identity.GrantImplicit {
				return second(auth.Tokens(t.Context(), cookie))
			}
			return second(auth.Code(t.Context(), cookie))
		}
		k.advance(5*time.Minute - time.Second)
		check(t, grant, get())
		k.advance(time.Second)
		wantErr(t, grant, get(), identity.ErrNotSignedIn)
		k.through(t.Context(), k.other, cookie)
	}
}

// A browser that nobody uses ends for a client with an idle limit, and each grant is a use.
func TestIdleBrowsers(t *testing.T) {
	k := track(t, tracked(20))
	for _, a := range []*identity.AppClient{k.app, k.other} {
		k.set(a, func(c *identity.ClientSettings) { c.SSOMinutes = new(24 * 60) })
	}
	k.set(k.app, func(c *identity.ClientSettings) { c.IdleHours = new(2) })
	cookie := k.browse(t.Context(), k.app)
	reusable := func(what string, want bool) {
		t.Helper()
		b, err := k.app.Browser(t.Context(), cookie)
		if check(t, "Browser", err); b.Reusable != want {
			t.Errorf("%s: Reusable = %t", what, b.Reusable)
		}
	}
	k.advance(2*time.Hour - time.Second)
	reusable("in time", true)
	k.through(t.Context(), k.other, cookie)
	k.advance(2*time.Hour - time.Second)
	reusable("used in between", true)
	k.advance(time.Second)
	reusable("idle", false)
	k.through(t.Context(), k.other, cookie) // has no such limit
	reusable("used again", true)
}

// The life of browsers is that of the client with the longest, also of one that is made later, and
// stays if that client takes less.
func TestBrowserLifeOfAPool(t *testing.T) {
	k := track(t, tracked(20))
	life := func(want time.Duration) {
		t.Helper()
		p, err := k.pool.Admin().Describe(t.Context())
		if check(t, "Describe", err); p.BrowserLife() != want {
			t.Errorf("life %v, want %v", p.BrowserLife(), want)
		}
	}
	k.fixture.client(t, k.pool, identity.ClientSettings{SSOMinutes: new(120)})
	life(2 * time.Hour)
	k.set(k.app, func(c *identity.ClientSettings) { c.SSOMinutes = new(90) })
	life(2 * time.Hour)
	k.set(k.app, func(c *identity.ClientSettings) { c.SSOMinutes = new(129600) })
	life(90 * day)
	check(t, "Update", second(k.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.Sessions.Tracked = false
		return nil
	})))
	life(time.Hour)
	check(t, "Update", second(k.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.Sessions.Tracked = true
		return nil
	})))
	life(90 * day)
	_, err := k.pool.Admin().Clients().Update(t.Context(), k.app.ClientID(), func(c *identity.ClientSettings) error {
		c.SSOMinutes = new(129601)
		return nil
	})
	if !errors.Is(err, identity.ErrInvalidSettings) {
		t.Errorf("129601 minutes: %v", err)
	}
}

// A browser of one pool is none of another, and neither are sessions of its users.
func TestSessionsBelongToTheirPool(t *testing.T) {
	k := track(t, tracked(20))
	other := k.another(t)
	check(t, "Update", second(other.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.Sessions = tracked(20).Sessions
		return nil
	})))
	k.invite(t, other, "alice", map[string]string{"email": email})
	cookie, in := k.browse(t.Context(), k.app), k.fixture.signIn(t, k.app, "alice")
	_, err := k.fixture.client(t, other, identity.ClientSettings{}).Browser(t.Context(), cookie)
	wantErr(t, "Browser", err, identity.ErrNotSignedIn)
	_, err = other.Session(t.Context(), in.Access)
	wantErr(t, "Session", err, identity.ErrInvalidAccessToken)
	for _, s := range k.all("alice") {
		wantErr(t, "RevokeSession", other.Admin().Users().RevokeSession(t.Context(), "alice", identity.RevokeSession{ID: s.ID}), identity.ErrSessionNotFound)
	}
	page, _, err := other.Admin().Users().Sessions(t.Context(), "alice", identity.SessionQuery{})
	if check(t, "Sessions", err); len(page) != 0 || len(k.all("alice")) != 2 {
		t.Errorf("%d sessions in the other pool, %d in the own; want 0 and 2", len(page), len(k.all("alice")))
	}
}
