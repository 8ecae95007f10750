package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/store/memory"
)

// A dialed is a listener whose connections come from addresses of the test's choice.
type dialed struct {
	net.Listener
	from chan string
}

type farConn struct {
	net.Conn
	remote net.Addr
	closed *bool
}

func (c farConn) RemoteAddr() net.Addr { return c.remote }

func (c farConn) Close() error {
	*c.closed = true
	return c.Conn.Close()
}

func (d *dialed) Accept() (net.Conn, error) {
	text, ok := <-d.from
	if !ok {
		return nil, net.ErrClosed
	}
	near, _ := net.Pipe()
	return farConn{near, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text)), new(bool)}, nil
}

// A door is a bounded listener with what came in.
type door struct {
	t    *testing.T
	all  *connections
	from chan string
}

func newDoor(t *testing.T, most, ofOne int) *door {
	from := make(chan string, 2)
	return &door{t, bounded(&dialed{from: from}, most, ofOne, func(a netip.Addr) bool { return a.String() == "10.0.0.1" || a.String() == "2001:db8:9::1" || a.String() == "fe80::1" }), from}
}

// come lets a connection in. It is nil if it was closed.
func (d *door) come(addr string) *connection {
	d.t.Helper()
	d.from <- addr
	d.from <- "[2001:db8:ffff::1]:1" // which is accepted next if the first was not
	c, err := d.all.Accept()
	if err != nil {
		d.t.Fatal(err)
	}
	got, ok := c.(*connection)
	if !ok {
		d.t.Fatalf("accepted a %T", c)
	}
	if got.RemoteAddr().String() == "[2001:db8:ffff::1]:1" {
		got.Close()
		return nil
	}
	<-d.from
	return got
}

func (c *connection) isOpen() bool {
	far, ok := c.Conn.(farConn)
	return ok && !*far.closed
}

func TestOneAddressHasBoundedConnections(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		bound      bool
	}{
		{"IPv4", "192.0.2.1:1", "192.0.2.1:2", true},
		{"mapped", "192.0.2.1:1", "[::ffff:192.0.2.1]:2", true},
		{"one household", "[2001:db8::1]:1", "[2001:db8::2:3]:1", true},
		{"two addresses", "192.0.2.1:1", "192.0.2.2:1", false},
		{"this machine", "127.0.0.1:1", "127.0.0.1:2", false},
		{"a proxy", "10.0.0.1:1", "10.0.0.1:2", false},
		{"a proxy, mapped", "10.0.0.1:1", "[::ffff:10.0.0.1]:2", false},
		{"a proxy with IPv6", "[2001:db8:9::1]:1", "[2001:db8:9::1]:2", false},
		{"a proxy with a zone", "[fe80::1%eth0]:1", "[fe80::1%eth0]:2", false},
		{"a neighbour of the proxy, and the proxy", "[2001:db8:9::2]:1", "[2001:db8:9::1]:2", false},
		{"the proxy, and its neighbour", "[2001:db8:9::1]:1", "[2001:db8:9::2]:2", false},
		{"a neighbour of the proxy", "[2001:db8:9::2]:1", "[2001:db8:9::3]:2", true},
	} {
		d := newDoor(t, 0, 1)
		first := d.come(tt.a)
		second := d.come(tt.b)
		if first.isOpen() == tt.bound || second == nil {
			t.Errorf("%s: the first is open: %v, want %v", tt.name, first.isOpen(), !tt.bound)
		}
		if tt.bound {
			second.begin()
			if d.come(tt.a) != nil || !second.isOpen() {
				t.Errorf("%s: one that the server works for made way", tt.name)
			}
		}
	}
}

// TestIdleConnectionsMakeWay: the longest idle one of the address with the most, and none
// that the server works for.
func TestIdleConnectionsMakeWay(t *testing.T) {
	d := newDoor(t, 5, 0)
	lone := d.come("192.0.2.9:1")
	var many []*connection
	for range 4 {
		many = append(many, d.come("192.0.2.1:1"))
	}
	many[0].begin() // a request
	many[1].begin()
	many[1].end()   // and its answer: now it is idle for the shortest time
	many[0].begin() // another, in HTTP/2
	many[0].end()
	if d.come("192.0.2.2:1") == nil || many[2].isOpen() {
		t.Error("the longest idle one of the address with the most is open")
	}
	d.come("192.0.2.3:1")
	d.come("192.0.2.4:1")
	for i, want := range []bool{true, false, false, false} {
		if many[i].isOpen() != want {
			t.Errorf("connection %d is open: %v, want %v", i, many[i].isOpen(), want)
		}
	}
	if !lone.isOpen() {
		t.Error("the only one of an address made way before those of another")
	}
	if n := d.all.open; n != 5 {
		t.Errorf("%d connections count, want 5", n)
	}
}

func TestClosedConnectionsDoNotCount(t *testing.T) {
	d := newDoor(t, 2, 0)
	for range 10 {
		c := d.come("192.0.2.1:1")
		c.begin()
		c.Close()
		c.end()
		c.Close()
	}
	if d.all.open != 0 || len(d.all.peers) != 0 {
		t.Errorf("%d connections of %d peers count after all are closed", d.all.open, len(d.all.peers))
	}
}

func TestAllConnectionsAtWork(t *testing.T) {
	d := newDoor(t, 2, 0)
	a, b := d.come("192.0.2.1:1"), d.come("192.0.2.2:1")
	a.begin()
	b.begin()
	d.from <- "192.0.2.3:1"
	close(d.from)
	if c, err := d.all.Accept(); err == nil || !a.isOpen() || !b.isOpen() {
		t.Errorf("a third came in: %v, %v, %v", c, a.isOpen(), b.isOpen())
	}
}

// TestHealthTellsOfSaturation: so a load balancer sends nobody.
func TestHealthTellsOfSaturation(t *testing.T) {
	full := true
	h := withHealth(http.NotFoundHandler(), memory.New(), func() bool { return full })
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_cognate/health", nil))
		return w.Code, w.Body.String()
	}
	if code, body := ask(); code != http.StatusServiceUnavailable || !strings.Contains(body, "saturated") {
		t.Errorf("saturated: %d %s", code, body)
	}
	full = false
	if code, body := ask(); code != http.StatusOK {
		t.Errorf("not saturated: %d %s", code, body)
	}
}

// TestAccessLogIsReopened: a rotated file gets no further lines, and the log is for its owner
// alone.
func TestAccessLogIsReopened(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	l, err := openAccessLog(&terminal{}, file, nil, func(*http.Request) string { return "192.0.2.1" })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := l.logged(http.NotFoundHandler())
	ask := func(path string) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path+"?code=123456", nil))
	}
	ask("/one")
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	if err := l.open(); err != nil {
		t.Fatal(err)
	}
	ask("/two")
	for name, want := range map[string]string{file + ".1": "/one", file: "/two"} {
		text, err := os.ReadFile(name)
		if err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), `"path":"`+want+`"`) || strings.Contains(string(text), "123456") {
			t.Errorf("%s: %s %v, want one line for %s", filepath.Base(name), text, err, want)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want mode 0600", filepath.Base(name), info, err)
		}
	}
}

// TestDevIsClosedUnlessAFlagOpensIt: the flags let in whom they name, and nobody is let in
// without them.
func TestDevIsClosedUnlessAFlagOpensIt(t *testing.T) {
	for _, tt := range []struct {
		name       string
		c          devCommand
		peer, host string
		ok         bool
	}{
		{"this machine", devCommand{}, "127.0.0.1:1", "localhost:9229", true},
		{"another machine", devCommand{}, "192.0.2.7:1", "localhost:9229", false},
		{"another name", devCommand{}, "127.0.0.1:1", "cognito.test:9229", false},
		{"--allow-host", devCommand{Hosts: []nameFlag{"cognito.test"}}, "127.0.0.1:1", "cognito.test:9229", true},
		{"--allow-host opens to no machine", devCommand{Hosts: []nameFlag{"cognito.test"}}, "192.0.2.7:1", "cognito.test:9229", false},
		{"--allow-remote", devCommand{Remote: true}, "192.0.2.7:1", "cognate:9229", true},
		{"--allow-remote opens to no name of a page", devCommand{Remote: true}, "192.0.2.7:1", "evil.example:9229", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr, r.Host = tt.peer, tt.host
		access := tt.c.access()
		if err := access.Check(r); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want it let in: %v", tt.name, err, tt.ok)
		}
	}
}
