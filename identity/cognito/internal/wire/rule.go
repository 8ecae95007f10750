package wire

import (
	"slices"
	"strconv"
	"strings"
)

// The rule of a string, and the words for what breaks it. admits is the fast
// answer that nearly every request needs; the words are made only when it is no.

const (
	atMost  = "Member must have length less than or equal to "
	atLeast = "Member must have length greater than or equal to "
)

// admits reports whether s keeps to the rule.
func (r *StringRule) admits(s string) bool {
	if !r.admitsLength(s) {
		return false
	}
	if r.Pattern != nil && !r.Pattern.Match(s) {
		return false
	}
	return r.Enum == nil || slices.Contains(r.Enum, s)
}

// admitsLength counts only if the number of bytes leaves it open: a unit takes from one to three of them.
func (r *StringRule) admitsLength(s string) bool {
	if len(s)/3 >= r.Min && (r.Max == 0 || len(s) <= r.Max) {
		return true
	}
	n := units(s)
	return n >= r.Min && (r.Max == 0 || n <= r.Max)
}

// units counts s in UTF-16 units, without decoding it: a byte that begins a
// character of up to three bytes is one unit, one that begins a character of four
// bytes is two.
func units(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x80 || 0xc0 <= c && c < 0xf0: // a character of one unit begins
			n++
		case c >= 0xf0: // one of two
			n += 2
		}
	}
	return n
}

// broken lists the constraints that s breaks. Of one value the service lists
// length and pattern in either order.
func (r *StringRule) broken(s string) []string {
	var list []string
	n := units(s)
	if r.Max > 0 && n > r.Max {
		list = append(list, r.most())
	}
	if n < r.Min {
		list = append(list, r.least())
	}
	if r.Pattern != nil && !r.Pattern.Match(s) {
		list = append(list, r.pattern())
	}
	if r.Enum != nil && !slices.Contains(r.Enum, s) {
		list = append(list, r.enum())
	}
	return list
}

// all lists all constraints, which is what the service says of the items of a
// list whichever of them is broken.
func (r *StringRule) all() string {
	var list []string
	if r.Max > 0 {
		list = append(list, r.most(), r.least())
	} else if r.Min > 0 {
		list = append(list, r.least())
	}
	if r.Pattern != nil {
		list = append(list, r.pattern())
	}
	if r.Enum != nil {
		list = append(list, r.enum())
	}
	return strings.Join(list, ", ")
}

// most, least, pattern and enum are the service's words for one constraint. The
// value set of an enumeration is printed without quotes, which is (unsure).
func (r *StringRule) most() string  { return atMost + strconv.Itoa(r.Max) }
func (r *StringRule) least() string { return atLeast + strconv.Itoa(r.Min) }
func (r *StringRule) pattern() string {
	return "Member must satisfy regular expression pattern: " + r.Pattern.Text
}

func (r *StringRule) enum() string {
	return "Member must satisfy enum value set: [" + strings.Join(r.Enum, ", ") + "]"
}
