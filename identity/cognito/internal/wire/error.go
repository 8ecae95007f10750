package wire

import (
	"fmt"
	"strings"
)

// Errors of the protocol, and the limits on what they repeat of a request.

// Types of errors that no model declares and any operation may answer.
const (
	serializationException   = "SerializationException"
	unknownOperation         = "UnknownOperationException"
	requestTooLarge          = "RequestEntityTooLargeException"
	requestTimeout           = "RequestTimeoutException"
	internalErrorException   = "InternalErrorException"
	internalServerException  = "InternalServerException"
	tooManyRequests          = "TooManyRequestsException"
	invalidParameter         = "InvalidParameterException"
	validationException      = "ValidationException"
	badRequestUnderstoodText = "The server did not understand the operation that was requested."
)

// An Error is an error as the protocol has it.
type Error struct {
	Type    string // e.g. "NotAuthorizedException"
	Message string // as the service words it; none is sent when it is empty

	// Status is the HTTP status. 0 means the status that the service gives
	// to errors of this type, which is 400 for most.
	Status int

	// ReasonCode is a member that only InvalidParameterException has.
	ReasonCode string

	// capital: some layers of the service name the message "Message".
	capital bool
}

// Errorf returns an error of the given type, with the status that belongs to it.
func Errorf(typ, format string, args ...any) *Error {
	return &Error{Type: typ, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// An Exception is an error that a service model knows.
type Exception struct {
	Name   string
	Status int
}

// Limits on what an answer repeats of a request, so that a hostile request
// cannot have a large answer.
const (
	maxHeaderText = 1024 // of x-amzn-ErrorMessage
	maxEcho       = 512  // of one value, in bytes
	maxViolations = 32   // in one answer
)

// headerText makes s fit for a header: printable ASCII, of limited length.
func headerText(s string) string {
	if len(s) > maxHeaderText {
		s = s[:maxHeaderText]
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, s)
}
