// Package gate lets calls into a store until it is closed, and tells Close
// when the last of them has left. No lock is held in between, so a call may
// make further calls while another goroutine closes the store.
package gate

import "sync"

// A Gate is open in its zero value.
type Gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	empty  chan struct{} // made by Close, closed when inside has fallen to zero
}

// Enter reports whether the gate is open. Who was let in must call Leave.
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

// Leave ends what Enter began.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}

// Close shuts the gate and waits until all have left. It reports whether it
// was this call that shut it.
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
