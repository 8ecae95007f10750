package fake

import (
	"errors"
	"sync/atomic"
	"time"
)

// maxAdvance is how far ahead the clock may be: about a hundred years. All times then fit
// in JSON and in a time.Duration.
const maxAdvance = 100 * 365 * 24 * time.Hour

// A clock is the time of day plus an offset.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *clock) advance(d time.Duration) error {
	if d < 0 {
		return errors.New("the clock can only move forward; POST /_cognate/reset sets it back to the time of day")
	}
	for {
		old := c.offset.Load()
		if d > maxAdvance-time.Duration(old) {
			return errors.New("the clock would be more than 100 years ahead")
		}
		if c.offset.CompareAndSwap(old, old+int64(d)) {
			return nil
		}
	}
}

func (c *clock) reset() { c.offset.Store(0) }
