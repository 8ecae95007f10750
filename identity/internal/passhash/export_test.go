package passhash

import "context"

// Hold takes every slot of h and returns what gives one of them back.
func (h *Hasher) Hold() (release func()) {
	for range cap(h.slots) {
		_ = h.acquire(context.Background())
	}
	return h.release
}

// Wait waits for a place, as a hash does; the caller gives it up by calling done.
func (h *Hasher) Wait(ctx context.Context) (done func(), err error) {
	return h.release, h.acquire(ctx)
}
