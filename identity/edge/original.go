package edge

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Each gateway says in its own way what the original request is. All of it is believed only of the
// peers that the configuration names, and each header must be there once: one that the client has
// added beside that of the gateway is no help to the client.

// The conventions of gateways.
type convention int

const (
	authRequest convention = iota + 1 // of nginx
	forwardAuth                       // of Traefik and Caddy
	extAuthz                          // of Envoy
)

var (
	// errStranger is the error of a request that no gateway of the configuration has sent.
	errStranger = errors.New("edge: the peer is no proxy of the configuration")
	// errForeign is the error of a request to a host that is no site.
	errForeign = errors.New("edge: no site has this host")
	// errOriginal is the error of a request that does not say what the original one is.
	errOriginal = errors.New("edge: the gateway does not say what the original request is")
)

// An original is the request that a gateway asks about.
type original struct {
	site   *site
	method string
	target string // path and query, as the client has sent them
	groups []string
}

// path is that of the target, not decoded.
func (o *original) path() string {
	path, _, _ := strings.Cut(o.target, "?")
	return path
}

// original returns what a gateway asks about.
func (e *Edge) original(r *http.Request, c convention) (*original, error) {
	if !e.isProxy(r.RemoteAddr) {
		return nil, errStranger
	}
	var o *original
	var err error
	switch c {
	case authRequest:
		o, err = e.originalURL(r)
	case forwardAuth:
		o, err = e.forwarded(r)
	case extAuthz:
		return e.prefixed(r)
	default:
		return nil, errOriginal
	}
	if err != nil {
		return nil, err
	}
	o.groups, err = allowedGroups(r.URL.RawQuery)
	return o, err
}

// isProxy reports whether a peer is one of the configuration.
func (e *Edge) isProxy(peer string) bool {
	p, err := netip.ParseAddrPort(peer)
	if err != nil {
		return false
	}
	a := p.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(e.proxies, func(n netip.Prefix) bool { return n.Contains(a) })
}

// once returns the one value of a header.
func once(h http.Header, name string) (string, error) {
	values := h.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", fmt.Errorf("%w: %d headers %s", errOriginal, len(values), name)
	}
	return values[0], nil
}

// originalURL reads the headers of nginx.
func (e *Edge) originalURL(r *http.Request) (*original, error) {
	address, err := once(r.Header, "X-Original-URL")
	if err != nil {
		return nil, err
	}
	method, err := once(r.Header, "X-Original-Method")
	if err != nil {
		return nil, err
	}
	scheme, rest, ok := strings.Cut(address, "://")
	end := strings.IndexByte(rest, '/')
	if !ok || end < 0 {
		return nil, fmt.Errorf("%w: X-Original-URL is no URL", errOriginal)
	}
	return e.about(method, scheme, rest[:end], rest[end:])
}

// forwarded reads the headers of Traefik and Caddy. Traefik names the scheme ws for WebSockets.
func (e *Edge) forwarded(r *http.Request) (*original, error) {
	var values [4]string
	for i, name := range []string{"X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"} {
		var err error
		if values[i], err = once(r.Header, name); err != nil {
			return nil, err
		}
	}
	switch values[1] {
	case "ws":
		values[1] = "http"
	case "wss":
		values[1] = "https"
	}
	return e.about(values[0], values[1], values[2], values[3])
}

// prefixed reads the request itself, as Envoy sends it. X-Forwarded-Proto may be missing, because
// Envoy sends only those headers that it is told to.
func (e *Edge) prefixed(r *http.Request) (*original, error) {
	target, ok := strings.CutPrefix(r.RequestURI, e.prefix+envoyPath)
	if !ok {
		return nil, fmt.Errorf("%w: another path", errOriginal)
	}
	scheme := ""
	if len(r.Header.Values("X-Forwarded-Proto")) > 0 {
		var err error
		if scheme, err = once(r.Header, "X-Forwarded-Proto"); err != nil {
			return nil, err
		}
	}
	return e.about(r.Method, scheme, r.Host, target)
}

// about returns a request to a site. scheme may be "", if the gateway does not say.
func (e *Edge) about(method, scheme, host, target string) (*original, error) {
	if len(target) > maxTarget {
		return nil, fmt.Errorf("%w: the target is longer than %d bytes", errPath, maxTarget)
	}
	s := e.siteOf(host)
	if s == nil {
		return nil, errForeign
	}
	if scheme != "" && scheme != s.scheme {
		return nil, fmt.Errorf("%w: the scheme is %.20q, and the site has %q", errForeign, scheme, s.scheme)
	}
	if !isMethod(method) {
		return nil, fmt.Errorf("%w: no method", errOriginal)
	}
	return &original{site: s, method: method, target: target}, nil
}

// siteOf returns the site of a host, or nil.
func (e *Edge) siteOf(host string) *site {
	for _, scheme := range []string{"https", "http"} {
		if s := e.sites[hostOf(scheme, host)]; s != nil && s.scheme == scheme {
			return s
		}
	}
	return nil
}

// isMethod reports whether a text is a method of HTTP: in capitals, because servers do not agree on
// others.
func isMethod(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '-' && c != '_' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// allowedGroups returns the values of allowed_groups in a query. Caddy appends the query of the client
// to that of the configuration, so all other parameters are nobody's, and each of these counts.
func allowedGroups(query string) ([]string, error) {
	var out []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != "allowed_groups" {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("%w: allowed_groups is malformed", errForbidden)
		}
		out = append(out, value)
	}
	return out, nil
}

// inAllowed reports whether somebody is in at least one group of each allowed_groups.
func inAllowed(who *Identity, allowed []string) bool {
	for _, list := range allowed {
		if !slices.ContainsFunc(strings.Split(list, ","), who.inGroup) {
			return false
		}
	}
	return true
}
