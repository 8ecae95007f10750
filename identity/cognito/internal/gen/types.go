package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// The generated types. Every member is a pointer, a slice or a map, so that absent
// and zero are different. Strings that the model marks as sensitive are
// wire.Secret, which prints as [redacted]. Enumerations are types of their own
// with a constant for each value.

// types writes the structures.
func (g *generator) types() error {
	for _, name := range g.structures(g.in, g.out) {
		g.printf("// %s is %s.\n", name, g.about(name))
		g.printf("type %s struct {\n", name)
		s := g.Shapes[name]
		for _, m := range s.Members {
			if !token(m.field()) {
				return fmt.Errorf("shape %s: a member named %q is not understood", name, m.name)
			}
			if m.Deprecated {
				g.printf("// Deprecated: %s\n", m.DeprecatedMessage)
			}
			tag := ",omitzero"
			if m.field() != m.name {
				tag = m.name + tag
			}
			g.printf("%s %s `json:%q`\n", m.field(), g.fieldType(m.Shape, s.Sensitive), tag)
		}
		g.printf("}\n\n")
	}
	return nil
}

// field is the name of the field that holds a member.
func (m member) field() string { return strings.ToUpper(m.name[:1]) + m.name[1:] }

// about says what a structure is for.
func (g *generator) about(name string) string {
	if role := g.roles[name]; role != "" {
		return role
	}
	return "a structure of the model"
}

// token reports whether name can be an exported name of Go.
func token(name string) bool {
	return unicode.IsUpper(rune(name[0])) && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// fieldType is the type of a field that holds a shape. hidden says that the
// structure it is in is sensitive.
func (g *generator) fieldType(name string, hidden bool) string {
	s := g.Shapes[name]
	switch s.Type {
	case "list":
		return "[]" + g.valueType(s.Member.Shape, false)
	case "map":
		return "map[string]" + g.valueType(s.Value.Shape, s.Sensitive)
	case "blob":
		return "[]byte"
	}
	if s.Document {
		return g.valueType(name, hidden)
	}
	return "*" + g.valueType(name, hidden)
}

// valueType is the type of a value of a shape. Enumerations come first: a
// sensitive string with an enumeration is refused by checkInput.
func (g *generator) valueType(name string, hidden bool) string {
	s := g.Shapes[name]
	switch {
	case s.Enum != nil:
		return name
	case s.Type == "string" && (s.Sensitive || hidden):
		g.use("wire")
		return "wire.Secret"
	case s.Document:
		g.use("encoding/json")
		return "json.RawMessage"
	}
	switch s.Type {
	case "boolean":
		return "bool"
	case "integer":
		return "int32"
	case "long":
		return "int64"
	case "timestamp":
		g.use("wire")
		return "wire.Time"
	case "string":
		return "string"
	}
	return name
}

// enums writes the enumerations that requests or answers reach. Two values that
// would have one constant make it fail.
func (g *generator) enums() error {
	for _, name := range slices.Sorted(maps.Keys(g.Shapes)) {
		s := g.Shapes[name]
		if s.Enum == nil || !g.in[name] && !g.out[name] {
			continue
		}
		g.printf("// %s is an enumeration of the model.\ntype %s string\n\n", name, name)
		g.printf("// The values of %s.\nconst (\n", name)
		seen := map[string]bool{}
		for _, value := range s.Enum {
			constant := name + camel(value)
			if seen[constant] || !token(constant) {
				return fmt.Errorf("shape %s: the value %q is not understood", name, value)
			}
			seen[constant] = true
			g.printf("%s %s = %q\n", constant, name, value)
		}
		g.printf(")\n\n")
	}
	return nil
}

// camel turns USER_SRP_AUTH into UserSrpAuth, and leaves NoRisk as it is.
func camel(value string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '_' || r == '-' }) {
		if word == strings.ToUpper(word) {
			word = strings.ToLower(word)
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
