package main

import "fmt"

// A counter reports the progress of entries, of which there are many in a second.
type counter struct{ *progress }

func newCounter(t *terminal, done string, always bool) *counter {
	p := newProgress(t, done, always)
	p.count = func(n int) string { return fmt.Sprintf("%d entries", n) }
	return &counter{p}
}

func (c *counter) at(n int64) {
	if n%256 == 0 { // reading the clock costs more than an entry
		c.progress.at(int(n), 0)
	}
}

func (c *counter) end(n int64) { c.progress.end(int(n), 0, "") }
