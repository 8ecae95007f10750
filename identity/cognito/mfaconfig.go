package cognito

import (
	"cmp"
	"context"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// Second factors of a pool, and what a request about them asks of one user.
// SetUserPoolMfaConfig checks the request, and then changes the settings in one
// transaction (identity.Admin.Update). setFactors is pure, because a transaction
// may run it again. The rules that hold for settings however they came about, such
// as a mode without any factor, are checked by package settings, in the same
// transaction.
//
// CreateUserPool and UpdateUserPool set the mode too, see setMode in
// poolmembers.go.

func (s *service) getUserPoolMfaConfig(ctx context.Context, in *idp.GetUserPoolMfaConfigRequest) (*idp.GetUserPoolMfaConfigResponse, error) {
	p, err := s.poolInfo(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	out := idp.GetUserPoolMfaConfigResponse(mfaConfig(&p.Settings))
	return &out, nil
}

// setUserPoolMfaConfig replaces what is set of second factors: one that the
// request leaves out is turned off.
func (s *service) setUserPoolMfaConfig(ctx context.Context, in *idp.SetUserPoolMfaConfigRequest) (*idp.SetUserPoolMfaConfigResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if m := in.SmsMfaConfiguration; m != nil {
		if err := checkSMS(m.SmsConfiguration); err != nil {
			return nil, err
		}
	}
	p, err := pool.Admin().Update(ctx, func(set *identity.PoolSettings) error { return s.setFactors(set, in) })
	if err != nil {
		return nil, err
	}
	out := mfaConfig(&p.Settings)
	return &out, nil
}

// setFactors sets the second factors that a request asks for. Without a mode
// the pool's stays (unsure): OFF would take the second factor from everybody, unasked.
func (s *service) setFactors(set *identity.PoolSettings, in *idp.SetUserPoolMfaConfigRequest) error {
	set.MFA = cmp.Or(identity.MFAMode(text(in.MfaConfiguration)), set.MFA)
	set.TOTP, set.EmailMFA, set.Passkeys = nil, nil, nil
	if e := in.EmailMfaConfiguration; e != nil {
		if err := needOwnSender(set); err != nil {
			return err
		}
		set.EmailMFA = &identity.EmailMFASettings{Message: e.Message, Subject: e.Subject}
	}
	if t := in.SoftwareTokenMfaConfiguration; t != nil {
		set.TOTP = new(val(t.Enabled))
	}
	if w := in.WebAuthnConfiguration; w != nil {
		set.Passkeys = &identity.PasskeySettings{
			RelyingParty: w.RelyingPartyId, UserVerification: as[string](w.UserVerification), Factor: as[string](w.FactorConfiguration),
		}
	}
	m := in.SmsMfaConfiguration
	if set.SMSMFA = m != nil; set.SMSMFA {
		set.SMSAuthenticationMessage = m.SmsAuthenticationMessage
		if m.SmsConfiguration != nil {
			set.SMS = smsSettings(m.SmsConfiguration)
		}
		if set.SMS == nil {
			return needSMS() // (unsure)
		}
	}
	given := []string{"Passkeys", "FirstFactors"}
	if m != nil && m.SmsConfiguration != nil {
		given = append(given, "SMS")
	}
	return cmp.Or(checkPlan(set), set.CheckService(s.engine.Account(), given...))
}

// needOwnSender refuses codes by e-mail in a pool that sends mail from the service's own address.
func needOwnSender(set *identity.PoolSettings) error {
	if set.Email == nil || or(set.Email.Account, "COGNITO_DEFAULT") == "COGNITO_DEFAULT" {
		return wire.Errorf(idp.InvalidParameterException, "Cannot set EmailMfaConfiguration when user pool EmailConfiguration "+
			"contains an EmailSendingAccount of COGNITO_DEFAULT. Update the value of EmailSendingAccount.")
	}
	return nil
}

// mfaConfig shows what was set of second factors, and nothing of those that were not.
func mfaConfig(set *identity.PoolSettings) idp.SetUserPoolMfaConfigResponse {
	out := idp.SetUserPoolMfaConfigResponse{MfaConfiguration: ptr(idp.UserPoolMfaType(cmp.Or(set.MFA, identity.MFAOff)))}
	if set.SMSMFA {
		out.SmsMfaConfiguration = &idp.SmsMfaConfigType{
			SmsAuthenticationMessage: set.SMSAuthenticationMessage, SmsConfiguration: smsConfiguration(set.SMS),
		}
	}
	if set.TOTP != nil {
		out.SoftwareTokenMfaConfiguration = &idp.SoftwareTokenMfaConfigType{Enabled: set.TOTP}
	}
	if e := set.EmailMFA; e != nil {
		out.EmailMfaConfiguration = &idp.EmailMfaConfigType{Message: e.Message, Subject: e.Subject}
	}
	if p := set.Passkeys; p != nil {
		out.WebAuthnConfiguration = &idp.WebAuthnConfigurationType{
			RelyingPartyId: p.RelyingParty, UserVerification: as[idp.UserVerificationType](p.UserVerification),
			FactorConfiguration: as[idp.WebAuthnFactorConfigurationType](p.Factor),
		}
	}
	return out
}

// mfaUpdate is a choice of factors.
func mfaUpdate(sms *idp.SMSMfaSettingsType, app *idp.SoftwareTokenMfaSettingsType, email *idp.EmailMfaSettingsType, passkey *idp.WebAuthnMfaSettingsType) identity.MFAUpdate {
	out := identity.MFAUpdate{}
	if passkey != nil {
		out[identity.MFAPasskey] = identity.MFASetting{Enabled: val(passkey.Enabled)}
	}
	if sms != nil {
		out[identity.MFASMS] = identity.MFASetting{Enabled: val(sms.Enabled), Preferred: val(sms.PreferredMfa)}
	}
	if app != nil {
		out[identity.MFATOTP] = identity.MFASetting{Enabled: val(app.Enabled), Preferred: val(app.PreferredMfa)}
	}
	if email != nil {
		out[identity.MFAEmail] = identity.MFASetting{Enabled: val(email.Enabled), Preferred: val(email.PreferredMfa)}
	}
	return out
}

// mfaSettings are a user's factors as GetUser and AdminGetUser show them.
func mfaSettings(p identity.MFAPreference) (preferred *string, enabled []string) {
	if p.Preferred != identity.MFANone {
		preferred = ptr(string(p.Preferred))
	}
	return preferred, list[string](p.Methods)
}
