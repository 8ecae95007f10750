package oidc_test

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/oauth/federation/fetch"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

const (
	clientID = "client-1"
	secret   = "s3cr3t-of-the-client"
	redirect = "https://auth.example.com/oauth2/idpresponse"
)

// A world is an identity provider and our client there.
type world struct {
	testing.TB
	idp    *fakeidp.Provider
	p      *oidc.Provider
	offset atomic.Int64 // of our clock
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

func fetcher(t testing.TB) *fetch.Client {
	t.Helper()
	f, err := fetch.New(&fetch.Options{InsecureLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func newWorld(t testing.TB, edit func(w *world, c *oidc.Config)) *world {
	t.Helper()
	w := &world{TB: t, idp: fakeidp.New(clientID, secret)}
	s := httptest.NewServer(w.idp)
	t.Cleanup(s.Close)
	w.idp.Serve(s.URL)
	w.idp.SetUser(map[string]any{"sub": "u-1", "email": "ann@example.com", "email_verified": true, "name": "Ann"})
	c := oidc.Config{Kind: oidc.OIDC, Name: "Northwind", ClientID: clientID, ClientSecret: secret, Issuer: s.URL, Scopes: []string{"email"}, Clock: w.now}
	if edit != nil {
		edit(w, &c)
	}
	var err error
	if w.p, err = oidc.New(c, fetcher(t)); err != nil {
		t.Fatal(err)
	}
	return w
}

var hidden = regexp.MustCompile(`name="([^"]*)" value="([^"]*)"`)

// visit sends a browser to the provider, and returns what it brings back.
func (w *world) visit(l *oidc.Login) oidc.Callback {
	w.Helper()
	to, err := w.p.AuthURL(w.Context(), l, oidc.Hints{})
	if err != nil {
		w.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, to, nil)
	if err != nil {
		w.Fatal(err)
	}
	resp, err := browser.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if back := resp.Header.Get("Location"); back != "" {
		u, err := url.Parse(back)
		if err != nil {
			w.Fatal(err)
		}
		return oidc.ParseCallback(u.Query())
	}
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(string(body), -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return oidc.ParseCallback(form)
}

// signIn goes all the way.
func (w *world) signIn() (*oidc.Identity, error) {
	w.Helper()
	l := oidc.NewLogin(redirect)
	return w.p.Exchange(w.Context(), l, w.visit(l))
}

// signedIn fails unless the sign-in succeeds.
func (w *world) signedIn() *oidc.Identity {
	w.Helper()
	who, err := w.signIn()
	if err != nil {
		w.Fatal(err)
	}
	return who
}

// refused fails unless a sign-in ends in an error of a kind, with a description.
func (w *world) refused(want error, description string) {
	w.Helper()
	who, err := w.signIn()
	w.isRefusal(who, err, want, description)
}

func (w *world) isRefusal(who *oidc.Identity, err, want error, description string) {
	w.Helper()
	if who != nil || !errors.Is(err, want) {
		w.Errorf("%+v, %v, want %v", who, err, want)
		return
	}
	e, ok := errors.AsType[*oidc.Error](err)
	if !ok {
		w.Errorf("%T is no *Error", err)
		return
	}
	if description != "" && e.Description != description {
		w.Errorf("the application is told %q, want %q", e.Description, description)
	}
}
