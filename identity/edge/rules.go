package edge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Rules decide by the path of a request. Servers behind a gateway read paths in different ways: they
// decode them once or twice, fold their case, cut parameters off. So a path that is read in two ways
// at a place where it matters is refused, and each remaining way to read it is looked up. A request
// must satisfy the rules of all of them.

const (
	maxTarget = 8 << 10
)

// errPath is the error of a path that could be read in two ways.
var errPath = errors.New("edge: the path can be read in two ways")

// A rule is a Rule that was checked.
type rule struct {
	path, folded   string // without a slash at the end; "" is the path of all
	access         Access
	groups, scopes []string
}

func compileRules(rules []Rule) ([]*rule, error) {
	if len(rules) == 0 || len(rules) > maxRules {
		return nil, fmt.Errorf("rules: from 1 to %d are needed, such as {\"path\": \"/\"}: what no rule names is forbidden", maxRules)
	}
	var out []*rule
	for _, r := range rules {
		c, err := r.compile()
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.Path, err)
		}
		if slices.ContainsFunc(out, func(o *rule) bool { return o.path == c.path }) {
			return nil, fmt.Errorf("rule %q: another rule has this path", r.Path)
		}
		out = append(out, c)
	}
	return out, nil
}

func (r *Rule) compile() (*rule, error) {
	if err := checkPath(r.Path); err != nil {
		return nil, err
	}
	path := strings.TrimSuffix(r.Path, "/")
	c := &rule{path: path, folded: fold(path), access: r.Access, groups: slices.Clone(r.Groups), scopes: slices.Clone(r.Scopes)}
	switch r.Access {
	case "":
		c.access = SignedIn
	case SignedIn:
	case Anyone, Nobody:
		if len(r.Groups)+len(r.Scopes) > 0 {
			return nil, fmt.Errorf("groups and scopes have no meaning where access is %q", r.Access)
		}
	default:
		return nil, fmt.Errorf("access is %q, and not %q, %q or %q", r.Access, SignedIn, Anyone, Nobody)
	}
	if slices.Contains(r.Groups, "") || slices.Contains(r.Scopes, "") {
		return nil, errors.New("a group or a scope is empty")
	}
	return c, nil
}

// checkPath returns an error for the path of a rule that no request could have.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return errors.New("the path must begin with a slash")
	}
	if strings.ContainsAny(path, "%?#;*") {
		return errors.New("the path is decoded, and has no percent sign, question mark, number sign, semicolon or asterisk")
	}
	if _, err := decode(path); err != nil {
		return errors.New("the path has an empty segment, a dot segment, a backslash or a control character")
	}
	return nil
}

// permits returns nil if a rule lets somebody in, who may be nil for nobody.
func (r *rule) permits(who *Identity) error {
	switch r.access {
	case Anyone:
		return nil
	case SignedIn:
		if who == nil {
			return errSignedOut
		}
		if len(r.groups) > 0 && !slices.ContainsFunc(r.groups, who.inGroup) {
			return fmt.Errorf("%w: none of the groups of the rule %q", errForbidden, r.name())
		}
		for _, s := range r.scopes {
			if !slices.Contains(who.Scopes, s) {
				return fmt.Errorf("%w: a scope of the rule %q is missing", errForbidden, r.name())
			}
		}
		return nil
	case Nobody:
		return fmt.Errorf("%w: the rule %q is for nobody", errForbidden, r.name())
	default:
		return fmt.Errorf("%w: the rule %q has an unknown access", errForbidden, r.name())
	}
}

// permitted returns nil if all rules let somebody in. What is forbidden in any case comes before a
// sign-in that would not help.
func permitted(rules []*rule, who *Identity) (err error) {
	for _, r := range rules {
		switch refused := r.permits(who); {
		case refused == nil:
		case errors.Is(refused, errSignedOut):
			err = refused
		default:
			return refused
		}
	}
	return err
}

func (r *rule) name() string {
	if r.path == "" {
		return "/"
	}
	return r.path
}

// find returns the rules of a path as a client has sent it, without its query. It returns an error
// if the path can be read in two ways, or if no rule is about one of its readings.
func (s *site) find(raw string) ([]*rule, error) {
	path, err := decode(raw)
	if err != nil {
		return nil, err
	}
	var out []*rule
	add := func(found ...*rule) error {
		if len(found) == 0 {
			return fmt.Errorf("%w: no rule is about this path", errForbidden)
		}
		for _, r := range found {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
		return nil
	}
	for _, reading := range []string{path, bare(path)} {
		if err := errors.Join(add(s.exact(reading)...), add(s.ignoringCase(reading)...)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// exact returns the rule with the longest path that is, or is above, a path.
func (s *site) exact(path string) []*rule {
	var best *rule
	for _, r := range s.rules {
		if below(path, r.path) && (best == nil || len(r.path) > len(best.path)) {
			best = r
		}
	}
	if best == nil {
		return nil
	}
	return []*rule{best}
}

// ignoringCase is exact for servers that ignore case. Several rules may differ in case alone.
func (s *site) ignoringCase(path string) []*rule {
	folded := fold(path)
	var best []*rule
	for _, r := range s.rules {
		switch {
		case !below(folded, r.folded):
		case len(best) == 0 || len(r.folded) > len(best[0].folded):
			best = []*rule{r}
		case len(r.folded) == len(best[0].folded):
			best = append(best, r)
		}
	}
	return best
}

func below(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '/')
}

// fold maps letters that differ in case to one, also those that have no counterpart of their own.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// bare is a path as those servers read it that cut parameters off segments, or dots and spaces at
// their end.
func bare(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		segments[i] = strings.TrimRight(s, ". ")
	}
	return strings.Join(segments, "/")
}

// decode decodes a path once. It returns errPath for paths that servers do not agree on.
func decode(raw string) (string, error) {
	if len(raw) > maxTarget || !strings.HasPrefix(raw, "/") {
		return "", errPath
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '%':
			d, ok := unhex(raw[i+1:])
			if !ok || d == '/' {
				return "", errPath
			}
			c = d
			i += 2
		case c == '#' || c == '?' || c == ' ':
			return "", errPath
		}
		if c < ' ' || c == 0x7f || c == '\\' {
			return "", errPath
		}
		b.WriteByte(c)
	}
	path := b.String()
	if !utf8.ValidString(path) || !onceEncoded(path) || !plainSegments(path) {
		return "", errPath
	}
	return path, nil
}

// unhex returns the byte whose two digits a text begins with.
func unhex(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	high, ok := digit(s[0])
	low, ok2 := digit(s[1])
	return high<<4 | low, ok && ok2
}

func digit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// onceEncoded reports whether a decoded path has nothing that a second decoding would change.
func onceEncoded(path string) bool {
	for i := range len(path) {
		if path[i] != '%' {
			continue
		}
		if _, ok := unhex(path[i+1:]); ok {
			return false
		}
	}
	return true
}

// plainSegments reports whether a path has no empty segment but the last one, and no segment that
// is, or could be taken for, a dot segment.
func plainSegments(path string) bool {
	segments := strings.Split(path, "/")[1:]
	for i, s := range segments {
		if s == "" && i == len(segments)-1 {
			return true
		}
		name, _, _ := strings.Cut(s, ";")
		if strings.Trim(name, ". ") == "" {
			return false
		}
	}
	return true
}

// Rules returns the rules that a request to an address must satisfy, all of them. It returns an error
// if the address is at no site, if its path can be read in two ways, or if no rule is about it: such
// requests are refused. Use it to try a configuration out.
func (e *Edge) Rules(address string) ([]Rule, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	end := strings.IndexByte(rest, '/')
	if !ok || end < 0 {
		return nil, fmt.Errorf("edge: %q is not an address such as https://app.example.com/path", address)
	}
	o, err := e.about("GET", scheme, rest[:end], rest[end:])
	if err != nil {
		return nil, err
	}
	found, err := o.site.find(o.path())
	if err != nil {
		return nil, err
	}
	out := make([]Rule, len(found))
	for i, r := range found {
		out[i] = Rule{Path: r.name(), Access: r.access, Groups: slices.Clone(r.groups), Scopes: slices.Clone(r.scopes)}
	}
	return out, nil
}
