package identity

import (
	"cmp"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// memberships reads the groups that a user is in, by precedence and then by
// name. A user without groups costs no read.
func (u *User) memberships(r store.Reader) ([]*Group, error) {
	if len(u.Groups) == 0 {
		return nil, nil
	}
	refs := make([]store.Ref, len(u.Groups))
	for i, id := range u.Groups {
		refs[i] = groups.Ref(store.Key(u.Pool, id))
	}
	values, err := r.Get(refs...)
	if err != nil {
		return nil, err
	}
	var in []*Group
	for _, v := range values {
		g, err := orNil(groups.Decode(v))
		if err != nil {
			return nil, err
		}
		if g != nil { // else it was deleted
			in = append(in, g)
		}
	}
	slices.SortFunc(in, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Name, b.Name))
	})
	return in, nil
}

// rank orders groups: those without a precedence come last.
func (g *Group) rank() int64 {
	if g.Precedence == nil {
		return 1 << 40
	}
	return int64(*g.Precedence)
}

func groupNames(in []*Group) []string {
	names := make([]string, len(in))
	for i, g := range in {
		names[i] = g.Name
	}
	return names
}

// roles writes the roles of a user's groups, and which of them is preferred:
// that of the first group, unless another of the same precedence has another role.
func (c *claims) roles(in []*Group) {
	var roles []string
	for _, g := range in {
		if g.Role != nil && !slices.Contains(roles, *g.Role) {
			roles = append(roles, *g.Role)
		}
	}
	if len(roles) == 0 {
		return
	}
	c.list("cognito:roles", roles)
	if role := preferredRole(in); role != "" {
		c.str("cognito:preferred_role", role)
	}
}

func preferredRole(in []*Group) string {
	best := ""
	for _, g := range in {
		if g.Role == nil || g.Precedence == nil || g.rank() != in[0].rank() {
			continue
		}
		if best != "" && best != *g.Role {
			return ""
		}
		best = *g.Role
	}
	return best
}
