// Package settings holds the settings of user pools and app clients: what they
// mean, what an unset one defaults to, and which of them are invalid.
//
// Begin with [Pool] and [Client]. Their Check methods return an [*Error] that names the
// setting and the rule it breaks. [Pool.Problems] checks the attributes of a user, and
// [PasswordPolicy.Unmet] a password. Programs usually write the names that package
// identity gives these types, such as identity.PoolSettings.
//
// Settings are data, stored and sent as JSON. The JSON names stay the same in later
// versions. [UpgradePool] converts the few that changed before.
//
// # Caveats
//
// The zero value of a field means that the setting was not given. If false, 0 or an empty
// list is a meaningful value, the field is a pointer or a list, and nil means not given. What
// a setting that was not given means depends on [Pool.Defaults]: read it through a method,
// such as [Pool.EffectivePasswordPolicy], and not from the field.
//
// Some settings are stored and shown and not acted on. The first
// sentence of their comment says so.
//
// Lists that methods return may be shared: do not change them.
package settings
