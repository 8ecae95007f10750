// Package filter reads the filters of ListUsers, which select users by one
// attribute:
//
//	email = "alice@example.com"
//	cognito:user_status ^= "conf"
//
// Begin with [Parse]; [Filter.Matches] decides about one user.
//
// # Grammar
//
//	filter    = [ name op value ]
//	name      = one or more letters, marks or digits of Unicode, or any of _ : - .
//	op        = "=" / "^="
//	value     = DQUOTE { character / \" / \\ } DQUOTE
//	character = anything but a quote and a backslash
//
// There may be white space (space, tab, CR, LF) before and after each of the
// three. The text is valid UTF-8 of any length.
//
// Where the service does not say what a filter means, this package refuses it
// with [ErrSyntax]: a quote or a backslash in the value without a backslash
// before it, anything after the value, a second condition. A mistake
// never selects everybody; only the empty filter does, and ^= "", under which
// any value of the attribute begins with nothing.
package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrSyntax is returned for a text that is not a filter.
var ErrSyntax = errors.New(`filter: not of the form: attribute = "value", or: attribute ^= "value"`)

// An AttributeError is returned for a well-formed filter over an attribute
// that cannot be searched for, such as a custom one.
type AttributeError struct {
	Name string
}

func (e *AttributeError) Error() string {
	return fmt.Sprintf("filter: attribute %q is not searchable", e.Name)
}

const (
	space      = " \t\r\n"
	userStatus = "cognito:user_status"
)

var searchable = []string{
	"username", "email", "phone_number", "name", "given_name", "family_name",
	"preferred_username", userStatus, "status", "sub",
}

// A Filter selects users by one attribute. The zero Filter selects all, and
// Filters compare with ==.
type Filter struct {
	Attribute string // one of those that can be searched for; "" selects all
	Prefix    bool   // whether the attribute is to begin with Value, rather than to be it
	Value     string // without quotes and escapes
}

// Parse reads a filter. An empty text, or one of white space, is the zero
// Filter. The attributes are username, email, phone_number, name, given_name,
// family_name, preferred_username, cognito:user_status, status and sub, by
// exactly these names. The error is [ErrSyntax] or an [*AttributeError], with the zero Filter,
// which the caller must not use then: it selects all.
func Parse(text string) (Filter, error) {
	if !utf8.ValidString(text) {
		return Filter{}, ErrSyntax
	}
	text = strings.Trim(text, space)
	if text == "" {
		return Filter{}, nil
	}
	name, rest := cutName(text)
	prefix, rest, isOp := cutOp(strings.TrimLeft(rest, space))
	value, rest, isValue := cutValue(strings.TrimLeft(rest, space))
	if name == "" || !isOp || !isValue || rest != "" {
		return Filter{}, ErrSyntax
	}
	if !slices.Contains(searchable, name) {
		return Filter{}, &AttributeError{Name: name}
	}
	return Filter{Attribute: name, Prefix: prefix, Value: value}, nil
}

// Matches reports whether f selects a user whose f.Attribute is value. It
// compares bytes, but for cognito:user_status without regard to ASCII case;
// status is "Enabled" or "Disabled". A user without the attribute is not
// selected, which is for the caller to see: to Matches, "" is a value.
func (f Filter) Matches(value string) bool {
	if f.Attribute == "" {
		return true
	}
	if f.Prefix {
		value = value[:min(len(value), len(f.Value))]
	}
	if f.Attribute == userStatus {
		return equalFold(value, f.Value)
	}
	return value == f.Value
}

// String returns f as [Parse] reads it.
func (f Filter) String() string {
	if f.Attribute == "" {
		return ""
	}
	op := "="
	if f.Prefix {
		op = "^="
	}
	value := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(f.Value)
	return f.Attribute + " " + op + ` "` + value + `"`
}

func cutName(text string) (name, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool { return !inName(r) })
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}

func inName(r rune) bool {
	return unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit) || strings.ContainsRune("_:-.", r)
}

func cutOp(text string) (prefix bool, rest string, ok bool) {
	rest, prefix = strings.CutPrefix(text, "^")
	rest, ok = strings.CutPrefix(rest, "=")
	return prefix, rest, ok
}

func cutValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] == '"' {
			return b.String(), text[i+1:], true
		}
		if text[i] == '\\' {
			i++
			if i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

// equalFold is [strings.EqualFold] for ASCII alone: there the long s is an S.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c - 'A' + 'a'
	}
	return c
}
