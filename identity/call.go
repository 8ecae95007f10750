package identity

import (
	"context"

	"github.com/cognate-id/cognate/identity/hook"
)

// A Call says who makes a call, from where, and what came with it. A context
// carries it, see [WithCall].
type Call = hook.Call

type callKey struct{}

// WithCall returns a context that carries a call. A program or a server that
// answers requests sets it once for each request. Without it the zero Call is
// used: the program itself calls, from nowhere in particular.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom returns the call that a context carries, or the zero Call.
func CallFrom(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}
