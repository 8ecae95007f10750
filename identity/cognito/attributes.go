package cognito

import (
	"context"
	"errors"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

func (s *service) updateUserAttributes(ctx context.Context, in *idp.UpdateUserAttributesRequest) (*idp.UpdateUserAttributesResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	sent, err := session.UpdateAttributes(ctx, attributes(in.UserAttributes))
	if err != nil {
		return nil, inOrder(err, attributeNames(in.UserAttributes))
	}
	out := &idp.UpdateUserAttributesResponse{}
	for _, d := range sent {
		out.CodeDeliveryDetailsList = append(out.CodeDeliveryDetailsList, *delivery(d))
	}
	return out, nil
}

func (s *service) deleteUserAttributes(ctx context.Context, in *idp.DeleteUserAttributesRequest) (*idp.DeleteUserAttributesResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, inOrder(session.DeleteAttributes(ctx, in.UserAttributeNames...), in.UserAttributeNames)
}

func (s *service) getUserAttributeVerificationCode(ctx context.Context, in *idp.GetUserAttributeVerificationCodeRequest) (*idp.GetUserAttributeVerificationCodeResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	d, err := session.SendVerification(ctx, text(in.AttributeName))
	if err != nil {
		return nil, err
	}
	return &idp.GetUserAttributeVerificationCodeResponse{CodeDeliveryDetails: delivery(d)}, nil
}

func (s *service) verifyUserAttribute(ctx context.Context, in *idp.VerifyUserAttributeRequest) (*idp.VerifyUserAttributeResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, session.VerifyAttribute(ctx, text(in.AttributeName), identity.Secret(text(in.Code)))
}

func (s *service) adminUpdateUserAttributes(ctx context.Context, in *idp.AdminUpdateUserAttributesRequest) (*idp.AdminUpdateUserAttributesResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	err = pool.Admin().Users().UpdateAttributes(ctx, text(in.Username), attributes(in.UserAttributes))
	return nil, inOrder(err, attributeNames(in.UserAttributes))
}

func (s *service) adminDeleteUserAttributes(ctx context.Context, in *idp.AdminDeleteUserAttributesRequest) (*idp.AdminDeleteUserAttributesResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	err = pool.Admin().Users().DeleteAttributes(ctx, text(in.Username), in.UserAttributeNames...)
	return nil, inOrder(err, in.UserAttributeNames)
}

// inOrder puts what an error says of attributes into the order of the request:
// the engine takes attributes without an order. What the request does not name,
// such as a required attribute, comes last.
func inOrder(err error, names []string) error {
	e, ok := errors.AsType[*identity.AttributeError](err)
	if !ok {
		return err
	}
	place := func(p identity.AttributeProblem) int {
		if i := slices.Index(names, p.Name); i >= 0 {
			return i
		}
		return len(names)
	}
	ordered := slices.SortedStableFunc(slices.Values(e.Problems), func(a, b identity.AttributeProblem) int { return place(a) - place(b) })
	return &identity.AttributeError{Problems: ordered, Err: e.Err}
}

func attributeNames(list []idp.AttributeType) []string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = text(a.Name)
	}
	return names
}
