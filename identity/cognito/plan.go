package cognito

import (
	"slices"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
	"github.com/cognate-id/cognate/identity/cognito/internal/wire"
)

// checkPlan refuses settings that need a higher plan than the pool has. Plans
// are the service's alone: pools that are made in Go have no use for them. Only
// the end of the text, the name of the feature, is known, and of some not even that.
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
		{"Password History", lite && policy != nil && or(policy.HistorySize, 0) > 0},                                                                             // (unsure)
		{"Choice-Based Authentication", lite && slices.ContainsFunc(set.FirstFactors, func(f identity.FirstFactor) bool { return f != identity.FirstPassword })}, // (unsure)
		{"Passkeys", lite && set.Passkeys != nil},                                                                                                                // (unsure)
	} {
		if f.used {
			return wire.Errorf(idp.FeatureUnavailableInTierException, "The plan of this user pool does not include: %s", f.name)
		}
	}
	return nil
}
