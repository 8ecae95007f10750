package hook

import "encoding/json"

// An InboundFederation is the event of a sign-in by another identity provider, after the answer of
// the provider and before the user is stored. It has no user: only
// Source, Pool, Client, Username and Call of the Event are set.
type InboundFederation struct {
	Event
	// Provider is the name of the provider in the pool, and ProviderType its type: OIDC, SAML,
	// Facebook, Google, SignInWithApple or LoginWithAmazon.
	Provider, ProviderType string
	// TokenResponse is the answer of the provider's token endpoint, IDToken has the claims of its
	// ID token, and UserInfo is what its userinfo endpoint answers. They are nil for SAML.
	TokenResponse, IDToken, UserInfo map[string]json.RawMessage
	// SAMLResponse has the attributes of the assertion. It is nil for other types.
	SAMLResponse map[string]json.RawMessage
}

// An InboundFederationDecision says which attributes the mapping of the provider is applied to.
type InboundFederationDecision struct {
	// Attributes take the place of what the provider has answered. Nil leaves that as it is.
	Attributes map[string]string
}
