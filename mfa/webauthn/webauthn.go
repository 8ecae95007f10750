// Package webauthn verifies passkeys: what browsers and authenticators answer to
// navigator.credentials.create and navigator.credentials.get. It knows no user and no store.
//
// A program has a [Party]. To register a passkey, it sends [Party.Creation] to the browser, reads
// the answer with [ParseRegistration], and gives it to [Party.Register], which returns a [Credential] to store. To sign a user in,
// it sends [Party.Request], reads the answer with [ParseAssertion], finds the credential by its id, and
// calls [Party.Verify]. Each ceremony begins with a challenge of its own, made by [NewChallenge].
//
// What the browser sends and signs is JSON and CBOR. The package
// github.com/go-webauthn/webauthn/protocol parses both and verifies signatures. This package decides what is
// accepted.
//
// # What the caller does
//
//   - It uses a challenge once, for one user, and for minutes only.
//   - It refuses a credential whose id any user has already.
//   - It stores the counter and the flags that [Party.Verify] returns, in the transaction that lets the user in.
//   - It compares [Assertion.UserHandle] with the user whom the sign-in is for. If the request named no
//     credentials, the handle says who the user is.
//
// # Attestation
//
// An authenticator can prove its make by an attestation. This package asks for none. It accepts no
// attestation, and self attestation, which browsers pass on unasked and which is verified. Any other is refused.
package webauthn

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The algorithms of keys, by their numbers in the registry of COSE.
const (
	ES256 Algorithm = -7   // ECDSA with P-256 and SHA-256
	EdDSA Algorithm = -8   // Ed25519
	RS256 Algorithm = -257 // RSA PKCS#1 v1.5 with SHA-256, of 2048 to 4096 bits
)

// The limits of what is accepted.
const (
	MinChallenge    = 16       // bytes of a challenge
	MaxCredentialID = 1023     // bytes of the id of a credential
	MaxAnswer       = 64 << 10 // bytes of an answer
	challengeSize   = 32
)

// An Algorithm is a kind of key and of signature: [ES256], [EdDSA] or [RS256].
type Algorithm int

// Verification says whether the authenticator must verify the user, by a PIN or a fingerprint. The
// zero value is [Preferred].
type Verification string

// The kinds of user verification.
const (
	Preferred Verification = "preferred" // the authenticator verifies the user if it can
	Required  Verification = "required"  // an answer without verification is refused
)

// A Party is the relying party: the site that passkeys are made for. It must not change while it is in use.
type Party struct {
	// ID is the domain that passkeys are bound to, such as example.com. Required.
	ID string
	// Name is shown by some authenticators. Defaults to ID.
	Name string
	// Origins are the origins of pages and apps that may use the passkeys. Required. Each is one of:
	//
	//   - an exact origin, such as https://example.com, https://example.com:8443 or
	//     android:apk-key-hash:...
	//   - https://*.example.com, all sub-domains of example.com on port 443, and not example.com itself
	//   - http://localhost:*, this host on any port
	Origins []string
	// Verification says whether the user must be verified. Defaults to [Preferred].
	Verification Verification
	// Algorithms are the kinds of keys that are accepted, the best first. Defaults to [ES256] and [RS256].
	Algorithms []Algorithm
}

// A User is the account that a passkey is made for, as the authenticator stores and shows it.
type User struct {
	ID          []byte // 1 to 64 bytes that never change and say nothing about the user; see [Assertion.UserHandle]
	Name        string // tells accounts apart, such as an address
	DisplayName string // for people
}

// A Descriptor names a credential.
type Descriptor struct {
	ID         []byte   // of the credential
	Transports []string // how the authenticator can be reached; may be empty
}

// NewChallenge returns a challenge of 32 random bytes. random defaults to the system's.
func NewChallenge(random io.Reader) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	challenge := make([]byte, challengeSize)
	if _, err := io.ReadFull(random, challenge); err != nil {
		return nil, fmt.Errorf("webauthn: %w", err)
	}
	return challenge, nil
}

// Creation returns what PublicKeyCredential.parseCreationOptionsFromJSON takes: the options to register a
// passkey. The user's other credentials are in exclude, so that an authenticator makes no second one.
func (p *Party) Creation(u User, challenge []byte, exclude []Descriptor, timeout time.Duration) CreationOptions {
	o := CreationOptions{
		AuthenticatorSelection: selection{RequireResidentKey: true, ResidentKey: "required", UserVerification: p.verification()},
		Challenge:              encode(challenge),
		ExcludeCredentials:     descriptors(exclude),
		RP:                     entity{ID: p.ID, Name: p.name()},
		Timeout:                timeout.Milliseconds(),
		User:                   account{DisplayName: u.DisplayName, ID: encode(u.ID), Name: u.Name},
	}
	for _, a := range p.algorithms() {
		o.PubKeyCredParams = append(o.PubKeyCredParams, parameter{Alg: a, Type: publicKey})
	}
	return o
}

// Request returns what PublicKeyCredential.parseRequestOptionsFromJSON takes: the options to sign in. If
// allow is empty, the user chooses among all passkeys that the authenticator has for the party.
func (p *Party) Request(challenge []byte, allow []Descriptor, timeout time.Duration) RequestOptions {
	return RequestOptions{
		AllowCredentials: descriptors(allow),
		Challenge:        encode(challenge),
		RPID:             p.ID,
		Timeout:          timeout.Milliseconds(),
		UserVerification: p.verification(),
	}
}

// CreationOptions are the options of a registration. They are encoded as JSON and not read.
type CreationOptions struct {
	AuthenticatorSelection selection    `json:"authenticatorSelection"` // a passkey that the authenticator finds by itself
	Challenge              string       `json:"challenge"`              // base64url
	ExcludeCredentials     []descriptor `json:"excludeCredentials"`     // those that the user has; never null
	PubKeyCredParams       []parameter  `json:"pubKeyCredParams"`       // the algorithms, the best first
	RP                     entity       `json:"rp"`                     // the relying party
	Timeout                int64        `json:"timeout"`                // milliseconds
	User                   account      `json:"user"`                   // the account
}

// RequestOptions are the options of a sign-in. They are encoded as JSON and not read.
type RequestOptions struct {
	AllowCredentials []descriptor `json:"allowCredentials"` // those that may answer, or all if it is empty; never null
	Challenge        string       `json:"challenge"`        // base64url
	RPID             string       `json:"rpId"`             // [Party].ID
	Timeout          int64        `json:"timeout"`          // milliseconds
	UserVerification Verification `json:"userVerification"` // of the party
}

const publicKey = "public-key"

type (
	selection struct {
		RequireResidentKey bool         `json:"requireResidentKey"`
		ResidentKey        string       `json:"residentKey"`
		UserVerification   Verification `json:"userVerification"`
	}
	descriptor struct {
		ID         string   `json:"id"`
		Transports []string `json:"transports,omitempty"`
		Type       string   `json:"type"`
	}
	parameter struct {
		Alg  Algorithm `json:"alg"`
		Type string    `json:"type"`
	}
	entity struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	account struct {
		DisplayName string `json:"displayName"`
		ID          string `json:"id"`
		Name        string `json:"name"`
	}
)

func descriptors(in []Descriptor) []descriptor {
	out := make([]descriptor, len(in)) // never nil: clients of the service read the member without asking whether it is there
	for i, d := range in {
		out[i] = descriptor{ID: encode(d.ID), Transports: d.Transports, Type: publicKey}
	}
	return out
}

func (p *Party) verification() Verification {
	if p.Verification == "" {
		return Preferred
	}
	return p.Verification
}

// verifies reports whether an answer without verification of the user is refused. For a kind that there is not, it is.
func (p *Party) verifies() bool { return p.verification() != Preferred }

func (p *Party) name() string {
	if p.Name == "" {
		return p.ID
	}
	return p.Name
}

func (p *Party) algorithms() []Algorithm {
	if len(p.Algorithms) == 0 {
		return []Algorithm{ES256, RS256}
	}
	return p.Algorithms
}

// allows reports whether an origin is one of the party's. Origins are compared byte by
// byte: browsers send them in one form.
func (p *Party) allows(origin string) bool {
	return slices.ContainsFunc(p.Origins, func(pattern string) bool { return matches(pattern, origin) })
}

func matches(pattern, origin string) bool {
	if domain, ok := strings.CutPrefix(pattern, "https://*."); ok {
		host, https := strings.CutPrefix(origin, "https://")
		sub, below := strings.CutSuffix(host, "."+domain)
		return https && below && isDomain(sub)
	}
	if host, ok := strings.CutSuffix(pattern, ":*"); ok {
		port, same := strings.CutPrefix(origin, host+":")
		return origin == host || same && isPort(port)
	}
	return pattern == origin
}

// isDomain reports whether s is labels of lower-case letters, digits and hyphens.
func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

func isPort(s string) bool {
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
