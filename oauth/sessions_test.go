package oauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// A watcher keeps the last cookie of a browser that is signed in.
type watcher struct{ last *http.Cookie }

func (w *watcher) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, c := range answer.Cookies() {
		if strings.HasPrefix(c.Name, "cognito-") {
			w.last = c
		}
	}
	return answer, nil
}

// Each client takes a sign-in in a browser for a time of its own, and the cookie lives for the longest.
func TestSilentSignInByClient(t *testing.T) {
	for name, tt := range map[string]struct {
		tracked bool
		cookie  time.Duration
		silent  bool // for the client with the limit of 0, at once
		after   bool // for the client with the limit of 10 hours, after 9
	}{
		"tracked":   {true, 10 * time.Hour, false, true},
		"untracked": {false, time.Hour, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(p *identity.PoolSettings) {
				p.Sessions = &identity.SessionSettings{Tracked: tt.tracked, MaxPerUser: 20}
			})
			never := w.client(func(c *identity.ClientSettings) { c.SSOMinutes = new(0) })
			long := w.client(func(c *identity.ClientSettings) { c.SSOMinutes = new(600) })
			w.user("ann")
			b, cookies := w.browser(), &watcher{}
			b.http.Transport = cookies
			b.code(never, "ann")
			if cookies.last == nil || cookies.last.MaxAge != int(tt.cookie/time.Second) {
				t.Fatalf("the cookie is %v, want a life of %v", cookies.last, tt.cookie)
			}
			silent := func(what string, client *identity.AppClient, want bool) {
				t.Helper()
				_, out := b.get(w.authorizeURL(client, "prompt", "none"))
				if got := out.Query().Get("code") != ""; got != want || !got && refusedAt(out) != "login_required" {
					t.Errorf("%s: %v", what, out)
				}
			}
			silent("the client that takes none", never, tt.silent)
			silent("a client that takes it for an hour", w.public, true)
			w.advance(9 * time.Hour)
			silent("after an hour", w.public, false)
			silent("a client that takes it for longer", long, tt.after)
			w.advance(time.Hour)
			silent("after the longest time", long, false)
			before := cookies.last.Value
			b.code(long, "ann", "prompt", "login")
			if cookies.last.Value == before {
				t.Error("a new sign-in has the cookie of the one before")
			}
			silent("after a new sign-in", long, true)
		})
	}
}

// A client that takes no earlier sign-in signs the browser out all the same.
func TestLogoutOfAClientWithoutSilentSignIn(t *testing.T) {
	w := newWorld(t, func(p *identity.PoolSettings) { p.Sessions = &identity.SessionSettings{Tracked: true, MaxPerUser: 20} })
	never := w.client(func(c *identity.ClientSettings) { c.SSOMinutes = new(0) })
	w.user("ann")
	b := w.browser()
	b.code(never, "ann")
	w.advance(10 * time.Minute)
	b.get("/logout?client_id=" + never.ClientID() + "&logout_uri=https://app.example.com/bye")
	page, _, err := w.pool.Admin().Users().Sessions(t.Context(), "ann", identity.SessionQuery{})
	if err != nil || len(page) != 0 {
		t.Errorf("after logout there are %d sessions, %v", len(page), err)
	}
}
