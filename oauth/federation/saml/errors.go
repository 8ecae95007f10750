package saml

import (
	"errors"
	"fmt"

	crewjam "github.com/crewjam/saml"
)

// The reasons to refuse a message. Each error of [Provider.Response], [Provider.Unsolicited] and
// [Provider.LogoutResponse] is one of them, by [errors.Is]. The texts are for logs: they may quote the message.
var (
	// ErrMalformed is of a message that cannot be read, is too large, or has a shape that is not accepted.
	ErrMalformed = errors.New("saml: the message is malformed")
	// ErrSignature is of a message that no key of the identity provider has signed, or not with an accepted algorithm.
	ErrSignature = errors.New("saml: the signature is invalid")
	// ErrStatus is of a response that says that the sign-in or sign-out failed. The error is a [*StatusError].
	ErrStatus = errors.New("saml: the identity provider reports an error")
	// ErrIssuer is of a message by another identity provider.
	ErrIssuer = errors.New("saml: the message is by another issuer")
	// ErrAudience is of an assertion for another service provider, or for nobody in particular.
	ErrAudience = errors.New("saml: the assertion is for another audience")
	// ErrRecipient is of a message that was sent to another URL.
	ErrRecipient = errors.New("saml: the message is for another recipient")
	// ErrRequest is of a message that answers another request, or none where one is needed.
	ErrRequest = errors.New("saml: the message answers another request")
	// ErrTime is of a message that is too old, or not valid yet.
	ErrTime = errors.New("saml: the message is not valid at this time")
	// ErrEncryption is of an assertion that cannot be decrypted, or is not encrypted where it must be.
	ErrEncryption = errors.New("saml: the assertion is not encrypted as it must be")
	// ErrContent is of an assertion that says nothing of use: no NameID, or characters that are not accepted.
	ErrContent = errors.New("saml: the content of the assertion is not accepted")
	// ErrUnsolicited is of a response without a request, where the provider is not set to accept it.
	ErrUnsolicited = errors.New("saml: responses without a request are not accepted")
	// ErrConfig is of a [Config] that [New] does not accept.
	ErrConfig = errors.New("saml: the configuration is invalid")
	// ErrNoLogout is of a sign-out at a provider without IDPSignout, or whose metadata has no place for it.
	ErrNoLogout = errors.New("saml: the identity provider takes no sign-out")
)

// A StatusError says why the identity provider refused. It is [ErrStatus].
type StatusError struct {
	// Code is the innermost status code, a URI such as urn:oasis:names:tc:SAML:2.0:status:RequestDenied. It is
	// what the message says, unsigned perhaps: at most 200 letters, digits and characters of a URI, or else empty.
	Code string
}

// Error returns the code.
func (e *StatusError) Error() string { return ErrStatus.Error() + ": " + e.Code }

// Unwrap returns [ErrStatus].
func (e *StatusError) Unwrap() error { return ErrStatus }

// A MetadataError says why a metadata document is not accepted.
type MetadataError struct {
	// Text is a sentence for the administrator.
	Text string
}

// Error returns the text.
func (e *MetadataError) Error() string { return "saml: metadata: " + e.Text }

// reasons maps the reasons of the library to ours.
var reasons = []struct{ theirs, ours error }{
	{crewjam.ErrInvalidSignature, ErrSignature},
	{crewjam.ErrIssuerMismatch, ErrIssuer},
	{crewjam.ErrAudienceMismatch, ErrAudience},
	{crewjam.ErrDestinationMismatch, ErrRecipient},
	{crewjam.ErrRequestIDMismatch, ErrRequest},
	{crewjam.ErrExpired, ErrTime},
	{crewjam.ErrNotYetValid, ErrTime},
}

// translate returns err of the library as one of our reasons, and whether it is a reason that the library names.
func translate(err error) (reason error, known bool) {
	for _, own := range []error{ErrMalformed, ErrSignature, ErrEncryption} { // of our verifier, which the library calls
		if errors.Is(err, own) {
			return err, true
		}
	}
	if errors.Is(err, crewjam.ErrDecryptionFailed) {
		return ErrEncryption, true // and not why: it is for nobody to know
	}
	for _, r := range reasons {
		if errors.Is(err, r.theirs) {
			return fmt.Errorf("%w: %w", r.ours, private(err)), true
		}
	}
	return fmt.Errorf("%w: %w", ErrMalformed, private(err)), false
}

// private returns what the library says in private. In public it says that authentication failed.
func private(err error) error {
	var invalid *crewjam.InvalidResponseError
	if errors.As(err, &invalid) {
		return invalid.PrivateErr
	}
	return err
}
