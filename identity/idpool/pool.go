package idpool

import (
	"maps"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity"
)

// Settings are what an operator sets of an identity pool. The zero value has no providers and
// no guests.
type Settings struct {
	// Name is a label of 1 to 128 characters. Names need not be unique. It is needed.
	Name string `json:"name"`
	// Guests lets identities without a login in (AllowUnauthenticatedIdentities). Defaults to false.
	Guests bool `json:"guests,omitempty"`
	// Classic allows the classic flow: [Service.OpenIDToken]. Nil means false.
	Classic *bool `json:"classic,omitempty"`
	// Social are the client ids of graph.facebook.com, www.amazon.com, accounts.google.com and
	// appleid.apple.com, by these names, several of one joined by semicolons (SupportedLoginProviders). At most 10.
	Social map[string]string `json:"social,omitempty"`
	// DeveloperProvider is the name of logins that the operator's own program vouches for. Once set, it
	// cannot be changed. Empty means none.
	DeveloperProvider string `json:"developerProvider,omitempty"`
	// OIDC are the ARNs of OIDC providers, see [Provider].
	OIDC []string `json:"oidc,omitempty"`
	// UserPools are the app clients whose users may sign in (CognitoIdentityProviders). At most 50.
	UserPools []UserPool `json:"userPools,omitempty"`
	// SAML are the ARNs of SAML providers, see [Provider].
	SAML []string `json:"saml,omitempty"`
	// Tags are labels, at most 50.
	Tags map[string]string `json:"tags,omitempty"`

	// Defaults says what an absent setting means: identity.SafeDefaults, or identity.CognitoDefaults for pools that are made over
	// the wire. It cannot be changed.
	Defaults identity.Defaults `json:"defaults,omitempty"`
	// UnusedGuestDays is after how many days an identity that nobody has used and that has no login is deleted, from 1 to 3650. Nil
	// means 30, and 365 with CognitoDefaults.
	UnusedGuestDays *int `json:"unusedGuestDays,omitempty"`
}

// A UserPool is an app client of a user pool whose users may sign in.
type UserPool struct {
	// Name is that of the user pool: cognito-idp.REGION.amazonaws.com/POOL, or its issuer without the scheme.
	Name string `json:"name"`
	// ClientID is the app client that ID tokens must be for.
	ClientID string `json:"clientId"`
	// ServerSideTokenCheck asks the user pool whether the sign-in of a token still stands, and refuses the tokens
	// of users who are deleted, disabled or signed out. Nil means false. The pool must be one of the same engine.
	ServerSideTokenCheck *bool `json:"serverSideTokenCheck,omitempty"`
}

// A Pool is an identity pool as it is stored.
type Pool struct {
	ID       string    `json:"id"`       // the region, a colon, and a UUID
	Created  time.Time `json:"created"`  // when it was made
	Modified time.Time `json:"modified"` // when it was changed last
	Settings
	// Roles are the roles of its identities.
	Roles Roles `json:"roles,omitzero"`
	// PrincipalTags are the tags of sessions, by the name of the provider.
	PrincipalTags map[string]PrincipalTags `json:"principalTags,omitempty"`
	// NotBefore revokes all credentials and open ID tokens that were issued until then, see [Pools.Revoke]. Defaults to none.
	NotBefore time.Time `json:"notBefore,omitzero"`
}

// classic reports whether the classic flow is on.
func (p *Pool) classic() bool { return p.Classic != nil && *p.Classic }

// Days that an unused identity without logins stays.
const (
	safeGuestDays    = 30
	serviceGuestDays = 365
)

// unusedLife is how long an unused identity without logins stays.
func (p *Pool) unusedLife() time.Duration {
	days := safeGuestDays
	switch {
	case p.UnusedGuestDays != nil:
		days = *p.UnusedGuestDays
	case p.Defaults == identity.CognitoDefaults:
		days = serviceGuestDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// clone returns a copy that shares nothing with s.
func (s *Settings) clone() Settings {
	c := *s
	c.Social, c.Tags = maps.Clone(s.Social), maps.Clone(s.Tags)
	c.OIDC, c.SAML, c.UserPools = slices.Clone(s.OIDC), slices.Clone(s.SAML), slices.Clone(s.UserPools)
	return c
}

// clone returns a copy that shares nothing with p.
func (p *Pool) clone() *Pool {
	c := *p
	c.Settings = p.Settings.clone()
	c.Roles = p.Roles.clone()
	c.PrincipalTags = maps.Clone(p.PrincipalTags)
	for name, t := range c.PrincipalTags {
		t.Tags = maps.Clone(t.Tags)
		c.PrincipalTags[name] = t
	}
	return &c
}
