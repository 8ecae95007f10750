package cognito

import (
	"context"
	"slices"
	"time"

	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/idpool"
)

// Users whom an operator's own program vouches for.

// developers returns a handle on the users of the developer provider of a pool.
func (s *service) developers(ctx context.Context, pool *string) (idpool.Developers, error) {
	id, err := s.identityPool(ctx, pool)
	return s.idpools.Developers(id), err
}

func (s *service) getOpenIDTokenForDeveloperIdentity(ctx context.Context, in *fedid.GetOpenIdTokenForDeveloperIdentityInput) (*fedid.GetOpenIdTokenForDeveloperIdentityResponse, error) {
	d, err := s.developers(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	t, err := d.Token(ctx, idpool.TokenRequest{
		Logins: logins(in.Logins), IdentityID: text(in.IdentityId), Life: time.Duration(val(in.TokenDuration)) * time.Second, PrincipalTags: in.PrincipalTags,
	})
	if err != nil {
		return nil, err
	}
	return &fedid.GetOpenIdTokenForDeveloperIdentityResponse{IdentityId: ptr(t.IdentityID), Token: secret(t.Token)}, nil
}

// lookupDeveloperIdentity has pages of up to 60 user identifiers.
func (s *service) lookupDeveloperIdentity(ctx context.Context, in *fedid.LookupDeveloperIdentityInput) (*fedid.LookupDeveloperIdentityResponse, error) {
	d, err := s.developers(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	query := text(in.IdentityPoolId) + " " + text(in.IdentityId) + " " + text(in.DeveloperUserIdentifier)
	after, err := readPageToken(ctx, "LookupDeveloperIdentity", query, in.NextToken)
	if err != nil {
		return nil, err
	}
	found, err := d.Lookup(ctx, text(in.IdentityId), text(in.DeveloperUserIdentifier))
	if err != nil {
		return nil, err
	}
	out := &fedid.LookupDeveloperIdentityResponse{IdentityId: ptr(found.IdentityID), DeveloperUserIdentifierList: []string{}}
	users := slices.DeleteFunc(found.Users, func(user string) bool { return after != "" && user <= after })
	if size := positive(in.MaxResults, maxPage); len(users) > size {
		users = users[:size]
		out.NextToken = pageToken("LookupDeveloperIdentity", query, users[size-1])
	}
	out.DeveloperUserIdentifierList = append(out.DeveloperUserIdentifierList, users...)
	return out, nil
}

func (s *service) mergeDeveloperIdentities(ctx context.Context, in *fedid.MergeDeveloperIdentitiesInput) (*fedid.MergeDeveloperIdentitiesResponse, error) {
	d, err := s.developers(ctx, in.IdentityPoolId)
	if err != nil {
		return nil, err
	}
	id, err := d.Merge(ctx, text(in.DeveloperProviderName), text(in.SourceUserIdentifier), text(in.DestinationUserIdentifier))
	if err != nil {
		return nil, err
	}
	return &fedid.MergeDeveloperIdentitiesResponse{IdentityId: ptr(id)}, nil
}

func (s *service) unlinkDeveloperIdentity(ctx context.Context, in *fedid.UnlinkDeveloperIdentityInput) error {
	d, err := s.developers(ctx, in.IdentityPoolId)
	if err != nil {
		return err
	}
	return d.Unlink(ctx, text(in.IdentityId), text(in.DeveloperProviderName), text(in.DeveloperUserIdentifier))
}
