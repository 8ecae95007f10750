package cognito_test

import (
	"testing"

	"github.com/cognate-id/cognate/identity"
)

const (
	mailSource  = "arn:aws:ses:us-east-1:123456789012:identity/box@example.com"
	foreignRole = "arn:aws:iam::999999999999:role/x"
)

// What the service refuses of settings that have no effect here, as deployed pools showed.
func TestErrorsOfServiceSettings(t *testing.T) {
	email := func(e obj) func(*world) *answer { return createPool(obj{"EmailConfiguration": e}) }
	hooks := func(c obj) func(*world) *answer { return createPool(obj{"LambdaConfig": c}) }
	sms := func(c obj) func(*world) *answer { return createPool(obj{"SmsConfiguration": c}) }
	sender := obj{"LambdaVersion": "V1_0", "LambdaArn": function}
	needKey := invalid("KMSKeyId parameter is required when Custom SMS/Email Lambda trigger is used.")
	foreign := invalid("Cross-account pass role is not allowed.")
	checkFacts(t, []fact{
		{"phone numbers without SMS", recorded, createPool(obj{"AutoVerifiedAttributes": list{"phone_number"}}), invalid("SMS configuration is required when phone_number is selected for auto verification")},
		{"the service's mail from the developer's address", recorded, email(obj{"EmailSendingAccount": "COGNITO_DEFAULT", "SourceArn": mailSource}), invalid("Cognito is not allowed to use your email identity")},
		{"the developer's mail from nowhere", recorded, email(obj{"EmailSendingAccount": "DEVELOPER"}), invalid("Source ARN is required to use DEVELOPER email sending owner")},
		{
			"mail from a region that sends none", recorded, email(obj{"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:eu-central-1:123456789012:identity/box@example.com"}),
			invalid("Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: eu-west-1, us-east-1, us-west-2."),
		},
		{"mail from no address", recorded, email(obj{"EmailSendingAccount": "DEVELOPER", "SourceArn": mailSource, "From": "no address"}), invalid("Provided From email address is invalid")},
		{"trigger of another region", recorded, hooks(obj{"PreSignUp": "arn:aws:lambda:eu-west-1:123456789012:function:a"}), invalid("Cross-region lambda functions are not supported")},
		{
			"trigger with a version of another region", recorded, hooks(obj{"PreTokenGenerationConfig": obj{"LambdaVersion": "V1_0", "LambdaArn": "arn:aws:lambda:eu-west-1:123456789012:function:a"}}),
			invalid("Cross-region lambda functions are not supported"),
		},
		{
			"two functions before tokens", recorded, hooks(obj{"PreTokenGeneration": function, "PreTokenGenerationConfig": obj{"LambdaVersion": "V1_0", "LambdaArn": function + "2"}}),
			invalid("Cannot use PreTokenGenerationLambda and PreTokenGeneration with different Lambda function ARN's"),
		},
		{"SMS sender without a key", recorded, hooks(obj{"CustomSMSSender": sender}), needKey},
		{"mail sender without a key", recorded, hooks(obj{"CustomEmailSender": sender}), needKey},
		{
			"key of another region", recorded, hooks(obj{"CustomEmailSender": sender, "KMSKeyID": "arn:aws:kms:ap-northeast-1:123456789012:key/k"}),
			invalid("Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn ap-northeast-1"),
		},
		{"SMS from another region", recorded, sms(with(smsSettings, obj{"SnsRegion": "eu-west-1"})), invalid("Invalid snsRegion. Allowed SNS region for us-east-1 is us-east-1")},
		{"SMS by the role of another account", recorded, sms(obj{"SnsCallerArn": foreignRole}), foreign},
		{"EUMS by the role of another account", unsure, sms(obj{"EumsSms": obj{"CallerArn": foreignRole}}), foreign},
		{"group with the role of another account", recorded, func(w *world) *answer {
			return w.call("CreateGroup", obj{"UserPoolId": w.pool, "GroupName": "g", "RoleArn": foreignRole})
		}, foreign},
		{"recovery by mail twice", recorded, createPool(obj{"AccountRecoverySetting": obj{"RecoveryMechanisms": list{
			obj{"Name": "verified_email", "Priority": 1}, obj{"Name": "verified_email", "Priority": 2},
		}}}), invalid("Invalid account recovery setting parameter. Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.")},
		{"analytics by id alone", recorded, createClient(obj{"AnalyticsConfiguration": obj{"ApplicationId": "d70b2ba36a8c4dc5a04a0451a31a1e12"}}), badAnalytics},
		{
			"analytics of another region", recorded, createClient(obj{"AnalyticsConfiguration": obj{"ApplicationArn": "arn:aws:mobiletargeting:ap-northeast-1:123456789012:apps/a"}}),
			invalid("The integration with Pinpoint is not supported for the requested ap-northeast-1 region."),
		},
	})
}

// A pool from before these rules can be changed, as long as the change gives no such setting anew.
func TestOldPoolsCanBeChanged(t *testing.T) {
	w := newWorld(t)
	pool, err := w.engine.UserPool(t.Context(), w.pool)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Admin().Update(t.Context(), func(s *identity.PoolSettings) error {
		s.AutoVerified = []string{"phone_number"}
		s.Email = &identity.EmailSettings{Account: new("DEVELOPER")}
		s.Passkeys = &identity.PasskeySettings{RelyingParty: new("https://example.com")}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.ok("TagResource", obj{"ResourceArn": w.arn(w.pool), "Tags": obj{"k": "v"}})
	w.ok("AddCustomAttributes", obj{"UserPoolId": w.pool, "CustomAttributes": list{stringAttribute(nil)}})
	w.ok("UpdateUserPool", obj{"UserPoolId": w.pool})
}
