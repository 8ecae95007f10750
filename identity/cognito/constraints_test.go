package cognito_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cognate-id/cognate/identity/cognito"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// A place is one in the requests of an operation.
type place struct {
	shape     string
	path      string // as messages have it
	what      string // what messages say before a constraint: nothing of a member
	required  bool
	sensitive bool
	put       func(value any) any // a request that has the value there
}

// absent, as a value, leaves a member out.
type absent struct{}

// A brokenRule is a value that breaks one constraint, and what the service says of it.
type brokenRule struct {
	value any
	text  string
}

// said are members that messages call otherwise.
var said = map[string]string{"AdminCreateUserConfigType.InviteMessageTemplate": "InviteMessage"}

var acronym, capitals = regexp.MustCompile(`^([A-Z]+)([A-Z][a-z].*)$`), regexp.MustCompile(`^[A-Z]*`)

// inPath is a name as paths have it.
func inPath(name string) string {
	if words := acronym.FindStringSubmatch(name); words != nil {
		return strings.ToLower(words[1]) + words[2]
	}
	return capitals.ReplaceAllStringFunc(name, strings.ToLower)
}

// places visits all places in requests of a shape. The requests have nothing
// else but what is required.
func (m *model) places(at place, visit func(place)) {
	visit(at)
	s := m.Shapes[at.shape]
	inner := place{path: at.path, sensitive: at.sensitive || s.Sensitive}
	switch s.Type {
	case "structure":
		for _, name := range slices.Sorted(maps.Keys(s.Members)) {
			next := inner
			next.shape, next.required = s.Members[name].Shape, slices.Contains(s.Required, name)
			next.path = strings.TrimPrefix(at.path+"."+inPath(cmp.Or(said[at.shape+"."+name], name)), ".")
			next.put = func(v any) any { return at.put(m.member(at.shape, name, v)) }
			m.places(next, visit)
		}
	case "list":
		inner.shape, inner.what = s.Member.Shape, "Member must satisfy constraint: ["
		if m.Shapes[inner.shape].Type == "structure" {
			inner.path, inner.what = at.path+".1.member", ""
		}
		inner.put = func(v any) any {
			items := m.filled(at.shape).(list)
			return at.put(append(list{v}, items[1:]...))
		}
		m.places(inner, visit)
	case "map":
		inner.sensitive = inner.sensitive || m.Shapes[s.Value.Shape].Sensitive
		key, value := inner, inner
		key.shape, key.what = s.Key.Shape, "Map keys must satisfy constraint: ["
		key.put = func(v any) any { return at.put(obj{v.(string): m.filled(s.Value.Shape)}) }
		value.shape, value.what = s.Value.Shape, "Map value must satisfy constraint: ["
		if m.Shapes[value.shape].Type == "structure" {
			key := m.filled(s.Key.Shape).(string)
			value.path, value.what = at.path+"."+inPath(key)+".member", ""
		}
		value.put = func(v any) any { return at.put(obj{m.filled(s.Key.Shape).(string): v}) }
		m.places(key, visit)
		m.places(value, visit)
	}
}

// member is a structure with what is required and one member more.
func (m *model) member(shape, name string, value any) obj {
	out := m.filled(shape).(obj)
	out[name] = value
	if value == (absent{}) {
		delete(out, name)
	}
	return out
}

// filled is a value of a shape that breaks nothing and has what is required.
func (m *model) filled(shape string) any {
	s := m.Shapes[shape]
	switch s.Type {
	case "structure":
		out := obj{}
		for _, name := range s.Required {
			out[name] = m.filled(s.Members[name].Shape)
		}
		return out
	case "list":
		return slices.Repeat(list{m.filled(s.Member.Shape)}, int(max(bound(s.Min), 1)))
	case "map":
		return obj{m.filled(s.Key.Shape).(string): m.filled(s.Value.Shape)}
	case "boolean":
		return true
	case "integer", "long":
		return bound(s.Min)
	case "string":
		return s.sample()
	}
	panic("no value of " + s.Type)
}

func bound(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// sampleTexts match the patterns of the model, one or the other.
var sampleTexts = []string{"aaaaaaaaaaaaaaaaaaaaaaaa", "111111", "arn:aws:iam::123456789012:role/x", "us-east-1_abc", "a@b", "say {####} again", "say {##here##} now", "Level1", "import-aaa", "https://example.com/x", "terms-of-use", "cognito:default", "00000000-0000-4000-8000-000000000000", "tkn0000000000000000000000000", "us-east-1:aaaaaaaa-0000", "authenticated"}

func (s modelShape) sample() string {
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	for _, text := range sampleTexts {
		if s.Max != nil {
			text = text[:min(int64(len(text)), *s.Max)]
		}
		if int64(len(text)) >= bound(s.Min) && s.matches(text) {
			return text
		}
	}
	panic("no sample of " + s.Pattern)
}

func (s modelShape) matches(text string) bool {
	return s.Pattern == "" || compiled(`\A(?:`+s.Pattern+`)\z`).MatchString(text)
}

// patterns are the regular expressions that were compiled, by their text.
var patterns sync.Map

// compiled compiles a regular expression once.
func compiled(text string) *regexp.Regexp {
	if known, ok := patterns.Load(text); ok {
		return known.(*regexp.Regexp)
	}
	re := regexp.MustCompile(text)
	patterns.Store(text, re)
	return re
}

// broken lists a value for each constraint of a place that breaks it.
func (m *model) broken(at place) []brokenRule {
	s := m.Shapes[at.shape]
	sizes, unit := m.sized(at.shape), "length"
	if s.Type == "integer" || s.Type == "long" {
		sizes, unit = func(n int64) any { return n }, "value"
	}
	var out []brokenRule
	if s.Max != nil {
		out = append(out, brokenRule{sizes(*s.Max + 1), fmt.Sprintf("Member must have %s less than or equal to %d", unit, *s.Max)})
	}
	if s.Min != nil && (*s.Min > 0 || unit == "value") {
		out = append(out, brokenRule{sizes(*s.Min - 1), fmt.Sprintf("Member must have %s greater than or equal to %d", unit, *s.Min)})
	}
	if s.constrains() {
		out = append(out, brokenRule{s.mismatch(), "Member must satisfy regular expression pattern: " + s.Pattern})
	}
	if len(s.Enum) > 0 {
		out = append(out, brokenRule{"NO_SUCH_VALUE", "Member must satisfy enum value set: ["})
	}
	if at.required {
		out = append(out, brokenRule{absent{}, "Member must not be null"}, brokenRule{nil, "Member must not be null"})
	}
	return out
}

// constrains reports whether there is text that the pattern does not allow.
func (s modelShape) constrains() bool { return s.Pattern != "" && s.Pattern != "(?s).*" }

// mismatch is a text of allowed length that the pattern does not allow.
func (s modelShape) mismatch() string {
	for _, c := range []string{" ", "\u200b", "é", "a", "\x7f"} {
		if text := strings.Repeat(c, int(max(bound(s.Min), 1))); !s.matches(text) {
			return text
		}
	}
	panic("everything matches " + s.Pattern)
}

// sized makes values of a shape of any size.
func (m *model) sized(shape string) func(n int64) any {
	s := m.Shapes[shape]
	switch s.Type {
	case "list":
		return func(n int64) any { return slices.Repeat(list{m.filled(s.Member.Shape)}, int(n)) }
	case "map":
		return func(n int64) any {
			out := obj{}
			for i := range n {
				out[fmt.Sprint("k", i)] = m.filled(s.Value.Shape)
			}
			return out
		}
	}
	if s.Type == "blob" {
		return func(n int64) any { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	}
	return func(n int64) any { return strings.Repeat("a", int(n)) }
}

// constraints counts those of a shape, and of all that is in it, by reading
// the model alone. One that is required can be missing in two ways.
func (m *model) constraints(shape string) int {
	s := m.Shapes[shape]
	n := 2 * len(s.Required)
	for _, there := range []bool{
		s.Max != nil, s.Min != nil && (*s.Min > 0 || s.Type == "integer" || s.Type == "long"), s.constrains(), len(s.Enum) > 0,
	} {
		if there {
			n++
		}
	}
	for _, member := range s.Members {
		n += m.constraints(member.Shape)
	}
	for _, inner := range []string{s.Member.Shape, s.Key.Shape, s.Value.Shape} {
		if inner != "" {
			n += m.constraints(inner)
		}
	}
	return n
}

// wantBroken checks that a request which breaks one constraint is refused in
// the words of that constraint.
func wantBroken(t *testing.T, exception string, at place, rule brokenRule, a *answer) {
	t.Helper()
	value := "Value "
	switch v := rule.value.(type) {
	case absent, nil:
		value = "Value null "
	case string:
		if at.what == "" && !at.sensitive && len(v) < 100 {
			value = "Value '" + v + "' "
		}
	case int64:
		value = fmt.Sprintf("Value '%d' ", v)
	}
	message, _ := a.body["message"].(string)
	_, entries, _ := strings.Cut(message, " detected: ")
	want := "at '" + at.path + "' failed to satisfy constraint: " + at.what
	if a.status != 400 || a.body["__type"] != exception || !strings.HasPrefix(entries, value) ||
		!strings.Contains(entries, want) || !strings.Contains(entries, rule.text) {
		t.Errorf("%s: %d %.400s\nwant %s%s%s", a.op, a.status, a.raw, value, want, rule.text)
	}
}

// Each constraint that the model puts on a request of a served operation is
// broken once, through the front door, and answered in its own words. The short
// tier breaks each seventh.
func TestConstraintsOfServedOperations(t *testing.T) {
	breakConstraints(t, readModel(t), cognito.Services()[0], "", "InvalidParameterException", 63, 1000)
}

// breakConstraints breaks each constraint of the operations of a service, whose targets have a prefix.
func breakConstraints(t *testing.T, m *model, service *wire.Service, prefix, exception string, fewest, least int) {
	t.Helper()
	s := newServer(t)
	operations, total := 0, 0
	for _, op := range service.Operations {
		if !op.Served() {
			continue
		}
		shape, count := m.Operations[op.Name].Input.Shape, 0
		m.places(place{shape: shape, put: func(v any) any { return v }}, func(at place) {
			at.sensitive = at.sensitive || m.Shapes[at.shape].Sensitive
			for _, rule := range m.broken(at) {
				if count++; testing.Short() && (total+count)%19 != 0 {
					continue
				}
				wantBroken(t, exception, at, rule, s.call(prefix+op.Name, at.put(rule.value)))
			}
		})
		if want := m.constraints(shape); count != want || want == 0 {
			t.Errorf("%s: %d constraints were broken, and its model has %d", op.Name, count, want)
		}
		operations, total = operations+1, total+count
		t.Logf("%s: %d", op.Name, count)
	}
	if operations < fewest || total < least {
		t.Errorf("%d constraints of %d operations, want more", total, operations)
	}
	t.Logf("%d constraints of %d operations", total, operations)
}
