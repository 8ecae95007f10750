package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const maxDepth = 32 // of nested values

// decodeObject reads a JSON object, strictly: no member is there twice, and nothing follows. Numbers
// keep their digits.
func decodeObject(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d, maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the JSON value is no object")
	}
	return m, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth == 0 {
		return nil, errors.New("the JSON value is nested too deep")
	}
	t, err := d.Token()
	if err != nil {
		return nil, errors.New("malformed JSON") // the text of the decoder has bytes of the answer
	}
	switch t {
	case json.Delim('{'):
		return decodeMembers(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, closes(d)
	}
	return t, nil
}

func decodeMembers(d *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errors.New("malformed JSON")
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("malformed JSON")
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("a member is there twice: %.40q", name)
		}
		if m[name], err = decodeValue(d, depth-1); err != nil {
			return nil, err
		}
	}
	return m, closes(d)
}

func closes(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errors.New("malformed JSON")
	}
	return nil
}

// text returns a member that is a string, or "".
func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

// isTrue reports whether a member is true, or the string "true".
func isTrue(m map[string]any, name string) bool {
	switch v := m[name].(type) {
	case bool:
		return v
	case string:
		return v == "true"
	}
	return false
}
