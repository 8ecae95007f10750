package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity/edge/alb"
	"github.com/cognate-id/cognate/oauth/login"
	"github.com/cognate-id/cognate/store"
	"github.com/cognate-id/cognate/token"
)

// The paths below the prefix.
const (
	nginxPath    = "/auth"
	forwardPath  = "/forward-auth"
	envoyPath    = "/ext-authz"
	signInPath   = "/sign_in"
	callbackPath = "/callback"
	signOutPath  = "/sign_out"
	keysPath     = "/keys" // of [Config].ALB
)

// Options are the wiring of an [Edge]. The zero value and nil are good for a client without a
// secret, of a server that has a discovery document.
type Options struct {
	// Secret is that of the client. Defaults to none: the client is public.
	Secret string
	// Life is how long after the sign-in a browser is signed out. Defaults to 24 hours.
	Life time.Duration
	// Idle is how long after the last request a browser is signed out. Defaults to an hour.
	Idle time.Duration
	// Endpoints are those of the authorization server. Defaults to those of its discovery
	// document.
	Endpoints *login.Endpoints
	// IDTokens and AccessTokens verify tokens of the client, and BearerTokens those that requests
	// bring: access tokens alone. Set all or none. Defaults to verifiers with the keys of the
	// issuer, which are fetched when they are first needed.
	IDTokens, AccessTokens, BearerTokens *token.Verifier
	// Client calls the authorization server. It must follow no redirect. Defaults to one with a
	// timeout of ten seconds.
	Client *http.Client
	// Clock says what time it is. Defaults to time.Now.
	Clock func() time.Time
	// Logger gets what clients are not told. Defaults to slog.Default().
	Logger *slog.Logger
}

// An Edge decides about requests. Make one with [New]. Its methods are safe for concurrent use.
type Edge struct {
	prefix  string
	proxies []netip.Prefix
	headers []header
	sites   map[string]*site // by host
	bearers *token.Verifier
	signer  *alb.Signer // nil without [Config].ALB
	log     *slog.Logger
}

// A site is a Site that was checked.
type site struct {
	scheme, host, origin, signedOut string
	rules                           []*rule
	origins                         *http.CrossOriginProtection
	login                           *login.Middleware
	pages                           http.Handler // those of login
}

// Tables returns the table in which sign-ins are kept. Add it to the catalog of the store. The
// sweep of the catalog deletes what has expired.
func Tables() []store.AnyTable { return login.Tables() }

// New returns an edge. keys encrypt the sign-ins, and are 32 random bytes each: the first seals, the
// others only open. st keeps the sign-ins, and its catalog must have [Tables]. o may be nil. New
// calls nobody yet. It returns an error if the configuration or the options are not valid.
func New(c *Config, keys [][]byte, st store.Store, o *Options) (*Edge, error) {
	e, err := newEdge(c, keys, st, o)
	if err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	return e, nil
}

func newEdge(c *Config, keys [][]byte, st store.Store, o *Options) (*Edge, error) {
	var own Options
	if o != nil {
		own = *o
	}
	if st == nil {
		return nil, errors.New("a store is needed: a gateway does not hand on cookies that a refresh of tokens would change")
	}
	p, err := c.compile()
	if err != nil {
		return nil, err
	}
	if err := own.verifiers(c); err != nil {
		return nil, err
	}
	e := &Edge{prefix: p.prefix, proxies: p.proxies, headers: p.headers, sites: p.sites, bearers: own.BearerTokens, log: own.Logger}
	if e.log == nil {
		e.log = slog.Default()
	}
	if c.ALB != nil {
		if e.signer, err = alb.NewSigner(c.ALB.Signer, c.Issuer, c.ClientID, keys, own.Clock); err != nil {
			return nil, err
		}
	}
	for _, s := range e.sites {
		s.login, err = login.New(c.Issuer, c.ClientID, s.origin+e.prefix+callbackPath, keys, &login.Options{
			Secret: own.Secret, Scopes: p.scopes, SignIn: e.prefix + signInPath, SignOut: e.prefix + signOutPath, SignedOut: s.signedOut,
			Store: st, Life: own.Life, Idle: own.Idle, Endpoints: own.Endpoints, IDTokens: own.IDTokens, AccessTokens: own.AccessTokens,
			Client: own.Client, Clock: own.Clock, Logger: own.Logger,
		})
		if err != nil {
			return nil, fmt.Errorf("site %q: %w", s.origin, err)
		}
		s.pages = s.login.Handler(http.NotFoundHandler())
	}
	return e, nil
}

// verifiers sets the verifiers, if there are none. All sites share them, and their keys.
func (o *Options) verifiers(c *Config) error {
	if given := o.IDTokens != nil; given != (o.AccessTokens != nil) || given != (o.BearerTokens != nil) {
		return errors.New("IDTokens, AccessTokens and BearerTokens: set all or none")
	}
	if o.IDTokens != nil {
		return nil
	}
	issuers, clients := []string{c.Issuer}, []string{c.ClientID}
	keys, err := token.NewRemoteKeys(issuers, &token.RemoteOptions{Client: o.Client, Now: o.Clock})
	if err != nil {
		return err
	}
	if o.IDTokens, err = token.NewVerifier(issuers, keys, clients, &token.VerifierOptions{Use: token.UseID, Now: o.Clock}); err != nil {
		return err
	}
	if o.AccessTokens, err = token.NewVerifier(issuers, keys, clients, &token.VerifierOptions{Use: token.UseAccess, Now: o.Clock}); err != nil {
		return err
	}
	bearers := append(clients, c.BearerClients...)
	o.BearerTokens, err = token.NewVerifier(issuers, keys, bearers, &token.VerifierOptions{Use: token.UseAccess, Resources: c.Resources, Now: o.Clock})
	return err
}

// ServeHTTP implements [http.Handler]: the endpoints of gateways, and the pages of the site that the
// request is to. It does not use [http.ServeMux], which cleans paths.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	path, ok := strings.CutPrefix(r.URL.Path, e.prefix)
	switch {
	case !ok:
		http.NotFound(w, r)
	case path == nginxPath:
		e.answer(w, r, authRequest)
	case path == forwardPath:
		e.answer(w, r, forwardAuth)
	case strings.HasPrefix(path, envoyPath+"/"):
		e.answer(w, r, extAuthz)
	case e.isKey(path):
		e.signer.ServeHTTP(w, r)
	default:
		e.serve(w, r, path)
	}
}

// isKey reports whether a path below the prefix is that of a key.
func (e *Edge) isKey(path string) bool {
	return e.signer != nil && strings.HasPrefix(path, keysPath+"/")
}

// secure sets headers that each answer of an edge has.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// Handler protects next without a gateway: it serves the pages of a sign-in, decides about all other
// requests by their own host, method and path, and gives those that may go on to next. They have
// the headers of identity that the edge has set, and none of the client's. [FromContext] returns who
// it is. Proxies in front must leave the Host as it is.
func (e *Edge) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, e.prefix); ok && e.isPage(path) {
			secure(w.Header())
			e.serve(w, r, path)
			return
		}
		if path, ok := strings.CutPrefix(r.URL.Path, e.prefix); ok && e.isKey(path) {
			e.signer.ServeHTTP(w, r)
			return
		}
		o, err := e.about(r.Method, "", r.Host, target(r))
		if err != nil {
			e.refuse(w, r, forwardAuth, nil, err)
			return
		}
		who, values, err := e.decide(w, r, o)
		if err != nil {
			e.refuse(w, r, forwardAuth, o, err)
			return
		}
		next.ServeHTTP(w, e.told(r, who, values))
	})
}

// target returns path and query of a request as the client has sent them.
func target(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// told is a request for a program behind: its headers of identity are those of the edge.
func (e *Edge) told(r *http.Request, who *Identity, values []string) *http.Request {
	ctx := r.Context()
	if who != nil {
		ctx = context.WithValue(ctx, contextKey{}, who)
	}
	out := r.Clone(ctx)
	for i, h := range e.headers {
		out.Header.Del(h.name)
		if values[i] != "" {
			out.Header.Set(h.name, values[i])
		}
	}
	return out
}

// decide returns who a request comes from, who is nil for nobody, and the values of the headers, or
// an error if the request may not go on. All rules of the path must let it through.
func (e *Edge) decide(w http.ResponseWriter, r *http.Request, o *original) (*Identity, []string, error) {
	if e.lookalike(r.Header) {
		return nil, nil, errLookalike
	}
	rules, err := o.site.find(o.path())
	if err != nil {
		return nil, nil, err
	}
	who, err := e.identify(w, r, o)
	refused := permitted(rules, who)
	if errors.Is(refused, errSignedOut) {
		return nil, nil, cmp.Or(err, refused) // err says why nobody is signed in
	}
	if refused != nil {
		return nil, nil, refused
	}
	if len(o.groups) > 0 && who == nil {
		return nil, nil, cmp.Or(err, errSignedOut)
	}
	if !inAllowed(who, o.groups) {
		return nil, nil, fmt.Errorf("%w: none of the groups of allowed_groups", errForbidden)
	}
	values := make([]string, len(e.headers))
	for i, h := range e.headers {
		if values[i], err = who.value(h.value, e.signer); err != nil {
			return nil, nil, err
		}
	}
	return who, values, nil
}
