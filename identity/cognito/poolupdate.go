package cognito

import (
	"cmp"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// A replacement is what an UpdateUserPool asks for.
type replacement struct {
	in    *idp.UpdateUserPoolRequest
	asked *identity.PoolSettings // with the service's defaults for what is left out
}

func newReplacement(in *idp.UpdateUserPoolRequest) (*replacement, error) {
	asked, err := poolSettings(&idp.CreateUserPoolRequest{
		PoolName: in.PoolName, Policies: in.Policies, DeletionProtection: in.DeletionProtection, LambdaConfig: in.LambdaConfig,
		AutoVerifiedAttributes: in.AutoVerifiedAttributes, SmsVerificationMessage: in.SmsVerificationMessage,
		EmailVerificationMessage: in.EmailVerificationMessage, EmailVerificationSubject: in.EmailVerificationSubject,
		VerificationMessageTemplate: in.VerificationMessageTemplate, SmsAuthenticationMessage: in.SmsAuthenticationMessage,
		UserAttributeUpdateSettings: in.UserAttributeUpdateSettings, MfaConfiguration: in.MfaConfiguration,
		DeviceConfiguration: in.DeviceConfiguration, EmailConfiguration: in.EmailConfiguration, SmsConfiguration: in.SmsConfiguration,
		UserPoolTags: in.UserPoolTags, AdminCreateUserConfig: in.AdminCreateUserConfig, UserPoolAddOns: in.UserPoolAddOns,
		AccountRecoverySetting: in.AccountRecoverySetting, UserPoolTier: in.UserPoolTier,
	})
	return &replacement{in, asked}, err
}

// over puts the replacement in the place of settings, but for what an update
// cannot change or leaves alone where the request does not name it.
func (r *replacement) over(set *identity.PoolSettings) error {
	next := *r.asked
	next.Region, next.Defaults, next.Issuer, next.Algorithm, next.SRP = set.Region, set.Defaults, set.Issuer, set.Algorithm, set.SRP
	next.Aliases, next.UsernameAttributes, next.CaseSensitive, next.Schema = set.Aliases, set.UsernameAttributes, set.CaseSensitive, set.Schema
	next.Name, next.Tier = cmp.Or(next.Name, set.Name), cmp.Or(next.Tier, set.Tier)
	next.Passkeys = set.Passkeys // set by SetUserPoolMfaConfig alone
	if r.in.UserPoolTags == nil {
		next.Tags = set.Tags // infrastructure tools set them by TagResource, and not here
	}
	if set.Defaults == identity.SafeDefaults && r.leavesPolicy() {
		next.PasswordPolicy = nil // nobody gets the service's looser policy without asking
	}
	if err := keepFactors(&next, set); err != nil {
		return err
	}
	*set = next
	return checkPlan(set)
}

// leavesPolicy tells whether the request says nothing of passwords.
func (r *replacement) leavesPolicy() bool {
	p, a := r.in.Policies, r.in.AdminCreateUserConfig
	return (p == nil || p.PasswordPolicy == nil) && (a == nil || a.UnusedAccountValidityDays == nil)
}

// keepFactors settles the second factors of a pool under a new mode. There is
// no member for authenticator apps here: they stay on with any mode but OFF.
// Codes by SMS come on where a pool that has no factor is given the means to send them.
func keepFactors(next, before *identity.PoolSettings) error {
	next.TOTPGiven = before.TOTPGiven
	if next.MFA == "" || next.MFA == "OFF" {
		return nil
	}
	next.TOTP = before.TOTP
	next.SMSMFA = next.SMS != nil && (before.SMSMFA || !before.TOTP)
	if !next.SMSMFA && !next.TOTP {
		return needSMS()
	}
	if next.MFA == "ON" && before.MFA != "ON" {
		return wire.Errorf(idp.InvalidParameterException, "Cannot turn MFA functionality ON, once the user pool has been created.")
	}
	return nil
}
