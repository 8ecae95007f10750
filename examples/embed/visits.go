package main

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// visitLife is when a member has to sign in again at the latest.
const visitLife = 12 * time.Hour

var errNoVisit = errors.New("no visit")

// A visit is a browser that is signed in. Its tokens never leave the server.
type visit struct {
	id              string
	access, refresh identity.Secret
	expires         time.Time
	key, uri        string // of an authenticator app that is being set up
}

// visits are kept in memory: after a restart everybody signs in again.
type visits struct {
	mu   sync.Mutex
	byID map[string]visit
}

// put keeps what has changed in a visit, unless it has ended meanwhile.
func (vs *visits) put(v *visit) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if _, ok := vs.byID[v.id]; ok {
		vs.byID[v.id] = *v
	}
}

// begin signs a browser in, under an id that is new each time.
func (a *app) begin(w http.ResponseWriter, t *identity.Tokens) {
	v := visit{id: rand.Text(), access: t.Access, refresh: t.Refresh, expires: time.Now().Add(visitLife)}
	a.visits.mu.Lock()
	maps.DeleteFunc(a.visits.byID, func(_ string, old visit) bool { return time.Now().After(old.expires) })
	a.visits.byID[v.id] = v
	a.visits.mu.Unlock()
	a.setCookie(w, a.cookieName(), v.id, 0)
}

func (a *app) end(w http.ResponseWriter, v *visit) {
	a.visits.mu.Lock()
	delete(a.visits.byID, v.id)
	a.visits.mu.Unlock()
	a.setCookie(w, a.cookieName(), "", -1)
}

func (a *app) visit(r *http.Request) (visit, error) {
	c, err := r.Cookie(a.cookieName())
	if err != nil {
		return visit{}, err
	}
	a.visits.mu.Lock()
	defer a.visits.mu.Unlock()
	v, ok := a.visits.byID[c.Value]
	if !ok || time.Now().After(v.expires) {
		return visit{}, errNoVisit
	}
	return v, nil
}

// cookieName has, over https, the prefix by which browsers take the cookie from this host alone.
func (a *app) cookieName() string {
	if a.https {
		return "__Host-visit"
	}
	return "visit"
}

// setCookie sets a cookie for some seconds; 0 means until the browser is closed.
func (a *app) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: a.https, SameSite: http.SameSiteLaxMode,
	})
}

// remember fills the address in on the pages that come next.
func (a *app) remember(w http.ResponseWriter, email string) {
	a.setCookie(w, "email", url.QueryEscape(email), 15*60)
}

func remembered(r *http.Request) url.Values {
	c, err := r.Cookie("email")
	if err != nil {
		return nil
	}
	email, err := url.QueryUnescape(c.Value)
	if err != nil {
		return nil
	}
	return url.Values{"email": {email}}
}
