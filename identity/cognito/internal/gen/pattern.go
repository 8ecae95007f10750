package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A pattern is a regular expression of the model, translated from Java. The
// service holds a whole value against it. What Go means differently is spelled
// out: white space and the dot are written as the sets they are in Java. What
// is not understood (look-around, flags, lazy and possessive quantifiers,
// nested classes, anchors within) is an error, never a guess.
type pattern struct {
	items  []item
	single bool // one sequence, no alternatives at the top
}

// An item is a part of a sequence with its quantifier.
type item struct {
	expr  string // in Go's syntax, without the quantifier
	set   *set   // what one character of it may be, where it is one
	times string // "", "?", "*", "+" or "{m,n}"
}

// A set is a set of characters: those of ASCII, and beyond it either all ("*")
// or Unicode categories.
type set struct {
	ascii [128]bool
	other string
}

// A parser goes through a pattern. It panics with a syntaxError.
type parser struct {
	text   string
	pos    int
	dotAll bool
}

type syntaxError string

// parsePattern parses a pattern of the model.
func parsePattern(text string) (p *pattern, err error) {
	defer func() {
		if e, ok := recover().(syntaxError); ok {
			p, err = nil, fmt.Errorf("pattern %s: %s is not understood", text, string(e))
		}
	}()
	ps := &parser{text: text}
	if strings.HasPrefix(text, "(?s)") {
		ps.pos, ps.dotAll = 4, true
	}
	ps.skip("^")
	sequences := ps.alternatives()
	ps.skip("$")
	if ps.pos < len(text) {
		panic(syntaxError(text[ps.pos:]))
	}
	if len(sequences) > 1 {
		if strings.ContainsAny(text[:1]+text[len(text)-1:], "^$") {
			panic(syntaxError("an anchor of one alternative"))
		}
		return &pattern{items: []item{{expr: join(sequences)}}}, nil
	}
	return &pattern{items: sequences[0], single: true}, nil
}

// next is the next byte, or 0 at the end.
func (p *parser) next() byte {
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

// skip passes over s and reports whether it was there.
func (p *parser) skip(s string) bool {
	if strings.HasPrefix(p.text[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

// alternatives parses sequences with | between them, up to a closing parenthesis
// or the end.
func (p *parser) alternatives() [][]item {
	list := [][]item{p.sequence()}
	for p.skip("|") {
		list = append(list, p.sequence())
	}
	return list
}

// sequence parses items up to the end of their alternative. A $ ends it too: only
// the one at the very end of the pattern is accepted, by parsePattern.
func (p *parser) sequence() []item {
	var list []item
	for !slices.Contains([]byte{0, '|', ')', '$'}, p.next()) {
		if p.dotAll && p.skip("(?s)") { // it holds already
			continue
		}
		if p.skip(`\b`) {
			p.boundary(list)
			continue
		}
		it := p.atom()
		it.times = p.quantifier()
		list = append(list, it)
	}
	return list
}

// boundary passes over a \b that always holds: between a word character and a
// hyphen, whose items come once or a fixed number of times.
func (p *parser) boundary(before []item) {
	ahead := &parser{text: p.text, pos: p.pos, dotAll: p.dotAll}
	if len(before) > 0 && ahead.next() != 0 {
		last, next := before[len(before)-1], ahead.atom()
		next.times = ahead.quantifier()
		if last.sure() && next.sure() && (last.set.words() && next.set.hyphen() || last.set.hyphen() && next.set.words()) {
			return
		}
	}
	panic(syntaxError(`\b in this place`))
}

// sure reports whether an item stands for at least one character.
func (it item) sure() bool {
	return it.set != nil && it.times != "?" && it.times != "*" && !strings.HasPrefix(it.times, "{0")
}

// words reports whether a set has word characters alone.
func (s *set) words() bool {
	word := escapes('w')
	for c, in := range s.ascii {
		if in && !word.ascii[c] {
			return false
		}
	}
	return s.other == ""
}

// hyphen reports whether a set has the hyphen alone.
func (s *set) hyphen() bool {
	c, ok := s.one()
	return ok && c == '-'
}

// atom parses one item without its quantifier: a group, a class, the dot, an
// escape or a plain character. Groups become groups that capture nothing.
func (p *parser) atom() item {
	switch c := p.next(); c {
	case '(':
		p.pos++
		if !p.skip("?:") && p.next() == '?' {
			panic(syntaxError("the group (" + p.text[p.pos:]))
		}
		inner := p.alternatives()
		if !p.skip(")") {
			panic(syntaxError("a group without end"))
		}
		return item{expr: "(?:" + join(inner) + ")"}
	case '[':
		p.pos++
		return p.class()
	case '.':
		p.pos++
		if p.dotAll {
			return item{expr: "(?s:.)", set: everything()}
		}
		return item{expr: `[^\n\r\x{85}\x{2028}\x{2029}]`}
	case '\\':
		s := p.escape()
		return item{expr: "[" + s.String() + "]", set: s}
	case '^', '*', '+', '?', '{', '}', ']':
		panic(syntaxError(string(c) + " in this place"))
	default:
		if c >= 0x80 {
			panic(syntaxError("a character beyond ASCII"))
		}
		p.pos++
		s := &set{}
		s.ascii[c] = true
		return item{expr: regexp.QuoteMeta(string(c)), set: s}
	}
}

var counted = regexp.MustCompile(`^\{[0-9]+(,[0-9]+)?\}`)

// quantifier parses ?, *, +, {n} or {m,n}, or nothing. Java's lazy and possessive
// forms are refused: the possessive ones match less, and Go has none.
func (p *parser) quantifier() string {
	times := counted.FindString(p.text[p.pos:])
	if times == "" && strings.ContainsRune("*+?", rune(p.next())) && p.next() != 0 {
		times = p.text[p.pos : p.pos+1]
	}
	p.pos += len(times)
	if times != "" && (p.next() == '+' || p.next() == '?') {
		panic(syntaxError("a lazy or possessive quantifier"))
	}
	return times
}

// class parses a class after its opening bracket.
func (p *parser) class() item {
	negated := p.skip("^")
	all := &set{}
	for !p.skip("]") {
		start := p.pos
		switch c := p.next(); {
		case c == 0:
			panic(syntaxError("a class without end"))
		case c == '[' || c == '^' || strings.HasPrefix(p.text[p.pos:], "&&"):
			panic(syntaxError("an operator in a class"))
		case c == '\\':
			all.add(p.escape())
		default:
			if c >= 0x80 {
				panic(syntaxError("a character beyond ASCII"))
			}
			p.pos++
			all.ascii[c] = true
		}
		if p.next() == '-' && p.pos+1 < len(p.text) && p.text[p.pos+1] != ']' {
			p.rest(all, p.text[start:p.pos])
		}
	}
	if negated {
		return item{expr: "[^" + all.String() + "]"}
	}
	return item{expr: "[" + all.String() + "]", set: all}
}

// rest parses the rest of a range that begins with first. After a range a
// hyphen stands for itself, as in [0-9-_].
func (p *parser) rest(all *set, first string) {
	p.pos++
	lo := character(first)
	start := p.pos
	if p.next() == '\\' {
		p.escape()
	} else {
		p.pos++
	}
	hi := character(p.text[start:p.pos])
	if lo > hi {
		panic(syntaxError("the range " + first + "-" + p.text[start:p.pos]))
	}
	for c := lo; c <= hi; c++ {
		all.ascii[c] = true
	}
	if p.next() == '-' {
		p.pos++
		all.ascii['-'] = true
	}
}

// character returns the one character that text stands for.
func character(text string) byte {
	s := &set{}
	if text[0] == '\\' {
		s = (&parser{text: text}).escape()
	} else {
		s.ascii[text[0]] = true
	}
	if c, ok := s.one(); ok {
		return c
	}
	panic(syntaxError("a range from or to " + text))
}

var hexadecimal = regexp.MustCompile(`^\\x[0-9A-Fa-f]{2}`)

var category = regexp.MustCompile(`^\\p\{([LMNPSZ])\}`)

// escape parses what begins with a backslash.
func (p *parser) escape() *set {
	s := &set{}
	rest := p.text[p.pos:]
	if m := category.FindStringSubmatch(rest); m != nil {
		p.pos += len(m[0])
		s.other = m[1]
		for c := range s.ascii {
			s.ascii[c] = unicode.In(rune(c), unicode.Categories[m[1]])
		}
		return s
	}
	if m := hexadecimal.FindString(rest); m != "" {
		p.pos += len(m)
		c, err := strconv.ParseUint(m[2:], 16, 7)
		if err != nil {
			panic(syntaxError("a character beyond ASCII"))
		}
		s.ascii[c] = true
		return s
	}
	if len(rest) < 2 {
		panic(syntaxError("a backslash at the end"))
	}
	p.pos += 2
	return escapes(rest[1])
}

// escapes is the set of the letter after a backslash. \w, \d and \s are those of
// ASCII, as in Java without flags. Java's \s has the vertical tab, Go's has not:
// hence sets are written out.
func escapes(c byte) *set {
	s := &set{}
	switch c {
	case 'w':
		for c := range s.ascii {
			s.ascii[c] = c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		}
	case 'd':
		for c := '0'; c <= '9'; c++ {
			s.ascii[c] = true
		}
	case 's', 'S':
		for b := range s.ascii {
			s.ascii[b] = strings.ContainsRune(" \t\n\v\f\r", rune(b)) == (c == 's')
		}
		if c == 'S' {
			s.other = "*"
		}
	case 't', 'n', 'r':
		s.ascii[map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r'}[c]] = true
	default:
		if c < '!' || c > '~' || regexp.MustCompile(`\w`).MatchString(string(c)) {
			panic(syntaxError(`\` + string(c)))
		}
		s.ascii[c] = true
	}
	return s
}

// everything is the set of all characters.
func everything() *set {
	s := &set{other: "*"}
	for c := range s.ascii {
		s.ascii[c] = true
	}
	return s
}

// add adds t to s.
func (s *set) add(t *set) {
	for c, in := range t.ascii {
		s.ascii[c] = s.ascii[c] || in
	}
	if s.other == "*" || t.other == "*" {
		s.other = "*"
		return
	}
	letters := slices.Sorted(slices.Values([]byte(s.other + t.other)))
	s.other = string(slices.Compact(letters))
}

// one returns the only character of s.
func (s *set) one() (byte, bool) {
	r := s.ranges()
	if len(r) != 2 || r[0] != r[1] || s.other != "" {
		return 0, false
	}
	return r[0], true
}

// ranges lists the characters of s in ASCII as pairs of first and last.
func (s *set) ranges() string {
	var b []byte
	for c := 0; c < 128; c++ {
		if !s.ascii[c] {
			continue
		}
		first := c
		for c+1 < 128 && s.ascii[c+1] {
			c++
		}
		b = append(b, byte(first), byte(c))
	}
	return string(b)
}

// String is s in Go's syntax, without the brackets.
func (s *set) String() string {
	var b strings.Builder
	r := s.ranges()
	for i := 0; i < len(r); i += 2 {
		if fmt.Fprintf(&b, `\x%02x`, r[i]); r[i] != r[i+1] {
			fmt.Fprintf(&b, `-\x%02x`, r[i+1])
		}
	}
	if s.other == "*" {
		return b.String() + `\x{80}-\x{10ffff}`
	}
	for _, c := range s.other {
		fmt.Fprintf(&b, `\p{%c}`, c)
	}
	return b.String()
}

// join writes sequences as alternatives in Go's syntax.
func join(sequences [][]item) string {
	var list []string
	for _, items := range sequences {
		var b strings.Builder
		for _, it := range items {
			b.WriteString(it.expr + it.times)
		}
		list = append(list, b.String())
	}
	return strings.Join(list, "|")
}

// source is the pattern as a literal of the runtime, see wire.Pattern. Most
// patterns of the models are one class with + or *, or two of them with a
// separator; these become tables, which are faster than an expression and need
// nothing compiled. What an expression is needed for is compiled here once, so
// that a mistake shows when the code is generated and not when it runs.
func (p *pattern) source(text string) string {
	fields := []string{fmt.Sprintf("Text: %s", quoted(text))}
	isRun := func(i int) bool {
		return p.items[i].set != nil && (p.items[i].times == "+" || p.items[i].times == "*")
	}
	switch {
	case p.single && len(p.items) == 1 && isRun(0):
		fields = append(fields, "Class: "+p.items[0].class())
	case p.single && len(p.items) == 3 && isRun(0) && isRun(2) && p.separates():
		sep, _ := p.items[1].set.one()
		fields = append(fields, "Class: "+p.items[0].class(), fmt.Sprintf("Sep: %q", string(sep)), "Tail: "+p.items[2].class())
	default:
		expr := join([][]item{p.items})
		regexp.MustCompile(expr)
		fields = append(fields, "Expr: "+quoted(expr))
	}
	return "wire.Pattern{" + strings.Join(fields, ", ") + "}"
}

// separates reports whether the second of three items is one character that
// the third cannot have.
func (p *pattern) separates() bool {
	if p.items[1].set == nil || p.items[1].times != "" {
		return false
	}
	sep, ok := p.items[1].set.one()
	return ok && !p.items[2].set.ascii[sep]
}

// class is the set of an item as a literal of the runtime.
func (it item) class() string {
	fields := []string{fmt.Sprintf("ASCII: %q", it.set.ranges())}
	if it.set.other != "" {
		fields = append(fields, fmt.Sprintf("Other: %q", it.set.other))
	}
	if it.times == "*" {
		fields = append(fields, "Empty: true")
	}
	return "wire.Class{" + strings.Join(fields, ", ") + "}"
}

// quoted is s as a string of Go, in back quotes where that is possible: patterns
// are full of backslashes.
func quoted(s string) string {
	if strings.Contains(s, "`") {
		return strconv.Quote(s)
	}
	return "`" + s + "`"
}
