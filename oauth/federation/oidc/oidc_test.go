package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/internal/fakeidp"
	"github.com/cognate-id/cognate/internal/few"
	"github.com/cognate-id/cognate/oauth/federation/oidc"
)

func TestSignIn(t *testing.T) {
	w := newWorld(t, nil)
	w.idp.SetUserInfo(map[string]any{"name": "another", "locale": "en", "picture": "https://example.com/p"})
	who := w.signedIn()
	if who.Subject != "u-1" || who.Issuer != w.idp.URL() || !who.EmailVerified {
		t.Errorf("%+v", who)
	}
	if who.Claims["name"] != "Ann" || who.Claims["locale"] != "en" {
		t.Errorf("claims %v: the ID token wins, and the user info adds", who.Claims)
	}
	if who.Tokens.Access == "" || who.Tokens.ID == "" || who.Tokens.Expires.IsZero() {
		t.Errorf("tokens %+v", who.Tokens)
	}
	sent := w.idp.Last("/token")
	if sent.Get("client_secret") != secret || sent.Get("code_verifier") == "" || sent.Get("redirect_uri") != redirect {
		t.Errorf("the token request has %v", sent)
	}
}

func TestWhatGoesUpstream(t *testing.T) {
	w := newWorld(t, nil)
	l := oidc.NewLogin(redirect)
	to, err := w.p.AuthURL(t.Context(), l, oidc.Hints{LoginHint: "ann", Prompt: []string{"none", "login"}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge") == "" || q.Get("code_challenge") == l.Verifier {
		t.Errorf("code_challenge %q", q.Get("code_challenge"))
	}
	delete(q, "code_challenge")
	want := url.Values{
		"client_id": {clientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "state": {l.State}, "nonce": {l.Nonce},
		"scope": {"openid email"}, "code_challenge_method": {"S256"}, "login_hint": {"ann"}, "prompt": {"login"},
	}
	if !reflect.DeepEqual(q, want) {
		t.Errorf("%v, want %v", q, want)
	}
	if _, err := w.p.AuthURL(t.Context(), &oidc.Login{RedirectURI: redirect, State: "x"}, oidc.Hints{}); err == nil {
		t.Error("a login without nonce and verifier is taken")
	}
}

func TestInsecurePlain(t *testing.T) {
	w := newWorld(t, func(_ *world, c *oidc.Config) { c.InsecurePlain = true })
	w.signedIn()
	if q := w.idp.Last("/authorize"); q.Has("nonce") || q.Has("code_challenge") {
		t.Errorf("%v", q)
	}
	if w.idp.Last("/token").Has("code_verifier") {
		t.Error("a verifier was sent")
	}
}

func TestCallbacksThatAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	for name, change := range map[string]func(*oidc.Login, *oidc.Callback){
		"no state":      func(_ *oidc.Login, cb *oidc.Callback) { cb.State = "" },
		"another state": func(_ *oidc.Login, cb *oidc.Callback) { cb.State += "x" },
		"both empty":    func(l *oidc.Login, cb *oidc.Callback) { l.State, cb.State = "", "" },
		"no nonce":      func(l *oidc.Login, _ *oidc.Callback) { l.Nonce = "" },
		"no verifier":   func(l *oidc.Login, _ *oidc.Callback) { l.Verifier = "" },
		"no code":       func(_ *oidc.Login, cb *oidc.Callback) { cb.Code = "" },
		"another iss":   func(_ *oidc.Login, cb *oidc.Callback) { cb.Issuer = "https://evil.example" },
	} {
		t.Run(name, func(t *testing.T) {
			l := oidc.NewLogin(redirect)
			cb := w.visit(l)
			change(l, &cb)
			who, err := w.p.Exchange(t.Context(), l, cb)
			(&world{TB: t}).isRefusal(who, err, oidc.ErrCallback, "")
		})
	}
}

// TestMixUp has two providers: the browser is sent to the first, and comes back with a code of the other.
func TestMixUp(t *testing.T) {
	honest := newWorld(t, nil)
	evil := newWorld(t, nil)
	honest.idp.Misbehave(fakeidp.Misbehave{Discovery: func(doc map[string]any) { doc["authorization_response_iss_parameter_supported"] = true }})
	l := oidc.NewLogin(redirect)
	cb := evil.visit(l)
	cb.Issuer = evil.idp.URL()
	who, err := honest.p.Exchange(t.Context(), l, cb)
	honest.isRefusal(who, err, oidc.ErrCallback, "")
	cb.Issuer = "" // it has promised one
	who, err = honest.p.Exchange(t.Context(), l, cb)
	honest.isRefusal(who, err, oidc.ErrCallback, "")
	if honest.idp.Requests("/token") != 0 {
		t.Error("a code of another provider was sent to this one")
	}
	cb = honest.visit(l)
	cb.Issuer = honest.idp.URL()
	if _, err := honest.p.Exchange(t.Context(), l, cb); err != nil {
		t.Error(err)
	}
}

func TestRefusalsOfTheProvider(t *testing.T) {
	w := newWorld(t, nil)
	refusing := func(code, text string) {
		w.idp.Misbehave(fakeidp.Misbehave{Callback: func(q url.Values) {
			q.Del("code")
			q.Set("error", code)
			q.Set("error_description", text)
		}})
	}
	refusing("access_denied", "no \"thanks\"\r\nX: y")
	_, err := w.signIn()
	w.isRefusal(nil, err, oidc.ErrUpstream, "Northwind Error - no thanksX: y")
	refusing("<script>", strings.Repeat("x", 5000))
	if _, err = w.signIn(); err == nil || strings.Contains(fmt.Sprintf("%+v", err), "\n") {
		t.Error(err)
	}
	w.isRefusal(nil, err, oidc.ErrUpstream, "Northwind Error - "+strings.Repeat("x", 200))
	if e, ok := errors.AsType[*oidc.Error](err); !ok || e.Code != "invalid_request" {
		t.Errorf("the code is %q", e.Code)
	}
}

func TestTokenEndpoint(t *testing.T) {
	at := func(h http.HandlerFunc) *world {
		w := newWorld(t, nil)
		w.idp.Misbehave(fakeidp.Misbehave{Handler: func(rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/token" {
				h(rw, r)
			}
			return r.URL.Path == "/token"
		}})
		return w
	}
	at(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret detail", 500) }).refused(oidc.ErrTokenEndpoint, "Northwind Error - 500 error getting token")
	at(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
	}).refused(oidc.ErrTokenEndpoint, "Northwind Error - 400 error getting token")
	at(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>canary")) }).refused(oidc.ErrTokenEndpoint, "")
	at(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10<<20)) }).refused(oidc.ErrTokenEndpoint, "")
	at(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}).refused(oidc.ErrTokenEndpoint, "")
	if testing.Short() {
		return
	}
	done := make(chan struct{})
	defer close(done)
	at(func(http.ResponseWriter, *http.Request) { <-done }).refused(oidc.ErrTokenEndpoint, "Timeout occurred in calling IdP token endpoint")
}

func TestUserInfo(t *testing.T) {
	for name, wrong := range few.Named(2, map[string]fakeidp.Misbehave{
		"another sub":       {UserInfo: func(doc map[string]any) { doc["sub"] = "u-2" }},
		"no sub":            {UserInfo: func(doc map[string]any) { delete(doc, "sub") }},
		"sub is a number":   {UserInfo: func(doc map[string]any) { doc["sub"] = 1 }},
		"not JSON":          {Handler: onPath("/userinfo", "text/html", "<p>")},
		"HTML that is JSON": {Handler: onPath("/userinfo", "text/html", `{"sub":"u-1"}`)},
		"a signed token":    {Handler: onPath("/userinfo", "application/jwt", "a.b.c")},
		"sub twice":         {Handler: onPath("/userinfo", "application/json", `{"sub":"u-2","sub":"u-1"}`)},
		"a list":            {Handler: onPath("/userinfo", "application/json", `[]`)},
		"nested too deep":   {Handler: onPath("/userinfo", "application/json", `{"sub":"u-1","x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`)},
		"something behind":  {Handler: onPath("/userinfo", "application/json", `{"sub":"u-1"} {"sub":"u-2"}`)},
		"10 MB":             {Handler: onPath("/userinfo", "application/json", `{"sub":"u-1","x":"`+strings.Repeat("x", 10<<20)+`"}`)},
	}) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.idp.Misbehave(wrong)
			w.refused(oidc.ErrUserInfo, "Invalid user info response")
		})
	}
}

func onPath(path, kind, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(body))
		return true
	}
}

func TestUserInfoByPost(t *testing.T) {
	w := newWorld(t, func(_ *world, c *oidc.Config) { c.AttributesMethod = http.MethodPost })
	got := ""
	w.idp.Misbehave(fakeidp.Misbehave{Handler: func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/userinfo" {
			got = r.Method
		}
		return false
	}})
	if w.signedIn(); got != http.MethodPost {
		t.Errorf("the user info is asked for by %q", got)
	}
}

// TestWhatUserInfoMayNotSay has claims that only the ID token may have, and a proof of another address.
func TestWhatUserInfoMayNotSay(t *testing.T) {
	w := newWorld(t, nil)
	w.idp.SetUser(map[string]any{"sub": "u-1", "email": "ann@example.com"})
	w.idp.SetUserInfo(map[string]any{"email": "boss@example.com", "email_verified": true, "amr": []string{"hwk"}, "nonce": "n", "access_token": "x"})
	who := w.signedIn()
	if who.EmailVerified || who.Claims["email"] != "ann@example.com" || who.Claims["email_verified"] != nil {
		t.Errorf("%v", who.Claims)
	}
	if who.Claims["amr"] != nil || who.Claims["access_token"] != nil {
		t.Errorf("%v", who.Claims)
	}
	w.idp.SetUser(map[string]any{"sub": "u-1", "email_verified": true})
	w.idp.SetUserInfo(map[string]any{"email": "boss@example.com", "email_verified": false})
	if who = w.signedIn(); who.EmailVerified {
		t.Errorf("%v", who.Claims)
	}
	w.idp.SetUserInfo(map[string]any{"email": "ann@example.com", "email_verified": "true"})
	if who = w.signedIn(); !who.EmailVerified {
		t.Errorf("%v", who.Claims)
	}
}

func TestDiscovery(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another issuer":     func(doc map[string]any) { doc["issuer"] = "https://evil.example" },
		"issuer with slash":  func(doc map[string]any) { doc["issuer"] = doc["issuer"].(string) + "/" },
		"no token endpoint":  func(doc map[string]any) { delete(doc, "token_endpoint") },
		"no keys":            func(doc map[string]any) { delete(doc, "jwks_uri") },
		"a private address":  func(doc map[string]any) { doc["token_endpoint"] = "ftp://10.0.0.1/token" },
		"a script":           func(doc map[string]any) { doc["authorization_endpoint"] = "javascript:alert(1)" },
		"only bad algorithm": func(doc map[string]any) { doc["id_token_signing_alg_values_supported"] = []string{"none", "HS256"} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.idp.Misbehave(fakeidp.Misbehave{Discovery: change})
			_, err := w.p.AuthURL(t.Context(), oidc.NewLogin(redirect), oidc.Hints{})
			w.isRefusal(nil, err, oidc.ErrDiscovery, "Unable to contact well-known endpoint")
			w.idp.Misbehave(fakeidp.Misbehave{}) // it is asked again
			w.signedIn()
		})
	}
	w := newWorld(t, nil)
	w.signedIn()
	w.signedIn()
	if n := w.idp.Requests("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("%d requests for discovery", n)
	}
	w.offset.Store(int64(61 * time.Minute))
	if _, err := w.p.Endpoints(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.idp.Requests("/.well-known/openid-configuration"); n != 2 {
		t.Errorf("%d requests for discovery after an hour", n)
	}
}

func TestGivenEndpointsNeedNoDiscovery(t *testing.T) {
	w := newWorld(t, func(w *world, c *oidc.Config) {
		at := w.idp.URL()
		c.AuthorizeURL, c.TokenURL, c.AttributesURL, c.JWKSURL = at+"/authorize", at+"/token", at+"/userinfo", at+"/jwks"
	})
	w.signedIn()
	if n := w.idp.Requests("/.well-known/openid-configuration"); n != 0 {
		t.Errorf("%d requests for discovery", n)
	}
}

func TestGoogle(t *testing.T) {
	w := newWorld(t, func(w *world, c *oidc.Config) {
		at := w.idp.URL()
		c.Kind, c.Name, c.Attributes = oidc.Google, "", []string{"email", "names", "birthdays", "sub"}
		c.AuthorizeURL, c.TokenURL, c.AttributesURL, c.JWKSURL = at+"/authorize", at+"/token", at+"/userinfo?personFields=", at+"/jwks"
	})
	w.idp.Misbehave(fakeidp.Misbehave{UserInfo: func(doc map[string]any) {
		clear(doc)
		doc["names"] = []any{map[string]any{"displayName": "Ann Arbor", "metadata": map[string]any{}}, map[string]any{"displayName": "B"}}
		doc["birthdays"] = []any{map[string]any{"date": map[string]any{"year": 1990, "month": 2, "day": 3}}}
	}})
	who := w.signedIn()
	if q := w.idp.Last("/userinfo"); q.Get("personFields") != "names,birthdays" {
		t.Errorf("%v", q)
	}
	if who.Claims["names"] != "Ann Arbor" || who.Claims["birthdays"] != "1990-02-03" || who.Subject != "u-1" {
		t.Errorf("%v", who.Claims)
	}
	w.idp.Misbehave(fakeidp.Misbehave{UserInfo: func(doc map[string]any) { doc["sub"] = "u-2" }})
	w.refused(oidc.ErrUserInfo, "")
	to, err := mustNew(t, oidc.Config{Kind: oidc.Google, ClientID: "c", ClientSecret: "s", Scopes: []string{"email"}}).AuthURL(t.Context(), oidc.NewLogin(redirect), oidc.Hints{LoginHint: "ann"})
	if err != nil || !strings.HasPrefix(to, "https://accounts.google.com/o/oauth2/v2/auth?") || strings.Contains(to, "login_hint") {
		t.Errorf("%s, %v", to, err)
	}
}

func mustNew(t testing.TB, c oidc.Config) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(c, fetcher(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func appleWorld(t *testing.T) (*world, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newWorld(t, func(w *world, c *oidc.Config) {
		at := w.idp.URL()
		w.idp.AppleKey = &key.PublicKey
		c.Kind, c.Name, c.ClientSecret, c.Scopes = oidc.Apple, "", "", []string{"email", "name"}
		c.Apple = &oidc.AppleKey{TeamID: "TEAM", KeyID: "KEY", Key: key}
		c.AuthorizeURL, c.TokenURL, c.JWKSURL = at+"/authorize", at+"/token", at+"/jwks"
	}), key
}

func TestApple(t *testing.T) {
	w, _ := appleWorld(t)
	w.idp.SetUser(map[string]any{"sub": "001.abc", "email": "ann@privaterelay.appleid.com", "email_verified": "true", "apple_user": `{"name":{"firstName":"Ann","lastName":"Arbor"},"email":"boss@example.com"}`})
	who := w.signedIn()
	if w.idp.Last("/authorize").Get("response_mode") != "form_post" {
		t.Error("Apple wants form_post")
	}
	if who.Claims["firstName"] != "Ann" || who.Claims["name"] != "Ann Arbor" || who.Claims["email"] != "ann@privaterelay.appleid.com" || !who.EmailVerified {
		t.Errorf("%v", who.Claims)
	}
	parts := strings.Split(w.idp.Last("/token").Get("client_secret"), ".")
	var head, claims map[string]any
	for i, into := range []*map[string]any{&head, &claims} {
		plain, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(plain, into) != nil {
			t.Fatal(err)
		}
	}
	life := claims["exp"].(float64) - claims["iat"].(float64)
	if head["kid"] != "KEY" || head["alg"] != "ES256" || claims["iss"] != "TEAM" || claims["sub"] != clientID || claims["aud"] != "https://appleid.apple.com" || life > 600 {
		t.Errorf("%v %v", head, claims)
	}
	w.offset.Store(int64(30 * time.Second))
	before := w.idp.Last("/token").Get("client_secret")
	if w.signedIn(); w.idp.Last("/token").Get("client_secret") == before {
		t.Error("the secret is not renewed")
	}
	w.idp.SetUser(map[string]any{"sub": "001.abc", "apple_user": `{"name":`}) // the second time there is no name
	if who = w.signedIn(); who.Claims["name"] != nil {
		t.Errorf("%v", who.Claims)
	}
}

func TestParseAppleKey(t *testing.T) {
	_, key := appleWorld(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	plain := base64.StdEncoding.EncodeToString(der)
	for _, s := range []string{plain, plain[:20] + "\n" + plain[20:], string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))} {
		if got, err := oidc.ParseAppleKey(oidc.Secret(s)); err != nil || !got.Equal(key) {
			t.Error(err)
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, _ = x509.MarshalPKCS8PrivateKey(other)
	for _, s := range []string{"", "???", base64.StdEncoding.EncodeToString([]byte("x")), base64.StdEncoding.EncodeToString(der)} {
		if _, err := oidc.ParseAppleKey(oidc.Secret(s)); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestPrivateKeyJWT(t *testing.T) {
	w := newWorld(t, func(w *world, c *oidc.Config) {
		w.idp.ClientSecret = ""
		c.ClientSecret, c.ClientKey = "", &oidc.ClientKey{ID: "k", Signer: strangersKey()}
	})
	w.signedIn()
	sent := w.idp.Last("/token")
	if sent.Has("client_secret") || sent.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || strings.Count(sent.Get("client_assertion"), ".") != 2 {
		t.Errorf("%v", sent)
	}
}

func TestFacebook(t *testing.T) {
	w := newWorld(t, func(w *world, c *oidc.Config) {
		at := w.idp.URL()
		c.Kind, c.Name, c.Issuer, c.Scopes, c.Attributes = oidc.Facebook, "", "", []string{"public_profile", "email"}, []string{"email", "first_name", "id", "x&y=z"}
		c.AuthorizeURL, c.TokenURL, c.AttributesURL = at+"/authorize", at+"/token", at+"/me?fields="
	})
	who := w.signedIn()
	if who.Subject != "u-1" || who.Claims["email"] != "ann@example.com" || who.EmailVerified {
		t.Errorf("%+v", who)
	}
	if q := w.idp.Last("/me"); q.Get("fields") != "id,email,first_name" || q.Get("access_token") == "" {
		t.Errorf("%v", q)
	}
	if q := w.idp.Last("/authorize"); q.Get("scope") != "public_profile,email" {
		t.Errorf("%v", q)
	}
	for name, wrong := range map[string]fakeidp.Misbehave{
		"a token for another app": {Owner: func(d map[string]any) { d["app_id"] = "evil" }},
		"a token that is over":    {Owner: func(d map[string]any) { d["is_valid"] = false }},
		"nobody's token":          {Owner: func(d map[string]any) { d["user_id"] = "" }},
		"another user's profile":  {UserInfo: func(d map[string]any) { d["id"] = "u-2" }},
		"no question":             {Handler: func(w http.ResponseWriter, r *http.Request) bool { return r.URL.Path == "/debug_token" }},
	} {
		t.Run(name, func(t *testing.T) {
			w.idp.Misbehave(wrong)
			who, err := w.signIn()
			(&world{TB: t}).isRefusal(who, err, oidc.ErrUserInfo, "")
		})
	}
	w.idp.Misbehave(fakeidp.Misbehave{Handler: func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			rw.WriteHeader(400)
			_, _ = rw.Write([]byte(`{"error":{"message":"Code was already redeemed","type":"OAuthException","code":100}}`))
		}
		return r.URL.Path == "/token"
	}})
	w.refused(oidc.ErrTokenEndpoint, "Facebook Error - 400 OAuthException Code was already redeemed")
}

func TestAmazon(t *testing.T) {
	w := newWorld(t, func(w *world, c *oidc.Config) {
		at := w.idp.URL()
		c.Kind, c.Name, c.Issuer, c.Scopes = oidc.Amazon, "", "", []string{"profile"}
		c.AuthorizeURL, c.TokenURL, c.AttributesURL = at+"/authorize", at+"/token", at+"/userinfo"
	})
	if who := w.signedIn(); who.Subject != "u-1" || who.EmailVerified {
		t.Errorf("%+v", who)
	}
	for _, wrong := range []fakeidp.Misbehave{
		{Owner: func(d map[string]any) { d["aud"] = "evil" }},
		{Owner: func(d map[string]any) { d["user_id"] = "u-2" }},
		{UserInfo: func(d map[string]any) { d["user_id"] = "u-2" }},
		{UserInfo: func(d map[string]any) { delete(d, "user_id") }},
	} {
		w.idp.Misbehave(wrong)
		w.refused(oidc.ErrUserInfo, "")
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := oidc.Config{Kind: oidc.OIDC, ClientID: "c", ClientSecret: "s", Issuer: "https://idp.example.com"}
	for name, change := range map[string]func(*oidc.Config){
		"no kind":                func(c *oidc.Config) { c.Kind = "" },
		"SAML":                   func(c *oidc.Config) { c.Kind = "SAML" },
		"no client":              func(c *oidc.Config) { c.ClientID = "" },
		"no secret":              func(c *oidc.Config) { c.ClientSecret = "" },
		"no issuer":              func(c *oidc.Config) { c.Issuer = "" },
		"a private issuer":       func(c *oidc.Config) { c.Issuer = "http://10.0.0.1.evil.test:x" },
		"a script":               func(c *oidc.Config) { c.AuthorizeURL = "javascript:alert(1)" },
		"HMAC":                   func(c *oidc.Config) { c.Algorithms = []string{"HS256"} },
		"none":                   func(c *oidc.Config) { c.Algorithms = []string{"none"} },
		"a method":               func(c *oidc.Config) { c.AttributesMethod = "PUT" },
		"an Apple key":           func(c *oidc.Config) { c.Apple = &oidc.AppleKey{} },
		"Apple without key":      func(c *oidc.Config) { c.Kind = oidc.Apple },
		"Apple with half a key":  func(c *oidc.Config) { c.Kind, c.Apple = oidc.Apple, &oidc.AppleKey{TeamID: "t"} },
		"a client key of P-384":  func(c *oidc.Config) { c.ClientKey = &oidc.ClientKey{Signer: key} },
		"a client key of Google": func(c *oidc.Config) { c.Kind, c.ClientKey = oidc.Google, &oidc.ClientKey{Signer: key} },
	} {
		c := good
		change(&c)
		if _, err := oidc.New(c, fetcher(t)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := oidc.New(good, fetcher(t)); err != nil {
		t.Error(err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := oidc.Config{ClientSecret: "canary", ClientID: "id"}
	raw, _ := json.Marshal(oidc.Tokens{Access: "canary"})
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %q %x", c, c, c.ClientSecret, c.ClientSecret), string(raw)} {
		if strings.Contains(s, "canary") || strings.Contains(s, "63616e617279") {
			t.Error(s)
		}
	}
}

func TestACallerWhoGivesUp(t *testing.T) {
	w := newWorld(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.p.AuthURL(ctx, oidc.NewLogin(redirect), oidc.Hints{}); err == nil {
		t.Error("no error")
	}
	w.signedIn()
}
