package outbound_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cognate-id/cognate/internal/outbound"
)

func TestRedirects(t *testing.T) {
	var reached atomic.Int32
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(plain.Close)
	s, roots, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/end":
			_, _ = w.Write([]byte("end " + r.Header.Get("X-Kept")))
		case "/plain":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/private":
			http.Redirect(w, r, "https://169.254.169.254/latest/meta-data", http.StatusFound)
		case "/scheme":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/user":
			http.Redirect(w, r, "https://a:b@"+r.Host+"/end", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		default:
			http.Redirect(w, r, "/end", http.StatusFound)
		}
	})
	c := client(t, &outbound.Options{Allow: []string{named(s)}, RootCAs: roots, Redirects: 3})
	get := func(method, path string, header ...string) (*outbound.Answer, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return do(t, c, req)
	}
	if a, err := get(http.MethodGet, "/once", "X-Kept", "yes"); err != nil || string(a.Body) != "end yes" {
		t.Errorf("%+v, %v", a, err)
	}
	for path, want := range map[string]error{
		"/plain": outbound.ErrRedirect, "/private": outbound.ErrForbidden, "/scheme": outbound.ErrRedirect, "/user": outbound.ErrForbidden,
		"/loop": outbound.ErrRedirect, "/nowhere": outbound.ErrRedirect,
	} {
		if _, err := get(http.MethodGet, path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if _, err := get(http.MethodPost, "/once"); !errors.Is(err, outbound.ErrRedirect) {
		t.Errorf("a POST is sent on: %v", err)
	}
	if _, err := get(http.MethodGet, "/once", "Authorization", "Bearer x"); !errors.Is(err, outbound.ErrRedirect) {
		t.Errorf("a token is sent on: %v", err)
	}
	if reached.Load() != 0 {
		t.Error("a redirect from https to http was followed")
	}
}

func TestLoopbackForDevelopers(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(ok))
	t.Cleanup(s.Close)
	if _, err := call(t, client(t, nil), "GET", s.URL); !errors.Is(err, outbound.ErrForbidden) {
		t.Errorf("without the option: %v", err)
	}
	c := client(t, &outbound.Options{InsecureLoopback: true})
	if a, err := call(t, c, "POST", s.URL); err != nil || !strings.HasPrefix(string(a.Body), "got") {
		t.Errorf("%+v, %v", a, err)
	}
	for _, to := range []string{"http://10.0.0.1", "http://169.254.169.254", "https://192.168.0.1", "http://1.1.1.1"} {
		if _, err := call(t, c, "GET", to); !errors.Is(err, outbound.ErrForbidden) {
			t.Errorf("%s: %v", to, err)
		}
	}
}
