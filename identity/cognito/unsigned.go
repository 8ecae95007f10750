package cognito

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Access says which requests may do what an operator may do, without a signature that was
// verified. The zero value lets in requests from this machine, that were sent to a loopback
// name, and not by a web page of another origin. So neither another machine nor a page in
// this machine's browser gets in, not even by a name of its own that it points here.
type Access struct {
	// Hosts are further names that requests may be sent to, such as the name of a
	// container. They have no port.
	Hosts []string
	// InsecureAnyPeer lets other machines in: each that can connect is an operator. It is
	// for containers. Requests must then be sent to a name in Hosts, a loopback name, an
	// address, or a name without a dot.
	InsecureAnyPeer bool
}

// Check returns an error that says why a request may not do what an operator may do, and
// nil if it may.
func (a *Access) Check(r *http.Request) error {
	if !a.InsecureAnyPeer && !localPeer(r.RemoteAddr) {
		return fmt.Errorf("only from this machine, and this request came from %.100s (cognate dev --allow-remote lets other machines in)", r.RemoteAddr)
	}
	if !a.host(r.Host) {
		return fmt.Errorf("only by a loopback name such as localhost, and this request was sent to %.100q (cognate dev --allow-host NAME allows a name)", r.Host)
	}
	origin := r.Header.Get("Origin")
	if origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host {
		return fmt.Errorf("not by web pages of another origin, such as %.100q: call from the test program", origin)
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return fmt.Errorf("not by web pages of another origin: call from the test program")
	}
	return nil
}

// host reports whether a Host header is one that no foreign page can choose.
func (a *Access) host(host string) bool {
	if Loopback(host) {
		return true
	}
	name := hostname(host)
	if slices.ContainsFunc(a.Hosts, func(h string) bool { return strings.EqualFold(h, name) }) {
		return true
	}
	if !a.InsecureAnyPeer || name == "" {
		return false
	}
	// A page can point a name of its own here, but not an address, and no name without a dot.
	_, err := netip.ParseAddr(name)
	return err == nil || !strings.Contains(name, ".")
}

// hostname is a Host header without port and brackets.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.Trim(host, "[]")
}

// localPeer reports whether the other end of a connection is on this machine. A socket in
// the file system, and a call within the program, have no address.
func localPeer(remote string) bool {
	if remote == "" || strings.HasPrefix(remote, "@") || strings.HasPrefix(remote, "/") {
		return true
	}
	return peer(remote).IsLoopback()
}
