package idpool

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/cognate-id/cognate/identity"
)

// The rules of settings. Those of the service's model are here too, because programs in Go
// call without the wire.

// The quotas of the service.
const (
	maxSocial    = 10
	maxUserPools = 50
	maxARNs      = 50 // of OIDC, and of SAML providers
	maxTags      = 50
	maxMappings  = 10
	maxPrincipal = 50 // tags of a session
)

var (
	nameForm      = lazily(`^[\w\s+=,.@-]{1,128}$`)
	developerForm = lazily(`^[\w._-]{1,128}$`)
	clientsForm   = lazily(`^[\w.;_/-]{1,128}$`)
	clientForm    = lazily(`^\w{1,128}$`)
	userPoolForm  = lazily(`^[\w._:/-]{1,128}$`)
	roleForm      = lazily(`^arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}$`)
	oidcForm      = lazily(`^arn:aws[\w-]*:iam::\d{12}:oidc-provider/([\w.:/~%-]{1,255})$`)
	samlForm      = lazily(`^arn:aws[\w-]*:iam::\d{12}:saml-provider/([\w.-]{1,128})$`)
)

// lazily compiles a regular expression when it is first used: repetitions with large bounds take milliseconds, which no program should pay
// that has no identity pools.
func lazily(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// check returns an error if settings are invalid.
func (s *Settings) check() error {
	switch {
	case !nameForm().MatchString(s.Name):
		return invalid("The name of an identity pool has 1 to 128 letters, digits, spaces and characters of +=,.@-.")
	case s.DeveloperProvider != "" && !developerForm().MatchString(s.DeveloperProvider):
		return invalid("The name of a developer provider has 1 to 128 letters, digits and characters of ._-.")
	case s.reserved(s.DeveloperProvider):
		return invalid("The name of a developer provider cannot be that of another provider.")
	case !slices.Contains([]identity.Defaults{"", identity.SafeDefaults, identity.CognitoDefaults}, s.Defaults):
		return invalid("Defaults is %q, which is not one of SafeDefaults, CognitoDefaults.", s.Defaults)
	case s.UnusedGuestDays != nil && (*s.UnusedGuestDays < 1 || *s.UnusedGuestDays > 3650):
		return invalid("UnusedGuestDays is from 1 to 3650.")
	}
	for _, err := range []error{s.checkSocial(), s.checkUserPools(), checkARNs(s.OIDC, oidcForm, "OIDC"), checkARNs(s.SAML, samlForm, "SAML"), checkTags(s.Tags)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// reserved reports whether a name is one of public logins.
func (s *Settings) reserved(name string) bool {
	if name == "" {
		return false
	}
	_, social := s.Social[name]
	return social || name == poolTokens || slices.Contains(socialNames, name) || strings.HasPrefix(name, "cognito-idp.")
}

func (s *Settings) checkSocial() error {
	if len(s.Social) > maxSocial {
		return invalid("An identity pool has at most %d supported login providers.", maxSocial)
	}
	for name, clients := range s.Social {
		if n := utf8.RuneCountInString(name); n < 1 || n > 128 || !clientsForm().MatchString(clients) {
			return invalid("The supported login provider %.128q is invalid.", name)
		}
	}
	return nil
}

func (s *Settings) checkUserPools() error {
	if len(s.UserPools) > maxUserPools {
		return about(ErrLimit, "user pool providers of an identity pool (at most %d)", maxUserPools)
	}
	for _, u := range s.UserPools {
		if !userPoolForm().MatchString(u.Name) || !clientForm().MatchString(u.ClientID) || poolOf(u.Name) == "" {
			return invalid("Invalid Cognito Identity Provider: %.128q with client %.128q.", u.Name, u.ClientID)
		}
	}
	return nil
}

func checkARNs(all []string, form func() *regexp.Regexp, kind string) error {
	if len(all) > maxARNs {
		return about(ErrLimit, "%s providers of an identity pool (at most %d)", kind, maxARNs)
	}
	for _, arn := range all {
		if !form().MatchString(arn) || len(arn) < 20 || len(arn) > 2048 {
			return invalid("Invalid ARN of an %s provider: %.200q.", kind, arn)
		}
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("An identity pool has at most %d tags.", maxTags)
	}
	for key, value := range tags {
		if !within(key, 1, 128) || !within(value, 0, 256) {
			return invalid("The tag %.128q is invalid.", key)
		}
	}
	return nil
}

// within reports whether a text has so many characters, none of which is a control character.
func within(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= least && n <= most && !strings.ContainsFunc(s, unicode.IsControl)
}

// check returns an error if roles are invalid for a pool.
func (r *Roles) check(p *Pool) error {
	for _, arn := range []string{r.Authenticated, r.Unauthenticated} {
		if arn != "" && !roleForm().MatchString(arn) {
			return invalid("Invalid ARN of a role: %.200q.", arn)
		}
	}
	if len(r.Mappings) > maxMappings {
		return invalid("An identity pool has role mappings of at most %d providers.", maxMappings)
	}
	for key, m := range r.Mappings {
		if !p.maps(key) {
			return about(ErrMappingProvider, "%s", key)
		}
		if err := m.check(key); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mapping) check(key string) error {
	switch m.Ambiguous {
	case AmbiguousAuthenticated, AmbiguousDeny:
	case "":
		return invalid("AmbiguousRoleResolution is required for the role mapping of %s.", key)
	default:
		return invalid("AmbiguousRoleResolution is AuthenticatedRole or Deny.")
	}
	switch m.Type {
	case MappingToken:
		if len(m.Rules) > 0 {
			return invalid("The role mapping of %s is of type Token and has no rules.", key)
		}
	case MappingRules:
		if len(m.Rules) == 0 {
			return invalid("RulesConfiguration is required for the role mapping of %s.", key)
		}
	default:
		return invalid("The type of a role mapping is Token or Rules.")
	}
	if len(m.Rules) > MaxRules {
		return ErrTooManyRules
	}
	for _, r := range m.Rules {
		if err := r.check(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) check() error {
	switch r.Match {
	case MatchEquals, MatchContains, MatchStartsWith, MatchNotEqual:
	default:
		return invalid("The match type of a rule is Equals, Contains, StartsWith or NotEqual.")
	}
	switch {
	case !within(r.Claim, 1, 64):
		return invalid("The claim of a rule has 1 to 64 characters.")
	case !within(r.Value, 1, 128):
		return invalid("The value of a rule has 1 to 128 characters.")
	case !roleForm().MatchString(r.Role):
		return invalid("Invalid ARN of a role: %.200q.", r.Role)
	}
	return nil
}

// check returns an error if tags are invalid.
func (t *PrincipalTags) check() error {
	if len(t.Tags) > maxPrincipal {
		return invalid("A provider has at most %d principal tags.", maxPrincipal)
	}
	for key, claim := range t.Tags {
		if !within(key, 1, 128) || !within(claim, 1, 256) || strings.HasPrefix(strings.ToLower(key), "aws:") {
			return invalid("The principal tag %.128q is invalid.", key)
		}
	}
	return nil
}
