package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/token"
)

// A forger is an authorization server that answers as a test wants.
type forger struct {
	*testing.T
	offset  atomic.Int64
	server  *httptest.Server
	key     *token.Key
	other   *token.Key // that the issuer does not have
	edit    func(id, access map[string]any)
	raw     func(answer map[string]any)
	answer  func(w http.ResponseWriter) // of the token endpoint, unless nil
	issuer  string                      // in the discovery document
	refresh string
	nonce   string
	wait    time.Duration       // between the sign-in and the callback
	state   func(string) string // what the callback says, unless nil
	program http.Handler

	slow      time.Duration // of the discovery document
	documents atomic.Int64  // how often the discovery document was read
}

func (f *forger) now() time.Time          { return loginStart.Add(time.Duration(f.offset.Load())) }
func (f *forger) advance(d time.Duration) { f.offset.Add(int64(d)) }

const site = "https://app.example.com"

func newForger(t *testing.T) *forger {
	t.Helper()
	f := &forger{T: t, refresh: "refresh-1"}
	var err error
	if f.key, err = token.GenerateKey(token.ES256); err == nil {
		f.other, err = token.GenerateKey(token.ES256)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	f.issuer = f.server.URL
	m, err := login.New(f.server.URL, "client-1", site+"/cb", [][]byte{keyOne}, &login.Options{
		Clock: f.now, Logger: slog.New(slog.DiscardHandler), Life: 1000 * time.Hour, Idle: 1000 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.program = program(m)
	return f
}

func (f *forger) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		f.documents.Add(1)
		time.Sleep(f.slow)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": f.issuer, "authorization_endpoint": f.server.URL + "/a", "token_endpoint": f.server.URL + "/t",
		})
	case "/.well-known/jwks.json":
		_ = json.NewEncoder(w).Encode(token.Set{f.key.Public()})
	case "/t":
		if f.answer != nil {
			f.answer(w)
			return
		}
		_ = json.NewEncoder(w).Encode(f.tokens())
	}
}

func (f *forger) claims(use string) map[string]any {
	c := map[string]any{
		"iss": f.server.URL, "sub": "sub-1", "token_use": use, "iat": f.now().Unix(), "exp": f.now().Add(time.Hour).Unix(), "auth_time": loginStart.Unix(),
	}
	if use == "id" {
		c["aud"], c["nonce"], c["cognito:username"] = "client-1", f.nonce, "ann"
	} else {
		c["client_id"], c["username"], c["scope"] = "client-1", "ann", "openid"
	}
	return c
}

func (f *forger) sign(key *token.Key, c map[string]any) string {
	raw, err := json.Marshal(c)
	if err != nil {
		f.Fatal(err)
	}
	signed, err := key.Sign(raw)
	if err != nil {
		f.Fatal(err)
	}
	return signed
}

func (f *forger) tokens() map[string]any {
	id, access := f.claims("id"), f.claims("access")
	if f.edit != nil {
		f.edit(id, access)
	}
	signed := f.sign(f.key, access)
	if id["at_hash"] == "right" {
		sum := sha256.Sum256([]byte(signed))
		id["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	}
	out := map[string]any{"id_token": f.sign(f.key, id), "access_token": signed, "token_type": "Bearer", "refresh_token": f.refresh}
	if f.raw != nil {
		f.raw(out)
	}
	return out
}

// A state counts whole, and not only the part of it that names the cookie.
func TestStateIsComparedWhole(t *testing.T) {
	f := newForger(t)
	f.state = func(state string) string { return state[:8] + strings.Repeat("A", 18) }
	if res := f.callback(); res.StatusCode != http.StatusBadRequest {
		t.Errorf("%d to %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// A sign-in may take an hour, whatever the server says.
func TestAttemptsEnd(t *testing.T) {
	for wait, status := range map[time.Duration]int{time.Hour - time.Second: http.StatusSeeOther, time.Hour: http.StatusBadRequest} {
		f := newForger(t)
		f.wait = wait
		if res := f.callback(); res.StatusCode != status {
			t.Errorf("after %v: %d, want %d", wait, res.StatusCode, status)
		}
	}
}

// callback goes through a sign-in, and returns the answer of the callback.
func (f *forger) callback() *http.Response {
	begun := serve(f.program, http.MethodGet, site+"/sign-in", nil)
	u, err := url.Parse(begun.Header.Get("Location"))
	if err != nil || len(begun.Cookies()) != 1 {
		f.Fatalf("%d to %v, %v", begun.StatusCode, u, begun.Cookies())
	}
	f.nonce = u.Query().Get("nonce")
	c := begun.Cookies()[0]
	f.advance(f.wait)
	state := u.Query().Get("state")
	if f.state != nil {
		state = f.state(state)
	}
	return serve(f.program, http.MethodGet, site+"/cb?code=x&state="+state, nil, "Cookie", c.Name+"="+c.Value)
}

// signedIn returns a browser that is signed in.
func (f *forger) signedIn() func(path string) *http.Response {
	f.Helper()
	jar := map[string]string{}
	keep := func(res *http.Response) *http.Response {
		for _, c := range res.Cookies() {
			if jar[c.Name] = c.Value; c.MaxAge < 0 {
				delete(jar, c.Name)
			}
		}
		return res
	}
	if res := keep(f.callback()); res.StatusCode != http.StatusSeeOther {
		f.Fatalf("callback: %d", res.StatusCode)
	}
	return func(path string) *http.Response {
		var parts []string
		for name, value := range jar {
			parts = append(parts, name+"="+value)
		}
		return keep(serve(f.program, http.MethodGet, site+path, nil, "Cookie", strings.Join(parts, "; ")))
	}
}

// forgeries are answers of the token endpoint that sign nobody in.
var forgeries = map[string]func(f *forger, id, access map[string]any){
	"another nonce":                func(_ *forger, id, _ map[string]any) { id["nonce"] = "another" },
	"no nonce":                     func(_ *forger, id, _ map[string]any) { delete(id, "nonce") },
	"a nonce that is a number":     func(_ *forger, id, _ map[string]any) { id["nonce"] = 1 },
	"another issuer":               func(_ *forger, id, _ map[string]any) { id["iss"] = "https://evil.example.com" },
	"another issuer of access":     func(_ *forger, _, access map[string]any) { access["iss"] = "https://evil.example.com" },
	"another audience":             func(_ *forger, id, _ map[string]any) { id["aud"] = "client-2" },
	"another client of access":     func(_ *forger, _, access map[string]any) { access["client_id"] = "client-2" },
	"access bound to a resource":   func(_ *forger, _, access map[string]any) { access["aud"] = "https://api.example.com" },
	"another authorized party":     func(_ *forger, id, _ map[string]any) { id["azp"] = "client-2" },
	"another at_hash":              func(_ *forger, id, _ map[string]any) { id["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" },
	"expired":                      func(f *forger, id, _ map[string]any) { id["exp"] = f.now().Unix() },
	"no expiry":                    func(_ *forger, id, _ map[string]any) { delete(id, "exp") },
	"access that has expired":      func(f *forger, _, access map[string]any) { access["exp"] = f.now().Unix() },
	"not valid yet":                func(f *forger, id, _ map[string]any) { id["nbf"] = f.now().Add(time.Hour).Unix() },
	"an access token as ID token":  func(_ *forger, id, _ map[string]any) { id["token_use"] = "access" },
	"an ID token as access token":  func(_ *forger, _, access map[string]any) { access["token_use"] = "id" },
	"no subject":                   func(_ *forger, id, _ map[string]any) { delete(id, "sub") },
	"access of another user":       func(_ *forger, _, access map[string]any) { access["sub"] = "sub-2" },
	"signed by another key":        func(f *forger, id, _ map[string]any) { f.raw = f.with("id_token", f.sign(f.other, id)) },
	"access signed by another key": func(f *forger, _, access map[string]any) { f.raw = f.with("access_token", f.sign(f.other, access)) },
	"no signature": func(f *forger, _, _ map[string]any) {
		f.raw = func(a map[string]any) { a["id_token"] = cut(a["id_token"]) }
	},
	"alg none": func(f *forger, id, _ map[string]any) {
		raw, _ := json.Marshal(id)
		f.raw = f.with("id_token", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"`+f.key.ID()+`"}`))+"."+base64.RawURLEncoding.EncodeToString(raw)+".")
	},
	"no ID token":         func(f *forger, _, _ map[string]any) { f.raw = f.with("id_token", "") },
	"no access token":     func(f *forger, _, _ map[string]any) { f.raw = f.with("access_token", "") },
	"another token type":  func(f *forger, _, _ map[string]any) { f.raw = f.with("token_type", "DPoP") },
	"a type as a number":  func(f *forger, _, _ map[string]any) { f.raw = f.with("token_type", 1) },
	"an answer as a list": func(f *forger, _, _ map[string]any) { f.answer = says(200, `["x"]`) },
	"an answer too long":  func(f *forger, _, _ map[string]any) { f.answer = says(200, `{"x":"`+strings.Repeat("x", 300<<10)+`"}`) },
	"a refusal":           func(f *forger, _, _ map[string]any) { f.answer = says(400, `{"error":"invalid_grant"}`) },
	"a refusal of the client": func(f *forger, _, _ map[string]any) {
		f.answer = says(401, `{"error":"invalid_client"}`)
	},
	"a redirect": func(f *forger, _, _ map[string]any) {
		f.answer = func(w http.ResponseWriter) {
			w.Header().Set("Location", f.server.URL+"/t")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	},
}

func (f *forger) with(name string, value any) func(map[string]any) {
	return func(a map[string]any) { a[name] = value }
}

func cut(v any) string {
	s, _ := v.(string)
	return s[:strings.LastIndex(s, ".")+1]
}

func says(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestForgedTokens(t *testing.T) {
	for name, forge := range forgeries {
		t.Run(name, func(t *testing.T) {
			f := newForger(t)
			f.forgeWith(forge)
			res := f.callback()
			if res.StatusCode < 400 {
				t.Fatalf("%d to %s", res.StatusCode, res.Header.Get("Location"))
			}
			for _, c := range res.Cookies() {
				if c.MaxAge >= 0 {
					t.Errorf("the cookie %v is set", c)
				}
			}
		})
	}
}

// forgeWith has each answer of the token endpoint forged.
func (f *forger) forgeWith(forge func(f *forger, id, access map[string]any)) {
	forge(f, maps.Clone(f.claims("id")), f.claims("access")) // for what does not depend on the claims
	f.edit = func(id, access map[string]any) { forge(f, id, access) }
}

// What a refresh brings is held to the same, and must be of the same person and sign-in. What is
// forged signs the browser out.
func TestForgedRefresh(t *testing.T) {
	more := map[string]func(f *forger, id, access map[string]any){
		"another person":  func(_ *forger, id, access map[string]any) { id["sub"], access["sub"] = "sub-2", "sub-2" },
		"another sign-in": func(_ *forger, id, _ map[string]any) { id["auth_time"] = loginStart.Add(time.Minute).Unix() },
	}
	maps.Copy(more, forgeries)
	temporary := map[string]bool{ // or a mistake of the program: 5xx, and the sign-in stands
		"a type as a number": true, "an answer as a list": true, "an answer too long": true, "a refusal of the client": true, "a redirect": true,
	}
	for _, fine := range []string{"another nonce", "no nonce"} { // a refresh has none
		delete(more, fine)
	}
	for name, forge := range few.Named(5, more) {
		t.Run(name, func(t *testing.T) {
			f := newForger(t)
			get := f.signedIn()
			if res := get("/me"); res.StatusCode != http.StatusOK {
				t.Fatalf("%d", res.StatusCode)
			}
			f.advance(time.Hour)
			f.forgeWith(forge)
			res := get("/me")
			if temporary[name] != (res.StatusCode >= 500) || !temporary[name] && res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%d", res.StatusCode)
			}
			f.edit, f.raw, f.answer = nil, nil, nil
			if res := get("/me"); temporary[name] != (res.StatusCode == http.StatusOK) {
				t.Errorf("afterwards: %d", res.StatusCode)
			}
		})
	}
}

// A right at_hash passes, and the right discovery document is needed.
func TestForgerWithoutForgery(t *testing.T) {
	f := newForger(t)
	f.edit = func(id, _ map[string]any) { id["at_hash"], id["azp"] = "right", "client-1" }
	if res := f.signedIn()("/me"); res.StatusCode != http.StatusOK {
		t.Errorf("%d", res.StatusCode)
	}
	other := newForger(t)
	other.issuer = "https://evil.example.com"
	if res := serve(other.program, http.MethodGet, site+"/sign-in", nil); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a document of another issuer: %d", res.StatusCode)
	}
}

// All who need the discovery document wait for one read of it.
func TestDiscoveryIsReadOnce(t *testing.T) {
	f := newForger(t)
	f.slow = 50 * time.Millisecond
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if res := serve(f.program, http.MethodGet, site+"/sign-in", nil); res.StatusCode != http.StatusSeeOther {
				t.Errorf("%d", res.StatusCode)
			}
		})
	}
	all.Wait()
	if n := f.documents.Load(); n != 1 {
		t.Errorf("the document was read %d times", n)
	}
}
