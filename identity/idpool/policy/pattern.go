package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A pattern is a text with wildcards and variables. What a variable stands for is compared
// letter by letter: a wildcard in the value of a tag is a plain character.
type pattern []part

// A part is a literal text, a wildcard or a variable.
type part struct {
	kind     partKind
	text     string // of a literal; the key of a variable, in lower case
	fallback *string
}

type partKind int

const (
	literal partKind = iota
	anyRun           // *
	anyOne           // ?
	variable
)

// A truth is the outcome of a comparison. The zero value is doubt, which allows nothing.
type truth int

const (
	doubt truth = iota
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// not reverses a truth. Doubt stays doubt.
func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	case doubt:
	}
	return doubt
}

// parsePattern reads a text. Wildcards are literal unless wild is set, and variables unless
// vars is set.
func parsePattern(text string, wild, vars bool) (pattern, error) {
	var out pattern
	for text != "" {
		i := strings.IndexAny(text, "*?$")
		if i < 0 {
			return out.add(literal, text), nil
		}
		out, text = out.add(literal, text[:i]), text[i:]
		switch {
		case vars && strings.HasPrefix(text, "${"):
			inner, rest, ok := strings.Cut(text[2:], "}")
			if !ok {
				return nil, errors.New("a variable has no end")
			}
			p, err := parseVariable(inner)
			if err != nil {
				return nil, err
			}
			out, text = append(out, p), rest
			continue
		case wild && text[0] == '*':
			out = append(out, part{kind: anyRun})
		case wild && text[0] == '?':
			out = append(out, part{kind: anyOne})
		default:
			out = out.add(literal, text[:1])
		}
		text = text[1:]
	}
	return out, nil
}

// add appends a literal, unless it is empty.
func (p pattern) add(kind partKind, text string) pattern {
	if text == "" {
		return p
	}
	return append(p, part{kind: kind, text: text})
}

// parseVariable reads what is between ${ and }: a key, a key with a default in quotes, or one of
// the characters * ? $.
func parseVariable(inner string) (part, error) {
	if inner == "*" || inner == "?" || inner == "$" {
		return part{kind: literal, text: inner}, nil
	}
	key, text, given := strings.Cut(inner, ",")
	p := part{kind: variable, text: strings.ToLower(key)}
	if !validKey(p.text) || strings.Contains(p.text, " ") {
		return part{}, fmt.Errorf("the variable ${%s} has an invalid key", inner)
	}
	if given {
		if len(text) < 3 || text[:2] != " '" || text[len(text)-1] != '\'' {
			return part{}, fmt.Errorf("the default in ${%s} must be in single quotes, after a comma and a space", inner)
		}
		text = text[2 : len(text)-1]
		p.fallback = &text
	}
	return p, nil
}

// validKey reports whether s, in lower case, has the form of a condition key, such as
// aws:principaltag/team or cognito-identity.amazonaws.com:sub. A key of tags must name one.
func validKey(s string) bool {
	prefix, name, ok := strings.Cut(s, ":")
	switch strings.TrimSuffix(name, "/") {
	case "principaltag", "requesttag", "resourcetag":
		return false
	}
	return ok && prefix != "" && name != "" && len(s) <= 512 && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == '*' || r == '?' || r == '$' || r == '{' || r == '}' || r == 0x7f
	})
}

// Marks in a resolved pattern, beside the characters.
const (
	markRun rune = -1
	markOne rune = -2
)

// resolve replaces the variables by their values. It answers no if one has no value: nothing is
// equal to that, or like it. It answers doubt if one has an empty value or several, of which AWS's
// documentation says nothing.
func (p pattern) resolve(c Context) (out []rune, ok truth) {
	ok = yes
	for _, x := range p {
		switch x.kind {
		case literal:
			out = append(out, []rune(x.text)...)
		case anyRun:
			out = append(out, markRun)
		case anyOne:
			out = append(out, markOne)
		case variable:
			values := c.values(x.text)
			switch {
			case len(values) == 1 && values[0] != "":
				out = append(out, []rune(values[0])...)
			case len(values) > 0:
				ok = all(ok, doubt)
			case x.fallback != nil:
				out = append(out, []rune(*x.fallback)...)
			default:
				ok = no
			}
		}
	}
	return out, ok
}

// match compares a text with the pattern.
func (p pattern) match(text string, c Context) truth {
	if len(p) == 1 && p[0].kind == literal { // most are
		return truthOf(p[0].text == text)
	}
	want, ok := p.resolve(c)
	if ok != yes {
		return ok
	}
	return truthOf(matchRunes(want, []rune(text)))
}

// matchRunes goes back to the last run only, so that it costs at most the product of the lengths.
func matchRunes(want, text []rune) bool {
	w, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case w < len(want) && want[w] == markRun:
			star, mark = w, t
			w++
		case w < len(want) && (want[w] == markOne || want[w] == text[t]):
			w++
			t++
		case star >= 0:
			mark++
			w, t = star+1, mark
		default:
			return false
		}
	}
	for w < len(want) && want[w] == markRun {
		w++
	}
	return w == len(want)
}

// unset reports whether the pattern has a variable without a value.
func (p pattern) unset(c Context) bool {
	_, ok := p.resolve(c)
	return ok == no
}

// arnParts is how many parts an ARN has: arn, partition, service, region, account, resource. The
// last one may contain colons.
const arnParts = 6

// An arnPattern is a pattern for each part of an ARN. A wildcard does not reach beyond its part.
type arnPattern [arnParts]pattern

// parseARN reads an ARN with wildcards and variables.
func parseARN(text string, vars bool) (*arnPattern, error) {
	p, err := parsePattern(text, true, vars)
	if err != nil {
		return nil, err
	}
	var out arnPattern
	at := 0
	for _, x := range p {
		if x.kind != literal {
			out[at] = append(out[at], x)
			continue
		}
		pieces := strings.SplitN(x.text, ":", arnParts-at)
		for i, piece := range pieces {
			out[at] = out[at].add(literal, piece)
			if i < len(pieces)-1 {
				at++
			}
		}
	}
	if at != arnParts-1 || len(out[0]) != 1 || out[0][0].text != "arn" || len(out[1]) == 0 || len(out[2]) == 0 || len(out[5]) == 0 {
		return nil, fmt.Errorf("%q must be * or an ARN with six parts", text)
	}
	return &out, nil
}

// parseResource reads an ARN of a Resource or NotResource. Variables are only in its last part, and
// its service is written in full.
func parseResource(text string, vars bool) (*arnPattern, error) {
	if i := strings.Index(text, "${"); i >= 0 && strings.Count(text[:i], ":") < arnParts-1 {
		return nil, fmt.Errorf("%q has a variable before the fifth colon", text)
	}
	p, err := parseARN(text, vars)
	if err == nil && slices.ContainsFunc(p[2], func(x part) bool { return x.kind != literal }) {
		return nil, fmt.Errorf("%q has a wildcard in its service", text)
	}
	return p, err
}

// matchResource compares a resource with the pattern. A * at the end of a part may reach beyond the
// colon, says AWS's documentation, which used to say that it does not. What only such a * matches is in doubt.
func (p *arnPattern) matchResource(arn string, c Context) truth {
	out := p.match(arn, c)
	if out != no || strings.Count(arn, ":") < arnParts || !slices.ContainsFunc(p[:arnParts-1], endsInRun) {
		return out
	}
	var long pattern
	for i, part := range p {
		if i > 0 {
			long = long.add(literal, ":")
		}
		long = append(long, part...)
	}
	if long.match(arn, c) == no {
		return no
	}
	return doubt
}

func endsInRun(p pattern) bool { return len(p) > 0 && p[len(p)-1].kind == anyRun }

// match compares an ARN with the pattern. What is no ARN does not match.
func (p *arnPattern) match(arn string, c Context) truth {
	parts := strings.SplitN(arn, ":", arnParts)
	if len(parts) != arnParts {
		return no
	}
	out := yes
	for i, part := range parts {
		switch p[i].match(part, c) {
		case yes:
		case no:
			return no
		case doubt:
			out = doubt
		}
	}
	return out
}
