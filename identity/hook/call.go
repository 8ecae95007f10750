// Package hook has the types of hooks: the [Call] that a hook runs in, an event for each
// hook point, and the decision that a hook returns. Begin with [Event].
//
// A program sets hooks in identity.Options, see identity.Hooks. The package identity/webhook
// calls functions behind URLs.
//
// A hook runs outside of any transaction, so it may be slow. The engine reads the user
// again after the hook, because the user may have changed meanwhile. The zero value of each
// decision changes nothing.
package hook

import "net/netip"

// A Call says who makes a call, from where, and with which data. The zero Call is valid and
// means that nothing is known. A hook must not change its maps and slices.
type Call struct {
	// RequestID names the request in logs and events. Empty means that the call has none.
	RequestID string
	// AccessKey is the id of the operator's access key that signed the call.
	// Empty means that the call was not signed, or that the program itself calls.
	AccessKey string
	// SystemUser is the user of the operating system who runs a command of an
	// operator, such as cognate user create. Empty means that it is no such command.
	SystemUser string
	// Address is the remote end of the connection, or what a trusted proxy says that it is.
	// The zero value means that the address is unknown. Budgets of guesses count by it, so
	// leave it zero rather than set it to the address of a proxy.
	Address netip.Addr
	// Device is what the user's browser brings in a cookie, or empty: a random text that nobody
	// can guess, of 128 bits or more. An account knows the devices that it was signed in to
	// from, and keeps some guesses for each. Limits by source count by the address all the same.
	Device string
	// UserAgent is the User-Agent of the caller's program, or empty.
	UserAgent string
	// ClientMetadata is passed on to hooks. The engine does not use it.
	ClientMetadata map[string]string
	// ValidationData is passed on to the hooks that run before a sign-up, before a sign-in
	// and to migrate a user. The engine does not use it.
	ValidationData map[string]string
	// Context is what the client reports about the user's device, or nil.
	Context *ContextData
}

// ContextData is what a client reports about the device of its user. None of it is
// verified.
type ContextData struct {
	// Encoded is the opaque text that the client's library collects (EncodedData of
	// UserContextData).
	Encoded string
	// Address is the address of the user as the client, or the operator's program, reports
	// it. The zero value means that the address is missing or malformed.
	Address netip.Addr
	// ServerName and ServerPath identify the operator's program (ContextData of
	// AdminInitiateAuth).
	ServerName, ServerPath string
	// Headers are the headers of the user's request to the operator's program, in order.
	Headers []Header
}

// A Header is one header of an HTTP request.
type Header struct {
	Name, Value string // the name and the value, unchanged
}
