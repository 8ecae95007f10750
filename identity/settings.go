package identity

import (
	"bytes"
	"encoding/json"

	"github.com/cognate-id/cognate/identity/settings"
)

// The settings stand in package settings, which says what each means. Programs
// write the names below.
type (
	// PoolSettings are the settings of a user pool, as they are stored. The zero value is a safe pool.
	PoolSettings = settings.Pool
	// ClientSettings are the settings of an app client, as they are stored.
	ClientSettings = settings.Client
	// Defaults says what an unset setting of a pool means.
	Defaults = settings.Defaults
	// BrandingSettings are the style of the pages of a client.
	BrandingSettings = settings.Branding
	// BrandingAsset is one file of a style.
	BrandingAsset = settings.BrandingAsset
	// TermsSettings are the name and the links of a document.
	TermsSettings = settings.Terms
	// TermsName says what a document is.
	TermsName = settings.TermsName
	// SessionSettings say which sessions of users are on record.
	SessionSettings = settings.Sessions
	// DomainSettings are the settings of a domain, as they are stored.
	DomainSettings = settings.Domain
	// DomainFailover says which region takes the place of that of a custom domain.
	DomainFailover = settings.DomainFailover
	// ResourceServerSettings are the settings of a resource server, as they are stored.
	ResourceServerSettings = settings.ResourceServer
	// ProviderSettings are the settings of an identity provider, as they are stored.
	ProviderSettings = settings.Provider
	// ProviderType is a kind of identity provider.
	ProviderType = settings.ProviderType
	// ProviderDetails say how to reach an identity provider, and are secret.
	ProviderDetails = settings.ProviderDetails
	// ProviderPolicy is what Cognate adds to the settings of an identity provider.
	ProviderPolicy = settings.ProviderPolicy
	// Linking says what becomes of somebody whose address a user has.
	Linking = settings.Linking
	// ResourceScope is one scope of a resource server.
	ResourceScope = settings.ResourceScope
	// PasswordPolicy says what a password must have.
	PasswordPolicy = settings.PasswordPolicy
	// PasswordRule is one rule of a [PasswordPolicy].
	PasswordRule = settings.PasswordRule
	// SchemaAttribute is an attribute that the users of a pool may have.
	SchemaAttribute = settings.Attribute
	// AttributeType is the type of the value of an attribute.
	AttributeType = settings.AttributeType
	// AttributeProblem is what is wrong with one attribute of a user.
	AttributeProblem = settings.AttributeProblem
	// SettingError says which setting is invalid, and why.
	SettingError = settings.Error
	// A SettingChange is a setting whose effect is another one than before.
	SettingChange = settings.Change
	// Trigger names a point at which a function of the operator runs.
	Trigger = settings.Trigger
	// TriggerTarget is what a trigger calls.
	TriggerTarget = settings.TriggerTarget
	// MessageTemplate is the text of an invitation.
	MessageTemplate = settings.MessageTemplate
	// VerificationTemplate is the text of messages that carry a code or a link.
	VerificationTemplate = settings.VerificationTemplate
	// DeviceSettings turn on the tracking of devices.
	DeviceSettings = settings.Devices
	// EmailSettings say how mail is sent.
	EmailSettings = settings.Email
	// SMSSettings say how text messages are sent.
	SMSSettings = settings.SMS
	// EmailMFASettings are the texts of codes by e-mail as a second factor.
	EmailMFASettings = settings.EmailMFA
	// PasskeySettings say which passkeys are accepted.
	PasskeySettings = settings.Passkeys
	// ThreatSettings are stored and shown. There is no threat protection.
	ThreatSettings = settings.Threats
	// ThreatFlows are stored and shown, as ThreatSettings are.
	ThreatFlows = settings.ThreatFlows
	// MFAMode says who is asked for a second factor at sign-in.
	MFAMode = settings.MFAMode
	// Tier is a plan of the service.
	Tier = settings.Tier
	// Level is how strongly a sign-in has proved who the user is.
	Level = settings.Level
	// FirstFactor is a factor that a sign-in may begin with.
	FirstFactor = settings.FirstFactor
	// RecoveryName names a way to recover an account.
	RecoveryName = settings.RecoveryName
	// AttributeBounds limit the values of an attribute.
	AttributeBounds = settings.Bounds
	// RecoveryOption is a way to recover an account.
	RecoveryOption = settings.RecoveryOption
	// TokenUnits are the units of the validities of tokens.
	TokenUnits = settings.TokenUnits
	// RefreshRotation replaces a refresh token at each use.
	RefreshRotation = settings.RefreshRotation
	// AnalyticsSettings are kept and shown.
	AnalyticsSettings = settings.Analytics
	// AuthFlow is a way to sign in that a client may be allowed.
	AuthFlow = settings.AuthFlow
	// Secret is a password, a token or a key. It prints as [redacted].
	Secret = settings.Secret
)

// Who is asked for a second factor at sign-in, see [MFAMode].
const (
	MFAOff      = settings.MFAOff
	MFAOptional = settings.MFAOptional
	MFAOn       = settings.MFAOn
)

// The plans of the service, see [Tier].
const (
	TierLite       = settings.TierLite
	TierEssentials = settings.TierEssentials
	TierPlus       = settings.TierPlus
)

// The documents that pages link to, see [TermsName].
const (
	TermsOfUse    = settings.TermsOfUse
	PrivacyPolicy = settings.PrivacyPolicy
)

// The levels that sign-ins reach, see [Level].
const (
	Level1 = settings.Level1
	Level2 = settings.Level2
	Level3 = settings.Level3
	Level4 = settings.Level4
)

// The factors that a sign-in may begin with, see [FirstFactor].
const (
	FirstPassword    = settings.FirstPassword
	FirstPasswordSRP = settings.FirstPasswordSRP
	FirstEmailOTP    = settings.FirstEmailOTP
	FirstSMSOTP      = settings.FirstSMSOTP
	FirstPasskey     = settings.FirstPasskey
)

// The ways to recover an account, see [RecoveryOption].
const (
	RecoverByEmail = settings.RecoverByEmail
	RecoverByPhone = settings.RecoverByPhone
	RecoverByAdmin = settings.RecoverByAdmin
)

// What an unset setting means, see [Defaults].
const (
	SafeDefaults    = settings.SafeDefaults
	CognitoDefaults = settings.CognitoDefaults
)

// The rules that a password can break, in the order in which they are checked.
const (
	RuleLength    = settings.RuleLength
	RuleMaximum   = settings.RuleMaximum
	RuleUppercase = settings.RuleUppercase
	RuleLowercase = settings.RuleLowercase
	RuleNumber    = settings.RuleNumber
	RuleSymbol    = settings.RuleSymbol
	RuleSpace     = settings.RuleSpace
	RuleCommon    = settings.RuleCommon
	RuleBreached  = settings.RuleBreached
)

// The types of attributes.
const (
	TypeString   = settings.TypeString
	TypeNumber   = settings.TypeNumber
	TypeDateTime = settings.TypeDateTime
	TypeBoolean  = settings.TypeBoolean
)

// The kinds of identity providers.
const (
	ProviderSAML     = settings.ProviderSAML
	ProviderOIDC     = settings.ProviderOIDC
	ProviderGoogle   = settings.ProviderGoogle
	ProviderFacebook = settings.ProviderFacebook
	ProviderAmazon   = settings.ProviderAmazon
	ProviderApple    = settings.ProviderApple
)

// The triggers that a pool may have a target for.
const (
	PreSignUp            = settings.PreSignUp
	PostConfirmation     = settings.PostConfirmation
	PreAuthentication    = settings.PreAuthentication
	PostAuthentication   = settings.PostAuthentication
	CustomMessage        = settings.CustomMessage
	PreTokenGeneration   = settings.PreTokenGeneration
	PreTokenGenerationV1 = settings.PreTokenGenerationV1
	UserMigration        = settings.UserMigration
	DefineAuthChallenge  = settings.DefineAuthChallenge
	CreateAuthChallenge  = settings.CreateAuthChallenge
	VerifyAuthChallenge  = settings.VerifyAuthChallenge
	CustomSMSSender      = settings.CustomSMSSender
	CustomEmailSender    = settings.CustomEmailSender
	InboundFederation    = settings.InboundFederation
)

// The flows. The last three are the older names, which do not mix with the others.
const (
	AllowUserSRP       = settings.AllowUserSRP
	AllowUserPassword  = settings.AllowUserPassword
	AllowAdminPassword = settings.AllowAdminPassword
	AllowCustom        = settings.AllowCustom
	AllowRefresh       = settings.AllowRefresh
	AllowUser          = settings.AllowUser
	AllowClientToken   = settings.AllowClientToken
	AllowImpersonation = settings.AllowImpersonation
	AllowDelegation    = settings.AllowDelegation
	LegacyAdminNoSRP   = settings.LegacyAdminNoSRP
	LegacyCustomOnly   = settings.LegacyCustomOnly
	LegacyUserPassword = settings.LegacyUserPassword
)

// Values of [PoolSettings.Issuer] that name a form rather than a URL.
const (
	AWSIssuerName        = settings.AWSIssuerName
	AWSUpdatedIssuerName = settings.AWSUpdatedIssuerName
)

// StandardSchema returns the attributes that every pool has, in the order in
// which the service shows them.
func StandardSchema() []SchemaAttribute { return settings.StandardSchema() }

// CognitoPasswordPolicy returns the policy of a pool that Amazon Cognito makes
// without being told one: 8 characters, of all four kinds.
func CognitoPasswordPolicy() PasswordPolicy { return settings.CognitoPasswordPolicy() }

// poolVersion is the version of records of pools. In version 1 some settings
// were flags that said whether another was given.
const poolVersion = 2

// upgradePool reads records of version 1, see [settings.UpgradePool].
func upgradePool(_ int, value []byte) ([]byte, error) {
	var rec map[string]any
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&rec); err != nil {
		return nil, err
	}
	if s, ok := rec["settings"].(map[string]any); ok {
		rec["settings"] = settings.UpgradePool(s)
	}
	return json.Marshal(rec)
}
