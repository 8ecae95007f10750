package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Which sessions of a pool are tracked, and for how long a client reuses one. Each request replaces
// the whole setting.

func (s *service) getUserPoolSessionConfiguration(ctx context.Context, in *idp.GetUserPoolSessionConfigurationRequest) (*idp.GetUserPoolSessionConfigurationResponse, error) {
	p, err := s.poolInfo(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	tracking, sessions := sessionConfig(&p.Settings)
	return &idp.GetUserPoolSessionConfigurationResponse{UserPoolId: ptr(p.ID), UserSessionTracking: tracking, TokenSession: sessions}, nil
}

func (s *service) setUserPoolSessionConfiguration(ctx context.Context, in *idp.SetUserPoolSessionConfigurationRequest) (*idp.SetUserPoolSessionConfigurationResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := pool.Admin().Update(ctx, func(set *identity.PoolSettings) error {
		if err := checkFeature(set, sessionTracking); err != nil {
			return err
		}
		set.Sessions = &identity.SessionSettings{
			Tracked: text(in.UserSessionTracking) == "ENABLED", MaxPerUser: int(val(val(in.TokenSession).MaxPerUser)),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tracking, sessions := sessionConfig(&p.Settings)
	return &idp.SetUserPoolSessionConfigurationResponse{UserPoolId: ptr(p.ID), UserSessionTracking: tracking, TokenSession: sessions}, nil
}

// sessionTracking is the name of the feature (unsure).
const sessionTracking = "User Session Tracking"

func sessionConfig(set *identity.PoolSettings) (*idp.UserSessionTrackingType, *idp.UserPoolTokenSessionConfigType) {
	c := set.EffectiveSessions()
	tracking := idp.UserSessionTrackingType("DISABLED")
	if c.Tracked {
		tracking = "ENABLED"
	}
	return &tracking, &idp.UserPoolTokenSessionConfigType{MaxPerUser: ptr(int32(c.MaxPerUser))}
}

func (s *service) getUserPoolClientSessionConfiguration(ctx context.Context, in *idp.GetUserPoolClientSessionConfigurationRequest) (*idp.GetUserPoolClientSessionConfigurationResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	c, err := pool.Admin().Clients().Get(ctx, text(in.ClientId))
	if err != nil {
		return nil, err
	}
	return &idp.GetUserPoolClientSessionConfigurationResponse{UserPoolId: ptr(c.Pool), ClientId: in.ClientId, SSOSession: clientSessionConfig(c)}, nil
}

// setUserPoolClientSessionConfiguration needs a pool that tracks sessions. If the pool stops, the setting stays.
func (s *service) setUserPoolClientSessionConfiguration(ctx context.Context, in *idp.SetUserPoolClientSessionConfigurationRequest) (*idp.SetUserPoolClientSessionConfigurationResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := pool.Admin().Describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkFeature(&p.Settings, sessionTracking); err != nil {
		return nil, err
	}
	if !p.Settings.EffectiveSessions().Tracked {
		return nil, identity.ErrSessionsOff
	}
	c, err := pool.Admin().Clients().Update(ctx, text(in.ClientId), func(set *identity.ClientSettings) error {
		set.SSOMinutes = ptr(int(val(val(in.SSOSession).MaxValidityMinutes)))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &idp.SetUserPoolClientSessionConfigurationResponse{UserPoolId: ptr(c.Pool), ClientId: in.ClientId, SSOSession: clientSessionConfig(c)}, nil
}

func clientSessionConfig(c *identity.ClientInfo) *idp.ClientSSOSessionConfigType {
	return &idp.ClientSSOSessionConfigType{MaxValidityMinutes: ptr(int32(or(c.Settings.SSOMinutes, 60)))}
}
