package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// The generated Validate methods and the rules they refer to. The service checks
// the constraints of the model before anything else, and reports all that are
// broken in one message. A method has a line for each member with a constraint.
// The rule itself is data (wire.StringRule and so on) in a variable of its own,
// because many members share a shape.

// validators writes how requests are held against the model. A request gets the
// method even if nothing is to be checked, since wire.Request demands it; other
// structures get it only if they need it.
func (g *generator) validators() error {
	g.use("wire")
	requests := map[string]bool{}
	for _, op := range g.Operations {
		requests[op.Input.Shape] = true
	}
	for _, name := range g.structures(g.in) {
		if !requests[name] && !g.constrained(name) {
			continue
		}
		g.printf("// Validate holds x against the model.\nfunc (x *%s) Validate(v *wire.Validator) {\n", name)
		s := g.Shapes[name]
		for _, m := range s.Members {
			if err := g.check(m, g.facts.said(name, m.name), slices.Contains(s.Required, m.name), s.Sensitive); err != nil {
				return fmt.Errorf("shape %s: %w", name, err)
			}
		}
		g.printf("}\n\n")
	}
	return nil
}

// constrained reports whether a structure or anything in it has a constraint. The
// answers are kept, because shapes occur many times; no shape contains itself
// (reach fails then), so the recursion ends.
func (g *generator) constrained(name string) bool {
	if known, ok := g.checks[name]; ok {
		return known
	}
	s := g.Shapes[name]
	has := len(s.Required) > 0 || s.Min != nil || s.Max != nil || s.Pattern != nil || s.Enum != nil
	for _, r := range s.refs() {
		has = has || g.constrained(r.Shape)
	}
	g.checks[name] = has
	return has
}

// check writes the check of one member, which messages call said. A member without
// constraints that must be there is only checked for that; a structure is entered,
// so that messages have the path to the member; anything else has a rule.
func (g *generator) check(m member, said string, required, hidden bool) error {
	s := g.Shapes[m.Shape]
	need := "wire.Optional"
	if required {
		need = "wire.Required"
	}
	if !g.constrained(m.Shape) {
		if required {
			g.printf("v.Present(%q, x.%s != nil)\n", said, m.field())
		}
		return nil
	}
	if s.Type == "structure" {
		g.printf("if v.Enter(%q, x.%s != nil, %s) {\nx.%s.Validate(v)\nv.Leave()\n}\n", said, m.field(), need, m.field())
		return nil
	}
	function, rule, err := g.rule(m.Shape, hidden)
	if err != nil {
		return err
	}
	g.printf("wire.%s(v, %q, x.%s, %s, &%s)\n", function, said, m.field(), need, rule)
	return nil
}

// rule notes the rule for a shape and returns its name and the function of the
// runtime that applies it.
func (g *generator) rule(name string, hidden bool) (function, rule string, err error) {
	s := g.Shapes[name]
	switch s.Type {
	case "string":
		rule, err = g.stringRule(name, hidden)
		return "CheckString", rule, err
	case "integer", "long":
		least, most := int64(math.MinInt64), int64(math.MaxInt64)
		if s.Min != nil {
			least = *s.Min
		}
		if s.Max != nil {
			most = *s.Max
		}
		return "CheckInt", g.note(name, fmt.Sprintf("wire.NumberRule{Min: %d, Max: %d}", least, most)), nil
	case "blob":
		return "CheckBlob", g.note(name, literal("wire.BlobRule", g.limits(s))), nil
	case "list":
		return g.listRule(name)
	case "map":
		return g.mapRule(name)
	}
	return "", "", fmt.Errorf("a constraint on a %s is not understood", s.Type)
}

// note keeps the literal of a rule, and returns the name of its variable.
func (g *generator) note(name, literal string) string {
	g.rules["rule"+name] = literal
	return "rule" + name
}

// literal is a composite literal of Go.
func literal(typ string, fields []string) string {
	return typ + "{" + strings.Join(fields, ", ") + "}"
}

// limits are the fields Min and Max of a rule. A limit that says nothing is left
// out.
func (g *generator) limits(s *shape) []string {
	var fields []string
	if s.Min != nil && *s.Min > 0 {
		fields = append(fields, fmt.Sprintf("Min: %d", *s.Min))
	}
	if s.Max != nil {
		fields = append(fields, fmt.Sprintf("Max: %d", *s.Max))
	}
	return fields
}

// stringRule notes the rule for a string. A shape that is sensitive only because
// of the structure around it needs a second rule, with another name, that hides
// the value. The values of an enumeration have the order of the service's messages
// where it was recorded.
func (g *generator) stringRule(name string, hidden bool) (string, error) {
	s := g.Shapes[name]
	fields := g.limits(s)
	if s.Pattern != nil {
		p, err := g.pattern(name, *s.Pattern)
		if err != nil {
			return "", err
		}
		fields = append(fields, "Pattern: &"+p)
	}
	if s.Enum != nil {
		values := s.Enum
		if order := g.facts.EnumOrder[name]; order != nil {
			values = order
		}
		fields = append(fields, fmt.Sprintf("Enum: %#v", values))
	}
	if s.Sensitive || hidden {
		fields = append(fields, "Sensitive: true")
		if !s.Sensitive {
			name += "Hidden"
		}
	}
	return g.note(name, literal("wire.StringRule", fields)), nil
}

// pattern notes a pattern and returns the name of its variable. Shapes of one
// pattern share it.
func (g *generator) pattern(name, text string) (string, error) {
	if known := g.patterns[text]; known != "" {
		return known, nil
	}
	p, err := parsePattern(text)
	if err != nil {
		return "", err
	}
	variable := "pattern" + name
	g.patterns[text], g.literals[variable] = variable, p.source(text)
	return variable, nil
}

// listRule notes the rule for a list. The service words broken items of a list of
// strings as a property of the list, so their rule is a part of this one;
// structures have messages with a path of their own.
func (g *generator) listRule(name string) (function, rule string, err error) {
	s := g.Shapes[name]
	fields := g.limits(s)
	function = "CheckStructs"
	item := s.Member.Shape
	if g.Shapes[item].Type == "string" {
		function = "CheckStrings"
		f, err := g.element("Item", item, false)
		if err != nil {
			return "", "", err
		}
		fields = append(fields, f...)
		if g.Shapes[item].Sensitive {
			fields = append(fields, "Sensitive: true")
		}
	} else if !g.constrained(item) {
		return "", "", fmt.Errorf("list %s: structures without constraints in a list with some are not understood", name)
	}
	return function, g.note(name, literal("wire.ListRule", fields)), nil
}

// mapRule notes the rule for a map, see listRule. Messages repeat the whole map,
// so one sensitive part makes all of it sensitive.
func (g *generator) mapRule(name string) (function, rule string, err error) {
	s := g.Shapes[name]
	fields := g.limits(s)
	key, err := g.element("Key", s.Key.Shape, s.Sensitive)
	if err != nil {
		return "", "", err
	}
	fields = append(fields, key...)
	value := g.Shapes[s.Value.Shape]
	function = "CheckStructMap"
	if value.Type == "string" {
		function = "CheckMap"
		f, err := g.element("Value", s.Value.Shape, s.Sensitive)
		if err != nil {
			return "", "", err
		}
		fields = append(fields, f...)
	} else if !g.constrained(s.Value.Shape) {
		return "", "", fmt.Errorf("map %s: structures without constraints in a map with some are not understood", name)
	}
	if s.Sensitive || value.Sensitive || g.Shapes[s.Key.Shape].Sensitive {
		fields = append(fields, "Sensitive: true")
	}
	return function, g.note(name, literal("wire.MapRule", fields)), nil
}

// element returns the field of a rule that refers to the rule of an element,
// if that has one.
func (g *generator) element(field, name string, hidden bool) ([]string, error) {
	if !g.constrained(name) {
		return nil, nil
	}
	rule, err := g.stringRule(name, hidden)
	return []string{field + ": &" + rule}, err
}

// ruleTables writes the rules and patterns that were noted.
func (g *generator) ruleTables() error {
	g.use("wire")
	for _, table := range []map[string]string{g.literals, g.rules} {
		g.printf("var (\n")
		for _, name := range slices.Sorted(maps.Keys(table)) {
			g.printf("%s = %s\n", name, table[name])
		}
		g.printf(")\n\n")
	}
	return nil
}
