package store

import (
	"bytes"
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A Cache keeps decoded records of a table. Use it for records that are read far more often
// than they change. It saves the decoding, not the read: the cache keeps each record
// together with the bytes it was decoded from, and returns the record only for equal bytes.
// So a cached record is never stale, even if another process wrote in between.
//
// The returned records are shared: the caller must not change them, nor anything they point
// to. All methods are safe for concurrent use.
type Cache[R any] struct {
	table  *Table[R]
	seed   maphash.Seed
	shards [cacheShards]cacheShard[R]
}

const cacheShards = 16

// A cacheShard is a ring of slots with a clock hand. To find a slot to reuse, the hand
// moves on and skips the slots that were read since it last passed.
type cacheShard[R any] struct {
	mu    sync.RWMutex
	slots map[string]*cacheSlot[R]
	ring  []*cacheSlot[R]
	hand  int
	size  int
}

type cacheSlot[R any] struct {
	key   string
	value []byte
	rec   *R
	read  atomic.Bool
}

// NewCache returns a cache of about size records of t.
func NewCache[R any](t *Table[R], size int) *Cache[R] {
	c := &Cache[R]{table: t, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].size = max(1, size/cacheShards)
		c.shards[i].slots = make(map[string]*cacheSlot[R])
	}
	return c
}

// Decode is [TableOf.Decode] for a value that was read at key. It returns [ErrNotFound] if
// the value is nil. The cache keeps the value, so the caller must not change it afterwards.
func (c *Cache[R]) Decode(key string, value []byte) (*R, error) {
	s := &c.shards[maphash.String(c.seed, key)%cacheShards]
	if rec := s.get(key, value); rec != nil {
		return rec, nil
	}
	rec, err := c.table.Decode(value)
	if err != nil {
		return nil, err
	}
	s.put(&cacheSlot[R]{key: key, value: value, rec: rec})
	return rec, nil
}

func (s *cacheShard[R]) get(key string, value []byte) *R {
	s.mu.RLock()
	defer s.mu.RUnlock()
	slot := s.slots[key]
	if slot == nil || !bytes.Equal(slot.value, value) {
		return nil
	}
	if !slot.read.Load() {
		slot.read.Store(true)
	}
	return slot.rec
}

func (s *cacheShard[R]) put(slot *cacheSlot[R]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.slots[slot.key]; old != nil {
		old.value, old.rec = slot.value, slot.rec
		return
	}
	s.slots[slot.key] = slot
	if len(s.ring) < s.size {
		s.ring = append(s.ring, slot)
		return
	}
	for s.ring[s.hand].read.Swap(false) {
		s.hand = (s.hand + 1) % s.size
	}
	delete(s.slots, s.ring[s.hand].key)
	s.ring[s.hand] = slot
	s.hand = (s.hand + 1) % s.size
}
