package settings

import (
	"net/mail"
	"strings"
)

// NameShape is what a username looks like: "email", "phone_number" or "".
func NameShape(name string) string {
	switch {
	case IsEmail(name):
		return "email"
	case IsPhone(name):
		return "phone_number"
	}
	return ""
}

// IsEmail accepts a bare address: no display name, no comment, no space.
func IsEmail(s string) bool {
	if len(s) > 320 || strings.ContainsAny(s, " \t\r\n<>()") {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == ""
}

// IsPhone accepts E.164: a plus sign and 1 to 15 digits.
func IsPhone(s string) bool {
	if len(s) < 2 || len(s) > 16 || s[0] != '+' {
		return false
	}
	return strings.Trim(s[1:], "0123456789") == ""
}
