package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// The sessions of users. Users send an access token, operators name the user; both come to the same
// methods of package identity. In a pool that does not track them, all four operations are refused.
// The settings are in sessionconfig.go.

// listUserSessions has pages of up to 125 sessions, the one that was used last first. The order of the
// service's is (unsure).
func (s *service) listUserSessions(ctx context.Context, in *idp.ListUserSessionsRequest) (*idp.ListUserSessionsResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	u, err := session.User()
	if err != nil {
		return nil, err
	}
	out := &idp.ListUserSessionsResponse{}
	out.Sessions, out.NextToken, err = sessionsPage(ctx, "ListUserSessions", u, in.NextToken, session.Sessions)
	return out, err
}

func (s *service) adminListUserSessions(ctx context.Context, in *idp.AdminListUserSessionsRequest) (*idp.AdminListUserSessionsResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	u, err := pool.Admin().Users().Get(ctx, text(in.Username))
	if err != nil {
		return nil, err
	}
	out := &idp.AdminListUserSessionsResponse{}
	out.Sessions, out.NextToken, err = sessionsPage(ctx, "AdminListUserSessions", u, in.NextToken,
		func(ctx context.Context, q identity.SessionQuery) ([]*identity.UserSession, string, error) {
			return pool.Admin().Users().Sessions(ctx, u.Sub, q)
		})
	return out, err
}

// sessionsPage reads a page of a user's sessions. Its token is bound to the user.
func sessionsPage(ctx context.Context, op string, u *identity.User, token *string, read func(context.Context, identity.SessionQuery) ([]*identity.UserSession, string, error)) ([]idp.SessionDescriptionType, *string, error) {
	query := u.Pool + " " + u.Sub
	after, err := readPageToken(ctx, op, query, token)
	if err != nil {
		return nil, nil, err
	}
	page, next, err := read(ctx, identity.SessionQuery{After: after})
	if err != nil {
		return nil, nil, err
	}
	out := make([]idp.SessionDescriptionType, len(page))
	for i, session := range page {
		out[i] = sessionType(session)
	}
	if next == "" {
		return out, nil, nil
	}
	return out, pageToken(op, query, next), nil
}

// sessionType is a session as the service shows it. There are no places of addresses, so it has no LastLocation.
func sessionType(s *identity.UserSession) idp.SessionDescriptionType {
	out := idp.SessionDescriptionType{
		SessionId: ptr(s.ID), SessionType: ptr(idp.SessionTypeType("TOKEN")), ClientId: ptr(wire.Secret(s.Client)),
		CreateDate: date(s.Created), LastActiveDate: date(s.Active), DeviceType: ptr(s.Device), IsCurrentSession: ptr(s.Current),
	}
	if s.Browser {
		out.SessionType = ptr(idp.SessionTypeType("SSO"))
	}
	if s.IP != "" {
		out.LastIPAddress = ptr(wire.Secret(s.IP))
	}
	if s.Origin != "" {
		out.OriginSessionId = ptr(s.Origin)
	}
	return out
}

func (s *service) revokeUserSession(ctx context.Context, in *idp.RevokeUserSessionRequest) (*idp.RevokeUserSessionResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	return nil, session.RevokeSession(ctx, identity.RevokeSession{ID: text(in.SessionId), Linked: linked(in.RevokeAssociatedSessions)})
}

func (s *service) adminRevokeUserSession(ctx context.Context, in *idp.AdminRevokeUserSessionRequest) (*idp.AdminRevokeUserSessionResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().RevokeSession(ctx, text(in.Username), identity.RevokeSession{ID: text(in.SessionId), Linked: linked(in.RevokeAssociatedSessions)})
}

// linked reports whether a request also revokes the sessions that are linked to the one it names.
func linked(associated *idp.RevokeAssociatedSessionsType) bool { return text(associated) == "LINKED" }
