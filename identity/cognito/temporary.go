package cognito

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// Temporary credentials open an operator's operation only if the policies of their role allow it: the action is
// SERVICE:OPERATION, and the resource is the ARN of the pool that the request names, or * where it names
// none. This is asked twice. temporary asks before the request is decoded, so that no operation is left
// out, and permitPool asks again for the pool that the handler has found.

// An STS issues temporary credentials and verifies what they sign. *sts.Service is one.
type STS interface {
	http.Handler
	// Handles reports whether a request is for the API of STS.
	Handles(r *http.Request) bool
	// Caller verifies a signature by temporary credentials. It returns their access key, and what decides
	// what the caller may do.
	Caller(r *http.Request, body []byte, service string, regions []string, readOnly bool) (accessKey string, may func(ctx context.Context, action, resource string) error, err error)
}

// A temporaryCaller is who has signed a call with temporary credentials.
type temporaryCaller struct {
	accessKey string
	account   string // of the pools
	may       func(ctx context.Context, action, resource string) error
}

type temporaryKey struct{}

// temporarySigner returns who has signed a call with temporary credentials, or nil.
func temporarySigner(ctx context.Context) *temporaryCaller {
	t, _ := ctx.Value(temporaryKey{}).(*temporaryCaller)
	return t
}

// isTemporary reports whether a request has a session token.
func isTemporary(r *http.Request) bool { return len(r.Header.Values("X-Amz-Security-Token")) > 0 }

// temporary demands a signature by temporary credentials whose role allows the call.
func (s *service) temporary(ctx context.Context, r *http.Request, op *wire.Operation, body []byte, regions []string) (context.Context, error) {
	key, may, err := s.sts.Caller(r, body, op.Service, regions, readOnly(op.Name))
	if err != nil {
		return nil, err
	}
	return permitTemporary(ctx, &temporaryCaller{key, s.engine.Account(), may}, op, body)
}

// temporaryIfOurs is temporary for a server that verifies no signatures. A session token from elsewhere counts as
// none: tests have such tokens.
func (s *service) temporaryIfOurs(ctx context.Context, r *http.Request, op *wire.Operation, body []byte) (context.Context, error) {
	key, may, err := s.sts.Caller(r, body, op.Service, nil, readOnly(op.Name))
	if _, refused := errors.AsType[*sigv4.Error](err); refused && key == "" {
		return ctx, nil
	}
	if err != nil {
		return nil, err
	}
	return permitTemporary(ctx, &temporaryCaller{key, s.engine.Account(), may}, op, body)
}

func permitTemporary(ctx context.Context, t *temporaryCaller, op *wire.Operation, body []byte) (context.Context, error) {
	resource, err := namedResource(t.account, body)
	if err != nil {
		return nil, err
	}
	if err := t.may(ctx, op.Service+":"+op.Name, resource); err != nil {
		return nil, err
	}
	return context.WithValue(ctx, temporaryKey{}, t), nil
}

// permitPool returns an error if the caller may not do what the call is for to a pool.
func (t *temporaryCaller) permitPool(ctx context.Context, id string) error {
	op := wire.RequestFrom(ctx).Operation
	return t.may(ctx, op.Service+":"+op.Name, poolARN(t.account, id))
}

// namers are the members of requests that name a resource.
var namers = []string{"UserPoolId", "IdentityPoolId", "ResourceArn"}

// namedResource is the ARN of what a request names, or * if it names nothing. A request that names two things is
// refused: whoever decodes it might take the other one.
func namedResource(account string, body []byte) (string, error) {
	unclear := wire.Errorf(idp.AccessDeniedException, "The request does not say clearly which resource it is about")
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "", unclear
	}
	found := "*"
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var raw json.RawMessage
		if err != nil || !ok || d.Decode(&raw) != nil {
			return "", unclear
		}
		if !slices.Contains(namers, name) {
			continue
		}
		var value string
		if found != "*" || json.Unmarshal(raw, &value) != nil || value == "" {
			return "", unclear
		}
		found = value
		if name != "ResourceArn" {
			found = poolARN(account, value)
		}
	}
	return found, nil
}

// poolARN is the ARN of a user pool or an identity pool, by its id.
func poolARN(account, id string) string {
	if region, _, ok := strings.Cut(id, ":"); ok {
		return "arn:aws:cognito-identity:" + region + ":" + account + ":identitypool/" + id
	}
	region, _, _ := strings.Cut(id, "_")
	return "arn:aws:cognito-idp:" + region + ":" + account + ":userpool/" + id
}
