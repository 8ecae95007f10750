package identity_test

import (
	"context"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
)

// tracked is a pool with the service's defaults that has sessions on record.
func tracked(most int) identity.PoolSettings {
	s := cognitoPool
	s.Sessions = &identity.SessionSettings{Tracked: true, MaxPerUser: most}
	return s
}

// A tracker has a pool with alice and bob, and two clients for pages and codes.
type tracker struct {
	*fixture
	t          *testing.T
	pool       *identity.UserPool
	app, other *identity.AppClient
}

func track(t *testing.T, settings identity.PoolSettings) *tracker {
	t.Helper()
	f := newEngine(t)
	k := &tracker{fixture: f, t: t, pool: f.open(t, settings)}
	for _, a := range []**identity.AppClient{&k.app, &k.other} {
		set := identity.ClientSettings{AuthFlows: allFlows}
		oauthSettings(&set)
		set.OAuthScopes = append(set.OAuthScopes, "aws.cognito.signin.user.admin")
		*a = f.client(t, k.pool, set)
	}
	f.join(t, k.pool, "alice", email)
	f.join(t, k.pool, "bob", "bob@example.com")
	return k
}

// calling is the context of a call from an address by a program.
func calling(ctx context.Context, address, agent string) context.Context {
	return identity.WithCall(ctx, identity.Call{Address: netip.MustParseAddr(address), UserAgent: agent})
}

// session is the session of a user's tokens.
func (k *tracker) session(tokens *identity.Tokens) *identity.Session {
	k.t.Helper()
	s, err := k.pool.Session(k.t.Context(), tokens.Access)
	check(k.t, "Session", err)
	return s
}

// all lists the sessions of a user as an operator.
func (k *tracker) all(name string) []*identity.UserSession {
	k.t.Helper()
	page, next, err := k.pool.Admin().Users().Sessions(k.t.Context(), name, identity.SessionQuery{})
	check(k.t, "Sessions", err)
	if next != "" {
		k.t.Errorf("there is a page after %d sessions", len(page))
	}
	return page
}

// own is the id of the session of a user's tokens.
func (k *tracker) own(tokens *identity.Tokens) string {
	k.t.Helper()
	page, _, err := k.session(tokens).Sessions(k.t.Context(), identity.SessionQuery{})
	check(k.t, "Sessions", err)
	i := slices.IndexFunc(page, func(s *identity.UserSession) bool { return s.Current })
	if i < 0 || slices.ContainsFunc(page[i+1:], func(s *identity.UserSession) bool { return s.Current }) {
		k.t.Fatalf("not one of %d sessions is the current one", len(page))
	}
	return page[i].ID
}

// browse signs alice in on pages.
func (k *tracker) browse(ctx context.Context, a *identity.AppClient) identity.Secret {
	k.t.Helper()
	in, err := a.Pages().SignIn(ctx, identity.SignIn{Username: "alice", Password: password})
	check(k.t, "SignIn", err)
	return in.Browser
}

// Of RFC 7636, appendix B.
const (
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	s256     = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// through gets tokens for an application through a browser.
func (k *tracker) through(ctx context.Context, a *identity.AppClient, browser identity.Secret) *identity.Tokens {
	k.t.Helper()
	auth, err := a.Authorization(ctx, identity.AuthorizationRequest{Grant: identity.GrantCode, RedirectURI: redirect, Challenge: s256})
	check(k.t, "Authorization", err)
	code, err := auth.Code(ctx, browser)
	check(k.t, "Code", err)
	tokens, err := a.Exchange(ctx, identity.CodeExchange{Code: code, RedirectURI: redirect, Verifier: verifier})
	check(k.t, "Exchange", err)
	return tokens
}

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	safari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)

func TestSessionsOfAUser(t *testing.T) {
	k := track(t, tracked(20))
	f := k.fixture
	f.signIn(t, k.app, "bob")
	begun := f.now()
	in, err := k.app.SignIn(calling(t.Context(), "192.0.2.7", "MyApp/1.2 (Android 16)"), identity.SignIn{Username: "alice", Password: password})
	check(t, "SignIn", err)
	f.advance(time.Hour)
	browser := k.browse(calling(t.Context(), "192.0.2.8", firefox), k.other)
	f.advance(10 * time.Minute)
	tokens := k.through(calling(t.Context(), "203.0.113.1", "server/1"), k.app, browser)

	page, next, err := k.session(tokens).Sessions(t.Context(), identity.SessionQuery{})
	check(t, "Sessions", err)
	if len(page) != 3 || next != "" {
		t.Fatalf("%d sessions, then %q, want 3", len(page), next)
	}
	form := regexp.MustCompile(`^(tkn|sso)[a-z0-9]{25}$`)
	var seen identity.UserSession
	for _, s := range page {
		if !form.MatchString(s.ID) || strings.HasPrefix(s.ID, "sso") != s.Browser {
			t.Errorf("id %q of a session, browser %t", s.ID, s.Browser)
		}
		if s.Browser {
			seen = *s
		}
	}
	want := []identity.UserSession{
		{Browser: true, Client: k.other.ClientID(), Created: begun.Add(time.Hour), Active: begun.Add(70 * time.Minute), Device: "Firefox on Linux", IP: "192.0.2.8"},
		{Client: k.app.ClientID(), Created: begun.Add(70 * time.Minute), Active: begun.Add(70 * time.Minute), Device: "Firefox on Linux", IP: "192.0.2.8", Origin: seen.ID, Current: true},
		{Client: k.app.ClientID(), Created: begun, Active: begun, Device: "MyApp on Android", IP: "192.0.2.7"},
	}
	for i, s := range page {
		got := *s
		got.ID = ""
		if got != want[i] {
			t.Errorf("session %d is\n%+v, want\n%+v", i, got, want[i])
		}
	}
	if got := k.all("alice"); len(got) != 3 || slices.ContainsFunc(got, func(s *identity.UserSession) bool { return s.Current }) {
		t.Errorf("an operator sees %d sessions, or one as the current", len(got))
	}

	rec, err := k.pool.Admin().Users().Export(t.Context(), "alice", false)
	check(t, "Export", err)
	for _, r := range rec.SignIns {
		if s := page[slices.IndexFunc(page, func(s *identity.UserSession) bool { return s.Created.Equal(r.Active) || s.Browser && r.Browser })]; r.Device != s.Device || r.IP != s.IP {
			t.Errorf("the export has %+v of %+v", r, s)
		}
	}

	f.advance(time.Minute)
	_, err = k.app.Refresh(calling(t.Context(), "192.0.2.9", safari), identity.Refresh{Token: in.Tokens.Refresh})
	check(t, "Refresh", err)
	got := k.all("alice")[0]
	if !got.Active.Equal(f.now()) || !got.Created.Equal(begun) || got.IP != "192.0.2.9" || got.Device != "Safari on iPhone" {
		t.Errorf("after a refresh the session is %+v", got)
	}
}

// A rotation writes the record of a session, and leaves when it began.
func TestSessionsThatRotate(t *testing.T) {
	k := track(t, tracked(20))
	k.set(k.app, func(c *identity.ClientSettings) {
		c.AuthFlows, c.Rotation = []identity.AuthFlow{identity.AllowUserPassword}, &identity.RefreshRotation{Enabled: true}
	})
	cookie := k.browse(t.Context(), k.app)
	k.advance(time.Minute)
	begun := k.now()
	tokens := k.through(t.Context(), k.app, cookie)
	k.advance(time.Second)
	check(t, "Refresh", second(k.app.Refresh(calling(t.Context(), "192.0.2.9", safari), identity.Refresh{Token: tokens.Refresh, Rotating: true})))
	got := k.all("alice")[0]
	if got.Browser { // which was used at the same time
		got = k.all("alice")[1]
	}
	if !got.Active.Equal(k.now()) || !got.Created.Equal(begun) || got.IP != "192.0.2.9" || got.Device != "Safari on iPhone" {
		t.Errorf("after a rotation the session is %+v", got)
	}
}

// A token without the scope for it neither lists nor ends sessions.
func TestSessionsNeedTheScope(t *testing.T) {
	k := track(t, tracked(20))
	k.set(k.app, func(c *identity.ClientSettings) { c.OAuthScopes = []string{"openid"} })
	s := k.session(k.through(t.Context(), k.app, k.browse(t.Context(), k.app)))
	wantErr(t, "Sessions", third(s.Sessions(t.Context(), identity.SessionQuery{})), identity.ErrAccessTokenScope)
	for _, other := range k.all("alice") {
		wantErr(t, "RevokeSession", s.RevokeSession(t.Context(), identity.RevokeSession{ID: other.ID}), identity.ErrAccessTokenScope)
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }

// A browser was used when a session through it was.
func TestBrowsersAreActiveByTheirSessions(t *testing.T) {
	k := track(t, tracked(20))
	browser := k.browse(t.Context(), k.app)
	k.through(t.Context(), k.app, browser)
	k.advance(3 * time.Hour) // the browser has ended, the session has not
	if got := k.all("alice"); len(got) != 1 || got[0].Browser {
		t.Fatalf("%d sessions, want the one with tokens", len(got))
	}
	check(t, "Update", second(k.pool.Admin().Clients().Update(t.Context(), k.app.ClientID(), func(c *identity.ClientSettings) error {
		c.SSOMinutes = new(600)
		return nil
	})))
	browser = k.browse(t.Context(), k.app)
	tokens := k.through(t.Context(), k.app, browser)
	k.advance(time.Hour)
	check(t, "Refresh", second(k.app.Refresh(t.Context(), identity.Refresh{Token: tokens.Refresh})))
	for _, s := range k.all("alice") {
		if s.Browser && !s.Active.Equal(k.now()) {
			t.Errorf("the browser was active at %v, want %v", s.Active, k.now())
		}
	}
}

// What has ended is not listed, whatever has ended it, and a browser ends with the rest.
func TestEndedSessionsAreNotListed(t *testing.T) {
	for name, end := range few.Named(3, map[string]func(k *tracker, in *identity.Tokens){
		"sign-out everywhere": func(k *tracker, in *identity.Tokens) {
			check(k.t, "SignOutEverywhere", k.session(in).SignOutEverywhere(k.t.Context()))
		},
		"an operator's": func(k *tracker, _ *identity.Tokens) {
			check(k.t, "SignOut", k.pool.Admin().Users().SignOut(k.t.Context(), "alice"))
		},
		"disabling": func(k *tracker, _ *identity.Tokens) {
			check(k.t, "Disable", k.pool.Admin().Users().Disable(k.t.Context(), "alice"))
		},
		"expiry":   func(k *tracker, _ *identity.Tokens) { k.advance(31 * day) },
		"idleness": func(k *tracker, _ *identity.Tokens) { k.advance(2 * time.Hour) },
		"the end of the client": func(k *tracker, _ *identity.Tokens) {
			check(k.t, "Delete", k.pool.Admin().Clients().Delete(k.t.Context(), k.app.ClientID()))
		},
	}) {
		t.Run(name, func(t *testing.T) {
			k := track(t, tracked(20))
			check(t, "Update", second(k.pool.Admin().Clients().Update(t.Context(), k.app.ClientID(), func(c *identity.ClientSettings) error {
				if name == "idleness" {
					c.IdleHours = new(2)
				}
				return nil
			})))
			in := k.fixture.signIn(t, k.app, "alice")
			browser := k.browse(t.Context(), k.app)
			k.advance(59 * time.Minute)
			if got := k.all("alice"); len(got) != 2 {
				t.Fatalf("%d sessions before, want 2", len(got))
			}
			end(k, in)
			if got := k.all("alice"); len(got) != 0 {
				t.Errorf("%+v is listed", got[0])
			}
			if _, err := k.other.Browser(t.Context(), browser); name != "the end of the client" {
				wantErr(t, "Browser", err, identity.ErrNotSignedIn)
			}
		})
	}
}

// A session whose row is still there after its end is neither listed nor revoked.
func TestEndedSessionsThatAreStored(t *testing.T) {
	for name, end := range map[string]func(k *tracker){
		"expired": func(k *tracker) { k.advance(31 * day) },
		"one of more sign-ins than a sign-out deletes": func(k *tracker) {
			k.edit(k.t, k.pool, "alice", func(u *identity.User) { u.NotBefore = k.now() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := track(t, tracked(20))
			id := k.own(k.fixture.signIn(t, k.app, "alice"))
			k.advance(time.Second)
			end(k)
			if got := k.all("alice"); len(got) != 0 || signInsOf(t, k.store, k.pool.PoolID(), k.user(t, k.pool, "alice").Sub) != 1 {
				t.Errorf("%d sessions, want none, and one in the store", len(got))
			}
			wantErr(t, "RevokeSession", k.pool.Admin().Users().RevokeSession(t.Context(), "alice", identity.RevokeSession{ID: id}), identity.ErrSessionNotFound)
		})
	}
}

// Where sessions are not tracked there is nothing to see, and sign-ins from such a time are on record
// once they are refreshed.
func TestSignInsFromBeforeTracking(t *testing.T) {
	k := track(t, cognitoPool)
	in := k.fixture.signIn(t, k.app, "alice")
	cookie, begun := k.browse(t.Context(), k.app), k.now()
	session := k.session(in)
	id := "tkn" + strings.Repeat("0", 25)
	_, _, err := session.Sessions(t.Context(), identity.SessionQuery{})
	wantErr(t, "Sessions", err, identity.ErrSessionsOff)
	wantErr(t, "RevokeSession", session.RevokeSession(t.Context(), identity.RevokeSession{ID: id}), identity.ErrSessionsOff)
	_, _, err = k.pool.Admin().Users().Sessions(t.Context(), "alice", identity.SessionQuery{})
	wantErr(t, "Users.Sessions", err, identity.ErrSessionsOff)
	wantErr(t, "Users.RevokeSession", k.pool.Admin().Users().RevokeSession(t.Context(), "alice", identity.RevokeSession{ID: id}), identity.ErrSessionsOff)

	check(t, "Update", second(k.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.Sessions = tracked(1).Sessions
		return nil
	})))
	later := k.fixture.signIn(t, k.app, "alice")
	if got := k.all("alice"); len(got) != 1 || got[0].ID != k.own(later) {
		t.Fatalf("%d sessions, want the one from after", len(got))
	}
	check(t, "Refresh", second(k.app.Refresh(t.Context(), identity.Refresh{Token: in.Refresh})))
	if got := k.all("alice"); len(got) != 2 {
		t.Errorf("%d sessions after a refresh, want 2", len(got))
	}
	k.advance(time.Minute)
	k.through(t.Context(), k.app, cookie)
	i := slices.IndexFunc(k.all("alice"), func(s *identity.UserSession) bool { return s.Browser })
	if i < 0 {
		t.Fatal("a browser that was used is not listed")
	}
	if got := k.all("alice")[i]; !got.Created.Equal(begun) || !got.Active.Equal(k.now()) || got.Device != "unknown" {
		t.Errorf("a browser that was used is %+v", got)
	}
}

// Safe pools track sessions unless they are told not to.
func TestSafePoolsTrackSessions(t *testing.T) {
	off := cognitoPool
	off.Sessions = &identity.SessionSettings{MaxPerUser: 20}
	for name, tt := range map[string]struct {
		settings identity.PoolSettings
		tracks   bool
	}{
		"safe":           {identity.PoolSettings{}, true},
		"safe, off":      {identity.PoolSettings{Sessions: &identity.SessionSettings{MaxPerUser: 20}}, false},
		"service's":      {cognitoPool, false},
		"service's, on":  {tracked(20), true},
		"service's, off": {off, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newEngine(t)
			pool := f.open(t, tt.settings)
			f.join(t, pool, "alice", email)
			f.signIn(t, f.client(t, pool, identity.ClientSettings{}), "alice")
			page, _, err := pool.Admin().Users().Sessions(t.Context(), "alice", identity.SessionQuery{})
			if !tt.tracks {
				wantErr(t, "Sessions", err, identity.ErrSessionsOff)
				return
			}
			if check(t, "Sessions", err); len(page) != 1 || page[0].Device != "unknown" || page[0].IP != "" {
				t.Errorf("sessions %+v", page)
			}
		})
	}
}

func TestPagesOfSessions(t *testing.T) {
	k := track(t, tracked(20))
	for range 7 {
		k.fixture.signIn(t, k.app, "alice")
		k.fixture.signIn(t, k.app, "bob")
		k.advance(time.Second)
	}
	want := map[string]bool{}
	for _, s := range k.all("alice") {
		want[s.ID] = true
	}
	us := k.pool.Admin().Users()
	after, pages := "", 0
	for more := true; more; pages++ {
		page, next, err := us.Sessions(t.Context(), "alice", identity.SessionQuery{After: after, Limit: 3})
		check(t, "Sessions", err)
		if !slices.IsSortedFunc(page, func(a, b *identity.UserSession) int { return b.Active.Compare(a.Active) }) {
			t.Errorf("page %d is not in order", pages)
		}
		for _, s := range page {
			if !want[s.ID] {
				t.Errorf("%s comes twice, or is not of the user", s.ID)
			}
			delete(want, s.ID)
		}
		after, more = next, next != ""
	}
	if pages != 3 || len(want) != 0 {
		t.Errorf("%d pages, and %d sessions are on none", pages, len(want))
	}
	for _, q := range []identity.SessionQuery{{After: "x"}, {After: "tkn" + strings.Repeat("z", 25)}, {After: "TKN" + strings.Repeat("0", 25)}} {
		_, _, err := us.Sessions(t.Context(), "alice", q)
		wantErr(t, "Sessions after "+q.After, err, identity.ErrInvalidPosition)
	}
	_, _, err := us.Sessions(t.Context(), "alice", identity.SessionQuery{Limit: -1})
	wantErr(t, "Sessions", err, identity.ErrInvalidParameter)
	_, _, err = us.Sessions(t.Context(), "nobody", identity.SessionQuery{})
	wantErr(t, "Sessions of nobody", err, identity.ErrUserNotFound)
}

func TestRevokeSession(t *testing.T) {
	k := track(t, tracked(20))
	us := k.pool.Admin().Users()
	own, lost := k.fixture.signIn(t, k.app, "alice"), k.fixture.signIn(t, k.other, "alice")
	bobs := k.own(k.fixture.signIn(t, k.app, "bob"))
	session, id := k.session(own), k.own(lost)
	for name, tt := range map[string]struct {
		id   string
		want error
	}{
		"the own":               {k.own(own), identity.ErrOwnSession},
		"another user's":        {bobs, identity.ErrSessionNotFound},
		"of the other kind":     {"sso" + id[3:], identity.ErrSessionNotFound},
		"nothing":               {"", identity.ErrSessionNotFound},
		"too short":             {id[:27], identity.ErrSessionNotFound},
		"another form":          {"tkn" + strings.ToUpper(id[3:]), identity.ErrSessionNotFound},
		"more than an id can":   {"tkn" + strings.Repeat("z", 25), identity.ErrSessionNotFound},
		"one that is not there": {"tkn" + strings.Repeat("0", 25), identity.ErrSessionNotFound},
	} {
		wantErr(t, name, session.RevokeSession(t.Context(), identity.RevokeSession{ID: tt.id, Linked: true}), tt.want)
		if tt.want != identity.ErrOwnSession { //nolint:errorlint // of the table
			wantErr(t, name+", by an operator", us.RevokeSession(t.Context(), "alice", identity.RevokeSession{ID: tt.id}), tt.want)
		}
	}
	k.stands("before", own, true)
	k.stands("before", lost, true)
	check(t, "RevokeSession", session.RevokeSession(t.Context(), identity.RevokeSession{ID: id}))
	k.stands("the lost one", lost, false)
	k.stands("the own", own, true)
	wantErr(t, "again", session.RevokeSession(t.Context(), identity.RevokeSession{ID: id}), identity.ErrSessionNotFound)
	check(t, "by an operator", us.RevokeSession(t.Context(), "alice", identity.RevokeSession{ID: k.own(own)}))
	k.stands("the own, by an operator", own, false)
	wantErr(t, "nobody", us.RevokeSession(t.Context(), "nobody", identity.RevokeSession{ID: id}), identity.ErrUserNotFound)
	if n := k.events(t, identity.EventSignInRevoked); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// stands checks whether the tokens of a sign-in are taken.
func (k *tracker) stands(which string, in *identity.Tokens, want bool) {
	k.t.Helper()
	_, err := k.pool.Session(k.t.Context(), in.Access)
	if (err == nil) != want || err != nil && !errors.Is(err, identity.ErrAccessTokenRevoked) {
		k.t.Errorf("%s, access token: %v", which, err)
	}
}

func TestLinkedSessions(t *testing.T) {
	const browser, first, another, apart = 0, 1, 2, 3
	for name, tt := range few.Named(3, map[string]struct {
		target int
		linked bool
		ended  []int
	}{
		"a browser":            {browser, false, []int{browser}},
		"a browser, linked":    {browser, true, []int{browser, first, another}},
		"tokens":               {first, false, []int{first}},
		"tokens, linked":       {first, true, []int{browser, first}},
		"tokens of no browser": {apart, true, []int{apart}},
	}) {
		t.Run(name, func(t *testing.T) {
			k := track(t, tracked(20))
			cookie := k.browse(t.Context(), k.app)
			tokens := []*identity.Tokens{browser: nil, k.through(t.Context(), k.app, cookie), k.through(t.Context(), k.other, cookie), k.fixture.signIn(t, k.app, "alice")}
			caller := k.session(k.fixture.signIn(t, k.app, "alice"))
			target := ""
			for _, s := range k.all("alice") {
				if s.Browser {
					target = s.ID
				}
			}
			if tt.target != browser {
				target = k.own(tokens[tt.target])
			}
			check(t, "RevokeSession", caller.RevokeSession(t.Context(), identity.RevokeSession{ID: target, Linked: tt.linked}))
			for i, in := range tokens[1:] {
				k.stands("tokens", in, !slices.Contains(tt.ended, i+1))
			}
			_, err := k.other.Browser(t.Context(), cookie)
			if ended := errors.Is(err, identity.ErrNotSignedIn); ended != slices.Contains(tt.ended, browser) {
				t.Errorf("the browser: %v", err)
			}
		})
	}
}

// A refresh token may take the browser along, in pools that track sessions.
func TestRevokeLinked(t *testing.T) {
	for name, tt := range map[string]struct {
		settings identity.PoolSettings
		linked   bool
		ends     bool
	}{
		"alone":     {tracked(20), false, false},
		"linked":    {tracked(20), true, true},
		"untracked": {cognitoPool, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := track(t, tt.settings)
			cookie := k.browse(t.Context(), k.app)
			one, two := k.through(t.Context(), k.app, cookie), k.through(t.Context(), k.app, cookie)
			revoke := k.app.Revoke
			if tt.linked {
				revoke = k.app.RevokeLinked
			}
			for range 2 {
				check(t, "Revoke", revoke(t.Context(), one.Refresh, ""))
			}
			k.stands("its tokens", one, false)
			k.stands("other tokens through the browser", two, true)
			_, err := k.app.Browser(t.Context(), cookie)
			if ended := errors.Is(err, identity.ErrNotSignedIn); ended != tt.ends {
				t.Errorf("the browser: %v", err)
			}
			apart := k.fixture.signIn(t, k.app, "alice")
			check(t, "Revoke without a browser", revoke(t.Context(), apart.Refresh, ""))
			k.stands("tokens without a browser", apart, false)
		})
	}
}
