package oauth_test

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/memory"
)

// together sends requests at the same time, and fails unless each shows the page.
func (b *loginBrowser) together(n int, want string) {
	b.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			a, err := b.try(b.Context(), http.MethodGet, "/me", nil)
			if err != nil {
				b.Error(err)
				return
			}
			if a.status != http.StatusOK || a.body != want {
				b.Errorf("%d %q to %q", a.status, a.body, a.location)
			}
		})
	}
	all.Wait()
}

// Requests that come together refresh once. A second use of the refresh token would end the family.
func TestRefreshOnce(t *testing.T) {
	t.Parallel()
	for name, edit := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLoginWorld(t, edit)
			b := w.browser()
			w.large("large")
			b.signIn("large")
			w.slow.Store(int64(50 * time.Millisecond))
			for range 3 {
				w.advance(time.Hour - time.Second)
				b.in("large")
				w.advance(time.Hour)
				calls := w.tokenCalls.Load()
				b.together(20, "hello large")
				if n := w.tokenCalls.Load() - calls; n != 1 {
					t.Fatalf("%d calls of the token endpoint", n)
				}
			}
		})
	}
}

// A request that the browser sent before it got the new cookie is answered with it.
func TestOldCookieAfterARefresh(t *testing.T) {
	w := newLoginWorld(t, nil)
	b := w.browser()
	b.signIn("ann")
	old := maps.Clone(b.cookies())
	w.advance(time.Hour - 20*time.Second)
	b.in("ann")
	if first(old) == first(b.cookies()) {
		t.Fatal("nothing was refreshed")
	}
	late := w.browser()
	late.plant(old)
	w.advance(30 * time.Second) // the old access token has expired
	late.in("ann")
	b.in("ann")
	w.advance(58 * time.Minute)
	b.in("ann") // the family stands
	w.advance(10 * time.Minute)
	b.in("ann")
	late.forget()
	late.plant(old)
	late.in("") // much later it is reuse
}

// Two processes on one store refresh once.
func TestRefreshInSeveralProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for slow answers; TestRefreshOnce does so in one process")
	}
	t.Parallel()
	w := newLoginWorld(t, modes["in the store"])
	b := w.browser()
	b.signIn("ann")
	programs := []http.Handler{
		program(w.middleware(w.options, keyOne)), program(w.middleware(w.options, keyOne)), program(w.middleware(w.options, keyOne)),
	}
	cookie := b.head() + "=" + first(b.cookies())
	w.slow.Store(int64(100 * time.Millisecond))
	for range 2 {
		w.advance(time.Hour - time.Second)
		b.in("ann")
		w.advance(time.Hour)
		calls := w.tokenCalls.Load()
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				if res := serve(programs[i%len(programs)], http.MethodGet, w.app.URL+"/me", nil, "Cookie", cookie); res.StatusCode != http.StatusOK {
					t.Errorf("%d", res.StatusCode)
				}
			})
		}
		all.Wait()
		if n := w.tokenCalls.Load() - calls; n != 1 {
			t.Fatalf("%d calls of the token endpoint", n)
		}
	}
}

// A hooked store has something happen before its next Update.
type hooked struct {
	store.Store
	before func()
}

// Update implements [store.Store].
func (h *hooked) Update(ctx context.Context, fn func(store.Tx) error) error {
	if before := h.before; before != nil {
		h.before = nil
		before()
	}
	return h.Store.Update(ctx, fn)
}

// A request that only notes that the browser was seen does not bring tokens back that another
// request has replaced meanwhile.
func TestSeenBrowserKeepsNewTokens(t *testing.T) {
	h := &hooked{Store: memory.New()}
	w := newLoginWorld(t, func(o *login.Options) { o.Store = h })
	b := w.browser()
	b.signIn("ann")
	w.advance(30 * time.Minute)
	calls := w.tokenCalls.Load()
	h.before = func() {
		w.advance(29*time.Minute + 45*time.Second)
		b.in("ann")
	}
	b.in("ann")
	if n := w.tokenCalls.Load() - calls; n != 1 || h.before != nil {
		t.Fatalf("%d calls of the token endpoint", n)
	}
	for range 2 {
		w.advance(59*time.Minute + 45*time.Second)
		b.in("ann")
	}
}

// A sign-in that has ended at the server ends here at the refresh.
func TestSignInsThatHaveEnded(t *testing.T) {
	for mode, edit := range few.Named(2, modes) {
		for name, end := range map[string]func(w *loginWorld, b *loginBrowser){
			"the refresh token has expired": func(w *loginWorld, _ *loginBrowser) { w.advance(31 * 24 * time.Hour) },
			"the user is disabled": func(w *loginWorld, _ *loginBrowser) {
				if err := w.pool.Admin().Users().Disable(w.Context(), "ann"); err != nil {
					w.Fatal(err)
				}
			},
			"the user is signed out everywhere": func(w *loginWorld, _ *loginBrowser) {
				if err := w.pool.Admin().Users().SignOut(w.Context(), "ann"); err != nil {
					w.Fatal(err)
				}
			},
			"the user is deleted": func(w *loginWorld, _ *loginBrowser) {
				if err := w.pool.Admin().Users().Delete(w.Context(), "ann"); err != nil {
					w.Fatal(err)
				}
			},
		} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				w := newLoginWorld(t, func(o *login.Options) {
					if o.Life, o.Idle = 1000*time.Hour, 1000*time.Hour; edit != nil {
						edit(o)
					}
				})
				b := w.browser()
				b.signIn("ann")
				end(w, b)
				b.in(map[bool]string{true: "ann"}[w.now().Sub(loginStart) < time.Hour]) // until the access token expires
				w.advance(time.Hour)
				b.in("")
				if left := b.cookies(); len(left) != 0 {
					t.Errorf("cookies are left: %v", left)
				}
			})
		}
	}
}

// Without a refresh token the sign-in ends with the access token.
func TestNoRefreshToken(t *testing.T) {
	f := newForger(t)
	f.refresh = ""
	b := f.signedIn()
	f.advance(time.Hour)
	if res := b("/me"); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d", res.StatusCode)
	}
}

// While the server is down, a sign-in waits, and does not end.
func TestServerThatIsDown(t *testing.T) {
	for name, edit := range few.Named(2, modes) {
		t.Run(name, func(t *testing.T) {
			w := newLoginWorld(t, edit)
			b := w.browser()
			b.signIn("ann")
			w.down.Store(true)
			w.advance(time.Hour - 20*time.Second)
			b.in("ann") // the access token is good for 20 seconds
			w.advance(20 * time.Second)
			if a := b.get("/me"); a.status != http.StatusServiceUnavailable {
				t.Errorf("%d %s", a.status, a.body)
			}
			w.down.Store(false)
			b.in("ann")
			w.down.Store(true)
			if a := b.send(http.MethodPost, "/sign-out", nil); a.status != http.StatusSeeOther {
				t.Errorf("sign-out: %d", a.status)
			}
			b.in("") // signed out here
		})
	}
}

// A program can start before its server: discovery is tried again.
func TestDiscoveryIsTriedAgain(t *testing.T) {
	w := newLoginWorld(t, nil)
	w.down.Store(true)
	b := w.browser()
	if a := b.get("/sign-in"); a.status != http.StatusServiceUnavailable || strings.Contains(a.body, w.idp.URL) {
		t.Errorf("%d %s", a.status, a.body)
	}
	w.down.Store(false)
	b.signIn("ann")
	b.in("ann")
}

func TestLifeAndIdle(t *testing.T) {
	for name, edit := range few.Named(2, modes) {
		t.Run(name, func(t *testing.T) {
			w := newLoginWorld(t, func(o *login.Options) {
				if o.Life, o.Idle = 5*time.Hour, 32*time.Minute; edit != nil {
					edit(o)
				}
			})
			b := w.browser()
			b.signIn("ann")
			for range 9 {
				w.advance(31 * time.Minute)
				b.in("ann")
			}
			w.advance(22 * time.Minute)
			b.in("") // after five hours
			b.signIn("ann")
			w.advance(35 * time.Minute)
			b.in("") // after 32 minutes and a part
		})
	}
}

// Keys are changed by a new one in front.
func TestKeysAreChanged(t *testing.T) {
	for name, edit := range few.Named(2, modes) {
		t.Run(name, func(t *testing.T) {
			w := newLoginWorld(t, edit)
			b := w.browser()
			b.signIn("ann")
			w.app.Config.Handler = program(w.middleware(w.options, keyTwo, keyOne))
			b.in("ann")
			w.advance(time.Hour - time.Second)
			b.in("ann") // sealed anew
			w.app.Config.Handler = program(w.middleware(w.options, keyTwo))
			b.in("ann")
			w.app.Config.Handler = program(w.middleware(w.options, keyOne))
			b.in("")
		})
	}
}

// Tokens are split into cookies as far as browsers take them, and refused beyond.
func TestLargeTokens(t *testing.T) {
	w := newLoginWorld(t, nil)
	w.large("large")
	var groups []string
	for i := range 80 {
		groups = append(groups, "huge"+strings.Repeat(string(rune('A'+i%26))+string(rune('a'+i/26)), 60))
	}
	w.user("huge", groups...)
	b := w.browser()
	b.signIn("large")
	large := len(b.cookies())
	if large < 2 {
		t.Errorf("%d cookies", large)
	}
	for name, value := range b.cookies() {
		if len(name)+len(value) > 4000 {
			t.Errorf("a cookie of %d bytes", len(value))
		}
	}
	b.send(http.MethodPost, "/sign-out", nil)
	if n := len(b.cookies()); n != 0 {
		t.Errorf("%d cookies are left", n)
	}
	other := w.browser()
	a := other.get(other.begin("huge"))
	if a.status != http.StatusInternalServerError || len(other.cookies()) != 0 {
		t.Errorf("%d, %d cookies\n%s", a.status, len(other.cookies()), a.body)
	}
	other.in("")
	// A shorter sign-in leaves no piece of the longer one.
	b.signIn("large")
	fresh := w.browser()
	fresh.plant(b.cookies())
	fresh.signIn("bob")
	fresh.in("bob")
	if n := len(fresh.cookies()); n != 1 {
		t.Errorf("%d cookies", n)
	}
	w.options.Store = memory.New()
	w.app.Config.Handler = program(w.middleware(w.options, keyOne))
	stored := w.browser()
	stored.signIn("huge")
	stored.in("huge")
}

// A client without a secret and without rotation works too.
func TestPublicClient(t *testing.T) {
	w := newLoginWorld(t, nil)
	w.client = w.newClient(func(c *identity.ClientSettings) { c.Secret, c.Rotation = "", nil })
	w.options.Secret = ""
	w.app.Config.Handler = program(w.middleware(w.options, keyOne))
	b := w.browser()
	b.signIn("ann")
	for range 3 {
		w.advance(time.Hour - time.Second)
		b.in("ann")
	}
}

// A mistake of the program ends no sign-in.
func TestWrongSecret(t *testing.T) {
	w := newLoginWorld(t, nil)
	b := w.browser()
	b.signIn("ann")
	w.options.Secret = "wrong"
	w.app.Config.Handler = program(w.middleware(w.options, keyOne))
	other := w.browser()
	if a := other.get(other.begin("bob")); a.status != http.StatusInternalServerError {
		t.Errorf("the callback: %d %s", a.status, a.body)
	}
	w.advance(time.Hour)
	if a := b.get("/me"); a.status != http.StatusInternalServerError {
		t.Errorf("the refresh: %d %s", a.status, a.body)
	}
	w.options.Secret = loginClientSecret
	w.app.Config.Handler = program(w.middleware(w.options, keyOne))
	b.in("ann")
}
