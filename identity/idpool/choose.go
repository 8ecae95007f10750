package idpool

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Which role an identity gets. Each step either gives a role or refuses: a login that no rule lets in does not get the role of
// another one.

// The claims of user pools that name roles.
const (
	claimRoles     = "cognito:roles"
	claimPreferred = "cognito:preferred_role"
)

// role chooses the role of an identity. custom is the role that the caller asks for, or "".
func (r *reached) role(custom string) (string, error) {
	roles := &r.pool.Roles
	if r.guest() {
		if custom != "" {
			return "", ErrCustomRole
		}
		return needed(roles.Unauthenticated)
	}
	by, m := r.mapped()
	if by == nil {
		if custom != "" {
			return "", ErrCustomRole
		}
		return needed(roles.Authenticated)
	}
	var role string
	var err error
	switch m.Type {
	case MappingToken:
		role, err = by.roleOfToken(custom)
	case MappingRules:
		role, err = by.roleOfRules(m.Rules, custom)
	default:
		return "", fmt.Errorf("idpool: a role mapping of the type %q", m.Type)
	}
	if role != "" || err != nil {
		return role, err
	}
	switch m.Ambiguous {
	case AmbiguousAuthenticated:
		return needed(roles.Authenticated)
	case AmbiguousDeny:
		return "", about(ErrAmbiguousRole, "%s", by.mapping)
	default:
		return "", fmt.Errorf("idpool: a role mapping with the resolution %q", m.Ambiguous)
	}
}

func needed(role string) (string, error) {
	if role == "" {
		return "", ErrPoolRoles
	}
	return role, nil
}

// mapped returns the first proof, by the name of its login, that has a role mapping. Which one the service takes if several have is not known.
func (r *reached) mapped() (*proof, Mapping) {
	for _, p := range r.proofs {
		if m, ok := r.pool.mapping(p.mapping); ok {
			return p, m
		}
	}
	return nil, Mapping{}
}

// roleOfToken is the role that the token names. "" means that it names none, or several without preferring one.
func (p *proof) roleOfToken(custom string) (string, error) {
	claims, err := p.read()
	if err != nil {
		return "", err
	}
	roles := texts(claims[claimRoles])
	preferred, _ := claims[claimPreferred].(string)
	if p.kind == proofSAML {
		roles = samlRoles(texts(claims[samlRole]), p.mapping)
	}
	switch {
	case custom != "" && !slices.Contains(roles, custom):
		return "", ErrCustomRole
	case custom != "":
		return custom, nil
	case preferred != "":
		return preferred, nil
	case len(roles) == 1:
		return roles[0], nil
	default:
		return "", nil
	}
}

// samlRoles are the roles in pairs of the ARNs of a role and a provider, in whichever order, which name this provider.
func samlRoles(pairs []string, provider string) []string {
	var out []string
	for _, pair := range pairs {
		a, b, ok := strings.Cut(pair, ",")
		a, b = strings.TrimSpace(a), strings.TrimSpace(b)
		switch {
		case ok && a == provider:
			out = append(out, b)
		case ok && b == provider:
			out = append(out, a)
		}
	}
	return out
}

// roleOfRules is the role of the first rule that matches, or the one that the caller asks for, if a rule that matches gives it. "" means
// that no rule matches.
func (p *proof) roleOfRules(rules []Rule, custom string) (string, error) {
	claims, err := p.read()
	if err != nil {
		return "", err
	}
	for _, r := range rules {
		matches, err := r.matches(claims)
		switch {
		case err != nil:
			return "", err
		case matches && (custom == "" || r.Role == custom):
			return r.Role, nil
		}
	}
	if custom != "" {
		return "", ErrCustomRole
	}
	return "", nil
}

// matches reports whether a claim matches. A claim that is missing, or of a type that has no text, matches nothing, not even NotEqual.
func (r *Rule) matches(claims map[string]any) (bool, error) {
	all := texts(claims[r.Claim])
	if len(all) == 0 {
		return false, nil
	}
	_, list := claims[r.Claim].([]any)
	switch r.Match {
	case MatchEquals:
		return !list && all[0] == r.Value, nil
	case MatchNotEqual:
		return !slices.Contains(all, r.Value), nil
	case MatchStartsWith:
		return !list && strings.HasPrefix(all[0], r.Value), nil
	case MatchContains:
		if list { // one of several, whole (unsure)
			return slices.Contains(all, r.Value), nil
		}
		return strings.Contains(all[0], r.Value), nil
	default:
		return false, fmt.Errorf("idpool: a rule with the match type %q", r.Match)
	}
}

// texts are the texts of a claim: one, or those of a list.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool:
		return []string{fmt.Sprint(v)}
	case fmt.Stringer: // json.Number
		return []string{v.String()}
	case []any:
		var out []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				out = append(out, text)
			}
		}
		return out
	default:
		return nil
	}
}

// maxTagsSize is how many bytes the values of all tags of an identity may have together.
const maxTagsSize = 460

// tags are the tags of a session: those that the maps of the pool take from the claims of the proofs, and those that a developer's program
// has put into its token.
func (r *reached) tags() (map[string]string, error) {
	out := map[string]string{}
	for _, p := range r.proofs {
		tags, err := p.principalTags(r.pool)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, tags)
	}
	size := 0
	for _, value := range out {
		size += len(value)
	}
	if size > maxTagsSize {
		return nil, invalid("The principal tags of the identity have %d bytes, and may have %d.", size, maxTagsSize)
	}
	return out, nil
}

// principalTags are the tags by one proof. A claim that is missing or no text gives none.
func (p *proof) principalTags(pool *Pool) (map[string]string, error) {
	if p.kind == proofPool {
		return p.tags, nil
	}
	set, ok := pool.PrincipalTags[p.Provider]
	if !ok && p.kind == proofOIDC {
		set, ok = pool.PrincipalTags[p.mapping]
	}
	if !ok {
		return nil, nil
	}
	from := set.Tags
	if set.UseDefaults {
		var err error
		if from, err = p.kind.defaultTags(); err != nil {
			return nil, err
		}
	}
	claims, err := p.read()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for key, claim := range from {
		if all := texts(claims[claim]); len(all) == 1 && within(cmp.Or(all[0], "\x00"), 1, 256) {
			out[key] = all[0]
		}
	}
	return out, nil
}

// defaultTags are the tags that the service takes if it is told to take its defaults.
func (k proofKind) defaultTags() (map[string]string, error) {
	switch k {
	case proofUserPool, proofOIDC, proofFacebook:
		return map[string]string{"client": "aud", "username": "sub"}, nil
	case proofAmazon:
		return map[string]string{"client": "aud", "username": "user_id"}, nil
	case proofSAML:
		return map[string]string{"username": samlName}, nil
	case proofPool:
		return nil, nil
	default:
		return nil, fmt.Errorf("idpool: a login of the kind %d", k)
	}
}
