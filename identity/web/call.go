package web

import (
	"cmp"
	"context"
	"crypto/rand"
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
func (vs *Visits) called(w http.ResponseWriter, r *http.Request) *http.Request {
	return r.WithContext(vs.withCall(w, r))
}

func (vs *Visits) withCall(w http.ResponseWriter, r *http.Request) context.Context {
	ctx := r.Context()
	if had := identity.CallFrom(ctx); had.Address.IsValid() || had.Device != "" || had.RequestID != "" {
		return ctx
	}
	agent := r.UserAgent()
	agent = strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")
	return identity.WithCall(ctx, identity.Call{Address: vs.options.Address(r), Device: vs.device(w, r), UserAgent: agent})
}

const (
	deviceLife   = 90 * 24 * 60 * 60 // in seconds; an account forgets its devices after that time, too
	deviceLength = 26                // of rand.Text: 130 bits
)

// device returns the random text by which an account knows the browser. A browser without one
// gets it when it sends a form. Nobody can guess it, so it needs no signature.
func (vs *Visits) device(w http.ResponseWriter, r *http.Request) string {
	device := ""
	if c, err := r.Cookie(vs.cookie("device")); err == nil && len(c.Value) == deviceLength {
		device = c.Value
	}
	if r.Method != http.MethodPost || vs.origins.Check(r) != nil {
		return device
	}
	device = cmp.Or(device, rand.Text())
	setCookie(w, vs.cookie("device"), device, deviceLife, !vs.options.InsecureHTTP)
	return device
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
