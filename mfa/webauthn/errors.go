package webauthn

import "errors"

// The reasons to refuse an answer. Each error of [ParseRegistration], [Party.Register],
// [ParseAssertion] and [Party.Verify] is one of them, by [errors.Is].
var (
	// ErrMalformed is of an answer that cannot be read: JSON, base64, CBOR, or an id that the authenticator did not sign.
	ErrMalformed = errors.New("webauthn: the answer is malformed")
	// ErrCeremony is of an answer to the other ceremony: a sign-in in place of a registration, or the reverse.
	ErrCeremony = errors.New("webauthn: the answer belongs to another ceremony")
	// ErrChallenge is of an answer to another challenge.
	ErrChallenge = errors.New("webauthn: the answer is to another challenge")
	// ErrOrigin is of an answer from a page or an app that is not allowed, or from a page within one of another origin.
	ErrOrigin = errors.New("webauthn: the answer comes from an origin that is not allowed")
	// ErrParty is of an answer for another relying party.
	ErrParty = errors.New("webauthn: the answer is for another relying party")
	// ErrPresence is of an answer that nobody consented to at the authenticator.
	ErrPresence = errors.New("webauthn: the authenticator did not see the user")
	// ErrVerification is of an answer whose user the authenticator has not verified, although the party requires it.
	ErrVerification = errors.New("webauthn: the authenticator did not verify the user")
	// ErrUnsupported is of a credential with a key, or with an attestation, that is not accepted.
	ErrUnsupported = errors.New("webauthn: the credential is not supported")
	// ErrSignature is of a signature that is not by the key.
	ErrSignature = errors.New("webauthn: the signature is wrong")
	// ErrCounter is of a count of signatures that did not grow: there may be a copy of the key.
	ErrCounter = errors.New("webauthn: the count of signatures did not grow")
	// ErrBackup is of flags that contradict each other, or what the credential was registered with.
	ErrBackup = errors.New("webauthn: the flags of backup are inconsistent")
)
