package settings

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The details of providers: which of them each type must have, and what is filled in. Fill puts the defaults in, and
// leaves what was given: so a mock of a social provider needs no mode of its own.

// The details that OIDC providers may be given in place of discovery.
var endpointDetails = []string{"authorize_url", "token_url", "attributes_url", "jwks_uri"}

// Discovers reports whether a provider has details that only a look at it can tell: the discovery of an issuer, or the metadata of SAML.
func (p *Provider) Discovers() bool {
	switch p.Type {
	case ProviderOIDC:
		for _, key := range endpointDetails {
			if p.Details[key] == "" {
				return true
			}
		}
		return false
	case ProviderSAML:
		return true
	case ProviderGoogle, ProviderFacebook, ProviderAmazon, ProviderApple:
		return false
	default:
		return true
	}
}

// Fill fills in the details and the mapping that have defaults.
func (p *Provider) Fill() {
	if p.Details == nil {
		p.Details = ProviderDetails{}
	}
	for key, value := range p.defaults() {
		if p.Details[key] == "" {
			p.Details[key] = value
		}
	}
	subject := p.Type.subject()
	if subject == "" || p.Mapping["username"] != "" {
		return
	}
	if p.Mapping == nil {
		p.Mapping = map[string]string{}
	}
	p.Mapping["username"] = subject
}

// subject is what a provider of the type calls the id of a user. SAML has the NameID, which is no attribute.
func (t ProviderType) subject() string {
	switch t {
	case ProviderOIDC, ProviderGoogle, ProviderApple:
		return "sub"
	case ProviderFacebook:
		return "id"
	case ProviderAmazon:
		return "user_id"
	case ProviderSAML:
		return ""
	default:
		return ""
	}
}

// facebookVersion is the version of Facebook's API that the service documents as its default.
const facebookVersion = "v17.0"

func (p *Provider) defaults() map[string]string {
	switch p.Type {
	case ProviderOIDC:
		return map[string]string{"attributes_url_add_attributes": "false"}
	case ProviderGoogle:
		return map[string]string{
			"attributes_url": "https://people.googleapis.com/v1/people/me?personFields=", "attributes_url_add_attributes": "true",
			"authorize_url": "https://accounts.google.com/o/oauth2/v2/auth", "oidc_issuer": "https://accounts.google.com",
			"token_request_method": "POST", "token_url": "https://www.googleapis.com/oauth2/v4/token",
		}
	case ProviderFacebook:
		version := p.Details["api_version"]
		if version == "" {
			version = facebookVersion
		}
		return map[string]string{
			"api_version": version, "attributes_url": "https://graph.facebook.com/" + version + "/me?fields=", "attributes_url_add_attributes": "true",
			"authorize_url": "https://www.facebook.com/" + version + "/dialog/oauth", "token_request_method": "GET",
			"token_url": "https://graph.facebook.com/" + version + "/oauth/access_token",
		}
	case ProviderAmazon:
		return map[string]string{
			"attributes_url": "https://api.amazon.com/user/profile", "attributes_url_add_attributes": "false",
			"authorize_url": "https://www.amazon.com/ap/oa", "token_request_method": "POST", "token_url": "https://api.amazon.com/auth/o2/token",
		}
	case ProviderApple:
		return map[string]string{
			"attributes_url_add_attributes": "false", "authorize_url": "https://appleid.apple.com/auth/authorize", "oidc_issuer": "https://appleid.apple.com",
			"token_request_method": "POST", "token_url": "https://appleid.apple.com/auth/token",
		}
	case ProviderSAML:
		return nil
	default:
		return nil
	}
}

// required are the details that a provider of the type must be given. SAML has a choice of its own.
func (t ProviderType) required() []string {
	switch t {
	case ProviderOIDC:
		return []string{"client_id", "client_secret", "authorize_scopes", "attributes_request_method", "oidc_issuer"}
	case ProviderGoogle, ProviderFacebook, ProviderAmazon:
		return []string{"client_id", "client_secret", "authorize_scopes"}
	case ProviderApple:
		return []string{"client_id", "team_id", "key_id", "private_key", "authorize_scopes"}
	case ProviderSAML:
		return nil
	default:
		return nil
	}
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
	for _, key := range p.Type.required() {
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
	switch key {
	case "client_id", "client_secret", "authorize_scopes":
		if p.Type != ProviderApple {
			return plain("ProviderDetails", "client_id, client_secret and authorize_scopes are all required idp details")
		}
		return plain("ProviderDetails", "client_id, team_id, key_id, private_key and authorize_scopes are all required idp details")
	case "team_id", "key_id", "private_key":
		return plain("ProviderDetails", "client_id, team_id, key_id, private_key and authorize_scopes are all required idp details")
	default:
		return plain("ProviderDetails", "%s is a required idp detail", key)
	}
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
