package oidc

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// What can go wrong. Each error of a [Provider] is an [*Error] that wraps one of them.
var (
	// ErrConfig is returned for a configuration that cannot work.
	ErrConfig = errors.New("the configuration is invalid")
	// ErrDiscovery is returned if the provider's discovery document cannot be had, or is invalid.
	ErrDiscovery = errors.New("the discovery document cannot be used")
	// ErrCallback is returned for a callback of another sign-in or of another provider. Do not
	// tell an application: the callback may be forged.
	ErrCallback = errors.New("the callback is not the answer to this sign-in")
	// ErrUpstream is returned if the provider has refused the sign-in.
	ErrUpstream = errors.New("the provider has refused the sign-in")
	// ErrTokenEndpoint is returned if the provider gives no tokens for the code.
	ErrTokenEndpoint = errors.New("no tokens from the provider")
	// ErrRefused is returned if the provider takes a refresh token no more.
	ErrRefused = errors.New("the refresh token is good no more")
	// ErrKeys is returned if the provider's keys cannot be had.
	ErrKeys = errors.New("no keys from the provider")
	// ErrIDToken is returned for an ID token that is invalid or for somebody else.
	ErrIDToken = errors.New("the ID token is invalid")
	// ErrUserInfo is returned if the provider does not say who the user is, or says two things.
	ErrUserInfo = errors.New("the user info cannot be used")
)

// An Error says why a sign-in at a provider failed.
type Error struct {
	// Code is the error for the application, such as "invalid_request" or "access_denied".
	Code string
	// Description is the sentence for the application. It names the provider, and neither hosts nor
	// values of tokens.
	Description string

	kind  error
	cause error
}

// Error implements error. The text is for logs.
func (e *Error) Error() string {
	text := "oidc: " + e.kind.Error()
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns one of the errors above, and the cause.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

const invalidRequest = "invalid_request"

// failure makes the error of a check that failed, or of a call that got no answer.
func failure(kind error, description string, cause error) *Error {
	return &Error{Code: invalidRequest, Description: description, kind: kind, cause: cause}
}

// refusedToken is an ID token that one check has refused.
func refusedToken(why string) *Error {
	return failure(ErrIDToken, "Invalid ID token", errors.New(why))
}

// callFailure makes the error of a call. late is what is said if there was no answer in time.
func callFailure(kind error, late, otherwise string, cause error) *Error {
	var timed interface{ Timeout() bool }
	switch {
	case errors.As(cause, &timed) && timed.Timeout(), errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, os.ErrDeadlineExceeded):
		return failure(kind, late, cause)
	case errors.Is(cause, syscall.ECONNRESET), errors.Is(cause, syscall.ECONNREFUSED):
		return failure(kind, "Connection reset", cause)
	}
	return failure(kind, otherwise, cause)
}
