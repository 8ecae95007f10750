package identity

import (
	"context"

	"github.com/cognate-id/cognate/identity/hook"
)

// A Call says who calls the engine, from where, and what the caller sent for
// hooks and events. A context carries it: see [WithCall].
type Call = hook.Call

type callKey struct{}

// WithCall returns a context that carries a call. A server sets it once for
// each request. Without it the engine uses the zero Call, which means that the
// program itself calls.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom returns the call that a context carries, or the zero Call if it
// carries none.
func CallFrom(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}
