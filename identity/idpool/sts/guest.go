package sts

import (
	"sync"

	"github.com/cognate-id/cognate/identity/idpool/policy"
)

// In the enhanced flow, the service gives the sessions of guests two policies: one that its guide
// prints ("Access policies"), and the managed policy AmazonCognitoUnAuthedIdentitiesSessionPolicy. What either
// allows, and the role too, a guest may do.

// guestPolicies are what the enhanced flow leaves to guests, whatever their role says.
var guestPolicies = sync.OnceValues(func() (policy.Set, error) {
	p, err := policy.Parse(GuestPolicy)
	if err != nil {
		return nil, err
	}
	p.Name = "what guests may do"
	return policy.Set{p}, nil
})

// GuestPolicy is the most that guests of the enhanced flow may do. The list is that of the guide in
// 2026; the service changes it from time to time.
const GuestPolicy = `{
	"Version": "2012-10-17",
	"Statement": [{
		"Sid": "Guide", "Effect": "Allow", "Resource": "*",
		"Action": [
			"appsync:*", "cloudwatch:*", "codewhisperer:*", "cognito-identity:*", "cognito-idp:*", "cognito-sync:*", "comprehend:*",
			"dynamodb:*", "execute-api:*", "firehose:*", "gamelift:*", "iot:*", "kinesis:*", "lambda:*", "lex:*", "logs:*",
			"machinelearning:*", "mobileanalytics:*", "mobiletargeting:*", "personalize:*", "polly:*", "rekognition:*", "s3:*",
			"sagemaker:InvokeEndpoint", "sdb:*", "ses:*", "sns:*", "sqs:*", "textract:AnalyzeDocument", "textract:DetectDocumentText",
			"transcribe:*", "translate:*"
		]
	}, {
		"Sid": "Managed", "Effect": "Allow", "Resource": "*",
		"Action": [
			"geo:*DevicePosition*", "geo:*Geofence", "geo:*Geofences", "geo:CalculateRoute*", "geo:GetMap*", "geo:GetPlace", "geo:ListMaps",
			"geo:SearchPlaceIndex*", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair",
			"kms:GenerateDataKeyPairWithoutPlaintext", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
			"rum:PutRumEvents"
		]
	}]
}`
