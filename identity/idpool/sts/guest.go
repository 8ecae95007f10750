package sts

import (
	"sync"

	"github.com/cognate-id/cognate/identity/idpool/policy"
)

// In the enhanced flow, the service gives the sessions of guests two policies: one that its guide prints ("Access
// policies"), and the managed policy AmazonCognitoUnAuthedIdentitiesSessionPolicy. What either allows, and the role too,
// a guest may do. The lists are those of 2026; the service changes them from time to time.

// guideActions are the actions of the policy in the guide.
var guideActions = []string{
	"appsync:*", "cloudwatch:*", "codewhisperer:*", "cognito-identity:*", "cognito-idp:*", "cognito-sync:*", "comprehend:*",
	"dynamodb:*", "execute-api:*", "firehose:*", "gamelift:*", "iot:*", "kinesis:*", "lambda:*", "lex:*", "logs:*",
	"machinelearning:*", "mobileanalytics:*", "mobiletargeting:*", "personalize:*", "polly:*", "rekognition:*", "s3:*",
	"sagemaker:InvokeEndpoint", "sdb:*", "ses:*", "sns:*", "sqs:*", "textract:AnalyzeDocument", "textract:DetectDocumentText",
	"transcribe:*", "translate:*",
}

// managedActions are those actions of the managed policy that the guide's does not have.
var managedActions = []string{
	"geo:*DevicePosition*", "geo:*Geofence", "geo:*Geofences", "geo:CalculateRoute*", "geo:GetMap*", "geo:GetPlace", "geo:ListMaps",
	"geo:SearchPlaceIndex*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair",
	"kms:GenerateDataKeyPairWithoutPlaintext", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
	"rum:PutRumEvents",
}

// GuestActions returns the most that guests of the enhanced flow may do, as patterns of actions. Their role can only take away from it.
func GuestActions() []string {
	return append(append([]string{}, guideActions...), managedActions...)
}

// guestPolicies are what the enhanced flow leaves to guests, whatever their role says.
var guestPolicies = sync.OnceValues(func() (policy.Set, error) {
	p, err := policy.Parse(Statement(false, GuestActions(), []string{"*"}))
	if err != nil {
		return nil, err
	}
	p.Name = "what guests may do"
	return policy.Set{p}, nil
})
