package cognito

import (
	"cmp"
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
	"github.com/cognate-id/cognate/identity/settings"
)

// checkFeature refuses a feature to a pool of the plan LITE, which lacks it. The text is measured.
func checkFeature(set *identity.PoolSettings, feature string) error {
	if set.Tier != identity.TierLite {
		return nil
	}
	return wire.Errorf(idp.FeatureUnavailableInTierException,
		"The following feature is not available for the %s pricing tier configured: %s", set.Tier, feature)
}

// checkPlan refuses settings that need a higher plan than the pool has. Plans
// are the service's alone: pools that are made in Go have no use for them. The
// text is recorded for two of the features, its end for a third.
func checkPlan(set *identity.PoolSettings) error {
	lite, plus := set.Tier == identity.TierLite, set.Tier == identity.TierPlus
	hook := set.Triggers[identity.PreTokenGeneration].Version
	threats, policy := set.ThreatProtection, set.PasswordPolicy
	for _, f := range []struct {
		name string
		used bool // by these settings, in a plan that lacks it
	}{
		{"Threat Protection", !plus && threats != nil && threats.Mode != "OFF"},
		{"Token Customization with Pre-Token Generation Lambda " + hook, lite && hook != "" && hook != "V1_0"},
		{"Password History", lite && policy != nil && or(policy.HistorySize, 0) > 0}, // (unsure)
		{"Passwordless Sign-In", lite && slices.ContainsFunc(set.FirstFactors, func(f identity.FirstFactor) bool { return f != identity.FirstPassword })},
		{"Email MFA", lite && set.EmailMFA != nil},                                                     // (unsure)
		{"Custom ACR Values", lite && len(set.LevelNames) > 0},                                         // (unsure)
		{"Updated Issuer", lite && set.IssuerType != nil && *set.IssuerType == settings.IssuerUpdated}, // (unsure)
		{"Passkeys", lite && set.Passkeys != nil},                                                      // (unsure)
		{sessionTracking, lite && set.SessionLimit() > 0},                                              // (unsure)
	} {
		if f.used {
			return wire.Errorf(idp.FeatureUnavailableInTierException,
				"The following features need to be disabled for the %s pricing tier configured: %s", cmp.Or(set.Tier, identity.TierEssentials), f.name)
		}
	}
	return nil
}
