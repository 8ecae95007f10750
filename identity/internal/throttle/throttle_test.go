package throttle_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cognate-id/cognate/identity/internal/throttle"
)

var start = time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)

// fail lets n attempts fail at once at the end of each lock, which lasts whole
// seconds, and returns when the last one did.
func fail(t *testing.T, s throttle.State, now time.Time, n int) (throttle.State, time.Time) {
	t.Helper()
	for range n {
		for s.Locked(now) {
			now = now.Add(time.Second)
		}
		s = s.Fail(now)
	}
	return s, now
}

func TestLocks(t *testing.T) {
	for _, tt := range []struct {
		failures int
		lock     time.Duration
	}{
		{0, 0},
		{1, 0},
		{4, 0},
		{5, time.Second},
		{6, 2 * time.Second},
		{7, 4 * time.Second},
		{8, 8 * time.Second},
		{14, 512 * time.Second},
		{15, 900 * time.Second},
		{16, 900 * time.Second},
		{60, 900 * time.Second},
	} {
		s, now := fail(t, throttle.State{}, start, tt.failures)
		if got := s.Locked(now); got != (tt.lock > 0) {
			t.Errorf("after %d failures: locked %v", tt.failures, got)
		}
		if tt.lock > 0 && !s.Locked(now.Add(tt.lock-time.Millisecond)) {
			t.Errorf("after %d failures: the lock ends before %v", tt.failures, tt.lock)
		}
		if s.Locked(now.Add(tt.lock)) {
			t.Errorf("after %d failures: still locked after %v", tt.failures, tt.lock)
		}
	}
}

func TestAttemptsInALockDoNotCount(t *testing.T) {
	s, now := fail(t, throttle.State{}, start, 8)
	for i := range 100 {
		at := now.Add(time.Duration(i) * 10 * time.Millisecond)
		if got := s.Fail(at); got != s {
			t.Fatalf("a failure in a lock changes the state: %+v", got)
		}
		if got := s.Succeed(at); got != s {
			t.Fatalf("a success in a lock changes the state: %+v", got)
		}
	}
	if s.Locked(now.Add(8 * time.Second)) {
		t.Error("attempts in a lock make it longer")
	}
}

func TestQuiet(t *testing.T) {
	for _, tt := range []struct {
		name     string
		failures int
		pause    time.Duration
		free     int // further failures until the next lock
	}{
		{"not quite", 4, 15*time.Minute - time.Millisecond, 1},
		{"enough", 4, 15 * time.Minute, 5},
		{"not quite after a lock", 8, 8*time.Second + 15*time.Minute - time.Millisecond, 1},
		{"enough after a lock", 8, 8*time.Second + 15*time.Minute, 5},
		{"not quite after the longest lock", 20, 30*time.Minute - time.Millisecond, 1},
		{"enough after the longest lock", 20, 30 * time.Minute, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, now := fail(t, throttle.State{}, start, tt.failures)
			now = now.Add(tt.pause)
			free := 0
			for !s.Locked(now) {
				s = s.Fail(now)
				free++
			}
			if free != tt.free {
				t.Errorf("locked after %d failures, want %d", free, tt.free)
			}
		})
	}
}

func TestSuccess(t *testing.T) {
	var zero throttle.State
	if s := zero.Succeed(start); s != zero {
		t.Errorf("success of one who never failed is to be stored: %+v", s)
	}
	s, now := fail(t, zero, start, 4)
	s = s.Succeed(now)
	if again := s.Succeed(now.Add(time.Second)); again != s {
		t.Error("a second success is to be stored")
	}
	for i := range 5 {
		if s.Locked(now) {
			t.Fatalf("locked after %d failures since the success", i)
		}
		s = s.Fail(now)
	}
	if !s.Locked(now) || s.Locked(now.Add(time.Second)) {
		t.Error("5 failures after a success do not lock for a second")
	}
}

// TestParallel is 40 guesses that all passed the first look before one failed.
func TestParallel(t *testing.T) {
	var s throttle.State
	judged := 0
	for i := range 40 {
		now := start.Add(time.Duration(i) * 20 * time.Millisecond) // as hashes end
		if s.Locked(now) {
			continue
		}
		s = s.Fail(now)
		judged++
	}
	if judged != 5 {
		t.Errorf("%d of 40 guesses judged, want 5", judged)
	}
	if s.Locked(start.Add(12 * time.Second)) {
		t.Error("the owner is locked out 12 s later")
	}
}

// TestDayLimit lets attackers guess in several ways for days, and looks at
// every 24 hours of it.
func TestDayLimit(t *testing.T) {
	second := time.Second
	if testing.Short() {
		second *= 10
	}
	for _, tt := range []struct {
		name string
		wait func() time.Duration // between attempts
		// succeed says whether the owner signs in after the i-th judged guess.
		succeed func(i int) bool
		atLeast int // judged guesses over the days: the limit must not be closer than it says
	}{
		{"continuously", func() time.Duration { return second }, never, 190},
		{"at random", func() time.Duration { return time.Duration(rand.Int64N(int64(20 * time.Minute))) }, never, 190},
		{"after quiet", func() time.Duration { return 16 * time.Minute }, never, 190},
		{"owner signs in between", func() time.Duration { return 2 * second }, func(i int) bool { return i%4 == 3 }, 290},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s throttle.State
			var judged []time.Time
			for now := start; now.Before(start.Add(3 * day)); now = now.Add(tt.wait()) {
				if s.Locked(now) {
					continue
				}
				s = s.Fail(now)
				judged = append(judged, now)
				if tt.succeed(len(judged)) {
					s = s.Succeed(now)
				}
			}
			if most := mostWithin(judged, day); most > 100 {
				t.Errorf("%d guesses judged within 24 hours", most)
			}
			if len(judged) < tt.atLeast {
				t.Errorf("%d guesses judged in 3 days, want at least %d", len(judged), tt.atLeast)
			}
		})
	}
}

const day = 24 * time.Hour

func never(int) bool { return false }

// mostWithin returns the greatest number of times within any time as long as d.
func mostWithin(times []time.Time, d time.Duration) int {
	most, first := 0, 0
	for i := range times {
		for times[i].Sub(times[first]) >= d {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func TestDayLimitEnds(t *testing.T) {
	s := throttle.State{}
	for range 100 {
		s = s.Fail(start).Succeed(start)
	}
	for _, tt := range []struct {
		after  time.Duration
		locked bool
	}{
		{0, true}, {time.Hour, true}, {day, true}, {25 * time.Hour, false},
	} {
		if got := s.Locked(start.Add(tt.after)); got != tt.locked {
			t.Errorf("%v after 100 failures: locked %v, want %v", tt.after, got, tt.locked)
		}
	}
	if got := s.Succeed(start.Add(time.Hour)); got != s {
		t.Error("a success beyond the limit is judged")
	}
}

// TestLowerLimit has some of a day's failures kept for somebody else, and some that are counted only.
func TestLowerLimit(t *testing.T) {
	s := throttle.State{}
	for range 95 {
		s = s.Fail(start).Succeed(start)
	}
	if !s.LockedWithin(start, 95) || s.LockedWithin(start, 96) || s.Locked(start) || s.Day(start) != 95 {
		t.Errorf("%d failures: locked within 95 %v, within 96 %v", s.Day(start), s.LockedWithin(start, 95), s.LockedWithin(start, 96))
	}
	for range 5 {
		if s = s.Count(start); s.Row != 0 {
			t.Fatal("a failure that is only counted begins a row")
		}
	}
	if !s.LockedWithin(start, 1000) || s.Count(start).Day(start) != 101 {
		t.Error("a greater limit than that of the day holds, or a full State does not count")
	}
}

func TestClockStepsBack(t *testing.T) {
	locked, now := fail(t, throttle.State{}, start, 10) // for 32 s
	full := throttle.State{}
	for range 100 {
		full = full.Fail(now).Succeed(now)
	}
	for _, tt := range []struct {
		name   string
		s      throttle.State
		back   time.Duration
		locked bool
	}{
		{"a second", locked, time.Second, true},
		{"an hour", locked, time.Hour, true},
		{"a day", locked, day, true},
		{"a year", locked, 365 * day, false},
		{"full, a second", full, time.Second, true},
		{"full, a day", full, day, true},
		{"full, a year", full, 365 * day, false},
		{"full, thousand years", full, 292 * 365 * day, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.s.Locked(now.Add(-tt.back)); got != tt.locked {
				t.Errorf("locked %v, want %v", got, tt.locked)
			}
		})
	}
	t.Run("failures in a row stay", func(t *testing.T) {
		s, now := fail(t, throttle.State{}, start, 4)
		if now = now.Add(-time.Hour); s.Locked(now) {
			t.Error("4 failures lock")
		}
		if !s.Fail(now).Locked(now) {
			t.Error("the fifth failure does not lock")
		}
	})
	t.Run("the day's count stays", func(t *testing.T) {
		var s throttle.State
		judged := 0
		for i := range 1000 { // each an hour before the one before
			now := start.Add(-time.Duration(i%20) * time.Hour)
			if !s.Locked(now) {
				s = s.Fail(now).Succeed(now)
				judged++
			}
		}
		if judged > 100 {
			t.Errorf("%d guesses judged", judged)
		}
	})
}

func TestExpires(t *testing.T) {
	if got := (throttle.State{}).Expires(); !got.IsZero() {
		t.Errorf("the zero State expires at %v", got)
	}
	for range 300 {
		var s throttle.State
		now := start
		for range 1 + rand.IntN(120) {
			now = now.Add(time.Duration(rand.Int64N(int64(time.Hour))))
			if s = s.Fail(now); rand.IntN(5) == 0 {
				s = s.Succeed(now)
			}
		}
		end := s.Expires()
		if !end.After(now.Add(day-time.Hour)) || end.After(now.Add(day+time.Hour)) && !s.Locked(now) {
			t.Fatalf("failed last about %v, expires at %v", now, end)
		}
		if s.Locked(end) || s.Fail(end) != (throttle.State{}).Fail(end) {
			t.Fatalf("%+v is not as good as new at %v", s, end)
		}
	}
}

func TestJSON(t *testing.T) {
	s := throttle.State{}
	for i := range 7 {
		s, _ = fail(t, s, start.Add(time.Duration(i*i)*time.Hour), 3)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got throttle.State
	if err := json.Unmarshal(b, &got); err != nil || got != s {
		t.Errorf("%s reads back as %+v, %v, want %+v", b, got, err, s)
	}
	if len(b) > 100 {
		t.Errorf("%d bytes: %s", len(b), b)
	}
	if b, _ := json.Marshal(throttle.State{}); string(b) != "{}" {
		t.Errorf("the zero State is %s", b)
	}
	if b, _ := json.Marshal(throttle.Window{}); string(b) != "{}" {
		t.Errorf("the zero Window is %s", b)
	}
}

func TestWindow(t *testing.T) {
	const hour = time.Hour
	for _, tt := range []struct {
		name  string
		limit int
		at    []time.Duration
		want  []bool
	}{
		{"under the limit", 3, []time.Duration{0, 1, 2}, []bool{true, true, true}},
		{"at once", 2, []time.Duration{0, 0, 0, 0}, []bool{true, true, false, false}},
		{"refused ones do not count", 1, []time.Duration{0, hour / 2, hour, hour * 13 / 12}, []bool{true, false, false, true}},
		{"spread", 2, []time.Duration{0, hour / 2, hour * 11 / 12, hour * 13 / 12, hour * 14 / 12}, []bool{true, true, false, true, false}},
		{"long after", 1, []time.Duration{0, 48 * hour, 49 * hour}, []bool{true, true, false}},
		{"none", 0, []time.Duration{0, hour}, []bool{false, false}},
		{"clock steps back", 1, []time.Duration{hour, 0, hour / 2}, []bool{true, false, false}},
		{"clock steps back a day", 1, []time.Duration{24 * hour, 0, hour / 2}, []bool{true, true, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w throttle.Window
			var got []bool
			for _, at := range tt.at {
				next, ok := w.Allow(start.Add(at), tt.limit, hour)
				if !ok && next != w {
					t.Errorf("a refusal changes the window: %+v", next)
				}
				w = next
				got = append(got, ok)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestWindowSlides holds every stretch of time to the limit, whatever the
// period, and the limit to what it says.
func TestWindowSlides(t *testing.T) {
	events := 10000 // ten times as often as it may
	if testing.Short() {
		events = 2000
	}
	for _, period := range []time.Duration{time.Hour, day, time.Minute, 7 * time.Second, 1001 * time.Millisecond, 13 * time.Microsecond} {
		for _, limit := range []int{1, 5, 15, 300} {
			var w throttle.Window
			var admitted []time.Time
			now := start
			for range events {
				now = now.Add(time.Duration(rand.Int64N(int64(period)/int64(limit)/5 + 1)))
				var ok bool
				if w, ok = w.Allow(now, limit, period); ok {
					admitted = append(admitted, now)
				}
			}
			if most := mostWithin(admitted, period); most > limit {
				t.Errorf("%d events within %v, the limit is %d", most, period, limit)
			}
			if end := w.Expires(period); w != (throttle.Window{}) {
				fresh, _ := throttle.Window{}.Allow(end, limit, period)
				if got, ok := w.Allow(end, limit, period); !ok || got != fresh {
					t.Errorf("%+v is not as good as new at %v", w, end)
				}
			}
			if least := int(now.Sub(start) / (period*13/12 + 13*time.Millisecond)); len(admitted) < least*limit*9/10 {
				t.Errorf("period %v, limit %d: %d events admitted, want about %d", period, limit, len(admitted), least*limit)
			}
		}
	}
}

func BenchmarkFail(b *testing.B) {
	s := throttle.State{}
	for i := range 60 {
		s = s.Fail(start.Add(time.Duration(i) * 20 * time.Minute))
	}
	now := start.Add(21 * time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		s.Fail(now)
	}
}
