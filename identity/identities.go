package identity

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cognate-id/cognate/store"
)

// Who a user is with identity providers. A profile that a first sign-in by a provider has made has one primary identity, and its
// username is the provider and the subject. A user to whom an operator has linked somebody else has identities that are
// not primary. A unique index over all of them finds the user of a subject, compared as the provider writes it: two subjects that differ only in case are two people,
// although their usernames may be the same name in the pool. Then the second is refused.

// subjectAttribute is the name that the service has for the subject of a provider in links.
const subjectAttribute = "Cognito_Subject"

// maxIdentities is how many identities a user has at most.
const maxIdentities = 5

// An Identity is who a user is with an identity provider.
type Identity struct {
	Provider string       `json:"provider"`         // its name in the pool
	Type     ProviderType `json:"type"`             // its type
	Subject  string       `json:"subject"`          // who the user is there; empty for a link by an attribute that nobody has signed in by
	Issuer   string       `json:"issuer,omitempty"` // the entity id of a SAML provider
	// Attribute says by which attribute a link names somebody, until the first sign-in: then the link has the subject.
	Attribute string    `json:"attribute,omitempty"`
	Value     string    `json:"value,omitempty"`    // of that attribute
	Primary   bool      `json:"primary,omitempty"`  // the user was made by the first sign-in with it
	Disabled  bool      `json:"disabled,omitempty"` // of a primary one: an operator has turned it off
	Created   time.Time `json:"created"`            // when it was linked, or the user made
}

// names returns what the identity is found by.
func (i *Identity) names() (attribute, value string) {
	if i.Subject != "" {
		return subjectAttribute, i.Subject
	}
	return i.Attribute, i.Value
}

func identityKey(pool, provider, attribute, value string) string {
	return nameKey(pool, store.Key(provider, attribute, value))
}

func identityKeys(u *User) []string {
	var keys []string
	for i := range u.Identities {
		attribute, value := u.Identities[i].names()
		keys = append(keys, identityKey(u.Pool, u.Identities[i].Provider, attribute, value))
	}
	return keys
}

// identity returns the identity of the user that a provider's attribute names, or nil.
func (u *User) identity(provider, attribute, value string) *Identity {
	for i := range u.Identities {
		a, v := u.Identities[i].names()
		if u.Identities[i].Provider == provider && a == attribute && v == value {
			return &u.Identities[i]
		}
	}
	return nil
}

// primary returns the identity that the user was made with, or nil for a user of the pool's own.
func (u *User) primary() *Identity {
	if i := slices.IndexFunc(u.Identities, func(i Identity) bool { return i.Primary }); i >= 0 {
		return &u.Identities[i]
	}
	return nil
}

// shownIdentity is an identity as the service shows it in the attribute identities.
type shownIdentity struct {
	UserID       string       `json:"userId"`
	ProviderName string       `json:"providerName"`
	ProviderType ProviderType `json:"providerType"`
	Issuer       *string      `json:"issuer"`
	Primary      any          `json:"primary"`
	DateCreated  any          `json:"dateCreated"`
}

func (u *User) shownIdentities() []shownIdentity {
	out := make([]shownIdentity, len(u.Identities))
	for i := range u.Identities {
		id := &u.Identities[i]
		_, value := id.names()
		if id.Primary && u.Username != id.Provider+"_"+id.Subject { // the username was lower-cased, and the service shows both alike
			value = strings.ToLower(value)
		}
		out[i] = shownIdentity{value, id.Provider, id.Type, nil, id.Primary, id.Created.UnixMilli()}
		if id.Issuer != "" {
			out[i].Issuer = &id.Issuer
		}
	}
	return out
}

// IdentitiesAttribute returns the attribute identities of the user, a list of objects in JSON, or "" for a user who is known to no
// identity provider.
func (u *User) IdentitiesAttribute() string {
	if len(u.Identities) == 0 {
		return ""
	}
	text, err := json.Marshal(u.shownIdentities())
	if err != nil {
		panic(err) // strings, a boolean and a number always marshal
	}
	return string(text)
}

// identitiesClaim is the claim identities of an ID token, whose values are all strings.
func (u *User) identitiesClaim() (string, error) {
	shown := u.shownIdentities()
	for i := range shown {
		shown[i].Primary = strconv.FormatBool(u.Identities[i].Primary)
		shown[i].DateCreated = strconv.FormatInt(u.Identities[i].Created.UnixMilli(), 10)
	}
	text, err := json.Marshal(shown)
	return string(text), err
}
