package oidc

import "strings"

// A Kind is a type of provider, by the service's name.
type Kind string

// The kinds of providers.
const (
	OIDC     Kind = "OIDC"
	Google   Kind = "Google"
	Facebook Kind = "Facebook"
	Amazon   Kind = "LoginWithAmazon"
	Apple    Kind = "SignInWithApple"
)

// Defaults of URLs, as the service has them.
const (
	googleIssuer   = "https://accounts.google.com"
	appleIssuer    = "https://appleid.apple.com"
	facebookGraph  = "https://graph.facebook.com/"
	facebookSite   = "https://www.facebook.com/"
	facebookLatest = "v17.0"
)

// defaults returns the URLs of a kind that a configuration need not name. Those of an OpenID provider
// come from its discovery document.
func defaults(kind Kind, version string) (e Endpoints, ok bool) {
	switch kind {
	case OIDC:
		return Endpoints{}, true
	case Google:
		return Endpoints{
			Issuer: googleIssuer, Authorize: googleIssuer + "/o/oauth2/v2/auth", Token: "https://www.googleapis.com/oauth2/v4/token",
			Attributes: "https://people.googleapis.com/v1/people/me?personFields=", Keys: "https://www.googleapis.com/oauth2/v3/certs",
		}, true
	case Apple:
		return Endpoints{Issuer: appleIssuer, Authorize: appleIssuer + "/auth/authorize", Token: appleIssuer + "/auth/token", Keys: appleIssuer + "/auth/keys"}, true
	case Facebook:
		if version == "" {
			version = facebookLatest
		}
		graph := facebookGraph + version
		return Endpoints{Authorize: facebookSite + version + "/dialog/oauth", Token: graph + "/oauth/access_token", Attributes: graph + "/me?fields=", TokenInfo: graph + "/debug_token"}, true
	case Amazon:
		return Endpoints{Authorize: "https://www.amazon.com/ap/oa", Token: "https://api.amazon.com/auth/o2/token", Attributes: "https://api.amazon.com/user/profile", TokenInfo: "https://api.amazon.com/auth/o2/tokeninfo"}, true
	}
	return Endpoints{}, false
}

// idTokens reports whether a kind says by an ID token who the user is.
func (k Kind) idTokens() bool { return k == OIDC || k == Google || k == Apple }

// subject is the name of the claim that names a user, for kinds without ID tokens.
func (k Kind) subject() string {
	switch k {
	case Facebook:
		return "id"
	case Amazon:
		return "user_id"
	case OIDC, Google, Apple:
		return "sub"
	}
	return ""
}

// sibling is the URL beside another one: its last segment is replaced, and its query is gone.
func sibling(of, name string) string {
	path, _, _ := strings.Cut(of, "?")
	i := strings.LastIndexByte(path, '/')
	return path[:i+1] + name
}
