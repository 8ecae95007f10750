package cognito

import (
	"errors"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/settings"
)

// hints say what to set where the service is stricter than other fakes of it,
// for settings that have no effect here. They go to the log, see [Options.Hints].
var hints = map[settings.Code]string{
	settings.SMSMissing:         smsHint,
	settings.MailSourceMissing:  "set EmailConfiguration.SourceArn; any will do, such as arn:aws:ses:us-east-1:123456789012:identity/no-reply@example.com",
	settings.MailSourceNotYours: "set EmailConfiguration.EmailSendingAccount to DEVELOPER, or leave SourceArn out",
	settings.MailSourceRegion:   "set EmailConfiguration.SourceArn to one of us-east-1; no mail is sent through it",
	settings.SMSRegion:          "leave SmsConfiguration.SnsRegion out",
	settings.RoleForeign:        roleHint,
	settings.TriggerRegion:      "use ARNs of the region of the pool; --region sets that of new pools",
	settings.TriggerKeyMissing:  "set LambdaConfig.KMSKeyID; any key will do, such as arn:aws:kms:us-east-1:123456789012:key/test",
	settings.TriggerKeyRegion:   "set LambdaConfig.KMSKeyID to a key of the region of the pool",
	settings.AnalyticsAmbiguous: "leave AnalyticsConfiguration out; it has no effect here",
	settings.AnalyticsRegion:    "leave AnalyticsConfiguration out; it has no effect here",
}

const (
	smsHint  = `set SmsConfiguration of the pool; any role of the account will do: {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}`
	roleHint = "use a role of the account that the server has; --account sets it"
)

// hint is what to set so that a call is not refused again, "" for most errors.
func hint(err error) string {
	if errors.Is(err, identity.ErrNoSMS) {
		return smsHint
	}
	if e, ok := errors.AsType[*identity.SettingError](err); ok {
		return hints[e.Code]
	}
	return ""
}
