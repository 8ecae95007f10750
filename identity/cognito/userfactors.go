package cognito

import (
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// What factors a user has set up, and the older way to turn codes by SMS on.
// GetUserAuthFactors is for the user, AdminGetUserAuthFactors for an operator; both
// answer alike. SetUserSettings and AdminSetUserSettings know text messages only: the
// list of MFAOptions has them, or is empty.

func (s *service) getUserAuthFactors(ctx context.Context, in *idp.GetUserAuthFactorsRequest) (*idp.GetUserAuthFactorsResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	f, err := session.Factors(ctx)
	if err != nil {
		return nil, err
	}
	out := idp.GetUserAuthFactorsResponse(authFactors(f))
	return &out, nil
}

func (s *service) adminGetUserAuthFactors(ctx context.Context, in *idp.AdminGetUserAuthFactorsRequest) (*idp.AdminGetUserAuthFactorsResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	f, err := pool.Admin().Users().Factors(ctx, text(in.Username))
	if err != nil {
		return nil, err
	}
	out := authFactors(f)
	return &out, nil
}

func authFactors(f *identity.UserFactors) idp.AdminGetUserAuthFactorsResponse {
	out := idp.AdminGetUserAuthFactorsResponse{Username: secret(identity.Secret(f.Username)), ConfiguredUserAuthFactors: list[idp.AuthFactorType](f.Configured)}
	out.PreferredMfaSetting, out.UserMFASettingList = mfaSettings(f.MFA)
	return out
}

func (s *service) adminDeleteSoftwareToken(ctx context.Context, in *idp.AdminDeleteSoftwareTokenRequest) (*idp.AdminDeleteSoftwareTokenResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return &idp.AdminDeleteSoftwareTokenResponse{}, pool.Admin().Users().DeleteTOTP(ctx, text(in.Username))
}

func (s *service) setUserSettings(ctx context.Context, in *idp.SetUserSettingsRequest) (*idp.SetUserSettingsResponse, error) {
	session, err := s.engine.Session(ctx, identity.Secret(text(in.AccessToken)))
	if err != nil {
		return nil, err
	}
	update, err := smsOption(in.MFAOptions)
	if err != nil {
		return nil, err
	}
	return nil, session.SetMFA(ctx, update)
}

func (s *service) adminSetUserSettings(ctx context.Context, in *idp.AdminSetUserSettingsRequest) (*idp.AdminSetUserSettingsResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	update, err := smsOption(in.MFAOptions)
	if err != nil {
		return nil, err
	}
	return nil, pool.Admin().Users().SetMFA(ctx, text(in.Username), update)
}

// smsOption turns codes by SMS on if they are listed, and off otherwise. The service's text
// for another option is not known (unsure).
func smsOption(options []idp.MFAOptionType) (identity.MFAUpdate, error) {
	for _, o := range options {
		if val(o.DeliveryMedium) != idp.DeliveryMediumTypeSms || o.AttributeName != nil && *o.AttributeName != "phone_number" {
			return nil, wire.Errorf(idp.InvalidParameterException, "MFAOptions can have SMS with the attribute phone_number only.")
		}
	}
	return identity.MFAUpdate{identity.MFASMS: {Enabled: len(options) > 0}}, nil
}
