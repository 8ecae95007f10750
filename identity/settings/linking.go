package settings

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// What Cognate adds to sign-ins by identity providers. The settings are of the pool, by the name of the provider: the service's calls replace
// the details of a provider as a whole, and would lose them.

// Linking says what becomes of somebody who signs in by an identity provider for the first time, with a verified e-mail address that a
// user of the pool has too. The zero value is LinkingOff.
type Linking string

// The ways of linking.
const (
	// LinkingOff makes a user of their own, as the service does.
	LinkingOff Linking = ""
	// LinkingAsk asks the person to sign in to the user who is there. Then both are linked.
	LinkingAsk Linking = "ask"
	// LinkingAutomatic links both at once if the provider is trusted for the domain of the address, see TrustedDomains. Otherwise it asks, as LinkingAsk does.
	LinkingAutomatic Linking = "automatic"
)

// A ProviderPolicy is what Cognate adds to the settings of one identity provider. The zero value is what the service does.
type ProviderPolicy struct {
	// TrustedDomains are domains of e-mail addresses that the provider decides about, such as example.com: up to 50, in lower case, without their sub-domains. With
	// LinkingAutomatic, whoever the provider says has an address there gets the user who has it. Name domains whose mail the provider
	// itself gives out, and no others.
	TrustedDomains []string `json:"trustedDomains,omitempty"`
	// KeepTokens keeps the tokens that the provider gives of a user, encrypted, for Session.ProviderToken.
	KeepTokens bool `json:"keepTokens,omitempty"`
	// NativeClients are further client ids at the provider, those of apps, whose ID tokens AppClient.SignInWithToken takes: up to 50, of 1 to 256
	// characters. The client_id of the provider needs not be among them.
	NativeClients []string `json:"nativeClients,omitempty"`
	// SignOut signs a browser that signs out on the pages out at the provider too. It is for OIDC providers with an end_session_endpoint. The provider's
	// ID token is kept for it, encrypted.
	SignOut bool `json:"signOut,omitempty"`
}

// Policy returns the policy of a provider.
func (s *Pool) Policy(provider string) ProviderPolicy { return s.ProviderPolicies[provider] }

// Trusts reports whether a provider is trusted for an e-mail address: whether the domain of the address is one of its TrustedDomains.
func (p *ProviderPolicy) Trusts(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && slices.Contains(p.TrustedDomains, strings.ToLower(address[at+1:]))
}

// The bounds of policies.
const (
	maxPolicies = 300
	maxTrusted  = 50
	maxNative   = 50
)

var trustedDomainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkLinking checks the settings above.
func (s *Pool) checkLinking() error {
	if !slices.Contains([]Linking{LinkingOff, LinkingAsk, LinkingAutomatic}, s.Linking) {
		return plain("Linking", "%q is neither %s nor %s.", s.Linking, LinkingAsk, LinkingAutomatic)
	}
	if len(s.ProviderPolicies) > maxPolicies {
		return plain("ProviderPolicies", "A pool has policies for at most %d identity providers.", maxPolicies)
	}
	for _, name := range sortedKeys(s.ProviderPolicies) {
		p := s.ProviderPolicies[name]
		if utf8.RuneCountInString(name) > 32 || !providerNameForm.MatchString(name) {
			return plain("ProviderPolicies", "%q is no name of an identity provider.", name)
		}
		if err := p.check(name); err != nil {
			return err
		}
	}
	return nil
}

func (p *ProviderPolicy) check(name string) error {
	if len(p.TrustedDomains) > maxTrusted || len(p.NativeClients) > maxNative {
		return plain("ProviderPolicies", "The policy of %s has at most %d trusted domains and %d native clients.", name, maxTrusted, maxNative)
	}
	for _, d := range p.TrustedDomains {
		if len(d) > 253 || !trustedDomainForm.MatchString(d) {
			return plain("ProviderPolicies", "The policy of %s trusts %q, which is no domain such as example.com in lower case.", name, d)
		}
	}
	for _, id := range p.NativeClients {
		if id == "" || utf8.RuneCountInString(id) > 256 || !Printable(id) {
			return plain("ProviderPolicies", "The policy of %s has a native client whose id does not have 1 to 256 characters.", name)
		}
	}
	return nil
}
