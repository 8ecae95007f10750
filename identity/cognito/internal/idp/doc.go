// Package idp is the wire of user pools (cognito-idp), generated from the model
// of the service. Begin with [Handlers], which is served by way of [Service].
//
// A member that a request leaves out is nil, and so is one that an answer is to
// leave out; a list that is empty but not nil is an empty list.
package idp

//go:generate go run ../gen cognito-idp
