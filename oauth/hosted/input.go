package hosted

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
)

// An input is a field of a form, with what browsers, password managers and screen readers want to know of it.
type input struct {
	View         *view
	ID, Name     string
	Label        string
	Kind         string // the type of the element
	Value        string
	Autocomplete string
	Keyboard     string // inputmode
	Hint         template.HTML
	Rules        []string // what a new password must have
	Problem      template.HTML
	Required     bool
	ReadOnly     bool
	Focus        bool
	Min, Max     string // lengths of text, bounds of numbers
	Code         bool   // digits, shown large
	Optional     bool   // say so
	Unverified   bool
	Forgot       string // a link beside the label
	Checked      bool
}

// input makes a field. label is the key of a text.
func (v *view) input(name, kind, label string) (*input, error) {
	text, err := v.S(label)
	if err != nil {
		return nil, err
	}
	i := &input{View: v, ID: "field-" + id(name), Name: name, Label: text, Kind: kind, Required: true}
	if kind != "password" {
		i.Value = v.Values[name]
	}
	if code := v.FieldProblems[name]; code != "" {
		i.Problem, err = v.problem(code)
	}
	return i, err
}

// id makes the name of a field the id of an element, which has no spaces in it.
func id(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, name)
}

// Focused reports whether the page begins in the field: the first that is wrong, or else the first to fill in.
// Browsers take the first field that asks for it.
func (i *input) Focused() bool {
	return i.Problem != "" || i.Focus && len(i.View.FieldProblems) == 0
}

// Described is what aria-describedby names. Who hears the page begins in the field of a code, and would
// not learn where the code is: the sentence below the title says it.
func (i *input) Described() string {
	var ids []string
	if i.Code {
		ids = append(ids, "lead")
	}
	if i.Problem != "" {
		ids = append(ids, i.ID+"-problem")
	}
	if i.Hint != "" || len(i.Rules) > 0 {
		ids = append(ids, i.ID+"-hint")
	}
	return strings.Join(ids, " ")
}

// Username asks for the name of an account.
func (v *view) Username() (*input, error) {
	names := v.Names
	if len(names) == 0 {
		names = []string{"username"}
	}
	order := []string{"username", "email", "phone_number"}
	var known []string
	for _, n := range order {
		if slices.Contains(names, n) {
			known = append(known, n)
		}
	}
	kind, keyboard := "text", ""
	switch strings.Join(known, " ") {
	case "email":
		kind, keyboard = "email", "email"
	case "phone_number":
		kind, keyboard = "tel", "tel"
	case "username email", "email phone_number", "username email phone_number":
		keyboard = "email"
	case "":
		known = order[:1]
	}
	i, err := v.input("username", kind, "label."+strings.Join(known, "+"))
	if err != nil {
		return nil, err
	}
	i.Keyboard, i.Autocomplete = keyboard, "username"
	i.Value = cmp.Or(i.Value, v.User)
	i.Focus = v.Kind != SignIn || i.Value == "" // else the password is what is left to type
	if len(known) == 1 && known[0] == "phone_number" {
		i.Hint, err = v.T("hint.phone_number")
	}
	return i, err
}

// CurrentPassword asks for the password.
func (v *view) CurrentPassword() (*input, error) {
	label := "label.password"
	if v.Kind == Account {
		label = "label.current_password"
	}
	i, err := v.input("password", "password", label)
	if err != nil {
		return nil, err
	}
	i.Autocomplete = "current-password"
	switch v.Kind {
	case Account:
	case SignIn:
		i.Focus = cmp.Or(v.Values["username"], v.User) != ""
	default:
		i.Focus = true
	}
	if v.Kind == SignIn || v.Kind == Password {
		i.Forgot = v.Links.Forgot
	}
	return i, nil
}

// NewPassword asks for another password. SignUp calls it password.
func (v *view) NewPassword() (*input, error) {
	name, label := "new_password", "label.new_password"
	if v.Kind == SignUp {
		name, label = "password", "label.password"
	}
	i, err := v.input(name, "password", label)
	if err != nil {
		return nil, err
	}
	i.Autocomplete, i.Focus = "new-password", v.Kind == NewPassword
	i.Rules, err = v.rules()
	return i, err
}

func (v *view) rules() ([]string, error) {
	var all []string
	for _, r := range []struct {
		on  bool
		key string
	}{
		{v.Rules.Min > 0, "length"}, {v.Rules.Lower, "lower"}, {v.Rules.Upper, "upper"}, {v.Rules.Digit, "digit"}, {v.Rules.Symbols, "symbol"},
	} {
		if !r.on {
			continue
		}
		text, err := v.S("rule."+r.key, "count", strconv.Itoa(v.Rules.Min))
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// OneTimeCode asks for a code of digits.
func (v *view) OneTimeCode() (*input, error) {
	i, err := v.input("code", "text", "label.code")
	if err != nil {
		return nil, err
	}
	i.Value, i.Code, i.Focus = "", true, true
	i.Autocomplete, i.Keyboard = "one-time-code", "numeric"
	i.Max = strconv.Itoa(cmp.Or(v.Sent.Digits, 6) + 2) // people type a space in the middle
	return i, nil
}

// Recovery asks for a recovery code.
func (v *view) Recovery() (*input, error) {
	i, err := v.input("code", "text", "label.recovery_code")
	if err != nil {
		return nil, err
	}
	i.Value, i.Code, i.Focus, i.Autocomplete = "", true, true, "off"
	return i, nil
}

// Address asks for where codes are sent.
func (v *view) Address() (*input, error) {
	f := Field{Name: "value", Attribute: "email", Required: true}
	if v.medium(v.Medium) == "sms" {
		f.Attribute = "phone_number"
	}
	i, err := v.field(f)
	if err == nil {
		i.Focus = true
	}
	return i, err
}

// FieldInputs asks for the fields of the page.
func (v *view) FieldInputs() ([]*input, error) { return v.fieldInputs(v.Fields) }

// ProfileInputs asks for the fields of the page Account.
func (v *view) ProfileInputs() ([]*input, error) { return v.fieldInputs(v.Profile.Fields) }

func (v *view) fieldInputs(fields []Field) ([]*input, error) {
	var all []*input
	for _, f := range fields {
		i, err := v.field(f)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		all = append(all, i)
	}
	return all, nil
}

// standard says of each standard attribute how it is typed: the type of the element, autocomplete and
// inputmode.
var standard = map[string][3]string{
	"address":            {"text", "street-address", ""},
	"birthdate":          {"date", "bday", ""},
	"email":              {"email", "email", "email"},
	"family_name":        {"text", "family-name", ""},
	"gender":             {"text", "sex", ""},
	"given_name":         {"text", "given-name", ""},
	"locale":             {"text", "language", ""},
	"middle_name":        {"text", "additional-name", ""},
	"name":               {"text", "name", ""},
	"nickname":           {"text", "nickname", ""},
	"phone_number":       {"tel", "tel", "tel"},
	"picture":            {"url", "photo", "url"},
	"preferred_username": {"text", "off", ""},
	"profile":            {"url", "url", "url"},
	"website":            {"url", "url", "url"},
	"zoneinfo":           {"text", "off", ""},
}

// field makes the input of a field of the pool's schema.
func (v *view) field(f Field) (*input, error) {
	attribute := cmp.Or(f.Attribute, f.Name)
	how, known := standard[attribute]
	key := "label.other"
	if known {
		key = "label." + attribute
	}
	i, err := v.input(f.Name, "text", key)
	if err != nil {
		return nil, err
	}
	i.Required, i.Optional, i.ReadOnly, i.Unverified = f.Required, !f.Required && !f.ReadOnly && v.Kind == SignUp, f.ReadOnly, f.Unverified
	i.Min, i.Max = f.Min, f.Max
	switch {
	case known:
		i.Kind, i.Autocomplete, i.Keyboard = how[0], how[1], how[2]
	case f.Type == "Number":
		i.Kind, i.Keyboard = "number", "numeric"
	case f.Type == "DateTime":
		i.Kind = "datetime-local"
	case f.Type == "Boolean":
		i.Kind, i.Checked, i.Required, i.Optional = "checkbox", i.Value == "true", false, false
	}
	if !known {
		i.Label = cmp.Or(f.Label, words(attribute))
		i.Autocomplete = "off"
	}
	if attribute == "phone_number" {
		i.Hint, err = v.T("hint.phone_number")
	}
	return i, err
}

// words makes the name of an attribute readable: custom:favourite_team becomes Favourite team.
func words(attribute string) string {
	attribute = strings.TrimPrefix(strings.TrimPrefix(attribute, "dev:"), "custom:")
	text := []rune(strings.NewReplacer("_", " ", "-", " ").Replace(attribute))
	if len(text) > 0 {
		text[0] = []rune(strings.ToUpper(string(text[:1])))[0]
	}
	return string(text)
}
