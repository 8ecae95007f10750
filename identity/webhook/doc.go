// Package webhook fills [identity.Hooks] with calls to functions behind URLs. The events and the
// answers are those of the Lambda triggers of Amazon Cognito.
//
// Begin with [New]. There are two ways to call a function:
//
//   - [Caller.Target] calls the function that a pool's settings name for a trigger, by the
//     Invoke API of AWS Lambda, at any endpoint. Give it to identity.Options.Targets.
//   - [Caller.Hooks] posts the event to one URL, signed as by the Standard Webhooks. Give it
//     to identity.Options.Hooks or to identity.Options.PoolHooks.
//
// # What goes wrong
//
// A function refuses a call by an error: by its Lambda runtime, or by a status of 4xx with
// {"errorMessage": "the reason"}. The caller is told the reason. An answer that is not the event is
// [hook.ErrInvalidDecision]. A function that cannot be called is a [hook.FailureError]. In each case
// the flow stops: nothing fails open.
//
// # Bounds
//
// A call has a timeout, and few tries. The tries of one call have one id, so that a function can
// tell a repetition. Calls in flight are bounded by target, and by the source of the call that
// caused them, so that one stranger cannot use up a function. A target that does not answer in
// time again and again is left alone for a while.
//
// No body of an event or of an answer is logged, or is part of an error: they have passwords and codes.
package webhook
