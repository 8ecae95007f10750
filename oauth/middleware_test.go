package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/oauth"
	"github.com/cognate-id/cognate/oauth/login"
)

// The middleware of a program that runs the server itself sends browsers to it, at the host of the
// callback. A sign-in by it is in examples/embedlogin.
func TestMiddleware(t *testing.T) {
	w := newWorld(t, nil)
	server := oauth.NewServer(w.engine, nil)
	keys := [][]byte{[]byte(strings.Repeat("k", 32))}
	m, err := server.Middleware(t.Context(), w.public, callback, keys, &login.Options{Clock: w.now})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	m.Handler(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "https://app.example.com/sign-in", nil))
	if to := rec.Header().Get("Location"); !strings.HasPrefix(to, "https://app.example.com/oauth2/authorize?client_id="+w.public.ClientID()) {
		t.Errorf("%d to %q", rec.Code, to)
	}
	for name, made := range map[string]func() (*login.Middleware, error){
		"no key": func() (*login.Middleware, error) { return server.Middleware(t.Context(), w.public, callback, nil, nil) },
		"no URL": func() (*login.Middleware, error) { return server.Middleware(t.Context(), w.public, ":", keys, nil) },
		"a callback by http": func() (*login.Middleware, error) {
			return server.Middleware(t.Context(), w.public, "http://app.example.com/cb", keys, nil)
		},
	} {
		if _, err := made(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := w.pool.Admin().Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Middleware(t.Context(), w.public, callback, keys, nil); err == nil {
		t.Error("a pool that is deleted: no error")
	}
}

// A browser on a loopback name is not told to use TLS for all programs there.
func TestStrictTransportSecurity(t *testing.T) {
	w := newWorld(t, nil)
	server := oauth.NewServer(w.engine, nil)
	for host, want := range map[string]bool{
		"auth.example.com": true, "auth.example.com:8443": true, "localhost.example.com": true,
		"localhost": false, "localhost:9229": false, "app.localhost:1": false, "127.0.0.1:9229": false, "[::1]:9229": false, "[::1]": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/error", nil)
		r.Host = host
		rec := httptest.NewRecorder()
		server.ServeHTTP(rec, r)
		if got := rec.Header().Get("Strict-Transport-Security") != ""; got != want {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
}
