package cognito

import (
	"context"
	"slices"
	"strconv"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// ListUsers. The filter is parsed and the page is read by identity.Users.Page, in
// one transaction. The page token holds the position after the last user, and is
// bound to the pool and the filter. AttributesToGet is applied to the users of the
// page afterwards.

// listUsers has pages of up to 60 users, which is the default too. Clients must
// follow the token until there is none: the service's pages can be shorter than
// the limit.
func (s *service) listUsers(ctx context.Context, in *idp.ListUsersRequest) (*idp.ListUsersResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	query := text(in.UserPoolId) + " " + strconv.Quote(text(in.Filter))
	after, err := readPageToken(ctx, "ListUsers", query, in.PaginationToken)
	if err != nil {
		return nil, err
	}
	page, next, err := pool.Admin().Users().Page(ctx, identity.UserQuery{
		Filter: text(in.Filter), After: after, Limit: int(val(in.Limit)),
	})
	if err != nil {
		return nil, err
	}
	if err := inSchema(ctx, pool, in.AttributesToGet); err != nil {
		return nil, err
	}
	out := &idp.ListUsersResponse{Users: make([]idp.UserType, len(page))}
	for i, u := range page {
		out.Users[i] = *userType(u)
		if in.AttributesToGet == nil {
			continue
		}
		if out.Users[i].Attributes, err = onlyAttributes(u, in.AttributesToGet); err != nil {
			return nil, err
		}
	}
	if next != "" {
		out.PaginationToken = pageToken("ListUsers", query, next)
	}
	return out, nil
}

// inSchema refuses to get attributes that the pool does not have.
func inSchema(ctx context.Context, pool *identity.UserPool, names []string) error {
	if len(names) == 0 {
		return nil
	}
	info, err := pool.Admin().Describe(ctx)
	if err != nil {
		return err
	}
	schema := info.Settings.Schema
	if schema == nil {
		schema = identity.StandardSchema()
	}
	for _, name := range names {
		if !slices.ContainsFunc(schema, func(a identity.SchemaAttribute) bool { return a.Name == name }) {
			return wire.Errorf(idp.InvalidParameterException, "Input fails to satisfy the constraints.")
		}
	}
	return nil
}

// onlyAttributes are the named attributes of a user, in the usual order; by an
// empty list, none. One that the user lacks is an error: so the service does.
// Whether it does so for the flags of addresses too is (unsure); users whom an
// operator makes lack them unless they are given.
func onlyAttributes(u *identity.User, names []string) ([]idp.AttributeType, error) {
	out := []idp.AttributeType{}
	got := map[string]bool{"email_verified": true, "phone_number_verified": true}
	for _, a := range attributeList(u) {
		if name := text(a.Name); slices.Contains(names, name) {
			out = append(out, a)
			got[name] = true
		}
	}
	if slices.ContainsFunc(names, func(name string) bool { return !got[name] }) {
		return nil, errNoAttribute()
	}
	return out, nil
}

func errNoAttribute() error {
	return wire.Errorf(idp.InvalidParameterException, "One or more requested attributes do not exist.")
}
