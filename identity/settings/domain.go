package settings

import (
	"regexp"
	"slices"
	"strings"
)

// A Domain has the settings of a domain of a pool: the host that browsers see while they sign
// in. A domain is a prefix, such as example, or a custom domain, such as auth.example.com.
type Domain struct {
	// Name is the prefix or the custom domain, in lower case: at most 63 characters. It never changes.
	Name string `json:"name"`
	// LoginVersion says which pages the domain has: 1 for those of the classic hosted UI, 2
	// for those of managed login. Zero means 1.
	LoginVersion int `json:"loginVersion,omitempty"`
	// Certificate is the ARN of the certificate of a custom domain. It is stored and shown, and
	// not acted on: whoever serves the domain has the certificate.
	Certificate string `json:"certificate,omitempty"`
	// SecurityPolicy is the oldest TLS that a custom domain takes: TLS_V1, TLS_V1_2_2021 or
	// TLS_V1_3_2025. It is stored and shown, and not acted on.
	SecurityPolicy string `json:"securityPolicy,omitempty"`
	// Failover says where the requests of a custom domain go if its region is down. It is stored and
	// shown, and not acted on. Nil means nowhere.
	Failover *DomainFailover `json:"failover,omitempty"`
}

// A DomainFailover says which region takes the place of another, and what tells that it must.
type DomainFailover struct {
	// Region takes the requests while the health check fails.
	Region string `json:"region"`
	// HealthCheck is the id of the health check.
	HealthCheck string `json:"healthCheck"`
}

// The versions of the pages of a domain.
const (
	LoginClassic = 1
	LoginManaged = 2
)

// Custom reports whether the domain is a custom one, and no prefix.
func (d *Domain) Custom() bool { return strings.Contains(d.Name, ".") }

var label = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// Check returns an [*Error] about the first setting that is invalid.
func (d *Domain) Check() error {
	for _, part := range strings.Split(d.Name, ".") {
		if len(d.Name) > 63 || !label.MatchString(part) {
			return invalid("Name", DomainMalformed, "", "A domain has at most 63 characters, in parts of lower-case letters, digits and hyphens.")
		}
	}
	switch {
	case d.LoginVersion < 0 || d.LoginVersion > LoginManaged:
		return plain("LoginVersion", "The version of the pages is 1 or 2.")
	case !d.Custom() && (d.Certificate != "" || d.SecurityPolicy != "" || d.Failover != nil):
		return invalid("Certificate", DomainNotCustom, "", "Only a custom domain has a certificate, a security policy or a failover.")
	case !slices.Contains([]string{"", "TLS_V1", "TLS_V1_2_2021", "TLS_V1_3_2025"}, d.SecurityPolicy):
		return plain("SecurityPolicy", "%q is not a security policy.", d.SecurityPolicy)
	case d.Failover != nil && (d.Failover.Region == "" || d.Failover.HealthCheck == ""):
		return plain("Failover", "A failover names a region and a health check.")
	}
	return nil
}

// reservedWords are what prefixes of the service may not contain.
var reservedWords = []string{"aws", "amazon", "cognito"}

var certificateForm = regexp.MustCompile(`^arn:aws[\w-]*:acm:us-east-1:[0-9]+:certificate/.+$`)

// CheckService returns an [*Error] if the service would refuse the domain, although it is valid.
func (d *Domain) CheckService() error {
	if d.Custom() {
		if !certificateForm.MatchString(d.Certificate) {
			return invalid("Certificate", CertificateElsewhere, "", "The certificate of a custom domain is one of ACM in us-east-1.")
		}
		return nil
	}
	for _, word := range reservedWords {
		if strings.Contains(d.Name, word) {
			return invalid("Name", DomainReserved, word, "The prefix contains the reserved word "+word+".")
		}
	}
	return nil
}
