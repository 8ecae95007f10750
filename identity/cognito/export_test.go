package cognito

import (
	"context"
	"net/http"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// NewWatchedHandler is NewHandler, with a function that is told of errors that
// the model does not declare for their operation.
func NewWatchedHandler(e *identity.Engine, o *Options, undeclared func(*wire.Operation, *wire.Error)) http.Handler {
	return newHandler(e, o, undeclared)
}

// Services are the two services, with the handlers there are.
func Services() []*wire.Service {
	s := &service{}
	return []*wire.Service{idp.Service(s.handlers()), fedid.Service(nil)}
}

// CallOf is the call that a request makes, by its members alone.
func CallOf(ctx context.Context, in wire.Request) identity.Call {
	return identity.CallFrom(withCall(ctx, in))
}
