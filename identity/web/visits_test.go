package web_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/store/bolt"
	"github.com/cognate-id/cognate/store/memory"
	"github.com/cognate-id/cognate/store/sealed"
)

func TestVisit(t *testing.T) {
	a := start(t, memory.New(), nil)
	b := a.browser()
	b.in("")
	b.signIn("alice")
	b.in("alice")
	if status, _, _ := b.send(http.MethodPost, "/hello"); status != http.StatusOK {
		t.Errorf("POST /hello = %d", status)
	}
	old := b.visit()
	if status, body, _ := b.send(http.MethodPost, "/out"); status != http.StatusOK {
		t.Fatalf("sign-out: %d %s", status, body)
	}
	if left := b.cookies(); len(left) != 1 || left[0].Name != "__Host-device" { // which signs nobody in
		t.Errorf("cookies after the sign-out: %v", left)
	}
	b.in("")
	b.set(old)
	b.in("")
	if n := a.visitRows(); n != 0 {
		t.Errorf("%d visits are left", n)
	}
	if status, body, _ := a.browser().send(http.MethodPost, "/out"); status != http.StatusOK {
		t.Errorf("sign-out without a visit: %d %s", status, body)
	}
}

func TestCookie(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		o          *web.Options
	}{
		{"https", `__Host-visit=`, nil},
		{"http", `visit=`, &web.Options{InsecureHTTP: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := start(t, memory.New(), tt.o)
			res, err := a.server.Client().Post(a.server.URL+"/sign-in?name=alice", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			cookies := res.Cookies()
			if len(cookies) != 1 {
				t.Fatalf("cookies = %v", cookies)
			}
			c := cookies[0]
			if !strings.HasPrefix(c.Raw, tt.want) || len(c.Value) != 26 || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 ||
				!c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != (tt.o == nil) {
				t.Errorf("Set-Cookie = %s", c.Raw)
			}
		})
	}
}

// TestSignInIgnoresTheVisitThatWasThere is session fixation: what an attacker has put into the
// browser, or has seen of it, is worth nothing after the sign-in.
func TestSignInIgnoresTheVisitThatWasThere(t *testing.T) {
	a := start(t, memory.New(), nil)
	a.join("mallory")
	attacker, victim := a.browser(), a.browser()
	attacker.signIn("mallory")
	planted := attacker.visit()
	victim.set(planted)
	victim.in("mallory")
	victim.signIn("alice")
	victim.in("alice")
	if got := victim.visit(); got == planted {
		t.Error("the id of the visit stays at a sign-in")
	}
	attacker.in("") // the planted visit has ended
	if n := a.visitRows(); n != 1 {
		t.Errorf("%d visits, want that of the victim", n)
	}

	made := a.browser()
	made.set("AAAAAAAAAAAAAAAAAAAAAAAAAA") // an id that nobody has given out
	made.in("")
	made.signIn("alice")
	if got := made.visit(); got == "AAAAAAAAAAAAAAAAAAAAAAAAAA" {
		t.Error("the browser chooses the id of the visit")
	}
}

func TestOtherSitesAreRefused(t *testing.T) {
	a := start(t, memory.New(), nil)
	b := a.browser()
	for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		if status, _, _ := b.send(http.MethodPost, "/sign-in?name=alice", from...); status != http.StatusBadRequest || len(b.cookies()) != 0 {
			t.Errorf("%v: a sign-in is answered by %d, cookies %v", from, status, b.cookies())
		}
	}
	b.signIn("alice")
	for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
		for path, want := range map[string]int{"/hello": 403, "/out": 400, "/out-everywhere": 400} {
			if status, _, _ := b.send(http.MethodPost, path, from...); status != want {
				t.Errorf("%v: POST %s = %d, want %d", from, path, status, want)
			}
		}
		b.in("alice")
		if status, _, _ := b.send(http.MethodGet, "/hello", from...); status != http.StatusOK {
			t.Errorf("%v: a link is answered by %d", from, status)
		}
	}
	if status, _, _ := b.send(http.MethodPost, "/hello", "Sec-Fetch-Site", "same-origin", "Origin", a.server.URL); status != http.StatusOK {
		t.Errorf("a form of ours is answered by %d", status)
	}
}

func TestForeignVisit(t *testing.T) {
	a := start(t, memory.New(), nil)
	other, err := a.engine.OpenUserPool(t.Context(), "other", nil)
	if err != nil {
		t.Fatal(err)
	}
	b := a.browser()
	b.signIn("alice")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-visit", Value: b.visit()})
	if v, err := a.visits.Current(r); err != nil || v.Session.Claims().Username != "alice" || !v.Began.Equal(a.clock.Now()) {
		t.Errorf("Current = %v, %v", v, err)
	}
	if _, err := web.NewVisits(other, a.store, &web.Options{Clock: a.clock.Now}).Current(r); !errors.Is(err, web.ErrNoVisit) {
		t.Errorf("Current of another pool: %v, want ErrNoVisit", err)
	}
	b.in("alice")

	// What the store has for the cookie is not the cookie.
	err = a.store.View(t.Context(), func(r store.Reader) error {
		for e, err := range r.Scan("visits", store.Range{}) {
			if err != nil {
				return err
			}
			if strings.Contains(e.Key+string(e.Value), b.visit()) {
				t.Error("the store has the cookie")
			}
			thief := a.browser()
			thief.set(strings.Trim(e.Key, "\x00\x01"))
			thief.in("")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVisitsExpire(t *testing.T) {
	a := start(t, memory.New(), &web.Options{Life: 5 * time.Hour, Idle: 90 * time.Minute})
	b := a.browser()
	b.signIn("alice")
	a.clock.pass(89 * time.Minute)
	b.in("alice") // with a new access token
	a.clock.pass(96 * time.Minute)
	b.in("")

	b.signIn("alice")
	for range 4 {
		a.clock.pass(74 * time.Minute)
		b.in("alice")
	}
	a.clock.pass(5 * time.Minute)
	b.in("") // in use all the time, and too old

	if n := a.visitRows(); n == 0 {
		t.Fatal("no visits to sweep")
	}
	if _, err := a.engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := a.visitRows(); n != 0 {
		t.Errorf("%d visits are left after the sweep", n)
	}
}

// TestManyRequestsRenewTheTokensOnce is for clients that rotate refresh tokens: a second use of one would
// end the sign-in.
func TestManyRequestsRenewTheTokensOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("sends a crowd of requests, many times")
	}
	a := start(t, memory.New(), nil)
	rotation := identity.RefreshRotation{Enabled: true}
	_, err := a.pool.Admin().Clients().Update(t.Context(), a.pool.ClientID(), func(s *identity.ClientSettings) error {
		s.Rotation = &rotation
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b := a.browser()
	b.signIn("alice")
	for range 3 {
		a.clock.pass(59 * time.Minute)
		b.in("alice")
		a.clock.pass(2 * time.Minute)
		a.store.slow = 10 * time.Millisecond // all have read the old tokens before one has new ones
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { b.in("alice") })
		}
		wg.Wait()
	}
}

func TestRenewalThatWasGivenUp(t *testing.T) {
	a := start(t, memory.New(), nil)
	b := a.browser()
	b.signIn("alice")
	a.clock.pass(59 * time.Minute)
	b.in("alice")
	a.clock.pass(2 * time.Minute)
	a.store.views.Store(3) // of the visit, of the sign-in, and of the refresh, which fails after the claim to renew
	if status, _, _ := b.send(http.MethodGet, "/hello"); status != http.StatusInternalServerError {
		t.Errorf("status %d while the store is down, want 500", status)
	}
	a.clock.pass(11 * time.Second)
	b.in("alice")
}

func TestEndOfTheSignIn(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*app, *browser) error
	}{
		{"everywhere", func(_ *app, phone *browser) error {
			if status, body, _ := phone.send(http.MethodPost, "/out-everywhere"); status != http.StatusOK {
				return errors.New(body)
			}
			phone.in("")
			return nil
		}},
		{"by the operator", func(a *app, _ *browser) error { return a.pool.Admin().Users().SignOut(a.Context(), "alice") }},
		{"disabled", func(a *app, _ *browser) error { return a.pool.Admin().Users().Disable(a.Context(), "alice") }},
		{"deleted", func(a *app, _ *browser) error { return a.pool.Admin().Users().Delete(a.Context(), "alice") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := start(t, memory.New(), nil)
			a.join("bob")
			b, phone, bob := a.browser(), a.browser(), a.browser()
			b.signIn("alice")
			phone.signIn("alice")
			bob.signIn("bob")
			if err := tt.end(a, phone); err != nil {
				t.Fatal(err)
			}
			if n := a.visitRows(); (tt.name == "everywhere" || tt.name == "deleted") && n != 1 {
				t.Errorf("%d visits in the store, want that of bob", n)
			}
			b.in("")
			bob.in("bob")
		})
	}
}

func TestGroups(t *testing.T) {
	a := start(t, memory.New(), nil)
	b := a.browser()
	b.signIn("alice")
	operators := func(want int) {
		t.Helper()
		if status, body, _ := b.send(http.MethodGet, "/operators"); status != want {
			t.Errorf("GET /operators = %d %s, want %d", status, body, want)
		}
	}
	operators(http.StatusForbidden)
	if _, err := a.pool.Admin().Groups().Create(t.Context(), identity.GroupSettings{Name: "owners"}); err != nil {
		t.Fatal(err)
	}
	if err := a.pool.Admin().Users().AddToGroup(t.Context(), "alice", "owners"); err != nil {
		t.Fatal(err)
	}
	operators(http.StatusOK) // at once, though the token does not have it
	if err := a.pool.Admin().Users().RemoveFromGroup(t.Context(), "alice", "owners"); err != nil {
		t.Fatal(err)
	}
	operators(http.StatusForbidden)
	if status, _, location := a.browser().send(http.MethodGet, "/operators"); status != http.StatusSeeOther || location != "/sign-in" {
		t.Errorf("a stranger is answered by %d, %q", status, location)
	}
}

func TestStoreThatIsDownSignsNobodyOut(t *testing.T) {
	a := start(t, memory.New(), nil)
	b := a.browser()
	b.signIn("alice")
	a.store.down = true
	if status, body, _ := b.send(http.MethodGet, "/hello"); status != http.StatusInternalServerError || strings.Contains(body, "down") {
		t.Errorf("GET /hello = %d %q", status, body)
	}
	a.store.down = false
	b.in("alice")
}

// TestVisitsAreKeptLikeOtherTables checks what follows from the catalog: visits outlive the process,
// are encrypted, and are in backups and checks.
func TestVisitsAreKeptLikeOtherTables(t *testing.T) {
	dir := t.TempDir()
	keys, err := sealed.OpenKeyFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, "db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	a := start(t, sealed.New(db, keys, catalog), nil)
	b := a.browser()
	b.signIn("alice")
	cookie := b.visit()
	err = db.View(t.Context(), func(r store.Reader) error {
		for e, err := range r.Scan("visits", store.Range{}) {
			if err != nil {
				return err
			}
			if strings.Contains(string(e.Value), "access") {
				t.Errorf("a visit is in clear text: %s", e.Value)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(s store.Store) (problems int) {
		t.Helper()
		if err := identity.Check(t.Context(), s, catalog, func(p store.Problem) { problems++; t.Log(p) }); err != nil {
			t.Fatal(err)
		}
		return problems
	}
	if n := check(a.store); n != 0 {
		t.Errorf("check finds %d problems", n)
	}

	var backup bytes.Buffer
	if _, err := store.Backup(t.Context(), db, &backup, catalog, &store.BackupOptions{Keys: keys}); err != nil {
		t.Fatal(err)
	}
	copied := memory.New()
	if _, err := store.Restore(t.Context(), copied, bytes.NewReader(backup.Bytes()), catalog, &store.RestoreOptions{Keys: keys}); err != nil {
		t.Fatal(err)
	}
	restored := sealed.New(copied, keys, catalog)
	engine := identity.New(restored, &identity.Options{Catalog: catalog, Clock: a.clock.Now})
	pool, err := engine.OpenUserPool(t.Context(), "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-visit", Value: cookie})
	if _, err := web.NewVisits(pool, restored, &web.Options{Clock: a.clock.Now}).Current(r); err != nil {
		t.Errorf("a visit after the backup was restored: %v", err)
	}
	// A visit whose user is gone is a problem.
	err = restored.Update(t.Context(), func(tx store.Tx) error {
		u, err := pool.Admin().Users().Get(t.Context(), "alice")
		if err != nil {
			return err
		}
		ref := identity.UserRef(pool.PoolID(), u.Sub)
		return tx.Delete(ref.Table, ref.Key)
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := check(restored); n == 0 {
		t.Error("check does not find the visit of a user who is gone")
	}
}

func TestBeginWithoutASignIn(t *testing.T) {
	a := start(t, memory.New(), nil)
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
	if err := a.visits.Begin(w, r, &identity.Tokens{Access: "forged"}); !errors.Is(err, identity.ErrInvalidAccessToken) {
		t.Errorf("Begin = %v", err)
	}
	if c := w.Result().Cookies(); len(c) != 0 {
		t.Errorf("cookies = %v", c)
	}
}

// TestBeginForAUserWhoIsBeingDeleted would leave a visit that nothing deletes with its user.
func TestBeginForAUserWhoIsBeingDeleted(t *testing.T) {
	a := start(t, memory.New(), nil)
	res, err := a.pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	a.store.before = func() {
		if err := a.pool.Admin().Users().Delete(t.Context(), "alice"); err != nil {
			t.Error(err)
		}
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
	if err := a.visits.Begin(w, r, res.Tokens); !errors.Is(err, identity.ErrUserNotFound) {
		t.Errorf("Begin = %v, want ErrUserNotFound", err)
	}
	if n := a.visitRows(); n != 0 {
		t.Errorf("%d visits of nobody", n)
	}
}

func TestEndRevokesTheTokens(t *testing.T) {
	a := start(t, memory.New(), nil)
	res, err := a.pool.SignIn(t.Context(), identity.SignIn{Username: "alice", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil)
	if err := a.visits.Begin(w, r, res.Tokens); err != nil {
		t.Fatal(err)
	}
	r.AddCookie(w.Result().Cookies()[0])
	if err := a.visits.End(w, r); err != nil {
		t.Fatal(err)
	}
	if _, err := a.pool.Session(t.Context(), res.Tokens.Access); !errors.Is(err, identity.ErrAccessTokenRevoked) {
		t.Errorf("the engine says of the access token: %v", err)
	}
}
