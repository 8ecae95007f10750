package sts

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// Caller verifies a call of a JSON API that is signed with temporary credentials, as [Service.Verify] does, but by the
// header alone, for one service, and once: a call that only reads is taken again within two seconds. Without
// regions, any will do. It returns the access key, also with an error if the token is one of this service, and what
// decides whether the caller may do an action on a resource. Refusals are errors with the codes of such APIs, also those of may. It is for package cognito.
func (s *Service) Caller(r *http.Request, body []byte, service string, regions []string, readOnly bool) (accessKey string, may func(ctx context.Context, action, resource string) error, err error) {
	var o *opened
	v := sigv4.Verifier{Service: service, Regions: regions, Now: s.options.Clock, Session: s.secretFor(&o)}
	sig, err := v.Check(r, body)
	if o == nil {
		return "", nil, cmp.Or(err, jsonError(errToken()))
	}
	x := o.session
	if err != nil {
		return x.AccessKeyID, nil, err
	}
	if err := s.active(r.Context(), o); err != nil {
		return x.AccessKeyID, nil, jsonError(err)
	}
	once := sync.OnceValue(func() error { return s.seen.Accept(sig, s.now(), readOnly) })
	may = func(ctx context.Context, action, resource string) error {
		d, err := s.Allows(ctx, x, action, resource, nil)
		if err != nil {
			return err
		}
		if !d.Allowed {
			s.explain(ctx, "an operator's call was refused", "caller", x.ARN(), "action", action, "resource", resource, "reason", d.Why)
			return jsonError(notAuthorized(x, action, resource))
		}
		return once() // only now: a guest must not make us remember anything
	}
	return x.AccessKeyID, may, nil
}

// jsonError is a refusal with the code that JSON APIs have for it. A failure stays one.
func jsonError(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	code, ok := gatewayTypes[e.Code]
	if !ok {
		return err
	}
	return &sigv4.Error{Code: code, Message: e.Message}
}
