package identity_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// The session that was used least recently gives way to a new one, in all clients together.
func TestSessionsOfAUserAreBounded(t *testing.T) {
	k := track(t, tracked(3))
	var all []*identity.Tokens
	for i := range 3 {
		all = append(all, k.fixture.signIn(t, []*identity.AppClient{k.app, k.other}[i%2], "alice"))
		k.advance(2 * time.Minute)
	}
	bobs := k.fixture.signIn(t, k.app, "bob")
	check(t, "Refresh", second(k.app.Refresh(t.Context(), identity.Refresh{Token: all[0].Refresh})))
	cookie := k.browse(t.Context(), k.app) // browsers are counted apart
	for i := range all {
		k.stands("up to the limit", all[i], true)
	}
	k.through(t.Context(), k.app, cookie)
	for i, want := range []bool{true, false, true} {
		k.stands("beyond the limit", all[i], want)
	}
	k.stands("another user's", bobs, true)
	check(t, "Update", second(k.pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.Sessions.MaxPerUser = 1
		return nil
	})))
	k.stands("a lower limit ends nothing at once", all[2], true)
	last := k.fixture.signIn(t, k.app, "alice")
	k.stands("a lower limit", all[0], false)
	k.stands("the new one", last, true)
	if got := k.all("alice"); len(got) != 2 || !slices.ContainsFunc(got, func(s *identity.UserSession) bool { return s.Browser }) {
		t.Errorf("%d sessions, want one with tokens, and the browser", len(got))
	}
}

// A session that has expired takes no other's place.
func TestExpiredSessionsAreNotCounted(t *testing.T) {
	k := track(t, tracked(2))
	k.set(k.other, func(c *identity.ClientSettings) { c.RefreshTokenValidity = new(1) }) // day
	long := k.fixture.signIn(t, k.app, "alice")
	k.advance(time.Minute)
	k.fixture.signIn(t, k.other, "alice")
	k.advance(day)
	k.fixture.signIn(t, k.app, "alice")
	check(t, "Refresh of the first session", second(k.app.Refresh(t.Context(), identity.Refresh{Token: long.Refresh})))
}

// A thousand sign-ins leave no more than the limits allow: one page of sessions.
func TestAThousandSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 1,000 sign-ins")
	}
	k := track(t, tracked(100))
	sub := k.user(t, k.pool, "alice").Sub
	for i := range 1000 {
		if i%4 == 0 {
			k.browse(t.Context(), k.app)
		} else {
			k.fixture.signIn(t, k.app, "alice")
		}
		k.advance(time.Second)
	}
	got := k.all("alice")
	browsers := 0
	for _, s := range got {
		if s.Browser {
			browsers++
		}
	}
	if n := signInsOf(t, k.store, k.pool.PoolID(), sub); len(got) != 125 || browsers != 25 || n != 125 {
		t.Errorf("%d sessions, %d of them browsers, and %d sign-ins; want 125, 25 and 125", len(got), browsers, n)
	}
}

// A browser with more sessions through it than one transaction ends.
func TestLinkedSessionsBeyondATransaction(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 501 sessions")
	}
	safe := identity.PoolSettings{MaxSignIns: new(0)}
	k := track(t, safe)
	cookie := k.browse(t.Context(), k.app)
	var all []*identity.Tokens
	for range 501 {
		all = append(all, k.through(t.Context(), k.app, cookie))
	}
	var browser string
	for after, more := "", true; more; {
		page, next, err := k.pool.Admin().Users().Sessions(t.Context(), "alice", identity.SessionQuery{After: after})
		check(t, "Sessions", err)
		for _, s := range page {
			if s.Browser {
				browser = s.ID
			}
		}
		after, more = next, next != ""
	}
	check(t, "RevokeSession", k.pool.Admin().Users().RevokeSession(t.Context(), "alice", identity.RevokeSession{ID: browser, Linked: true}))
	for _, in := range all {
		k.stands("through the browser", in, false)
	}
	if got := k.all("alice"); len(got) != 0 {
		t.Errorf("%d sessions are left", len(got))
	}
}

// A committedStore counts the transactions that write.
type committedStore struct {
	store.Store
	n int
}

func (s *committedStore) Update(ctx context.Context, fn func(store.Tx) error) error {
	s.n++
	return s.Store.Update(ctx, fn)
}

// A session is written at most once a minute, and not at all where sessions are not tracked.
func TestWritesOfARefresh(t *testing.T) {
	for name, tt := range map[string]struct {
		settings identity.PoolSettings
		writes   []bool // of refreshes after 59 s, 1 s, 1 s
	}{
		"tracked":   {tracked(20), []bool{false, true, false}},
		"untracked": {cognitoPool, []bool{false, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &committedStore{Store: memory.New()}
			f := newEngineOn(t, s)
			pool := f.open(t, tt.settings)
			f.join(t, pool, "alice", email)
			a := f.client(t, pool, identity.ClientSettings{})
			in := f.signIn(t, a, "alice")
			for i, pause := range []time.Duration{59 * time.Second, time.Second, time.Second} {
				f.advance(pause)
				before := s.n
				check(t, "Refresh", second(a.Refresh(t.Context(), identity.Refresh{Token: in.Refresh})))
				if wrote := s.n > before; wrote != tt.writes[i] {
					t.Errorf("refresh %d wrote: %t, want %t", i, wrote, tt.writes[i])
				}
			}
		})
	}
}
