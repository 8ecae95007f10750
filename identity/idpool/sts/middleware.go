package sts

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity/idpool/policy"
)

// Middleware stands before an API as an API Gateway with IAM authorization does. Its answers are those
// of API Gateway: 403 with a message, and the type of the exception in a header.

// DefaultMaxBody is how many bytes of a body [Service.Middleware] reads: as many as API Gateway takes.
const DefaultMaxBody = 10 << 20

// MiddlewareOptions say which signatures an API takes. The zero value and nil are good.
type MiddlewareOptions struct {
	// Service is the service that signatures must be for. Defaults to "execute-api".
	Service string
	// Regions are the regions that signatures may be for. Defaults to any.
	Regions []string
	// MaxBody is how many bytes a body may have. It is read into memory, to be verified. Defaults to [DefaultMaxBody].
	MaxBody int64
	// Address returns the address of the client, for the condition key aws:SourceIp. Set it if a proxy is in front.
	// Defaults to the other end of the connection.
	Address func(*http.Request) netip.Addr
}

type verifiedKey struct{}

// A passed request is what Middleware leaves for Require.
type passed struct {
	*Verified
	address netip.Addr
}

// FromContext returns who has signed a request that [Service.Middleware] let through.
func FromContext(ctx context.Context) (*Verified, bool) {
	p, ok := ctx.Value(verifiedKey{}).(*passed)
	if !ok {
		return nil, false
	}
	return p.Verified, true
}

// Middleware returns what lets requests through that are signed with temporary credentials which are good. The
// handler behind it finds who signed by [FromContext]. What they may do is not asked: put [Service.Require]
// behind it.
func (s *Service) Middleware(o *MiddlewareOptions) func(http.Handler) http.Handler {
	var own MiddlewareOptions
	if o != nil {
		own = *o
	}
	own.Service = cmp.Or(own.Service, "execute-api")
	own.MaxBody = cmp.Or(own.MaxBody, DefaultMaxBody)
	if own.Address == nil {
		own.Address = peer
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, err := s.admit(w, r, &own)
			if err != nil {
				s.answer(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), verifiedKey{}, &passed{v, own.Address(r)})))
		})
	}
}

// errTooLong is returned for a body that is too long.
var errTooLong = errors.New("sts: the body is too long")

// admit reads the body, verifies the request, and puts the body back.
func (s *Service) admit(w http.ResponseWriter, r *http.Request, o *MiddlewareOptions) (*Verified, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, o.MaxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLong
	}
	if err != nil {
		return nil, err
	}
	v, err := s.Verify(r, body)
	if err != nil {
		return nil, err
	}
	if v.Service != o.Service || len(o.Regions) > 0 && !slices.Contains(o.Regions, v.Region) {
		return nil, &Error{"SignatureDoesNotMatch", "Credential should be scoped to correct service: '" + o.Service + "', and to a valid region.", http.StatusForbidden, ErrSignature}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return v, nil
}

func peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// Require returns what lets requests through whose signer may do an action on a resource, by the policies of
// the role and of the session. Put it behind [Service.Middleware].
func (s *Service) Require(action, resource string) func(http.Handler) http.Handler {
	return s.RequireFunc(action, func(*http.Request) string { return resource })
}

// RequireFunc is [Service.Require] with a resource for each request, such as that of [InvokeARN]. A request
// for which it is empty is refused.
func (s *Service) RequireFunc(action string, resource func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := s.permit(r, action, resource(r)); err != nil {
				s.answer(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// permit returns an error unless the signer of a request may do the action.
func (s *Service) permit(r *http.Request, action, resource string) error {
	p, ok := r.Context().Value(verifiedKey{}).(*passed)
	if !ok {
		return &Error{"MissingAuthenticationToken", "Missing Authentication Token", http.StatusForbidden, ErrSignature}
	}
	if resource != "" {
		d, err := s.Allows(r.Context(), p.Session, action, resource, requestKeys(r, p.address))
		if err != nil || d.Allowed {
			return err
		}
		s.explain(r.Context(), "a request was refused", "caller", p.Session.ARN(), "action", action, "resource", resource, "reason", d.Why)
	}
	return notAuthorized(p.Session, action, resource)
}

// notAuthorized is the refusal by policies.
func notAuthorized(x *Session, action, resource string) *Error {
	return &Error{"AccessDenied", "User: " + x.ARN() + " is not authorized to perform: " + action + " on resource: " + resource, http.StatusForbidden, ErrDenied}
}

// requestKeys are the condition keys of a request.
func requestKeys(r *http.Request, address netip.Addr) policy.Context {
	c := policy.Context{}
	if address.IsValid() {
		c.Set("aws:SourceIp", address.String())
	}
	secure := "false"
	if r.TLS != nil {
		secure = "true"
	}
	c.Set("aws:SecureTransport", secure)
	if agent := r.UserAgent(); agent != "" {
		c.Set("aws:UserAgent", agent)
	}
	return c
}

// InvokeARN returns the ARNs that API Gateway gives requests, for the action execute-api:Invoke:
// arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH. The path is that of the request, decoded. A path
// with empty parts or with . and .. has none, because routers disagree about it.
func InvokeARN(region, account, api, stage string) func(*http.Request) string {
	return func(r *http.Request) string {
		p := r.URL.Path
		if !strings.HasPrefix(p, "/") || path.Clean(p) != strings.TrimSuffix(p, "/") && p != "/" {
			return ""
		}
		return "arn:aws:execute-api:" + region + ":" + account + ":" + api + "/" + stage + "/" + r.Method + p
	}
}

// gatewayTypes are the exceptions that API Gateway names in a header, by the codes of STS.
var gatewayTypes = map[string]string{
	"MissingAuthenticationToken": "MissingAuthenticationTokenException",
	"IncompleteSignature":        "IncompleteSignatureException",
	"SignatureDoesNotMatch":      "InvalidSignatureException",
	"InvalidClientTokenId":       "UnrecognizedClientException",
	"ExpiredToken":               "ExpiredTokenException",
	"AccessDenied":               "AccessDeniedException",
}

// answer refuses a request as API Gateway does.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, err error) {
	status, member, message := http.StatusInternalServerError, "message", "Internal server error"
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok:
		status, message = http.StatusForbidden, e.Message
		if errors.Is(e, ErrDenied) {
			member = "Message"
		}
		w.Header().Set("X-Amzn-Errortype", cmp.Or(gatewayTypes[e.Code], e.Code))
	case errors.Is(err, errTooLong):
		status, message = http.StatusRequestEntityTooLarge, "Request Too Long"
	default:
		s.options.Logger.ErrorContext(r.Context(), "a request could not be verified", "error", err)
	}
	body, err := json.Marshal(map[string]string{member: message})
	if err != nil {
		body = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has gone
}
