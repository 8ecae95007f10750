package token

// Discovery is the document at /.well-known/openid-configuration of an issuer, with its
// members in the order in which Cognito has them. Set IDTokenAlgorithms and SubjectTypes:
// a nil list of these is written as null. All but these, Issuer and JWKSURI are left out
// when empty.
type Discovery struct {
	// AuthorizationEndpoint is the URL at which a sign-in by OAuth 2.0 begins. It is
	// empty where there is none, and so is all that speaks of such sign-ins.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	// EndSessionEndpoint is the URL at which a user signs out. It is optional.
	EndSessionEndpoint string `json:"end_session_endpoint,omitempty"`
	// IDTokenAlgorithms are the algorithms that sign ID tokens.
	IDTokenAlgorithms []Algorithm `json:"id_token_signing_alg_values_supported"`
	// Issuer is byte for byte the iss of the tokens.
	Issuer string `json:"issuer"`
	// JWKSURI is the URL of the [Set] of the issuer.
	JWKSURI string `json:"jwks_uri"`
	// ResponseTypes are the supported values of response_type, "code" among them.
	ResponseTypes []string `json:"response_types_supported,omitempty"`
	// RevocationEndpoint is the URL at which refresh tokens are revoked. It is optional.
	RevocationEndpoint string `json:"revocation_endpoint,omitempty"`
	// Scopes are the scopes that a client may ask for.
	Scopes []string `json:"scopes_supported,omitempty"`
	// SubjectTypes are the supported kinds of sub, "public" among them.
	SubjectTypes []string `json:"subject_types_supported"`
	// TokenEndpoint is the URL at which clients get tokens.
	TokenEndpoint string `json:"token_endpoint,omitempty"`
	// TokenEndpointAuthMethods are the ways in which a client may prove its secret.
	TokenEndpointAuthMethods []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	// UserinfoEndpoint is the URL that answers with claims about the user of an access token.
	UserinfoEndpoint string `json:"userinfo_endpoint,omitempty"`

	// The members from here on are those that Cognito does not have.

	// AuthenticationLevels are the values of acr that a client may ask for.
	AuthenticationLevels []string `json:"acr_values_supported,omitempty"`
	// IssuerInResponse says that answers of the authorization endpoint have the parameter iss (RFC 9207).
	IssuerInResponse bool `json:"authorization_response_iss_parameter_supported,omitempty"`
	// ClaimsParameter says that the authorization endpoint knows the parameter claims.
	ClaimsParameter bool `json:"claims_parameter_supported,omitempty"`
	// Claims are the claims of ID tokens and of the user info.
	Claims []string `json:"claims_supported,omitempty"`
	// ChallengeMethods are the methods of PKCE (RFC 7636).
	ChallengeMethods []string `json:"code_challenge_methods_supported,omitempty"`
	// GrantTypes are the grants of the token endpoint, with "implicit" if the authorization endpoint gives tokens.
	GrantTypes []string `json:"grant_types_supported,omitempty"`
	// PromptValues are the values of prompt.
	PromptValues []string `json:"prompt_values_supported,omitempty"`
	// RequestURIParameter says whether the authorization endpoint knows the parameter request_uri. Nil leaves
	// the member out, which says that it does (OpenID Connect Discovery, section 3).
	RequestURIParameter *bool `json:"request_uri_parameter_supported,omitempty"`
	// ResponseModes are the values of response_mode.
	ResponseModes []string `json:"response_modes_supported,omitempty"`
	// RevocationEndpointAuthMethods are the ways in which a client may prove its secret to the revocation endpoint.
	RevocationEndpointAuthMethods []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
}
