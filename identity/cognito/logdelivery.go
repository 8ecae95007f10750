package cognito

import (
	"cmp"
	"context"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/settings"
)

// Where a pool's log goes. The setting is one list, which a request replaces as a whole.
// logDestinations checks a request against the plan and the region of the pool, in the
// transaction that writes the setting.

func (s *service) getLogDeliveryConfiguration(ctx context.Context, in *idp.GetLogDeliveryConfigurationRequest) (*idp.GetLogDeliveryConfigurationResponse, error) {
	p, err := s.poolInfo(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	return &idp.GetLogDeliveryConfigurationResponse{LogDeliveryConfiguration: logConfiguration(p)}, nil
}

func (s *service) setLogDeliveryConfiguration(ctx context.Context, in *idp.SetLogDeliveryConfigurationRequest) (*idp.SetLogDeliveryConfigurationResponse, error) {
	pool, err := s.pool(ctx, in.UserPoolId)
	if err != nil {
		return nil, err
	}
	p, err := pool.Admin().Update(ctx, func(set *identity.PoolSettings) (err error) {
		set.Logs, err = logDestinations(set, in.LogConfigurations)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &idp.SetLogDeliveryConfigurationResponse{LogDeliveryConfiguration: logConfiguration(p)}, nil
}

// logDestinations are the destinations of a request. Three of the refusals are measured, the
// others are (unsure).
func logDestinations(set *identity.PoolSettings, in []idp.LogConfigurationType) ([]settings.LogDestination, error) {
	refuse := func(text string) error { return wire.Errorf(idp.InvalidParameterException, "%s", text) }
	var out []settings.LogDestination
	for _, c := range in {
		d, err := logDestination(c)
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if other.Source == d.Source {
				return nil, refuse("Following event sources appear more then once in a request")
			}
		}
		switch {
		case d.Source == settings.LogUserAuthEvents && set.Tier != identity.TierPlus:
			return nil, wire.Errorf(idp.FeatureUnavailableInTierException,
				"The following feature is not available for the %s pricing tier configured: Log Streaming", cmp.Or(set.Tier, identity.TierEssentials))
		case d.Source == settings.LogUserNotification && (d.Level != "ERROR" || d.Kind != settings.LogGroup):
			return nil, refuse("userNotification logs must have the log level ERROR and a CloudWatch log group.")
		case d.Source == settings.LogUserAuthEvents && d.Level != "INFO":
			return nil, refuse("userAuthEvents logs must have the log level INFO.")
		case d.Kind != settings.LogBucket && arnRegion(d.ARN) != set.Region: // the ARN of a bucket has none
			return nil, refuse("ARN does not belong to current region")
		}
		out = append(out, d)
	}
	return out, nil
}

// logDestination is the one destination of a configuration.
func logDestination(c idp.LogConfigurationType) (settings.LogDestination, error) {
	d := settings.LogDestination{Source: settings.LogSource(text(c.EventSource)), Level: text(c.LogLevel)}
	given := 0
	for kind, arn := range map[settings.LogDestinationKind]*string{
		settings.LogGroup:  val(c.CloudWatchLogsConfiguration).LogGroupArn,
		settings.LogBucket: val(c.S3Configuration).BucketArn,
		settings.LogStream: val(c.FirehoseConfiguration).StreamArn,
	} {
		if arn != nil {
			given++
			d.Kind, d.ARN = kind, *arn
		}
	}
	if given != 1 {
		return d, wire.Errorf(idp.InvalidParameterException, "Exactly one log destination must be configured for each event source.") // text (unsure)
	}
	return d, nil
}

func arnRegion(arn string) string {
	parts := strings.SplitN(arn, ":", 5)
	if len(parts) < 5 {
		return ""
	}
	return parts[3]
}

// logConfiguration shows the destinations of a pool; without any it shows an empty list.
func logConfiguration(p *identity.PoolInfo) *idp.LogDeliveryConfigurationType {
	out := &idp.LogDeliveryConfigurationType{UserPoolId: ptr(p.ID), LogConfigurations: []idp.LogConfigurationType{}}
	for _, d := range p.Settings.Logs {
		c := idp.LogConfigurationType{LogLevel: ptr(idp.LogLevel(d.Level)), EventSource: ptr(idp.EventSourceName(d.Source))}
		switch d.Kind {
		case settings.LogGroup:
			c.CloudWatchLogsConfiguration = &idp.CloudWatchLogsConfigurationType{LogGroupArn: ptr(d.ARN)}
		case settings.LogBucket:
			c.S3Configuration = &idp.S3ConfigurationType{BucketArn: ptr(d.ARN)}
		case settings.LogStream:
			c.FirehoseConfiguration = &idp.FirehoseConfigurationType{StreamArn: ptr(d.ARN)}
		}
		out.LogConfigurations = append(out.LogConfigurations, c)
	}
	return out
}
