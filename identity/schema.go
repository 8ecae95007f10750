package identity

import (
	"fmt"
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

// A SchemaAttribute is an attribute that the users of a pool may have.
type SchemaAttribute struct {
	Name          string        `json:"name"` // a standard name, or custom:… or dev:custom:…
	Type          AttributeType `json:"type"`
	Mutable       bool          `json:"mutable,omitempty"`
	Required      bool          `json:"required,omitempty"`
	DeveloperOnly bool          `json:"developerOnly,omitempty"`
	// Bounds on the length of a string or the value of a number, as decimal
	// text. Constrained tells that bounds were given, if only as an empty object.
	Constrained bool    `json:"constrained,omitempty"`
	Min         *string `json:"min,omitempty"`
	Max         *string `json:"max,omitempty"`
}

// StandardSchema returns the attributes that every pool has, in the order in
// which the service shows them.
func StandardSchema() []SchemaAttribute {
	text := func(name string) SchemaAttribute {
		return SchemaAttribute{Name: name, Type: TypeString, Mutable: true, Constrained: true, Min: ptr("0"), Max: ptr("2048")}
	}
	flag := func(name string) SchemaAttribute {
		return SchemaAttribute{Name: name, Type: TypeBoolean, Mutable: true}
	}
	birthdate, sub := text("birthdate"), text("sub")
	birthdate.Min, birthdate.Max = ptr("10"), ptr("10")
	sub.Min, sub.Mutable, sub.Required = ptr("1"), false, true
	return []SchemaAttribute{
		text("profile"), text("address"), birthdate, text("gender"), text("preferred_username"),
		{Name: "updated_at", Type: TypeNumber, Mutable: true, Constrained: true, Min: ptr("0")},
		text("website"), text("picture"),
		{Name: "identities", Type: TypeString, Mutable: true, Constrained: true},
		sub, text("phone_number"), flag("phone_number_verified"), text("zoneinfo"), text("locale"),
		text("email"), flag("email_verified"), text("given_name"), text("family_name"),
		text("middle_name"), text("name"), text("nickname"),
	}
}

var standardSchema = StandardSchema()

func ptr[T any](v T) *T { return &v }

// schema is the pool's schema.
func (s *PoolSettings) schema() []SchemaAttribute {
	if s.Schema == nil {
		return standardSchema
	}
	return s.Schema
}

// attribute finds an attribute of the schema by its name.
func (s *PoolSettings) attribute(name string) (SchemaAttribute, bool) {
	schema := s.schema()
	i := slices.IndexFunc(schema, func(a SchemaAttribute) bool { return a.Name == name })
	if i < 0 {
		return SchemaAttribute{}, false
	}
	return schema[i], true
}

// reserved attributes are set by the engine alone, never by a request.
func reserved(name string) bool { return name == "sub" || name == "identities" }

// checkNew checks the attributes of a user that is being made: each is in the
// schema and well-formed, and none that is required is missing.
func (s *PoolSettings) checkNew(attributes map[string]string) error {
	problems := s.problems(attributes)
	for _, a := range s.schema() {
		if a.Required && a.Name != "sub" && attributes[a.Name] == "" {
			problems = append(problems, AttributeProblem{a.Name, "The attribute is required"})
		}
	}
	if len(problems) > 0 {
		return nonconforming(problems...)
	}
	if err := checkSize(attributes); err != nil {
		return err
	}
	return checkFormats(attributes)
}

// checkInvited checks the attributes that an operator gives to a new user.
// What is required and missing the user gives with the first password.
func (s *PoolSettings) checkInvited(attributes map[string]string) error {
	if problems := s.problems(attributes); len(problems) > 0 {
		return nonconforming(problems...)
	}
	if err := checkSize(attributes); err != nil {
		return err
	}
	return checkFormats(attributes)
}

// longestTogether is how many bytes the attributes of a user may take in JSON,
// so that an ID token, which may have all of them, is not longer than [token.MaxLength].
const longestTogether = 26 << 10

// checkSize checks the size of all attributes that a user is about to have.
func checkSize(attributes map[string]string) error {
	n := 0
	for name, value := range attributes {
		n += len(quote(name)) + len(quote(value)) + len(`{"formatted":},:`)
	}
	if n > longestTogether {
		return invalid("attributes", "The attributes of a user are too long together.")
	}
	return nil
}

// problems says what is wrong with attributes, by name.
func (s *PoolSettings) problems(attributes map[string]string) []AttributeProblem {
	var problems []AttributeProblem
	for _, name := range sortedKeys(attributes) {
		if reason := s.problem(name, attributes[name]); reason != "" {
			problems = append(problems, AttributeProblem{name, reason})
		}
	}
	return problems
}

// problemOfType is what is wrong with any value of a type that nothing checks.
const problemOfType = "Attribute has a data type that is not handled"

// problem says what is wrong with one attribute, or "".
func (s *PoolSettings) problem(name, value string) string {
	a, ok := s.attribute(name)
	if !ok || reserved(name) {
		return "Attribute does not exist in the schema."
	}
	if name == "preferred_username" && s.isAliasAddress(value) {
		return "Attribute cannot be of email or phone number format, since user pool is configured for such aliases."
	}
	switch a.Type {
	case TypeNumber:
		return numberProblem(a, value)
	case TypeBoolean:
		if value != "true" && value != "false" {
			return "Attribute value must be true or false"
		}
	case TypeDateTime:
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return "Attribute value must be a date and time"
		}
	case TypeString:
		return stringProblem(a, value)
	default:
		return problemOfType
	}
	return ""
}

// isAliasAddress tells whether a preferred username would sign its user in by
// an address, which may be another's, that was never verified.
func (s *PoolSettings) isAliasAddress(value string) bool {
	shape := nameShape(value)
	return shape != "" && slices.Contains(s.Aliases, shape) && slices.Contains(s.Aliases, "preferred_username")
}

// longestString is the length of the longest value of a string, in characters.
const longestString = 2048

func stringProblem(a SchemaAttribute, value string) string {
	n := utf8.RuneCountInString(value)
	most, ok := bound(a.Max)
	if !ok {
		most = longestString
	}
	if n > most {
		return fmt.Sprintf("String must be no longer than %d characters", most)
	}
	if least, ok := bound(a.Min); ok && n < least {
		return fmt.Sprintf("String must be longer than %d", least)
	}
	if strings.IndexByte(value, 0) >= 0 || !utf8.ValidString(value) {
		return "String must be valid text"
	}
	return ""
}

func numberProblem(a SchemaAttribute, value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "Attribute value must be a number"
	}
	if most, ok := bound(a.Max); ok && n > int64(most) {
		return fmt.Sprintf("Number must be no greater than %d", most)
	}
	if least, ok := bound(a.Min); ok && n < int64(least) {
		return fmt.Sprintf("Number must be no less than %d", least)
	}
	return ""
}

// bound reads a bound of the schema; they were checked when the pool was made.
func bound(text *string) (int, bool) {
	if text == nil {
		return 0, false
	}
	n, err := strconv.Atoi(*text)
	return n, err == nil
}

// checkFormats checks the attributes that have a form of their own.
func checkFormats(attributes map[string]string) error {
	if v := attributes["email"]; v != "" && !isEmail(v) {
		return invalid("email", "Invalid email address format.")
	}
	if v := attributes["phone_number"]; v != "" && !isPhone(v) {
		return invalid("phone_number", "Invalid phone number format.")
	}
	if v := attributes["birthdate"]; v != "" {
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			return invalid("birthdate", "Invalid birthdate format, please use YYYY-MM-DD.")
		}
	}
	return nil
}

// writable tells whether a client may write an attribute on a user's behalf.
func (s *PoolSettings) writable(c *ClientSettings, name string) bool {
	if reserved(name) || name == "email_verified" || name == "phone_number_verified" || strings.HasPrefix(name, "dev:") {
		return false
	}
	if c.WriteAttributes == nil || slices.Contains(c.WriteAttributes, name) {
		return true
	}
	a, ok := s.attribute(name)
	return ok && a.Required
}

// readable tells whether a client may see an attribute.
func (s *PoolSettings) readable(c *ClientSettings, name string) bool {
	if name == "sub" {
		return true
	}
	if c.ReadAttributes == nil {
		return !strings.HasPrefix(name, "dev:")
	}
	return slices.Contains(c.ReadAttributes, name)
}

// checkWritable checks that a client may write all of the attributes. Those
// that are not in the schema at all are the schema's to refuse.
func (s *PoolSettings) checkWritable(c *ClientSettings, attributes map[string]string) error {
	for name := range attributes {
		if _, ok := s.attribute(name); ok && !s.writable(c, name) {
			return fmt.Errorf("%w: %s", ErrAttributeNotWritable, name)
		}
	}
	return nil
}

// visible are the attributes of a user that a client may see, without the sub.
func (s *PoolSettings) visible(c *ClientSettings, u *User) map[string]string {
	out := make(map[string]string, len(u.Attributes))
	for name, value := range u.Attributes {
		if s.readable(c, name) {
			out[name] = value
		}
	}
	return out
}
