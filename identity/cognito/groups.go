package cognito

import (
	"context"
	"fmt"
	"iter"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/settings"
)

// Groups of a pool, and who is in them. All operations are the operator's. The
// groups themselves go through identity.Groups; memberships go through
// identity.Users, because they are kept with the user. To add a user twice, or to
// remove one who is not a member, is no error. Lists have pages of up to 60, see
// page in pools.go.

// groups is a handle on the groups of the pool that a call names.
func (s *service) groups(ctx context.Context, pool *string) (identity.Groups, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.Groups{}, err
	}
	return p.Admin().Groups(), nil
}

func (s *service) createGroup(ctx context.Context, in *idp.CreateGroupRequest) (*idp.CreateGroupResponse, error) {
	groups, err := s.groups(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if err := s.checkRole(in.RoleArn); err != nil {
		return nil, err
	}
	g, err := groups.Create(ctx, identity.GroupSettings{
		Name: text(in.GroupName), Description: in.Description, RoleARN: in.RoleArn, Precedence: number[int](in.Precedence),
	})
	if err != nil {
		return nil, err
	}
	return &idp.CreateGroupResponse{Group: ptr(groupType(g))}, nil
}

// checkRole refuses the role of another account, as the service does.
func (s *service) checkRole(arn *string) error {
	if settings.OwnRole(text(arn), s.engine.Account()) {
		return nil
	}
	return &identity.SettingError{Setting: "RoleARN", Code: settings.RoleForeign, Reason: "The role of a group is of another account."}
}

// groupType is a group as the service shows it: what was never set is not there.
func groupType(g *identity.Group) idp.GroupType {
	return idp.GroupType{
		GroupName: ptr(g.Name), UserPoolId: ptr(g.Pool), Description: g.Description, RoleArn: g.RoleARN,
		Precedence: number[int32](g.Precedence), LastModifiedDate: date(g.Modified), CreationDate: date(g.Created),
	}
}

func (s *service) getGroup(ctx context.Context, in *idp.GetGroupRequest) (*idp.GetGroupResponse, error) {
	groups, err := s.groups(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	g, err := groups.Get(ctx, text(in.GroupName))
	if err != nil {
		return nil, err
	}
	return &idp.GetGroupResponse{Group: ptr(groupType(g))}, nil
}

// updateGroup leaves what the request leaves out as it is: in the example that
// Amazon's command line prints, the role outlives an update of the rest.
func (s *service) updateGroup(ctx context.Context, in *idp.UpdateGroupRequest) (*idp.UpdateGroupResponse, error) {
	groups, err := s.groups(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if err := s.checkRole(in.RoleArn); err != nil {
		return nil, err
	}
	g, err := groups.Update(ctx, text(in.GroupName), identity.GroupSettings{
		Description: in.Description, RoleARN: in.RoleArn, Precedence: number[int](in.Precedence),
	})
	if err != nil {
		return nil, err
	}
	return &idp.UpdateGroupResponse{Group: ptr(groupType(g))}, nil
}

// deleteGroup takes all members out of the group as well.
func (s *service) deleteGroup(ctx context.Context, in *idp.DeleteGroupRequest) error {
	groups, err := s.groups(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return groups.Delete(ctx, text(in.GroupName))
}

// listGroups lists by name. The service promises no order.
func (s *service) listGroups(ctx context.Context, in *idp.ListGroupsRequest) (*idp.ListGroupsResponse, error) {
	groups, err := s.groups(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(ctx, "ListGroups", text(in.UserPoolId), in.NextToken)
	if err != nil {
		return nil, err
	}
	page, last, err := page(groups.List(ctx, after), in.Limit)
	if err != nil {
		return nil, err
	}
	out := &idp.ListGroupsResponse{Groups: groupTypes(page)}
	if last != nil {
		out.NextToken = pageToken("ListGroups", text(in.UserPoolId), last.Name)
	}
	return out, nil
}

func groupTypes(in []*identity.Group) []idp.GroupType {
	out := make([]idp.GroupType, len(in)) // shown when it is empty
	for i, g := range in {
		out[i] = groupType(g)
	}
	return out
}

// listUsersInGroup lists by sub. The group's name is part of the page token, so
// that a token of one group is refused for another.
func (s *service) listUsersInGroup(ctx context.Context, in *idp.ListUsersInGroupRequest) (*idp.ListUsersInGroupResponse, error) {
	groups, err := s.groups(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	query := text(in.UserPoolId) + " " + text(in.GroupName)
	after, err := readPageToken(ctx, "ListUsersInGroup", query, in.NextToken)
	if err != nil {
		return nil, err
	}
	page, last, err := page(groups.Members(ctx, text(in.GroupName), after), in.Limit)
	if err != nil {
		return nil, err
	}
	out := &idp.ListUsersInGroupResponse{Users: make([]idp.UserType, len(page))}
	for i, u := range page {
		out.Users[i] = *userType(u)
	}
	if last != nil {
		out.NextToken = pageToken("ListUsersInGroup", query, last.Sub)
	}
	return out, nil
}

func (s *service) adminAddUserToGroup(ctx context.Context, in *idp.AdminAddUserToGroupRequest) error {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return users.AddToGroup(ctx, text(in.Username), text(in.GroupName))
}

func (s *service) adminRemoveUserFromGroup(ctx context.Context, in *idp.AdminRemoveUserFromGroupRequest) error {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return users.RemoveFromGroup(ctx, text(in.Username), text(in.GroupName))
}

// adminListGroupsForUser lists in the order that tokens have. All groups of a user
// are read at once, since there are few (by default at most 100), and the page is
// cut out of them.
func (s *service) adminListGroupsForUser(ctx context.Context, in *idp.AdminListGroupsForUserRequest) (*idp.AdminListGroupsForUserResponse, error) {
	users, err := s.users(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	query := text(in.UserPoolId) + " " + text(in.Username)
	after, err := readPageToken(ctx, "AdminListGroupsForUser", query, in.NextToken)
	if err != nil {
		return nil, err
	}
	groups, err := users.Groups(ctx, text(in.Username))
	if err != nil {
		return nil, err
	}
	page, last, err := page(groupsAfter(groups, after), in.Limit)
	if err != nil {
		return nil, err
	}
	out := &idp.AdminListGroupsForUserResponse{Groups: groupTypes(page)}
	if last != nil {
		out.NextToken = pageToken("AdminListGroupsForUser", query, place(last))
	}
	return out, nil
}

// groupsAfter yields those of a user's groups whose place is after another.
func groupsAfter(groups []*identity.Group, after string) iter.Seq2[*identity.Group, error] {
	return func(yield func(*identity.Group, error) bool) {
		for _, g := range groups {
			if place(g) > after && !yield(g, nil) {
				return
			}
		}
	}
}

// place is a text that orders as a user's groups do: by precedence, none last,
// and by name. So a page goes on in the right place even when the group that
// the one before ended with is gone.
func place(g *identity.Group) string {
	if g.Precedence == nil {
		return "~" + g.Name
	}
	return fmt.Sprintf("%010d%s", *g.Precedence, g.Name)
}
