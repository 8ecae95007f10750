// Command webapp is a web program whose pages are made by the server, with the libraries that many
// programs have already: golang.org/x/oauth2 and github.com/coreos/go-oidc. It is a module of its own.
// Package oauth/login does the same with less code, and more checks.
//
//	cognate dev
//	CLIENT_SECRET=… go run . -issuer http://127.0.0.1:9229/POOL_ID -client CLIENT_ID
package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"flag"
	"fmt"
	"html"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

func main() {
	addr := flag.String("addr", "localhost:3000", "where to listen")
	base := flag.String("url", "http://localhost:3000", "the address that browsers use")
	issuer := flag.String("issuer", "", "the iss of tokens")
	client := flag.String("client", "", "the id of an app client, with URL/callback as callback and URL/ as logout URL")
	flag.Parse()
	a, err := newApp(context.Background(), *issuer, *client, os.Getenv("CLIENT_SECRET"), *base)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("open %s", *base)
	log.Fatal((&http.Server{Addr: *addr, Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second}).ListenAndServe())
}

// An app signs people in. Its sessions are in memory: a restart signs everybody out.
type app struct {
	base     string
	oauth    oauth2.Config
	provider *oidc.Provider
	ids      *oidc.IDTokenVerifier
	end      struct {
		Session    string `json:"end_session_endpoint"`
		Revocation string `json:"revocation_endpoint"`
	}

	mu       sync.Mutex
	sessions map[string]*session
}

// A session is a browser that is signed in.
type session struct {
	email  string
	until  time.Time
	tokens oauth2.TokenSource // refreshes once for all requests that wait
}

const sessionLife = 12 * time.Hour

func newApp(ctx context.Context, issuer, client, secret, base string) (*app, error) {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	a := &app{base: base, provider: provider, ids: provider.Verifier(&oidc.Config{ClientID: client}), sessions: map[string]*session{}}
	a.oauth = oauth2.Config{
		ClientID: client, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: base + "/callback", Scopes: []string{"openid", "email"},
	}
	return a, provider.Claims(&a.end)
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /sign-in", a.signIn)
	mux.HandleFunc("GET /callback", a.callback)
	mux.HandleFunc("GET /me", a.me)
	mux.HandleFunc("POST /sign-out", a.signOut)
	return http.NewCrossOriginProtection().Handler(mux) // other sites sign nobody out
}

// signIn keeps three random texts in a cookie, and sends the browser to the authorization server.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	a.setCookie(w, "attempt", state+"."+nonce+"."+verifier, 3600)
	http.Redirect(w, r, a.oauth.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), http.StatusSeeOther)
}

// callback exchanges the code, if the browser is the one that began.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Referrer-Policy", "no-referrer") // the address has a code
	s, err := a.answered(r)
	a.setCookie(w, "attempt", "", -1)
	if err != nil {
		log.Print("sign-in: ", err)
		a.page(w, http.StatusBadRequest, `<p>You could not be signed in. <a href="/sign-in">Try again</a></p>`)
		return
	}
	a.drop(r) // a session that the browser had
	id := rand.Text()
	a.mu.Lock()
	a.sessions[id] = s
	a.mu.Unlock()
	a.setCookie(w, "session", id, 0)
	http.Redirect(w, r, "/me", http.StatusSeeOther)
}

func (a *app) answered(r *http.Request) (*session, error) {
	attempt := strings.Split(a.cookie(r, "attempt"), ".")
	q := r.URL.Query()
	if len(attempt) != 3 || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(attempt[0])) != 1 {
		return nil, fmt.Errorf("the state is another one")
	}
	if code := q.Get("error"); code != "" {
		return nil, fmt.Errorf("the server refuses: %q", code)
	}
	tokens, err := a.oauth.Exchange(r.Context(), q.Get("code"), oauth2.VerifierOption(attempt[2]))
	if err != nil {
		return nil, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := a.ids.Verify(r.Context(), raw)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(attempt[1])) != 1 {
		return nil, fmt.Errorf("the nonce is another one")
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		return nil, err
	}
	var who struct {
		Email string `json:"email"`
	}
	if err := id.Claims(&who); err != nil {
		return nil, err
	}
	source := a.oauth.TokenSource(context.Background(), tokens) // it outlives the request
	return &session{email: who.Email, until: time.Now().Add(sessionLife), tokens: source}, nil
}

// session returns that of a browser, or nil.
func (a *app) session(r *http.Request) *session {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions[a.cookie(r, "session")]
	if s == nil || time.Now().After(s.until) {
		return nil
	}
	return s
}

// drop ends the session of a browser, and returns it.
func (a *app) drop(r *http.Request) *session {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.cookie(r, "session")
	s := a.sessions[id]
	delete(a.sessions, id)
	for id, other := range a.sessions {
		if time.Now().After(other.until) {
			delete(a.sessions, id)
		}
	}
	return s
}

// me asks the server who the person is, with an access token that is refreshed if it must be.
func (a *app) me(w http.ResponseWriter, r *http.Request) {
	s := a.session(r)
	if s == nil {
		http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
		return
	}
	info, err := a.provider.UserInfo(r.Context(), s.tokens)
	if err != nil { // the sign-in has ended, or the server is down
		log.Print("user info: ", err)
		a.page(w, http.StatusServiceUnavailable, `<p>Please <a href="/sign-in">sign in</a> again.</p>`)
		return
	}
	a.page(w, http.StatusOK, `<h1>Hello `+html.EscapeString(info.Email)+`</h1><form method="post" action="/sign-out"><button>Sign out</button></form>`)
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	if s := a.session(r); s != nil {
		a.page(w, http.StatusOK, `<p>Welcome back, <a href="/me">`+html.EscapeString(s.email)+`</a></p>`)
		return
	}
	a.page(w, http.StatusOK, `<p><a href="/sign-in">Sign in</a></p>`)
}

// signOut ends the session here, the tokens, and the sign-in of the browser at the server.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	if s := a.drop(r); s != nil {
		a.revoke(r.Context(), s)
	}
	a.setCookie(w, "session", "", -1)
	out := url.Values{"client_id": {a.oauth.ClientID}, "logout_uri": {a.base + "/"}}
	http.Redirect(w, r, a.end.Session+"?"+out.Encode(), http.StatusSeeOther)
}

// revoke ends the tokens of a session (RFC 7009). The browser is signed out in any case.
func (a *app) revoke(ctx context.Context, s *session) {
	t, err := s.tokens.Token()
	if err != nil {
		return // they have ended
	}
	form := url.Values{"token": {t.RefreshToken}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.end.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		log.Print("revoke: ", err)
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(a.oauth.ClientID), url.QueryEscape(a.oauth.ClientSecret))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Print("revoke: ", err)
		return
	}
	res.Body.Close()
}

// Over https a cookie has the prefix by which browsers take it from this host alone.
func (a *app) cookieName(name string) string {
	if strings.HasPrefix(a.base, "https:") {
		return "__Host-" + name
	}
	return name
}

func (a *app) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(a.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

func (a *app) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: a.cookieName(name), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true,
		Secure: strings.HasPrefix(a.base, "https:"), SameSite: http.SameSiteLaxMode,
	})
}

func (a *app) page(w http.ResponseWriter, status int, body string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><html lang=\"en\"><title>A web program</title><body>%s</body></html>\n", body)
}
