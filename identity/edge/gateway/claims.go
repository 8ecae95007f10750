package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cognate-id/cognate/token"
)

// members returns the claims of a token by name. Numbers keep their digits.
func members(c *token.Claims) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(c.Raw))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("gateway: the claims: %w", err)
	}
	return out, nil
}

// javaDate is how the service writes exp and iat for REST APIs: as Date.toString of Java.
const javaDate = "Mon Jan 02 15:04:05 MST 2006"

// restClaims are the claims as a REST API has them (recorded): all strings, exp and iat as dates,
// groups with commas between. Of other arrays with objects nothing was recorded: they are JSON without
// the brackets (unsure).
func restClaims(c *token.Claims) (map[string]string, error) {
	all, err := members(c)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(all))
	for name, value := range all {
		switch {
		case value == nil:
		case name == "exp":
			out[name] = date(c.Expires)
		case name == "iat":
			out[name] = date(c.IssuedAt)
		default:
			out[name] = restValue(value)
		}
	}
	return out, nil
}

func date(t time.Time) string { return t.UTC().Format(javaDate) }

func restValue(value any) string {
	if list, ok := value.([]any); ok {
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = restValue(v)
		}
		return strings.Join(texts, ",")
	}
	return plainValue(value)
}

// httpClaims are the claims as an HTTP API has them (recorded): all strings, arrays with blanks between
// and in brackets. Claims that are null are left out.
func httpClaims(c *token.Claims) (map[string]string, error) {
	all, err := members(c)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(all))
	for name, value := range all {
		if value == nil {
			continue
		}
		if list, ok := value.([]any); ok {
			out[name] = goValue(list)
			continue
		}
		out[name] = plainValue(value)
	}
	return out, nil
}

// plainValue is a value that is no array: an object is JSON.
func plainValue(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	default:
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if e.Encode(v) != nil {
			return ""
		}
		return strings.TrimSpace(b.String())
	}
}

// goValue is a value within an array, as Go's package fmt prints it: the form of recorded arrays of
// strings. That objects have it too is told by programs that read it (unsure).
func goValue(value any) string {
	switch v := value.(type) {
	case nil:
		return "<nil>"
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			texts[i] = goValue(item)
		}
		return "[" + strings.Join(texts, " ") + "]"
	case map[string]any:
		var texts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			texts = append(texts, name+":"+goValue(v[name]))
		}
		return "map[" + strings.Join(texts, " ") + "]"
	default:
		return plainValue(v)
	}
}
