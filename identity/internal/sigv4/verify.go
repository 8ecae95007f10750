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
	// Service is the service that signatures must be for, e.g. "cognito-idp".
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

	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// Verify verifies that r, with the given body, was signed by a known access
// key, and returns that key. It returns an *[Error] for a request that is to be
// refused. An unknown key costs as much time as a wrong signature.
func (v *Verifier) Verify(r *http.Request, body []byte) (accessKey string, err error) {
	header := r.Header.Get("Authorization")
	if !strings.HasPrefix(header, "AWS4-") {
		return "", &Error{"MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	a, err := parse(header, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return "", err
	}
	if err := v.checkScope(a); err != nil {
		return "", err
	}
	if err := v.checkDate(a); err != nil {
		return "", err
	}
	if err := checkSigned(a, r); err != nil {
		return "", err
	}
	secret, known, err := v.Lookup(r.Context(), a.accessKey)
	if err != nil {
		return "", fmt.Errorf("look up an access key: %w", err)
	}
	if !known {
		secret = "no key has this secret, which only keeps the time equal"
	}
	good := hmac.Equal([]byte(a.signature), []byte(signature(secret, a.time.Format(dateTime), a.scope(), canonicalRequest(r, a.signed, body))))
	if !known || r.Header.Get("X-Amz-Security-Token") != "" {
		return "", &Error{"UnrecognizedClientException", "The security token included in the request is invalid."}
	}
	if !good {
		return "", invalid("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if err := v.checkRepeat(a); err != nil {
		return "", err
	}
	return a.accessKey, nil
}

// checkRepeat refuses a signature that was accepted before.
func (v *Verifier) checkRepeat(a *authorization) error {
	if v.Seen == nil {
		return nil
	}
	now := v.now()
	at, ok := v.Seen.first(a.signature, now)
	if ok || v.ReadOnly && now.Sub(at) <= moment {
		return nil
	}
	return invalid("This request was received before. Sign each request anew.")
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
	case a.service != v.Service:
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
// moved to another operation.
func checkSigned(a *authorization, r *http.Request) error {
	if !a.signs("host") {
		return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for _, name := range []string{"x-amz-date", "x-amz-target"} {
		if r.Header.Get(name) != "" && !a.signs(name) {
			return invalid("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	return nil
}
