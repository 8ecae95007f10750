package settings

import (
	"cmp"
	"slices"
	"strings"
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

// Pool are the settings of a user pool, as they are stored. The zero
// value is a safe pool, but for Name and Region, which [Pool.Check] requires.
// Pointers and nil slices tell unset from default, so that what is read back
// is what was set.
type Pool struct {
	// Name is for people: 1 to 128 bytes. It is required; OpenUserPool fills in
	// the key that it is given.
	Name string `json:"name"`
	// Region is part of the pool's id and ARN: a name such as us-east-1. Defaults
	// to the engine's. It cannot be changed.
	Region string `json:"region"`
	// ID is the id of a new pool, such as us-east-1_test1: the region, an underscore
	// and 1 to 40 letters or digits. It is for tests, and is not stored with the
	// settings. Empty means a random one. The id of another pool is refused, also that
	// of a deleted one until its users are removed. A pool that exists keeps its id.
	ID string `json:"-"`
	// Key is the key of a new pool, by which OpenUserPool finds it. It is for
	// CreateUserPool, which then makes a default client too, and is not stored with the
	// settings. Empty means none. The key of another pool is refused.
	Key string `json:"-"`
	// Defaults says what the settings left unset mean. The zero value is
	// SafeDefaults. It cannot be changed.
	Defaults Defaults `json:"defaults,omitempty"`
	// Generation is that of the defaults that unset settings have: 0 to
	// [LatestGeneration]. A new pool has the latest one. See [Pool.Upgrade].
	Generation int `json:"generation,omitempty"`
	// Issuer overrides [Options.Issuer] for this pool: an absolute http or https
	// URL without the pool id, without query and fragment; or [AWSIssuerName] or
	// [AWSUpdatedIssuerName]. Empty means that Options.Issuer decides.
	Issuer string `json:"issuer,omitempty"`
	// IssuerType says which of the issuers of Amazon Cognito the pool has where [Options.Issuer] is
	// AWSIssuer: IssuerOriginal or IssuerUpdated. Elsewhere it is stored and shown, and not acted on. Nil means IssuerOriginal.
	IssuerType *string `json:"issuerType,omitempty"`
	// Algorithm signs the pool's tokens: RS256, ES256 or EdDSA. Empty means RS256,
	// which is what verifiers expect. It cannot be changed.
	Algorithm token.Algorithm `json:"algorithm,omitempty"`
	// SRP keeps an SRP verifier beside each password hash, which clients that
	// sign in by SRP (such as Amplify) need. A verifier is a fast hash of the
	// password: it is kept sealed, and not at all where this is false.
	SRP bool `json:"srp,omitempty"`

	// PasswordPolicy says what passwords must have. Nil is the zero policy with
	// SafeDefaults (15 characters of any kind) and [CognitoPasswordPolicy] with
	// CognitoDefaults (8 characters of four kinds).
	PasswordPolicy *PasswordPolicy `json:"passwordPolicy,omitempty"`
	// FirstFactors are the factors that a sign-in may begin with, in clients with the flow
	// AllowUser. The list has FirstPassword in it, and never FirstPasswordSRP. Nil means
	// FirstPassword alone. Where MFA is ON, users begin with passwords, whatever the list has.
	// FirstPasskey needs a relying party, see Passkeys.
	FirstFactors []FirstFactor `json:"firstFactors,omitempty"`
	// DeletionProtection keeps the pool from being deleted. It is off by default.
	DeletionProtection bool `json:"deletionProtection,omitempty"`
	// AutoVerified attributes ("email", "phone_number") get a code at sign-up.
	// Nil means email with SafeDefaults and none with CognitoDefaults; an empty
	// list is none.
	AutoVerified []string `json:"autoVerified,omitzero"`
	// Aliases ("email", "phone_number", "preferred_username") sign a user in
	// beside the username: addresses once they are verified, a preferred_username
	// at once. Nil means none. Excludes UsernameAttributes. It cannot be changed.
	Aliases []string `json:"aliases,omitempty"`
	// UsernameAttributes ("email", "phone_number") are what a user signs in
	// with instead of a username; the username is then the sub. Where both are
	// taken, each user keeps to the kind that came at sign-up. Nil means that users
	// have usernames. It cannot be changed.
	UsernameAttributes []string `json:"usernameAttributes,omitempty"`
	// CaseSensitive tells names apart by case. Nil means false with
	// SafeDefaults and true with CognitoDefaults. It cannot be changed.
	CaseSensitive *bool `json:"caseSensitive,omitempty"`
	// Schema holds the attributes: all standard ones, and up to 50 custom ones.
	// Nil means the standard ones. Later, custom attributes can be appended, and
	// nothing else can be changed.
	Schema []Attribute `json:"schema,omitempty"`

	// MFA says who is asked for a second factor at sign-in. The zero value is
	// MFAOff. With MFAOff none of SMSMFA, TOTP and EmailMFA is on, otherwise at least one is.
	MFA MFAMode `json:"mfa,omitempty"`
	// SMSMFA offers codes by SMS as a second factor. It is off by default.
	SMSMFA bool `json:"smsMfa,omitempty"`
	// TOTP offers codes of authenticator apps as a second factor. Nil means that it was
	// not given: none are offered then. See [Pool.AppsOffered].
	TOTP *bool `json:"totp,omitempty"`
	// EmailMFA offers codes by e-mail as a second factor. Nil offers none. An address that
	// codes are sent to at sign-in does not reset the password.
	EmailMFA *EmailMFA `json:"emailMfa,omitempty"`
	// Passkeys say which passkeys are accepted, in pools with FirstPasskey among FirstFactors. Nil means
	// the defaults of each of its fields.
	Passkeys *Passkeys `json:"passkeys,omitempty"`
	// LevelNames are the names of the levels that sign-ins reach, as the claim acr tells them: 1 to 64 ASCII characters
	// without spaces, quotation marks and backslashes, all different. A level that is not there has its default, such as urn:cognito:loa:1.
	LevelNames map[Level]string `json:"levelNames,omitempty"`

	// VerifyBeforeUpdate names the attributes whose new value counts only once
	// it is verified: any of AutoVerified. Nil means that it was not given, and an
	// empty list that it was given as empty: both name nothing.
	VerifyBeforeUpdate []string `json:"verifyBeforeUpdate,omitzero"`
	// AdminOnly keeps users from signing themselves up. The zero value lets them.
	AdminOnly bool `json:"adminOnly,omitempty"`
	// UnusedAccountDays is the life of a temporary password in days, 0 to 365, if
	// PasswordPolicy.TemporaryDays is 0. Nil and 0 mean 7.
	UnusedAccountDays *int `json:"unusedAccountDays,omitempty"`
	// Invitation is the text for users whom an operator makes. Nil means the
	// service's texts.
	Invitation *MessageTemplate `json:"invitation,omitempty"`
	// Verification is the text of messages with a code. Nil means the older
	// settings below, and where they are nil too, the service's texts.
	Verification *VerificationTemplate `json:"verification,omitempty"`
	// SMSVerificationMessage is the older form of Verification.SMS, which is taken
	// if both are set: 6 to 140 characters with {####} in them.
	SMSVerificationMessage *string `json:"smsVerificationMessage,omitempty"`
	// EmailVerificationMessage is the older form of Verification.Email, which is
	// taken if both are set: 6 to 20,000 characters with {####} in them.
	EmailVerificationMessage *string `json:"emailVerificationMessage,omitempty"`
	// EmailVerificationSubject is the older form of Verification.Subject, which is
	// taken if both are set: 1 to 140 characters.
	EmailVerificationSubject *string `json:"emailVerificationSubject,omitempty"`
	// SMSAuthenticationMessage is the text of a message with the code of a second
	// factor: 6 to 140 characters with {####} in them. Nil means the service's text.
	SMSAuthenticationMessage *string `json:"smsAuthenticationMessage,omitempty"`
	// Triggers name the functions that decide what users may do. identity.Options.Targets
	// calls them; without it, a flow that would run one fails with identity.ErrTrigger. Nil
	// means none.
	Triggers map[Trigger]TriggerTarget `json:"triggers,omitempty"`
	// TriggerKey is the key that codes for custom senders are encrypted under. Nil means none.
	TriggerKey *string `json:"triggerKey,omitempty"`
	// Logs say where records of the pool's log go, at most one destination for each source.
	// identity.Options.Logs writes them. Nil means nowhere.
	Logs []LogDestination `json:"logs,omitempty"`
	// Sessions say whether the sessions of users are on record, and how many a user may have. Nil means that they
	// are on record with SafeDefaults of generation 2 or later, and otherwise not. See [Pool.EffectiveSessions].
	Sessions *Sessions `json:"sessions,omitempty"`
	// Devices turn on the tracking of devices, see [Pool.TracksDevices]. Nil means that
	// devices are not tracked.
	Devices *Devices `json:"devices,omitempty"`
	// Email is stored and shown, and not acted on: the engine's Sender sends mail
	// as it likes. Nil means not given.
	Email *Email `json:"email,omitempty"`
	// SMS is stored and shown, and not acted on: the engine's Sender sends text
	// messages as it likes. Nil means not given.
	SMS *SMS `json:"sms,omitempty"`
	// EncryptionKey is stored and shown, and not acted on: see store/sealed for the
	// keys of this engine. Nil means not given.
	EncryptionKey *EncryptionKey `json:"encryptionKey,omitempty"`
	// Tags are stored and shown, and not acted on: up to 50, with keys of 1 to 128
	// and values of 0 to 256 characters.
	Tags map[string]string `json:"tags,omitempty"`
	// ThreatProtection is stored and shown, and not acted on: there is no threat
	// protection. Nil means not given.
	ThreatProtection *Threats `json:"threatProtection,omitempty"`
	// Recovery says where the code for a forgotten password goes: up to two ways
	// with different priorities, or admin_only alone. Empty means
	// the e-mail address and then the phone number with SafeDefaults, and
	// the other way about with CognitoDefaults.
	Recovery []RecoveryOption `json:"recovery,omitempty"`
	// Tier is stored and shown, and limits requests to what the service's plan of
	// this name has; pools that are changed in Go have no limits. The zero value is TierEssentials.
	Tier Tier `json:"tier,omitempty"`

	// The settings below are Cognate's own. No answer of Amazon Cognito's API shows
	// them, and UpdateUserPool leaves them as they are. Where one is unset, it is on with
	// SafeDefaults of generation 1 or later, and off otherwise, unless its comment says more.

	// UnconfirmedDays is how many days after sign-up a user who is still
	// unconfirmed is deleted: 1 to 365, or 0 for never. Unset, it is 7 where the
	// others are on, and 0 otherwise. The days count from the sign-up or from the
	// day on which the setting was turned on, whichever is later.
	UnconfirmedDays *int `json:"unconfirmedDays,omitempty"`
	// ReplaceUnconfirmed lets a sign-up with the name of an unconfirmed user
	// replace that user's password, attributes and code.
	ReplaceUnconfirmed *bool `json:"replaceUnconfirmed,omitempty"`
	// ProveNames has an address that is a sign-in name count only once it is verified.
	ProveNames *bool `json:"proveNames,omitempty"`
	// PrepareNames prepares new names by RFC 8265 (PRECIS): full-width and half-width letters are the
	// same, and names are refused that mix directions of writing, or contain a character which is
	// neither a letter, a digit nor ASCII. The domain of an address that is a name is in lower case.
	// Users who have other names keep them, and are found by them.
	PrepareNames *bool `json:"prepareNames,omitempty"`
	// HideSignUp has a sign-up with an address that has an account look like any
	// other sign-up. The owner of the address is told of it.
	HideSignUp *bool `json:"hideSignUp,omitempty"`
	// Notices tells users by message that their password, address or second factor has changed.
	Notices *bool `json:"notices,omitempty"`
	// SignOutOnFactorChange ends the other sign-ins of a user whose second factors change, and
	// forgets the user's other devices.
	SignOutOnFactorChange *bool `json:"signOutOnFactorChange,omitempty"`
	// PasskeyOrigins are further origins that may use the pool's passkeys, beside https pages of the relying party and of
	// its sub-domains: up to 20, such as https://app.example.org or android:apk-key-hash:..., without a path. Unset, there are none.
	PasskeyOrigins []string `json:"passkeyOrigins,omitzero"`
	// MaxSignIns is how many sign-ins of a user may stand at the same time: 1 to 1,000,
	// or 0 for any number. The oldest ones end. Every sign-in is counted up to 15, and
	// about one in an eighth of a larger number, so there may be some more for a while.
	// Unset, it is 100 where the others are on, and 0 otherwise.
	MaxSignIns *int `json:"maxSignIns,omitempty"`
	// BlockCommonPasswords refuses passwords that many people use, of which the engine has a list,
	// those of Options.BlockedPasswords, and those that Options.Breached knows. Only new
	// passwords are held to it. Unset, it is on with SafeDefaults of generation 2 or later.
	BlockCommonPasswords *bool `json:"blockCommonPasswords,omitempty"`
	// RecentSignInMinutes is how many minutes ago a user must have signed in, at the longest, to
	// change the password, an address, a name to sign in with, or a second factor: 1 to 1,440, or
	// 0 for any time. A refresh of tokens is no sign-in. Operators are not held to it. Unset, it is
	// 15 with SafeDefaults of generation 2 or later, and 0 otherwise.
	RecentSignInMinutes *int `json:"recentSignInMinutes,omitempty"`
	// OpenID holds the authorization server to OpenID Connect where Amazon Cognito differs from it: see
	// docs/oauth.md. Unset, it is on with SafeDefaults of generation 2 or later.
	OpenID *bool `json:"openID,omitempty"`
	// RecoveryCodes lets users make codes that stand in for a lost second factor, in Go: see
	// Session.NewRecoveryCodes. It is off by default, with any defaults.
	RecoveryCodes bool `json:"recoveryCodes,omitempty"`
	// SMSCountries are the calling codes that text messages may go to, such as "+49",
	// or longer prefixes of numbers. Nil, with any defaults, means all. An empty list means none.
	SMSCountries []string `json:"smsCountries,omitzero"`
	// Linking says whether somebody who signs in by an identity provider is linked to the user who has the same verified e-mail
	// address. It is off by default, with any defaults: a page that asks for another user tells whoever has the address at a provider that the user exists.
	Linking Linking `json:"linking,omitempty"`
	// ProviderPolicies are what Cognate adds to the settings of identity providers, by the name of the provider. They stay when a
	// provider is deleted.
	ProviderPolicies map[string]ProviderPolicy `json:"providerPolicies,omitempty"`
}

// An MFAMode says who is asked for a second factor at sign-in. The zero value is MFAOff.
type MFAMode string

// The modes.
const (
	MFAOff      MFAMode = "OFF"      // nobody
	MFAOptional MFAMode = "OPTIONAL" // users who have turned one on
	MFAOn       MFAMode = "ON"       // everybody; who has none sets one up at sign-in
)

// AppsOffered reports whether users may have an authenticator app as a second factor.
func (s *Pool) AppsOffered() bool { return s.TOTP != nil && *s.TOTP }

// A Tier is a plan of the service. The zero value is TierEssentials.
type Tier string

// The plans, the smallest first.
const (
	TierLite       Tier = "LITE"
	TierEssentials Tier = "ESSENTIALS"
	TierPlus       Tier = "PLUS"
)

// A FirstFactor is a factor that a sign-in may begin with.
type FirstFactor string

// The first factors.
const (
	FirstPassword FirstFactor = "PASSWORD"
	// FirstPasswordSRP is the password by SRP. It is not for settings: sign-ins may begin with it
	// where the pool keeps verifiers, see SRP of [Pool].
	FirstPasswordSRP FirstFactor = "PASSWORD_SRP"
	FirstEmailOTP    FirstFactor = "EMAIL_OTP" // a code by mail
	FirstSMSOTP      FirstFactor = "SMS_OTP"   // a code by SMS
	FirstPasskey     FirstFactor = "WEB_AUTHN"
)

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

// A TriggerTarget is the function of a trigger.
type TriggerTarget struct {
	ARN     string `json:"arn"`               // of the function
	Version string `json:"version,omitempty"` // of the event, such as V1_0; empty for triggers without versions
}

// A MessageTemplate is the text of an invitation. In each text, {username} and
// {####} become the username and the temporary password. Nil texts are the service's.
type MessageTemplate struct {
	SMS     *string `json:"sms,omitempty"`     // text of a message by SMS, 6 to 140 characters
	Email   *string `json:"email,omitempty"`   // text of a mail, 6 to 20,000 characters
	Subject *string `json:"subject,omitempty"` // of a mail, 1 to 140 characters
}

// A VerificationTemplate is the text of messages that carry a code or a link. In
// each text, {username} and {####} become the username and the code. Nil texts are
// those of the older settings of the pool, or the service's.
type VerificationTemplate struct {
	SMS           *string `json:"sms,omitempty"`           // text of a message by SMS, 6 to 140 characters with {####}
	Email         *string `json:"email,omitempty"`         // text of a mail, 6 to 20,000 characters with {####}
	Subject       *string `json:"subject,omitempty"`       // of a mail, 1 to 140 characters
	EmailByLink   *string `json:"emailByLink,omitempty"`   // text of a mail with a link, 6 to 20,000 characters with {##text##}, which becomes the link
	SubjectByLink *string `json:"subjectByLink,omitempty"` // of a mail with a link, 1 to 140 characters
	DefaultByLink bool    `json:"defaultByLink,omitempty"` // mails of a sign-up have a link in place of a code; needs Options.PageURL of the engine
}

// Devices say what the devices of users are good for. With the service, devices are tracked
// if either field is given, even as false.
type Devices struct {
	ChallengeNew     *bool `json:"challengeNew,omitempty"`     // a remembered device replaces the second factor; nil means false
	RememberOnPrompt *bool `json:"rememberOnPrompt,omitempty"` // a device is remembered only once its user says so; nil means false
}

// TracksDevices reports whether the pool tracks devices: each sign-in is one on a device, and
// only that device refreshes its tokens.
func (s *Pool) TracksDevices() bool {
	return s.Devices != nil && (s.Devices.ChallengeNew != nil || s.Devices.RememberOnPrompt != nil)
}

// DeviceReplacesFactor reports whether a remembered device proves itself in place of a second factor.
func (s *Pool) DeviceReplacesFactor() bool {
	return s.TracksDevices() && s.Devices.ChallengeNew != nil && *s.Devices.ChallengeNew
}

// AsksToRemember reports whether a device is remembered only once its user says so.
func (s *Pool) AsksToRemember() bool {
	return s.TracksDevices() && s.Devices.RememberOnPrompt != nil && *s.Devices.RememberOnPrompt
}

// Email says how mail is sent: by what a sender makes of it, see the package delivery.
type Email struct {
	SourceARN        *string `json:"sourceArn,omitempty"`        // the identity in Amazon SES; without From, its address is From
	ReplyTo          *string `json:"replyTo,omitempty"`          // the address that answers go to
	Account          *string `json:"account,omitempty"`          // stored, not acted on: COGNITO_DEFAULT or DEVELOPER
	From             *string `json:"from,omitempty"`             // the address that mail comes from, with or without a name; nil means the sender's
	ConfigurationSet *string `json:"configurationSet,omitempty"` // a name in Amazon SES; only a sender by SES acts on it
}

// An EncryptionKey says which key encrypts the data of a pool (model shape
// KeyConfigurationType). It is stored and shown, and not acted on.
type EncryptionKey struct {
	Type *string `json:"type,omitempty"` // AWS_OWNED_KEY or CUSTOMER_MANAGED_KEY
	ARN  *string `json:"arn,omitempty"`  // of a key in Amazon KMS; required with CUSTOMER_MANAGED_KEY
}

// SMS say how text messages are sent: through Amazon SNS, or through EUMS. They
// are stored and shown, and not acted on.
type SMS struct {
	CallerARN  string  `json:"callerArn"`            // of the role that messages are sent with; empty with EUMS
	ExternalID *string `json:"externalId,omitempty"` // of the trust policy of that role
	Region     *string `json:"region,omitempty"`     // where messages are sent from; nil means the region of the pool
	EUMS       *EUMS   `json:"eums,omitempty"`       // nil with SNS
}

// EUMS says how text messages are sent through AWS End User Messaging (model
// shape EumsSmsConfigurationType). It is stored and shown, and not acted on.
type EUMS struct {
	CallerARN           string  `json:"callerArn"`                     // of a role that may send messages
	ExternalID          *string `json:"externalId,omitempty"`          // of the trust policy of that role
	OriginationIdentity *string `json:"originationIdentity,omitempty"` // a number, a pool of numbers or a sender id
	ConfigurationSet    *string `json:"configurationSet,omitempty"`    // of End User Messaging
	InEntityID          *string `json:"inEntityId,omitempty"`          // India: the registered entity
	InTemplateID        *string `json:"inTemplateId,omitempty"`        // India: the registered template
	Region              *string `json:"region,omitempty"`              // the pool's; nil means the same
}

// EmailMFA is the message of codes by e-mail as a second factor.
type EmailMFA struct {
	// Message is the text: 6 to 20,000 characters with {####} in them. Nil means the
	// text of Pool.Defaults.
	Message *string `json:"message,omitempty"`
	// Subject is the subject: 1 to 140 characters. Nil means the subject of Pool.Defaults.
	Subject *string `json:"subject,omitempty"`
}

// Passkeys say which passkeys are accepted.
type Passkeys struct {
	// RelyingParty is the domain that passkeys are made for, such as example.com. Pages of this domain and of its
	// sub-domains use them. When it changes, all passkeys of users stop working. Nil means identity.Options.RelyingParty.
	RelyingParty *string `json:"relyingParty,omitempty"`
	// UserVerification is "required" if the authenticator must verify the user by a PIN or a fingerprint, and "preferred" if
	// it need not. Nil means required with SafeDefaults and preferred with CognitoDefaults.
	UserVerification *string `json:"userVerification,omitempty"`
	// Factor says what a passkey counts as: "SINGLE_FACTOR", or "MULTI_FACTOR_WITH_USER_VERIFICATION", which requires
	// that the user is verified. Nil means SINGLE_FACTOR.
	Factor *string `json:"factor,omitempty"`
}

// OffersPasskeys reports whether users may register passkeys, and sign in with them.
func (s *Pool) OffersPasskeys() bool { return slices.Contains(s.FirstFactors, FirstPasskey) }

// VerifiesPasskeys reports whether a passkey counts only if its authenticator has verified the user.
func (s *Pool) VerifiesPasskeys() bool {
	p := s.Passkeys
	if s.PasskeysAreBothFactors() || p == nil || p.UserVerification == nil {
		return s.PasskeysAreBothFactors() || s.Defaults == SafeDefaults
	}
	return *p.UserVerification != "preferred"
}

// PasskeysAreBothFactors reports whether a passkey, with its user verified, is a second factor too.
func (s *Pool) PasskeysAreBothFactors() bool {
	return s.Passkeys != nil && s.Passkeys.Factor != nil && *s.Passkeys.Factor == "MULTI_FACTOR_WITH_USER_VERIFICATION"
}

// Threats are stored and shown, and not acted on: they turn on threat protection.
type Threats struct {
	Mode  string       `json:"mode"`            // OFF, AUDIT or ENFORCED; required
	Flows *ThreatFlows `json:"flows,omitempty"` // nil means not given
}

// ThreatFlows are stored and shown, as [Threats] are: they turn on threat
// protection for further flows.
type ThreatFlows struct {
	CustomAuth *string `json:"customAuth,omitempty"` // AUDIT or ENFORCED; nil means not given
}

// A RecoveryOption is a way to recover an account.
type RecoveryOption struct {
	Name     RecoveryName `json:"name"`     // how, one of the constants
	Priority int          `json:"priority"` // 1 or 2; the lowest is tried first
}

// A RecoveryName names a way to recover an account.
type RecoveryName string

// The ways to recover an account.
const (
	RecoverByEmail RecoveryName = "verified_email"        // a code to the verified e-mail address
	RecoverByPhone RecoveryName = "verified_phone_number" // a code to the verified phone number
	RecoverByAdmin RecoveryName = "admin_only"            // only an operator may reset the password; excludes the others
)

// DistinguishesCase reports whether names that differ only in case are different names.
func (s *Pool) DistinguishesCase() bool {
	if s.CaseSensitive != nil {
		return *s.CaseSensitive
	}
	return s.Defaults == CognitoDefaults
}

// SignsIn reports whether users are reached or signed in by an attribute: an address, or an alias.
func (s *Pool) SignsIn(attribute string) bool {
	return attribute == "email" || attribute == "phone_number" || slices.Contains(s.Aliases, attribute)
}

// SigningAlgorithm is the algorithm that signs the tokens of the pool.
func (s *Pool) SigningAlgorithm() token.Algorithm {
	if s.Algorithm == "" {
		return token.RS256
	}
	return s.Algorithm
}

// Flows are the flows that a client of this pool may use. The names without the
// prefix ALLOW_ only add to refresh and SRP, as they did before the others came;
// CUSTOM_AUTH_FLOW_ONLY takes SRP away.
func (s *Pool) Flows(c *Client) []AuthFlow {
	switch {
	case slices.ContainsFunc(c.AuthFlows, AuthFlow.legacy):
		if slices.Contains(c.AuthFlows, LegacyCustomOnly) {
			return append(slices.Clone(c.AuthFlows), AllowRefresh, AllowCustom)
		}
		return append(slices.Clone(c.AuthFlows), AllowRefresh, AllowUserSRP)
	case len(c.AuthFlows) > 0:
		return c.AuthFlows
	case s.Defaults == CognitoDefaults:
		return []AuthFlow{AllowRefresh, AllowUserSRP, AllowCustom}
	case s.SRP:
		return []AuthFlow{AllowRefresh, AllowUserPassword, AllowUserSRP}
	}
	return []AuthFlow{AllowRefresh, AllowUserPassword}
}

// Allows reports whether a client may use any of some flows.
func (s *Pool) Allows(c *Client, any ...AuthFlow) bool {
	flows := s.Flows(c)
	return slices.ContainsFunc(any, func(f AuthFlow) bool { return slices.Contains(flows, f) })
}

// DisclosesUsers reports whether answers to a client may say that a user does not
// exist. It is the one place that decides this.
func (s *Pool) DisclosesUsers(c *Client) bool {
	if c.PreventUserExistenceErrors != nil {
		return *c.PreventUserExistenceErrors != "ENABLED"
	}
	return s.Defaults == CognitoDefaults
}

// DisclosesStatus reports whether the answers may say in which state an account
// is without any proof. The service does so even where it hides who exists.
func (s *Pool) DisclosesStatus(c *Client) bool {
	return s.Defaults == CognitoDefaults || s.DisclosesUsers(c)
}

// VerifiedAtSignUp are the attributes that get a code at sign-up.
func (s *Pool) VerifiedAtSignUp() []string {
	if s.AutoVerified == nil && s.Defaults == SafeDefaults {
		return []string{"email"}
	}
	return s.AutoVerified
}

// NamedBy is the attribute by which a user is named, as it is stored: nothing
// where the pool leaves no choice.
func (s *Pool) NamedBy(attribute string) string {
	if len(s.UsernameAttributes) > 1 && slices.Contains(s.UsernameAttributes, attribute) {
		return attribute
	}
	return ""
}

// TemporaryPasswordLife is how long a user has to replace a temporary password.
func (s *Pool) TemporaryPasswordLife() time.Duration {
	days := s.EffectivePasswordPolicy().TemporaryDays
	if (s.PasswordPolicy == nil || s.PasswordPolicy.TemporaryDays == 0) && s.UnusedAccountDays != nil && *s.UnusedAccountDays > 0 {
		days = *s.UnusedAccountDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// ConfirmsByLink reports whether the mail of a sign-up has a link in place of a code.
func (s *Pool) ConfirmsByLink() bool { return s.Verification != nil && s.Verification.DefaultByLink }

// SendsSMS reports whether the pool sends text messages. With CognitoDefaults
// it needs a setting that speaks of them: SMS, as the service asks for over its
// API, or one that a pool made in Go may have without it.
func (s *Pool) SendsSMS() bool {
	return s.Defaults != CognitoDefaults || s.SMS != nil || s.SMSMFA || slices.Contains(s.AutoVerified, "phone_number") ||
		slices.ContainsFunc(s.Recovery, func(o RecoveryOption) bool { return o.Name == RecoverByPhone })
}

// OffersFactor reports whether users of the pool may have a second factor of any kind.
func (s *Pool) OffersFactor() bool { return s.SMSMFA || s.AppsOffered() || s.EmailMFA != nil }

// DropFactors takes all second factors off the offer, as MFA OFF demands.
func (s *Pool) DropFactors() {
	s.SMSMFA, s.EmailMFA = false, nil
	if s.TOTP != nil {
		s.TOTP = new(false)
	}
}

// RecoveredByAdmin reports whether only an operator may reset passwords.
func (s *Pool) RecoveredByAdmin() bool {
	return slices.ContainsFunc(s.Recovery, func(o RecoveryOption) bool { return o.Name == RecoverByAdmin })
}

// RecoveryAttributes are the attributes that a reset code may go to, the first
// choice first. Unset it is the phone and then the mail, as the service has
// it, and in safe pools, which do not trust the phone, the other way about.
// An operator's reset goes there too where users may not ask for one.
func (s *Pool) RecoveryAttributes() []string {
	switch {
	case len(s.Recovery) > 0 && !s.RecoveredByAdmin():
		options := slices.SortedFunc(slices.Values(s.Recovery), func(a, b RecoveryOption) int { return cmp.Compare(a.Priority, b.Priority) })
		attributes := make([]string, len(options))
		for i, o := range options {
			attributes[i] = strings.TrimPrefix(string(o.Name), "verified_")
		}
		return attributes
	case s.Defaults == CognitoDefaults:
		return []string{"phone_number", "email"}
	}
	return []string{"email", "phone_number"}
}

// Values of [Pool.Issuer] that name a form rather than a URL.
const (
	AWSIssuerName        = "aws"         // https://cognito-idp.REGION.amazonaws.com
	AWSUpdatedIssuerName = "aws-updated" // https://issuer-cognito-idp.REGION.amazonaws.com
)

// Values of [Pool.IssuerType].
const (
	IssuerOriginal = "ORIGINAL" // https://cognito-idp.REGION.amazonaws.com
	IssuerUpdated  = "UPDATED"  // https://issuer-cognito-idp.REGION.amazonaws.com
)
