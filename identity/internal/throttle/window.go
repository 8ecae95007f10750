package throttle

import "time"

// parts is the number of slots into which a Window divides its period.
const parts = 12

// Window counts events, such as messages to a user, and allows only a limited number in any
// period. The zero Window has counted none. Windows can be compared with ==. Use the same
// period in all calls for one Window.
type Window struct {
	// Events are the events of the period, by slot.
	Events tally `json:"e,omitzero"`
}

// Allow reports whether one more event may happen now, and returns the Window to store if
// so. It allows at most limit events in any time as long as period. To guarantee this, an
// event counts up to a twelfth of the period longer.
func (w Window) Allow(now time.Time, limit int, period time.Duration) (Window, bool) {
	g := gridOf(period)
	if w.Events.sum(g, now) >= limit {
		return w, false
	}
	return Window{w.Events.add(g, now)}, true
}

// Count returns how many events count now, as Allow sees it.
func (w Window) Count(now time.Time, period time.Duration) int {
	return w.Events.sum(gridOf(period), now)
}

// Expires returns when w becomes equal in effect to the zero Window and may be deleted.
func (w Window) Expires(period time.Duration) time.Time {
	return w.Events.end(gridOf(period))
}

func gridOf(period time.Duration) grid {
	const unit = parts * time.Millisecond // slots are of whole milliseconds
	n := max(int64((period+unit-1)/unit), 1)
	return grid{width: time.Duration(n) * time.Millisecond, slots: parts + 1}
}
