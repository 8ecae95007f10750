package cognito

import (
	"context"
	"maps"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Terms of use and privacy policies of app clients. All are sets of links that nobody has to agree to:
// the model has one source, LINK, and one enforcement, NONE.

// terms is a handle on the terms of the pool that a call names.
func (s *service) terms(ctx context.Context, pool *string) (identity.Terms, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.Terms{}, err
	}
	return p.Admin().Terms(), nil
}

func (s *service) createTerms(ctx context.Context, in *idp.CreateTermsRequest) (*idp.CreateTermsResponse, error) {
	terms, err := s.terms(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	t, err := terms.Create(ctx, text(in.ClientId), identity.TermsSettings{Name: identity.TermsName(text(in.TermsName)), Links: in.Links})
	if err != nil {
		return nil, err
	}
	return &idp.CreateTermsResponse{Terms: termsType(t)}, nil
}

func (s *service) describeTerms(ctx context.Context, in *idp.DescribeTermsRequest) (*idp.DescribeTermsResponse, error) {
	terms, err := s.terms(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	t, err := terms.Get(ctx, text(in.TermsId))
	if err != nil {
		return nil, err
	}
	return &idp.DescribeTermsResponse{Terms: termsType(t)}, nil
}

func (s *service) describeTermsByClient(ctx context.Context, in *idp.DescribeTermsByClientRequest) (*idp.DescribeTermsByClientResponse, error) {
	terms, err := s.terms(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	t, err := terms.OfClient(ctx, text(in.ClientId), identity.TermsName(text(in.TermsName)))
	if err != nil {
		return nil, err
	}
	return &idp.DescribeTermsByClientResponse{Terms: termsType(t)}, nil
}

// updateTerms leaves what the request leaves out as it is. Links are replaced as a whole (unsure).
func (s *service) updateTerms(ctx context.Context, in *idp.UpdateTermsRequest) (*idp.UpdateTermsResponse, error) {
	terms, err := s.terms(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	t, err := terms.Update(ctx, text(in.TermsId), func(set *identity.TermsSettings) error {
		if in.TermsName != nil {
			set.Name = identity.TermsName(*in.TermsName)
		}
		if in.Links != nil {
			set.Links = maps.Clone(in.Links)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &idp.UpdateTermsResponse{Terms: termsType(t)}, nil
}

func (s *service) deleteTerms(ctx context.Context, in *idp.DeleteTermsRequest) error {
	terms, err := s.terms(ctx, in.UserPoolId)
	if err != nil {
		return err
	}
	return terms.Delete(ctx, text(in.TermsId))
}

func (s *service) listTerms(ctx context.Context, in *idp.ListTermsRequest) (*idp.ListTermsResponse, error) {
	terms, err := s.terms(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	after, err := readPageToken(ctx, "ListTerms", text(in.UserPoolId), in.NextToken)
	if err != nil {
		return nil, err
	}
	page, last, err := page(terms.List(ctx, after), in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &idp.ListTermsResponse{Terms: make([]idp.TermsDescriptionType, len(page))}
	for i, t := range page {
		out.Terms[i] = idp.TermsDescriptionType{
			TermsId: ptr(t.ID), TermsName: ptr(string(t.Settings.Name)), Enforcement: ptr(idp.TermsEnforcementType("NONE")),
			CreationDate: date(t.Created), LastModifiedDate: date(t.Modified),
		}
	}
	if last != nil {
		out.NextToken = pageToken("ListTerms", text(in.UserPoolId), last.ID)
	}
	return out, nil
}

func termsType(t *identity.TermsDocument) *idp.TermsType {
	return &idp.TermsType{
		TermsId: ptr(t.ID), UserPoolId: ptr(t.Pool), ClientId: secret(identity.Secret(t.Client)),
		TermsName: ptr(string(t.Settings.Name)), TermsSource: ptr(idp.TermsSourceType("LINK")), Enforcement: ptr(idp.TermsEnforcementType("NONE")),
		Links: t.Settings.Links, CreationDate: date(t.Created), LastModifiedDate: date(t.Modified),
	}
}
