package identity

import (
	"context"

	"github.com/cognate-id/cognate/identity/internal/passhash"
)

// Hashing passwords is the most expensive thing that a stranger can ask for. So hashes wait
// in turns by source, and one that would wait too long is refused with ErrBusy at once.

// Busy reports whether a password would not be hashed now, even if its source asks for no
// other: the call would return [ErrBusy]. A health check can tell it.
func (e *Engine) Busy() bool { return e.hasher.Busy() }

// hashSource returns who asks for the hash of a password, from the [Call] of ctx.
func hashSource(ctx context.Context) passhash.Source {
	c := CallFrom(ctx)
	if from := callSource(ctx); from != "" {
		return passhash.Source{Name: from}
	}
	switch {
	case c.AccessKey != "":
		return passhash.Source{Name: c.AccessKey, Operator: true}
	case c.Address.IsValid(): // this machine
		return passhash.Source{}
	}
	return passhash.Source{Operator: true} // the program itself
}
