package outbound

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"
)

// forbidden has an address for each block, at both of its ends, and the other forms in which
// such an address can be written.
var forbidden = []string{
	"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
	"168.63.129.16", "169.254.0.0", "169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.192", "192.0.2.1",
	"192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
	"239.255.255.250", "240.0.0.1", "255.255.255.255",
	"::", "::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254", "fdff::1", "ff02::1", "100::1",
	"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1%eth0", "::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1",
	"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.1.2.3", "64:ff9b:1::1", "64:ff9b:1::808:808",
	"2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
	"3fff::1", "4000::1", "1fff::1",
}

var public = []string{
	"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "168.63.129.17",
	"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "223.255.255.255",
	"2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "2003::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
}

func TestPublic(t *testing.T) {
	for _, s := range forbidden {
		if err := Public(netip.MustParseAddr(s)); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s passes: %v", s, err)
		}
	}
	for _, s := range public {
		if err := Public(netip.MustParseAddr(s)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := Public(netip.Addr{}); !errors.Is(err, ErrForbidden) {
		t.Errorf("no address passes: %v", err)
	}
}

// TestEachBlockIsNeeded takes each block out and expects that an address of the table then
// passes. So no row of the list is there without a test that fails when it is gone.
func TestEachBlockIsNeeded(t *testing.T) {
	for i, gone := range blocks {
		rest := slices.Delete(slices.Clone(blocks), i, i+1)
		if !slices.ContainsFunc(forbidden, func(s string) bool { return special(netip.MustParseAddr(s), rest) == "" }) {
			t.Errorf("no address of the table passes without %s", gone.prefix)
		}
	}
}

// FuzzPublic holds each form of an IPv4 address to the judgement of the address itself, and the
// methods of netip to ours.
func FuzzPublic(f *testing.F) {
	for _, s := range slices.Concat(forbidden, public) {
		a := netip.MustParseAddr(s).As16()
		f.Add(a[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 16 {
			return
		}
		a := netip.AddrFrom16([16]byte(b))
		passes := Public(a) == nil
		u := a.Unmap()
		if passes && (!u.IsGlobalUnicast() || u.IsPrivate() || u.IsLoopback() || u.IsLinkLocalUnicast() || u.IsMulticast() || u.IsUnspecified()) {
			t.Errorf("%s passes", a)
		}
		if Public(a.WithZone("eth0")) == nil != passes {
			t.Errorf("%s: a zone changes the answer", a)
		}
		// The same 32 bits as IPv4, mapped, and by NAT64, are one answer. 6to4 never passes.
		v4 := binary.BigEndian.Uint32(b[12:])
		want := Public(v4Addr(v4)) == nil
		for _, hi := range [][12]byte{{10: 0xff, 11: 0xff}, {0, 0x64, 0xff, 0x9b}} {
			form := slices.Concat(hi[:], b[12:])
			if got := Public(netip.AddrFrom16([16]byte(form))) == nil; got != want {
				t.Errorf("%s passes: %t, and %s: %t", v4Addr(v4), want, netip.AddrFrom16([16]byte(form)), got)
			}
		}
		if six := [16]byte(slices.Concat([]byte{0x20, 0x02}, b[2:])); Public(netip.AddrFrom16(six)) == nil {
			t.Errorf("%s passes", netip.AddrFrom16(six))
		}
	})
}

func v4Addr(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}
