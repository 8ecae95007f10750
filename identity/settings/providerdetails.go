package settings

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The details of providers: which of them each type must have, and what is filled in. Fill puts the defaults in, and
// leaves what was given: so a mock of a social provider needs no mode of its own.

// A providerKind is what all providers of a type have in common.
type providerKind struct {
	subject  string                                 // what the provider calls the id of a user; SAML has the NameID, which is no attribute
	required []string                               // the details that must be given; SAML has a choice of its own
	defaults func(version string) map[string]string // the details that are filled in; version is that of Facebook's API
}

var basicDetails = []string{"client_id", "client_secret", "authorize_scopes"}

// providerKinds has all types. Whoever asks about another type has not called checkName.
var providerKinds = map[ProviderType]providerKind{
	ProviderSAML: {"", nil, func(string) map[string]string { return nil }},
	ProviderOIDC: {"sub", append(slices.Clone(basicDetails), "attributes_request_method", "oidc_issuer"), func(string) map[string]string {
		return map[string]string{"attributes_url_add_attributes": "false"}
	}},
	ProviderGoogle: {"sub", basicDetails, func(string) map[string]string {
		return map[string]string{
			"attributes_url": "https://people.googleapis.com/v1/people/me?personFields=", "attributes_url_add_attributes": "true",
			"authorize_url": "https://accounts.google.com/o/oauth2/v2/auth", "oidc_issuer": "https://accounts.google.com",
			"token_request_method": "POST", "token_url": "https://www.googleapis.com/oauth2/v4/token",
		}
	}},
	ProviderFacebook: {"id", basicDetails, func(version string) map[string]string {
		return map[string]string{
			"api_version": version, "attributes_url": "https://graph.facebook.com/" + version + "/me?fields=", "attributes_url_add_attributes": "true",
			"authorize_url": "https://www.facebook.com/" + version + "/dialog/oauth", "token_request_method": "GET",
			"token_url": "https://graph.facebook.com/" + version + "/oauth/access_token",
		}
	}},
	ProviderAmazon: {"user_id", basicDetails, func(string) map[string]string {
		return map[string]string{
			"attributes_url": "https://api.amazon.com/user/profile", "attributes_url_add_attributes": "false",
			"authorize_url": "https://www.amazon.com/ap/oa", "token_request_method": "POST", "token_url": "https://api.amazon.com/auth/o2/token",
		}
	}},
	ProviderApple: {"sub", []string{"client_id", "team_id", "key_id", "private_key", "authorize_scopes"}, func(string) map[string]string {
		return map[string]string{
			"attributes_url_add_attributes": "false", "authorize_url": "https://appleid.apple.com/auth/authorize", "oidc_issuer": "https://appleid.apple.com",
			"token_request_method": "POST", "token_url": "https://appleid.apple.com/auth/token",
		}
	}},
}

// facebookVersion is the version of Facebook's API that the service documents as its default.
const facebookVersion = "v17.0"

// endpointDetails are what an OIDC provider may be given in place of discovery.
var endpointDetails = []string{"authorize_url", "token_url", "attributes_url", "jwks_uri"}

// Discovers reports whether a provider has details that only a look at it can tell: the endpoints of an OIDC issuer, or the metadata of SAML.
func (p *Provider) Discovers() bool {
	missing := slices.ContainsFunc(endpointDetails, func(key string) bool { return p.Details[key] == "" })
	return p.Type == ProviderSAML || p.Type == ProviderOIDC && missing
}

// Fill fills in the details and the mapping that have defaults, for a type that there is.
func (p *Provider) Fill() {
	kind, ok := providerKinds[p.Type]
	if !ok {
		return
	}
	if p.Details == nil {
		p.Details = ProviderDetails{}
	}
	for key, value := range kind.defaults(cmp.Or(p.Details["api_version"], facebookVersion)) {
		if p.Details[key] == "" {
			p.Details[key] = value
		}
	}
	if kind.subject == "" || p.Mapping["username"] != "" {
		return
	}
	if p.Mapping == nil {
		p.Mapping = map[string]string{}
	}
	p.Mapping["username"] = kind.subject
}

func (p *Provider) checkDetails() error {
	for _, key := range sortedKeys(p.Details) {
		if v := p.Details[key]; len(v) > maxDetail || !utf8.ValidString(v) || strings.Contains(v, "\x00") {
			return plain("ProviderDetails", "The idp detail %s is too long or not text.", key)
		}
	}
	if p.Type == ProviderSAML && p.Details["MetadataURL"] == "" && p.Details["MetadataFile"] == "" {
		return plain("ProviderDetails", "At least one of the MetadataURL or MetadataFile should be provided.")
	}
	for _, key := range providerKinds[p.Type].required {
		if p.Details[key] == "" {
			return p.missing(key)
		}
	}
	for _, key := range []string{"attributes_url_add_attributes", "IDPSignout", "IDPInit", "EncryptedResponses"} {
		if v, ok := p.Details[key]; ok && v != "true" && v != "false" {
			return plain("ProviderDetails", "The idp detail %s must be true or false.", key)
		}
	}
	for key, allowed := range map[string][]string{
		"attributes_request_method": {"GET", "POST"}, "token_request_method": {"GET", "POST"}, "RequestSigningAlgorithm": {"rsa-sha256"},
	} {
		if v, ok := p.Details[key]; ok && v != allowed[0] && v != allowed[len(allowed)-1] {
			return plain("ProviderDetails", "The idp detail %s must be %s.", key, strings.Join(allowed, " or "))
		}
	}
	return p.checkURLs()
}

// missing is the error about a detail that was not given.
func (p *Provider) missing(key string) error {
	switch {
	case p.Type == ProviderApple:
		return plain("ProviderDetails", "client_id, team_id, key_id, private_key and authorize_scopes are all required idp details")
	case slices.Contains(basicDetails, key):
		return plain("ProviderDetails", "client_id, client_secret and authorize_scopes are all required idp details")
	}
	return plain("ProviderDetails", "%s is a required idp detail", key)
}

// checkURLs checks what is called or sent people to. An issuer is compared as text, so it has one form.
func (p *Provider) checkURLs() error {
	for _, key := range append([]string{"oidc_issuer", "MetadataURL"}, endpointDetails...) {
		v := p.Details[key]
		if v == "" {
			continue
		}
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || !secureOrOwn(u) {
			return plain("ProviderDetails", "The idp detail %s is not a valid https URL.", key)
		}
		if key == "oidc_issuer" && (strings.HasSuffix(v, "/") || u.RawQuery != "") {
			return plain("ProviderDetails", "The idp detail oidc_issuer must be a URL without a trailing slash and a query.")
		}
	}
	return nil
}

// secureOrOwn reports whether a URL is one of https at port 443 or 80, as the service demands, or of this machine, for development. Whether
// anything on this machine may be called is decided by who calls it.
func secureOrOwn(u *url.URL) bool {
	if slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
		return u.Scheme == "https" || u.Scheme == "http"
	}
	return u.Scheme == "https" && (u.Port() == "" || u.Port() == "443" || u.Port() == "80")
}
