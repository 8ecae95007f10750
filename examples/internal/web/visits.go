package web

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

var errNoVisit = errors.New("no visit")

// visits are kept in memory: after a restart everybody signs in again.
type visits[V any] struct {
	mu   sync.Mutex
	byID map[string]stored[V]
}

type stored[V any] struct {
	visit   V
	expires time.Time
}

func (vs *visits[V]) begin(v V, life time.Duration) (id string) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(vs.byID, func(_ string, old stored[V]) bool { return now.After(old.expires) })
	id = rand.Text()
	vs.byID[id] = stored[V]{v, now.Add(life)}
	return id
}

func (vs *visits[V]) get(id string) (v V, err error) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	s, ok := vs.byID[id]
	if !ok || time.Now().After(s.expires) {
		return v, errNoVisit
	}
	return s.visit, nil
}

// put keeps what has changed in a visit, unless it has ended meanwhile.
func (vs *visits[V]) put(id string, v V) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if s, ok := vs.byID[id]; ok {
		vs.byID[id] = stored[V]{v, s.expires}
	}
}

func (vs *visits[V]) end(id string) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	delete(vs.byID, id)
}

// visitCookie is the name of the cookie that has a visit's id. Over https it has
// the prefix by which browsers take the cookie from this host alone.
func (q *Request[V]) visitCookie() string {
	if q.site.options.HTTPS {
		return "__Host-visit"
	}
	return "visit"
}

// setCookie sets a cookie for some seconds; 0 means until the browser is closed.
func (q *Request[V]) setCookie(name, value string, seconds int) {
	http.SetCookie(q.w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: q.site.options.HTTPS, SameSite: http.SameSiteLaxMode,
	})
}

// remember fills the address in on the pages that come next.
func (q *Request[V]) remember(email string) {
	q.setCookie("email", url.QueryEscape(email), 15*60)
}

func (q *Request[V]) remembered() url.Values {
	c, err := q.Cookie("email")
	if err != nil {
		return nil
	}
	email, err := url.QueryUnescape(c.Value)
	if err != nil {
		return nil
	}
	return url.Values{"email": {email}}
}
