package identity

import (
	"maps"
	"slices"
	"strings"
)

// verified reports whether an address of the user's was verified.
func (u *User) verified(attribute string) bool { return u.Attributes[attribute+"_verified"] == "true" }

// clone copies the user so that it can be changed.
func (u *User) clone() *User {
	c := *u
	c.Attributes = maps.Clone(u.Attributes)
	if c.Attributes == nil {
		c.Attributes = map[string]string{}
	}
	c.Names = slices.Clone(u.Names)
	c.Pending = maps.Clone(u.Pending)
	c.Groups, c.Ruled = slices.Clone(u.Groups), slices.Clone(u.Ruled)
	c.Identities = slices.Clone(u.Identities)
	return &c
}

// mask hides all of an address but what its owner needs to recognise it.
func mask(attribute, value string) string {
	if attribute == "phone_number" {
		keep := min(4, len(value))
		return "+" + strings.Repeat("*", max(0, len(value)-1-keep)) + value[len(value)-keep:]
	}
	local, domain, ok := strings.Cut(value, "@")
	if !ok {
		return first(value) + "***"
	}
	return first(local) + "***@" + first(domain) + "***"
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
