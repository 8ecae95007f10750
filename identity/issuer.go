package identity

import (
	"context"
	"strings"
)

// An IssuerFunc says what the tokens of a pool have as iss, and where its keys
// are found: the URL without the pool id, and without a slash at its end.
type IssuerFunc func(ctx context.Context, region string) string

// AWSIssuer is the issuer of Amazon Cognito, which verifiers made for it insist on.
func AWSIssuer(_ context.Context, region string) string { return awsHost("cognito-idp.", region) }

// FixedIssuer is an issuer at a URL of one's own, such as https://auth.example.com.
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

// Issuer is what the tokens of a pool have as iss.
func (e *Engine) Issuer(ctx context.Context, p *PoolInfo) string {
	base := p.Settings.Issuer
	switch base {
	case "":
		base = e.issuer(ctx, p.Settings.Region)
	case AWSIssuerName:
		base = awsHost("cognito-idp.", p.Settings.Region)
	case AWSUpdatedIssuerName:
		base = awsHost("issuer-cognito-idp.", p.Settings.Region)
	}
	return strings.TrimRight(base, "/") + "/" + p.ID
}

// poolOfIssuer is the pool id at the end of an issuer.
func poolOfIssuer(iss string) string { return iss[strings.LastIndexByte(iss, '/')+1:] }
