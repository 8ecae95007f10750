package throttle

import "time"

// parts is how finely a Window divides its period.
const parts = 12

// Window counts events, such as messages sent to a user, of which any period
// admits only so many. The zero Window has seen none, and Windows compare
// with ==. The period must be the same in all calls for one Window.
type Window struct {
	Events tally `json:"e,omitzero"`
}

// Allow reports whether one more event may happen now, and returns the Window
// to store if so. In any time as long as period no more than limit events are
// admitted; to make sure of that, one counts for up to a twelfth longer.
func (w Window) Allow(now time.Time, limit int, period time.Duration) (Window, bool) {
	g := gridOf(period)
	if w.Events.sum(g, now) >= limit {
		return w, false
	}
	return Window{w.Events.add(g, now)}, true
}

// Expires returns when w is as good as the zero Window and may be deleted.
func (w Window) Expires(period time.Duration) time.Time {
	return w.Events.end(gridOf(period))
}

func gridOf(period time.Duration) grid {
	const unit = parts * time.Millisecond // slots are of whole milliseconds
	n := max(int64((period+unit-1)/unit), 1)
	return grid{width: time.Duration(n) * time.Millisecond, slots: parts + 1}
}
