package store

// Len is how many records the cache holds.
func (c *Cache[R]) Len() (n int) {
	for i := range c.shards {
		n += len(c.shards[i].slots)
	}
	return n
}
