package main

import (
	"fmt"
	"time"
)

// A counter tells how many entries a long command has done, at most once a second.
type counter struct{ *progress }

func newCounter(t *terminal, done string, always bool) *counter {
	return &counter{newProgress(t, done, always)}
}

func (c *counter) at(n int64) {
	if !c.live || n%256 != 0 { // the clock costs more than an entry
		return
	}
	if now := time.Now(); now.Sub(c.told) >= time.Second {
		c.told = now
		fmt.Fprintf(c.t.err, "cognate: %s %d entries, %s\n", c.done, n, c.rate(int(n)))
	}
}

func (c *counter) end(n int64) {
	fmt.Fprintf(c.t.err, "cognate: %s %d entries in %s, %s\n", c.done, n, time.Since(c.begin).Round(time.Millisecond), c.rate(int(n)))
}
