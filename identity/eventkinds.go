package identity

// An EventKind says what happened.
type EventKind string

// The kinds of events of users. The text of a kind is stored: never change it.
const (
	EventSignedUp                  EventKind = "SignedUp"
	EventSignUpReplaced            EventKind = "SignUpReplaced"            // the user was unconfirmed and is deleted: somebody signed up again with the name
	EventSignUpHidden              EventKind = "SignUpHidden"              // somebody signed up with the address of this user and was not told
	EventSignUpConfirmed           EventKind = "SignUpConfirmed"           // by a code, or by an operator
	EventSignedIn                  EventKind = "SignedIn"                  // everything that was asked for was proved
	EventSignInFailed              EventKind = "SignInFailed"              // a wrong password
	EventMFAFailed                 EventKind = "MFAFailed"                 // a wrong code of a second factor
	EventDeviceFailed              EventKind = "DeviceFailed"              // a wrong proof of a device, in place of a second factor
	EventTemporaryPasswordReplaced EventKind = "TemporaryPasswordReplaced" // during a sign-in, which goes on
	EventSignedOutEverywhere       EventKind = "SignedOutEverywhere"       // by the user, or by an operator
	EventSignInRevoked             EventKind = "SignInRevoked"             // with its refresh token, or of a browser; Data has the id of a session that was revoked by it
	EventConsented                 EventKind = "Consented"                 // a user lets an application have scopes; Data has them
	EventTokensGranted             EventKind = "TokensGranted"             // to an application, of a user who is signed in to a browser; Data has the scopes
	EventAuthCodeReused            EventKind = "AuthCodeReused"            // the sign-in that it was exchanged for is ended
	EventRefreshTokenReused        EventKind = "RefreshTokenReused"        // the sign-in is ended
	EventOldSignInsEnded           EventKind = "OldSignInsEnded"           // the user has more than the pool allows; Data has how many ended
	EventCodeRequested             EventKind = "CodeRequested"             // Data has the purpose
	EventCodeRefused               EventKind = "CodeRefused"               // Data has the purpose
	EventPasswordResetRequested    EventKind = "PasswordResetRequested"    // by anybody who gives the name
	EventPasswordReset             EventKind = "PasswordReset"             // by the code that was sent
	EventPasswordResetRequired     EventKind = "PasswordResetRequired"     // by an operator
	EventPasswordChanged           EventKind = "PasswordChanged"           // by the user, who gave the previous password
	EventPasswordChangeFailed      EventKind = "PasswordChangeFailed"      // a wrong previous password
	EventPasswordSet               EventKind = "PasswordSet"               // by an operator
	EventAttributesChanged         EventKind = "AttributesChanged"         // Data has the names of the attributes
	EventAttributeVerified         EventKind = "AttributeVerified"
	EventAliasLost                 EventKind = "AliasLost" // to another user, who has proved the address
	EventMFAChanged                EventKind = "MFAChanged"
	EventTOTPEnrollmentStarted     EventKind = "TOTPEnrollmentStarted"
	EventTOTPEnrolled              EventKind = "TOTPEnrolled"
	EventPasskeyAdded              EventKind = "PasskeyAdded"      // Data has its name
	EventPasskeyRemoved            EventKind = "PasskeyRemoved"    // by the user, or by an operator; Data has its name
	EventDeviceConfirmed           EventKind = "DeviceConfirmed"   // by the user; Data has its key, and whether it is remembered
	EventDeviceChanged             EventKind = "DeviceChanged"     // Data has its key, and whether it is remembered
	EventDeviceForgotten           EventKind = "DeviceForgotten"   // Data has its key
	EventRecoveryCodesMade         EventKind = "RecoveryCodesMade" // earlier codes are void
	EventRecoveryCodeUsed          EventKind = "RecoveryCodeUsed"  // in a sign-in; Data has how many are left
	EventUserCreated               EventKind = "UserCreated"       // by an operator
	EventUserInvitedAgain          EventKind = "UserInvitedAgain"
	EventUserImported              EventKind = "UserImported"
	EventUserMigrated              EventKind = "UserMigrated"     // a hook has brought the user from another directory
	EventProfileCreated            EventKind = "ProfileCreated"   // of somebody who signs in by an identity provider; Data has the provider
	EventIdentityLinked            EventKind = "IdentityLinked"   // to a user, by an operator, by the user or by a sign-in; Data has the provider
	EventIdentityUnlinked          EventKind = "IdentityUnlinked" // by an operator or the user, or turned off; Data has the provider
	EventUserDisabled              EventKind = "UserDisabled"
	EventUserEnabled               EventKind = "UserEnabled"
	EventUserDeleted               EventKind = "UserDeleted" // by the user, by an operator, or by the engine because the user was not confirmed in time
	EventGroupsChanged             EventKind = "GroupsChanged"
	EventMessageRetried            EventKind = "MessageRetried" // by an operator; Data has the kind of the message
	EventMessageDropped            EventKind = "MessageDropped" // by an operator; Data has the kind of the message
)

// The kinds of events of pools, app clients, groups and keys. Their text is
// stored too.
const (
	EventPoolCreated           EventKind = "PoolCreated"
	EventPoolChanged           EventKind = "PoolChanged" // Data has the names of the settings
	EventPoolDeleted           EventKind = "PoolDeleted" // an event of the engine, see [Engine.Events]
	EventClientCreated         EventKind = "ClientCreated"
	EventClientChanged         EventKind = "ClientChanged" // Data has the names of the settings
	EventClientDeleted         EventKind = "ClientDeleted"
	EventClientSecretAdded     EventKind = "ClientSecretAdded"   // Data has the id of the secret
	EventClientSecretDeleted   EventKind = "ClientSecretDeleted" // Data has the id of the secret
	EventGroupCreated          EventKind = "GroupCreated"
	EventGroupChanged          EventKind = "GroupChanged"
	EventGroupDeleted          EventKind = "GroupDeleted"
	EventGroupRuleAdded        EventKind = "GroupRuleAdded"   // Data has the id of the rule
	EventGroupRuleRemoved      EventKind = "GroupRuleRemoved" // Data has the id of the rule
	EventUICustomized          EventKind = "UICustomized"     // the look of the classic pages was set or taken away
	EventBrandingCreated       EventKind = "BrandingCreated"
	EventBrandingChanged       EventKind = "BrandingChanged"
	EventBrandingDeleted       EventKind = "BrandingDeleted"
	EventTermsCreated          EventKind = "TermsCreated" // Data has their name, also in the next two
	EventTermsChanged          EventKind = "TermsChanged"
	EventTermsDeleted          EventKind = "TermsDeleted"
	EventDomainCreated         EventKind = "DomainCreated"
	EventDomainChanged         EventKind = "DomainChanged" // Data has the names of the settings
	EventDomainDeleted         EventKind = "DomainDeleted"
	EventResourceServerCreated EventKind = "ResourceServerCreated"
	EventResourceServerChanged EventKind = "ResourceServerChanged" // Data has the names of the settings
	EventResourceServerDeleted EventKind = "ResourceServerDeleted"
	EventProviderCreated       EventKind = "ProviderCreated"
	EventProviderChanged       EventKind = "ProviderChanged" // Data has the names of the settings
	EventProviderDeleted       EventKind = "ProviderDeleted"
	EventImportJobCreated      EventKind = "ImportJobCreated"
	EventImportJobStarted      EventKind = "ImportJobStarted"
	EventImportJobStopped      EventKind = "ImportJobStopped"   // by an operator
	EventSigningKeysCreated    EventKind = "SigningKeysCreated" // Data has when they begin to sign, the id of the new master key, and whether all others were revoked
	EventAddressSuppressed     EventKind = "AddressSuppressed"  // nothing is sent to an address any more
	EventAddressLifted         EventKind = "AddressLifted"      // messages are sent to an address again
	EventSenderKeyCreated      EventKind = "SenderKeyCreated"   // an operator has a copy, see [Admin.CreateSenderKey]
	EventSenderKeyDeleted      EventKind = "SenderKeyDeleted"   // Data has its name
	EventAccessKeyCreated      EventKind = "AccessKeyCreated"   // an event of the engine
	EventAccessKeyRevoked      EventKind = "AccessKeyRevoked"   // an event of the engine
)

// The names of entries in Event.Data.
const (
	dataChanged  = "changed"    // names of settings or attributes, with commas between them
	dataKind     = "kind"       // the kind of a message
	dataPurpose  = "purpose"    // the purpose of a code
	dataLocked   = "locked"     // "true" if this failure has locked the user out
	dataName     = "name"       // the name of a group, an access key or a passkey
	dataAdded    = "added"      // the name of the group that a user was put into
	dataRemoved  = "removed"    // the name of the group that a user was taken out of; rules may name several, with spaces between them
	dataRules    = "rules"      // "true" if rules of the pool changed the groups of a user
	dataRule     = "rule"       // the id of a group rule
	dataSecret   = "secret"     // the id of a client's secret
	dataDevice   = "device"     // the key of a device
	dataSession  = "session"    // the id of a session
	dataRemember = "remembered" // "true" if a device is remembered
	dataSignFrom = "sign_from"  // when keys begin to sign
	dataRole     = "role"       // the role of an access key
	dataLeft     = "left"       // how many recovery codes are left
	dataCount    = "count"      // how many sign-ins ended
	dataScopes   = "scopes"     // of an application, with spaces between them
	dataMaster   = "master"     // the id of a new master key
	dataProvider = "provider"   // the name of an identity provider
	dataRevoked  = "revoked"    // "true" if all earlier signing and master keys were revoked
)

// oldKinds maps the names of earlier versions, which named kinds after
// operations, to the kinds of today. Stored records keep their text; reading
// translates it. The SQL view of events does the same.
var oldKinds = map[EventKind]struct {
	kind    EventKind
	failure FailureCode
}{
	"SignUp":                 {kind: EventSignedUp},
	"ConfirmSignUp":          {kind: EventSignUpConfirmed},
	"SignIn":                 {kind: EventSignedIn},
	"SignInFailure":          {EventSignInFailed, FailureWrongPassword},
	"NewPassword":            {kind: EventTemporaryPasswordReplaced},
	"GlobalSignOut":          {kind: EventSignedOutEverywhere},
	"RevokeToken":            {kind: EventSignInRevoked},
	"RefreshTokenReuse":      {EventRefreshTokenReused, FailureTokenReused},
	"AdminCreateUser":        {kind: EventUserCreated},
	"AdminSetUserPassword":   {kind: EventPasswordSet},
	"ForgotPassword":         {kind: EventPasswordResetRequested},
	"ConfirmForgotPassword":  {kind: EventPasswordReset},
	"AdminResetUserPassword": {kind: EventPasswordResetRequired},
	"ChangePassword":         {kind: EventPasswordChanged},
	"UpdateUserAttributes":   {kind: EventAttributesChanged},
	"VerifyUserAttribute":    {kind: EventAttributeVerified},
	"DeleteUser":             {kind: EventUserDeleted},
	"AdminDisableUser":       {kind: EventUserDisabled},
	"AdminEnableUser":        {kind: EventUserEnabled},
	"AdminConfirmSignUp":     {kind: EventSignUpConfirmed},
	"AdminUserGlobalSignOut": {kind: EventSignedOutEverywhere},
	"SetUserMFAPreference":   {kind: EventMFAChanged},
	"VerifySoftwareToken":    {kind: EventTOTPEnrolled},
	"MFAFailure":             {EventMFAFailed, FailureWrongCode},
	"Groups":                 {kind: EventGroupsChanged},
	"ImportUser":             {kind: EventUserImported},
}
