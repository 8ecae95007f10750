// Package hook has the types of hooks: the [Call] that a hook runs in, an event
// for each hook point, and what a hook decides. Begin with [Event].
//
// A hook runs outside of any transaction, so it may take its time, and the user
// may have changed when the flow goes on. The zero value of each decision changes nothing.
package hook

import "net/netip"

// A Call says who makes a call, from where, and what came with it. The zero
// Call is valid: nothing is known. Its maps and slices must not be changed.
type Call struct {
	// RequestID names the request in logs and events. Empty means that the call has none.
	RequestID string
	// AccessKey is the id of the operator's access key that signed the call.
	// Empty means that the call was not signed, or that the program itself calls.
	AccessKey string
	// Address is the other end of the caller's connection, which may be a proxy's.
	// The zero value means that it is unknown.
	Address netip.Addr
	// UserAgent is what the caller's program says it is, empty if it says nothing.
	UserAgent string
	// ClientMetadata is passed on to hooks. The engine does not look at it.
	ClientMetadata map[string]string
	// ValidationData is passed on to the hooks that run before a sign-up, before
	// a sign-in and to migrate a user. The engine does not look at it.
	ValidationData map[string]string
	// Context is what the client tells about the device of the user, nil if nothing came.
	Context *ContextData
}

// ContextData is what a client tells about the device of its user. None of it is verified.
type ContextData struct {
	// Encoded is the opaque text that a client's library collects (EncodedData of UserContextData).
	Encoded string
	// Address is the address of the user as the client or the operator's
	// program gives it. The zero value means that it gives none, or a malformed one.
	Address netip.Addr
	// ServerName and ServerPath are of the operator's program (ContextData of AdminInitiateAuth).
	ServerName, ServerPath string
	// Headers are those of the user's request to the operator's program, in their order.
	Headers []Header
}

// A Header is one header of an HTTP request.
type Header struct {
	Name, Value string // the name and the value as they came
}
