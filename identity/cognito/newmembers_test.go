package cognito_test

import (
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/store/memory"
)

const (
	eumsARN = "arn:aws:iam::123456789012:role/eums"
	kmsARN  = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// What the model of November 2026 brought and this version keeps is shown as it was set.
func TestKeptMembersOf2026(t *testing.T) {
	w := newWorld(t)
	show := func(id any) obj {
		return w.ok("DescribeUserPool", obj{"UserPoolId": id})["UserPool"].(obj)
	}
	key := obj{"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": kmsARN}
	eums := obj{"CallerArn": eumsARN, "OriginationIdentity": "+12025550100", "ConfigurationSetName": "set", "Region": "us-east-1"}
	id := w.ok("CreateUserPool", obj{"PoolName": "kept", "KeyConfiguration": key, "SmsConfiguration": obj{"EumsSms": eums}})["UserPool"].(obj)["Id"]
	pool := show(id)
	wantJSON(t, "KeyConfiguration", pool["KeyConfiguration"], key)
	wantJSON(t, "SmsConfiguration", pool["SmsConfiguration"], obj{"EumsSms": eums}) // without SnsCallerArn
	w.ok("UpdateUserPool", obj{"UserPoolId": id})
	pool = show(id)
	wantJSON(t, "KeyConfiguration that an update leaves out", pool["KeyConfiguration"], key) // (unsure)
	if pool["SmsConfiguration"] != nil {
		t.Errorf("SmsConfiguration that an update leaves out is still %v", pool["SmsConfiguration"])
	}
	client := w.ok("CreateUserPoolClient", obj{
		"UserPoolId": id, "ClientName": "c", "GenerateSecret": true, "ExplicitAuthFlows": list{"ALLOW_CLIENT_TOKEN_AUTH"}, "PublishSecretsInAWSSecretsManager": false,
	})["UserPoolClient"].(obj)
	wantJSON(t, "ExplicitAuthFlows", client["ExplicitAuthFlows"], list{"ALLOW_CLIENT_TOKEN_AUTH"})
	if n := len(w.ok("ListUserPoolClients", obj{"UserPoolId": id, "ClientType": "DCR"})["UserPoolClients"].(list)); n != 0 {
		t.Errorf("%d clients registered themselves, want none", n)
	}
	if n := len(w.ok("ListUserPoolClients", obj{"UserPoolId": id, "ClientType": "REGULAR"})["UserPoolClients"].(list)); n != 1 {
		t.Errorf("%d regular clients, want 1", n)
	}
}

func TestErrorsOfMembersOf2026(t *testing.T) {
	w := newWorld(t)
	pool := func(members obj) obj { return with(obj{"PoolName": "p"}, members) }
	for _, tt := range []struct {
		name, op string
		in       obj
		want     string
	}{
		{"neither SNS nor EUMS", "CreateUserPool", pool(obj{"SmsConfiguration": obj{"ExternalId": "x"}}), "InvalidParameterException"},
		{"both", "CreateUserPool", pool(obj{"SmsConfiguration": obj{"SnsCallerArn": eumsARN, "EumsSms": obj{"CallerArn": eumsARN}}}), "InvalidParameterException"},
		{"EUMS of another region", "CreateUserPool", pool(obj{"SmsConfiguration": obj{"EumsSms": obj{"CallerArn": eumsARN, "Region": "eu-west-1"}}}), "InvalidParameterException"},
		{"neither, for MFA", "SetUserPoolMfaConfig", obj{"UserPoolId": w.pool, "SmsMfaConfiguration": obj{"SmsConfiguration": obj{}}}, "InvalidParameterException"},
		{"customer key without an ARN", "CreateUserPool", pool(obj{"KeyConfiguration": obj{"KeyType": "CUSTOMER_MANAGED_KEY"}}), "InvalidParameterException"},
		{"a level that there is not", "CreateUserPool", pool(obj{"AcrConfiguration": obj{"Level5": obj{"AcrValue": "x"}}}), "InvalidParameterException"},
		{"a level without a name", "CreateUserPool", pool(obj{"AcrConfiguration": obj{"Level1": obj{}}}), "InvalidParameterException"},
		{"a level with a space in its name", "CreateUserPool", pool(obj{"AcrConfiguration": obj{"Level1": obj{"AcrValue": "a b"}}}), "InvalidParameterException"},
		{"a level with a long name", "UpdateUserPool", obj{"UserPoolId": w.pool, "AcrConfiguration": obj{"Level1": obj{"AcrValue": strings.Repeat("x", 65)}}}, "InvalidParameterException"},
		{"two levels with one name", "CreateUserPool", pool(obj{"AcrConfiguration": obj{"Level1": obj{"AcrValue": "x"}, "Level2": obj{"AcrValue": "x"}}}), "InvalidParameterException"},
		{"self-registration", "UpdateUserPool", obj{"UserPoolId": w.pool, "DcrConfiguration": obj{}}, "InvalidParameterException"},
		{"an unknown issuer", "CreateUserPool", pool(obj{"IssuerConfiguration": obj{"Type": "OTHER"}}), "InvalidParameterException"},
		{"no issuer", "UpdateUserPool", obj{"UserPoolId": w.pool, "IssuerConfiguration": obj{}}, "InvalidParameterException"},
		{"the updated issuer on LITE", "CreateUserPool", pool(obj{"UserPoolTier": "LITE", "IssuerConfiguration": obj{"Type": "UPDATED"}}), "FeatureUnavailableInTierException"},
		{"published secrets", "CreateUserPoolClient", obj{"UserPoolId": w.pool, "ClientName": "c", "GenerateSecret": true, "PublishSecretsInAWSSecretsManager": true}, "OperationNotEnabledException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := w.call(tt.op, tt.in); a.status != 400 || a.body["__type"] != tt.want {
				t.Errorf("%d %s, want %s", a.status, a.raw, tt.want)
			}
		})
	}
	for _, kind := range []string{"ORIGINAL", "UPDATED"} {
		made := w.ok("CreateUserPool", pool(obj{"IssuerConfiguration": obj{"Type": kind}}))["UserPool"].(obj)
		wantJSON(t, "IssuerConfiguration", made["IssuerConfiguration"], obj{"Type": kind})
		w.ok("UpdateUserPool", obj{"UserPoolId": made["Id"]})
		kept := w.ok("DescribeUserPool", obj{"UserPoolId": made["Id"]})["UserPool"].(obj)
		wantJSON(t, "IssuerConfiguration that an update leaves out", kept["IssuerConfiguration"], obj{"Type": kind}) // (unsure)
	}
}

// The updated issuer is another host, where tokens have Amazon's.
func TestUpdatedIssuer(t *testing.T) {
	e := identity.New(memory.New(), nil)
	for kind, want := range map[string]string{
		"": "https://cognito-idp.eu-west-1.amazonaws.com/", "ORIGINAL": "https://cognito-idp.eu-west-1.amazonaws.com/",
		"UPDATED": "https://issuer-cognito-idp.eu-west-1.amazonaws.com/",
	} {
		p := &identity.PoolInfo{ID: "eu-west-1_a", Settings: identity.PoolSettings{Region: "eu-west-1"}}
		if kind != "" {
			p.Settings.IssuerType = &kind
		}
		if got := e.Issuer(t.Context(), p); got != want+p.ID {
			t.Errorf("%s: %s", kind, got)
		}
		own := identity.New(memory.New(), &identity.Options{Issuer: identity.FixedIssuer("https://auth.example.com")})
		if got := own.Issuer(t.Context(), p); got != "https://auth.example.com/"+p.ID {
			t.Errorf("%s at an issuer of one's own: %s", kind, got)
		}
	}
}

// wantJSON holds a part of an answer to what it should be.
func wantJSON(t *testing.T, what string, got, want any) {
	t.Helper()
	if got, want := jsonText(got), jsonText(want); got != want {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}
