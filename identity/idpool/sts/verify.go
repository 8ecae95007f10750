package sts

import (
	"net/http"
)

// A Verified request was signed by temporary credentials that are good.
type Verified struct {
	Session *Session
	// Region and Service are those that the signature is for.
	Region, Service string
	// Presigned says that the signature is in the query.
	Presigned bool
}

// Verify verifies a request that was signed with temporary credentials, whose body is body: the
// signature, the session token, and that neither has expired nor was revoked. It returns an *[Error] for
// a request that is to be refused.
func (s *Service) Verify(r *http.Request, body []byte) (*Verified, error) {
	return nil, errToken()
}
