package clients_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cip "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
)

// A paginator is one of the SDK's, whatever it lists.
type paginator[Page any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*cip.Options)) (Page, error)
}

// all are the names on all pages, sorted, and how many pages they were on.
func all[Page any](t *testing.T, p paginator[Page], names func(Page) []string) (out []string, pages int) {
	t.Helper()
	for ; p.HasMorePages(); pages++ {
		if pages == 50 {
			t.Fatal("50 pages, and no end")
		}
		out = append(out, names(must(p.NextPage(t.Context()))(t))...)
	}
	slices.Sort(out)
	return out, pages
}

func namesOf[T any](list []T, name func(T) *string) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = aws.ToString(name(v))
	}
	return out
}

// newUsers are the users user0, user1, …: they can sign in at once.
func (w *world) newUsers(count int) (names []string) {
	w.Helper()
	for i := range count {
		name := fmt.Sprintf("user%d", i)
		must(w.api.AdminCreateUser(w.Context(), &cip.AdminCreateUserInput{
			UserPoolId: &w.pool, Username: &name, MessageAction: "SUPPRESS",
			UserAttributes: listed("email", name+"@example.com", "name", "User "+fmt.Sprint(i%2)),
		}))(w)
		names = append(names, name)
	}
	return names
}

func TestListUsers(t *testing.T) {
	w := newWorld(t, nil, nil)
	users := w.newUsers(7)
	must(w.api.AdminDisableUser(t.Context(), &cip.AdminDisableUserInput{UserPoolId: &w.pool, Username: &users[3]}))(t)
	must(w.api.AdminSetUserPassword(t.Context(), &cip.AdminSetUserPasswordInput{UserPoolId: &w.pool, Username: &users[4], Password: aws.String(password), Permanent: true}))(t)
	sub := named(must(w.api.AdminGetUser(t.Context(), &cip.AdminGetUserInput{UserPoolId: &w.pool, Username: &users[5]}))(t).UserAttributes)["sub"]
	for _, tt := range []struct {
		filter string
		want   []string
	}{
		{"", users},
		{`username = "user2"`, users[2:3]},
		{`username ^= "user"`, users},
		{`email = "user1@example.com"`, users[1:2]},
		{`email ^= "user"`, users},
		{`name = "User 1"`, []string{"user1", "user3", "user5"}},
		{`status = "Disabled"`, users[3:4]},
		{`cognito:user_status = "CONFIRMED"`, users[4:5]},
		{`sub="` + sub + `"`, users[5:6]},
		{`email = "nobody@example.com"`, nil},
	} {
		in := &cip.ListUsersInput{UserPoolId: &w.pool, Limit: aws.Int32(3)}
		if tt.filter != "" {
			in.Filter = &tt.filter
		}
		got, pages := all(t, cip.NewListUsersPaginator(w.api, in), func(p *cip.ListUsersOutput) []string {
			return namesOf(p.Users, func(u types.UserType) *string { return u.Username })
		})
		if !slices.Equal(got, tt.want) || pages < (len(tt.want)+2)/3 {
			t.Errorf("ListUsers %s: got %q on %d pages, want %q", tt.filter, got, pages, tt.want)
		}
	}
	out := must(w.api.ListUsers(t.Context(), &cip.ListUsersInput{
		UserPoolId: &w.pool, Filter: aws.String(`username = "user3"`), AttributesToGet: []string{"email"},
	}))(t)
	u := out.Users[0]
	if u.Enabled || u.UserStatus != "FORCE_CHANGE_PASSWORD" || u.UserCreateDate == nil || u.UserLastModifiedDate == nil ||
		!slices.EqualFunc(u.Attributes, listed("email", "user3@example.com"), func(a, b types.AttributeType) bool {
			return *a.Name == *b.Name && *a.Value == *b.Value
		}) {
		t.Errorf("ListUsers: got %s", text(t, u))
	}
	_, err := w.api.ListUsers(t.Context(), &cip.ListUsersInput{UserPoolId: &w.pool, Filter: aws.String(`email is "x"`)})
	refused[*types.InvalidParameterException](t, err, "Error while parsing filter.")
	_, err = w.api.ListUsers(t.Context(), &cip.ListUsersInput{UserPoolId: &w.pool, Filter: aws.String(`custom:foo = "x"`)})
	refused[*types.InvalidParameterException](t, err, "Invalid search attribute: custom:foo")
}

func TestListGroups(t *testing.T) {
	w := newWorld(t, nil, nil)
	users := w.newUsers(5)
	groups := []string{"group0", "group1", "group2", "group3", "group4"}
	for _, g := range groups {
		must(w.api.CreateGroup(t.Context(), &cip.CreateGroupInput{UserPoolId: &w.pool, GroupName: &g, Description: aws.String("first")}))(t)
		must(w.api.AdminAddUserToGroup(t.Context(), &cip.AdminAddUserToGroupInput{UserPoolId: &w.pool, GroupName: &g, Username: &users[0]}))(t)
	}
	for _, u := range users {
		must(w.api.AdminAddUserToGroup(t.Context(), &cip.AdminAddUserToGroupInput{UserPoolId: &w.pool, GroupName: &groups[2], Username: &u}))(t)
	}
	name := func(g types.GroupType) *string { return g.GroupName }
	got, pages := all(t, cip.NewListGroupsPaginator(w.api, &cip.ListGroupsInput{UserPoolId: &w.pool, Limit: aws.Int32(2)}),
		func(p *cip.ListGroupsOutput) []string { return namesOf(p.Groups, name) })
	if !slices.Equal(got, groups) || pages < 3 {
		t.Errorf("ListGroups: got %q on %d pages, want %q", got, pages, groups)
	}
	got, pages = all(t, cip.NewAdminListGroupsForUserPaginator(w.api, &cip.AdminListGroupsForUserInput{UserPoolId: &w.pool, Username: &users[0], Limit: aws.Int32(2)}),
		func(p *cip.AdminListGroupsForUserOutput) []string { return namesOf(p.Groups, name) })
	if !slices.Equal(got, groups) || pages < 3 {
		t.Errorf("AdminListGroupsForUser: got %q on %d pages, want %q", got, pages, groups)
	}
	got, pages = all(t, cip.NewListUsersInGroupPaginator(w.api, &cip.ListUsersInGroupInput{UserPoolId: &w.pool, GroupName: &groups[2], Limit: aws.Int32(2)}),
		func(p *cip.ListUsersInGroupOutput) []string {
			return namesOf(p.Users, func(u types.UserType) *string { return u.Username })
		})
	if !slices.Equal(got, users) || pages < 3 {
		t.Errorf("ListUsersInGroup: got %q on %d pages, want %q", got, pages, users)
	}
	must(w.api.UpdateGroup(t.Context(), &cip.UpdateGroupInput{UserPoolId: &w.pool, GroupName: &groups[1], Description: aws.String("second"), Precedence: aws.Int32(4)}))(t)
	g := must(w.api.GetGroup(t.Context(), &cip.GetGroupInput{UserPoolId: &w.pool, GroupName: &groups[1]}))(t).Group
	same(t, g, &types.GroupType{GroupName: &groups[1], Description: aws.String("second"), Precedence: aws.Int32(4)})
	if g.CreationDate == nil || g.LastModifiedDate == nil {
		t.Errorf("GetGroup: got %s, want dates", text(t, g))
	}
}

func TestListUserPoolClients(t *testing.T) {
	w := newWorld(t, nil, nil)
	want := []string{w.client}
	for range 4 {
		id, _ := w.newClient(nil)
		want = append(want, id)
	}
	slices.Sort(want)
	list := func(p *cip.ListUserPoolClientsOutput) []string {
		return namesOf(p.UserPoolClients, func(c types.UserPoolClientDescription) *string { return c.ClientId })
	}
	got, pages := all(t, cip.NewListUserPoolClientsPaginator(w.api, &cip.ListUserPoolClientsInput{UserPoolId: &w.pool, MaxResults: aws.Int32(2)}), list)
	if !slices.Equal(got, want) || pages < 3 {
		t.Errorf("ListUserPoolClients: got %q on %d pages, want %q", got, pages, want)
	}
	must(w.api.DeleteUserPoolClient(t.Context(), &cip.DeleteUserPoolClientInput{UserPoolId: &w.pool, ClientId: &want[0]}))(t)
	got, _ = all(t, cip.NewListUserPoolClientsPaginator(w.api, &cip.ListUserPoolClientsInput{UserPoolId: &w.pool}), list)
	if !slices.Equal(got, want[1:]) {
		t.Errorf("after a deletion: got %q, want %q", got, want[1:])
	}
	_, err := w.api.DescribeUserPoolClient(t.Context(), &cip.DescribeUserPoolClientInput{UserPoolId: &w.pool, ClientId: &want[0]})
	refused[*types.ResourceNotFoundException](t, err, "User pool client "+want[0]+" does not exist.")
}
