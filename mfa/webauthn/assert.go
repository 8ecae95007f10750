package webauthn

import (
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
)

// An Assertion is a browser's answer to [Party.Request]. Nothing in it is verified before [Party.Verify] has accepted it.
type Assertion struct {
	parsed *protocol.ParsedCredentialAssertionData
}

// ParseAssertion reads an answer, the JSON of PublicKeyCredential.toJSON. It verifies nothing.
func ParseAssertion(answer []byte) (*Assertion, error) {
	if len(answer) > MaxAnswer {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxAnswer)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(parsed.RawID) > MaxCredentialID {
		return nil, fmt.Errorf("%w: an id of more than %d bytes", ErrMalformed, MaxCredentialID)
	}
	return &Assertion{parsed}, nil
}

// ID returns the id of the credential that the answer says it is by.
func (a *Assertion) ID() []byte { return a.parsed.RawID }

// UserHandle returns the [User].ID that the credential was made for, or nil if the authenticator did not say. It
// says so if the request named no credentials.
func (a *Assertion) UserHandle() []byte { return a.parsed.Response.UserHandle }

// Verify verifies an answer. challenge is the one of the options, of at least [MinChallenge] bytes, and c
// the stored credential with the id [Assertion.ID]. Verify returns the new state of the credential, which the caller stores
// before it lets the user in.
func (p *Party) Verify(a *Assertion, challenge []byte, c *Credential) (State, error) {
	data := &a.parsed.Response.AuthenticatorData
	if string(a.ID()) != string(c.ID) {
		return State{}, fmt.Errorf("%w: the answer is by another credential", ErrSignature)
	}
	if err := p.check(&a.parsed.Response.CollectedClientData, protocol.AssertCeremony, data, challenge); err != nil {
		return State{}, err
	}
	next := stateOf(data)
	origin := []string{a.parsed.Response.CollectedClientData.Origin} // it was checked
	// What is compared with the stored credential comes after the signature: whoever does not have the key learns nothing of it.
	err := a.parsed.Verify(encode(challenge), p.ID, "", origin, origin, nil, protocol.TopOriginExplicitVerificationMode,
		false, p.verifies(), true, c.PublicKey, protocol.SignaturePolicy{})
	if err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if next.BackupEligible != c.BackupEligible {
		return State{}, fmt.Errorf("%w: the eligibility for backup has changed", ErrBackup)
	}
	if !grew(c.Counter, next.Counter) {
		return State{}, fmt.Errorf("%w: from %d to %d", ErrCounter, c.Counter, next.Counter)
	}
	return next, nil
}

// grew reports whether a counter grew. An authenticator that does not count says 0 each time.
func grew(last, next uint32) bool { return last == 0 && next == 0 || next > last }
