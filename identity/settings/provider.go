package settings

import (
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A ProviderType is a kind of identity provider.
type ProviderType string

// The kinds of identity providers. A provider of one of the four social types has the name of the type.
const (
	ProviderSAML     ProviderType = "SAML"
	ProviderOIDC     ProviderType = "OIDC"
	ProviderGoogle   ProviderType = "Google"
	ProviderFacebook ProviderType = "Facebook"
	ProviderAmazon   ProviderType = "LoginWithAmazon"
	ProviderApple    ProviderType = "SignInWithApple"
)

// ProviderTypes are all kinds of identity providers.
func ProviderTypes() []ProviderType {
	return []ProviderType{ProviderSAML, ProviderFacebook, ProviderGoogle, ProviderAmazon, ProviderApple, ProviderOIDC}
}

// Social reports whether there is one provider of the type, whose name is fixed.
func (t ProviderType) Social() bool {
	return t == ProviderGoogle || t == ProviderFacebook || t == ProviderAmazon || t == ProviderApple
}

// HasIDTokens reports whether providers of the type say by an ID token who a user is.
func (t ProviderType) HasIDTokens() bool {
	return t == ProviderOIDC || t == ProviderGoogle || t == ProviderApple
}

// A Provider has the settings of an identity provider outside of the pool, by which users sign in.
type Provider struct {
	// Name has 3 to 32 characters without spaces, and an underscore as its second character at most. Names of
	// users begin with it. It never changes. The provider of a social type has the name of the type.
	Name string `json:"name"`
	// Type never changes.
	Type ProviderType `json:"type"`
	// Details say how to reach the provider. Which keys there are depends on the type, see docs/federation.md.
	Details ProviderDetails `json:"details"`
	// Mapping says which value of the provider each attribute of the pool comes from. Defaults to the
	// subject as the username, except for SAML. The username is always the name of the provider, an underscore and the subject.
	Mapping map[string]string `json:"mapping,omitempty"`
	// Identifiers are up to 50 names more, such as domains of mail addresses. Each has 1 to 40 characters and
	// belongs to one provider of the pool.
	Identifiers []string `json:"identifiers,omitempty"`
	// AcrMapping says which authentication context of an OIDC provider stands for which level: Level1 to Level4. A
	// context that is not in it counts as the lowest level.
	AcrMapping map[string]string `json:"acrMapping,omitempty"`
}

// ProviderDetails say how to reach a provider, and are secret: they may have its client_secret or private_key. They are
// printed and logged as their keys alone.
type ProviderDetails map[string]string

// String implements [fmt.Stringer].
func (d ProviderDetails) String() string {
	return "[redacted: " + strings.Join(sortedKeys(d), " ") + "]"
}

// GoString implements [fmt.GoStringer].
func (d ProviderDetails) GoString() string { return d.String() }

// LogValue implements [slog.LogValuer].
func (d ProviderDetails) LogValue() slog.Value { return slog.StringValue(d.String()) }

// The bounds of what a provider has.
const (
	MaxProviderIdentifiers = 50
	maxMapped              = 131_072
	maxDetail              = 131_072
)

var (
	providerNameForm       = regexp.MustCompile(`^[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+$`)
	providerIdentifierForm = regexp.MustCompile(`^[\w\s+=.@-]{1,40}$`)
)

// Check returns an [*Error] about the first setting that is invalid in the pool. Texts of it that nobody has recorded from the service are ours.
func (p *Provider) Check(pool *Pool) error {
	for _, check := range []func() error{
		p.checkName, p.checkDetails, func() error { return p.checkMapping(pool) }, p.checkIdentifiers, p.checkLevels,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) checkName() error {
	n := utf8.RuneCountInString(p.Name)
	switch {
	case !slices.Contains(ProviderTypes(), p.Type):
		return plain("ProviderType", "There is no provider type %s.", p.Type)
	case n > 32 || !Printable(p.Name) || !providerNameForm.MatchString(p.Name):
		return plain("ProviderName", "The name of a provider has 3 to 32 characters, no white space, and no underscore but as the second character.")
	case ProviderType(p.Name).Social() && p.Type != ProviderType(p.Name):
		return plain("ProviderName", "Provider %s cannot be of type %s", p.Name, p.Type)
	case p.Type.Social() && p.Name != string(p.Type):
		return plain("ProviderName", "Provider %s cannot be of type %s.", p.Name, p.Type)
	case strings.EqualFold(p.Name, "COGNITO"): // it stands for the pool itself
		return plain("ProviderName", "The provider name %s is reserved.", p.Name)
	}
	return nil
}

// checkMapping checks that what is mapped can be written.
func (p *Provider) checkMapping(pool *Pool) error {
	for _, name := range sortedKeys(p.Mapping) {
		a, ok := pool.Attribute(name)
		switch from := p.Mapping[name]; {
		case utf8.RuneCountInString(from) > maxMapped || !utf8.ValidString(from):
			return plain("AttributeMapping", "The attribute that %s is mapped to has at most %d characters.", name, maxMapped)
		case name == "username":
		case !ok || Reserved(name):
			return plain("AttributeMapping", "The attribute %s cannot be mapped: the user pool has no such attribute.", name)
		case strings.Contains(name, ":") && !a.Mutable:
			return plain("AttributeMapping", "The attribute %s cannot be mapped: it is not mutable.", name)
		}
	}
	return nil
}

func (p *Provider) checkIdentifiers() error {
	if len(p.Identifiers) > MaxProviderIdentifiers {
		return plain("IdpIdentifiers", "A provider has at most %d identifiers.", MaxProviderIdentifiers)
	}
	for i, id := range p.Identifiers {
		switch {
		case !providerIdentifierForm.MatchString(id):
			return plain("IdpIdentifiers", "An identifier of a provider has 1 to 40 letters, digits, spaces and characters of _+=.@-")
		case slices.Contains(p.Identifiers[:i], id):
			return plain("IdpIdentifiers", "The identifier %s is there twice.", id)
		}
	}
	return nil
}

func (p *Provider) checkLevels() error {
	if len(p.AcrMapping) > 0 && p.Type != ProviderOIDC {
		return plain("AcrMapping", "AcrMapping is supported for OIDC providers only.")
	}
	for _, level := range sortedKeys(p.AcrMapping) {
		if _, ok := mappedLevels[level]; !ok {
			return plain("AcrMapping", "AcrMapping has the keys Level1, Level2, Level3 and Level4, and not %s.", level)
		}
		if v := p.AcrMapping[level]; v == "" || len(v) > 256 || !utf8.ValidString(v) {
			return plain("AcrMapping", "The value of %s has 1 to 256 characters.", level)
		}
	}
	return nil
}

var mappedLevels = map[string]Level{"Level1": Level1, "Level2": Level2, "Level3": Level3, "Level4": Level4}

// LevelFor returns the level that an authentication context of the provider stands for: the lowest one that is mapped to it, and
// Level1 if none is.
func (p *Provider) LevelFor(acr string) Level {
	for _, name := range sortedKeys(p.AcrMapping) {
		if acr != "" && p.AcrMapping[name] == acr {
			return mappedLevels[name]
		}
	}
	return Level1
}

// LogValue implements [slog.LogValuer].
func (p Provider) LogValue() slog.Value { return slog.StringValue(string(p.Type) + " " + p.Name) }

// Clone copies the settings, so that the copy can be changed.
func (p *Provider) Clone() *Provider {
	c := *p
	c.Details, c.Mapping, c.AcrMapping = maps.Clone(p.Details), maps.Clone(p.Mapping), maps.Clone(p.AcrMapping)
	c.Identifiers = slices.Clone(p.Identifiers)
	return &c
}
