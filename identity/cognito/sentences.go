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
	settings.AliasesExclusive:       "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.",
	settings.NotAutoVerified:        "AttributesRequireVerificationBeforeUpdate can only contain auto verified attributes.",
	settings.PasswordMissing:        "Invalid SignInPolicy: AllowedFirstAuthFactors must contain PASSWORD.",
	settings.AttributeTwice:         "{}: Existing attribute already has name {}.",
	settings.StandardFixed:          "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute {}",
	settings.TypeUnknown:            "Invalid AttributeDataType input, consider using the provided AttributeDataType enum.",
	settings.CustomRequired:         "Required custom attributes are not supported currently.",
	settings.StringBoundsMalformed:  "Invalid StringAttributeConstraints for schema attribute {}",
	settings.NumberBoundsMalformed:  "Invalid NumberAttributeConstraints for schema attribute {}",
	settings.BoundsMalformed:        "Invalid  for schema attribute {}",
	settings.StringTooLong:          "user.{}: String attributes cannot have a length of more than 2048",
	settings.StringBoundsReversed:   "user.{}: Max length cannot be less than min length.",
	settings.NumberBoundsReversed:   "user.{}: Max value cannot be less than min value.",
	settings.FactorsWithoutMFA:      "Invalid MFA configuration given, can't turn off MFA and configure an MFA together.",
	settings.MFAWithoutFactor:       "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled.",
	settings.RecoveryPriorityTwice:  "Account Recovery Setting cannot have two mechanisms with the same priority.",
	settings.RecoveryByAdminAndMore: "Account Recovery Setting cannot use admin_only setting with any other recovery mechanisms.",

	settings.SecretGivenAndMade:     "ClientSecret cannot be specified when GenerateSecret is true.",
	settings.ContextWithoutSecret:   "EnablePropagateAdditionalUserContextData can only be set for a client with a secret.",
	settings.FlowNamesMixed:         "ExplicitAuthFlows cannot mix values with and without the ALLOW_ prefix.",
	settings.RotationAndRefreshFlow: "ALLOW_REFRESH_TOKEN_AUTH cannot be used with refresh token rotation.",
	settings.ValidityOutOfRange:     "Invalid range for token validity.",
	settings.NotReadable:            "Invalid read attributes specified while creating a client",
	settings.NotWritable:            "Invalid write attributes specified while creating a client",
	settings.OAuthIncomplete:        "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.",
	settings.GrantsExclusive:        "client_credentials flow can not be selected along with code flow or implicit flow.",
	settings.GrantNeedsSecret:       "client_credentials flow can not be selected if client does not have a client secret.",
	settings.GrantNeedsCallback:     "CallbackUrls can not be empty when code flow or implicit flow is selected",
	settings.RedirectNotListed:      "The default redirect URI must be in the list of callback URLs.",

	settings.AttributeRequired:  "The attribute is required",
	settings.AttributeUnknown:   "Attribute does not exist in the schema.",
	settings.AttributeImmutable: "Attribute cannot be updated.",
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

// attributeSentence is the service's sentence about an attribute of a user.
func attributeSentence(p identity.AttributeProblem) string {
	sentence, ok := sentences[p.Code]
	if !ok {
		return string(p.Code)
	}
	return strings.ReplaceAll(sentence, "{}", strconv.Itoa(p.Limit))
}
