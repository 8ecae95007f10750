package settings

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrInvalid is returned for settings that are invalid. It is an [*Error].
var ErrInvalid = errors.New("identity: invalid settings")

// An Error says which setting is invalid, and why.
type Error struct {
	Setting string // a field of [Pool] or [Client], or OAuthFlow for grants that contradict each other
	Code    Code   // empty where Reason says it all
	About   string // what the code is about, such as the name of an attribute
	Reason  string // for people
}

func (e *Error) Error() string { return ErrInvalid.Error() + ": " + e.Setting + ": " + e.Reason }

func (e *Error) Unwrap() error { return ErrInvalid }

// OAuthFlow reports whether the setting is the grants of a client, which
// contradict each other or its other settings.
func (e *Error) OAuthFlow() bool { return e.Setting == oauthFlow }

const oauthFlow = "OAuthFlow"

// A Code names a rule that settings or attributes break. A protocol may have words of its own for it.
type Code string

// The rules that settings break. About names the attribute where the comment says so.
const (
	AliasesExclusive       Code = "aliases exclusive"         // Aliases and UsernameAttributes are both set
	NotAutoVerified        Code = "not auto-verified"         // VerifyBeforeUpdate names an attribute that AutoVerified does not
	PasswordMissing        Code = "password missing"          // FirstFactors lack PASSWORD
	AttributeTwice         Code = "attribute twice"           // of the attribute About
	StandardFixed          Code = "standard attribute fixed"  // of the attribute About: its type, or DeveloperOnly
	TypeUnknown            Code = "type unknown"              // of an attribute
	CustomRequired         Code = "custom attribute required" // a custom attribute cannot be required
	StringBoundsMalformed  Code = "string bounds malformed"   // of the attribute About
	NumberBoundsMalformed  Code = "number bounds malformed"   // of the attribute About
	BoundsMalformed        Code = "bounds malformed"          // of the attribute About, of a type that has none
	StringTooLong          Code = "string too long"           // of the attribute About: a bound is over 2,048
	StringBoundsReversed   Code = "string bounds reversed"    // of the attribute About: Max is less than Min
	NumberBoundsReversed   Code = "number bounds reversed"    // of the attribute About
	FactorsWithoutMFA      Code = "factors without MFA"       // MFA is off and a factor is on
	MFAWithoutFactor       Code = "MFA without factor"        // MFA is on and no factor is
	RecoveryPriorityTwice  Code = "recovery priority twice"   // two options have one priority
	RecoveryByAdminAndMore Code = "recovery by admin and more"
	SecretGivenAndMade     Code = "secret given and made" // Secret and GenerateSecret are both set
	ContextWithoutSecret   Code = "context without secret"
	FlowNamesMixed         Code = "flow names mixed" // with and without the prefix ALLOW_
	RotationAndRefreshFlow Code = "rotation and refresh flow"
	ValidityOutOfRange     Code = "validity out of range"
	NotReadable            Code = "attribute not readable"
	NotWritable            Code = "attribute not writable"
	OAuthIncomplete        Code = "OAuth incomplete" // OAuth is on without grants or without scopes
	GrantsExclusive        Code = "grants exclusive" // client_credentials beside another grant
	GrantNeedsSecret       Code = "grant needs secret"
	GrantNeedsCallback     Code = "grant needs callback"
	RedirectNotListed      Code = "redirect not listed" // of the URL About
	URLInsecure            Code = "URL insecure"        // of the URL About: plain http
	URLFragment            Code = "URL fragment"        // of the URL About
	RefreshTooShort        Code = "refresh too short"   // a refresh token lives shorter than another
	CSSClass               Code = "CSS class"           // the selector About
	CSSForbidden           Code = "CSS forbidden"       // About is what must not be there
	CSSMalformed           Code = "CSS malformed"
	ImageMalformed         Code = "image malformed"      // a logo that is no image, or too large
	BrandingAmbiguous      Code = "branding ambiguous"   // settings and defaults, or neither
	DefaultLinkMissing     Code = "default link missing" // of terms
	LinkMalformed          Code = "link malformed"       // of terms, in the language About
	DomainMalformed        Code = "domain malformed"
	DomainNotCustom        Code = "domain not custom" // a prefix with settings of custom domains
	LevelNameTwice         Code = "level name twice"  // of the name About
	ScopeTwice             Code = "scope twice"       // of the scope About, of a resource server
)

// The rules that only the service has, see [Pool.CheckService] and [Client.CheckService].
const (
	SMSMissing            Code = "SMS missing"
	MailFromMalformed     Code = "mail sender malformed"
	MailSourceMissing     Code = "mail source missing"
	MailSourceNotYours    Code = "mail source not yours" // an ARN for mail that the service sends itself
	MailSourceRegion      Code = "mail source region"    // About lists the regions that do
	RoleForeign           Code = "role foreign"          // it is of another account
	SMSRegion             Code = "SMS region"            // About is the region of the pool
	TriggerRegion         Code = "trigger region"
	TriggersDiffer        Code = "triggers differ"
	TriggerKeyMissing     Code = "trigger key missing"
	TriggerKeyRegion      Code = "trigger key region" // About is the region of the key
	RecoveryNameTwice     Code = "recovery name twice"
	RelyingPartyMalformed Code = "relying party malformed"
	FirstFactorWithMFA    Code = "first factor with MFA" // a code begins sign-ins, and MFA is on
	PasskeyIsOneFactor    Code = "passkey is one factor" // a passkey begins sign-ins, MFA is on, and a passkey is not both factors
	DomainReserved        Code = "domain reserved"       // the prefix contains the word About
	CertificateElsewhere  Code = "certificate elsewhere" // of a custom domain: none, or not of us-east-1
	AnalyticsAmbiguous    Code = "analytics ambiguous"
	AnalyticsRegion       Code = "analytics region" // About is the region of the application
)

// invalid is the error about a setting that breaks a rule.
func invalid(setting string, code Code, about, reason string) error {
	return &Error{Setting: setting, Code: code, About: about, Reason: reason}
}

// plain is the error about a setting whose reason says it all.
func plain(setting, format string, args ...any) error {
	return &Error{Setting: setting, Reason: fmt.Sprintf(format, args...)}
}

// An AttributeProblem is what is wrong with one attribute of a user.
type AttributeProblem struct {
	Name  string // of the attribute
	Code  Code   // the rule that it breaks
	Limit int    // of the length or the value, for the codes that have one
}

// The rules that the attributes of a user break.
const (
	AttributeRequired  Code = "attribute required"
	AttributeUnknown   Code = "attribute unknown" // it is not in the schema
	AttributeImmutable Code = "attribute immutable"
	AttributeKept      Code = "attribute kept"          // it is required, and would be deleted
	AttributeIsAddress Code = "attribute is an address" // a preferred_username that looks like an alias
	NotBoolean         Code = "not a boolean"
	NotDateTime        Code = "not a date and time"
	NotNumber          Code = "not a number"
	NotText            Code = "not text"
	TooLong            Code = "too long"  // beyond Limit
	TooShort           Code = "too short" // below Limit
	TooGreat           Code = "too great" // beyond Limit
	TooSmall           Code = "too small" // below Limit
)

// String says in plain words what is wrong.
func (p AttributeProblem) String() string {
	return p.Name + ": " + p.reason()
}

func (p AttributeProblem) reason() string {
	switch p.Code {
	case AttributeRequired:
		return "it is required"
	case AttributeUnknown:
		return "it is not in the schema of the pool"
	case AttributeImmutable:
		return "it cannot be changed"
	case AttributeKept:
		return "it is required, and cannot be deleted"
	case AttributeIsAddress:
		return "it looks like an e-mail address or a phone number, which the pool takes as names of their own"
	case NotBoolean:
		return "it must be true or false"
	case NotDateTime:
		return "it must be a date and time, such as 2026-01-02T15:04:05Z"
	case NotNumber:
		return "it must be a whole number"
	case NotText:
		return "it must be UTF-8 without the character U+0000"
	case TooLong:
		return fmt.Sprintf("it must have at most %d characters", p.Limit)
	case TooShort:
		return fmt.Sprintf("it must have at least %d characters", p.Limit)
	case TooGreat:
		return fmt.Sprintf("it must be at most %d", p.Limit)
	case TooSmall:
		return fmt.Sprintf("it must be at least %d", p.Limit)
	default:
		return string(p.Code)
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func ptr[T any](v T) *T { return &v }
