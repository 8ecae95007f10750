package identity

import (
	"context"
	"net/netip"

	"github.com/cognate-id/cognate/identity/internal/passhash"
)

// Hashing passwords is the most expensive thing that a stranger can ask for. So hashes wait
// in turns by source, and one that would wait too long is refused with ErrBusy at once.

// Busy reports whether a password would not be hashed now, even if its source asks for no
// other: the call would return [ErrBusy]. A health check can tell it.
func (e *Engine) Busy() bool { return e.hasher.Busy() }

// hashSource returns who asks for the hash of a password, from the [Call] of ctx. For a
// signed call about a user whose address the operator reports, that is the user's address.
// An operator's own address says nothing about a user.
func hashSource(ctx context.Context) passhash.Source {
	c := CallFrom(ctx)
	switch {
	case c.AccessKey != "" && c.Context != nil && c.Context.Address.IsValid():
		return passhash.Source{Name: network(c.Context.Address)}
	case c.AccessKey != "":
		return passhash.Source{Name: c.AccessKey, Operator: true}
	case c.Address.IsValid():
		return passhash.Source{Name: network(c.Address)}
	}
	return passhash.Source{Operator: true} // the program itself
}

// sourceBits is how much of an IPv6 address is one source: a household has as many
// addresses below it as it likes.
const sourceBits = 64

// network returns the source that an address belongs to.
func network(a netip.Addr) string {
	if a = a.WithZone("").Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(sourceBits)
	if err != nil {
		return ""
	}
	return p.String()
}
