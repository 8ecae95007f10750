package cognito

import (
	"context"
	"errors"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Attributes of a user. The operations of users turn the access token into an
// identity.Session and call UpdateAttributes, DeleteAttributes, SendVerification
// or VerifyAttribute on the session. The two operations of operators find the pool
// and call the methods of the same names on identity.Users. All checks, codes and
// commits are there: these handlers only translate.
//
// The service answers (Admin)DeleteUserAttributes, VerifyUserAttribute and
// AdminUpdateUserAttributes with an empty object, which a nil output becomes.

// updateUserAttributes answers with a delivery for each address that got a code.
// Whether an unchanged address keeps its verified flag is (unsure) for the
// service; identity.Session.UpdateAttributes documents what happens here.
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

// deleteUserAttributes and adminDeleteUserAttributes refuse a name that is not in
// the schema, with one line for each such name. That is recorded from the service.
func (s *service) deleteUserAttributes(ctx context.Context, in *idp.DeleteUserAttributesRequest) (*idp.DeleteUserAttributesResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, inOrder(session.DeleteAttributes(ctx, in.UserAttributeNames...), in.UserAttributeNames)
}

// getUserAttributeVerificationCode sends a code to an address that the user has.
// What the service says where the user has no such address is (unsure).
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

// adminUpdateUserAttributes may set email_verified and phone_number_verified,
// which no client may write. An address whose flag is set to true gets no code.
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
