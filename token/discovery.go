package token

// Discovery is the document at /.well-known/openid-configuration of an issuer, with its
// members in the order in which Cognito has them. The lists are written as they are: set
// all of them. Optional members are left out when empty.
type Discovery struct {
	AuthorizationEndpoint    string      `json:"authorization_endpoint"`
	EndSessionEndpoint       string      `json:"end_session_endpoint,omitempty"`
	IDTokenAlgorithms        []Algorithm `json:"id_token_signing_alg_values_supported"`
	Issuer                   string      `json:"issuer"`   // byte for byte the iss of the tokens
	JWKSURI                  string      `json:"jwks_uri"` // where the [Set] is
	ResponseTypes            []string    `json:"response_types_supported"`
	RevocationEndpoint       string      `json:"revocation_endpoint,omitempty"`
	Scopes                   []string    `json:"scopes_supported"`
	SubjectTypes             []string    `json:"subject_types_supported"`
	TokenEndpoint            string      `json:"token_endpoint"`
	TokenEndpointAuthMethods []string    `json:"token_endpoint_auth_methods_supported"`
	UserinfoEndpoint         string      `json:"userinfo_endpoint"`
}
