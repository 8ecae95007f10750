package cognito

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// authorizer returns what holds operators' calls to their rights: to a valid signature, or
// to where they come from if signatures are not verified. The context that it returns has
// the access key of the signature.
func (s *service) authorizer(o *Options) func(context.Context, *http.Request, *wire.Operation, []byte) (context.Context, error) {
	may := s.signed(o)
	if !o.VerifySignatures {
		may = s.unsigned(o.Unsigned)
	}
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
		return may(ctx, r, op, body)
	}
}

// signed demands a signature of an access key that may make the call.
func (s *service) signed(o *Options) func(context.Context, *http.Request, *wire.Operation, []byte) (context.Context, error) {
	seen := &sigv4.Seen{}
	regions := append([]string{s.engine.Region()}, o.Regions...)
	return func(ctx context.Context, r *http.Request, op *wire.Operation, body []byte) (context.Context, error) {
		if s.sts != nil && isTemporary(r) {
			return s.temporary(ctx, r, op, body, regions)
		}
		var key *identity.AccessKey
		lookup := func(ctx context.Context, id string) (secret string, ok bool, err error) {
			found, kept, err := s.engine.AccessKeys().Find(ctx, id)
			key = found
			return string(kept), found != nil, err
		}
		v := sigv4.Verifier{
			Service: op.Service, Regions: regions, Lookup: lookup, Now: o.Clock,
			Seen: seen, ReadOnly: readOnly(op.Name),
		}
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

// unsigned takes any signature, or none, but not from everywhere. Temporary credentials of this server are held to
// their policies all the same, so that these can be tested.
func (s *service) unsigned(a Access) func(context.Context, *http.Request, *wire.Operation, []byte) (context.Context, error) {
	return func(ctx context.Context, r *http.Request, op *wire.Operation, body []byte) (context.Context, error) {
		if err := a.Check(r); err != nil {
			return nil, &wire.Error{Type: idp.AccessDeniedException, Status: http.StatusForbidden, Message: "Operators' calls are taken " + err.Error() + "."}
		}
		if s.sts != nil && isTemporary(r) {
			return s.temporaryIfOurs(ctx, r, op, body)
		}
		return ctx, nil
	}
}

// readers are how the names of operations begin that change nothing.
var readers = []string{"Describe", "List", "Get", "AdminGet", "AdminList"}

// readOnly reports whether an operation of operators changes nothing.
func readOnly(op string) bool {
	if op == "GetClientToken" || op == "GetDerivedToken" || op == "GetOpenIdTokenForDeveloperIdentity" { // they make one
		return false
	}
	return slices.ContainsFunc(readers, func(prefix string) bool { return strings.HasPrefix(op, prefix) })
}

// clock is what dates are held against.
func (o *Options) clock() func() time.Time {
	if o.Clock != nil {
		return o.Clock
	}
	return time.Now
}
