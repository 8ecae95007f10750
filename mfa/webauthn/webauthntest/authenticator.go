// Package webauthntest is an authenticator and a browser for tests: it makes passkeys and signs in with them, without a
// device. It can also lie, as [Forgery] says.
//
//	var phone webauthntest.Authenticator
//	answer, err := phone.Create("https://example.com", options) // of navigator.credentials.create
//	answer, err = phone.Get("https://example.com", options)     // of navigator.credentials.get
//
// Options and answers are the JSON that PublicKeyCredential.parseCreationOptionsFromJSON and toJSON read and write. Unlike a browser,
// an Authenticator does not check that the origin may use the relying party's passkeys: that is what servers are tested for.
// Private keys are in memory, and are kept from nobody.
package webauthntest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// The errors of a browser.
var (
	// ErrExcluded is of a registration with an authenticator that has one of the excluded passkeys.
	ErrExcluded = errors.New("webauthntest: the authenticator has a passkey of the user already")
	// ErrNoPasskey is of a sign-in for which the authenticator has no passkey.
	ErrNoPasskey = errors.New("webauthntest: the authenticator has no passkey for the request")
	// ErrNoAlgorithm is of a registration with none of the authenticator's algorithms.
	ErrNoAlgorithm = errors.New("webauthntest: the authenticator has none of the algorithms")
)

// An Authenticator has passkeys. The zero value is a phone with a fingerprint sensor and without passkeys. Its methods are safe for
// concurrent use, its fields are not.
type Authenticator struct {
	// Algorithm of new keys: -7 for ES256, -8 for EdDSA, -257 for RS256. 0 is the first of the options.
	Algorithm int
	// Unverified has the authenticator see the user and not verify: it has neither a PIN nor a sensor.
	Unverified bool
	// Synced passkeys are backed up, and have no counter.
	Synced bool
	// Attested passkeys are registered with self attestation, which the authenticator signs with the new key.
	Attested bool
	// AAGUID is the make that the authenticator says it is. Zero is none.
	AAGUID [16]byte
	// IDSize is the length of the ids of new passkeys in bytes, up to 65535. 0 is 32.
	IDSize int
	// Forge changes an answer before it is signed. Nil changes nothing.
	Forge func(*Forgery)

	mu       sync.Mutex
	passkeys []*passkey
}

type passkey struct {
	id, user []byte
	party    string
	key      signer
	counter  uint32
	synced   bool
}

// A Forgery is an answer that is about to be signed.
type Forgery struct {
	ClientData map[string]any      // type, challenge, origin and crossOrigin, and whatever else is added
	RPID       string              // whose hash the authenticator signs
	Flags      byte                // UP 1, UV 4, BE 8, BS 16, AT 64, ED 128
	Counter    uint32              // of signatures
	ID         []byte              // of the passkey
	UserHandle []byte              // of an answer to a request
	PublicKey  []byte              // COSE_Key, of a registration
	AAGUID     [16]byte            // of a registration
	Format     string              // of the attestation: "none", or "packed" for self attestation
	Statement  []byte              // CBOR, of the attestation; nil is an empty map, or the signature of self attestation
	Trailing   []byte              // what follows the authenticator data
	After      []byte              // what follows the attestation object
	Signature  func([]byte) []byte // changes the signature of an answer to a request
}

// Create makes a passkey, as navigator.credentials.create does on a page of an origin. It returns
// the JSON of the answer.
func (a *Authenticator) Create(origin string, options []byte) ([]byte, error) {
	var o struct {
		RP        struct{ ID string }
		User      struct{ ID string }
		Challenge string
		Params    []struct{ Alg int } `json:"pubKeyCredParams"`
		Exclude   []named             `json:"excludeCredentials"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("webauthntest: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.find(o.RP.ID, o.Exclude) != nil {
		return nil, ErrExcluded
	}
	algorithm := a.Algorithm
	if algorithm == 0 && len(o.Params) > 0 {
		algorithm = o.Params[0].Alg
	}
	key, err := newSigner(algorithm)
	if err != nil {
		return nil, err
	}
	user, err := decode(o.User.ID)
	if err != nil {
		return nil, err
	}
	p := &passkey{id: randomBytes(a.idSize()), user: user, party: o.RP.ID, key: key, synced: a.Synced}
	f := a.forgery("webauthn.create", origin, o.Challenge, p)
	f.Flags |= 64
	f.PublicKey, f.Format, f.AAGUID = key.cose(), "none", a.AAGUID
	if a.Attested {
		f.Format = "packed"
	}
	if a.Forge != nil {
		a.Forge(f)
	}
	answer, err := f.created(key, a.attachment(), a.transports())
	if err != nil {
		return nil, err
	}
	p.id = f.ID
	a.passkeys = append(a.passkeys, p)
	return answer, nil
}

// Get signs in, as navigator.credentials.get does on a page of an origin. It uses the newest passkey that the request
// allows, and returns the JSON of the answer.
func (a *Authenticator) Get(origin string, options []byte) ([]byte, error) {
	var o struct {
		RPID      string
		Challenge string
		Allow     []named `json:"allowCredentials"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("webauthntest: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.find(o.RPID, o.Allow)
	if p == nil && len(o.Allow) == 0 {
		p = a.newest(o.RPID)
	}
	if p == nil {
		return nil, ErrNoPasskey
	}
	if !p.synced {
		p.counter++
	}
	f := a.forgery("webauthn.get", origin, o.Challenge, p)
	f.UserHandle = p.user
	if a.Forge != nil {
		a.Forge(f)
	}
	return f.asserted(p.key, a.attachment())
}

// Clone returns an authenticator with copies of the passkeys and of their counters, as a thief would have.
func (a *Authenticator) Clone() *Authenticator {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := &Authenticator{Algorithm: a.Algorithm, Unverified: a.Unverified, Synced: a.Synced, Attested: a.Attested, AAGUID: a.AAGUID, IDSize: a.IDSize, Forge: a.Forge}
	for _, p := range a.passkeys {
		same := *p
		c.passkeys = append(c.passkeys, &same)
	}
	return c
}

// Forget deletes all passkeys, as their user would.
func (a *Authenticator) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passkeys = nil
}

// Len returns the number of passkeys.
func (a *Authenticator) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.passkeys)
}

type named struct{ ID string }

// find returns the newest passkey for a party that is in a list.
func (a *Authenticator) find(party string, list []named) *passkey {
	for _, p := range slices.Backward(a.passkeys) {
		in := func(n named) bool { return n.ID == encode(p.id) }
		if p.party == party && slices.ContainsFunc(list, in) {
			return p
		}
	}
	return nil
}

func (a *Authenticator) newest(party string) *passkey {
	for _, p := range slices.Backward(a.passkeys) {
		if p.party == party {
			return p
		}
	}
	return nil
}

func (a *Authenticator) idSize() int {
	if a.IDSize == 0 {
		return 32
	}
	return a.IDSize
}

func (a *Authenticator) attachment() string {
	if a.Unverified {
		return "cross-platform" // a key without a PIN
	}
	return "platform"
}

func (a *Authenticator) transports() []string {
	if a.Unverified {
		return []string{"usb"}
	}
	return []string{"internal", "hybrid"}
}

func (a *Authenticator) forgery(kind, origin, challenge string, p *passkey) *Forgery {
	flags := byte(1)
	if !a.Unverified {
		flags |= 4
	}
	if p.synced {
		flags |= 8 | 16
	}
	return &Forgery{
		ClientData: map[string]any{"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false},
		RPID:       p.party, Flags: flags, Counter: p.counter, ID: p.id,
	}
}

// data is the authenticator data of section 6.1.
func (f *Forgery) data() []byte {
	hash := sha256.Sum256([]byte(f.RPID))
	out := binary.BigEndian.AppendUint32(append(hash[:], f.Flags), f.Counter)
	if f.Flags&64 != 0 {
		out = append(out, f.AAGUID[:]...)
		out = binary.BigEndian.AppendUint16(out, uint16(len(f.ID)))
		out = append(append(out, f.ID...), f.PublicKey...)
	}
	return append(out, f.Trailing...)
}

func (f *Forgery) created(key signer, attachment string, transports []string) ([]byte, error) {
	client, err := json.Marshal(f.ClientData)
	if err != nil {
		return nil, fmt.Errorf("webauthntest: %w", err)
	}
	data := f.data()
	statement, err := f.statement(key, data, client)
	if err != nil {
		return nil, err
	}
	object := slices.Concat(head(5, 3), text("fmt"), text(f.Format), text("attStmt"), statement,
		text("authData"), byteString(data), f.After)
	return f.answer(attachment, map[string]any{
		"clientDataJSON": encode(client), "attestationObject": encode(object), "authenticatorData": encode(data),
		"transports": transports,
	})
}

// statement is the attestation of section 8.
func (f *Forgery) statement(key signer, data, client []byte) ([]byte, error) {
	switch {
	case f.Statement != nil:
		return f.Statement, nil
	case f.Format != "packed":
		return head(5, 0), nil
	}
	signature, err := signed(key, data, client)
	if err != nil {
		return nil, err
	}
	return slices.Concat(head(5, 2), text("alg"), integer(key.algorithm()), text("sig"), byteString(signature)), nil
}

func signed(key signer, data, client []byte) ([]byte, error) {
	hash := sha256.Sum256(client)
	return key.sign(slices.Concat(data, hash[:]))
}

func (f *Forgery) asserted(key signer, attachment string) ([]byte, error) {
	client, err := json.Marshal(f.ClientData)
	if err != nil {
		return nil, fmt.Errorf("webauthntest: %w", err)
	}
	data := f.data()
	signature, err := signed(key, data, client)
	if err != nil {
		return nil, err
	}
	if f.Signature != nil {
		signature = f.Signature(signature)
	}
	response := map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature)}
	if f.UserHandle != nil {
		response["userHandle"] = encode(f.UserHandle)
	}
	return f.answer(attachment, response)
}

func (f *Forgery) answer(attachment string, response map[string]any) ([]byte, error) {
	out := map[string]any{
		"id": encode(f.ID), "rawId": encode(f.ID), "type": "public-key", "authenticatorAttachment": attachment,
		"clientExtensionResults": map[string]any{}, "response": maps.Clone(response),
	}
	return json.Marshal(out)
}

func randomBytes(n int) []byte {
	out := make([]byte, n)
	rand.Read(out) // never fails
	return out
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("webauthntest: %w", err)
	}
	return b, nil
}
