package settings

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AttributeType is the type of an attribute's value; values are kept as strings.
type AttributeType string

// The types.
const (
	TypeString   AttributeType = "String"
	TypeNumber   AttributeType = "Number"
	TypeDateTime AttributeType = "DateTime"
	TypeBoolean  AttributeType = "Boolean"
)

// An Attribute is an attribute that the users of a pool may have.
type Attribute struct {
	Name          string        `json:"name"`                    // a standard name, or custom:… or dev:custom:…
	Type          AttributeType `json:"type"`                    // of the values
	Mutable       bool          `json:"mutable,omitempty"`       // it can be changed once it is set
	Required      bool          `json:"required,omitempty"`      // users must have it from sign-up on
	DeveloperOnly bool          `json:"developerOnly,omitempty"` // only operators read and write it
	Bounds        *Bounds       `json:"bounds,omitempty"`        // of a string or a number; nil means not given
}

// Bounds limit the length of a string, in characters, or the value of a number.
// They are decimal text, and inclusive. Nil means no bound.
type Bounds struct {
	Min *string `json:"min,omitempty"` // the least length or number
	Max *string `json:"max,omitempty"` // the greatest; for strings 2048 at most, which nil means too
}

// bounds are the bounds of the attribute, without any where none were given.
func (a Attribute) bounds() Bounds {
	if a.Bounds == nil {
		return Bounds{}
	}
	return *a.Bounds
}

// StandardSchema returns the attributes that every pool has, in the order in
// which the service shows them.
func StandardSchema() []Attribute {
	text := func(name string) Attribute {
		return Attribute{Name: name, Type: TypeString, Mutable: true, Bounds: &Bounds{Min: ptr("0"), Max: ptr("2048")}}
	}
	flag := func(name string) Attribute {
		return Attribute{Name: name, Type: TypeBoolean, Mutable: true}
	}
	birthdate, sub := text("birthdate"), text("sub")
	birthdate.Bounds.Min, birthdate.Bounds.Max = ptr("10"), ptr("10")
	sub.Bounds.Min, sub.Mutable, sub.Required = ptr("1"), false, true
	return []Attribute{
		text("profile"), text("address"), birthdate, text("gender"), text("preferred_username"),
		{Name: "updated_at", Type: TypeNumber, Mutable: true, Bounds: &Bounds{Min: ptr("0")}},
		text("website"), text("picture"),
		{Name: "identities", Type: TypeString, Mutable: true, Bounds: &Bounds{}},
		sub, text("phone_number"), flag("phone_number_verified"), text("zoneinfo"), text("locale"),
		text("email"), flag("email_verified"), text("given_name"), text("family_name"),
		text("middle_name"), text("name"), text("nickname"),
	}
}

var standardSchema = StandardSchema()

// Attributes is the pool's schema.
func (s *Pool) Attributes() []Attribute {
	if s.Schema == nil {
		return standardSchema
	}
	return s.Schema
}

// Attribute finds an attribute of the schema by its name.
func (s *Pool) Attribute(name string) (Attribute, bool) {
	schema := s.Attributes()
	i := slices.IndexFunc(schema, func(a Attribute) bool { return a.Name == name })
	if i < 0 {
		return Attribute{}, false
	}
	return schema[i], true
}

// Reserved attributes are set by the engine alone, never by a request.
func Reserved(name string) bool { return name == "sub" || name == "identities" }

// Problems returns what is wrong with attributes of a user, in the order of their names.
func (s *Pool) Problems(attributes map[string]string) []AttributeProblem {
	var problems []AttributeProblem
	for _, name := range sortedKeys(attributes) {
		if p := s.Problem(name, attributes[name]); p != nil {
			problems = append(problems, *p)
		}
	}
	return problems
}

// Problem returns what is wrong with one attribute of a user, or nil.
func (s *Pool) Problem(name, value string) *AttributeProblem {
	a, ok := s.Attribute(name)
	var code Code
	var limit int
	switch {
	case !ok || Reserved(name):
		code = AttributeUnknown
	case name == "preferred_username" && s.isAliasAddress(value):
		code = AttributeIsAddress
	default:
		code, limit = a.problem(value)
	}
	if code == "" {
		return nil
	}
	return &AttributeProblem{name, code, limit}
}

// problem returns the rule that a value breaks, with its limit, or "".
func (a Attribute) problem(value string) (Code, int) {
	switch a.Type {
	case TypeString:
		return stringProblem(a, value)
	case TypeNumber:
		return numberProblem(a, value)
	case TypeBoolean:
		if value != "true" && value != "false" {
			return NotBoolean, 0
		}
		return "", 0
	case TypeDateTime:
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return NotDateTime, 0
		}
		return "", 0
	default:
		return TypeUnknown, 0
	}
}

// isAliasAddress reports whether a preferred username would sign its user in by
// an address, which may be another's, that was never verified.
func (s *Pool) isAliasAddress(value string) bool {
	shape := NameShape(value)
	return shape != "" && slices.Contains(s.Aliases, shape) && slices.Contains(s.Aliases, "preferred_username")
}

// longestString is the length of the longest value of a string, in characters.
const longestString = 2048

func stringProblem(a Attribute, value string) (Code, int) {
	n := utf8.RuneCountInString(value)
	most, ok := bound(a.bounds().Max)
	if !ok {
		most = longestString
	}
	if n > most {
		return TooLong, most
	}
	if least, ok := bound(a.bounds().Min); ok && n < least {
		return TooShort, least
	}
	if strings.IndexByte(value, 0) >= 0 || !utf8.ValidString(value) {
		return NotText, 0
	}
	return "", 0
}

func numberProblem(a Attribute, value string) (Code, int) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return NotNumber, 0
	}
	if most, ok := bound(a.bounds().Max); ok && n > int64(most) {
		return TooGreat, most
	}
	if least, ok := bound(a.bounds().Min); ok && n < int64(least) {
		return TooSmall, least
	}
	return "", 0
}

// bound reads a bound of the schema; they were checked when the pool was made.
func bound(text *string) (int, bool) {
	if text == nil {
		return 0, false
	}
	n, err := strconv.Atoi(*text)
	return n, err == nil
}

// Writable reports whether a client may write an attribute on a user's behalf.
func (s *Pool) Writable(c *Client, name string) bool {
	if Reserved(name) || name == "email_verified" || name == "phone_number_verified" || strings.HasPrefix(name, "dev:") {
		return false
	}
	if c.WriteAttributes == nil || slices.Contains(c.WriteAttributes, name) {
		return true
	}
	a, ok := s.Attribute(name)
	return ok && a.Required
}

// Readable reports whether a client may see an attribute.
func (s *Pool) Readable(c *Client, name string) bool {
	if name == "sub" {
		return true
	}
	if c.ReadAttributes == nil {
		return !strings.HasPrefix(name, "dev:")
	}
	return slices.Contains(c.ReadAttributes, name)
}
