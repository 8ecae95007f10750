package identity

import (
	"context"
	"strings"

	"github.com/cognate-id/cognate/identity/settings"
)

// An IssuerFunc returns the URL that the claim iss of tokens begins with, and
// under which verifiers find the keys of pools. The URL has no slash at its end.
// The engine appends a slash and the id of the pool.
type IssuerFunc func(ctx context.Context, region string) string

// AWSIssuer returns the issuer of Amazon Cognito. Verifiers that are made for
// Amazon Cognito accept no other.
func AWSIssuer(_ context.Context, region string) string { return awsHost("cognito-idp.", region) }

// FixedIssuer returns an issuer at a URL of your own, such as https://auth.example.com.
func FixedIssuer(url string) IssuerFunc {
	url = strings.TrimRight(url, "/")
	return func(context.Context, string) string { return url }
}

func awsHost(service, region string) string {
	suffix := ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		suffix += ".cn"
	}
	return "https://" + service + region + suffix
}

// Issuer returns the claim iss of the tokens of a pool. The pool's settings come
// before [Options].Issuer.
func (e *Engine) Issuer(ctx context.Context, p *PoolInfo) string {
	base := p.Settings.Issuer
	switch base {
	case "":
		base = e.issuer(ctx, p.Settings.Region)
		if t := p.Settings.IssuerType; t != nil && *t == settings.IssuerUpdated && base == AWSIssuer(ctx, p.Settings.Region) {
			base = awsHost("issuer-cognito-idp.", p.Settings.Region)
		}
	case AWSIssuerName:
		base = awsHost("cognito-idp.", p.Settings.Region)
	case AWSUpdatedIssuerName:
		base = awsHost("issuer-cognito-idp.", p.Settings.Region)
	}
	return strings.TrimRight(base, "/") + "/" + p.ID
}

// poolOfIssuer returns the pool id at the end of an issuer.
func poolOfIssuer(iss string) string { return iss[strings.LastIndexByte(iss, '/')+1:] }
