package webauthn

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// A Credential is a registered passkey. It has no secret: the private key never leaves the authenticator.
type Credential struct {
	ID        []byte    // 1 to [MaxCredentialID] bytes, chosen by the authenticator
	PublicKey []byte    // COSE_Key of RFC 9052, in the canonical form
	Algorithm Algorithm // of the key
	AAGUID    [16]byte  // the make of the authenticator, as it says itself; zero if it does not say
	// Attachment says how the authenticator was attached at the registration: "platform",
	// "cross-platform" or "" if the browser did not say.
	Attachment string
	Transports []string // how the authenticator can be reached, such as "internal" and "hybrid"
	State
}

// State is what changes with each use of a credential.
type State struct {
	Counter uint32 // of signatures; 0 if the authenticator does not count
	// BackupEligible reports whether the credential may be on several devices. It never changes.
	BackupEligible bool
	BackedUp       bool // the credential is on several devices, or in a backup
	Verified       bool // the authenticator verified the user, by a PIN or a fingerprint
}

// What is kept of the transports that a browser names.
const (
	maxTransports = 8
	maxTransport  = 32
)

// A Registration is a browser's answer to [Party.Creation]. Nothing in it is verified before [Party.Register] has accepted it.
type Registration struct {
	parsed *protocol.ParsedCredentialCreationData
}

// ParseRegistration reads an answer, the JSON of PublicKeyCredential.toJSON. It verifies nothing.
func ParseRegistration(answer []byte) (*Registration, error) {
	if len(answer) > MaxAnswer {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrMalformed, MaxAnswer)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return &Registration{parsed}, nil
}

// Challenge returns the challenge that the answer says it is to, or nil if it is malformed. Whoever makes the answer
// chooses it, so the caller checks that it is one of its own.
func (r *Registration) Challenge() []byte {
	challenge, err := base64.RawURLEncoding.DecodeString(r.parsed.Response.CollectedClientData.Challenge)
	if err != nil {
		return nil
	}
	return challenge
}

// Register verifies an answer and returns the new credential. challenge is the one of the options, of at least
// [MinChallenge] bytes.
func (p *Party) Register(r *Registration, challenge []byte) (*Credential, error) {
	object := &r.parsed.Response.AttestationObject
	err := p.check(&r.parsed.Response.CollectedClientData, protocol.CreateCeremony, &object.AuthData, challenge)
	if err != nil {
		return nil, err
	}
	algorithm, err := p.checkKey(object.AuthData.AttData.CredentialPublicKey)
	if err != nil {
		return nil, err
	}
	if err := checkAttestation(object); err != nil {
		return nil, err
	}
	if err := p.verifyCreation(r.parsed, challenge); err != nil {
		return nil, err
	}
	return credentialOf(r.parsed, algorithm), nil
}

// check checks what a registration and a sign-in have in common: what the browser and the authenticator say
// about the ceremony.
func (p *Party) check(c *protocol.CollectedClientData, ceremony protocol.CeremonyType, a *protocol.AuthenticatorData, challenge []byte) error {
	party := sha256.Sum256([]byte(p.ID))
	switch {
	case p.ID == "" || len(challenge) < MinChallenge: // the caller's mistake
		return fmt.Errorf("%w: no relying party, or a challenge of less than %d bytes", ErrMalformed, MinChallenge)
	case c.Type != ceremony:
		return fmt.Errorf("%w: %q", ErrCeremony, c.Type)
	case subtle.ConstantTimeCompare([]byte(c.Challenge), []byte(encode(challenge))) != 1:
		return ErrChallenge
	case !p.allows(c.Origin):
		return fmt.Errorf("%w: %q", ErrOrigin, c.Origin)
	case c.CrossOrigin || c.TopOrigin != "":
		return fmt.Errorf("%w: a page within a page of another origin", ErrOrigin)
	case subtle.ConstantTimeCompare(a.RPIDHash, party[:]) != 1:
		return ErrParty
	case !a.Flags.HasUserPresent():
		return ErrPresence
	case p.verifies() && !a.Flags.HasUserVerified():
		return ErrVerification
	case a.Flags.HasBackupState() && !a.Flags.HasBackupEligible():
		return fmt.Errorf("%w: backed up, and not eligible for backup", ErrBackup)
	}
	return nil
}

// Check returns an error if the credential is none that [Party.Register] returns: for those that come from elsewhere.
func (c *Credential) Check() error {
	p := &Party{Algorithms: []Algorithm{ES256, EdDSA, RS256}}
	got, err := p.checkKey(c.PublicKey)
	if err != nil {
		return err
	}
	if got != c.Algorithm || len(c.ID) == 0 || len(c.ID) > MaxCredentialID || slices.ContainsFunc(c.Transports, func(t string) bool { return !isTransport(t) }) {
		return fmt.Errorf("%w: not as it was registered", ErrUnsupported)
	}
	return nil
}

// checkKey returns the algorithm of a key, which must be one of the party's. The parser checks the point of
// an elliptic curve. A modulus has no upper limit there, and a long one takes seconds for each signature.
func (p *Party) checkKey(encoded []byte) (Algorithm, error) {
	parsed, err := webauthncose.ParsePublicKey(encoded)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	var algorithm int64
	switch key := parsed.(type) {
	case webauthncose.EC2PublicKeyData:
		algorithm = key.Algorithm
	case webauthncose.OKPPublicKeyData:
		algorithm = key.Algorithm
	case webauthncose.RSAPublicKeyData:
		algorithm, err = key.Algorithm, checkRSA(&key)
	default:
		err = fmt.Errorf("%w: a key of type %T", ErrUnsupported, parsed)
	}
	if err == nil && !slices.Contains(p.algorithms(), Algorithm(algorithm)) {
		err = fmt.Errorf("%w: the algorithm %d", ErrUnsupported, algorithm)
	}
	return Algorithm(algorithm), err
}

func checkRSA(key *webauthncose.RSAPublicKeyData) error {
	e, err := webauthncose.ParseRSAPublicKeyDataExponent(key)
	n := key.Modulus
	if err != nil || e < 3 || e%2 == 0 || len(key.Exponent) > 4 || len(n) < 256 || len(n) > 512 || n[0] < 0x80 || n[len(n)-1]%2 == 0 {
		return fmt.Errorf("%w: an RSA key of %d bytes and the exponent %d", ErrUnsupported, len(n), e)
	}
	return nil
}

// checkAttestation accepts no attestation, and self attestation. The latter has no certificates.
func checkAttestation(object *protocol.AttestationObject) error {
	_, certified := object.AttStatement["x5c"]
	switch protocol.AttestationFormat(object.Format) {
	case protocol.AttestationFormatNone:
		return nil
	case protocol.AttestationFormatPacked:
		if !certified {
			return nil
		}
	}
	return fmt.Errorf("%w: an attestation of the format %q", ErrUnsupported, object.Format)
}

// verifyCreation has the library verify all of it again, and the signature of a self attestation.
func (p *Party) verifyCreation(parsed *protocol.ParsedCredentialCreationData, challenge []byte) error {
	origin := []string{parsed.Response.CollectedClientData.Origin} // it was checked
	params := make([]protocol.CredentialParameter, 0, len(p.algorithms()))
	for _, a := range p.algorithms() {
		params = append(params, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(a)})
	}
	_, err := parsed.Verify(encode(challenge), p.ID, origin, origin, nil, protocol.TopOriginExplicitVerificationMode,
		false, p.verifies(), true, nil, params, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

func credentialOf(parsed *protocol.ParsedCredentialCreationData, algorithm Algorithm) *Credential {
	data := &parsed.Response.AttestationObject.AuthData
	c := &Credential{
		ID: slices.Clone(data.AttData.CredentialID), PublicKey: slices.Clone(data.AttData.CredentialPublicKey),
		Algorithm: algorithm, AAGUID: [16]byte(data.AttData.AAGUID),
		Attachment: string(parsed.AuthenticatorAttachment), State: stateOf(data),
	}
	for _, t := range parsed.Response.Transports {
		if len(c.Transports) < maxTransports && isTransport(string(t)) && !slices.Contains(c.Transports, string(t)) {
			c.Transports = append(c.Transports, string(t))
		}
	}
	return c
}

// isTransport reports whether s has the form of a transport. Browsers may learn of new ones, and those are to be stored.
func isTransport(s string) bool {
	return s != "" && len(s) <= maxTransport && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

func stateOf(a *protocol.AuthenticatorData) State {
	return State{
		Counter: a.Counter, BackupEligible: a.Flags.HasBackupEligible(), BackedUp: a.Flags.HasBackupState(),
		Verified: a.Flags.HasUserVerified(),
	}
}
