package web

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/cognate-id/cognate/identity"
)

// maxUserAgent is how many bytes of the User-Agent are kept.
const maxUserAgent = 1024

// called returns a request whose context says who calls the engine, and from where: budgets of
// guesses count by it, so that a stranger who guesses does not lock the owner out. A call that
// the context has already stays.
func (vs *Visits) called(r *http.Request) *http.Request {
	return r.WithContext(vs.withCall(r))
}

func (vs *Visits) withCall(r *http.Request) context.Context {
	ctx := r.Context()
	if had := identity.CallFrom(ctx); had.Address.IsValid() || had.Device != "" || had.RequestID != "" {
		return ctx
	}
	agent := r.UserAgent()
	agent = strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")
	return identity.WithCall(ctx, identity.Call{Address: vs.options.Address(r), UserAgent: agent})
}

// peer returns the other end of the connection, unless the address is private: then that is a proxy,
// perhaps, and all browsers would seem to be one.
func peer(r *http.Request) netip.Addr {
	p, err := netip.ParseAddrPort(r.RemoteAddr)
	a := p.Addr().WithZone("").Unmap()
	if err != nil || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	return a
}
