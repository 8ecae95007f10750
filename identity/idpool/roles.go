package idpool

import (
	"maps"
	"slices"
)

// Roles say which roles identities get.
type Roles struct {
	// Authenticated is the ARN of the role of users. Empty means that they get none.
	Authenticated string `json:"authenticated,omitempty"`
	// Unauthenticated is the ARN of the role of guests. Empty means that they get none.
	Unauthenticated string `json:"unauthenticated,omitempty"`
	// Mappings choose a role by the claims of a login, by the name of the provider: that of a user pool with a colon and the id of the
	// app client, the name of a social provider, or an ARN. At most 10.
	Mappings map[string]Mapping `json:"mappings,omitempty"`
}

// A Mapping chooses a role by the claims of a login.
type Mapping struct {
	// Type is MappingToken or MappingRules.
	Type MappingType `json:"type"`
	// Ambiguous says what happens if the token names no role or several, or no rule matches. It is needed.
	Ambiguous Ambiguous `json:"ambiguous"`
	// Rules are tried in order, 1 to [MaxRules] of them, for MappingRules alone.
	Rules []Rule `json:"rules,omitempty"`
}

// A MappingType says how a [Mapping] chooses.
type MappingType string

// The types of mappings.
const (
	MappingToken MappingType = "Token" // by the claims cognito:roles and cognito:preferred_role, or the roles of a SAML assertion
	MappingRules MappingType = "Rules" // by rules
)

// Ambiguous says what happens if a [Mapping] does not lead to a role.
type Ambiguous string

// What can happen then.
const (
	AmbiguousAuthenticated Ambiguous = "AuthenticatedRole" // Roles.Authenticated
	AmbiguousDeny          Ambiguous = "Deny"              // the call is refused
)

// MaxRules is how many rules a mapping has at most. It is the service's quota.
const MaxRules = 25

// A Rule gives a role to logins with a claim.
type Rule struct {
	Claim string    `json:"claim"` // its name, 1 to 64 characters
	Match MatchType `json:"match"` // how it is compared
	Value string    `json:"value"` // 1 to 128 characters
	Role  string    `json:"role"`  // an ARN
}

// A MatchType says how a [Rule] compares.
type MatchType string

// The types of matches. A claim that a login does not have matches none.
const (
	MatchEquals     MatchType = "Equals"
	MatchContains   MatchType = "Contains"
	MatchStartsWith MatchType = "StartsWith"
	MatchNotEqual   MatchType = "NotEqual"
)

func (r *Roles) clone() Roles {
	c := *r
	c.Mappings = maps.Clone(r.Mappings)
	for name, m := range c.Mappings {
		m.Rules = slices.Clone(m.Rules)
		c.Mappings[name] = m
	}
	return c
}

// PrincipalTags say which claims of a login become tags of the session, by which policies can
// tell people apart.
type PrincipalTags struct {
	// UseDefaults takes the defaults of the kind of provider: username is the sub, and client is the aud.
	UseDefaults bool `json:"useDefaults,omitempty"`
	// Tags are the names of claims by the keys of tags. At most 50. UseDefaults ignores them.
	Tags map[string]string `json:"tags,omitempty"`
}
