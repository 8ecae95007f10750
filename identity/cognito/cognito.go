// Package cognito serves an [identity.Engine] over the API of Amazon Cognito:
// AWS JSON 1.1 over HTTP, as the AWS SDKs and Amplify speak it, with the JWKS
// and the discovery document of each pool. It is the only package that knows
// the messages and exceptions of Cognito.
//
//	http.ListenAndServe(addr, cognito.NewHandler(engine, &cognito.Options{VerifySignatures: true}))
//
// # Caveats
//
// Without [Options.VerifySignatures] anyone who reaches the handler may do what
// an operator may do. Leave it out only for a fake on the loopback address.
package cognito

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/sigv4"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/token"
)

// Options are the wiring of a handler.
type Options struct {
	// VerifySignatures demands, for operators' calls, a signature (AWS
	// Signature Version 4) by one of the engine's access keys. Without it any
	// signature, or none, will do.
	VerifySignatures bool
	// Logger gets unexpected errors and panics. Defaults to slog.Default().
	Logger *slog.Logger
	// Hints logs, at level Warn, what to set where the service is stricter than
	// other fakes of it: for a fake.
	Hints bool
	// Clock is what dates of signatures are held against. Defaults to time.Now.
	Clock func() time.Time
	// Timeout is how long one request may take. Defaults to 30 seconds.
	Timeout time.Duration
	// MaxInFlight is how many requests may be worked on at once; further ones
	// get a TooManyRequestsException. Defaults to 1,024.
	MaxInFlight int
}

// NewHandler returns a handler for all operations and documents of the engine's pools.
func NewHandler(e *identity.Engine, o *Options) http.Handler { return newHandler(e, o, nil) }

// newHandler is NewHandler; undeclared is told of errors that the model of
// their operation does not have.
func newHandler(e *identity.Engine, o *Options, undeclared func(*wire.Operation, *wire.Error)) http.Handler {
	if o == nil {
		o = &Options{}
	}
	s := &service{engine: e, log: o.Logger, hints: o.Hints}
	if s.log == nil {
		s.log = slog.Default()
	}
	wired := &wire.Options{Context: withCall, MapError: s.mapError, Undeclared: undeclared, Logger: s.log, Timeout: o.Timeout, MaxInFlight: int64(o.MaxInFlight)}
	if o.VerifySignatures {
		wired.Authorize = s.authorize(o.Clock)
	}
	s.api = wire.NewHandler(wired, idp.Service(s.handlers()), fedid.Service(nil))
	return hosted(s)
}

// A service holds what the handlers of the operations need. They are spread
// over the files of this package by noun; operations.go lists them.
type service struct {
	engine *identity.Engine
	log    *slog.Logger
	hints  bool         // Options.Hints
	api    http.Handler // of the operations
}

// ServeHTTP serves the public documents of pools, and leaves the rest to the
// API. It does without a [http.ServeMux], which redirects what it finds
// untidy, by pages that no SDK can read.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pool, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	serve := map[string]func(*http.Request, string) (any, error){
		".well-known/jwks.json":            s.jwks,
		".well-known/openid-configuration": s.discovery,
	}[name]
	switch {
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

// authorize holds operators' calls to a valid signature of an access key that may
// make the call, and puts the access key into the context that it returns.
func (s *service) authorize(clock func() time.Time) func(context.Context, *http.Request, *wire.Operation, []byte) (context.Context, error) {
	return func(ctx context.Context, r *http.Request, op *wire.Operation, body []byte) (context.Context, error) {
		switch op.Caller {
		case wire.Operator:
		case wire.PublicClient, wire.AccessToken, wire.TokenOrSession, wire.Logins:
			return ctx, nil
		case wire.AnyClient: // whoever serves one looks for the client's secret, and for a signature only where it counts
			return ctx, nil
		default:
			return nil, fmt.Errorf("%s: nothing says who may call it: %q", op.Name, op.Caller)
		}
		var key *identity.AccessKey
		lookup := func(ctx context.Context, id string) (secret string, ok bool, err error) {
			found, kept, err := s.engine.AccessKeys().Find(ctx, id)
			key = found
			return string(kept), found != nil, err
		}
		v := sigv4.Verifier{Service: op.Service, Lookup: lookup, Now: clock}
		if _, err := v.Verify(r, body); err != nil {
			return nil, err
		}
		if err := permit(ctx, key, op); err != nil {
			return nil, err
		}
		if err := s.engine.AccessKeys().Used(ctx, key); err != nil {
			s.log.WarnContext(ctx, "the use of an access key was not noted", "accessKey", key.ID, "error", err)
		}
		return withSigner(ctx, key), nil
	}
}

type hostKey struct{}

// hosted remembers the address that a request was sent to, for [SelfIssuer].
func hosted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), hostKey{}, r.Host)))
	})
}

// SelfIssuer is an issuer for a fake: the address that a request was sent to,
// as far as that is this machine, so that discovery and iss agree with whatever
// name the tests use. Elsewhere it is fallback, a URL.
func SelfIssuer(fallback string) identity.IssuerFunc {
	fixed := identity.FixedIssuer(fallback)
	return func(ctx context.Context, region string) string {
		if host, ok := ctx.Value(hostKey{}).(string); ok && Loopback(host) {
			return "http://" + host
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

// discovery is the OpenID configuration of a pool. Such a document must name
// endpoints for authorization and tokens, although no handler of this package
// serves them.
func (s *service) discovery(r *http.Request, id string) (any, error) {
	ctx := r.Context()
	pool, err := s.engine.UserPool(ctx, id)
	if err != nil {
		return nil, err
	}
	info, err := pool.Admin().Describe(ctx)
	if err != nil {
		return nil, err
	}
	return discovery(s.engine.Issuer(ctx, info), &info.Settings), nil
}

// discovery is the document of a pool. With CognitoDefaults it is the service's,
// which names endpoints below the issuer although none answers there. For safe
// pools it has what is served alone.
func discovery(iss string, set *identity.PoolSettings) token.Discovery {
	d := token.Discovery{
		Issuer: iss, JWKSURI: iss + "/.well-known/jwks.json",
		IDTokenAlgorithms: []token.Algorithm{cmp.Or(set.Algorithm, token.RS256)}, SubjectTypes: []string{"public"},
	}
	if set.Defaults == identity.SafeDefaults {
		return d
	}
	d.AuthorizationEndpoint, d.TokenEndpoint, d.UserinfoEndpoint = iss+"/authorize", iss+"/token", iss+"/userInfo"
	d.ResponseTypes, d.Scopes = []string{"code", "token"}, []string{"openid", "email", "phone", "profile"}
	d.TokenEndpointAuthMethods = []string{"client_secret_basic", "client_secret_post"}
	return d
}
