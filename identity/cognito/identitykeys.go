package cognito

import (
	"net/http"

	"github.com/cognate-id/cognate/token"
)

// The documents by which verifiers of open ID tokens find the keys, at the root of the host: the service has them there too.

// The paths of the documents.
const (
	identityDiscoveryPath = "/.well-known/openid-configuration"
	identityKeysPath      = "/.well-known/jwks_uri"
)

// identityDocument returns what serves a path, or nil if there is nothing.
func (s *service) identityDocument(path string) func(*http.Request, string) (any, error) {
	switch {
	case s.idpools == nil:
		return nil
	case path == identityDiscoveryPath:
		return s.identityDiscovery
	case path == identityKeysPath:
		return s.identityJWKS
	}
	return nil
}

// identityDiscovery is the document of the issuer, with the members that are needed to verify a token.
func (s *service) identityDiscovery(r *http.Request, _ string) (any, error) {
	iss := s.idpools.Issuer(r.Context(), s.engine.Region())
	return struct {
		Issuer    string            `json:"issuer"`
		Keys      string            `json:"jwks_uri"`
		Algs      []token.Algorithm `json:"id_token_signing_alg_values_supported"`
		Responses []string          `json:"response_types_supported"`
		Subjects  []string          `json:"subject_types_supported"`
	}{iss, iss + identityKeysPath, []token.Algorithm{token.RS512}, []string{"id_token"}, []string{"public"}}, nil
}

// identityJWKS are the keys of all regions.
func (s *service) identityJWKS(r *http.Request, _ string) (any, error) {
	return s.idpools.Keys(r.Context(), "")
}
