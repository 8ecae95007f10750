package cognito

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// Where a request comes from decides whose turn it is, and which limits it counts against.
// That is the other end of the connection or, where that is a proxy that the operator
// trusts, the address that the proxy reports.

// proxies are the networks of proxies whose X-Forwarded-For is believed.
type proxies []netip.Prefix

func (p proxies) trust(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// client is the address of the client of a request. A proxy appends to X-Forwarded-For the
// address that it was called from, so the last one that is no trusted proxy's counts. What
// stands before it, anyone can write.
func (p proxies) client(remote string, forwarded []string) netip.Addr {
	at := peer(remote)
	if !at.IsValid() || !p.trust(at) {
		return at
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		a := hopAddress(strings.TrimSpace(hop))
		if !a.IsValid() {
			return at
		}
		if at = a; !p.trust(at) {
			return at
		}
	}
	return at
}

// hopAddress is an address in X-Forwarded-For; some proxies write a port too.
func hopAddress(s string) netip.Addr {
	if a := address(strings.Trim(s, "[]")); a.IsValid() {
		return a
	}
	return peer(s)
}

// source names where a request comes from, for the bound on requests in flight. This machine
// and trusted proxies speak for many, so they have no bound of their own.
func (s *service) source(r *http.Request) string {
	a := s.proxies.client(r.RemoteAddr, r.Header["X-Forwarded-For"])
	if s.proxies.trust(a) {
		return ""
	}
	return identity.SourceOf(a)
}
