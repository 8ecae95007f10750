package token

// Discovery is the document at /.well-known/openid-configuration of an issuer, with its
// members in the order in which Cognito has them. The lists are written as they are: set
// all of them. Optional members are left out when empty.
type Discovery struct {
	AuthorizationEndpoint    string      `json:"authorization_endpoint"`                // where a browser begins a sign-in
	EndSessionEndpoint       string      `json:"end_session_endpoint,omitempty"`        // where a browser signs out
	IDTokenAlgorithms        []Algorithm `json:"id_token_signing_alg_values_supported"` // that ID tokens may be signed with
	Issuer                   string      `json:"issuer"`                                // byte for byte the iss of the tokens
	JWKSURI                  string      `json:"jwks_uri"`                              // where the [Set] is
	ResponseTypes            []string    `json:"response_types_supported"`              // of the authorization endpoint, such as code
	RevocationEndpoint       string      `json:"revocation_endpoint,omitempty"`         // where refresh tokens are revoked
	Scopes                   []string    `json:"scopes_supported"`                      // that a client may ask for, such as openid
	SubjectTypes             []string    `json:"subject_types_supported"`               // public where every client sees the same sub
	TokenEndpoint            string      `json:"token_endpoint"`                        // where codes and refresh tokens are exchanged
	TokenEndpointAuthMethods []string    `json:"token_endpoint_auth_methods_supported"` // such as client_secret_basic
	UserinfoEndpoint         string      `json:"userinfo_endpoint"`                     // where an access token gets the claims of its user
}
