package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Context has the values of condition keys, such as aws:SourceIp. The case of keys does not
// matter; make a Context with [NewContext] or with keys in lower case.
type Context map[string][]string

// NewContext returns a context with the keys of m in lower case.
func NewContext(m map[string][]string) Context {
	c := make(Context, len(m))
	for k, v := range m {
		c.Set(k, v...)
	}
	return c
}

// Set sets the values of a key. Without values, the key is removed.
func (c Context) Set(key string, values ...string) {
	key = strings.ToLower(key)
	if len(values) == 0 {
		delete(c, key)
		return
	}
	c[key] = values
}

// values returns the values of a key that is in lower case.
func (c Context) values(key string) []string { return c[key] }

// A Request is what a policy is asked about.
type Request struct {
	Action   string  // such as s3:GetObject
	Resource string  // an ARN; empty for a trust policy
	Context  Context // the condition keys and their values
	// Principal is who asks. Only trust policies name principals.
	Principal Principal
}

// A Principal is who asks to assume a role.
type Principal struct {
	Federated []string // all names of the identity provider, such as cognito-identity.amazonaws.com
	AWS       []string // all names of a caller with an access key: ARNs, and the number of its account
}

// A Set is the policies that together say what somebody may do.
type Set []*Policy

// A Decision is the answer, with its reason.
type Decision struct {
	Allowed  bool   // whether the request is allowed
	Explicit bool   // a Deny was found, not only no Allow
	Policy   string // the name of the policy that decided; empty if none did
	// Statement is the Sid of the statement that decided, or its number such as "statement 2".
	Statement string
	// Why says in a sentence how the decision came about, for logs of operators. It names
	// policies, so do not send it to the caller.
	Why string
}

// Decide decides a request. Each set must allow it: the first is usually the policies of a role,
// and another one those of a session, which only take away. A Deny in any set wins. Without a set, or
// with an empty one, nothing is allowed.
func Decide(r *Request, sets ...Set) Decision {
	for _, set := range sets {
		if d, ok := set.find(r, true); ok {
			return d
		}
	}
	var last Decision
	if len(sets) == 0 {
		return Decision{Why: "there is no policy"}
	}
	for i, set := range sets {
		d, ok := set.find(r, false)
		if !ok {
			return Decision{Why: fmt.Sprintf("no statement of %s allows %s on %q", setName(i, len(sets)), r.Action, r.Resource)}
		}
		if i == 0 {
			last = d
		}
	}
	return last
}

func setName(i, n int) string {
	switch {
	case n == 1:
		return "the policies"
	case i == 0:
		return "the role's policies"
	default:
		return "the session's policies"
	}
}

// find returns the decision of the first statement that applies, among those that deny or those
// that allow.
func (set Set) find(r *Request, deny bool) (Decision, bool) {
	for _, p := range set {
		for i := range p.statements {
			s := &p.statements[i]
			if s.deny == deny && s.applies(r) {
				return Decision{
					Allowed: !deny, Explicit: deny, Policy: p.Name, Statement: s.name(),
					Why: s.name() + " of policy " + strconv.Quote(p.Name) + " " + verb(deny) + " " + r.Action + " on " + strconv.Quote(r.Resource),
				}, true
			}
		}
	}
	return Decision{}, false
}

func verb(deny bool) string {
	if deny {
		return "denies"
	}
	return "allows"
}

func (s *statement) name() string {
	if s.sid != "" {
		return s.sid
	}
	return "statement " + strconv.Itoa(s.number)
}

// applies reports whether the statement is about the request. In doubt, an Allow is not and a
// Deny is.
func (s *statement) applies(r *Request) bool {
	switch s.about(r) {
	case yes:
		return true
	case no:
		return false
	case doubt:
	}
	return s.deny
}

func (s *statement) about(r *Request) truth {
	out := all(s.principal(r), s.action(r), s.resource(r))
	for i := range s.conditions {
		if out == no {
			return no
		}
		out = all(out, s.conditions[i].holds(r.Context))
	}
	return out
}

// all is no if one is no, else doubt if one is in doubt.
func all(list ...truth) truth {
	switch {
	case slices.Contains(list, no):
		return no
	case slices.Contains(list, doubt):
		return doubt
	default:
		return yes
	}
}

// one is yes if one is yes, else doubt if one is in doubt.
func one(list ...truth) truth {
	switch {
	case slices.Contains(list, yes):
		return yes
	case slices.Contains(list, doubt):
		return doubt
	default:
		return no
	}
}

func (s *statement) action(r *Request) truth {
	name := strings.ToLower(r.Action)
	out := no
	for _, p := range s.actions {
		out = one(out, p.match(name, nil))
	}
	if s.notActions {
		return out.not()
	}
	return out
}

// resource is yes for a trust policy, which has no resources.
func (s *statement) resource(r *Request) truth {
	if len(s.resources) == 0 {
		return yes
	}
	out := no
	for _, p := range s.resources {
		if p.arn == nil {
			out = yes
			break
		}
		t := p.arn.matchResource(r.Resource, r.Context)
		if t == no && s.notResources && p.arn[arnParts-1].unset(r.Context) {
			t = doubt // else the statement would be about everything
		}
		out = one(out, t)
	}
	if s.notResources {
		return out.not()
	}
	return out
}

// principal is yes for a policy that is not a trust policy, which has no principals.
func (s *statement) principal(r *Request) truth {
	if len(s.principals) == 0 {
		return yes
	}
	return truthOf(slices.ContainsFunc(s.principals, func(p principal) bool {
		switch p.kind {
		case "*":
			return true
		case "Federated":
			return slices.Contains(r.Principal.Federated, p.name)
		case "AWS":
			return slices.Contains(r.Principal.AWS, p.name)
		default: // a service never asks us
			return false
		}
	}))
}
