package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
)

// A settingsFlag is a JSON object with settings, or says where the object is: @FILE, or -
// for standard input.
type settingsFlag string

// maxSettings is the maximum length of settings in bytes.
const maxSettings = 1 << 20

// read returns the object. It returns an empty object if the flag was not given.
func (s settingsFlag) read(t *terminal) (map[string]any, error) {
	text, err := s.text(t)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var v any
	if err := decodeJSON(text, &v); err != nil {
		return nil, hint(fmt.Errorf("--settings: %w", err), `settings are a JSON object, such as '{"mfa":"OPTIONAL","totp":true}', or @FILE, or - for standard input`)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, hint(errors.New("--settings: it is not a JSON object"), `settings are a JSON object, such as '{"mfa":"OPTIONAL","totp":true}', or @FILE, or - for standard input`)
	}
	return object, nil
}

func (s settingsFlag) text(t *terminal) ([]byte, error) {
	if s == "" {
		return []byte("{}"), nil
	}
	in := t.in
	name, isFile := strings.CutPrefix(string(s), "@")
	switch {
	case isFile:
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	case s != "-":
		return []byte(s), nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSettings+1))
	if err == nil && len(text) > maxSettings {
		err = fmt.Errorf("they are longer than %d bytes", maxSettings)
	}
	return text, err
}

// decodeJSON decodes a text that must be exactly one JSON value.
func decodeJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text after the JSON value")
	}
	return nil
}

// patched returns settings with changes merged into them (RFC 7396). Settings that the
// changes do not name stay, and null resets a setting. Arrays are replaced.
func patched[S any](present *S, changes map[string]any) (*S, error) {
	if err := checkNames(reflect.TypeFor[S](), "", changes); err != nil {
		return nil, err
	}
	text, err := json.Marshal(present)
	if err != nil {
		return nil, err
	}
	var was any
	if err := decodeJSON(text, &was); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(mergePatch(was, changes)); err != nil {
		return nil, err
	}
	out := new(S)
	err = decodeJSON(text, out)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		err = fmt.Errorf("setting %s: it must be %s, not the JSON type %s", wrong.Field, jsonKind(wrong.Type), wrong.Value)
	}
	if err != nil {
		return nil, hint(err, "nothing was changed")
	}
	return out, nil
}

// mergePatch applies a JSON Merge Patch (RFC 7396).
func mergePatch(was, change any) any {
	changes, ok := change.(map[string]any)
	if !ok {
		return change
	}
	had, _ := was.(map[string]any) // a value that is not an object is replaced by an object
	out := map[string]any{}
	maps.Copy(out, had)
	for name, v := range changes {
		if v == nil {
			delete(out, name)
			continue
		}
		out[name] = mergePatch(out[name], v)
	}
	return out
}

// checkNames returns an error if a JSON value has a name that the type does not have. Names
// must match exactly: encoding/json would accept "MFA" for "mfa", but merging would not.
func checkNames(t reflect.Type, path string, v any) error {
	switch v := v.(type) {
	case []any:
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		for i, element := range v {
			if err := checkNames(t, fmt.Sprintf("%s[%d].", strings.TrimSuffix(path, "."), i), element); err != nil {
				return err
			}
		}
	case map[string]any:
		return checkMembers(t, path, v)
	}
	return nil
}

func checkMembers(t reflect.Type, path string, object map[string]any) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct { // a map may have any names, and decoding rejects other kinds
		return nil
	}
	known := map[string]reflect.Type{}
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			known[name] = f.Type
		}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		field, ok := known[name]
		if !ok {
			return hint(fmt.Errorf("unknown setting %q", path+name), "nothing was changed; the settings are %s",
				strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if err := checkNames(field, path+name+".", object[name]); err != nil {
			return err
		}
	}
	return nil
}

// jsonKind returns the JSON name of a type.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number"
}
