package cognito

import (
	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/settings"
)

// The members of a pool that are structures, from the wire into
// identity.PoolSettings. Each function here has its counterpart in pooltype.go,
// which shows the settings again. A structure that the request leaves out becomes
// nil and not an empty one: DescribeUserPool then leaves it out too.
// poolmembers.go says which member calls which function.

// passwordPolicy is the policy that a request gives, or the service's where it
// gives none. In a policy that is given, a switch that is left out is off
// (recorded). TemporaryPasswordValidityDays 0 means 7.
func passwordPolicy(in *idp.PasswordPolicyType) *identity.PasswordPolicy {
	if in == nil {
		return ptr(identity.CognitoPasswordPolicy())
	}
	return &identity.PasswordPolicy{
		MinimumLength:    positive(in.MinimumLength, 8),
		RequireUppercase: val(in.RequireUppercase), RequireLowercase: val(in.RequireLowercase),
		RequireNumbers: val(in.RequireNumbers), RequireSymbols: val(in.RequireSymbols),
		HistorySize: number[int](in.PasswordHistorySize), TemporaryDays: positive(in.TemporaryPasswordValidityDays, 7),
	}
}

func invitation(in *idp.MessageTemplateType) *identity.MessageTemplate {
	if in == nil {
		return nil
	}
	return &identity.MessageTemplate{SMS: in.SMSMessage, Email: in.EmailMessage, Subject: in.EmailSubject}
}

// verification takes the texts of the template. The older members with the same
// meaning, such as EmailVerificationMessage, are kept apart, see mirrorTemplate.
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

// smsSettings takes SNS or End User Messaging (EUMS), see checkSMS.
func smsSettings(in *idp.SmsConfigurationType) *identity.SMSSettings {
	if in == nil {
		return nil
	}
	out := &identity.SMSSettings{CallerARN: text(in.SnsCallerArn), ExternalID: in.ExternalId, Region: in.SnsRegion}
	if e := in.EumsSms; e != nil {
		out.EUMS = &settings.EUMS{
			CallerARN: text(e.CallerArn), ExternalID: e.ExternalId, OriginationIdentity: e.OriginationIdentity,
			ConfigurationSet: e.ConfigurationSetName, InEntityID: e.InEntityId, InTemplateID: e.InTemplateId, Region: e.Region,
		}
	}
	return out
}

// checkSMS holds a configuration to one way to send, SNS or EUMS.
func checkSMS(in *idp.SmsConfigurationType) error {
	if in != nil && (text(in.SnsCallerArn) == "") == (in.EumsSms == nil) {
		return wire.Errorf(idp.InvalidParameterException, "SmsConfiguration must have either SnsCallerArn or EumsSms.") // text (unsure)
	}
	return nil
}

// threatSettings takes the mode as it is. Threat protection is stored and shown,
// and not acted on.
func threatSettings(in *idp.UserPoolAddOnsType) *identity.ThreatSettings {
	if in == nil {
		return nil
	}
	t := &identity.ThreatSettings{Mode: text(in.AdvancedSecurityMode)}
	if f := in.AdvancedSecurityAdditionalFlows; f != nil {
		t.Flows = &identity.ThreatFlows{CustomAuth: as[string](f.CustomAuthMode)}
	}
	return t
}

func recovery(in *idp.AccountRecoverySettingType) []identity.RecoveryOption {
	if in == nil {
		return nil
	}
	var out []identity.RecoveryOption
	for _, r := range in.RecoveryMechanisms {
		out = append(out, identity.RecoveryOption{Name: identity.RecoveryName(text(r.Name)), Priority: int(val(r.Priority))})
	}
	return out
}

// plainTriggers are the triggers that are named by an ARN alone. The map points
// into c, so that reading and writing go through one list.
func plainTriggers(c *idp.LambdaConfigType) map[identity.Trigger]**string {
	return map[identity.Trigger]**string{
		identity.PreSignUp: &c.PreSignUp, identity.PostConfirmation: &c.PostConfirmation,
		identity.PreAuthentication: &c.PreAuthentication, identity.PostAuthentication: &c.PostAuthentication,
		identity.CustomMessage: &c.CustomMessage, identity.PreTokenGenerationV1: &c.PreTokenGeneration,
		identity.UserMigration: &c.UserMigration, identity.DefineAuthChallenge: &c.DefineAuthChallenge,
		identity.CreateAuthChallenge: &c.CreateAuthChallenge, identity.VerifyAuthChallenge: &c.VerifyAuthChallengeResponse,
	}
}

// triggers reads LambdaConfig. PreTokenGeneration and PreTokenGenerationConfig are
// kept as two triggers, so that each is shown again as it was given.
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
