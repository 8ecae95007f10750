package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What the models do not say, or say wrongly: who calls an operation, statuses,
// the order of enumerations in messages, and constraints of the live service that
// differ. The facts are kept by hand in facts.json, each correction with its
// evidence. apply changes the model before anything is generated, check refuses
// facts about what the model does not have. Both fail on a fact that has become
// superfluous.

// facts are what the models do not say, kept by hand in facts.json.
type facts struct {
	Package         string
	ValidationError string
	// Callers says who calls each operation.
	Callers map[string][]string
	// Statuses are those of errors that are not answered with 400; 500 follows from the model.
	Statuses map[string]int
	// EnumOrder is the order in which messages list the values of an enum,
	// where an answer of the service was recorded.
	EnumOrder map[string][]string
	// EnumValues are values that the live service takes and the model lacks.
	EnumValues map[string]struct {
		Values   []string
		Evidence string
	}
	// Names are what the live service calls members in its messages, by
	// structure and member, where it is not the model's name.
	Names map[string]struct{ Name, Evidence string }
	// Patterns are those of the live service, where they differ from the model's.
	Patterns map[string]struct{ Pattern, Evidence string }
	// MaxBody is the longest request of operations for which the service documents one.
	MaxBody map[string]int64
}

// callers are the names that package wire has for callers.
var callers = map[string]string{
	"SigV4":                   "Operator",
	"public client":           "PublicClient",
	"access token":            "AccessToken",
	"access token or Session": "TokenOrSession",
	"public (Logins)":         "Logins",
	"client, signed or not":   "AnyClient",
}

// readFacts returns the facts about one service. Unknown fields are errors.
func readFacts(b []byte, service string) (*facts, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var all map[string]*facts
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("read the facts: %w", err)
	}
	if all[service] == nil {
		return nil, fmt.Errorf("no facts about %s", service)
	}
	return all[service], nil
}

// apply corrects the model where the live service is known to differ. Each
// correction has its evidence, and is an error once the model agrees with it.
func (f *facts) apply(m *model) error {
	for name, add := range f.EnumValues {
		s := m.Shapes[name]
		if s == nil || s.Enum == nil || add.Evidence == "" {
			return fmt.Errorf("values are added to %s, which is no enum, or without evidence", name)
		}
		for _, v := range add.Values {
			if slices.Contains(s.Enum, v) {
				return fmt.Errorf("the value %s is added to %s, which has it", v, name)
			}
		}
		s.Enum = append(s.Enum, add.Values...)
	}
	for path, n := range f.Names {
		structure, member, _ := strings.Cut(path, ".")
		if !m.has(structure, member) || n.Name == "" || n.Name == member || n.Evidence == "" {
			return fmt.Errorf("a name is given for %s, which is no member, is called so or is without evidence", path)
		}
	}
	for name, p := range f.Patterns {
		s := m.Shapes[name]
		if s == nil || s.Type != "string" || p.Evidence == "" {
			return fmt.Errorf("a pattern is given for %s, which is no string, or without evidence", name)
		}
		if s.Pattern != nil && *s.Pattern == p.Pattern {
			return fmt.Errorf("the pattern given for %s is the one of the model", name)
		}
		s.Pattern = new(p.Pattern)
	}
	return nil
}

// check holds the facts against the model.
func (f *facts) check(m *model) error {
	named := map[string]string{}
	for caller, operations := range f.Callers {
		if callers[caller] == "" {
			return fmt.Errorf("caller %q is not understood", caller)
		}
		for _, op := range operations {
			if named[op] != "" {
				return fmt.Errorf("operation %s has two callers", op)
			}
			named[op] = caller
		}
	}
	if a, b := slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(m.Operations)); !slices.Equal(a, b) {
		return fmt.Errorf("callers are named for %d operations, of which the model has %d", len(a), len(b))
	}
	for name, op := range m.Operations {
		if signed := named[name] == "SigV4" || named[name] == "client, signed or not"; signed == (op.AuthType == "none") {
			return fmt.Errorf("operation %s: the caller is %s, but authtype is %q", name, named[name], op.AuthType)
		}
	}
	for name := range f.Statuses {
		if m.Shapes[name] == nil || !m.Shapes[name].Exception {
			return fmt.Errorf("a status is given for %s, which is no exception", name)
		}
	}
	for name, order := range f.EnumOrder {
		if m.Shapes[name] == nil || !slices.Equal(slices.Sorted(slices.Values(order)), slices.Sorted(slices.Values(m.Shapes[name].Enum))) {
			return fmt.Errorf("the order given for %s has other values than the model", name)
		}
	}
	for name := range f.MaxBody {
		if m.Operations[name] == nil {
			return fmt.Errorf("a longest request is given for %s, which is no operation", name)
		}
	}
	return nil
}

// said is what messages call a member of a structure.
func (f *facts) said(structure, member string) string {
	return cmp.Or(f.Names[structure+"."+member].Name, member)
}

// caller is the constant of package wire for who calls an operation; check has
// made sure that there is one.
func (f *facts) caller(op string) string {
	for caller, operations := range f.Callers {
		if slices.Contains(operations, op) {
			return callers[caller]
		}
	}
	return ""
}
