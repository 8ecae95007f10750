package settings_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cognate-id/cognate/identity/settings"
)

const certificate = "arn:aws:acm:us-east-1:123456789012:certificate/1"

// badDomains break rules that have a code.
var badDomains = []struct {
	domain settings.Domain
	code   settings.Code
}{
	{settings.Domain{}, settings.DomainMalformed},
	{settings.Domain{Name: "Example"}, settings.DomainMalformed},
	{settings.Domain{Name: "a_b"}, settings.DomainMalformed},
	{settings.Domain{Name: "-a"}, settings.DomainMalformed},
	{settings.Domain{Name: "a-"}, settings.DomainMalformed},
	{settings.Domain{Name: "a\n"}, settings.DomainMalformed},
	{settings.Domain{Name: "a..b"}, settings.DomainMalformed},
	{settings.Domain{Name: "a.b."}, settings.DomainMalformed},
	{settings.Domain{Name: "*.example.com"}, settings.DomainMalformed},
	{settings.Domain{Name: strings.Repeat("a", 64)}, settings.DomainMalformed},
	{settings.Domain{Name: strings.Repeat("a", 30) + "." + strings.Repeat("b", 33)}, settings.DomainMalformed},
	{settings.Domain{Name: "a", LoginVersion: 3}, ""},
	{settings.Domain{Name: "a", LoginVersion: -1}, ""},
	{settings.Domain{Name: "a", Certificate: certificate}, settings.DomainNotCustom},
	{settings.Domain{Name: "a", SecurityPolicy: "TLS_V1"}, settings.DomainNotCustom},
	{settings.Domain{Name: "a", Failover: &settings.DomainFailover{Region: "r", HealthCheck: "h"}}, settings.DomainNotCustom},
	{settings.Domain{Name: "a.b", SecurityPolicy: "TLS_V2"}, ""},
	{settings.Domain{Name: "a.b", Failover: &settings.DomainFailover{Region: "r"}}, ""},
}

// badDomainsForService are valid, and the service refuses them.
var badDomainsForService = []struct {
	domain settings.Domain
	code   settings.Code
}{
	{settings.Domain{Name: "my-aws"}, settings.DomainReserved},
	{settings.Domain{Name: "amazonia"}, settings.DomainReserved},
	{settings.Domain{Name: "xcognitox"}, settings.DomainReserved},
	{settings.Domain{Name: "auth.example.com"}, settings.CertificateElsewhere},
	{settings.Domain{Name: "auth.example.com", Certificate: strings.Replace(certificate, "us-east-1", "eu-west-1", 1)}, settings.CertificateElsewhere},
	{settings.Domain{Name: "auth.example.com", Certificate: strings.Replace(certificate, "acm", "iam", 1)}, settings.CertificateElsewhere},
}

func TestDomainCheck(t *testing.T) {
	for _, tt := range badDomains {
		if e, ok := errors.AsType[*settings.Error](tt.domain.Check()); !ok || e.Code != tt.code {
			t.Errorf("%+v: error %v, want the code %q", tt.domain, tt.domain.Check(), tt.code)
		}
	}
	for _, tt := range badDomainsForService {
		if err := tt.domain.Check(); err != nil {
			t.Errorf("%+v: error %v, want none", tt.domain, err)
		}
		if e, ok := errors.AsType[*settings.Error](tt.domain.CheckService()); !ok || e.Code != tt.code {
			t.Errorf("%+v: error %v, want the code %q", tt.domain, tt.domain.CheckService(), tt.code)
		}
	}
	for _, d := range []settings.Domain{
		{Name: "a", LoginVersion: 1},
		{Name: strings.Repeat("a", 63), LoginVersion: 2},
		{Name: "0-0"},
		{Name: "login.aws.example.com", Certificate: certificate, SecurityPolicy: "TLS_V1_3_2025", Failover: &settings.DomainFailover{Region: "r", HealthCheck: "h"}},
	} {
		if err, service := d.Check(), d.CheckService(); err != nil || service != nil {
			t.Errorf("%+v: errors %v and %v, want none", d, err, service)
		}
	}
}
