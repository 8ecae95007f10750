package cognito

import (
	"fmt"

	"github.com/cognate-id/cognate/identity/cognito/internal/fedid"
	"github.com/cognate-id/cognate/identity/idpool"
)

// identityService is the name of the service of identity pools, as signatures have it.
const identityService = "cognito-identity"

// identityRows is the table of errors of identity pools. What was recorded of the service and what is (unsure) is marked as in rows.
var identityRows = []row{
	{idpool.ErrPoolNotFound, fedid.ResourceNotFoundException, aboutPool("IdentityPool '%s' not found.")},
	{idpool.ErrIdentityNotFound, fedid.ResourceNotFoundException, aboutPool("Identity '%s' not found.")},                             // text (unsure)
	{idpool.ErrDeveloperNotFound, fedid.ResourceNotFoundException, aboutPool("No identity has the developer user identifier '%s'.")}, // text (unsure)
	{idpool.ErrProviderNotFound, fedid.ResourceNotFoundException, aboutPool("Provider '%s' not found.")},                             // no operation of the service reaches it
	{idpool.ErrInvalid, fedid.InvalidParameterException, aboutPool("%s")},                                                            // texts (unsure)
	{idpool.ErrMappingProvider, fedid.InvalidParameterException, aboutPool("(%s) is not a valid RoleMapping ProviderName or is not a configured provider.")},
	{idpool.ErrTooManyRules, fedid.InvalidParameterException, say(fmt.Sprintf("The number of rules in the request exceeded %d.", idpool.MaxRules))},
	{idpool.ErrDeveloperProvider, fedid.InvalidParameterException, say("DeveloperProviderName cannot be changed once it is set.")}, // text (unsure)

	{idpool.ErrGuests, fedid.NotAuthorizedException, say("Unauthenticated access is not supported for this identity pool.")},
	{idpool.ErrUnsupportedProvider, fedid.NotAuthorizedException, say("Token is not from a supported provider of this identity pool.")},
	{idpool.ErrPublicProvider, fedid.InvalidParameterException, say("Please provide a valid public provider.")},
	{idpool.ErrPoolToken, fedid.NotAuthorizedException, say("Invalid login token. Can't pass in a Cognito token.")},
	{idpool.ErrTokenUnverified, fedid.NotAuthorizedException, say("Invalid login token. Couldn't verify signed token.")},
	{idpool.ErrTokenExpired, fedid.NotAuthorizedException, loginExpired},
	{idpool.ErrTokenIssuer, fedid.NotAuthorizedException, say("Invalid login token. Issuer doesn't match providerName")},
	{idpool.ErrTokenAudience, fedid.NotAuthorizedException, say("Invalid login token. Incorrect token audience.")}, // text (unsure)
	{idpool.ErrTokenClaim, fedid.NotAuthorizedException, aboutPool("Invalid login token. Missing a required claim: %s")},
	{idpool.ErrTokenInactive, fedid.NotAuthorizedException, say("Token is inactive")},
	{idpool.ErrExternalService, fedid.ExternalServiceException, say("The identity provider of the login could not be reached.")}, // text (unsure)
	{idpool.ErrLogins, fedid.NotAuthorizedException, say("Logins don't match. Please include at least one valid login for this identity or identity pool.")},
	{idpool.ErrForbidden, fedid.NotAuthorizedException, aboutPool("Access to Identity '%s' is forbidden.")},
	{idpool.ErrConflict, fedid.ResourceConflictException, aboutPool("%s")}, // texts (unsure)
	{idpool.ErrDeveloperRegistered, fedid.DeveloperUserAlreadyRegisteredException, say("This developer user identifier is already registered with Cognito.")},
	{idpool.ErrLimit, fedid.LimitExceededException, aboutPool("Limit exceeded: %s")}, // text (unsure)
	{idpool.ErrThrottled, fedid.TooManyRequestsException, say("Rate exceeded")},

	{idpool.ErrClassicFlow, fedid.InvalidParameterException, say("Basic (classic) flow is not enabled, please use enhanced flow.")},
	{idpool.ErrClassicFlowMappings, fedid.InvalidParameterException, say("Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.")},
	{idpool.ErrPoolRoles, fedid.InvalidIdentityPoolConfigurationException, say("Invalid identity pool configuration. Check assigned IAM roles for this pool.")},
	{idpool.ErrAmbiguousRole, fedid.NotAuthorizedException, aboutPool("The ambiguous role mapping rules for: %s denied this request.")}, // what follows "for:" is (unsure)
	{idpool.ErrCustomRole, fedid.NotAuthorizedException, say("The role of CustomRoleArn is not one that the login may assume.")},        // exception and text (unsure)
}

// aboutPool puts what an error is about into a sentence.
func aboutPool(format string) func(string, error) string {
	return func(_ string, err error) string { return fmt.Sprintf(format, of[*idpool.Error](err).About) }
}

// loginExpired has the time of the clock first, as recorded.
func loginExpired(_ string, err error) string {
	e := of[*idpool.ExpiredError](err)
	return fmt.Sprintf("Invalid login token. Token expired: %d >= %d", e.Now.Unix(), e.Expires.Unix())
}
