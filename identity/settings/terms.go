package settings

import (
	"net/url"
	"slices"
)

// A Terms document is a set of links to one text, in several languages.
type Terms struct {
	// Name says what the text is.
	Name TermsName `json:"name"`
	// Links are the URLs of the text, by language: cognito:default, which must be there, and
	// cognito: and a name such as french or portuguese-brazil. They are https, or http to the loopback address.
	Links map[string]string `json:"links"`
}

// A TermsName says what a text is.
type TermsName string

// The texts that pages link to.
const (
	TermsOfUse    TermsName = "terms-of-use"
	PrivacyPolicy TermsName = "privacy-policy"
)

// DefaultLanguage is the language of the link that others fall back to.
const DefaultLanguage = "cognito:default"

var termsLanguages = []string{
	DefaultLanguage, "cognito:dutch", "cognito:english", "cognito:french", "cognito:spanish", "cognito:german", "cognito:bahasa-indonesia",
	"cognito:italian", "cognito:japanese", "cognito:korean", "cognito:portuguese-brazil", "cognito:chinese-simplified", "cognito:chinese-traditional",
}

// Check returns an [*Error] about what is invalid.
func (t *Terms) Check() error {
	if t.Name != TermsOfUse && t.Name != PrivacyPolicy {
		return plain("TermsName", "%q is not a text that pages link to.", t.Name)
	}
	if t.Links[DefaultLanguage] == "" {
		return invalid("Links", DefaultLinkMissing, "", "The link of the language cognito:default is missing.")
	}
	for language, link := range t.Links {
		if !slices.Contains(termsLanguages, language) {
			return plain("Links", "%q is not a language.", language)
		}
		u, err := url.Parse(link)
		loopback := err == nil && u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
		if err != nil || len(link) > 1024 || u.Host == "" || u.Scheme != "https" && !loopback {
			return invalid("Links", LinkMalformed, language, "The link of "+language+" must be a URL with https.")
		}
	}
	return nil
}
