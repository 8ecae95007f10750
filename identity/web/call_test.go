package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/web"
	"github.com/cognate-id/cognate/store/memory"
)

// pageFrom has alice sign in by a form, from the address that the header says.
func pageFrom(t *testing.T, o *web.Options) (a *app, signIn func(from, password string) error) {
	t.Helper()
	a = start(t, memory.New(), o)
	var last error
	s, err := web.NewSite(a.visits, "Test", pages, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Form("/in", "in", func(q *web.Request) (string, error) {
		_, last = a.pool.SignIn(q.Context(), identity.SignIn{Username: "alice", Password: q.Secret("new-password")})
		return "/", last
	}, "new-password")
	return a, func(from, password string) error {
		r := httptest.NewRequest(http.MethodPost, "/in", strings.NewReader(login(password).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Real-IP", from)
		r.RemoteAddr = net(from)
		s.ServeHTTP(httptest.NewRecorder(), r)
		return last
	}
}

func net(address string) string {
	return netip.AddrPortFrom(netip.MustParseAddr(address), 1234).String()
}

// A stranger who guesses at a page all day does not keep the owner out, who has signed in
// from another address before.
func TestGuessesAtAPageKeepNoOwnerOut(t *testing.T) {
	fromHeader := func(r *http.Request) netip.Addr { return netip.MustParseAddr(r.Header.Get("X-Real-IP")) }
	for name, o := range map[string]*web.Options{"by the connection": {InsecureHTTP: true}, "by a header": {InsecureHTTP: true, Address: fromHeader}} {
		a, signIn := pageFrom(t, o)
		if err := signIn("198.51.100.1", string(password)); err != nil {
			t.Fatal(err)
		}
		for range 120 {
			if err := signIn("203.0.113.9", "wrong"); err == nil {
				t.Fatal("a wrong password signs in")
			}
			a.clock.pass(time.Minute)
		}
		if err := signIn("203.0.113.9", string(password)); !errors.Is(err, identity.ErrTooManyAttempts) {
			t.Errorf("%s: the stranger: %v, want ErrTooManyAttempts", name, err)
		}
		if err := signIn("198.51.100.1", string(password)); err != nil {
			t.Errorf("%s: the owner: %v", name, err)
		}
	}
}

// The address of a proxy beside the program is that of no browser, and a call that the
// program has described stays.
func TestCallOfAPage(t *testing.T) {
	a := start(t, memory.New(), nil)
	s, err := web.NewSite(a.visits, "Test", pages, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got identity.Call
	s.Handle("GET /call", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = identity.CallFrom(r.Context()) }))
	for remote, want := range map[string]string{
		"198.51.100.1:1": "198.51.100.1", "[2001:db8::1%eth0]:1": "2001:db8::1", "10.0.0.5:1": "invalid IP", "127.0.0.1:1": "invalid IP", "nothing": "invalid IP",
	} {
		r := httptest.NewRequest(http.MethodGet, "/call", nil)
		r.RemoteAddr = remote
		r.Header.Set("User-Agent", strings.Repeat("x", 5000))
		s.ServeHTTP(httptest.NewRecorder(), r)
		if got.Address.String() != want || len(got.UserAgent) != 1024 {
			t.Errorf("%s: the call %+v", remote, got)
		}
		s.ServeHTTP(httptest.NewRecorder(), r.WithContext(identity.WithCall(t.Context(), identity.Call{RequestID: "mine"})))
		if got.RequestID != "mine" || got.Address.IsValid() {
			t.Errorf("%s: the call of the program became %+v", remote, got)
		}
	}
}

// A browser that has signed in is known by its cookie on another network, where a stranger has
// used up the guesses of all that are not known.
func TestABrowserIsKnownByItsCookie(t *testing.T) {
	a, _ := pageFrom(t, &web.Options{InsecureHTTP: true})
	s, err := web.NewSite(a.visits, "Test", pages, nil)
	if err != nil {
		t.Fatal(err)
	}
	var last error
	s.Form("/in", "in", func(q *web.Request) (string, error) {
		_, last = a.pool.SignIn(q.Context(), identity.SignIn{Username: "alice", Password: q.Secret("new-password")})
		return "/", last
	}, "new-password")
	signIn := func(address, password, cookie string) string {
		r := httptest.NewRequest(http.MethodPost, "/in", strings.NewReader(login(password).Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = net(address)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "device", Value: cookie})
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			if c.Name == "device" {
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 90*24*60*60 {
					t.Errorf("the cookie is %v", c)
				}
				return c.Value
			}
		}
		t.Fatal("the answer to a form has no cookie of the device")
		return ""
	}
	cookie := signIn("198.51.100.1", string(password), "")
	if last != nil || len(cookie) != 26 {
		t.Fatalf("cookie %q, %v", cookie, last)
	}
	for range 120 {
		signIn("203.0.113.9", "wrong", "")
		a.clock.pass(time.Minute)
	}
	if again := signIn("192.0.2.77", string(password), cookie); last != nil || again != cookie {
		t.Errorf("the owner on another network: %v, cookie %q, want %q", last, again, cookie)
	}
	for _, forged := range []string{"", strings.ToLower(cookie), cookie[1:] + "A", "short"} {
		if again := signIn("192.0.2.78", string(password), forged); !errors.Is(last, identity.ErrTooManyAttempts) || again == cookie {
			t.Errorf("with the cookie %q: %v", forged, last)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/in", nil))
	if len(w.Result().Cookies()) > 0 {
		t.Error("a page that was only looked at sets a cookie")
	}
}
