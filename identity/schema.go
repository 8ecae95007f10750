package identity

import (
	"fmt"
	"time"

	"github.com/cognate-id/cognate/identity/settings"
)

// The checks of a user's attributes, before they are stored: by the schema of the
// pool (package settings), by their size together, and by the form that addresses
// and dates have. checkNew is for users who sign themselves up, checkInvited for
// those whom an operator makes.

// checkNew checks the attributes of a user that is being made: each is in the
// schema and well-formed, and none that is required is missing.
func checkNew(s *PoolSettings, attributes map[string]string) error {
	problems := s.Problems(attributes)
	for _, a := range s.Attributes() {
		if a.Required && a.Name != "sub" && attributes[a.Name] == "" {
			problems = append(problems, AttributeProblem{Name: a.Name, Code: settings.AttributeRequired})
		}
	}
	if len(problems) > 0 {
		return nonconforming(problems...)
	}
	if err := checkSize(attributes); err != nil {
		return err
	}
	if err := checkPreferred(s, attributes); err != nil {
		return err
	}
	return checkFormats(attributes)
}

// checkInvited checks the attributes that an operator gives to a new user.
// The user gives what is required and missing with the first password.
func checkInvited(s *PoolSettings, attributes map[string]string) error {
	if problems := s.Problems(attributes); len(problems) > 0 {
		return nonconforming(problems...)
	}
	if err := checkSize(attributes); err != nil {
		return err
	}
	if err := checkPreferred(s, attributes); err != nil {
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

// checkFormats checks the attributes that have a form of their own.
func checkFormats(attributes map[string]string) error {
	if v := attributes["email"]; v != "" && !settings.IsEmail(v) {
		return invalid("email", "Invalid email address format.")
	}
	if v := attributes["phone_number"]; v != "" && !settings.IsPhone(v) {
		return invalid("phone_number", "Invalid phone number format.")
	}
	if v := attributes["birthdate"]; v != "" {
		if _, err := time.Parse(time.DateOnly, v); err != nil {
			return invalid("birthdate", "Invalid birthdate format, please use YYYY-MM-DD.")
		}
	}
	return nil
}

// checkWritable checks that a client may write all of the attributes. Those
// that are not in the schema at all are the schema's to refuse.
func checkWritable(s *PoolSettings, c *ClientSettings, attributes map[string]string) error {
	for name := range attributes {
		if _, ok := s.Attribute(name); ok && !s.Writable(c, name) {
			return fmt.Errorf("%w: %s", ErrAttributeNotWritable, name)
		}
	}
	return nil
}

// visible are the attributes of a user that a client may see, without the sub.
func visible(s *PoolSettings, c *ClientSettings, u *User) map[string]string {
	out := make(map[string]string, len(u.Attributes))
	for name, value := range u.Attributes {
		if s.Readable(c, name) {
			out[name] = value
		}
	}
	return out
}
