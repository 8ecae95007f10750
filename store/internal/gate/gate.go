// Package gate lets calls enter a store until the store is closed. Close waits until the
// last call has left. A call holds no lock while it is inside, so it may make further calls
// while another goroutine closes the store.
package gate

import "sync"

// A Gate counts the calls inside a store. The zero Gate is open.
type Gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // made by Close, closed when the last call leaves
}

// Enter reports whether the gate is open. If Enter returns true, the caller must call
// Leave.
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

// Leave ends a call that entered.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// Close closes the gate and waits until all calls have left. It returns false if the gate
// was closed before.
func (g *Gate) Close() bool {
	g.mu.Lock()
	first := !g.closed
	if first {
		g.closed = true
		g.empty = make(chan struct{})
		if g.inside == 0 {
			close(g.empty)
		}
	}
	empty := g.empty
	g.mu.Unlock()
	<-empty
	return first
}
