package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// A progress reports the progress of a long command, at most once a second.
type progress struct {
	t     *terminal
	done  string // what was done, such as exported
	count func(int) string
	live  bool  // reports before the end
	size  int64 // size of the input in bytes; 0 if it is not known
	begin time.Time
	last  time.Time // when it last reported
}

func newProgress(t *terminal, done string, always bool) *progress {
	now := time.Now()
	return &progress{t: t, done: done, count: users, live: always || isTerminal(t.err), begin: now, last: now}
}

// sizeOf returns the size of a file, or 0 if the stream has no size.
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

// at reports that n are done, and that the input has been read up to the offset read.
func (p *progress) at(n int, read int64) {
	if now := time.Now(); p.live && now.Sub(p.last) >= time.Second {
		p.last = now
		share := ""
		if p.size > 0 {
			share = fmt.Sprintf(" (%d%%)", min(read*100/p.size, 100))
		}
		fmt.Fprintf(p.t.err, "cognate: %s %s%s, %s\n", p.done, p.count(n), share, p.rate(n))
	}
}

// end reports the result: n are done, and others have another result, which what describes.
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
