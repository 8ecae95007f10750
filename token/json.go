package token

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// encoding/json takes the last of two equal members, matches names without regard to case
// and repairs bad Unicode. Two readers of one token must not see two different tokens, so
// the strict scanner here comes first.

// maxDepth is how deep objects and arrays may nest.
const maxDepth = 32

// fewMembers is how many members are compared one by one before a map is made.
const fewMembers = 32

var (
	errJSON      = errors.New("not a JSON object")
	errDuplicate = errors.New("member appears twice")
	errDepth     = errors.New("nested too deep")
)

// A member is a member of an object: its unescaped name and the text of its value.
type member struct{ name, value string }

// readObject appends the members of the one JSON object in text to dst. It returns an error
// if a member appears twice at any depth.
func readObject(text string, dst []member) ([]member, error) {
	if !utf8.ValidString(text) {
		return nil, errJSON
	}
	s := scanner{text: text}
	s.space()
	if s.peek() != '{' {
		return nil, errJSON
	}
	dst, err := s.object(1, dst)
	if err != nil {
		return nil, err
	}
	if s.space(); s.at != len(text) {
		return nil, errJSON
	}
	return dst, nil
}

// readString returns the string in a scanned value. ok is false if the value is not a
// string.
func readString(value string) (string, bool) {
	if value == "" || value[0] != '"' {
		return "", false
	}
	if strings.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], true
	}
	var out string
	if err := json.Unmarshal([]byte(value), &out); err != nil {
		return "", false
	}
	return out, true
}

// readStrings returns the strings in a scanned value that is an array of strings. The
// result is not nil.
func readStrings(value string) ([]string, bool) {
	if value == "" || value[0] != '[' {
		return nil, false
	}
	s := scanner{text: value, at: 1}
	out := make([]string, 0, 1+strings.Count(value, ","))
	for s.space(); s.peek() != ']'; s.space() {
		if s.peek() == ',' {
			s.at++
			s.space()
		}
		from := s.at
		if s.peek() != '"' || s.string() != nil {
			return nil, false
		}
		text, ok := readString(value[from:s.at])
		if !ok {
			return nil, false
		}
		out = append(out, text)
	}
	return out, true
}

// A scanner reads JSON text. The text is valid UTF-8.
type scanner struct {
	text string
	at   int
}

// peek returns the next byte, or 0 at the end. No JSON token begins with 0.
func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// skip passes c and the white space around it, and reports whether c was there.
func (s *scanner) skip(c byte) bool {
	s.space()
	if s.peek() != c {
		return false
	}
	s.at++
	s.space()
	return true
}

func (s *scanner) object(depth int, dst []member) ([]member, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	s.at++ // the brace
	if s.skip('}') {
		return dst, nil
	}
	var seen map[string]struct{}
	for {
		m, err := s.member(depth)
		if err != nil {
			return nil, err
		}
		if seen, err = once(seen, dst, m.name); err != nil {
			return nil, err
		}
		dst = append(dst, m)
		if s.skip(',') {
			continue
		}
		if s.peek() != '}' {
			return nil, errJSON
		}
		s.at++
		return dst, nil
	}
}

func (s *scanner) member(depth int) (member, error) {
	from := s.at
	if s.peek() != '"' {
		return member{}, errJSON
	}
	if err := s.string(); err != nil {
		return member{}, err
	}
	name, ok := readString(s.text[from:s.at])
	if !ok || !s.skip(':') {
		return member{}, errJSON
	}
	from = s.at
	if err := s.value(depth); err != nil {
		return member{}, err
	}
	return member{name, s.text[from:s.at]}, nil
}

// once returns an error if the name is already among the members. It compares few members
// one by one. For many members it keeps a set, so that the work stays linear.
func once(seen map[string]struct{}, members []member, name string) (map[string]struct{}, error) {
	if len(members) < fewMembers {
		for i := range members {
			if members[i].name == name {
				return nil, errDuplicate
			}
		}
		return nil, nil
	}
	if seen == nil {
		seen = make(map[string]struct{}, 2*fewMembers)
		for i := range members {
			seen[members[i].name] = struct{}{}
		}
	}
	if _, ok := seen[name]; ok {
		return nil, errDuplicate
	}
	seen[name] = struct{}{}
	return seen, nil
}

func (s *scanner) value(depth int) error {
	switch c := s.peek(); c {
	case '{':
		var room [4]member
		_, err := s.object(depth+1, room[:0])
		return err
	case '[':
		return s.array(depth + 1)
	case '"':
		return s.string()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) array(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	s.at++ // the bracket
	if s.skip(']') {
		return nil
	}
	for {
		if err := s.value(depth); err != nil {
			return err
		}
		if s.skip(',') {
			continue
		}
		if s.peek() != ']' {
			return errJSON
		}
		s.at++
		return nil
	}
}

func (s *scanner) word(w string) error {
	if !strings.HasPrefix(s.text[s.at:], w) {
		return errJSON
	}
	s.at += len(w)
	return nil
}

// number follows RFC 8259: no leading zeros, no plus, digits around the point.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return errJSON
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return errJSON
		}
	}
	if c := s.peek(); c != 'e' && c != 'E' {
		return nil
	}
	s.at++
	if c := s.peek(); c == '+' || c == '-' {
		s.at++
	}
	if !s.digits() {
		return errJSON
	}
	return nil
}

// digits passes digits and reports whether there was at least one.
func (s *scanner) digits() bool {
	from := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

func (s *scanner) string() error {
	for i := s.at + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			s.at = i + 1
			return nil
		case c < ' ':
			return errJSON
		case c == '\\':
			s.at = i
			if err := s.escape(); err != nil {
				return err
			}
			i = s.at
		}
	}
	return errJSON
}

// escape passes an escape except for its last byte. A surrogate must be followed by its
// other half, because readers differ on a lone one.
func (s *scanner) escape() error {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
	default:
		return errJSON
	}
	unit, ok := s.hex4()
	if !ok || unit >= 0xdc00 && unit <= 0xdfff {
		return errJSON
	}
	if unit < 0xd800 || unit > 0xdbff {
		return nil
	}
	s.at++
	if s.word(`\u`) != nil {
		return errJSON
	}
	s.at--
	if low, ok := s.hex4(); !ok || low < 0xdc00 || low > 0xdfff {
		return errJSON
	}
	return nil
}

// hex4 reads the four digits after a u and stops at the last one.
func (s *scanner) hex4() (unit uint16, ok bool) {
	if len(s.text)-s.at < 5 {
		return 0, false
	}
	for range 4 {
		s.at++
		c := s.text[s.at]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | uint16(c)
	}
	return unit, true
}
