package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The service model as it is read from its file. Reading is strict: an unknown
// field, a trait on a type where its meaning is unknown, and a reference to a
// shape that is not there are errors. So a new version of the model cannot bring a
// constraint that is silently passed over; whoever updates it sees what to teach
// the generator.

// A model is a service model as botocore keeps it, without its prose.
type model struct {
	Version    string
	Metadata   map[string]any
	Operations map[string]*operation
	Shapes     map[string]*shape
	Pagination json.RawMessage
}

// An operation is one operation of the model. Auth and ReadOnly are read because
// the strict reading demands it; AuthType says whether the operation is signed.
type operation struct {
	Name     string
	HTTP     struct{ Method, RequestURI string }
	Input    *ref
	Output   *ref
	Errors   []ref
	Auth     []string
	AuthType string
	ReadOnly bool // changes nothing on the wire
}

// A ref refers to a shape.
type ref struct {
	Shape string

	// Of members. None changes what is on the wire: every member is a
	// pointer here anyway.
	Box               bool
	Deprecated        bool
	DeprecatedMessage string
}

type member struct {
	name string
	ref
}

// members are the members of a structure, in the order of the model.
type members []member

// has reports whether a structure has a member.
func (m *model) has(structure, name string) bool {
	s := m.Shapes[structure]
	return s != nil && slices.ContainsFunc(s.Members, func(m member) bool { return m.name == name })
}

// A shape has one field for each trait that is understood. Any other makes the
// reading of the model fail.
type shape struct {
	Type      string
	Members   members
	Required  []string
	Exception bool
	Fault     bool
	Document  bool
	Sensitive bool
	Member    *ref // of a list
	Key       *ref // of a map
	Value     *ref
	Min, Max  *int64
	Pattern   *string
	Enum      []string
}

// traits lists, for each type, the traits that mean something on it.
var traits = map[string][]string{
	"structure": {"members", "required", "exception", "fault", "document", "sensitive"},
	"string":    {"sensitive", "min", "max", "pattern", "enum"},
	"list":      {"member", "min", "max"},
	"map":       {"key", "value", "min", "max", "sensitive"},
	"integer":   {"min", "max"},
	"long":      {"min", "max"},
	"blob":      {"min", "max"},
	"boolean":   {},
	"timestamp": {},
}

// UnmarshalJSON keeps the order of members, which encoding/json would lose.
func (m *members) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("members that are no object are not understood")
	}
	*m = members{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		next := member{name: name.(string)}
		if err := dec.Decode(&next.ref); err != nil {
			return fmt.Errorf("member %s: %w", next.name, err)
		}
		if next.name == "" {
			return fmt.Errorf("a member without a name is not understood")
		}
		*m = append(*m, next)
	}
	return nil
}

// readModel reads and checks a model.
func readModel(b []byte) (*model, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	m := &model{}
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("read the model: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Shapes)) {
		if err := m.checkShape(m.Shapes[name]); err != nil {
			return nil, fmt.Errorf("shape %s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Operations)) {
		if err := m.checkOperation(name, m.Operations[name]); err != nil {
			return nil, fmt.Errorf("operation %s: %w", name, err)
		}
	}
	return m, nil
}

// set lists the traits that are set on s.
func (s *shape) set() map[string]bool {
	return map[string]bool{
		"members": s.Members != nil, "required": s.Required != nil, "exception": s.Exception,
		"fault": s.Fault, "document": s.Document, "sensitive": s.Sensitive, "member": s.Member != nil,
		"key": s.Key != nil, "value": s.Value != nil, "min": s.Min != nil, "max": s.Max != nil,
		"pattern": s.Pattern != nil, "enum": s.Enum != nil,
	}
}

// checkShape fails on what the generator would pass over.
func (m *model) checkShape(s *shape) error {
	meant, ok := traits[s.Type]
	if !ok {
		return fmt.Errorf("type %q is not understood", s.Type)
	}
	for trait, set := range s.set() {
		if set && !slices.Contains(meant, trait) {
			return fmt.Errorf("trait %q is not understood on a %s", trait, s.Type)
		}
	}
	if s.Min != nil && *s.Min < 0 || s.Max != nil && *s.Max < 1 {
		return fmt.Errorf("a negative limit is not understood")
	}
	if s.Document && len(s.Members) > 0 {
		return fmt.Errorf("a document with members is not understood")
	}
	for _, r := range s.Required {
		if !slices.ContainsFunc(s.Members, func(m member) bool { return m.name == r }) {
			return fmt.Errorf("requires %s, which it does not have", r)
		}
	}
	for _, r := range s.refs() {
		if m.Shapes[r.Shape] == nil {
			return fmt.Errorf("refers to %s, which is not there", r.Shape)
		}
	}
	return m.checkElements(s)
}

// checkElements checks what a list or map is made of: the runtime has lists and
// maps of strings and of structures, and no others.
func (m *model) checkElements(s *shape) error {
	switch s.Type {
	case "list":
		if s.Member == nil || !slices.Contains([]string{"string", "structure"}, m.Shapes[s.Member.Shape].Type) {
			return fmt.Errorf("a list of anything but strings and structures is not understood")
		}
	case "map":
		if s.Key == nil || s.Value == nil || m.Shapes[s.Key.Shape].Type != "string" ||
			!slices.Contains([]string{"string", "structure"}, m.Shapes[s.Value.Shape].Type) {
			return fmt.Errorf("a map of anything but strings and structures is not understood")
		}
	}
	return nil
}

// refs lists the shapes that s refers to.
func (s *shape) refs() []ref {
	var list []ref
	for _, m := range s.Members {
		list = append(list, m.ref)
	}
	for _, r := range []*ref{s.Member, s.Key, s.Value} {
		if r != nil {
			list = append(list, *r)
		}
	}
	return list
}

// checkOperation fails on an operation that does not travel as POST / with a body.
func (m *model) checkOperation(name string, op *operation) error {
	switch {
	case op.Name != name:
		return fmt.Errorf("is named %q", op.Name)
	case op.HTTP.Method != "POST" || op.HTTP.RequestURI != "/":
		return fmt.Errorf("%s %s is not understood", op.HTTP.Method, op.HTTP.RequestURI)
	case op.AuthType != "" && op.AuthType != "none":
		return fmt.Errorf("authtype %q is not understood", op.AuthType)
	case op.Input == nil:
		return fmt.Errorf("an operation without input is not understood")
	}
	for _, r := range append([]ref{*op.Input}, op.Errors...) {
		if s := m.Shapes[r.Shape]; s == nil || s.Type != "structure" {
			return fmt.Errorf("refers to %s, which is no structure", r.Shape)
		}
	}
	if op.Output != nil && (m.Shapes[op.Output.Shape] == nil || m.Shapes[op.Output.Shape].Type != "structure") {
		return fmt.Errorf("refers to %s, which is no structure", op.Output.Shape)
	}
	return nil
}

// reach adds to set the shapes that can be reached from name. It fails on a
// shape that contains itself.
func (m *model) reach(name string, set map[string]bool, above []string) error {
	if slices.Contains(above, name) {
		return fmt.Errorf("shape %s contains itself, which is not understood", name)
	}
	set[name] = true
	for _, r := range m.Shapes[name].refs() {
		if err := m.reach(r.Shape, set, append(above, name)); err != nil {
			return err
		}
	}
	return nil
}
