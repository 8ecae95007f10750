package passhash

import (
	"context"
	"time"
)

// Hold takes every processor of h and returns what gives one of them back.
func (h *Hasher) Hold() (release func()) {
	for range h.queue.size {
		_ = h.queue.acquire(context.Background(), Source{})
	}
	return h.queue.release
}

// Wait waits for a processor, as a hash does; the caller gives it up by calling done.
func (h *Hasher) Wait(ctx context.Context) (done func(), err error) {
	return h.queue.release, h.queue.acquire(ctx, h.source(ctx))
}

// Expect makes h expect that a hash takes d.
func (h *Hasher) Expect(d time.Duration) { h.queue.each = d }

// Processors returns how many hashes run at once.
func (h *Hasher) Processors() int { return h.queue.size }
