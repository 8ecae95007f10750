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
// value is a safe pool. Pointers and nil slices tell unset from default, so
// that what is read back is what was set.
type Pool struct {
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
	Schema []Attribute `json:"schema,omitempty"`

	// MFA is OFF (or empty), OPTIONAL or ON: whether a second factor is asked
	// of nobody, of users who have one, or of everybody. SMSMFA and TOTP are the
	// factors that users may have: none with OFF, at least one otherwise.
	MFA    string `json:"mfa,omitempty"`
	SMSMFA bool   `json:"smsMfa,omitempty"` // codes by SMS
	TOTP   bool   `json:"totp,omitempty"`   // authenticator apps
	// TOTPGiven tells that TOTP was given, if only as off: it is shown again then.
	TOTPGiven bool `json:"totpGiven,omitempty"`
	// Passkeys are kept and shown; this version has none.
	Passkeys *Passkeys `json:"passkeys,omitempty"`

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
	Devices                  *Devices                  `json:"devices,omitempty"`
	Email                    *Email                    `json:"email,omitempty"`
	SMS                      *SMS                      `json:"sms,omitempty"`
	Tags                     map[string]string         `json:"tags,omitempty"`
	ThreatProtection         *Threats                  `json:"threatProtection,omitempty"`
	Recovery                 []RecoveryOption          `json:"recovery,omitempty"`
	Tier                     string                    `json:"tier,omitempty"` // LITE, ESSENTIALS (or empty), PLUS
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

// Devices turn on the tracking of devices.
type Devices struct {
	ChallengeNew     *bool `json:"challengeNew,omitempty"`
	RememberOnPrompt *bool `json:"rememberOnPrompt,omitempty"`
}

// Email say how mail is sent.
type Email struct {
	SourceARN        *string `json:"sourceArn,omitempty"`
	ReplyTo          *string `json:"replyTo,omitempty"`
	Account          *string `json:"account,omitempty"` // COGNITO_DEFAULT or DEVELOPER
	From             *string `json:"from,omitempty"`
	ConfigurationSet *string `json:"configurationSet,omitempty"`
}

// SMS say how text messages are sent.
type SMS struct {
	CallerARN  string  `json:"callerArn"`
	ExternalID *string `json:"externalId,omitempty"`
	Region     *string `json:"region,omitempty"`
}

// Passkeys say which passkeys are good.
type Passkeys struct {
	RelyingParty     *string `json:"relyingParty,omitempty"`
	UserVerification *string `json:"userVerification,omitempty"` // required, preferred
	Factor           *string `json:"factor,omitempty"`           // SINGLE_FACTOR, MULTI_FACTOR_WITH_USER_VERIFICATION
}

// Threats turn on threat protection.
type Threats struct {
	Mode       string  `json:"mode"`                 // OFF, AUDIT, ENFORCED
	CustomAuth *string `json:"customAuth,omitempty"` // AUDIT, ENFORCED
	Flows      bool    `json:"flows,omitempty"`      // the settings for further flows were given
}

// A RecoveryOption is a way to recover an account.
type RecoveryOption struct {
	Name     string `json:"name"` // verified_email, verified_phone_number, admin_only
	Priority int    `json:"priority"`
}

// DistinguishesCase tells whether names that differ only in case are different names.
func (s *Pool) DistinguishesCase() bool {
	if s.CaseSensitive != nil {
		return *s.CaseSensitive
	}
	return s.Defaults == CognitoDefaults
}

func (s *Pool) SigningAlgorithm() token.Algorithm {
	if s.Algorithm == "" {
		return token.RS256
	}
	return s.Algorithm
}

// Flows are the flows that a client of this pool may use.
func (s *Pool) Flows(c *Client) []AuthFlow {
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

// Allows tells whether a client may use any of some flows.
func (s *Pool) Allows(c *Client, any ...AuthFlow) bool {
	flows := s.Flows(c)
	return slices.ContainsFunc(any, func(f AuthFlow) bool { return slices.Contains(flows, f) })
}

// DisclosesUsers tells whether answers to a client may say that a user does not
// exist. It is the one place that decides this.
func (s *Pool) DisclosesUsers(c *Client) bool {
	if c.PreventUserExistenceErrors != nil {
		return *c.PreventUserExistenceErrors != "ENABLED"
	}
	return s.Defaults == CognitoDefaults
}

// DisclosesStatus tells whether the answers may say in which state an account
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

func (s *Pool) TemporaryPasswordLife() time.Duration {
	days := s.EffectivePasswordPolicy().TemporaryDays
	if (s.PasswordPolicy == nil || s.PasswordPolicy.TemporaryDays == 0) && s.UnusedAccountDays != nil && *s.UnusedAccountDays > 0 {
		days = *s.UnusedAccountDays
	}
	return time.Duration(days) * 24 * time.Hour
}

const adminOnly = "admin_only"

// RecoveredByAdmin tells whether only an operator may reset passwords.
func (s *Pool) RecoveredByAdmin() bool {
	return slices.ContainsFunc(s.Recovery, func(o RecoveryOption) bool { return o.Name == adminOnly })
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
			attributes[i] = strings.TrimPrefix(o.Name, "verified_")
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
