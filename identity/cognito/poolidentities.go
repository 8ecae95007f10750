package cognito

import (
	"context"
	"slices"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/idpool"
)

// Identities of identity pools. The first four operations are anybody's who has tokens of providers, or is a guest.

// logins are the logins of a call.
func logins(in map[string]wire.Secret) idpool.Logins {
	out := make(idpool.Logins, len(in))
	for name, token := range in {
		out[name] = identity.Secret(token)
	}
	return out
}

// getID ignores AccountId, as the id of the pool says enough.
func (s *service) getID(ctx context.Context, in *fedid.GetIdInput) (*fedid.GetIdResponse, error) {
	id, err := s.idpools.GetID(ctx, text(in.IdentityPoolId), logins(in.Logins))
	if err != nil {
		return nil, err
	}
	return &fedid.GetIdResponse{IdentityId: ptr(id)}, nil
}

func (s *service) getCredentialsForIdentity(ctx context.Context, in *fedid.GetCredentialsForIdentityInput) (*fedid.GetCredentialsForIdentityResponse, error) {
	c, err := s.idpools.Credentials(ctx, text(in.IdentityId), logins(in.Logins), text(in.CustomRoleArn))
	if err != nil {
		return nil, err
	}
	return &fedid.GetCredentialsForIdentityResponse{
		IdentityId: ptr(c.IdentityID),
		Credentials: &fedid.Credentials{
			AccessKeyId: ptr(c.AccessKeyID), SecretKey: ptr(wire.Secret(c.SecretKey)), SessionToken: ptr(string(c.SessionToken)), Expiration: date(c.Expires),
		},
	}, nil
}

func (s *service) getOpenIDToken(ctx context.Context, in *fedid.GetOpenIdTokenInput) (*fedid.GetOpenIdTokenResponse, error) {
	t, err := s.idpools.OpenIDToken(ctx, text(in.IdentityId), logins(in.Logins))
	if err != nil {
		return nil, err
	}
	return &fedid.GetOpenIdTokenResponse{IdentityId: ptr(t.IdentityID), Token: secret(t.Token)}, nil
}

func (s *service) unlinkIdentity(ctx context.Context, in *fedid.UnlinkIdentityInput) error {
	return s.idpools.Unlink(ctx, text(in.IdentityId), logins(in.Logins), in.LoginsToRemove)
}

// knownIdentity refuses an identity of a pool that the call may not know of.
func (s *service) knownIdentity(ctx context.Context, id *string) (*idpool.Identity, error) {
	region := wire.RequestFrom(ctx).Region
	if region != "" && !strings.HasPrefix(text(id), region+":") {
		return nil, &idpool.Error{Err: idpool.ErrIdentityNotFound, About: text(id)}
	}
	i, err := s.idpools.Identities().Get(ctx, text(id))
	if err != nil {
		return nil, err
	}
	return i, permitPool(ctx, i.Pool)
}

func (s *service) describeIdentity(ctx context.Context, in *fedid.DescribeIdentityInput) (*fedid.IdentityDescription, error) {
	i, err := s.knownIdentity(ctx, in.IdentityId)
	if err != nil {
		return nil, err
	}
	out := identityDescription(i)
	return &out, nil
}

func identityDescription(i *idpool.Identity) fedid.IdentityDescription {
	return fedid.IdentityDescription{IdentityId: ptr(i.ID), Logins: i.Logins, CreationDate: date(i.Created), LastModifiedDate: date(i.Modified)}
}

func (s *service) listIdentities(ctx context.Context, in *fedid.ListIdentitiesInput) (*fedid.ListIdentitiesResponse, error) {
	pool, err := s.identityPool(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(ctx, "ListIdentities", pool, in.NextToken)
	if err != nil {
		return nil, err
	}
	page, next, err := s.idpools.Identities().List(ctx, pool, idpool.Query{After: after, Limit: int(val(in.MaxResults)), HideDisabled: val(in.HideDisabled)})
	if err != nil {
		return nil, err
	}
	out := &fedid.ListIdentitiesResponse{IdentityPoolId: ptr(pool), Identities: []fedid.IdentityDescription{}}
	if next != "" {
		out.NextToken = pageToken("ListIdentities", pool, next)
	}
	for _, i := range page {
		out.Identities = append(out.Identities, identityDescription(i))
	}
	return out, nil
}

// deleteIdentities says of identities that the caller's key is not for that the access is denied, as the service does. Ids that
// nobody has are no error.
func (s *service) deleteIdentities(ctx context.Context, in *fedid.DeleteIdentitiesInput) (*fedid.DeleteIdentitiesResponse, error) {
	region := wire.RequestFrom(ctx).Region
	ids := slices.DeleteFunc(slices.Clone(in.IdentityIdsToDelete), func(id string) bool { return region != "" && !strings.HasPrefix(id, region+":") })
	out := &fedid.DeleteIdentitiesResponse{UnprocessedIdentityIds: []fedid.UnprocessedIdentityId{}}
	if len(ids) == 0 {
		return out, nil
	}
	refused, err := s.idpools.Identities().Delete(ctx, ids, func(pool string) bool { return permitPool(ctx, pool) == nil })
	if err != nil {
		return nil, err
	}
	for _, id := range refused {
		out.UnprocessedIdentityIds = append(out.UnprocessedIdentityIds, fedid.UnprocessedIdentityId{IdentityId: ptr(id), ErrorCode: ptr(fedid.ErrorCodeAccessDenied)})
	}
	return out, nil
}
