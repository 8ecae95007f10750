package sts

import (
	"errors"
	"fmt"
	"net/http"
)

// The errors that a caller branches on. Each error for a request that is refused is an *[Error], which
// wraps one of them. Another error is a failure, such as that of a store.
var (
	// ErrDenied is returned if the role is unknown, if its trust policy refuses, or if the policies
	// of a caller do not allow a call.
	ErrDenied = errors.New("sts: access denied")
	// ErrValidation is returned for a value that is out of its range or form.
	ErrValidation = errors.New("sts: invalid value")
	// ErrInvalidToken is returned for a web identity token, or a session token, that is not good.
	ErrInvalidToken = errors.New("sts: invalid token")
	// ErrExpired is returned for a token that was good once.
	ErrExpired = errors.New("sts: expired token")
	// ErrMalformedPolicy is returned for a session policy that is not a policy.
	ErrMalformedPolicy = errors.New("sts: malformed policy document")
	// ErrTooLarge is returned if tags and policies of a session are too large together.
	ErrTooLarge = errors.New("sts: policies and tags are too large")
	// ErrSignature is returned for a request whose signature is missing, malformed or wrong.
	ErrSignature = errors.New("sts: invalid signature")
	// ErrRevoked is returned for credentials from before the role, the identity or the pool was
	// revoked. [Options.Active] returns it too.
	ErrRevoked = errors.New("sts: credentials were revoked")
	// ErrNotFound is returned for a role that is not there.
	ErrNotFound = errors.New("sts: no such role")
	// ErrExists is returned for a role that is there already.
	ErrExists = errors.New("sts: the role exists")
)

// An Error is a refusal, with the code, the text and the status of the service.
type Error struct {
	Code    string // such as AccessDenied
	Message string // as the service words it
	Status  int    // of HTTP
	kind    error
}

func (e *Error) Error() string { return "sts: " + e.Code + ": " + e.Message }

// Unwrap returns one of the errors of this package.
func (e *Error) Unwrap() error { return e.kind }

func denied(action string) *Error {
	return &Error{"AccessDenied", "Not authorized to perform " + action, http.StatusForbidden, ErrDenied}
}

func invalid(format string, args ...any) *Error {
	return &Error{"ValidationError", fmt.Sprintf(format, args...), http.StatusBadRequest, ErrValidation}
}

func malformedPolicy(err error) *Error {
	return &Error{"MalformedPolicyDocument", err.Error(), http.StatusBadRequest, ErrMalformedPolicy}
}

// errToken is the refusal of a session token that is not from here, or not of that access key.
func errToken() *Error {
	return &Error{"InvalidClientTokenId", "The security token included in the request is invalid", http.StatusForbidden, ErrInvalidToken}
}

func errRevoked() *Error {
	e := errToken()
	e.kind = ErrRevoked
	return e
}

func errExpired() *Error {
	return &Error{"ExpiredToken", "The security token included in the request is expired", http.StatusForbidden, ErrExpired}
}

func errPacked(size int) *Error {
	return &Error{
		"PackedPolicyTooLarge", fmt.Sprintf("Packed size of session tags and policies consumes %d%% of allotted space.", size*100/maxToken),
		http.StatusBadRequest, ErrTooLarge,
	}
}
