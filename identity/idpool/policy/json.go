package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// encoding/json takes the last of two equal members and matches names without regard to case.
// Two readers of one policy must not see two different policies, so the document is first read
// into a tree that keeps what is there.

// maxDepth is how deep objects and arrays may nest. A policy needs five levels.
const maxDepth = 8

// An object is the members of a JSON object, in their order. No two have one name.
type object []member

// A member is a member of an object. Its value is a string, a bool, a json.Number, an object, a
// []any of these, or nil for null.
type member struct {
	name  string
	value any
}

func readObject(text string) (object, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("the document is not valid UTF-8")
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, errors.New("the document is not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the document has something behind its end")
	}
	return o, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, errors.New("the document is not valid JSON")
	}
	switch t {
	case json.Delim('{'):
		return readMembers(d, depth+1)
	case json.Delim('['):
		return readArray(d, depth+1)
	default:
		return t, nil
	}
}

func readMembers(d *json.Decoder, depth int) (object, error) {
	if depth > maxDepth {
		return nil, errors.New("the document nests too deep")
	}
	out := object{}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("the document is not valid JSON")
		}
		if seen[name] {
			return nil, fmt.Errorf("the member %q appears twice", name)
		}
		seen[name] = true
		v, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, member{name, v})
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("the document is not valid JSON")
	}
	return out, nil
}

func readArray(d *json.Decoder, depth int) ([]any, error) {
	if depth > maxDepth {
		return nil, errors.New("the document nests too deep")
	}
	out := []any{}
	for d.More() {
		v, err := readValue(d, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("the document is not valid JSON")
	}
	return out, nil
}

// list returns v as a list: many members of a policy are one value or an array of them.
func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// texts returns the strings of a member that is a string or a list of at least one string.
func texts(name string, v any) ([]string, error) {
	l := list(v)
	if len(l) == 0 {
		return nil, fmt.Errorf("%s is empty", name)
	}
	out := make([]string, len(l))
	for i, v := range l {
		s, ok := v.(string)
		if !ok || s == "" {
			return nil, fmt.Errorf("%s must be a string or a list of strings, and none may be empty", name)
		}
		out[i] = s
	}
	return out, nil
}
