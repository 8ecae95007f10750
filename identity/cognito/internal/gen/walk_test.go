package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// A rig is a service whose handlers all keep what they are called with.
type rig struct {
	model   *model
	facts   *facts
	service *wire.Service
	handler *wire.Handler
	prefix  string
	wrong   string // type of the error for a broken constraint
	called  any    // the last input; nil where no handler was called
}

var services = []string{"cognito-idp", "cognito-identity"}

// A known service is its model with the facts. No test changes them.
type known struct {
	model *model
	facts *facts
}

var knowns = map[string]func() (known, error){
	"cognito-idp":      sync.OnceValues(func() (known, error) { return readKnown("cognito-idp") }),
	"cognito-identity": sync.OnceValues(func() (known, error) { return readKnown("cognito-identity") }),
}

func readKnown(service string) (k known, err error) {
	text, err := os.ReadFile(filepath.Join("..", "model", service+".json"))
	if err != nil {
		return k, err
	}
	if k.model, err = readModel(text); err != nil {
		return k, err
	}
	if text, err = os.ReadFile(filepath.Join("..", "model", "facts.json")); err != nil {
		return k, err
	}
	if k.facts, err = readFacts(text, service); err != nil {
		return k, err
	}
	return k, k.facts.apply(k.model)
}

func newRig(t *testing.T, service string) *rig {
	t.Helper()
	k, err := knowns[service]()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{model: k.model, facts: k.facts}
	switch service {
	case "cognito-idp":
		h := &idp.Handlers{}
		r.fill(h)
		r.service = idp.Service(h)
	case "cognito-identity":
		h := &fedid.Handlers{}
		r.fill(h)
		r.service = fedid.Service(h)
	}
	r.prefix, r.wrong = r.service.TargetPrefix+".", r.service.ValidationError
	r.handler = wire.NewHandler(&wire.Options{Logger: slog.New(slog.DiscardHandler)}, r.service)
	return r
}

// fill sets every handler to one that keeps its input.
func (r *rig) fill(handlers any) {
	v := reflect.ValueOf(handlers).Elem()
	for i := range v.NumField() {
		typ := v.Field(i).Type()
		v.Field(i).Set(reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value {
			r.called = args[1].Interface()
			var out []reflect.Value
			for j := range typ.NumOut() {
				out = append(out, reflect.Zero(typ.Out(j)))
			}
			return out
		}))
	}
}

// An answer is what came back.
type answer struct {
	status        int
	Type          string `json:"__type"`
	Message       string `json:"message"`
	CapitalLetter string `json:"Message"`
}

func (r *rig) send(t *testing.T, op string, body []byte) answer {
	t.Helper()
	r.called = nil
	req := httptest.NewRequestWithContext(context.Background(), "POST", "/", strings.NewReader(string(body)))
	req.Header.Set("X-Amz-Target", r.prefix+op)
	rec := httptest.NewRecorder()
	r.handler.ServeHTTP(rec, req)
	resp := rec.Result()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode}
	if len(text) == 0 {
		return a
	}
	// The names differ by case only, which encoding/json would not see.
	var m map[string]string
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%s: the answer %s: %v", op, text, err)
	}
	a.Type, a.Message, a.CapitalLetter = m["__type"], m["message"], m["Message"]
	if got, want := resp.Header.Get("x-amzn-ErrorType"), a.Type+":"; a.Type != "" && got != want {
		t.Errorf("%s: x-amzn-ErrorType = %q, want %q", op, got, want)
	}
	return a
}

// A site is a place in a request, with the shape that is due there.
type site struct {
	json      []any  // keys and indices from the top
	path      string // as messages have it
	shape     *shape
	role      string // what it is: member, item, key or value
	required  bool
	sensitive bool
}

// sites lists all places in a request of the given shape, see valid.
func (r *rig) sites(name string, at site) []site {
	s := r.model.Shapes[name]
	at.shape = s
	at.sensitive = at.sensitive || s.Sensitive
	list := []site{at}
	switch s.Type {
	case "structure":
		for _, m := range s.Members {
			next := site{json: add(at.json, m.name), path: inPath(r.facts.said(name, m.name)), role: "member", sensitive: at.sensitive}
			if at.path != "" {
				next.path = at.path + "." + next.path
			}
			for _, name := range s.Required {
				next.required = next.required || name == m.name
			}
			list = append(list, r.sites(m.Shape, next)...)
		}
	case "list":
		next := site{json: add(at.json, 0), path: at.path, role: "item", sensitive: at.sensitive}
		if r.model.Shapes[s.Member.Shape].Type == "structure" {
			next.path += ".1.member"
		}
		list = append(list, r.sites(s.Member.Shape, next)...)
	case "map":
		key := r.valid(s.Key.Shape).(string)
		next := site{json: add(at.json, key), path: at.path, role: "value", sensitive: at.sensitive}
		if r.model.Shapes[s.Value.Shape].Type == "structure" {
			next.path += "." + inPath(key) + ".member"
		}
		hidden := at.sensitive || r.model.Shapes[s.Value.Shape].Sensitive
		list = append(list, site{
			json: next.json, path: at.path, role: "key", shape: r.model.Shapes[s.Key.Shape], sensitive: hidden,
		})
		list = append(list, r.sites(s.Value.Shape, next)...)
	}
	return list
}

var acronym, capitals = regexp.MustCompile(`^([A-Z]+)([A-Z][a-z].*)$`), regexp.MustCompile(`^[A-Z]*`)

// inPath is a name as paths have it.
func inPath(name string) string {
	if words := acronym.FindStringSubmatch(name); words != nil {
		return strings.ToLower(words[1]) + words[2]
	}
	return capitals.ReplaceAllStringFunc(name, strings.ToLower)
}

func add(path []any, next any) []any { return append(append([]any(nil), path...), next) }

// valid returns a value of a shape that has everything and breaks nothing.
func (r *rig) valid(name string) any {
	s := r.model.Shapes[name]
	switch s.Type {
	case "structure":
		if s.Document {
			return map[string]any{"any": []any{"thing", 1.5, nil, true}}
		}
		m := map[string]any{}
		for _, member := range s.Members {
			m[member.name] = r.valid(member.Shape)
		}
		return m
	case "list":
		return []any{r.valid(s.Member.Shape)}
	case "map":
		return map[string]any{r.valid(s.Key.Shape).(string): r.valid(s.Value.Shape)}
	case "boolean":
		return true
	case "timestamp":
		return 1700000000.5
	case "integer", "long":
		if s.Min != nil {
			return *s.Min
		}
		return int64(7)
	case "blob":
		return "AAECAw=="
	case "string":
		return validString(s)
	}
	panic("no value of " + s.Type)
}

// samples are strings that match the patterns which aaaa… does not match.
var samples = []string{
	"aaaaaaaaaaaaaaaaaaaaaaaa", "111111", "arn:aws:iam::123456789012:role/x", "arn:aws:s3:::some-bucket-of-mine",
	"us-east-1_abc", "us-east-1:abc", "a@b", "say {####} again", "say {##here##} now", "cognito:default",
	"12345678-1234-4234-8234-123456789012", "import-1", "terms-of-use", "authenticated",
	"tknaaaaaaaaaaaaaaaaaaaaaaaaa", "Level1", "https://example.com/x", "arn:aws:secretsmanager:us-east-1:123456789012:secret/x",
}

func validString(s *shape) string {
	if s.Enum != nil {
		return s.Enum[0]
	}
	for _, sample := range samples {
		if s.Min != nil && int64(len(sample)) < *s.Min {
			continue
		}
		if s.Max != nil && int64(len(sample)) > *s.Max {
			sample = sample[:*s.Max]
		}
		if s.Pattern == nil || matches(*s.Pattern, sample) {
			return sample
		}
	}
	panic("no sample for " + fmt.Sprint(*s.Pattern))
}

// drop, as a value, leaves a member out.
type drop struct{}

// rename, as a value, gives an entry of a map another key.
type rename string

// replaced returns body, in JSON, with another value at a place.
func replaced(t *testing.T, body any, path []any, value any) []byte {
	t.Helper()
	if len(path) == 0 {
		body = value
	} else {
		defer replace(body, path, value)()
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// replace puts value at a place in body, and returns what undoes that.
func replace(body any, path []any, value any) (undo func()) {
	if list, ok := body.([]any); ok {
		at := path[0].(int)
		if len(path) > 1 {
			return replace(list[at], path[1:], value)
		}
		old := list[at]
		list[at] = value
		return func() { list[at] = old }
	}
	m, at := body.(map[string]any), path[0].(string)
	if len(path) > 1 {
		return replace(m[at], path[1:], value)
	}
	old := m[at]
	switch v := value.(type) {
	case drop:
		delete(m, at)
	case rename:
		delete(m, at)
		m[string(v)] = old
		return func() {
			delete(m, string(v))
			m[at] = old
		}
	default:
		m[at] = value
	}
	return func() { m[at] = old }
}
