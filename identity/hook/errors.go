package hook

import "errors"

// What the error of a hook means for the caller:
//
//   - A [*RefusalError] is the answer of the operator. The caller is told its reason.
//   - A [*FailureError] says that a function could not be called. The caller is told its name.
//   - [ErrInvalidDecision] says that the answer of a function makes no sense.
//   - Of any other error, and of a panic, the caller is told only that the hook failed. The
//     engine logs it.
//
// In each case the flow stops, and what it would have changed stays as it was. Where
// a hook runs after a change, as [PostConfirmation] does, its doc says so.

// ErrInvalidDecision is returned if the decision of a hook makes no sense, such as a message
// without a code.
var ErrInvalidDecision = errors.New("hook: the decision is invalid")

// A RefusalError is the error by which a hook refuses a call. Make one with [Refuse].
type RefusalError struct {
	Reason string // shown to the caller, such as "Invalid email domain"; without secrets
}

// Refuse returns the error by which a hook refuses a call. reason is shown to the caller, so
// it should say what to do, and must not disclose a secret.
func Refuse(reason string) error { return &RefusalError{reason} }

// Error returns the reason.
func (e *RefusalError) Error() string { return e.Reason }

// A FailureError is the error of a hook that could not call its function.
type FailureError struct {
	// Name is shown to the caller, such as ResourceNotFoundException. Empty means that the
	// function did not answer in time.
	Name string
	// Err is what happened. It is logged, and not shown to the caller. It may be nil.
	Err error
}

// Error says what happened.
func (e *FailureError) Error() string {
	text := "the function of the hook failed"
	switch {
	case e.Name != "":
		text += ": " + e.Name
	case e.Err == nil:
		return "the function of the hook did not answer in time"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *FailureError) Unwrap() error { return e.Err }
