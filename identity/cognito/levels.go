package cognito

import (
	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/cognito/internal/idp"
)

// The names of authentication levels. An answer shows all four, those that nobody has named included.

// levelKeys are the levels by their names in AcrConfiguration.
var levelKeys = map[string]identity.Level{
	"Level1": identity.Level1, "Level2": identity.Level2, "Level3": identity.Level3, "Level4": identity.Level4,
}

// levelNames are the names that a request gives. A level's default is no name of its own, so that an answer can be sent
// back on any plan. The model has checked the keys.
func levelNames(c map[string]idp.AcrLevelConfigType) map[identity.Level]string {
	var defaults identity.PoolSettings
	var names map[identity.Level]string
	for key, level := range levelKeys {
		given, ok := c[key]
		if !ok || text(given.AcrValue) == defaults.LevelName(level) {
			continue
		}
		if names == nil {
			names = map[identity.Level]string{}
		}
		names[level] = text(given.AcrValue)
	}
	return names
}

// acrConfiguration shows the names of all levels.
func acrConfiguration(set *identity.PoolSettings) map[string]idp.AcrLevelConfigType {
	out := map[string]idp.AcrLevelConfigType{}
	for key, level := range levelKeys {
		out[key] = idp.AcrLevelConfigType{AcrValue: ptr(set.LevelName(level))}
	}
	return out
}
