package sts

import (
	"context"
	"errors"
	"net/http"

	"github.com/cognate-id/cognate/identity/internal/sigv4"
)

// A Verified request was signed by temporary credentials that are good.
type Verified struct {
	Session *Session // what the credentials stand for
	// Region and Service are those that the signature is for.
	Region, Service string
	// Presigned says that the signature is in the query.
	Presigned bool
}

// Verify verifies a request that was signed with temporary credentials, whose body is body: the
// signature, the session token, and that neither has expired nor was revoked. It takes signatures in the
// Authorization header, for 5 minutes, and in the query, for at most 7 days. The caller must look at
// [Verified].Service. It returns an *[Error] for a request that is to be refused: [ErrSignature],
// [ErrInvalidToken], [ErrExpired] or [ErrRevoked]. Another error is a failure.
func (s *Service) Verify(r *http.Request, body []byte) (*Verified, error) {
	var o *opened
	v := sigv4.Verifier{Presigned: true, Now: s.options.Clock, Session: s.secretFor(&o)}
	sig, err := v.Check(r, body)
	if err != nil {
		return nil, refused(err)
	}
	if o == nil { // no token was asked about
		return nil, errToken()
	}
	if err := s.active(r.Context(), o); err != nil {
		return nil, err
	}
	return &Verified{o.session, sig.Region, sig.Service, sig.Presigned}, nil
}

// secretFor returns what opens the token of a request, and puts what it opened into o.
func (s *Service) secretFor(o **opened) func(ctx context.Context, accessKey, sessionToken string) (string, bool, error) {
	return func(ctx context.Context, accessKey, sessionToken string) (string, bool, error) {
		found, err := s.open(ctx, sessionToken)
		if errors.Is(err, ErrInvalidToken) {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		*o = found
		return string(found.secret), found.session.AccessKeyID == accessKey, nil
	}
}

// signatureErrors are the codes of package sigv4, and those of STS.
var signatureErrors = map[string]struct {
	code   string
	status int
	kind   error
}{
	"MissingAuthenticationTokenException": {"MissingAuthenticationToken", http.StatusForbidden, ErrSignature},
	"IncompleteSignatureException":        {"IncompleteSignature", http.StatusBadRequest, ErrSignature},
	"InvalidSignatureException":           {"SignatureDoesNotMatch", http.StatusForbidden, ErrSignature},
	"UnrecognizedClientException":         {"InvalidClientTokenId", http.StatusForbidden, ErrInvalidToken},
}

// refused turns a refusal of package sigv4 into one of this package. A failure stays one.
func refused(err error) error {
	e, ok := errors.AsType[*sigv4.Error](err)
	if !ok {
		return err
	}
	known, ok := signatureErrors[e.Code]
	if !ok {
		return &Error{e.Code, e.Message, http.StatusForbidden, ErrSignature}
	}
	return &Error{known.code, e.Message, known.status, known.kind}
}
