package cognito

import (
	"net"
	"net/netip"
	"strings"
)

// Loopback reports whether a Host header names this machine: localhost, a name
// below it, or a loopback address, with or without a port.
func Loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
