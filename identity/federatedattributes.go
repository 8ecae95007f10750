package identity

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity/settings"
	"github.com/cognate-id/cognate/store"
)

// What a provider says, as attributes of a user. The mapping of the provider names for each attribute the value that it comes from:
//
//   - A value that is absent leaves the attribute as it is. An empty value deletes it.
//   - Several values become one text in brackets.
//   - An address is verified only if the provider says so in this answer, by a value that is mapped to the flag of verification.
//   - What the client must not write is left out silently.
//   - An attribute that never changes is set when the user is made. After that, an equal value is no change, and another one fails the sign-in.

// longestMapped is how many characters the value of an attribute has at most.
const longestMapped = 2048

// mapClaims makes the attributes of what the provider says.
func (fd *federation) mapClaims() error {
	s := fd.scope
	fd.values = map[string]string{}
	for _, name := range sortedKeys(fd.provider.Mapping) {
		// The flag of an address goes with the address.
		if name == "username" || !s.settings.Writable(&s.client.Settings, addressOf(name)) {
			continue
		}
		value, ok := textOfClaim(fd.claims[fd.provider.Mapping[name]])
		if !ok {
			continue
		}
		fd.values[name] = value
	}
	fd.flagAddresses()
	given := maps.Clone(fd.values)
	maps.DeleteFunc(given, func(_, v string) bool { return v == "" })
	if problems := s.settings.Problems(given); len(problems) > 0 {
		return nonconforming(problems...)
	}
	for name, value := range given {
		if utf8.RuneCountInString(value) > longestMapped {
			return nonconforming(AttributeProblem{Name: name, Code: settings.TooLong, Limit: longestMapped})
		}
	}
	return checkFormats(given)
}

// addressOf is the address that a flag of verification is about. It is the name itself for all other attributes.
func addressOf(name string) string {
	if a := strings.TrimSuffix(name, "_verified"); slices.Contains(addresses, a) {
		return a
	}
	return name
}

// flagAddresses sets the flag of each address that the provider gives. Whatever is not plainly true is false. A flag without the address is dropped: it would be about an address that somebody else has vouched for.
func (fd *federation) flagAddresses() {
	for _, a := range addresses {
		flag := a + "_verified"
		switch value, given := fd.values[a]; {
		case !given || value == "":
			delete(fd.values, flag)
			if given {
				fd.values[flag] = ""
			}
		case fd.values[flag] != "true":
			fd.values[flag] = "false"
		}
	}
}

// textOfClaim is a value of a provider as the text of an attribute. It returns false for a value that is absent.
func textOfClaim(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", false
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case json.Number:
		return v.String(), true
	case []string:
		values := make([]any, len(v))
		for i := range v {
			values[i] = v[i]
		}
		return listText(values)
	case []any:
		return listText(v)
	default:
		text, err := json.Marshal(v)
		return string(text), err == nil
	}
}

// listText is a list of values: one is told as it is, and several in brackets, each with what is not a plain letter or digit escaped, as in forms.
func listText(values []any) (string, bool) {
	var texts []string
	for _, v := range values {
		if text, ok := textOfClaim(v); ok {
			texts = append(texts, text)
		}
	}
	switch len(texts) {
	case 0:
		return "", false
	case 1:
		return texts[0], true
	}
	for i := range texts {
		texts[i] = url.QueryEscape(texts[i])
	}
	return "[" + strings.Join(texts, ", ") + "]", true
}

// compared are what links may compare, by the name of the attribute in the pool and by the provider's own.
func (fd *federation) compared() map[string]string {
	out := map[string]string{}
	for name, from := range fd.provider.Mapping {
		value, ok := textOfClaim(fd.claims[from])
		if !ok || value == "" || strings.ContainsFunc(value, unicode.IsControl) {
			continue
		}
		out[from] = value
		if name != "username" {
			out[name] = value
		}
	}
	delete(out, subjectAttribute) // the subject is compared, and no claim that has its name
	return out
}

// apply writes what the provider says into a user who is known, and binds a link to the subject.
func (fd *federation) apply(tx store.Tx, u *User) (refused, err error) {
	if refused := fd.admits(u); refused != nil {
		return refused, nil
	}
	s := fd.scope.settings
	before, names := u.clone(), slices.Clone(u.Names)
	if id := fd.identityOf(u); id.Subject == "" {
		id.Subject, id.Attribute, id.Value = fd.in.Subject, "", ""
		id.Issuer = fd.provider.EntityID
	}
	for _, name := range sortedKeys(fd.values) {
		if refused := fd.assign(u, before, name); refused != nil {
			return refused, nil
		}
	}
	if maps.Equal(before.Attributes, u.Attributes) && slices.Equal(before.Identities, u.Identities) {
		return errUnchanged, nil
	}
	u.rename(s)
	if err := u.checkWhole(s); err != nil {
		return err, nil
	}
	if err := checkPreferred(s, u.Attributes); err != nil {
		return err, nil
	}
	if slices.Equal(names, u.Names) {
		return nil, nil
	}
	return takeAliases(tx, s, u, nil, fd.now)
}

// assign sets one attribute of a user who is known.
func (fd *federation) assign(u, before *User, name string) error {
	s, value := fd.scope.settings, fd.values[name]
	if value == before.Attributes[name] {
		return nil
	}
	if name == "email" && before.primary() == nil && !s.DistinguishesCase() && fold(value, false) == fold(before.Attributes[name], false) {
		return nil // the same address, and whoever linked by it must not fail at it
	}
	a, ok := s.Attribute(name)
	switch {
	case !ok:
		return nonconforming(AttributeProblem{Name: name, Code: settings.AttributeUnknown})
	case !a.Mutable:
		return &AttributeError{[]AttributeProblem{{Name: name, Code: settings.AttributeImmutable}}, ErrAttributeImmutable}
	case value == "" && a.Required:
		return nonconforming(AttributeProblem{Name: name, Code: settings.AttributeKept})
	case before.primary() == nil && slices.Contains(addresses, name) && value != "" && s.VerifiesFirst(name):
		return invalid(name, "The pool verifies a new "+name+" before it replaces the present one.")
	}
	delete(u.Pending, name)
	u.set(name, value)
	return nil
}
