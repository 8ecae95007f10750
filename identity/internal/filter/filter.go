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
//	name      = bare / DQUOTE bare DQUOTE
//	bare      = one or more letters, marks or digits of Unicode, or any of _ : - .
//	op        = "=" / "^="
//	value     = DQUOTE { character / \" / \\ } DQUOTE
//	character = anything but a quote and a backslash
//
// White space (space, tab, CR, LF) is allowed before and after name, op and value. The text
// is valid UTF-8 of any length.
//
// [Parse] returns [ErrSyntax] for filters whose meaning the service does not define: a quote
// or a backslash in the value without a backslash before it, text after the value, or a
// second condition. A malformed filter never selects all users. Only the empty filter does,
// and ^= "" selects all users who have the attribute.
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

// An AttributeError is returned for a well-formed filter over an attribute that cannot be
// searched, such as a custom attribute.
type AttributeError struct {
	Name string // the name of the attribute
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

// A Filter selects users by one attribute. The zero Filter selects all users. Filters can
// be compared with ==.
type Filter struct {
	Attribute string // a searchable attribute; "" selects all users
	Prefix    bool   // the attribute must begin with Value, not equal it
	Value     string // the value, without quotes and escapes
}

// Parse reads a filter. An empty text, or one of only white space, is the zero Filter. The
// searchable attributes are username, email, phone_number, name, given_name, family_name,
// preferred_username, cognito:user_status, status and sub, with exactly these names. Parse
// returns [ErrSyntax] or an [*AttributeError]. Do not use the Filter if there is an error:
// it is the zero Filter, which selects all users.
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

// Matches reports whether f selects a user whose f.Attribute is value. It compares bytes,
// except that cognito:user_status ignores ASCII case. status is "Enabled" or "Disabled". Do
// not call Matches for a user without the attribute: such a user is not selected, but
// Matches treats "" as a value.
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

// String returns f in the form that [Parse] reads.
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

// cutName cuts a name with or without quotes; "" is no name.
func cutName(text string) (name, rest string) {
	if quoted, ok := strings.CutPrefix(text, `"`); ok {
		name, rest = cutBare(quoted)
		if rest, ok = strings.CutPrefix(rest, `"`); !ok {
			return "", ""
		}
		return name, rest
	}
	return cutBare(text)
}

func cutBare(text string) (name, rest string) {
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

// equalFold is [strings.EqualFold] for ASCII only. strings.EqualFold treats the long s as
// an S.
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
