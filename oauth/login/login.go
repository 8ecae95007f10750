package login

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// The defaults of [Options]. Those of times are those of identity/web.
const (
	defaultLife = 24 * time.Hour
	defaultIdle = time.Hour
	seenParts   = 16 // what is in use is written at most so many times in an idle time
	keyLength   = 32
)

// Options are the wiring of a [Middleware]. The zero value and nil are good for a client without
// a secret, of a server that has a discovery document.
type Options struct {
	// Secret is that of the client. Defaults to none: the client is public.
	Secret string
	// Scopes are asked for, "openid" among them. Defaults to openid alone.
	Scopes []string
	// Parameters are sent to the authorization endpoint too, such as lang, prompt or resource.
	// Those of the protocol may not be among them.
	Parameters map[string]string
	// SignIn is the path at which a sign-in begins. Defaults to "/sign-in".
	SignIn string
	// SignOut is the path to which a form is posted to sign out. Defaults to "/sign-out".
	SignOut string
	// SignedOut is where the browser goes after a sign-out: one of the client's logout URLs.
	// Defaults to "/" of the program.
	SignedOut string
	// Store keeps the tokens. Its catalog must have [Tables]. Defaults to none: the tokens
	// are in an encrypted cookie.
	Store store.Store
	// Life is how long after the sign-in the browser is signed out. Defaults to 24 hours.
	Life time.Duration
	// Idle is how long after the last request the browser is signed out, or up to a sixteenth
	// later. Defaults to an hour.
	Idle time.Duration
	// Endpoints are those of the server. Defaults to those of its discovery document, which is
	// read when it is first needed.
	Endpoints *Endpoints
	// IDTokens and AccessTokens verify tokens of the client. Set both or neither. Defaults to
	// verifiers with the keys of the issuer, which are fetched when they are first needed.
	IDTokens, AccessTokens *token.Verifier
	// Client calls the server. It must follow no redirect. Defaults to one with a timeout of
	// ten seconds.
	Client *http.Client
	// Refuse answers a request that gets no further. Defaults to a plain page, or to JSON where
	// the browser does not ask for a page.
	Refuse func(http.ResponseWriter, *http.Request, Problem)
	// Clock says what time it is. Defaults to time.Now.
	Clock func() time.Time
	// Logger gets what people are not told. Defaults to slog.Default().
	Logger *slog.Logger
}

// A Middleware signs people in to a program. Make one with [New]. Its methods are safe for
// concurrent use.
type Middleware struct {
	issuer, clientID, callback string
	callbackPath               string
	secure                     bool // the program is reached by https
	name                       string
	bind                       string // of what the keys seal: this client of this issuer, for this program
	boxes                      token.Boxes
	options                    Options
	server                     *server
	keeper                     keeper
	flights                    *flights
	origins                    *http.CrossOriginProtection
}

// New returns the middleware of a program. issuer is the iss of the tokens, byte for byte, and
// clientID the app client. callback is the absolute URL of a path of the program, and one of the
// client's callback URLs: https, or http on a loopback name. keys encrypt cookies: the first
// seals, the others only open. o may be nil. New calls nobody yet.
func New(issuer, clientID, callback string, keys [][]byte, o *Options) (*Middleware, error) {
	m := &Middleware{issuer: issuer, clientID: clientID, callback: callback, origins: http.NewCrossOriginProtection()}
	if o != nil {
		m.options = *o
	}
	if err := m.set(keys); err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	return m, nil
}

// set checks what New is given, and fills in the rest.
func (m *Middleware) set(keys [][]byte) error {
	u, err := checkCallback(m.callback)
	if err != nil {
		return err
	}
	if m.issuer == "" || m.clientID == "" {
		return errors.New("an issuer and a client id are needed")
	}
	m.callbackPath, m.secure = u.Path, u.Scheme == "https"
	m.options.defaults(u)
	if err := m.check(); err != nil {
		return err
	}
	m.bind = strings.Join([]string{m.issuer, m.clientID, m.callback}, "\x00")
	sum := sha256.Sum256([]byte(m.bind))
	m.name = "login-" + hex.EncodeToString(sum[:6])
	if m.secure {
		m.name = "__Host-" + m.name
	}
	if m.boxes, err = newBoxes(keys); err != nil {
		return err
	}
	m.flights = newFlights(m.options.Clock)
	m.keeper = &cookieKeeper{m}
	if m.options.Store != nil {
		m.keeper = &storeKeeper{m}
	}
	m.server, err = newServer(m)
	return err
}

func (o *Options) defaults(callback *url.URL) {
	o.Scopes, o.Parameters = slices.Clone(o.Scopes), maps.Clone(o.Parameters)
	if len(o.Scopes) == 0 {
		o.Scopes = []string{"openid"}
	}
	o.SignIn = cmp.Or(o.SignIn, "/sign-in")
	o.SignOut = cmp.Or(o.SignOut, "/sign-out")
	o.SignedOut = cmp.Or(o.SignedOut, callback.Scheme+"://"+callback.Host+"/")
	o.Life = cmp.Or(o.Life, defaultLife)
	o.Idle = cmp.Or(o.Idle, defaultIdle)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Refuse == nil {
		o.Refuse = refuse
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: callTime, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	}
}

// protocol are the parameters of the authorization endpoint that a program may not choose.
var protocol = []string{
	"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "response_mode", "request", "request_uri",
}

func (m *Middleware) check() error {
	o := &m.options
	paths := []string{m.callbackPath, o.SignIn, o.SignOut}
	for i, p := range paths {
		if !strings.HasPrefix(p, "/") || slices.Contains(paths[:i], p) {
			return fmt.Errorf("the paths of the callback, of SignIn and of SignOut must differ and begin with a slash: %q", paths)
		}
	}
	if out, err := url.Parse(o.SignedOut); err != nil || out.Host == "" || out.Scheme != "https" && out.Scheme != "http" {
		return fmt.Errorf("SignedOut: %q is not an absolute URL", o.SignedOut)
	}
	if !slices.Contains(o.Scopes, "openid") {
		return errors.New("the scope openid is needed: without it there is no ID token")
	}
	for name := range o.Parameters {
		if slices.Contains(protocol, name) {
			return fmt.Errorf("the parameter %s may not be set", name)
		}
	}
	if o.Life < 0 || o.Idle < 0 {
		return errors.New("a time is negative")
	}
	if (o.IDTokens == nil) != (o.AccessTokens == nil) {
		return errors.New("IDTokens and AccessTokens: set both or neither")
	}
	return nil
}

// checkCallback returns the callback as a URL.
func checkCallback(callback string) (*url.URL, error) {
	u, err := url.Parse(callback)
	if err != nil {
		return nil, fmt.Errorf("the callback: %w", err)
	}
	switch {
	case u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.Path == "" || u.Path != u.EscapedPath():
		return nil, fmt.Errorf("the callback %q is not an absolute URL of a plain path", callback)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u):
		return u, nil
	}
	return nil, fmt.Errorf("the callback %q must be https: http is for loopback names alone", callback)
}

// loopback reports whether a URL is one of this machine.
func loopback(u *url.URL) bool {
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// newBoxes derives a box from each key, so that a key which has another use too is no harm. The
// id of a box names its key.
func newBoxes(keys [][]byte) (token.Boxes, error) {
	if len(keys) == 0 {
		return nil, errors.New("a key is needed: 32 random bytes")
	}
	var boxes token.Boxes
	for i, key := range keys {
		if len(key) != keyLength {
			return nil, fmt.Errorf("key %d has %d bytes, not %d", i+1, len(key), keyLength)
		}
		derived, err := hkdf.Key(sha256.New, key, nil, "cognate login", keyLength+4)
		if err != nil {
			return nil, err
		}
		box, err := token.NewNamedBox(hex.EncodeToString(derived[keyLength:]), derived[:keyLength])
		if err != nil {
			return nil, err
		}
		boxes = append(boxes, box)
	}
	return boxes, nil
}

// Handler serves the paths of the middleware, and gives all other requests to next. It refuses
// what another site makes a browser send.
func (m *Middleware) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.origins.Check(r) != nil {
			m.options.Refuse(w, r, problemOf(errCrossOrigin))
			return
		}
		switch r.URL.Path {
		case m.options.SignIn:
			m.only(w, r, http.MethodGet, m.signIn)
		case m.callbackPath:
			m.only(w, r, http.MethodGet, m.answered)
		case m.options.SignOut:
			m.only(w, r, http.MethodPost, m.signOut)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// only serves a path of the middleware, for one method.
func (m *Middleware) only(w http.ResponseWriter, r *http.Request, method string, serve func(http.ResponseWriter, *http.Request) error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address of a callback has a code
	if r.Method != method {
		h.Set("Allow", method)
		m.options.Refuse(w, r, problemOf(errMethod))
		return
	}
	if err := serve(w, r); err != nil {
		m.fail(w, r, err)
	}
}

// fail tells a person what is wrong, and the log the rest.
func (m *Middleware) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	p.SignIn = m.options.SignIn
	if p.Status >= http.StatusInternalServerError {
		m.options.Logger.ErrorContext(r.Context(), "sign-in by OAuth failed", "path", r.URL.Path, "error", err)
	} else {
		m.options.Logger.InfoContext(r.Context(), "sign-in by OAuth refused", "path", r.URL.Path, "error", err)
	}
	m.options.Refuse(w, r, p)
}
