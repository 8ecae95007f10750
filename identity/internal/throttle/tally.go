package throttle

import (
	"strconv"
	"strings"
	"time"
)

// A grid divides time since 1970 into slots of one width, of which the last
// few count.
type grid struct {
	width time.Duration
	slots int64 // that count, the present one included
}

func (g grid) at(t time.Time) int64 {
	return t.UnixMilli() / g.width.Milliseconds()
}

// tally is how many events there were in each slot, the first of which is
// First. Counts are written as "3,,1", which keeps a tally comparable and short.
type tally struct {
	First  int64  `json:"f,omitempty"`
	Counts string `json:"c,omitempty"`
}

// sum returns how many events count now.
func (c tally) sum(g grid, now time.Time) int {
	sum := 0
	for _, n := range c.counts(g, now) {
		sum += n
	}
	return sum
}

// add returns c with one more event now, and without what no longer counts.
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

// end returns when the last event no longer counts.
func (c tally) end(g grid) time.Time {
	if c.Counts == "" {
		return time.Time{}
	}
	last := c.First + int64(strings.Count(c.Counts, ","))
	return time.UnixMilli((last + g.slots) * g.width.Milliseconds()).UTC()
}

// counts returns the events of each slot that counts, the present one last.
// Slots that are yet to come, because the clock was set back, add to the
// present one, unless they are further ahead than a slot is remembered.
func (c tally) counts(g grid, now time.Time) []int {
	counts := make([]int, g.slots)
	if c.Counts == "" {
		return counts
	}
	slot := c.First - (g.at(now) - g.slots + 1) // by its index in counts
	for word := range strings.SplitSeq(c.Counts, ",") {
		n, _ := strconv.Atoi(word) // none is 0
		if present := g.slots - 1; 0 <= slot && slot <= present+g.slots {
			counts[min(slot, present)] += max(n, 0)
		}
		slot++
	}
	return counts
}
