package sigv4

import (
	"context"
	"crypto/hmac"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxSkew is how far the date of a request may be off. The service's own
// messages speak of 5 minutes; SDKs correct their clocks by its answer.
const maxSkew = 5 * time.Minute

// An Error is a refusal, with the code and message of the service.
type Error struct {
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// A Verifier verifies the signatures of requests.
type Verifier struct {
	// Service is the service that signatures must be for, e.g. "cognito-idp". Empty accepts any,
	// for a program that asks afterwards.
	Service string

	// Regions are the regions that they may be for. Empty accepts any.
	Regions []string

	// Seen remembers the signatures of earlier requests, which are refused. Nil
	// accepts them again.
	Seen *Seen

	// ReadOnly is set for a request that changes nothing. It is accepted again
	// within two seconds, because equal calls in one second have equal signatures.
	ReadOnly bool

	// Lookup returns the secret of an access key, and whether there is one.
	// An error that it returns is returned by Verify as it is.
	Lookup func(ctx context.Context, accessKey string) (secret string, ok bool, err error)

	// Session returns the secret of a temporary access key, by the session token that came with it, and
	// whether the token is good and belongs to the key. An error that it returns is returned as
	// it is. Nil refuses session tokens.
	Session func(ctx context.Context, accessKey, token string) (secret string, ok bool, err error)

	// Presigned accepts signatures in the query too, which are good for up to seven days.
	Presigned bool

	// PresignedMax is how long after its date a presigned request is good at most, whatever it says. It may then leave out
	// how long. Zero means what the request says.
	PresignedMax time.Duration

	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// A Signature is what a good signature says.
type Signature struct {
	AccessKey       string
	Region, Service string
	Time            time.Time // when it was made
	Presigned       bool      // it was in the query
	Temporary       bool      // a session token came with it

	text string // the signature itself
}

// Verify verifies that r, with the given body, was signed by a known access
// key, and returns that key. It returns an *[Error] for a request that is to be
// refused. An unknown key costs as much time as a wrong signature.
func (v *Verifier) Verify(r *http.Request, body []byte) (accessKey string, err error) {
	s, err := v.Check(r, body)
	if err != nil {
		return "", err
	}
	return s.AccessKey, nil
}

// Check is [Verifier.Verify] that returns all that the signature says.
func (v *Verifier) Check(r *http.Request, body []byte) (*Signature, error) {
	a, err := v.read(r)
	if err != nil {
		return nil, err
	}
	if err := v.checkScope(a); err != nil {
		return nil, err
	}
	if err := v.checkDate(a); err != nil {
		return nil, err
	}
	if err := v.checkSigned(a, r); err != nil {
		return nil, err
	}
	secret, known, err := v.secret(r.Context(), a)
	if err != nil {
		return nil, fmt.Errorf("look up an access key: %w", err)
	}
	if !known {
		secret = "no key has this secret, which only keeps the time equal"
	}
	query := r.URL.RawQuery
	if a.presigned {
		query = unsignedQuery(query)
	}
	good := hmac.Equal([]byte(a.signature), []byte(signature(secret, a.time.Format(dateTime), a.scope(), canonicalRequest(r, query, a.signed, body))))
	if !known {
		return nil, &Error{"UnrecognizedClientException", "The security token included in the request is invalid."}
	}
	if !good {
		return nil, invalid("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	sig := &Signature{a.accessKey, a.region, a.service, a.time, a.presigned, a.token != "", a.signature}
	if v.Seen == nil {
		return sig, nil
	}
	if err := v.Seen.Accept(sig, v.now(), v.ReadOnly); err != nil {
		return nil, err
	}
	return sig, nil
}

// read reads the signature from the header or, where that is allowed, from the query. A request
// with both is refused.
func (v *Verifier) read(r *http.Request) (*authorization, error) {
	for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
		if len(r.Header.Values(name)) > 1 {
			return nil, incomplete("The header '" + name + "' is there twice.")
		}
	}
	header := r.Header.Get("Authorization")
	inQuery := v.Presigned && isPresigned(r.URL.RawQuery)
	switch {
	case inQuery && header != "":
		return nil, incomplete("Only one of the Authorization header and the query may have a signature.")
	case inQuery:
		return presigned(r.URL.RawQuery, v.PresignedMax)
	case !strings.HasPrefix(header, "AWS4-"):
		return nil, &Error{"MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	a, err := parse(header, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return nil, err
	}
	a.token = r.Header.Get("X-Amz-Security-Token")
	return a, nil
}

// secret returns the secret of the key: of a lasting one, or of one that came with a token.
func (v *Verifier) secret(ctx context.Context, a *authorization) (secret string, ok bool, err error) {
	switch {
	case a.token == "" && v.Lookup != nil:
		return v.Lookup(ctx, a.accessKey)
	case a.token != "" && v.Session != nil:
		return v.Session(ctx, a.accessKey, a.token)
	default:
		return "", false, nil
	}
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now().UTC()
	}
	return time.Now().UTC()
}

// invalid is the refusal of a signature that was read and is not good.
func invalid(format string, args ...any) *Error {
	return &Error{"InvalidSignatureException", fmt.Sprintf(format, args...)}
}

// checkScope holds the scope of a signature to this service, and to the day of its
// date. The key of a signature is derived from the scope, so a signature for
// another service or day is worth nothing here.
func (v *Verifier) checkScope(a *authorization) error {
	switch {
	case a.terminator != terminator:
		return invalid("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, a.terminator)
	case v.Service != "" && a.service != v.Service:
		return invalid("Credential should be scoped to correct service: '%s'. ", v.Service)
	case a.region == "" || len(v.Regions) > 0 && !slices.Contains(v.Regions, a.region):
		return invalid("Credential should be scoped to a valid region, not '%s'. ", a.region)
	case a.date != a.time.Format(date):
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			a.date, a.time.Format(date), a.time.Format(dateTime))
	}
	return nil
}

// checkDate refuses a date that is more than maxSkew off. The messages have both
// times in them: SDKs read them and correct their clock.
func (v *Verifier) checkDate(a *authorization) error {
	t := v.now()
	if a.presigned {
		return a.checkExpiry(t)
	}
	if early := t.Add(-maxSkew); a.time.Before(early) {
		return invalid("Signature expired: %s is now earlier than %s (%s - 5 min.)",
			a.time.Format(dateTime), early.Format(dateTime), t.Format(dateTime))
	}
	if late := t.Add(maxSkew); a.time.After(late) {
		return invalid("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			a.time.Format(dateTime), late.Format(dateTime), t.Format(dateTime))
	}
	return nil
}

// checkSigned refuses a signature that leaves out what decides the meaning of the
// request: the host, the date and X-Amz-Target. Without this, a signature could be
// moved to another operation. A temporary key must sign all headers that begin with x-amz-, as
// the service demands, but for the one that a content delivery network adds.
func (v *Verifier) checkSigned(a *authorization, r *http.Request) error {
	temporary := v.Session != nil && a.token != ""
	if !a.signs("host") {
		return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		must := lower == "x-amz-date" || lower == "x-amz-target" || temporary && strings.HasPrefix(lower, "x-amz-") && lower != "x-amz-cf-id"
		if must && !a.signs(lower) {
			return invalid("'%s' must be a 'SignedHeader' in the AWS Authorization.", lower)
		}
	}
	return nil
}
