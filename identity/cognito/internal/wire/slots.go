package wire

import "sync"

// slots bound how many requests are worked on at once, in all and by source. A source gets
// at most a quarter of them, so that one source does not shut the others out.
type slots struct {
	max, share int

	mu    sync.Mutex
	total int
	by    map[string]int // by source; sources without a request are not in it
}

// sharedBy is how many sources it takes to fill the slots.
const sharedBy = 4

func newSlots(most int) *slots {
	return &slots{max: most, share: max(1, most/sharedBy), by: map[string]int{}}
}

// take takes a slot for a request of source, and reports whether there was one. A request
// of no source ("") counts in all only.
func (s *slots) take(source string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= s.max {
		return false
	}
	if source != "" {
		if s.by[source] >= s.share {
			return false
		}
		s.by[source]++
	}
	s.total++
	return true
}

func (s *slots) release(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if source == "" {
		return
	}
	if s.by[source]--; s.by[source] == 0 {
		delete(s.by, source)
	}
}

func (s *slots) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total >= s.max
}
