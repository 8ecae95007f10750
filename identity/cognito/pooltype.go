package cognito

import (
	"cmp"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// Pools as the service shows them. This is the way back of poolmembers.go and
// poolsettings.go. What a new pool shows where nothing was set is recorded from
// the service: some structures have defaults (EmailConfiguration,
// AdminCreateUserConfig, VerificationMessageTemplate), and others are left out
// (DeviceConfiguration, UserPoolAddOns, UsernameConfiguration,
// AccountRecoverySetting). LambdaConfig is there even if it is empty.
// Infrastructure tools compare these answers with their plans, so a member too
// many is a difference that they try to remove each time.

// poolType is a pool as the service shows it: what was set, as it was set, and
// the service's defaults for the rest, so that a plan of an infrastructure tool shows no drift.
func (s *service) poolType(p *identity.PoolInfo, users int) *idp.UserPoolType {
	set := &p.Settings
	out := &idp.UserPoolType{
		Id: ptr(p.ID), Name: ptr(set.Name), Arn: ptr(s.engine.ARN(p)),
		CreationDate: date(p.Created), LastModifiedDate: date(p.Modified),
		Policies: poolPolicies(set), DeletionProtection: ptr(idp.DeletionProtectionType("INACTIVE")),
		LambdaConfig: lambdaConfig(set), SchemaAttributes: schemaAttributes(set),
		AutoVerifiedAttributes: list[idp.VerifiedAttributeType](set.AutoVerified),
		AliasAttributes:        list[idp.AliasAttributeType](set.Aliases),
		UsernameAttributes:     list[idp.UsernameAttributeType](set.UsernameAttributes),
		SmsVerificationMessage: set.SMSVerificationMessage, EmailVerificationMessage: set.EmailVerificationMessage,
		EmailVerificationSubject: set.EmailVerificationSubject, SmsAuthenticationMessage: set.SMSAuthenticationMessage,
		VerificationMessageTemplate: verificationTemplate(set), MfaConfiguration: ptr(idp.UserPoolMfaType(cmp.Or(set.MFA, identity.MFAOff))),
		EstimatedNumberOfUsers: ptr(int32(users)), EmailConfiguration: emailConfiguration(set.Email),
		SmsConfiguration: smsConfiguration(set.SMS), UserPoolTags: set.Tags, AdminCreateUserConfig: adminConfig(set),
		AccountRecoverySetting: recoverySetting(set.Recovery), UserPoolAddOns: addOns(set.ThreatProtection),
		UserPoolTier: ptr(idp.UserPoolTierType(cmp.Or(set.Tier, identity.TierEssentials))),
	}
	out.AcrConfiguration = acrConfiguration(set)
	if set.IssuerType != nil {
		out.IssuerConfiguration = &idp.IssuerConfigurationType{Type: as[idp.IssuerType](set.IssuerType)}
	}
	if k := set.EncryptionKey; k != nil {
		out.KeyConfiguration = &idp.KeyConfigurationType{KeyType: as[idp.EncryptionKeyType](k.Type), KmsKeyArn: k.ARN}
	}
	if set.DeletionProtection {
		out.DeletionProtection = ptr(idp.DeletionProtectionType("ACTIVE"))
	}
	if set.VerifyBeforeUpdate != nil {
		out.UserAttributeUpdateSettings = &idp.UserAttributeUpdateSettingsType{
			AttributesRequireVerificationBeforeUpdate: append([]idp.VerifiedAttributeType{}, list[idp.VerifiedAttributeType](set.VerifyBeforeUpdate)...),
		}
	}
	if c := set.CaseSensitive; c != nil {
		out.UsernameConfiguration = &idp.UsernameConfigurationType{CaseSensitive: c}
	}
	if d := set.Devices; d != nil {
		out.DeviceConfiguration = &idp.DeviceConfigurationType{
			ChallengeRequiredOnNewDevice: d.ChallengeNew, DeviceOnlyRememberedOnUserPrompt: d.RememberOnPrompt,
		}
	}
	mirrorTemplate(out)
	return out
}

// mirrorTemplate shows the texts of the template in the older members too, and
// those of the older members in the template: they are the same settings.
func mirrorTemplate(out *idp.UserPoolType) {
	t := out.VerificationMessageTemplate
	t.SmsMessage = cmp.Or(t.SmsMessage, out.SmsVerificationMessage)
	t.EmailMessage = cmp.Or(t.EmailMessage, out.EmailVerificationMessage)
	t.EmailSubject = cmp.Or(t.EmailSubject, out.EmailVerificationSubject)
	out.SmsVerificationMessage = cmp.Or(out.SmsVerificationMessage, t.SmsMessage)
	out.EmailVerificationMessage = cmp.Or(out.EmailVerificationMessage, t.EmailMessage)
	out.EmailVerificationSubject = cmp.Or(out.EmailVerificationSubject, t.EmailSubject)
}

// poolPolicies shows the policy in force. SignInPolicy always has PASSWORD, which
// cannot be taken away.
func poolPolicies(set *identity.PoolSettings) *idp.UserPoolPolicyType {
	p := set.EffectivePasswordPolicy()
	factors := set.FirstFactors
	if factors == nil {
		factors = []identity.FirstFactor{identity.FirstPassword}
	}
	return &idp.UserPoolPolicyType{
		PasswordPolicy: &idp.PasswordPolicyType{
			MinimumLength: ptr(int32(p.MinimumLength)), RequireUppercase: ptr(p.RequireUppercase),
			RequireLowercase: ptr(p.RequireLowercase), RequireNumbers: ptr(p.RequireNumbers), RequireSymbols: ptr(p.RequireSymbols),
			PasswordHistorySize: number[int32](p.HistorySize), TemporaryPasswordValidityDays: ptr(int32(p.TemporaryDays)),
		},
		SignInPolicy: &idp.SignInPolicyType{AllowedFirstAuthFactors: list[idp.AuthFactorType](factors)},
	}
}

// lambdaConfig shows the triggers. Those with a version have a type of their own
// on the wire for each trigger, which is why they are written out one by one.
func lambdaConfig(set *identity.PoolSettings) *idp.LambdaConfigType {
	c := &idp.LambdaConfigType{KMSKeyID: set.TriggerKey}
	for t, arn := range plainTriggers(c) {
		if target, ok := set.Triggers[t]; ok {
			*arn = ptr(target.ARN)
		}
	}
	if t, ok := set.Triggers[identity.PreTokenGeneration]; ok {
		c.PreTokenGenerationConfig = &idp.PreTokenGenerationVersionConfigType{
			LambdaArn: ptr(t.ARN), LambdaVersion: ptr(idp.PreTokenGenerationLambdaVersionType(t.Version)),
		}
	}
	mirrorTokenTrigger(c)
	if t, ok := set.Triggers[identity.CustomSMSSender]; ok {
		c.CustomSMSSender = &idp.CustomSMSLambdaVersionConfigType{
			LambdaArn: ptr(t.ARN), LambdaVersion: ptr(idp.CustomSMSSenderLambdaVersionType(t.Version)),
		}
	}
	if t, ok := set.Triggers[identity.CustomEmailSender]; ok {
		c.CustomEmailSender = &idp.CustomEmailLambdaVersionConfigType{
			LambdaArn: ptr(t.ARN), LambdaVersion: ptr(idp.CustomEmailSenderLambdaVersionType(t.Version)),
		}
	}
	if t, ok := set.Triggers[identity.InboundFederation]; ok {
		c.InboundFederation = &idp.InboundFederationLambdaType{
			LambdaArn: ptr(t.ARN), LambdaVersion: ptr(idp.InboundFederationLambdaVersionType(t.Version)),
		}
	}
	return c
}

// mirrorTokenTrigger shows the trigger before tokens in both its settings,
// whichever was given: they are the same function.
func mirrorTokenTrigger(c *idp.LambdaConfigType) {
	switch old, current := c.PreTokenGeneration, c.PreTokenGenerationConfig; {
	case old == nil && current != nil:
		c.PreTokenGeneration = current.LambdaArn
	case old != nil && current == nil:
		c.PreTokenGenerationConfig = &idp.PreTokenGenerationVersionConfigType{
			LambdaArn: old, LambdaVersion: ptr(idp.PreTokenGenerationLambdaVersionType("V1_0")),
		}
	}
}

// schemaAttributes shows the whole schema, standard attributes first. The order of
// the service varies with the age of the pool. Bounds are strings on the wire,
// also those of numbers; an attribute whose bounds are empty shows an empty
// structure.
func schemaAttributes(set *identity.PoolSettings) []idp.SchemaAttributeType {
	schema := set.Schema
	if schema == nil {
		schema = identity.StandardSchema()
	}
	out := make([]idp.SchemaAttributeType, len(schema))
	for i, a := range schema {
		out[i] = idp.SchemaAttributeType{
			Name: ptr(a.Name), AttributeDataType: ptr(idp.AttributeDataType(a.Type)),
			DeveloperOnlyAttribute: ptr(a.DeveloperOnly), Mutable: ptr(a.Mutable), Required: ptr(a.Required),
		}
		switch b := a.Bounds; {
		case b != nil && a.Type == identity.TypeString:
			out[i].StringAttributeConstraints = &idp.StringAttributeConstraintsType{MinLength: b.Min, MaxLength: b.Max}
		case b != nil && a.Type == identity.TypeNumber:
			out[i].NumberAttributeConstraints = &idp.NumberAttributeConstraintsType{MinValue: b.Min, MaxValue: b.Max}
		}
	}
	return out
}

// verificationTemplate always says whether a code or a link is sent.
func verificationTemplate(set *identity.PoolSettings) *idp.VerificationMessageTemplateType {
	out := &idp.VerificationMessageTemplateType{DefaultEmailOption: ptr(idp.DefaultEmailOptionType("CONFIRM_WITH_CODE"))}
	v := set.Verification
	if v == nil {
		return out
	}
	out.SmsMessage, out.EmailMessage, out.EmailSubject = v.SMS, v.Email, v.Subject
	out.EmailMessageByLink, out.EmailSubjectByLink = v.EmailByLink, v.SubjectByLink
	if v.DefaultByLink {
		out.DefaultEmailOption = ptr(idp.DefaultEmailOptionType("CONFIRM_WITH_LINK"))
	}
	return out
}

// emailConfiguration shows COGNITO_DEFAULT for a pool without settings for mail.
// Pools of 2019 showed an empty structure.
func emailConfiguration(e *identity.EmailSettings) *idp.EmailConfigurationType {
	out := &idp.EmailConfigurationType{EmailSendingAccount: ptr(idp.EmailSendingAccountType("COGNITO_DEFAULT"))}
	if e == nil {
		return out
	}
	out.SourceArn, out.ReplyToEmailAddress, out.From, out.ConfigurationSet = e.SourceARN, e.ReplyTo, e.From, e.ConfigurationSet
	if e.Account != nil {
		out.EmailSendingAccount = as[idp.EmailSendingAccountType](e.Account)
	}
	return out
}

// smsConfiguration shows SNS or EUMS. SnsCallerArn is left out with EUMS, for the
// request that made it had none.
func smsConfiguration(m *identity.SMSSettings) *idp.SmsConfigurationType {
	if m == nil {
		return nil
	}
	out := &idp.SmsConfigurationType{ExternalId: m.ExternalID, SnsRegion: m.Region}
	if e := m.EUMS; e != nil {
		out.EumsSms = &idp.EumsSmsConfigurationType{
			CallerArn: ptr(e.CallerARN), ExternalId: e.ExternalID, OriginationIdentity: e.OriginationIdentity,
			ConfigurationSetName: e.ConfigurationSet, InEntityId: e.InEntityID, InTemplateId: e.InTemplateID, Region: e.Region,
		}
		return out
	}
	out.SnsCallerArn = ptr(m.CallerARN)
	return out
}

// adminConfig shows how long an invitation is valid, in days. The number has two
// members on the wire, UnusedAccountValidityDays here and
// TemporaryPasswordValidityDays in the policy: the older one is shown even if only
// the newer one was given.
func adminConfig(set *identity.PoolSettings) *idp.AdminCreateUserConfigType {
	days := 7
	if set.PasswordPolicy != nil {
		days = cmp.Or(set.PasswordPolicy.TemporaryDays, 7)
	}
	if set.UnusedAccountDays != nil {
		days = *set.UnusedAccountDays
	}
	out := &idp.AdminCreateUserConfigType{AllowAdminCreateUserOnly: ptr(set.AdminOnly), UnusedAccountValidityDays: ptr(int32(days))}
	if i := set.Invitation; i != nil {
		out.InviteMessageTemplate = &idp.MessageTemplateType{SMSMessage: i.SMS, EmailMessage: i.Email, EmailSubject: i.Subject}
	}
	return out
}

// recoverySetting shows nothing for a pool that has no setting. Codes then go to a
// verified phone first and to a verified address second.
func recoverySetting(options []identity.RecoveryOption) *idp.AccountRecoverySettingType {
	if options == nil {
		return nil
	}
	out := &idp.AccountRecoverySettingType{}
	for _, r := range options {
		out.RecoveryMechanisms = append(out.RecoveryMechanisms, idp.RecoveryOptionType{
			Priority: ptr(int32(r.Priority)), Name: ptr(idp.RecoveryOptionNameType(r.Name)),
		})
	}
	return out
}

func addOns(t *identity.ThreatSettings) *idp.UserPoolAddOnsType {
	if t == nil {
		return nil
	}
	out := &idp.UserPoolAddOnsType{AdvancedSecurityMode: ptr(idp.AdvancedSecurityModeType(t.Mode))}
	if f := t.Flows; f != nil {
		out.AdvancedSecurityAdditionalFlows = &idp.AdvancedSecurityAdditionalFlowsType{
			CustomAuthMode: as[idp.AdvancedSecurityEnabledModeType](f.CustomAuth),
		}
	}
	return out
}
