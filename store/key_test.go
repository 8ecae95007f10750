package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/store"
)

func TestKeysOrderAsTheirPartsDo(t *testing.T) {
	ordered := [][]string{
		{""},
		{"", ""},
		{"", "a"},
		{"\x00"},
		{"\x00", "z"},
		{"\x00\x00"},
		{"\x00\x01"},
		{"\x00\xff"},
		{"\x01"},
		{"a"},
		{"a", ""},
		{"a", "\x00"},
		{"a", "\x01"},
		{"a", "b"},
		{"a", "b", "c"},
		{"a\x00"},
		{"a\x00", "a"},
		{"a\x01"},
		{"aa"},
		{"b"},
		{"\xff"},
		{"\xff\xff"},
	}
	for i := 1; i < len(ordered); i++ {
		if a, b := store.Key(ordered[i-1]...), store.Key(ordered[i]...); a >= b {
			t.Errorf("Key(%q) = %q is not before Key(%q) = %q", ordered[i-1], a, ordered[i], b)
		}
	}
}

func TestPrefixHoldsWhatBeginsWithIt(t *testing.T) {
	for _, tt := range []struct {
		rng      store.Range
		in, outs []string
	}{
		{store.Prefix("a"), []string{store.Key("a"), store.Key("a", ""), store.Key("a", "\xff\xff")}, []string{store.Key("a\x00"), store.Key("aa"), store.Key(""), store.Key("b")}},
		{store.Prefix(), []string{store.Key(""), store.Key("\xff")}, nil},
		{store.StartsWith("al", "p"), []string{store.Key("p", "al"), store.Key("p", "alice"), store.Key("p", "al\xff", "x")}, []string{store.Key("p", "ak"), store.Key("p", "am"), store.Key("p")}},
		{store.StartsWith("\x00", "p"), []string{store.Key("p", "\x00"), store.Key("p", "\x00a")}, []string{store.Key("p", ""), store.Key("p", "\x01"), store.Key("p", "a")}},
		{store.StartsWith("\xff", "p"), []string{store.Key("p", "\xff"), store.Key("p", "\xff\xff")}, []string{store.Key("p", "\xfe"), store.Key("q")}},
		{store.StartsWith("", "p"), []string{store.Key("p", ""), store.Key("p", "\x00"), store.Key("p", "\xff")}, []string{store.Key("o"), store.Key("q")}},
	} {
		for _, key := range tt.in {
			if !holds(tt.rng, key) {
				t.Errorf("range %q does not hold %q", []string{tt.rng.From, tt.rng.To}, key)
			}
		}
		for _, key := range tt.outs {
			if holds(tt.rng, key) {
				t.Errorf("range %q holds %q", []string{tt.rng.From, tt.rng.To}, key)
			}
		}
	}
}

func holds(r store.Range, key string) bool { return key >= r.From && (r.To == "" || key < r.To) }

func TestNumbersAndTimesOrderAsKeys(t *testing.T) {
	numbers := []int64{-1 << 63, -1<<63 + 1, -257, -1, 0, 1, 255, 256, 1<<63 - 1}
	for i := 1; i < len(numbers); i++ {
		if store.Int(numbers[i-1]) >= store.Int(numbers[i]) {
			t.Errorf("Int(%d) is not before Int(%d)", numbers[i-1], numbers[i])
		}
	}
	times := []time.Time{
		{},
		time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1, 0), time.Unix(0, 0), time.Unix(0, 1),
		time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	}
	for i := 1; i < len(times); i++ {
		if store.Time(times[i-1]) >= store.Time(times[i]) {
			t.Errorf("Time(%v) is not before Time(%v)", times[i-1], times[i])
		}
	}
}

func TestClipCutsBetweenCharacters(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"short", "short"},
		{strings.Repeat("a", 300), strings.Repeat("a", 256)},
		{strings.Repeat("a", 255) + "é", strings.Repeat("a", 255)},
		{strings.Repeat("a", 254) + "é", strings.Repeat("a", 254) + "é"},
	} {
		if got := store.Clip(tt.in); got != tt.want {
			t.Errorf("Clip of %d bytes: got %d, want %d", len(tt.in), len(got), len(tt.want))
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add("a", "", "a\x00", "b")
	f.Add("\x00\x01", "\x00\xff", "\x00", "\xff")
	f.Add("a", "b", "a", "b")
	f.Fuzz(func(t *testing.T, a1, a2, b1, b2 string) {
		for _, pair := range [][2][]string{{{a1, a2}, {b1, b2}}, {{a1}, {b1, b2}}, {{a1, a2}, {b1}}, {{a1}, {b1}}} {
			a, b := store.Key(pair[0]...), store.Key(pair[1]...)
			if got, want := strings.Compare(a, b), slices.Compare(pair[0], pair[1]); got != want {
				t.Errorf("Key(%q) against Key(%q): got %d, want %d", pair[0], pair[1], got, want)
			}
			parts, err := store.Split(a)
			if err != nil || !slices.Equal(parts, pair[0]) {
				t.Errorf("Split(Key(%q)): got %q, %v", pair[0], parts, err)
			}
		}
		if key := store.Key(a1, a2+b1, b2); !holds(store.Prefix(a1), key) || !holds(store.StartsWith(a2, a1), key) {
			t.Errorf("Key(%q) is not in its prefix", []string{a1, a2 + b1, b2})
		}
		if parts, err := store.Split(a1); err == nil && store.Key(parts...) != a1 {
			t.Errorf("Split(%q) is %q, which is another key", a1, parts)
		}
	})
}
