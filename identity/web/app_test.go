package web_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/store"
)

const password = "correct horse battery staple"

var catalog = identity.Tables().With(web.Tables()...)

// A clock is that of the engine and of the visits.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// An app is a server whose pages are of one line, without a [web.Site].
type app struct {
	*testing.T
	clock  *clock
	store  *switchable
	engine *identity.Engine
	pool   *identity.UserPool
	visits *web.Visits
	server *httptest.Server
}

// A switchable store can be down or slow, and have something happen before an Update.
type switchable struct {
	store.Store
	down   bool
	slow   time.Duration // of each View
	views  atomic.Int64  // how many Views are left before one fails; 0 means any number
	before func()        // is called once, before the next Update
}

var errDown = errors.New("the store is down")

// Unwrap returns the store inside.
func (s *switchable) Unwrap() store.Store { return s.Store }

// View implements [store.Store].
func (s *switchable) View(ctx context.Context, fn func(store.Reader) error) error {
	if s.down || s.views.Load() > 0 && s.views.Add(-1) == 0 {
		return errDown
	}
	time.Sleep(s.slow)
	return s.Store.View(ctx, fn)
}

// Update implements [store.Store].
func (s *switchable) Update(ctx context.Context, fn func(store.Tx) error) error {
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	return s.Store.Update(ctx, fn)
}

func start(t *testing.T, s store.Store, o *web.Options) *app {
	t.Helper()
	a := &app{T: t, clock: &clock{now: time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)}, store: &switchable{Store: s}}
	a.engine = identity.New(a.store, &identity.Options{
		Catalog: catalog, InsecureCheapHashing: true, Clock: a.clock.Now, Sender: identity.NewOutbox(0),
	})
	var err error
	if a.pool, err = a.engine.OpenUserPool(t.Context(), "main", &identity.PoolSettings{Algorithm: "ES256"}); err != nil {
		t.Fatal(err)
	}
	if o == nil {
		o = &web.Options{}
	}
	o.Clock = a.clock.Now
	a.visits = web.NewVisits(a.pool, a.store, o)
	a.server = httptest.NewTLSServer(a.handler())
	t.Cleanup(a.server.Close)
	a.join("alice")
	return a
}

func (a *app) join(names ...string) {
	a.Helper()
	for _, name := range names {
		if _, err := a.pool.Admin().Users().Create(a.Context(), identity.CreateUser{Username: name, SuppressInvitation: true}); err != nil {
			a.Fatal(err)
		}
		if err := a.pool.Admin().Users().SetPassword(a.Context(), name, password, true); err != nil {
			a.Fatal(err)
		}
	}
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, _ := web.FromContext(r.Context())
		w.Write([]byte("hello " + v.Session.Claims().Username))
	})
	mux.Handle("/hello", a.visits.Require(hello))
	mux.Handle("/operators", a.visits.Require(hello, "operators", "owners"))
	mux.HandleFunc("/sign-in", func(w http.ResponseWriter, r *http.Request) {
		res, err := a.pool.SignIn(r.Context(), identity.SignIn{Username: r.FormValue("name"), Password: password})
		if err == nil {
			err = a.visits.Begin(w, r, res.Tokens)
		}
		tell(w, err)
	})
	mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) { tell(w, a.visits.End(w, r)) })
	mux.HandleFunc("/out-everywhere", func(w http.ResponseWriter, r *http.Request) { tell(w, a.visits.EndEverywhere(w, r)) })
	return mux
}

func tell(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

// browser returns a browser with no cookies, which does not follow redirects.
func (a *app) browser() *browser {
	a.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.Fatal(err)
	}
	client := *a.server.Client()
	client.Jar, client.Timeout = jar, 5*time.Second
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{a, &client}
}

type browser struct {
	*app
	client *http.Client
}

// send sends a request, with headers by name and value.
func (b *browser) send(method, path string, header ...string) (status int, body, location string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, b.server.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		b.Fatal(err)
	}
	return res.StatusCode, text.String(), res.Header.Get("Location")
}

func (b *browser) signIn(name string) {
	b.Helper()
	if status, body, _ := b.send(http.MethodPost, "/sign-in?name="+name); status != http.StatusOK {
		b.Fatalf("sign-in: %d %s", status, body)
	}
}

// in checks that the browser is signed in as name, or that it is asked to sign in if name is "".
func (b *browser) in(name string) {
	b.Helper()
	status, body, location := b.send(http.MethodGet, "/hello")
	switch {
	case name != "" && (status != http.StatusOK || body != "hello "+name):
		b.Errorf("GET /hello = %d %q, want a page for %s", status, body, name)
	case name == "" && (status != http.StatusSeeOther || location != "/sign-in"):
		b.Errorf("GET /hello = %d to %q %q, want the way to the sign-in", status, location, body)
	}
}

func (b *browser) cookies() []*http.Cookie {
	site, err := url.Parse(b.server.URL)
	if err != nil {
		b.Fatal(err)
	}
	return b.client.Jar.Cookies(site)
}

// visit is the cookie of the visit that the browser has.
func (b *browser) visit() string {
	b.Helper()
	for _, c := range b.cookies() {
		if c.Name == "__Host-visit" || c.Name == "visit" {
			return c.Value
		}
	}
	b.Fatal("the browser has no cookie of a visit")
	return ""
}

func (b *browser) set(value string) {
	site, err := url.Parse(b.server.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.client.Jar.SetCookies(site, []*http.Cookie{{Name: "__Host-visit", Value: value, Path: "/", Secure: true}})
}

// visitRows counts the records of visits in the store.
func (a *app) visitRows() int {
	a.Helper()
	n := 0
	err := a.store.Store.View(a.Context(), func(r store.Reader) error {
		n = 0
		for _, err := range r.Scan("visits", store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		a.Fatal(err)
	}
	return n
}
