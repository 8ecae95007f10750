package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Limits of one document.
const (
	// MaxSize is how many bytes a document may have. It is what AWS allows all inline policies
	// of one role together.
	MaxSize = 10_240
	// MaxSessionSize is how many bytes a policy of a session may have.
	MaxSessionSize = 2_048
)

// ErrMalformed is returned for a document that is not a policy. The errors of [Parse] wrap it and
// say what is wrong, and where.
var ErrMalformed = errors.New("policy: malformed policy document")

// ErrTooLarge is returned for a document with more than [MaxSize] bytes.
var ErrTooLarge = errors.New("policy: the document is too large")

// The versions of the language. Only the newer one has variables.
const (
	version2012 = "2012-10-17"
	version2008 = "2008-10-17"
)

// A Policy is a document that was read and found good. It is made by [Parse] and [ParseTrust], and
// never changes.
type Policy struct {
	// Name is what decisions call the policy. Set it before the policy is used; it may be empty.
	Name string

	text       string
	statements []statement
}

// String returns the document as it was given.
func (p *Policy) String() string { return p.text }

// Parse reads a policy of a role or of a session. It returns [ErrMalformed], wrapped with the
// reason, or [ErrTooLarge].
func Parse(text string) (*Policy, error) { return parse(text, false) }

// ParseTrust reads a policy that says who may assume a role: its statements have a Principal and
// no Resource. Its errors are those of [Parse].
func ParseTrust(text string) (*Policy, error) { return parse(text, true) }

func parse(text string, trust bool) (*Policy, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(text), MaxSize)
	}
	o, err := readObject(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p := &Policy{text: text}
	if err := p.read(o, trust); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return p, nil
}

func (p *Policy) read(o object, trust bool) error {
	version := version2008
	var statements []any
	for _, m := range o {
		switch m.name {
		case "Version":
			v, _ := m.value.(string)
			if v != version2012 && v != version2008 {
				return errors.New("the Version must be 2012-10-17 or 2008-10-17")
			}
			version = v
		case "Id":
			if _, ok := m.value.(string); !ok || !trust {
				return errors.New("the Id must be a string, and only a trust policy has one")
			}
		case "Statement":
			statements = list(m.value)
		default:
			return fmt.Errorf("unknown member %q", m.name)
		}
	}
	if len(statements) == 0 {
		return errors.New("there is no Statement")
	}
	seen := map[string]bool{}
	for i, v := range statements {
		o, ok := v.(object)
		if !ok {
			return fmt.Errorf("statement %d is not an object", i+1)
		}
		r := reader{trust: trust, vars: version == version2012}
		s, err := r.statement(o)
		if err != nil {
			return fmt.Errorf("statement %d: %w", i+1, err)
		}
		if s.sid != "" && seen[s.sid] {
			return fmt.Errorf("two statements have the Sid %q", s.sid)
		}
		seen[s.sid] = true
		s.number = i + 1
		p.statements = append(p.statements, *s)
	}
	return nil
}

// A statement is one statement of a policy.
type statement struct {
	number       int // from 1
	sid          string
	deny         bool
	actions      []pattern
	notActions   bool // all but actions
	resources    []resource
	notResources bool // all but resources
	principals   []principal
	conditions   []condition
}

// A resource is an ARN with wildcards. Nil means any.
type resource struct{ arn *arnPattern }

// A principal is one that a trust policy names. The kind * means anybody.
type principal struct{ kind, name string }

// A reader reads statements.
type reader struct {
	trust bool // of a trust policy
	vars  bool // the version of the document has variables
}

func (r *reader) statement(o object) (*statement, error) {
	s := &statement{}
	given := map[string]bool{}
	for _, m := range o {
		given[m.name] = true
		if err := r.member(s, m); err != nil {
			return nil, err
		}
	}
	switch {
	case !given["Effect"]:
		return nil, errors.New("there is no Effect")
	case given["Action"] == given["NotAction"]:
		return nil, errors.New("there must be either Action or NotAction")
	case r.trust && !given["Principal"]:
		return nil, errors.New("there is no Principal, which a trust policy needs")
	case r.trust && (given["Resource"] || given["NotResource"]):
		return nil, errors.New("a trust policy has no Resource")
	case !r.trust && given["Principal"]:
		return nil, errors.New("only a trust policy has a Principal")
	case !r.trust && given["Resource"] == given["NotResource"]:
		return nil, errors.New("there must be either Resource or NotResource")
	}
	return s, nil
}

func (r *reader) member(s *statement, m member) (err error) {
	switch m.name {
	case "Sid":
		s.sid, err = sid(m.value)
	case "Effect":
		s.deny, err = effect(m.value)
	case "Action":
		s.actions, err = actions(m)
	case "NotAction":
		s.notActions = true
		s.actions, err = actions(m)
	case "Resource":
		s.resources, err = r.resources(m)
	case "NotResource":
		s.notResources = true
		s.resources, err = r.resources(m)
	case "Principal":
		s.principals, err = principals(m.value)
	case "Condition":
		s.conditions, err = r.conditions(m.value)
	case "NotPrincipal":
		return errors.New("NotPrincipal is not supported: deny Principal * with ArnNotEquals of aws:PrincipalArn")
	default:
		return fmt.Errorf("unknown member %q", m.name)
	}
	return err
}

func sid(v any) (string, error) {
	s, ok := v.(string)
	if !ok || len(s) > 128 || strings.ContainsFunc(s, notAlnum) {
		return "", errors.New("the Sid must have at most 128 characters, only letters and digits")
	}
	return s, nil
}

func effect(v any) (deny bool, err error) {
	switch v {
	case "Allow":
		return false, nil
	case "Deny":
		return true, nil
	default:
		return false, errors.New("the Effect must be Allow or Deny")
	}
}

// actions reads names of actions, such as s3:Get*. Their case does not matter.
func actions(m member) ([]pattern, error) {
	names, err := texts(m.name, m.value)
	if err != nil {
		return nil, err
	}
	out := make([]pattern, len(names))
	for i, name := range names {
		service, action, ok := strings.Cut(name, ":")
		if name != "*" && (!ok || service == "" || action == "" || strings.ContainsFunc(service, notService) || strings.ContainsFunc(action, notAction)) {
			return nil, fmt.Errorf("%s: %q is not * or service:action", m.name, name)
		}
		if out[i], err = parsePattern(strings.ToLower(name), true, false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func notService(r rune) bool { return notAlnum(r) && r != '-' }

func notAction(r rune) bool { return notAlnum(r) && r != '*' && r != '?' }

func notAlnum(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

func (r *reader) resources(m member) ([]resource, error) {
	names, err := texts(m.name, m.value)
	if err != nil {
		return nil, err
	}
	out := make([]resource, len(names))
	for i, name := range names {
		if name == "*" {
			continue
		}
		if err := r.checkVariables(name); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		if out[i].arn, err = parseResource(name, r.vars); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return out, nil
}

// checkVariables refuses what looks like a variable in a version that has none: its author means
// a variable, and AWS takes it as letters.
func (r *reader) checkVariables(text string) error {
	if !r.vars && strings.Contains(text, "${") {
		return errors.New("variables need the Version 2012-10-17")
	}
	return nil
}

// principalKinds are the kinds of principals. A service is never one that asks us, but trust
// policies that were made at AWS name some.
var principalKinds = []string{"AWS", "Federated", "Service"}

func principals(v any) ([]principal, error) {
	if v == "*" {
		return []principal{{kind: "*"}}, nil
	}
	o, ok := v.(object)
	if !ok || len(o) == 0 {
		return nil, errors.New("the Principal must be * or an object with AWS, Federated or Service")
	}
	var out []principal
	for _, m := range o {
		if !slices.Contains(principalKinds, m.name) {
			return nil, fmt.Errorf("Principal: unknown member %q", m.name)
		}
		names, err := texts(m.name, m.value)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if name == "*" && m.name == "AWS" {
				out = append(out, principal{kind: "*"})
				continue
			}
			if strings.ContainsAny(name, "*?") {
				return nil, fmt.Errorf("Principal: %q has a wildcard", name)
			}
			out = append(out, principal{m.name, name})
		}
	}
	return out, nil
}
