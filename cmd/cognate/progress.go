package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// A progress tells how far a long command is, at most once a second.
type progress struct {
	t     *terminal
	done  string // such as exported
	count func(int) string
	live  bool  // tells before the end
	size  int64 // of what is read, in bytes; 0 where it is not known
	begin time.Time
	told  time.Time
}

func newProgress(t *terminal, done string, always bool) *progress {
	now := time.Now()
	return &progress{t: t, done: done, count: users, live: always || isTerminal(t.err), begin: now, told: now}
}

// sizeOf is the size of a file; 0 for what has none.
func sizeOf(r io.Reader) int64 {
	f, ok := r.(*os.File)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// at tells that n are done, of a file that has been read up to some byte.
func (p *progress) at(n int, read int64) {
	if now := time.Now(); p.live && now.Sub(p.told) >= time.Second {
		p.told = now
		share := ""
		if p.size > 0 {
			share = fmt.Sprintf(" (%d%%)", min(read*100/p.size, 100))
		}
		fmt.Fprintf(p.t.err, "cognate: %s %s%s, %s\n", p.done, p.count(n), share, p.rate(n))
	}
}

// end tells the whole: n are done, and of others something else was found.
func (p *progress) end(n, others int, what string) {
	fmt.Fprintf(p.t.err, "cognate: %s %s%s in %s, %s\n", p.done, p.count(n), what, time.Since(p.begin).Round(time.Millisecond), p.rate(n+others))
}

func (p *progress) rate(n int) string {
	return fmt.Sprintf("%.0f/s", float64(n)/max(time.Since(p.begin).Seconds(), 1e-3))
}

func users(n int) string {
	if n == 1 {
		return "1 user"
	}
	return fmt.Sprintf("%d users", n)
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
