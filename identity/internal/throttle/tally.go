package throttle

import (
	"strconv"
	"strings"
	"time"
)

// A grid divides the time since 1970 into slots of equal width. Only the last few slots
// count.
type grid struct {
	width time.Duration
	slots int64 // number of slots that count, including the present one
}

func (g grid) at(t time.Time) int64 {
	return t.UnixMilli() / g.width.Milliseconds()
}

// tally holds the number of events in each slot. The first slot is First. The counts are
// written as "3,,1", so that a tally is short and can be compared with ==.
type tally struct {
	First  int64  `json:"f,omitempty"`
	Counts string `json:"c,omitempty"`
}

// sum returns the number of events that count now.
func (c tally) sum(g grid, now time.Time) int {
	sum := 0
	for _, n := range c.counts(g, now) {
		sum += n
	}
	return sum
}

// add returns c with one more event now, and without the slots that no longer count.
func (c tally) add(g grid, now time.Time) tally {
	counts := c.counts(g, now)
	counts[len(counts)-1]++
	first := g.at(now) - g.slots + 1
	for counts[0] == 0 {
		counts, first = counts[1:], first+1
	}
	words := make([]string, len(counts))
	for i, n := range counts {
		if n > 0 {
			words[i] = strconv.Itoa(n)
		}
	}
	return tally{First: first, Counts: strings.Join(words, ",")}
}

// end returns when the last event stops counting.
func (c tally) end(g grid) time.Time {
	if c.Counts == "" {
		return time.Time{}
	}
	last := c.First + int64(strings.Count(c.Counts, ","))
	return time.UnixMilli((last + g.slots) * g.width.Milliseconds()).UTC()
}

// counts returns the events of each slot that counts, the present slot last. Events in
// future slots, after the clock was set back, count in the present slot. Events too far in
// the future are ignored.
func (c tally) counts(g grid, now time.Time) []int {
	counts := make([]int, g.slots)
	if c.Counts == "" {
		return counts
	}
	slot := c.First - (g.at(now) - g.slots + 1) // index of the slot in the result
	for word := range strings.SplitSeq(c.Counts, ",") {
		n, _ := strconv.Atoi(word) // an empty word is 0
		if present := g.slots - 1; 0 <= slot && slot <= present+g.slots {
			counts[min(slot, present)] += max(n, 0)
		}
		slot++
	}
	return counts
}
