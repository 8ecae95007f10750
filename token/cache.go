package token

import (
	"crypto/sha256"
	"sync"
)

// A seen is a token whose signature verified under key.
type seen struct {
	claims *Claims // shared, so never changed
	key    PublicKey
}

// A cache remembers good tokens by the SHA-256 of the whole token. It has two generations
// of half its size. A used entry moves to the young generation. When the young generation
// is full, the old one is dropped.
type cache struct {
	half       int
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]seen
}

func newCache(size int) *cache {
	return &cache{half: (size + 1) / 2, young: make(map[[sha256.Size]byte]seen)}
}

func (c *cache) get(sum [sha256.Size]byte) (seen, bool) {
	c.mu.RLock()
	s, ok := c.young[sum]
	if ok {
		c.mu.RUnlock()
		return s, true
	}
	s, ok = c.old[sum]
	c.mu.RUnlock()
	if ok {
		c.put(sum, s)
	}
	return s, ok
}

func (c *cache) put(sum [sha256.Size]byte, s seen) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.half {
		c.old, c.young = c.young, make(map[[sha256.Size]byte]seen, len(c.young))
	}
	c.young[sum] = s
}

func (c *cache) remove(sum [sha256.Size]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, sum)
	delete(c.old, sum)
}
