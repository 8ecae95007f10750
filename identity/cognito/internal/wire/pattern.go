package wire

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Pattern is a regular expression of the model, which must match the whole of a
// value. The generator (gen/pattern.go) writes it in the first of three forms that
// fits:
//
//   - characters of one class,
//   - characters of one class, a separator, and characters of a class that does not
//     contain the separator,
//   - an expression in Go's syntax.
//
// The first two cost a table look-up a byte. Tables and expressions are made at
// their first use, so that a pattern costs nothing at start-up.
type Pattern struct {
	Text string // as the model and the messages have it

	Class Class  // all characters, or those before Sep
	Sep   string // "" where there is no second part
	Tail  Class  // those after Sep
	Expr  string // in Go's syntax

	once sync.Once
	expr *regexp.Regexp
}

// A Class is a set of characters, one or more of which are to follow each other.
type Class struct {
	ASCII string // ranges: pairs of first and last
	Other string // beyond ASCII: "*" for all, or Unicode categories as "LMN"
	Empty bool   // none is enough

	table *[utf8.RuneSelf]bool
	other []*unicode.RangeTable
}

// Match reports whether the pattern matches the whole of s.
func (p *Pattern) Match(s string) bool {
	p.once.Do(p.prepare)
	switch {
	case p.expr != nil:
		return p.expr.MatchString(s)
	case p.Sep != "":
		// The tail has no separator in it, so the last one is the one.
		i := strings.LastIndex(s, p.Sep)
		return i >= 0 && p.Class.match(s[:i]) && p.Tail.match(s[i+len(p.Sep):])
	}
	return p.Class.match(s)
}

// prepare makes the tables or the expression. It runs once, whoever comes first.
func (p *Pattern) prepare() {
	if p.Expr != "" {
		p.expr = regexp.MustCompile(`\A(?:` + p.Expr + `)\z`)
		return
	}
	p.Class.prepare()
	p.Tail.prepare()
}

func (c *Class) prepare() {
	c.table = new([utf8.RuneSelf]bool)
	for i := 0; i+1 < len(c.ASCII); i += 2 {
		for b := c.ASCII[i]; b <= c.ASCII[i+1]; b++ {
			c.table[b] = true
		}
	}
	if c.Other == "*" {
		c.other = []*unicode.RangeTable{anything}
		return
	}
	for _, category := range c.Other {
		c.other = append(c.other, unicode.Categories[string(category)])
	}
}

// anything is everything beyond ASCII.
var anything = &unicode.RangeTable{
	R32: []unicode.Range32{{Lo: utf8.RuneSelf, Hi: unicode.MaxRune, Stride: 1}},
}

// match reports whether all characters of s are in the class. The common case is
// pure ASCII: one look-up a byte.
func (c *Class) match(s string) bool {
	if s == "" {
		return c.Empty
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= utf8.RuneSelf {
			return c.matchRunes(s[i:])
		}
		if !c.table[b] {
			return false
		}
	}
	return true
}

// matchRunes is the slow end of match.
func (c *Class) matchRunes(s string) bool {
	for _, r := range s {
		if r < utf8.RuneSelf && !c.table[r] || r >= utf8.RuneSelf && !unicode.In(r, c.other...) {
			return false
		}
	}
	return true
}
