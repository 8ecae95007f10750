// Package cognito serves an [identity.Engine] over the API of Amazon Cognito:
// AWS JSON 1.1 over HTTP, as the AWS SDKs and Amplify speak it, with the JWKS
// and the discovery document of each pool. It is the only package that knows
// the messages and exceptions of Cognito.
//
//	http.ListenAndServe(addr, cognito.NewHandler(engine, &cognito.Options{VerifySignatures: true}))
//
// # Caveats
//
// Without [Options.VerifySignatures] every program on this machine may do what
// an operator may do, and with [Access].InsecureAnyPeer everyone who reaches the
// handler. Leave signatures out only for a fake.
package cognito

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/kms"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/idpool"
)

// Options are the wiring of a handler.
type Options struct {
	// VerifySignatures demands, for operators' calls, a signature (AWS
	// Signature Version 4) by one of the engine's access keys. Each signature
	// is good for one request. Without it any signature, or none, will do, if
	// the request comes from where Unsigned lets it.
	VerifySignatures bool
	// Unsigned says from where operators' calls are taken if VerifySignatures
	// is off. Defaults to this machine alone.
	Unsigned Access
	// Regions are the regions that signatures may be for, beside the engine's.
	// Defaults to none.
	Regions []string
	// TrustedProxies are the networks of proxies whose X-Forwarded-For is
	// believed. Set it if a proxy is in front, and only then: otherwise all its
	// users count as one address, or anyone chooses an address. Defaults to none.
	TrustedProxies []netip.Prefix
	// Logger gets unexpected errors and panics, and some of the requests that
	// were refused. Defaults to slog.Default().
	Logger *slog.Logger
	// Hints logs, at level Warn, what to set where the service is stricter than
	// other fakes of it: for a fake.
	Hints bool
	// Clock is what dates of signatures are held against. Defaults to time.Now.
	Clock func() time.Time
	// URL is the address that clients call the handler by, such as
	// https://auth.example.com. The addresses of uploads begin with it. Defaults to the
	// address that a request was sent to.
	URL string
	// AuthorizationServer serves the paths that are its own, such as package oauth's. The
	// discovery documents of pools name its endpoints. Defaults to none.
	AuthorizationServer AuthorizationServer
	// IdentityPools are the identity pools of the engine. Defaults to none: their operations are then not served.
	IdentityPools *idpool.Service
	// STS serves the API of AWS STS, and verifies operators' calls by temporary credentials of roles, such as a
	// *sts.Service. Such a call needs a policy of the role that allows SERVICE:OPERATION, such as
	// cognito-idp:ListUsers, on the ARN of its pool, or on * where it names none. Defaults to that of
	// IdentityPools, if there are any.
	STS STS
	// Timeout is how long one request may take. Defaults to 30 seconds.
	Timeout time.Duration
	// BodyTimeout is how long a request's body may take to arrive, before the
	// Timeout begins. Defaults to 10 seconds.
	BodyTimeout time.Duration
	// MaxInFlight is how many requests may be worked on at once; further ones
	// get a TooManyRequestsException. One address may have a quarter of them,
	// except for loopback addresses and trusted proxies. Defaults to 1,024.
	MaxInFlight int
}

// An AuthorizationServer serves OAuth 2.0 and sign-in pages, at the root of the host.
type AuthorizationServer interface {
	http.Handler
	// Serves reports whether a path is one of its own.
	Serves(path string) bool
}

// A Handler serves the operations and documents of an engine's pools. Make one
// with [NewHandler].
type Handler struct {
	service *service
	all     http.Handler
}

// NewHandler returns a handler for all operations and documents of the engine's
// pools. o may be nil.
func NewHandler(e *identity.Engine, o *Options) *Handler { return newHandler(e, o, nil) }

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.all.ServeHTTP(w, r) }

// Saturated reports whether a request would be refused now because of load,
// whoever sends it: because too many are worked on, or too many passwords wait.
// A health check can tell it.
func (h *Handler) Saturated() bool { return h.service.api.Full() || h.service.engine.Busy() }

// Client returns the address of the client of a request: the other end of the
// connection or, where that is a trusted proxy, what the proxy reports. It is the
// zero Addr if the connection has no address.
func (h *Handler) Client(r *http.Request) netip.Addr {
	return h.service.proxies.client(r.RemoteAddr, r.Header["X-Forwarded-For"])
}

// Counts returns how many requests were refused so far.
func (h *Handler) Counts() Counts {
	return Counts{Operators: h.service.operators.sum(), Overload: h.service.overload.sum()}
}

// newHandler is NewHandler; undeclared is told of errors that the model of
// their operation does not have.
func newHandler(e *identity.Engine, o *Options, undeclared func(*wire.Operation, *wire.Error)) *Handler {
	if o == nil {
		o = &Options{}
	}
	s := &service{engine: e, log: o.Logger, hints: o.Hints, proxies: o.TrustedProxies, public: o.URL, oauth: o.AuthorizationServer, idpools: o.IdentityPools, sts: o.STS, uploads: make(chan struct{}, uploadsAtOnce)}
	if s.sts == nil && s.idpools != nil {
		s.sts = s.idpools.STS()
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.operators = tally{log: s.log, text: "an operator's call was refused", now: o.clock()}
	s.overload = tally{log: s.log, text: "a request was refused because of load", now: o.clock()}
	s.api = wire.NewHandler(&wire.Options{
		Authorize: s.authorizer(o), Context: s.withCall, MapError: s.mapError, Undeclared: undeclared,
		Source: s.source, Failed: s.failed, Logger: s.log,
		Timeout: o.Timeout, BodyTimeout: o.BodyTimeout, MaxInFlight: o.MaxInFlight,
	}, idp.Service(s.handlers()), fedid.Service(s.identityHandlers()), kms.Service(s.decrypt))
	return &Handler{s, hosted(s)}
}

// A service holds what the handlers of the operations need. They are spread
// over the files of this package by noun; operations.go lists them.
type service struct {
	engine    *identity.Engine
	log       *slog.Logger
	hints     bool // Options.Hints
	proxies   proxies
	operators tally         // of refused operators' calls
	overload  tally         // of requests that were refused because of load
	api       *wire.Handler // of the operations
	public    string        // Options.URL
	oauth     AuthorizationServer
	idpools   *idpool.Service // nil for none
	sts       STS             // nil for none
	uploads   chan struct{}   // holds a value for each upload that runs
}

// ServeHTTP serves what is the authorization server's, the page of links and the public documents of pools, and leaves
// the rest to the API. It does without a [http.ServeMux], which redirects what it finds
// untidy, by pages that no SDK can read.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.oauth != nil && s.oauth.Serves(r.URL.Path) {
		s.oauth.ServeHTTP(w, r)
		return
	}
	if s.sts != nil && s.sts.Handles(r) {
		s.sts.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == confirmUserPath {
		s.confirmUser(w, r)
		return
	}
	pool, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if id, ok := strings.CutPrefix(r.URL.Path, "/"+metadataPath+"/"); ok { // RFC 8414, section 3.1
		pool, name = id, metadataPath
	}
	serve := map[string]func(*http.Request, string) (any, error){
		".well-known/jwks.json":            s.jwks,
		".well-known/openid-configuration": s.discovery,
		metadataPath:                       s.metadata,
	}[name]
	if doc := s.identityDocument(r.URL.Path); doc != nil {
		serve = doc
	}
	switch {
	case isUpload(r, name):
		s.upload(w, r, pool, name)
		return
	case serve == nil:
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		v, err := serve(r, pool)
		s.document(w, r, v, err)
		return
	case r.Method == http.MethodOptions: // a preflight is answered alike everywhere
		r = r.Clone(r.Context())
		r.URL.Path = "/"
	}
	s.api.ServeHTTP(w, r)
}

type (
	hostKey   struct{}
	schemeKey struct{}
)

// hosted remembers the address that a request was sent to, for [SelfIssuer] and for addresses
// of uploads. A trusted proxy says whether it was called by TLS.
func hosted(s *service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), hostKey{}, r.Host)
		if r.TLS != nil || s.proxies.trust(peer(r.RemoteAddr)) && r.Header.Get("X-Forwarded-Proto") == "https" {
			ctx = context.WithValue(ctx, schemeKey{}, "https")
		}
		s.ServeHTTP(w, r.WithContext(ctx))
	})
}

// base is the address of the handler, without a slash at the end.
func (s *service) base(ctx context.Context) string {
	if s.public != "" {
		return strings.TrimSuffix(s.public, "/")
	}
	scheme, _ := ctx.Value(schemeKey{}).(string)
	host, _ := ctx.Value(hostKey{}).(string)
	return cmp.Or(scheme, "http") + "://" + host
}

// SelfIssuer is an issuer for a fake: the address that a request was sent to,
// as far as that is this machine, so that discovery and iss agree with whatever
// name the tests use. Elsewhere it is fallback, a URL.
func SelfIssuer(fallback string) identity.IssuerFunc {
	fixed := identity.FixedIssuer(fallback)
	return func(ctx context.Context, region string) string {
		if host, ok := ctx.Value(hostKey{}).(string); ok && Loopback(host) {
			scheme, _ := ctx.Value(schemeKey{}).(string)
			return cmp.Or(scheme, "http") + "://" + host
		}
		return fixed(ctx, region)
	}
}

// region is the region that a call is for: that of its signature, else the engine's.
func (s *service) region(ctx context.Context) string {
	if r := wire.RequestFrom(ctx).Region; r != "" {
		return r
	}
	return s.engine.Region()
}

// document answers with a public document of a pool.
func (s *service) document(w http.ResponseWriter, r *http.Request, v any, err error) {
	h := w.Header()
	if len(r.TransferEncoding) > 0 { // as in package wire
		h.Set("Connection", "close")
	}
	h.Set("x-amzn-RequestId", wire.NewID()) // like every other answer
	h.Set("Content-Type", "application/json")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	status := http.StatusOK
	switch {
	case errors.Is(err, identity.ErrPoolNotFound):
		status, v = http.StatusNotFound, map[string]string{"code": "ResourceNotFound", "message": "User pool does not exist.", "type": "client"}
	case err != nil:
		s.log.ErrorContext(r.Context(), "public document", "path", r.URL.Path, "error", err)
		status, v = http.StatusInternalServerError, map[string]string{"code": "InternalError", "type": "server"}
	default:
		h.Set("Cache-Control", "public, max-age=300")
	}
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	w.WriteHeader(status)
	w.Write(body)
}

// jwks is the key set of a pool, with the keys of all tokens that may still be
// valid.
func (s *service) jwks(r *http.Request, pool string) (any, error) {
	return s.engine.JWKS(r.Context(), pool)
}
