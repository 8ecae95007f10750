package cognito

import (
	"strconv"
	"strings"

	"github.com/cognate-id/cognate/identity"
	"github.com/cognate-id/cognate/identity/settings"
)

// The service's words for the rules of package settings, which knows codes and no
// sentences. Most are recorded from the service, or from tools that match on them.
// Those about the schema are known from another emulator only.
// TestEveryCodeHasASentence holds the map to the codes that exist.

// sentences are the service's words for rules that settings and attributes
// break. {} stands for what the problem is about, or for its limit. A code that is
// not here is said in our words.
var sentences = map[settings.Code]string{
	settings.AliasesExclusive:       "Only one of the aliasAttributes or usernameAttributes can be set in a User pool.",
	settings.NotAutoVerified:        "All attributes in AttributesRequireVerificationBeforeUpdate must exist in AutoVerifiedAttributes",
	settings.PasswordMissing:        "Password should be configured as one of the allowed first auth factors.",
	settings.AttributeTwice:         "Duplicate custom attribute names {} are not allowed in a user pool schema.",
	settings.StandardFixed:          "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute {}",
	settings.TypeUnknown:            "Invalid AttributeDataType input, consider using the provided AttributeDataType enum.",
	settings.CustomRequired:         "Required custom attributes are not supported currently.",
	settings.StringBoundsMalformed:  "Invalid StringAttributeConstraints for schema attribute {}",
	settings.NumberBoundsMalformed:  "Invalid NumberAttributeConstraints for schema attribute {}",
	settings.BoundsMalformed:        "Invalid  for schema attribute {}",
	settings.StringTooLong:          "user.{}: String attributes cannot have a length of more than 2048",
	settings.StringBoundsReversed:   "Attribute {} cannot have a max length shorter than it's min length",
	settings.NumberBoundsReversed:   "Attribute {} cannot have a max value smaller than it's min value",
	settings.FactorsWithoutMFA:      "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.",
	settings.MFAWithoutFactor:       "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled.",
	settings.RecoveryPriorityTwice:  "Invalid account recovery setting parameter. Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.",
	settings.RecoveryByAdminAndMore: "Invalid account recovery setting parameter. Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms.",

	settings.SecretGivenAndMade:     "ClientSecret cannot be specified when GenerateSecret is true.",
	settings.ContextWithoutSecret:   "Client Secret is required to set EnablePropagateAdditionalUserContextData as true",
	settings.FlowNamesMixed:         "Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names.",
	settings.RotationAndRefreshFlow: "ALLOW_REFRESH_TOKEN_AUTH is not a permitted ExplicitAuthFlow when refresh token rotation is enabled",
	settings.ValidityOutOfRange:     "Invalid range for token validity.",
	settings.NotReadable:            "Invalid read attributes specified while creating a client",
	settings.NotWritable:            "Invalid write attributes specified while creating a client",
	settings.OAuthIncomplete:        "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.",
	settings.GrantsExclusive:        "client_credentials flow can not be selected along with code flow or implicit flow.",
	settings.GrantNeedsSecret:       "client_credentials flow can not be selected if client does not have a client secret.",
	settings.GrantNeedsCallback:     "CallbackUrls can not be empty when code flow or implicit flow is selected",
	settings.RedirectNotListed:      "The default redirect URI {} is not in the callback URIs list.",

	settings.URLInsecure:        "{} cannot use the HTTP protocol.",
	settings.URLFragment:        "{} cannot use fragment",
	settings.CSSClass:           "The CSS class {} is not in the list of allowed classes.",
	settings.CSSForbidden:       "The CSS contains {}, which is not allowed.",                         // (unsure)
	settings.CSSMalformed:       "The CSS could not be parsed.",                                       // (unsure)
	settings.ImageMalformed:     "The image file must be a PNG or JPEG file of at most 131072 bytes.", // (unsure)
	settings.BrandingAmbiguous:  "useCognitoProvidedValues or settings should be specified (but not both)",
	settings.DefaultLinkMissing: "Links must contain a link for cognito:default.", // (unsure)
	settings.LinkMalformed:      "The link for {} is not a valid URL.",            // (unsure)
	settings.DomainMalformed:    "The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens.",
	settings.DomainNotCustom:    "CustomDomainConfig and Routing can only be specified for a custom domain.", // (unsure)
	settings.ScopeTwice:         "Duplicate scope name {} in the resource server.",                           // (unsure)
	settings.RefreshTooShort:    "Access and Id Token expiration times must be less than or equal to refresh token expiration times.",

	settings.LevelNameTwice: "Invalid AcrConfiguration. AcrValue {} is used by more than one level.", // (unsure)

	settings.SMSMissing:            "SMS configuration is required when phone_number is selected for auto verification",
	settings.MailFromMalformed:     "Provided From email address is invalid",
	settings.MailSourceMissing:     "Source ARN is required to use DEVELOPER email sending owner",
	settings.MailSourceNotYours:    "Cognito is not allowed to use your email identity",
	settings.MailSourceRegion:      "Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: {}.",
	settings.RoleForeign:           "Cross-account pass role is not allowed.",
	settings.SMSRegion:             "Invalid snsRegion. Allowed SNS region for {} is {}",
	settings.TriggerRegion:         "Cross-region lambda functions are not supported",
	settings.TriggersDiffer:        "Cannot use PreTokenGenerationLambda and PreTokenGeneration with different Lambda function ARN's",
	settings.TriggerKeyMissing:     "KMSKeyId parameter is required when Custom SMS/Email Lambda trigger is used.",
	settings.TriggerKeyRegion:      "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn {}",
	settings.RecoveryNameTwice:     "Invalid account recovery setting parameter. Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.",
	settings.RelyingPartyMalformed: "RelyingPartyId contains invalid characters",
	settings.FirstFactorWithMFA:    "Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth factor if MFA is enabled",
	settings.PasskeyIsOneFactor:    "WEB_AUTHN cannot be used as an auth factor when MFA is enabled if not configured for MFA.",
	settings.DomainReserved:        "Domain cannot contain reserved word: {}",
	settings.CertificateElsewhere:  "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.",
	settings.AnalyticsAmbiguous:    "Invalid analytics configuration given, either <application arn> or <application id, role arn, external id> are valid",
	settings.AnalyticsRegion:       "The integration with Pinpoint is not supported for the requested {} region.",

	settings.AttributeRequired:  "The attribute is required",
	settings.AttributeUnknown:   "Attribute does not exist in the schema.",
	settings.AttributeImmutable: "Attribute cannot be updated.",
	settings.AttributeKept:      "Required attribute cannot be deleted",
	settings.AttributeIsAddress: "Attribute cannot be of email or phone number format, since user pool is configured for such aliases.",
	settings.NotBoolean:         "Attribute value must be true or false",
	settings.NotDateTime:        "Attribute value must be a date and time",
	settings.NotNumber:          "Attribute value must be a number",
	settings.NotText:            "String must be valid text",
	settings.TooLong:            "String must be no longer than {} characters",
	settings.TooShort:           "String must be longer than {}",
	settings.TooGreat:           "Number must be no greater than {}",
	settings.TooSmall:           "Number must be no less than {}",
}

// sentencesOf are the sentences of operations that have others than the rest.
var sentencesOf = map[string]map[settings.Code]string{
	"SetUserPoolMfaConfig": {
		settings.PasskeyIsOneFactor: "Cannot set WebAuthn factor configuration to SINGLE_FACTOR if MFA is required and WebAuthn is an allowed first auth factor",
	},
	"AddCustomAttributes": {settings.AttributeTwice: "{}: Existing attribute already has name {}."},
	"UpdateUserPoolClient": {
		settings.NotReadable: "Invalid read attributes specified while updating a client", // by the other (unsure)
		settings.NotWritable: "Invalid write attributes specified while updating a client",
	},
}

// settingSentence is the service's sentence about a setting, in an operation. It
// is ours where the service has none.
func settingSentence(op string, e *identity.SettingError) string {
	sentence, ok := sentencesOf[op][e.Code]
	if !ok {
		sentence, ok = sentences[e.Code]
	}
	if !ok {
		return e.Reason
	}
	about := e.About
	if e.Code == settings.AttributeTwice {
		about = strings.TrimPrefix(about, "dev:") // (unsure)
	}
	return strings.ReplaceAll(sentence, "{}", about)
}

// attributeSentence is the service's sentence about an attribute of a user.
func attributeSentence(p identity.AttributeProblem) string {
	sentence, ok := sentences[p.Code]
	if !ok {
		return string(p.Code)
	}
	return strings.ReplaceAll(sentence, "{}", strconv.Itoa(p.Limit))
}
