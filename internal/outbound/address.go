package outbound

import (
	"fmt"
	"net/netip"
)

// A block is a range of addresses that are not public.
type block struct {
	prefix netip.Prefix
	what   string
}

// blocks are what is left out of the Internet: the registries of special addresses of IANA, for
// IPv4 and for that part of IPv6 (2000::/3) of which public addresses are given out, and one
// address at which a cloud answers its own machines.
var blocks = []block{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a provider (CGNAT)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the platform of Azure"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, with the metadata of clouds"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a relay of 6to4"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved or broadcast"},
	{netip.MustParsePrefix("2001::/23"), "for protocols, such as Teredo"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4, which has an IPv4 address in it"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
}

var (
	// global is the part of IPv6 of which public addresses are given out. Loopback, link-local,
	// unique local, site-local and multicast addresses are outside, and the other forms in
	// which an IPv4 address can hide.
	global = netip.MustParsePrefix("2000::/3")
	// nat64 is where a network without IPv4 has the addresses of the IPv4 Internet.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// Public returns an error that wraps [ErrForbidden] and says what the address is, unless it is a
// public unicast address. An address of 64:ff9b::/96, and one of ::ffff:0:0/96, is judged by
// the IPv4 address in it: networks without IPv4 reach the IPv4 Internet by the former.
func Public(a netip.Addr) error {
	if what := special(a, blocks); what != "" {
		return fmt.Errorf("%w: %s is %s", ErrForbidden, a, what)
	}
	return nil
}

// special says what an address is that is not public, by a list of blocks, or "".
func special(a netip.Addr, blocks []block) string {
	if !a.IsValid() {
		return "no address"
	}
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.Is6() && !global.Contains(a) {
		return "not a public address of IPv6"
	}
	for _, b := range blocks {
		if b.prefix.Contains(a) {
			return b.what
		}
	}
	return ""
}

// parseAddress reads the ip:port that a connection is about to be made to.
func parseAddress(address string) (netip.Addr, error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%w: the address cannot be read", ErrForbidden)
	}
	return ap.Addr().Unmap(), nil
}
