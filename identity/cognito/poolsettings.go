package cognito

import (
	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// newPoolSettings are the settings of a pool that a request asks for.
func newPoolSettings(in *idp.CreateUserPoolRequest) (*identity.PoolSettings, error) {
	s, err := poolSettings(in)
	if err != nil {
		return nil, err
	}
	if s.SMSMFA = s.MFA != "" && s.MFA != "OFF"; s.SMSMFA && s.SMS == nil {
		return nil, needSMS()
	}
	if err := setSchema(s, in.Schema); err != nil {
		return nil, err
	}
	return s, checkPlan(s)
}

// needSMS is what the service says of a second factor without the means to send one.
func needSMS() error {
	return wire.Errorf(idp.InvalidParameterException,
		"SMS configuration and Auto verification for phone_number are required when MFA is required/optional")
}

// poolSettings are the settings that a request asks for, with the service's
// defaults for what it leaves out. Factors and schema are left to the caller.
func poolSettings(in *idp.CreateUserPoolRequest) (*identity.PoolSettings, error) {
	s := &identity.PoolSettings{
		Name: text(in.PoolName), Defaults: identity.CognitoDefaults, SRP: true,
		DeletionProtection:       text(in.DeletionProtection) == "ACTIVE",
		AutoVerified:             list[string](in.AutoVerifiedAttributes),
		Aliases:                  list[string](in.AliasAttributes),
		UsernameAttributes:       list[string](in.UsernameAttributes),
		SMSVerificationMessage:   in.SmsVerificationMessage,
		EmailVerificationMessage: in.EmailVerificationMessage,
		EmailVerificationSubject: in.EmailVerificationSubject,
		SMSAuthenticationMessage: in.SmsAuthenticationMessage,
		MFA:                      text(in.MfaConfiguration),
		Tags:                     tags(in.UserPoolTags),
		Tier:                     text(in.UserPoolTier),
		Triggers:                 triggers(in.LambdaConfig),
		Verification:             verification(in.VerificationMessageTemplate),
		Devices:                  devices(in.DeviceConfiguration),
		Email:                    emailSettings(in.EmailConfiguration),
		SMS:                      smsSettings(in.SmsConfiguration),
		ThreatProtection:         threatSettings(in.UserPoolAddOns),
		Recovery:                 recovery(in.AccountRecoverySetting),
	}
	if c := in.LambdaConfig; c != nil {
		s.TriggerKey = c.KMSKeyID
	}
	if c := in.UsernameConfiguration; c != nil {
		s.CaseSensitive = c.CaseSensitive
	}
	if u := in.UserAttributeUpdateSettings; u != nil {
		s.UpdateSettings, s.VerifyBeforeUpdate = true, list[string](u.AttributesRequireVerificationBeforeUpdate)
	}
	if err := checkTagCount(in.UserPoolTags); err != nil {
		return nil, err
	}
	return s, setPolicies(s, in.Policies, in.AdminCreateUserConfig)
}

// setPolicies fills in what the service does: a policy of 8 characters of all
// kinds where none is given, and one whose missing switches are off where one is.
func setPolicies(s *identity.PoolSettings, in *idp.UserPoolPolicyType, admin *idp.AdminCreateUserConfigType) error {
	p := ptr(identity.CognitoPasswordPolicy())
	given := (*idp.PasswordPolicyType)(nil)
	if in != nil {
		given = in.PasswordPolicy
		if in.SignInPolicy != nil {
			s.FirstFactors = list[string](in.SignInPolicy.AllowedFirstAuthFactors)
		}
	}
	if given != nil {
		p = &identity.PasswordPolicy{
			MinimumLength:    positive(given.MinimumLength, 8),
			RequireUppercase: val(given.RequireUppercase), RequireLowercase: val(given.RequireLowercase),
			RequireNumbers: val(given.RequireNumbers), RequireSymbols: val(given.RequireSymbols),
			HistorySize: number[int](given.PasswordHistorySize), TemporaryDays: positive(given.TemporaryPasswordValidityDays, 7),
		}
	}
	s.PasswordPolicy = p
	if admin == nil {
		return nil
	}
	s.AdminOnly = val(admin.AllowAdminCreateUserOnly)
	s.Invitation = invitation(admin.InviteMessageTemplate)
	if days := admin.UnusedAccountValidityDays; days != nil {
		if given != nil && given.TemporaryPasswordValidityDays != nil && *given.TemporaryPasswordValidityDays != *days {
			return wire.Errorf(idp.InvalidParameterException,
				"Please use TemporaryPasswordValidityDays in PasswordPolicy instead of UnusedAccountValidityDays")
		}
		s.UnusedAccountDays = number[int](days)
		p.TemporaryDays = positive(days, 7)
	}
	return nil
}

func invitation(in *idp.MessageTemplateType) *identity.MessageTemplate {
	if in == nil {
		return nil
	}
	return &identity.MessageTemplate{SMS: in.SMSMessage, Email: in.EmailMessage, Subject: in.EmailSubject}
}

func verification(in *idp.VerificationMessageTemplateType) *identity.VerificationTemplate {
	if in == nil {
		return nil
	}
	return &identity.VerificationTemplate{
		SMS: in.SmsMessage, Email: in.EmailMessage, Subject: in.EmailSubject,
		EmailByLink: in.EmailMessageByLink, SubjectByLink: in.EmailSubjectByLink,
		DefaultByLink: text(in.DefaultEmailOption) == "CONFIRM_WITH_LINK",
	}
}

func devices(in *idp.DeviceConfigurationType) *identity.DeviceSettings {
	if in == nil {
		return nil
	}
	return &identity.DeviceSettings{ChallengeNew: in.ChallengeRequiredOnNewDevice, RememberOnPrompt: in.DeviceOnlyRememberedOnUserPrompt}
}

func emailSettings(in *idp.EmailConfigurationType) *identity.EmailSettings {
	if in == nil {
		return nil
	}
	return &identity.EmailSettings{
		SourceARN: in.SourceArn, ReplyTo: in.ReplyToEmailAddress, Account: as[string](in.EmailSendingAccount),
		From: in.From, ConfigurationSet: in.ConfigurationSet,
	}
}

func smsSettings(in *idp.SmsConfigurationType) *identity.SMSSettings {
	if in == nil {
		return nil
	}
	return &identity.SMSSettings{CallerARN: text(in.SnsCallerArn), ExternalID: in.ExternalId, Region: in.SnsRegion}
}

func threatSettings(in *idp.UserPoolAddOnsType) *identity.ThreatSettings {
	if in == nil {
		return nil
	}
	t := &identity.ThreatSettings{Mode: text(in.AdvancedSecurityMode)}
	if f := in.AdvancedSecurityAdditionalFlows; f != nil {
		t.Flows, t.CustomAuth = true, as[string](f.CustomAuthMode)
	}
	return t
}

func recovery(in *idp.AccountRecoverySettingType) []identity.RecoveryOption {
	if in == nil {
		return nil
	}
	var out []identity.RecoveryOption
	for _, r := range in.RecoveryMechanisms {
		out = append(out, identity.RecoveryOption{Name: text(r.Name), Priority: int(val(r.Priority))})
	}
	return out
}

// plainTriggers are the triggers that are named by an ARN alone.
func plainTriggers(c *idp.LambdaConfigType) map[identity.Trigger]**string {
	return map[identity.Trigger]**string{
		identity.PreSignUp: &c.PreSignUp, identity.PostConfirmation: &c.PostConfirmation,
		identity.PreAuthentication: &c.PreAuthentication, identity.PostAuthentication: &c.PostAuthentication,
		identity.CustomMessage: &c.CustomMessage, identity.PreTokenGenerationV1: &c.PreTokenGeneration,
		identity.UserMigration: &c.UserMigration, identity.DefineAuthChallenge: &c.DefineAuthChallenge,
		identity.CreateAuthChallenge: &c.CreateAuthChallenge, identity.VerifyAuthChallenge: &c.VerifyAuthChallengeResponse,
	}
}

func triggers(c *idp.LambdaConfigType) map[identity.Trigger]identity.TriggerTarget {
	if c == nil {
		return nil
	}
	out := map[identity.Trigger]identity.TriggerTarget{}
	for t, arn := range plainTriggers(c) {
		if *arn != nil {
			out[t] = identity.TriggerTarget{ARN: **arn}
		}
	}
	if v := c.PreTokenGenerationConfig; v != nil {
		out[identity.PreTokenGeneration] = identity.TriggerTarget{ARN: text(v.LambdaArn), Version: text(v.LambdaVersion)}
	}
	if v := c.CustomSMSSender; v != nil {
		out[identity.CustomSMSSender] = identity.TriggerTarget{ARN: text(v.LambdaArn), Version: text(v.LambdaVersion)}
	}
	if v := c.CustomEmailSender; v != nil {
		out[identity.CustomEmailSender] = identity.TriggerTarget{ARN: text(v.LambdaArn), Version: text(v.LambdaVersion)}
	}
	if v := c.InboundFederation; v != nil {
		out[identity.InboundFederation] = identity.TriggerTarget{ARN: text(v.LambdaArn), Version: text(v.LambdaVersion)}
	}
	return out
}
