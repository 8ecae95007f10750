package cognito

import (
	"context"
	"encoding/base64"
	"iter"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// User pools: create, describe, update, delete and list. A request is turned into
// identity.PoolSettings by the rows of poolMembers (poolmembers.go), and settings
// are turned into an answer by poolType (pooltype.go). The end of this file has
// the pages that all lists of this package share.

// createUserPool puts the pool into the region of the signature, so that one
// server can stand in for several regions.
func (s *service) createUserPool(ctx context.Context, in *idp.CreateUserPoolRequest) (*idp.CreateUserPoolResponse, error) {
	settings, err := creation(in, s.engine.Account()).newPoolSettings(s.region(ctx))
	if err != nil {
		return nil, err
	}
	p, err := s.engine.CreateUserPool(ctx, settings)
	if err != nil {
		return nil, err
	}
	return &idp.CreateUserPoolResponse{UserPool: s.poolType(p, 0)}, nil
}

// pool finds a pool of the region that the call is for; each region sees its own.
func (s *service) pool(ctx context.Context, id *string) (*identity.UserPool, error) {
	region := wire.RequestFrom(ctx).Region
	if region != "" && !strings.HasPrefix(text(id), region+"_") {
		return nil, &identity.NotFoundError{Err: identity.ErrPoolNotFound, ID: text(id)}
	}
	if err := permitPool(ctx, text(id)); err != nil {
		return nil, err
	}
	return s.engine.UserPool(ctx, text(id))
}

// poolInfo reads the pool that a call names.
func (s *service) poolInfo(ctx context.Context, id *string) (*identity.PoolInfo, error) {
	pool, err := s.pool(ctx, id)
	if err != nil {
		return nil, err
	}
	return pool.Admin().Describe(ctx)
}

// describeUserPool counts the users each time, up to 1,000: a greater number is
// shown as 1,000. The service's EstimatedNumberOfUsers is an estimate too.
func (s *service) describeUserPool(ctx context.Context, in *idp.DescribeUserPoolRequest) (*idp.DescribeUserPoolResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := pool.Admin().Describe(ctx)
	if err != nil {
		return nil, err
	}
	users, err := pool.Admin().CountUsers(ctx)
	if err != nil {
		return nil, err
	}
	out := s.poolType(p, users)
	if err := s.showDomains(ctx, pool, out); err != nil {
		return nil, err
	}
	if out.UserPoolTags == nil {
		out.UserPoolTags = map[string]string{} // shown empty here, and not at all by CreateUserPool
	}
	return &idp.DescribeUserPoolResponse{UserPool: out}, nil
}

// updateUserPool replaces the settings of a pool: what the request leaves out
// goes back to its default, except where poolMembers says otherwise.
func (s *service) updateUserPool(ctx context.Context, in *idp.UpdateUserPoolRequest) (*idp.UpdateUserPoolResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	r := replacement(in, s.engine.Account())
	if err := r.check(); err != nil {
		return nil, err
	}
	if err := s.notImporting(ctx, pool); err != nil {
		return nil, err
	}
	if _, err := pool.Admin().Update(ctx, r.apply); err != nil {
		return nil, err
	}
	return &idp.UpdateUserPoolResponse{}, nil
}

func (s *service) deleteUserPool(ctx context.Context, in *idp.DeleteUserPoolRequest) error {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	if err := s.notImporting(ctx, pool); err != nil {
		return err
	}
	return pool.Admin().Delete(ctx)
}

// listUserPools lists the pools of the caller's region only.
func (s *service) listUserPools(ctx context.Context, in *idp.ListUserPoolsRequest) (*idp.ListUserPoolsResponse, error) {
	region := s.region(ctx)
	after, err := readPageToken(ctx, "ListUserPools", region, in.NextToken)
	if err != nil {
		return nil, err
	}
	pools, last, err := page(permitted(ctx, s.engine.UserPools(ctx, region, after)), in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &idp.ListUserPoolsResponse{UserPools: []idp.UserPoolDescriptionType{}}
	if last != nil {
		out.NextToken = pageToken("ListUserPools", region, last.ID)
	}
	for _, p := range pools {
		out.UserPools = append(out.UserPools, idp.UserPoolDescriptionType{
			Id: ptr(p.ID), Name: ptr(p.Settings.Name), LambdaConfig: lambdaConfig(&p.Settings),
			CreationDate: date(p.Created), LastModifiedDate: date(p.Modified),
		})
	}
	return out, nil
}

// page is the first page of a listing, and its last record where there is more.
// A page has limit records; none, or zero, means the service's 60.
func page[R any](all iter.Seq2[*R, error], limit *int32) (records []*R, last *R, err error) {
	size := positive(limit, maxPage)
	for rec, err := range all {
		if err != nil {
			return nil, nil, err
		}
		if len(records) == size {
			return records, records[size-1], nil
		}
		records = append(records, rec)
	}
	return records, nil, nil
}

// A page token is where the page before ended, bound to the operation and to
// what was asked. It holds nothing secret and nothing that is not checked again.
func pageToken(op, query, last string) *string {
	return ptr(base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{op, query, last}, "\x00"))))
}

// maxMarker is the longest page token that an answer repeats; all that are handed out are shorter.
const maxMarker = 2048

// readPageToken returns the position that a token holds, "" for no token. A token
// of another operation or of another question is refused, because its position
// means nothing there. The text for the first is well known, but no record of it
// was found.
func readPageToken(ctx context.Context, op, query string, token *string) (string, error) {
	if token == nil {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*token)
	parts := strings.Split(string(raw), "\x00")
	if err != nil || len(parts) != 3 || parts[0] != op || parts[2] == "" || len(*token) > maxMarker {
		return "", badPageToken()
	}
	if parts[1] != query { // recorded of ListUsers; for the rest (unsure)
		return "", wire.Errorf(idp.InvalidParameterException, "Paging marker %s is invalid for request %s", *token, wire.RequestFrom(ctx).ID)
	}
	return parts[2], nil
}

func badPageToken() error {
	return wire.Errorf(idp.InvalidParameterException, "Invalid pagination token given.")
}
