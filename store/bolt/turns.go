package bolt

import (
	"context"
	"slices"
	"sync"
)

// turns gives the right to write to one caller after another, first come, first served.
// Unlike a mutex, a caller can stop waiting when a context is done, and can see whether
// others wait.
type turns struct {
	mu    sync.Mutex
	taken bool
	queue []chan struct{} // each channel is closed to hand over the turn
}

// take waits for the turn, or until ctx is done.
func (t *turns) take(ctx context.Context) error {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	t.queue = append(t.queue, ready)
	t.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.queue, ready)
	if i < 0 {
		return nil // the turn came at the same moment: accept it, then release it
	}
	t.queue = slices.Delete(t.queue, i, i+1)
	return ctx.Err()
}

// next gives the turn to the next in the queue and returns true. If the queue is empty,
// next returns false and the caller keeps the turn.
func (t *turns) next() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return false
	}
	close(t.queue[0])
	t.queue = t.queue[1:]
	return true
}

// release gives the turn back.
func (t *turns) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) > 0 {
		close(t.queue[0])
		t.queue = t.queue[1:]
		return
	}
	t.taken = false
}

// waiting reports whether the queue has callers.
func (t *turns) waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.queue) > 0
}
