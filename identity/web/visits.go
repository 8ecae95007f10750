package web

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store"
)

// The errors of visits.
var (
	// ErrNoVisit is returned if the browser is not signed in, or no longer.
	ErrNoVisit = errors.New("web: the browser is not signed in")
	// ErrCrossOrigin is returned for a request that another site has made the browser send.
	ErrCrossOrigin = errors.New("web: the request comes from another site")
	// ErrNotInGroup is returned if the user is in none of the groups that are required.
	ErrNotInGroup = errors.New("web: the user is in none of the required groups")
)

// The defaults of [Options] are those of NIST SP 800-63B for two factors (AAL2).
const (
	defaultLife = 24 * time.Hour
	defaultIdle = time.Hour
	seenParts   = 16 // a visit that is in use is written at most so many times in an idle time
)

// Options are the wiring of [Visits]. The zero value and nil are good for a site that
// browsers reach by https.
type Options struct {
	// InsecureHTTP is for browsers that come by http, as on a developer's own machine. The
	// cookie is then sent in clear text, and other hosts may be able to set it. Leave it
	// alone if a proxy in front of the program ends TLS.
	InsecureHTTP bool
	// Address returns the address of the browser, by which limits of guesses and messages
	// count. Set it if a proxy is in front of the program and has a public address: return
	// what the proxy says, such as the last address of X-Forwarded-For, and the zero Addr if
	// that is unknown. Without an address, whoever guesses the passwords of a user can keep
	// the user out. Defaults to the other end of the connection, unless its address is private.
	Address func(*http.Request) netip.Addr
	// SignIn is the path to which [Visits.Require] sends those who are not signed in.
	// Defaults to "/sign-in".
	SignIn string
	// Life is how long after the sign-in a visit ends. Defaults to 24 hours.
	Life time.Duration
	// Idle is how long after the last request a visit ends, or up to a sixteenth later.
	// Defaults to an hour.
	Idle time.Duration
	// Clock is the clock of the engine, if it has one of its own. Defaults to time.Now.
	Clock func() time.Time
	// Logger gets what a browser is not told. Defaults to slog.Default().
	Logger *slog.Logger
}

// Visits are the browsers that are signed in to a pool. Make them with [NewVisits]. Their
// methods are safe for concurrent use.
type Visits struct {
	pool    *identity.UserPool
	store   store.Store
	options Options
	origins *http.CrossOriginProtection
}

// A Visit is a browser that is signed in, during one request.
type Visit struct {
	// Session is the user's, verified for this request.
	Session *identity.Session
	// Began is when the user signed in.
	Began time.Time
}

// NewVisits returns the visits of a pool, kept in the store s: the one that the engine was
// made with. The catalog of both must have [Tables]. o may be nil.
func NewVisits(pool *identity.UserPool, s store.Store, o *Options) *Visits {
	vs := &Visits{pool: pool, store: s, origins: http.NewCrossOriginProtection()}
	if o != nil {
		vs.options = *o
	}
	vs.options.SignIn = cmp.Or(vs.options.SignIn, "/sign-in")
	vs.options.Life = cmp.Or(vs.options.Life, defaultLife)
	vs.options.Idle = cmp.Or(vs.options.Idle, defaultIdle)
	vs.options.Logger = cmp.Or(vs.options.Logger, slog.Default())
	if vs.options.Clock == nil {
		vs.options.Clock = time.Now
	}
	if vs.options.Address == nil {
		vs.options.Address = peer
	}
	return vs
}

// Begin signs the browser in, with the tokens of a sign-in that is complete. A visit that
// the browser had ends, and with it the sign-in that it came from. Call Begin before the
// answer is written. A request from another site returns [ErrCrossOrigin].
func (vs *Visits) Begin(w http.ResponseWriter, r *http.Request, t *identity.Tokens) error {
	if err := vs.begin(w, r, t); err != nil {
		return fmt.Errorf("begin a visit: %w", err)
	}
	return nil
}

func (vs *Visits) begin(w http.ResponseWriter, r *http.Request, t *identity.Tokens) error {
	if vs.origins.Check(r) != nil {
		return ErrCrossOrigin
	}
	s, err := vs.pool.Session(r.Context(), t.Access)
	if err != nil {
		return err
	}
	if err := vs.end(r); err != nil {
		return err
	}
	cookie, now := rand.Text(), vs.options.Clock()
	rec := &record{
		ID: digest(cookie), Pool: vs.pool.PoolID(), Sub: s.Claims().Subject,
		Access: string(t.Access), Refresh: string(t.Refresh), Began: now,
	}
	vs.seen(rec, now)
	if err := vs.insert(r.Context(), rec); err != nil {
		return err
	}
	setCookie(w, vs.cookie("visit"), cookie, 0, !vs.options.InsecureHTTP)
	return nil
}

// seen moves the end of a visit that is in use. The next write may come a part of the
// idle time later.
func (vs *Visits) seen(rec *record, now time.Time) {
	rec.Seen, rec.Expires = now, now.Add(vs.options.Idle+vs.options.Idle/seenParts)
	if end := rec.Began.Add(vs.options.Life); end.Before(rec.Expires) {
		rec.Expires = end
	}
}

// Current returns the visit of a request, or [ErrNoVisit]. It is for pages that anybody may
// see, and does not check where the request comes from: [Visits.Require] does.
func (vs *Visits) Current(r *http.Request) (*Visit, error) {
	c, err := r.Cookie(vs.cookie("visit"))
	if err != nil {
		return nil, ErrNoVisit
	}
	v, err := vs.current(r.Context(), c.Value)
	if isOver(err) {
		if _, err = vs.remove(r.Context(), digest(c.Value)); err == nil {
			err = ErrNoVisit
		}
	}
	if err != nil {
		return nil, fmt.Errorf("visit: %w", err)
	}
	return v, nil
}

func (vs *Visits) current(ctx context.Context, cookie string) (*Visit, error) {
	rec, err := vs.get(ctx, cookie)
	if err != nil {
		return nil, err
	}
	s, rec, err := vs.session(ctx, rec)
	if err != nil {
		return nil, err
	}
	if now := vs.options.Clock(); now.Sub(rec.Seen) >= vs.options.Idle/seenParts {
		_, err = vs.change(ctx, rec.ID, func(r *record) { vs.seen(r, now) })
	}
	return &Visit{Session: s, Began: rec.Began}, err
}

type contextKey struct{}

// FromContext returns the visit that [Visits.Require] put into the context of a request, and
// reports whether there is one.
func FromContext(ctx context.Context) (*Visit, bool) {
	v, ok := ctx.Value(contextKey{}).(*Visit)
	return v, ok
}

// Require is middleware for handlers of users who are signed in. If groups are given, the
// user must be in one of them, at the time of the request. It answers all other requests:
//
//   - 303 to Options.SignIn if the browser is not signed in,
//   - 403 if the user is in none of the groups, or if the request comes from another site
//     and its method is not GET, HEAD or OPTIONS,
//   - 500 if the store does not answer.
//
// Answers have Cache-Control: no-store, unless next sets it.
func (vs *Visits) Require(next http.Handler, groups ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		r = vs.called(w, r)
		v, err := vs.require(r, groups)
		if err != nil {
			vs.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, v)))
	})
}

// require returns the visit of a request that needs one.
func (vs *Visits) require(r *http.Request, groups []string) (*Visit, error) {
	if vs.origins.Check(r) != nil {
		return nil, ErrCrossOrigin
	}
	v, err := vs.Current(r)
	if err != nil || len(groups) == 0 {
		return v, err
	}
	in, err := vs.pool.Admin().Users().Groups(r.Context(), v.Session.Claims().Username)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(in, func(g *identity.Group) bool { return slices.Contains(groups, g.Name) }) {
		return nil, ErrNotInGroup
	}
	return v, nil
}

func (vs *Visits) refuse(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrNoVisit):
		http.Redirect(w, r, vs.options.SignIn, http.StatusSeeOther)
	case errors.Is(err, ErrNotInGroup), errors.Is(err, ErrCrossOrigin):
		http.Error(w, "You may not do this.", http.StatusForbidden)
	default:
		vs.log(r, err)
		http.Error(w, "Something went wrong. Please try again later.", http.StatusInternalServerError)
	}
}

func (vs *Visits) log(r *http.Request, err error) {
	vs.options.Logger.ErrorContext(r.Context(), "web request failed", "method", r.Method, "path", r.URL.Path, "error", err)
}

// End signs the browser out and revokes its tokens. It is no error if the browser is not
// signed in. A request from another site returns [ErrCrossOrigin]. Call End before the answer
// is written.
func (vs *Visits) End(w http.ResponseWriter, r *http.Request) error {
	if vs.origins.Check(r) != nil {
		return ErrCrossOrigin
	}
	setCookie(w, vs.cookie("visit"), "", -1, !vs.options.InsecureHTTP)
	if err := vs.end(r); err != nil {
		return fmt.Errorf("end a visit: %w", err)
	}
	return nil
}

// end ends the visit of a request, if there is one, and the sign-in that it came from.
func (vs *Visits) end(r *http.Request) error {
	c, err := r.Cookie(vs.cookie("visit"))
	if err != nil {
		return nil //nolint:nilerr // there is no cookie, so there is no visit
	}
	rec, err := vs.remove(r.Context(), digest(c.Value))
	if err != nil || rec == nil || rec.Refresh == "" {
		return err
	}
	err = vs.pool.Revoke(r.Context(), identity.Secret(rec.Refresh), "")
	if errors.Is(err, identity.ErrRevocationDisabled) {
		return nil
	}
	return err
}

// EndEverywhere ends all sign-ins of the user of a request: other browsers and apps too. It
// returns [ErrNoVisit] if the browser is not signed in, and [ErrCrossOrigin] for a request from
// another site. Call EndEverywhere before the answer is written.
func (vs *Visits) EndEverywhere(w http.ResponseWriter, r *http.Request) error {
	v, err := vs.require(r, nil)
	if err != nil {
		return err
	}
	if err := v.Session.SignOutEverywhere(r.Context()); err != nil {
		return err
	}
	setCookie(w, vs.cookie("visit"), "", -1, !vs.options.InsecureHTTP)
	return vs.removeAll(r.Context(), v.Session.Claims().Subject)
}

// cookie returns the full name of a cookie. By https it has the prefix by which browsers
// take the cookie from this host alone.
func (vs *Visits) cookie(name string) string {
	if vs.options.InsecureHTTP {
		return name
	}
	return "__Host-" + name
}

// setCookie sets a cookie for some seconds. 0 means until the browser is closed.
func setCookie(w http.ResponseWriter, name, value string, seconds int, secure bool) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	})
}
