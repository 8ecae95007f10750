package oauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/oauth"
)

// serve answers a request without a network.
func (w *world) serve(t *testing.T, method, target, body string, header ...string) *http.Response {
	r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	path, query, _ := strings.Cut(target, "?")
	r.URL = &url.URL{Path: path, RawQuery: query}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Result()
}

// wellBehaved fails if an answer is a fault of the server, or leads a browser elsewhere than to
// a page of its own or to the client.
func (w *world) wellBehaved(t *testing.T, a *http.Response) {
	t.Helper()
	if a.StatusCode >= 500 {
		body, _ := io.ReadAll(a.Body)
		t.Fatalf("%d %s", a.StatusCode, body)
	}
	next := a.Header.Get("Location")
	if next == "" || strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") {
		return
	}
	at, _, _ := strings.Cut(next, "#")
	if !slices.ContainsFunc(registered, func(uri string) bool {
		return at == uri || strings.HasPrefix(at, uri+"?") || strings.HasPrefix(at, uri+"&")
	}) {
		t.Fatalf("the browser is sent to %q", next)
	}
}

var registered = []string{callback, "https://app.example.com/other?x=1", "https://app.example.com/bye"}

func FuzzAuthorize(f *testing.F) {
	w := newWorld(f, nil)
	for _, path := range []string{"/oauth2/authorize", "/login", "/logout", "/signup", "/confirm", "/forgotPassword", "/error"} {
		_, query, _ := strings.Cut(w.authorizeURL(w.public), "?")
		f.Add(path, query)
		f.Add(path, "client_id="+w.public.ClientID()+"&logout_uri=https://app.example.com/bye&state=%0a")
		f.Add(path, "client_id="+w.public.ClientID()+"&redirect_uri=https://app.example.com/cb%23&response_type=token")
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		if !strings.HasPrefix(path, "/") {
			return // no request has such a path
		}
		w.wellBehaved(t, w.serve(t, http.MethodGet, path+"?"+query, ""))
		w.wellBehaved(t, w.serve(t, http.MethodPost, path, query, "Content-Type", "application/x-www-form-urlencoded"))
	})
}

func FuzzRedirectURI(f *testing.F) {
	w := newWorld(f, nil)
	for _, uri := range []string{callback, callback + "/", "https://app.example.com/other?x=1", "https://evil.example", "//app.example.com/cb"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		a := w.serve(t, http.MethodGet, w.authorizeURL(w.public, "redirect_uri", uri, "prompt", "none"), "")
		w.wellBehaved(t, a)
		if told := strings.HasPrefix(a.Header.Get("Location"), "https:"); told != slices.Contains(registered[:2], uri) {
			t.Errorf("%q: %d, to %q", uri, a.StatusCode, a.Header.Get("Location"))
		}
	})
}

func FuzzToken(f *testing.F) {
	w := newWorld(f, nil)
	f.Add("grant_type=authorization_code&client_id="+w.public.ClientID()+"&code=x&redirect_uri="+callback, "")
	f.Add("grant_type=refresh_token&client_id="+w.public.ClientID()+"&refresh_token=a.b.c.d.e", "Basic YTpi")
	f.Add("token=x&client_id="+w.public.ClientID()+"&aws_client_metadata={}", "Bearer x")
	f.Fuzz(func(t *testing.T, body, authorization string) {
		for _, path := range []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo"} {
			a := w.serve(t, http.MethodPost, path, body, "Content-Type", "application/x-www-form-urlencoded", "Authorization", authorization)
			w.wellBehaved(t, a)
			if a.StatusCode == http.StatusOK && path != "/oauth2/revoke" {
				t.Errorf("%s gives something for %q", path, body)
			}
		}
	})
}

func FuzzForm(f *testing.F) {
	w := newWorld(f, nil)
	_, query, _ := strings.Cut(w.authorizeURL(w.public), "?")
	f.Add("username=ann&password=x")
	f.Add("step=totp&session=x&user=ann&code=000000")
	f.Add("client_id=" + w.public.ClientID() + "&user_name=ann&confirmation_code=1")
	f.Add("step=setup&session=x&user=ann&code=000000&key=AAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, form string) {
		secret := strings.Repeat("A", 26)
		for _, path := range []string{"/login", "/signup", "/confirm", "/confirmUser", "/forgotPassword"} {
			a := w.serve(t, http.MethodPost, path+"?"+query, form+"&_csrf="+oauth.CSRFOf(secret), "Content-Type", "application/x-www-form-urlencoded", "Cookie", "XSRF-TOKEN="+secret)
			w.wellBehaved(t, a)
		}
	})
}

// FuzzRelayState shows that no RelayState leads to an application that has no SAML provider, or elsewhere.
func FuzzRelayState(f *testing.F) {
	w := newWorld(f, nil)
	f.Add("identity_provider=Contoso&client_id=" + w.public.ClientID() + "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&response_type=code&scope=openid")
	f.Add(w.public.ClientID() + ".AAAA")
	f.Add("https://evil.example/?client_id=x")
	f.Fuzz(func(t *testing.T, relayState string) {
		for _, path := range []string{"/saml2/idpresponse", "/saml2/logout"} {
			a := w.serve(t, http.MethodPost, path, url.Values{"SAMLResponse": {"AAAA"}, "RelayState": {relayState}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			w.wellBehaved(t, a)
			if a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: %q gives %d", path, relayState, a.StatusCode)
			}
		}
	})
}

func FuzzBrowserCookie(f *testing.F) {
	w := newWorld(f, nil)
	w.user("ann")
	in, err := w.public.Pages().SignIn(f.Context(), identity.SignIn{Username: "ann", Password: password})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(in.Browser) + "x")
	f.Add("")
	f.Fuzz(func(t *testing.T, cookie string) {
		a := w.serve(t, http.MethodGet, w.authorizeURL(w.public, "prompt", "none"), "", "Cookie", oauth.BrowserName(w.pool.PoolID())+"="+cookie)
		w.wellBehaved(t, a)
		if strings.Contains(a.Header.Get("Location"), "code=") && cookie != string(in.Browser) {
			t.Errorf("signed in by %q", cookie)
		}
	})
}

func FuzzLevels(f *testing.F) {
	w := newWorld(f, nil)
	w.user("ann")
	in, err := w.public.Pages().SignIn(f.Context(), identity.SignIn{Username: "ann", Password: password})
	if err != nil {
		f.Fatal(err)
	}
	cookie := oauth.BrowserName(w.pool.PoolID()) + "=" + string(in.Browser)
	for _, levels := range []string{"", loa1, loa4 + " " + loa1, "gold", loa1 + "\u00a0" + loa4, loa1 + "\x00"} {
		f.Add(levels)
	}
	f.Fuzz(func(t *testing.T, levels string) {
		a := w.serve(t, http.MethodGet, w.authorizeURL(w.public, "acr_values", levels, "prompt", "none"), "", "Cookie", cookie)
		w.wellBehaved(t, a)
		known := slices.DeleteFunc(strings.Fields(levels), func(name string) bool { return !slices.Contains([]string{loa1, loa2, loa3, loa4}, name) })
		if given := strings.Contains(a.Header.Get("Location"), "code="); given && len(known) > 0 && !slices.Contains(known, loa1) {
			t.Errorf("%q is reached by a password", levels)
		}
	})
}

// FuzzCallback has what browsers bring back from a provider. Nobody is signed in by it, and no application is told.
func FuzzCallback(f *testing.F) {
	w := newWorld(f, nil)
	state, err := w.public.BeginRoundTrip(f.Context(), []byte(`{"p":"Northwind","l":{"nonce":"n","verifier":"v"},"b":"x","r":{}}`))
	if err != nil {
		f.Fatal(err)
	}
	for _, query := range []string{
		"", "state=x&code=y", "state=" + w.public.ClientID() + ".AAAA&code=y", "state=" + state + "&code=y", "error=access_denied&error_description=%3Cscript%3E&state=" + state,
		"state=" + state + "&code=y&user=%7B%22name%22%3A1%7D&iss=https%3A%2F%2Fevil.example",
	} {
		f.Add(query, "__Host-csrf-state=abc")
		f.Add(query, "csrf-state=ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	}
	f.Fuzz(func(t *testing.T, query, cookie string) {
		if strings.ContainsAny(cookie, "\r\n\x00") {
			return
		}
		for _, a := range []*http.Response{
			w.serve(t, http.MethodGet, "/oauth2/idpresponse?"+query, "", "Cookie", cookie),
			w.serve(t, http.MethodPost, "/oauth2/idpresponse", query, "Content-Type", "application/x-www-form-urlencoded", "Cookie", cookie),
		} {
			w.wellBehaved(t, a)
			if a.Header.Get("Location") != "" || a.StatusCode < 400 {
				t.Errorf("%q: %d, to %q", query, a.StatusCode, a.Header.Get("Location"))
			}
		}
	})
}
