package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"syscall"
)

// What can go wrong with a call.
var (
	// ErrForbidden is returned for a URL or an address that may not be called.
	ErrForbidden = errors.New("the address is forbidden")
	// ErrRedirect is returned for an answer that points elsewhere.
	ErrRedirect = errors.New("the answer is a redirect, which is not followed")
	// ErrTooLarge is returned for an answer beyond the limit.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrTimeout is returned if there was no whole answer in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrUnreachable is returned if there is no connection: no such host, refused, a bad certificate.
	ErrUnreachable = errors.New("no connection")
	// ErrBadAnswer is returned for an answer that is not HTTP, or broke off.
	ErrBadAnswer = errors.New("no valid answer")
)

// An Error says why a call failed. [errors.Is] finds one of the errors above in it, and
// context.Canceled where the caller gave up.
type Error struct {
	Host string // host:port as the URL has them; empty if the URL has none
	err  error
}

// Error implements error. The text has the host, but no path, header or body.
func (e *Error) Error() string {
	if e.Host == "" {
		return "outbound: " + e.err.Error()
	}
	return "outbound: " + e.Host + ": " + e.err.Error()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.err }

// Timeout reports whether there was no answer in time.
func (e *Error) Timeout() bool { return errors.Is(e.err, ErrTimeout) }

// A reason is one of the errors above with a detail that has no secret in it.
type reason struct {
	kind, also error // also may be nil
	detail     string
}

func (r *reason) Error() string {
	if r.detail == "" {
		return r.kind.Error()
	}
	return r.kind.Error() + ": " + r.detail
}

func (r *reason) Unwrap() []error {
	if r.also == nil {
		return []error{r.kind}
	}
	return []error{r.kind, r.also}
}

// explain makes an Error of what the transport returned. The texts of net/http may have parts
// of the URL and of the answer in them, so only texts of known errors are kept.
func explain(caller context.Context, named string, err error) error {
	for _, known := range []error{ErrForbidden, ErrRedirect, ErrTooLarge} {
		if errors.Is(err, known) {
			return &Error{named, forbiddenOf(err)}
		}
	}
	if cause := caller.Err(); errors.Is(cause, context.Canceled) {
		return &Error{named, &reason{kind: ErrUnreachable, also: cause, detail: "the caller gave up"}}
	}
	var netErr net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout() {
		return &Error{named, &reason{kind: ErrTimeout, also: caller.Err()}}
	}
	if detail, ok := connection(err); ok {
		return &Error{named, &reason{kind: ErrUnreachable, detail: detail}}
	}
	return &Error{named, &reason{kind: ErrBadAnswer}}
}

// forbiddenOf takes the wrappers of package net away from an error of ours.
func forbiddenOf(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// connection says why there is no connection, if that is why the call failed.
func connection(err error) (detail string, ok bool) {
	var dns *net.DNSError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	var errno syscall.Errno
	switch {
	case errors.As(err, &dns):
		return "the name cannot be looked up", true
	case errors.As(err, &verify):
		return verify.Err.Error(), true
	case errors.As(err, &authority):
		return authority.Error(), true
	case errors.As(err, &record):
		return "the server does not speak TLS", true
	case errors.As(err, &alert):
		return "TLS: " + alert.Error(), true
	case errors.As(err, &errno):
		return errno.Error(), true
	}
	var op *net.OpError
	return "", errors.As(err, &op) && op.Op != "read"
}
