package main

import (
	lists "container/list"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/cognate-id/cognate/identity"
)

// Connections are bounded, in all and by address. Where there is one too many, one makes way
// that the server is not working for: one that is idle, or that has not sent all of its
// request. It is the one that has waited longest, of the address with the most. So who holds
// connections open without using them shuts nobody out.

// The bounds of serve.
const (
	maxConnections      = 4096
	maxConnectionsOfOne = 256 // of one source, see identity.SourceOf
)

// connections is a listener that bounds the connections it has accepted. Zero bounds nothing.
type connections struct {
	net.Listener
	most, ofOne int
	// exempt reports whether an address speaks for many, as a proxy does. Such an address is
	// bounded with all others only. Loopback addresses always are.
	exempt func(netip.Addr) bool

	mu    sync.Mutex
	open  int
	peers map[string]*peer // by the source, or by the address where it speaks for many
}

// A peer is where connections come from.
type peer struct {
	open    int
	waiting lists.List // of its connections, those that the server does not work for, the longest first
}

// A connection is one of a bounded listener.
type connection struct {
	net.Conn
	all    *connections
	from   string // of which peer
	many   bool   // the peer speaks for many
	at     *lists.Element // in the list of its peer; nil while the server works for it
	works  int            // requests that the server works on; HTTP/2 has several at once
	closed bool
}

func bounded(l net.Listener, most, ofOne int, exempt func(netip.Addr) bool) *connections {
	return &connections{Listener: l, most: most, ofOne: ofOne, exempt: exempt, peers: map[string]*peer{}}
}

// Accept waits for the next connection. It closes another one if there are too many, or the
// new one if the server works for all others.
func (cs *connections) Accept() (net.Conn, error) {
	for {
		conn, err := cs.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: conn, all: cs}
		c.from, c.many = cs.whence(conn)
		victim, ok := cs.admit(c)
		if victim != nil {
			_ = victim.Conn.Close() // it is forgotten, whatever the error
		}
		if ok {
			return c, nil
		}
		_ = conn.Close()
	}
}

// whence returns where a connection comes from, and whether that speaks for many.
func (cs *connections) whence(c net.Conn) (name string, many bool) {
	p, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return "", true
	}
	a := p.Addr().WithZone("")
	if a.IsLoopback() || cs.exempt != nil && cs.exempt(a) {
		return a.String(), true
	}
	return identity.SourceOf(a), false
}

// admit takes a connection in. The victim is one to close in its stead.
func (cs *connections) admit(c *connection) (victim *connection, ok bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	p := cs.peers[c.from]
	switch {
	case p != nil && cs.ofOne > 0 && p.open >= cs.ofOne && !c.many:
		victim, ok = p.evict()
	case cs.most > 0 && cs.open >= cs.most:
		victim, ok = cs.evict()
	default:
		ok = true
	}
	if !ok {
		return nil, false
	}
	if p = cs.peers[c.from]; p == nil {
		p = &peer{}
		cs.peers[c.from] = p
	}
	cs.open++
	p.open++
	c.at = p.waiting.PushBack(c)
	return victim, true
}

// evict forgets a connection of the peer that has the most.
func (cs *connections) evict() (*connection, bool) {
	var most *peer
	for _, p := range cs.peers {
		if p.waiting.Len() > 0 && (most == nil || p.open > most.open) {
			most = p
		}
	}
	if most == nil {
		return nil, false
	}
	return most.evict()
}

// evict forgets the connection that has waited longest.
func (p *peer) evict() (*connection, bool) {
	first := p.waiting.Front()
	if first == nil {
		return nil, false
	}
	c, ok := first.Value.(*connection)
	if !ok {
		return nil, false
	}
	c.forget(p)
	return c, true
}

// forget takes c out of the count. The caller has the lock.
func (c *connection) forget(p *peer) {
	if c.closed {
		return
	}
	c.closed = true
	c.all.open--
	p.open--
	if c.at != nil {
		p.waiting.Remove(c.at)
		c.at = nil
	}
	if p.open == 0 {
		delete(c.all.peers, c.from)
	}
}

// Close closes the connection.
func (c *connection) Close() error {
	c.all.mu.Lock()
	if p := c.all.peers[c.from]; p != nil {
		c.forget(p)
	}
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// begin notes that the server works on a request of the connection.
func (c *connection) begin() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.works++
	if p := c.all.peers[c.from]; p != nil && c.at != nil {
		p.waiting.Remove(c.at)
		c.at = nil
	}
}

// end notes that the server has answered a request of the connection.
func (c *connection) end() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.works--; c.works > 0 {
		return
	}
	if p := c.all.peers[c.from]; p != nil && c.at == nil && !c.closed {
		c.at = p.waiting.PushBack(c)
	}
}

type connectionKey struct{}

// context puts a connection into the context of its requests. It is for [http.Server].
func (cs *connections) context(ctx context.Context, c net.Conn) context.Context {
	if outer, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = outer.NetConn()
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// watched returns a handler that notes for which connections it works: from the end of the
// request until it has answered.
func watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		a := &arriving{ReadCloser: r.Body, conn: c}
		defer a.answered()
		if r.ContentLength == 0 {
			a.arrived()
		} else {
			r.Body = a
		}
		next.ServeHTTP(w, r)
	})
}

// arriving is a body whose connection waits until all of it has come.
type arriving struct {
	io.ReadCloser
	conn *connection
	all  bool // all of it has come
}

func (a *arriving) arrived() {
	if !a.all {
		a.all = true
		a.conn.begin()
	}
}

func (a *arriving) answered() {
	if a.all {
		a.conn.end()
	}
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		a.arrived()
	}
	return n, err
}
