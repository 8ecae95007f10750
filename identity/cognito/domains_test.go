package cognito_test

import (
	"regexp"
	"strings"
	"testing"
)

const testCertificate = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000000"

func (w *world) domain(name string, settings obj) obj {
	w.t.Helper()
	return w.ok("CreateUserPoolDomain", with(obj{"UserPoolId": w.pool, "Domain": name}, settings))
}

var customDomain = obj{"CustomDomainConfig": obj{"CertificateArn": testCertificate}}

// validDomainBodies are the valid bodies about domains.
func (w *world) validDomainBodies() map[string]obj {
	w.domain("example", nil)
	w.domain("auth.example.com", customDomain)
	example := obj{"UserPoolId": w.pool, "Domain": "example"}
	return map[string]obj{
		"CreateUserPoolDomain":   {"UserPoolId": w.server.pool(nil), "Domain": "other"},
		"DescribeUserPoolDomain": {"Domain": "example"},
		"UpdateUserPoolDomain":   with(example, obj{"ManagedLoginVersion": 2}),
		"DeleteUserPoolDomain":   {"UserPoolId": w.pool, "Domain": "auth.example.com"},
	}
}

var distributionForm = regexp.MustCompile(`^d[0-9a-z]{13}\.cloudfront\.net$`)

func TestAnswersAboutDomains(t *testing.T) {
	w := newWorld(t)
	describe := func(name string) obj {
		return w.ok("DescribeUserPoolDomain", obj{"Domain": name})["DomainDescription"].(obj)
	}
	shown := func() (prefix, custom any) {
		pool := w.ok("DescribeUserPool", obj{"UserPoolId": w.pool})["UserPool"].(obj)
		return pool["Domain"], pool["CustomDomain"]
	}
	wantSame(t, "an unknown domain", describe("example"), obj{})
	if prefix, custom := shown(); prefix != nil || custom != nil {
		t.Errorf("a pool without domains shows %v and %v", prefix, custom)
	}
	wantSame(t, "CreateUserPoolDomain", w.domain("example", nil), obj{"ManagedLoginVersion": 1.0})
	got := describe("example")
	if d, _ := got["CloudFrontDistribution"].(string); !distributionForm.MatchString(d) {
		t.Errorf("CloudFrontDistribution is %q", d)
	}
	wantSame(t, "a prefix", got, obj{
		"UserPoolId": w.pool, "AWSAccountId": "123456789012", "Domain": "example", "S3Bucket": "aws-cognito-prod-iad-assets",
		"CloudFrontDistribution": got["CloudFrontDistribution"], "Version": "20261122090507", "Status": "ACTIVE", "ManagedLoginVersion": 1.0,
	})

	failover := obj{"Failover": obj{"SecondaryRegion": "eu-west-1", "PrimaryRoute53HealthCheckId": "check"}}
	made := w.domain("auth.example.com", with(customDomain, obj{"ManagedLoginVersion": 2, "Routing": failover}))
	if d, _ := made["CloudFrontDomain"].(string); !distributionForm.MatchString(d) {
		t.Errorf("CloudFrontDomain is %q", d)
	}
	wantSame(t, "Routing", made["Routing"], any(failover))
	got = describe("auth.example.com")
	wantSame(t, "CustomDomainConfig", got["CustomDomainConfig"], any(obj{"CertificateArn": testCertificate}))
	wantSame(t, "the distribution", got["CloudFrontDistribution"], made["CloudFrontDomain"])
	if prefix, custom := shown(); prefix != "example" || custom != "auth.example.com" {
		t.Errorf("the pool shows %v and %v, want both domains", prefix, custom)
	}

	other := strings.Replace(testCertificate, "certificate/0", "certificate/1", 1)
	auth := obj{"UserPoolId": w.pool, "Domain": "auth.example.com"}
	w.ok("UpdateUserPoolDomain", with(auth, obj{"CustomDomainConfig": obj{"CertificateArn": other, "SecurityPolicy": "TLS_V1_3_2025"}}))
	got = describe("auth.example.com")
	wantSame(t, "CustomDomainConfig", got["CustomDomainConfig"], any(obj{"CertificateArn": other, "SecurityPolicy": "TLS_V1_3_2025"}))
	if got["ManagedLoginVersion"] != 2.0 || got["Routing"] == nil {
		t.Errorf("an update of the certificate left %v, want the version and the routing as they were", got)
	}
	w.ok("UpdateUserPoolDomain", with(auth, obj{"ManagedLoginVersion": 1, "Routing": obj{}}))
	if got = describe("auth.example.com"); got["ManagedLoginVersion"] != 1.0 || got["Routing"] != nil {
		t.Errorf("after an update: %v", got)
	}

	w.call("DeleteUserPool", obj{"UserPoolId": w.pool}).
		want(t, problem{"InvalidParameterException", "User pool cannot be deleted. It has a domain configured that should be deleted first.", 0})
	wantSame(t, "DeleteUserPoolDomain", w.ok("DeleteUserPoolDomain", auth), obj{})
	w.ok("DeleteUserPoolDomain", obj{"UserPoolId": w.pool, "Domain": "example"})
	wantSame(t, "a deleted domain", describe("example"), obj{})
	w.ok("DeleteUserPool", obj{"UserPoolId": w.pool})
}

func TestErrorsAboutDomains(t *testing.T) {
	w := newWorld(t)
	other := w.server.pool(nil)
	w.ok("CreateUserPoolDomain", obj{"UserPoolId": other, "Domain": "other"})
	lite := w.server.pool(obj{"UserPoolTier": "LITE"})
	invalid := func(message string) problem { return problem{"InvalidParameterException", message, 0} }
	characters := invalid("The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens.")
	noDomain := invalid("No such domain or user pool exists.")
	noVersion := problem{"FeatureUnavailableInTierException", "The following feature is not available for the LITE pricing tier configured: Managed Login Version 2", 0}
	certificate := invalid("The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.")
	for _, tt := range []struct {
		name, op string
		in       obj
		want     problem
	}{
		{"capitals", "CreateUserPoolDomain", obj{"Domain": "Example"}, characters},
		{"an underscore", "CreateUserPoolDomain", obj{"Domain": "a_b"}, characters},
		{"a prefix with dots", "CreateUserPoolDomain", obj{"Domain": "auth.example.com"}, characters},
		{"too long", "CreateUserPoolDomain", obj{"Domain": strings.Repeat("a", 64)}, invalid("1 validation error detected: Value '" + strings.Repeat("a", 64) + "' at 'domain' failed to satisfy constraint: Member must have length less than or equal to 63")},
		{"a reserved word", "CreateUserPoolDomain", obj{"Domain": "my-cognito-pool"}, invalid("Domain cannot contain reserved word: cognito")},
		{"another reserved word", "CreateUserPoolDomain", obj{"Domain": "laws"}, invalid("Domain cannot contain reserved word: aws")},
		{"taken", "CreateUserPoolDomain", obj{"Domain": "other"}, invalid("Domain already associated with another user pool.")},
		{"a custom domain without dots", "CreateUserPoolDomain", with(customDomain, obj{"Domain": "auth"}), invalid("Custom domain is not a valid subdomain")},
		{"a certificate of another region", "CreateUserPoolDomain", obj{"Domain": "auth.example.com", "CustomDomainConfig": obj{"CertificateArn": strings.Replace(testCertificate, "us-east-1", "eu-west-1", 1)}}, certificate},
		{"an unknown version", "CreateUserPoolDomain", obj{"Domain": "a", "ManagedLoginVersion": 3}, invalid("Invalid managed login version: 3")},
		{"version 2 on LITE", "CreateUserPoolDomain", obj{"UserPoolId": lite, "Domain": "a", "ManagedLoginVersion": 2}, noVersion},
		{"an update of no domain", "UpdateUserPoolDomain", obj{"Domain": "nothing"}, noDomain},
		{"an update of another pool's", "UpdateUserPoolDomain", obj{"Domain": "other"}, noDomain},
		{"deletion of no domain", "DeleteUserPoolDomain", obj{"Domain": "nothing"}, noDomain},
		{"deletion of another pool's", "DeleteUserPoolDomain", obj{"Domain": "other"}, noDomain},
		{"routing of a prefix", "UpdateUserPoolDomain", obj{"UserPoolId": other, "Domain": "other", "Routing": obj{"Failover": obj{"SecondaryRegion": "eu-west-1", "PrimaryRoute53HealthCheckId": "c"}}}, invalid("CustomDomainConfig and Routing can only be specified for a custom domain.")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.call(tt.op, with(obj{"UserPoolId": w.pool}, tt.in)).want(t, tt.want)
		})
	}
	w.domain("example", nil)
	w.call("CreateUserPoolDomain", obj{"UserPoolId": w.pool, "Domain": "second"}).want(t, invalid("User pool already has a domain configured."))
	w.ok("CreateUserPoolDomain", obj{"UserPoolId": lite, "Domain": "a", "ManagedLoginVersion": 1})
	w.call("UpdateUserPoolDomain", obj{"UserPoolId": lite, "Domain": "a", "ManagedLoginVersion": 2}).want(t, noVersion)
	w.region = "eu-west-1"
	wantSame(t, "a domain of another region", w.ok("DescribeUserPoolDomain", obj{"Domain": "example"}), obj{"DomainDescription": obj{}})
}
