package identity

import (
	"math"
	"slices"
	"time"

	"github.com/cognate-id/cognate/token"
)

// Defaults says what an unset setting means.
type Defaults string

const (
	// SafeDefaults is the zero value: no disclosure of who has an account,
	// names without regard to case, 15 characters of password, no SRP.
	SafeDefaults Defaults = ""
	// CognitoDefaults is what Amazon Cognito does where a setting is left out.
	// Pools made over its API have it.
	CognitoDefaults Defaults = "cognito"
)

// PoolSettings are the settings of a user pool, as they are stored. The zero
// value is a safe pool. Pointers and nil slices tell unset from default, so
// that what is read back is what was set.
type PoolSettings struct {
	// Name is for people, 1 to 128 characters. Defaults to the key given to OpenUserPool.
	Name string `json:"name"`
	// Region is part of the pool's id and ARN. Defaults to the engine's.
	Region string `json:"region"`
	// Defaults says what the settings left unset mean.
	Defaults Defaults `json:"defaults,omitempty"`
	// Issuer overrides [Options.Issuer] for this pool: an absolute URL without
	// the pool id, [AWSIssuerName] or [AWSUpdatedIssuerName].
	Issuer string `json:"issuer,omitempty"`
	// Algorithm signs the pool's tokens. Defaults to RS256, which is what verifiers expect.
	Algorithm token.Algorithm `json:"algorithm,omitempty"`
	// SRP keeps an SRP verifier beside each password hash, which clients that
	// sign in by SRP (such as Amplify) need. A verifier is a fast hash of the
	// password: it is kept sealed, and not at all where this is false.
	SRP bool `json:"srp,omitempty"`

	// PasswordPolicy, unset, is the zero policy with SafeDefaults and
	// [CognitoPasswordPolicy] with CognitoDefaults.
	PasswordPolicy *PasswordPolicy `json:"passwordPolicy,omitempty"`
	// FirstFactors are the factors a sign-in may begin with, PASSWORD among them.
	FirstFactors       []string `json:"firstFactors,omitempty"`
	DeletionProtection bool     `json:"deletionProtection,omitempty"`
	// AutoVerified attributes ("email", "phone_number") get a code at sign-up.
	// Unset, that is email with SafeDefaults; an empty list is none.
	AutoVerified []string `json:"autoVerified,omitzero"`
	// Aliases ("email", "phone_number", "preferred_username") sign a user in
	// beside the username, once verified. Excludes UsernameAttributes.
	Aliases []string `json:"aliases,omitempty"`
	// UsernameAttributes ("email", "phone_number") are what a user signs in
	// with instead of a username; the username is then the sub. Where both are
	// taken, each user keeps to the kind that came at sign-up.
	UsernameAttributes []string `json:"usernameAttributes,omitempty"`
	// CaseSensitive tells names apart by case. Unset, it is false with
	// SafeDefaults and true with CognitoDefaults. It cannot be changed.
	CaseSensitive *bool `json:"caseSensitive,omitempty"`
	// Schema holds the attributes, standard ones included; nil means the standard ones.
	Schema []SchemaAttribute `json:"schema,omitempty"`

	// MFA is OFF (or empty), OPTIONAL or ON: whether a second factor is asked
	// of nobody, of users who have one, or of everybody. SMSMFA and TOTP are the
	// factors that users may have: none with OFF, at least one otherwise.
	MFA    string `json:"mfa,omitempty"`
	SMSMFA bool   `json:"smsMfa,omitempty"` // codes by SMS
	TOTP   bool   `json:"totp,omitempty"`   // authenticator apps
	// TOTPGiven tells that TOTP was given, if only as off: it is shown again then.
	TOTPGiven bool `json:"totpGiven,omitempty"`
	// Passkeys are kept and shown; this version has none.
	Passkeys *PasskeySettings `json:"passkeys,omitempty"`

	VerifyBeforeUpdate       []string                  `json:"verifyBeforeUpdate,omitempty"`
	UpdateSettings           bool                      `json:"updateSettings,omitempty"` // VerifyBeforeUpdate was given, if only as an empty list
	AdminOnly                bool                      `json:"adminOnly,omitempty"`      // users cannot sign themselves up
	UnusedAccountDays        *int                      `json:"unusedAccountDays,omitempty"`
	Invitation               *MessageTemplate          `json:"invitation,omitempty"`
	Verification             *VerificationTemplate     `json:"verification,omitempty"`
	SMSVerificationMessage   *string                   `json:"smsVerificationMessage,omitempty"`
	EmailVerificationMessage *string                   `json:"emailVerificationMessage,omitempty"`
	EmailVerificationSubject *string                   `json:"emailVerificationSubject,omitempty"`
	SMSAuthenticationMessage *string                   `json:"smsAuthenticationMessage,omitempty"`
	Triggers                 map[Trigger]TriggerTarget `json:"triggers,omitempty"`
	TriggerKey               *string                   `json:"triggerKey,omitempty"` // key that custom senders encrypt codes under
	Devices                  *DeviceSettings           `json:"devices,omitempty"`
	Email                    *EmailSettings            `json:"email,omitempty"`
	SMS                      *SMSSettings              `json:"sms,omitempty"`
	Tags                     map[string]string         `json:"tags,omitempty"`
	ThreatProtection         *ThreatSettings           `json:"threatProtection,omitempty"`
	Recovery                 []RecoveryOption          `json:"recovery,omitempty"`
	Tier                     string                    `json:"tier,omitempty"` // LITE, ESSENTIALS (or empty), PLUS
}

// A PasswordPolicy says what a password must have. The zero value asks for 15
// characters and no particular kinds of them (NIST SP 800-63B-4).
type PasswordPolicy struct {
	MinimumLength    int  `json:"minimumLength,omitempty"` // 6 to 99; 0 means 15
	RequireUppercase bool `json:"requireUppercase,omitempty"`
	RequireLowercase bool `json:"requireLowercase,omitempty"`
	RequireNumbers   bool `json:"requireNumbers,omitempty"`
	RequireSymbols   bool `json:"requireSymbols,omitempty"`
	HistorySize      *int `json:"historySize,omitempty"`   // 0 to 24 earlier passwords that may not return
	TemporaryDays    int  `json:"temporaryDays,omitempty"` // life of a temporary password, 1 to 365; 0 means 7
}

// CognitoPasswordPolicy is the policy of a pool that Amazon Cognito makes
// without being told one: 8 characters, of all four kinds.
func CognitoPasswordPolicy() PasswordPolicy {
	return PasswordPolicy{
		MinimumLength: 8, RequireUppercase: true, RequireLowercase: true, RequireNumbers: true, RequireSymbols: true, TemporaryDays: 7,
	}
}

// A Trigger names a point at which a function of the operator's runs.
type Trigger string

// The triggers that a pool may have a target for.
const (
	PreSignUp            Trigger = "PreSignUp"
	PostConfirmation     Trigger = "PostConfirmation"
	PreAuthentication    Trigger = "PreAuthentication"
	PostAuthentication   Trigger = "PostAuthentication"
	CustomMessage        Trigger = "CustomMessage"
	PreTokenGeneration   Trigger = "PreTokenGeneration"
	PreTokenGenerationV1 Trigger = "PreTokenGenerationV1" // the older of its two settings
	UserMigration        Trigger = "UserMigration"
	DefineAuthChallenge  Trigger = "DefineAuthChallenge"
	CreateAuthChallenge  Trigger = "CreateAuthChallenge"
	VerifyAuthChallenge  Trigger = "VerifyAuthChallengeResponse"
	CustomSMSSender      Trigger = "CustomSMSSender"
	CustomEmailSender    Trigger = "CustomEmailSender"
	InboundFederation    Trigger = "InboundFederation"
)

// A TriggerTarget is what a trigger calls.
type TriggerTarget struct {
	ARN     string `json:"arn"`
	Version string `json:"version,omitempty"` // V1_0 … where the trigger has versions
}

// A MessageTemplate is the text of an invitation. Unset texts are the service's.
type MessageTemplate struct {
	SMS     *string `json:"sms,omitempty"`
	Email   *string `json:"email,omitempty"`
	Subject *string `json:"subject,omitempty"`
}

// A VerificationTemplate is the text of messages that carry a code or a link.
type VerificationTemplate struct {
	SMS           *string `json:"sms,omitempty"`
	Email         *string `json:"email,omitempty"`
	Subject       *string `json:"subject,omitempty"`
	EmailByLink   *string `json:"emailByLink,omitempty"`
	SubjectByLink *string `json:"subjectByLink,omitempty"`
	DefaultByLink bool    `json:"defaultByLink,omitempty"`
}

// DeviceSettings turn on the tracking of devices.
type DeviceSettings struct {
	ChallengeNew     *bool `json:"challengeNew,omitempty"`
	RememberOnPrompt *bool `json:"rememberOnPrompt,omitempty"`
}

// EmailSettings say how mail is sent.
type EmailSettings struct {
	SourceARN        *string `json:"sourceArn,omitempty"`
	ReplyTo          *string `json:"replyTo,omitempty"`
	Account          *string `json:"account,omitempty"` // COGNITO_DEFAULT or DEVELOPER
	From             *string `json:"from,omitempty"`
	ConfigurationSet *string `json:"configurationSet,omitempty"`
}

// SMSSettings say how text messages are sent.
type SMSSettings struct {
	CallerARN  string  `json:"callerArn"`
	ExternalID *string `json:"externalId,omitempty"`
	Region     *string `json:"region,omitempty"`
}

// PasskeySettings say which passkeys are good.
type PasskeySettings struct {
	RelyingParty     *string `json:"relyingParty,omitempty"`
	UserVerification *string `json:"userVerification,omitempty"` // required, preferred
	Factor           *string `json:"factor,omitempty"`           // SINGLE_FACTOR, MULTI_FACTOR_WITH_USER_VERIFICATION
}

// ThreatSettings turn on threat protection.
type ThreatSettings struct {
	Mode       string  `json:"mode"`                 // OFF, AUDIT, ENFORCED
	CustomAuth *string `json:"customAuth,omitempty"` // AUDIT, ENFORCED
	Flows      bool    `json:"flows,omitempty"`      // the settings for further flows were given
}

// A RecoveryOption is a way to recover an account.
type RecoveryOption struct {
	Name     string `json:"name"` // verified_email, verified_phone_number, admin_only
	Priority int    `json:"priority"`
}

// ClientSettings are the settings of an app client, as they are stored.
type ClientSettings struct {
	Name string `json:"name"` // 1 to 128 characters
	// GenerateSecret makes a secret for a client that can keep one. Secret sets
	// it instead, 24 to 64 word characters. Neither is stored with the settings;
	// in [Clients.Update] GenerateSecret tells whether there is a secret.
	GenerateSecret bool   `json:"-"`
	Secret         Secret `json:"-"`

	// AuthFlows are the flows the client may use; nil means SRP, custom and refresh.
	// With [SafeDefaults], nil means password, SRP (where the pool keeps verifiers) and refresh.
	AuthFlows []AuthFlow `json:"authFlows,omitempty"`
	// PreventUserExistenceErrors is ENABLED or LEGACY; unset it is ENABLED
	// with SafeDefaults and LEGACY with CognitoDefaults.
	PreventUserExistenceErrors *string `json:"preventUserExistenceErrors,omitempty"`
	// TokenRevocation puts origin_jti into tokens, as Rotation does, and lets them be revoked. Unset, it is true.
	TokenRevocation *bool `json:"tokenRevocation,omitempty"`

	AccessTokenValidity  *int       `json:"accessTokenValidity,omitempty"`  // 5 minutes to 1 day, in hours unless Units says otherwise; unset, 1 hour
	IDTokenValidity      *int       `json:"idTokenValidity,omitempty"`      // as AccessTokenValidity
	RefreshTokenValidity *int       `json:"refreshTokenValidity,omitempty"` // 1 hour to 10 years, in days unless Units says otherwise; unset or 0, 30 days
	Units                TokenUnits `json:"units,omitzero"`
	// SessionMinutes is how long a challenge may take, 3 to 15. Unset, 3.
	SessionMinutes *int             `json:"sessionMinutes,omitempty"`
	Rotation       *RefreshRotation `json:"rotation,omitempty"`

	ReadAttributes  []string `json:"readAttributes,omitempty"`  // nil: all
	WriteAttributes []string `json:"writeAttributes,omitempty"` // nil: all but those only the engine sets

	Providers          []string           `json:"providers,omitempty"`
	CallbackURLs       []string           `json:"callbackUrls,omitempty"`
	LogoutURLs         []string           `json:"logoutUrls,omitempty"`
	DefaultRedirectURI *string            `json:"defaultRedirectUri,omitempty"`
	OAuth              bool               `json:"oauth,omitempty"`
	OAuthFlows         []string           `json:"oauthFlows,omitempty"`
	OAuthScopes        []string           `json:"oauthScopes,omitempty"`
	Analytics          *AnalyticsSettings `json:"analytics,omitempty"`
	PropagateContext   *bool              `json:"propagateContext,omitempty"`
}

// TokenUnits are the units of token validities: seconds, minutes, hours or days.
type TokenUnits struct {
	Access  *string `json:"access,omitempty"`
	ID      *string `json:"id,omitempty"`
	Refresh *string `json:"refresh,omitempty"`
}

// RefreshRotation replaces a refresh token at each use.
type RefreshRotation struct {
	Enabled      bool `json:"enabled"`
	GraceSeconds *int `json:"graceSeconds,omitempty"` // 0 to 60; unset, 0
}

// AnalyticsSettings are kept and shown; nothing is sent anywhere.
type AnalyticsSettings struct {
	ApplicationID  *string `json:"applicationId,omitempty"`
	ApplicationARN *string `json:"applicationArn,omitempty"`
	RoleARN        *string `json:"roleArn,omitempty"`
	ExternalID     *string `json:"externalId,omitempty"`
	UserDataShared *bool   `json:"userDataShared,omitempty"`
}

// An AuthFlow is a way to sign in that a client may be allowed.
type AuthFlow string

// The flows. The last three are the older names, which do not mix with the others.
const (
	AllowUserSRP       AuthFlow = "ALLOW_USER_SRP_AUTH"
	AllowUserPassword  AuthFlow = "ALLOW_USER_PASSWORD_AUTH"
	AllowAdminPassword AuthFlow = "ALLOW_ADMIN_USER_PASSWORD_AUTH"
	AllowCustom        AuthFlow = "ALLOW_CUSTOM_AUTH"
	AllowRefresh       AuthFlow = "ALLOW_REFRESH_TOKEN_AUTH"
	AllowUser          AuthFlow = "ALLOW_USER_AUTH"
	LegacyAdminNoSRP   AuthFlow = "ADMIN_NO_SRP_AUTH"
	LegacyCustomOnly   AuthFlow = "CUSTOM_AUTH_FLOW_ONLY"
	LegacyUserPassword AuthFlow = "USER_PASSWORD_AUTH"
)

// caseSensitive tells whether names that differ only in case are different names.
func (s *PoolSettings) caseSensitive() bool {
	if s.CaseSensitive != nil {
		return *s.CaseSensitive
	}
	return s.Defaults == CognitoDefaults
}

func (s *PoolSettings) algorithm() token.Algorithm {
	if s.Algorithm == "" {
		return token.RS256
	}
	return s.Algorithm
}

// EffectivePasswordPolicy is the pool's password policy with its defaults
// filled in: the one that passwords are held to.
func (s *PoolSettings) EffectivePasswordPolicy() PasswordPolicy {
	p := PasswordPolicy{}
	switch {
	case s.PasswordPolicy != nil:
		p = *s.PasswordPolicy
	case s.Defaults == CognitoDefaults:
		p = CognitoPasswordPolicy()
	}
	if p.MinimumLength == 0 {
		p.MinimumLength = 15
		if s.MFA == "ON" {
			p.MinimumLength = 8
		}
	}
	if p.TemporaryDays == 0 {
		p.TemporaryDays = 7
	}
	return p
}

// flows are the flows that a client of this pool may use.
func (s *PoolSettings) flows(c *ClientSettings) []AuthFlow {
	switch {
	case len(c.AuthFlows) > 0:
		return c.AuthFlows
	case s.Defaults == CognitoDefaults:
		return []AuthFlow{AllowRefresh, AllowUserSRP, AllowCustom}
	case s.SRP:
		return []AuthFlow{AllowRefresh, AllowUserPassword, AllowUserSRP}
	}
	return []AuthFlow{AllowRefresh, AllowUserPassword}
}

// allows tells whether a client may use any of some flows.
func (s *PoolSettings) allows(c *ClientSettings, any ...AuthFlow) bool {
	flows := s.flows(c)
	return slices.ContainsFunc(any, func(f AuthFlow) bool { return slices.Contains(flows, f) })
}

// discloses tells whether answers to a client may say that a user does not
// exist. It is the one place that decides this.
func (s *PoolSettings) discloses(c *ClientSettings) bool {
	if c.PreventUserExistenceErrors != nil {
		return *c.PreventUserExistenceErrors != "ENABLED"
	}
	return s.Defaults == CognitoDefaults
}

// disclosesStatus tells whether the answers may say in which state an account
// is without any proof. The service does so even where it hides who exists.
func (s *PoolSettings) disclosesStatus(c *ClientSettings) bool {
	return s.Defaults == CognitoDefaults || s.discloses(c)
}

func (c *ClientSettings) revocable() bool { return c.TokenRevocation == nil || *c.TokenRevocation }

func (c *ClientSettings) rotates() bool { return c.Rotation != nil && c.Rotation.Enabled }

// tellsOrigin tells whether tokens have an origin_jti. With the service,
// rotation brings it as well as revocation.
func (c *ClientSettings) tellsOrigin() bool { return c.revocable() || c.rotates() }

func (c *ClientSettings) grace() time.Duration {
	if c.Rotation == nil || c.Rotation.GraceSeconds == nil {
		return 0
	}
	return time.Duration(*c.Rotation.GraceSeconds) * time.Second
}

func (c *ClientSettings) sessionLife() time.Duration {
	if c.SessionMinutes == nil {
		return 3 * time.Minute
	}
	return time.Duration(*c.SessionMinutes) * time.Minute
}

func (c *ClientSettings) accessLife() time.Duration {
	return life(c.AccessTokenValidity, c.Units.Access, time.Hour, time.Hour)
}

func (c *ClientSettings) idLife() time.Duration {
	return life(c.IDTokenValidity, c.Units.ID, time.Hour, time.Hour)
}

func (c *ClientSettings) refreshLife() time.Duration {
	return life(c.RefreshTokenValidity, c.Units.Refresh, 24*time.Hour, 30*24*time.Hour)
}

// life is n units long, or fallback where n is unset or zero.
func life(n *int, unit *string, defaultUnit, fallback time.Duration) time.Duration {
	if n == nil || *n == 0 {
		return fallback
	}
	u := unitLength(unit, defaultUnit)
	if *n < 0 || int64(*n) > math.MaxInt64/int64(u) {
		return -1 // which is in no range
	}
	return time.Duration(*n) * u
}

func unitLength(unit *string, fallback time.Duration) time.Duration {
	if unit == nil {
		return fallback
	}
	switch *unit {
	case "seconds":
		return time.Second
	case "minutes":
		return time.Minute
	case "hours":
		return time.Hour
	case "days":
		return 24 * time.Hour
	}
	return fallback
}
