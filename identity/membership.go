package identity

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/cognate-id/cognate/store"
)

// Who is in which group. A membership is the id of the group in the user's record,
// so it is written with the user: AddToGroup and RemoveFromGroup find the user by
// name, and then changeGroups reads user and group, changes the list and writes
// user and event in one transaction. That a membership changes does not touch
// User.Modified. The id of a group that was deleted counts for nothing;
// memberships passes over it, and the sweep takes it out of the record.
//
// The second half of the file turns the groups of a user into claims: their order,
// how many fit into a token, and the roles.

// AddToGroup puts a user into a group. It is no error if the user is in it
// already. If a rule had put the user in, the user now stays without it. More groups than a user may be in are [ErrQuotaExceeded].
func (us Users) AddToGroup(ctx context.Context, username, group string) error {
	e := us.admin.engine
	err := us.admin.changeGroups(ctx, username, group, dataAdded, func(tx store.Tx, u *User, g *Group) (error, error) {
		if i := slices.Index(u.Ruled, g.ID); i >= 0 { // from now on no rule takes the user out
			u.Ruled = slices.Delete(u.Ruled, i, i+1)
			return nil, nil
		}
		if slices.Contains(u.Groups, g.ID) {
			return errUnchanged, nil
		}
		full, err := u.full(tx, e.groupLimit())
		u.Groups = append(u.Groups, g.ID)
		return full, err
	})
	if err != nil {
		return fmt.Errorf("add to group: %w", err)
	}
	return nil
}

// RemoveFromGroup takes a user out of a group. It is no error if the user is not in it.
func (us Users) RemoveFromGroup(ctx context.Context, username, group string) error {
	err := us.admin.changeGroups(ctx, username, group, dataRemoved, func(_ store.Tx, u *User, g *Group) (error, error) {
		if !slices.Contains(u.Groups, g.ID) {
			return errUnchanged, nil
		}
		u.leave(g.ID)
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("remove from group: %w", err)
	}
	return nil
}

// changeGroups changes which groups a user is in; how is the name of the change in the event. The group is read in the
// transaction that writes the user, so a deletion of the group takes place either before or after.
func (a *Admin) changeGroups(ctx context.Context, username, group, how string, fn func(tx store.Tx, u *User, g *Group) (refused, err error)) error {
	by, err := a.origin(ctx, username)
	if err != nil {
		return err
	}
	by.apart, by.data = true, map[string]string{how: group}
	_, err = a.engine.changeUser(ctx, by, EventGroupsChanged, func(tx store.Tx, u *User) (error, error) {
		g, err := a.group(tx, group)
		if err != nil {
			return nil, err
		}
		return fn(tx, u, g)
	})
	return err
}

// groupLimit is in how many groups a user may be; negative for any number.
func (e *Engine) groupLimit() int { return cmp.Or(e.quotas.GroupsPerUser, serviceQuotas.GroupsPerUser) }

// full reports whether a user can be in no more groups. Before it says so it
// takes groups that were deleted out of the list.
func (u *User) full(r store.Reader, limit int) (refused, err error) {
	if limit < 0 || len(u.Groups) < limit {
		return nil, nil
	}
	live, err := u.memberships(r)
	if err != nil {
		return nil, err
	}
	if len(live) >= limit {
		return &QuotaError{"groups of a user", limit}, nil
	}
	u.Groups = make([]string, len(live))
	for i, g := range live {
		u.Groups[i] = g.ID
	}
	return nil, nil
}

// leave takes a group out of the user's list.
func (u *User) leave(group string) {
	u.Groups = slices.DeleteFunc(u.Groups, func(id string) bool { return id == group })
	u.Ruled = slices.DeleteFunc(u.Ruled, func(id string) bool { return id == group })
}

// Groups returns the groups that a user is in, in the order that they have in
// tokens: by precedence, and then by name.
func (us Users) Groups(ctx context.Context, username string) ([]*Group, error) {
	_, u, err := us.admin.find(ctx, username)
	if err != nil {
		return nil, fmt.Errorf("groups of a user: %w", err)
	}
	var in []*Group
	err = us.admin.engine.store.View(ctx, func(r store.Reader) (err error) {
		in, err = u.memberships(r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("groups of a user: %w", err)
	}
	return in, nil
}

// memberships reads the groups that a user is in, by precedence and then by
// name. A user without groups costs no read.
func (u *User) memberships(r store.Reader) ([]*Group, error) {
	if len(u.Groups) == 0 {
		return nil, nil
	}
	values, err := r.Get(u.groupRefs()...)
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

// groupRefs are the records of the user's groups, for one round trip.
func (u *User) groupRefs() []store.Ref {
	refs := make([]store.Ref, len(u.Groups))
	for i, id := range u.Groups {
		refs[i] = groups.Ref(store.Key(u.Pool, id))
	}
	return refs
}

// rank orders groups: those without a precedence come last.
func (g *Group) rank() int64 {
	if g.Precedence == nil {
		return 1 << 40
	}
	return int64(*g.Precedence)
}

// longestGroups is how many bytes the names and roles of a user's groups may take in a
// token, which with all attributes in it is then not longer than [token.MaxLength].
const longestGroups = 16 << 10

// fitting returns the groups that a token has: the first ones, up to longestGroups bytes.
func fitting(in []*Group) []*Group {
	n := 0
	for i, g := range in {
		n += len(quote(g.Name)) + 1
		if g.RoleARN != nil {
			n += len(quote(*g.RoleARN)) + 1
		}
		if n > longestGroups {
			return in[:i]
		}
	}
	return in
}

// groupNames are the names of groups, in their order.
func groupNames(in []*Group) []string {
	names := make([]string, len(in))
	for i, g := range in {
		names[i] = g.Name
	}
	return names
}

// rolesOf returns the roles of a user's groups, and which of them is preferred.
func rolesOf(in []*Group) (roles []string, preferred string) {
	in = slices.DeleteFunc(slices.Clone(in), func(g *Group) bool { return g.RoleARN == nil })
	if len(in) == 0 {
		return nil, ""
	}
	for _, g := range in {
		if !slices.Contains(roles, *g.RoleARN) {
			roles = append(roles, *g.RoleARN)
		}
	}
	return roles, preferredRole(in)
}

// preferredRole is the role of the first of the groups, unless another of the
// same precedence has another role. All groups given have a role. A group
// without a role is left out before, and a group without a precedence comes
// last: this is our reading of the service's documentation (unsure).
func preferredRole(in []*Group) string {
	for _, g := range in {
		if g.rank() == in[0].rank() && *g.RoleARN != *in[0].RoleARN {
			return ""
		}
	}
	return *in[0].RoleARN
}
