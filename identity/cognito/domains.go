package cognito

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/settings"
)

// Domains of pools: create, describe, update and delete. A domain works as soon as it is made.
// Nothing is made for it at any provider, so what the service says of CloudFront and S3 is only of
// the right form.

// domains is a handle on the domains of the pool that a call names.
func (s *service) domains(ctx context.Context, pool *string) (identity.Domains, error) {
	p, err := s.pool(ctx, pool)
	if err != nil {
		return identity.Domains{}, err
	}
	return p.Admin().Domains(), nil
}

func (s *service) createUserPoolDomain(ctx context.Context, in *idp.CreateUserPoolDomainRequest) (*idp.CreateUserPoolDomainResponse, error) {
	domains, err := s.domains(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	set := identity.DomainSettings{Name: text(in.Domain)}
	if err := s.setDomain(ctx, in.UserPoolId, &set, in.ManagedLoginVersion, in.CustomDomainConfig, in.Routing); err != nil {
		return nil, err
	}
	switch {
	case set.Custom() && in.CustomDomainConfig == nil:
		return nil, &identity.SettingError{Setting: "Name", Code: settings.DomainMalformed, Reason: "A prefix has no dots."}
	case !set.Custom() && in.CustomDomainConfig != nil:
		return nil, wire.Errorf(idp.InvalidParameterException, "Custom domain is not a valid subdomain")
	}
	if err := cmp.Or(set.Check(), set.CheckService()); err != nil {
		return nil, err
	}
	d, err := domains.Create(ctx, set)
	if err != nil {
		return nil, err
	}
	return &idp.CreateUserPoolDomainResponse{
		ManagedLoginVersion: loginVersion(d), CloudFrontDomain: cloudFront(d), Routing: routing(d),
	}, nil
}

// updateUserPoolDomain leaves what the request leaves out as it is (unsure).
func (s *service) updateUserPoolDomain(ctx context.Context, in *idp.UpdateUserPoolDomainRequest) (*idp.UpdateUserPoolDomainResponse, error) {
	domains, err := s.domains(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	d, err := domains.Update(ctx, text(in.Domain), func(set *identity.DomainSettings) error {
		if err := s.setDomain(ctx, in.UserPoolId, set, in.ManagedLoginVersion, in.CustomDomainConfig, in.Routing); err != nil {
			return err
		}
		return cmp.Or(set.Check(), set.CheckService())
	})
	if err != nil {
		return nil, err
	}
	return &idp.UpdateUserPoolDomainResponse{
		ManagedLoginVersion: loginVersion(d), CloudFrontDomain: cloudFront(d), Routing: routing(d),
	}, nil
}

// setDomain sets what a request gives.
func (s *service) setDomain(ctx context.Context, pool *string, set *identity.DomainSettings, version *int32, custom *idp.CustomDomainConfigType, routes *idp.RoutingType) error {
	if version != nil {
		if *version != 1 && *version != 2 {
			return wire.Errorf(idp.InvalidParameterException, "Invalid managed login version: %d", *version) // text (unsure)
		}
		if err := s.managedLoginAllowed(ctx, pool, *version); err != nil {
			return err
		}
		set.LoginVersion = int(*version)
	}
	if custom != nil {
		set.Certificate = text(custom.CertificateArn)
		if custom.SecurityPolicy != nil {
			set.SecurityPolicy = string(*custom.SecurityPolicy)
		}
	}
	if routes != nil {
		set.Failover = nil
		if f := routes.Failover; f != nil {
			set.Failover = &identity.DomainFailover{Region: text(f.SecondaryRegion), HealthCheck: text(f.PrimaryRoute53HealthCheckId)}
		}
	}
	return nil
}

// managedLoginAllowed refuses the pages of managed login to pools of the plan LITE.
func (s *service) managedLoginAllowed(ctx context.Context, pool *string, version int32) error {
	p, err := s.poolInfo(ctx, pool)
	if err != nil || version != 2 {
		return err
	}
	return checkFeature(&p.Settings, "Managed Login Version 2")
}

// describeUserPoolDomain shows nothing of a domain that no pool of the region has.
func (s *service) describeUserPoolDomain(ctx context.Context, in *idp.DescribeUserPoolDomainRequest) (*idp.DescribeUserPoolDomainResponse, error) {
	d, err := s.domain(ctx, text(in.Domain))
	if errors.Is(err, identity.ErrDomainNotFound) || errors.Is(err, identity.ErrPoolNotFound) {
		return &idp.DescribeUserPoolDomainResponse{DomainDescription: &idp.DomainDescriptionType{}}, nil
	}
	if err != nil {
		return nil, err
	}
	out := &idp.DomainDescriptionType{
		UserPoolId: ptr(d.Pool), AWSAccountId: ptr(s.engine.Account()), Domain: ptr(d.Settings.Name),
		S3Bucket: ptr(assetBucket(regionOf(&d.Pool))), CloudFrontDistribution: ptr(distribution(d.Settings.Name)),
		Version: ptr(d.Modified.UTC().Format("20060102150405")), Status: ptr(idp.DomainStatusType("ACTIVE")),
		ManagedLoginVersion: loginVersion(d), Routing: routing(d),
	}
	if d.Settings.Custom() {
		out.CustomDomainConfig = &idp.CustomDomainConfigType{CertificateArn: ptr(d.Settings.Certificate)}
		if p := d.Settings.SecurityPolicy; p != "" {
			out.CustomDomainConfig.SecurityPolicy = ptr(idp.SecurityPolicyType(p))
		}
	}
	return &idp.DescribeUserPoolDomainResponse{DomainDescription: out}, nil
}

// domain finds a domain of a pool of the region, and of the access key.
func (s *service) domain(ctx context.Context, name string) (*identity.Domain, error) {
	id, err := s.engine.DomainPool(ctx, name)
	if err != nil {
		return nil, err
	}
	domains, err := s.domains(ctx, &id)
	if err != nil {
		return nil, err
	}
	return domains.Get(ctx, name)
}

func (s *service) deleteUserPoolDomain(ctx context.Context, in *idp.DeleteUserPoolDomainRequest) (*idp.DeleteUserPoolDomainResponse, error) {
	domains, err := s.domains(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	if err := domains.Delete(ctx, text(in.Domain)); err != nil {
		return nil, err
	}
	return &idp.DeleteUserPoolDomainResponse{}, nil
}

func loginVersion(d *identity.Domain) *int32 { return ptr(int32(max(d.Settings.LoginVersion, 1))) }

func routing(d *identity.Domain) *idp.RoutingType {
	f := d.Settings.Failover
	if f == nil {
		return nil
	}
	return &idp.RoutingType{Failover: &idp.FailoverType{SecondaryRegion: ptr(f.Region), PrimaryRoute53HealthCheckId: ptr(f.HealthCheck)}}
}

// cloudFront is what the DNS of a custom domain points at; a prefix has nothing to point.
func cloudFront(d *identity.Domain) *string {
	if !d.Settings.Custom() {
		return nil
	}
	return ptr(distribution(d.Settings.Name))
}

// distribution is the name of a distribution, of the form that those of CloudFront have. It is
// always the same for a domain.
func distribution(domain string) string {
	sum := sha256.Sum256([]byte(domain))
	return "d" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:13] + ".cloudfront.net"
}

// assetBucket is the bucket that the pages of a region have their files in. The name is recorded for us-east-1 alone.
func assetBucket(region string) string {
	if region == "us-east-1" {
		return "aws-cognito-prod-iad-assets"
	}
	return "aws-cognito-prod-" + region + "-assets"
}

// showDomains adds the domains of a pool to what is shown of it.
func (s *service) showDomains(ctx context.Context, pool *identity.UserPool, out *idp.UserPoolType) error {
	all, err := pool.Admin().Domains().List(ctx)
	for _, d := range all {
		if d.Settings.Custom() {
			out.CustomDomain = ptr(d.Settings.Name)
		} else {
			out.Domain = ptr(d.Settings.Name)
		}
	}
	return err
}
