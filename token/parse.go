package token

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// maxHeader is the maximum length of an encoded header in bytes. A header with the longest
// key id and white space fits easily.
const maxHeader = 512

// maxSignature is the maximum length of an encoded signature in bytes.
const maxSignature = (maxModulus/8*4 + 2) / 3

// spare is space behind a token for its decoded signature, if the signature has a common
// size.
const spare = 256

// strict64 rejects padding and unused bits. It ignores line breaks, so [Parse] looks for
// those first.
var strict64 = base64.RawURLEncoding.Strict()

// A Parsed is a well-formed token whose signature has not been verified. Everything in it
// may be forged.
type Parsed struct {
	signed    []byte // the encoded header and payload
	signature []byte
	keyID     string
	alg       Algorithm
	claims    Claims
}

// Parse reads a token as the package documentation describes it. It does not verify the
// signature. The error is [ErrMalformed], or [ErrSignature] for a token with an algorithm
// that this package does not support.
func Parse(raw string) (*Parsed, error) { return parse(raw, form{typ: "JWT"}) }

// ParseAs is Parse for a token of another kind, such as one that [Key.SignAs] made: its header
// must have this typ.
func ParseAs(typ, raw string) (*Parsed, error) { return parse(raw, form{typ: typ, must: true}) }

// ParseForeign is Parse for an ID token of another OpenID provider. It ignores members of the header that it does not know, such as the
// x5t of Microsoft Entra ID, as RFC 7515, section 4, has it. It refuses those that bring a key, say where one is, or change the
// rules: jku, jwk, x5u, x5c, crit, b64, zip and enc. typ is "JWT" in any case of letters. Of the claims it reads iss, sub, aud,
// exp, nbf, iat and jti, and leaves the rest to the caller, in Raw. The Audience of a token for several is the first of them.
func ParseForeign(raw string) (*Parsed, error) { return parse(raw, form{typ: "JWT", foreign: true}) }

// A form says which tokens parse takes.
type form struct {
	typ     string // the only typ that a header may have
	must    bool   // the header has to have it
	foreign bool   // see ParseForeign
}

func parse(raw string, f form) (*Parsed, error) {
	if len(raw) > MaxLength {
		return nil, fmt.Errorf("%w: too long", ErrMalformed)
	}
	if breaksLine(raw) {
		return nil, fmt.Errorf("%w: line break", ErrMalformed)
	}
	b := append(make([]byte, 0, len(raw)+spare), raw...)
	first, last := bytes.IndexByte(b, '.'), bytes.LastIndexByte(b, '.')
	if first < 0 || first == last || bytes.IndexByte(b[first+1:last], '.') >= 0 {
		return nil, fmt.Errorf("%w: not three parts", ErrMalformed)
	}
	p := &Parsed{signed: b[:last]}
	if err := p.readHeader(b[:first], f); err != nil {
		return nil, err
	}
	var ok bool
	if p.signature, ok = appendDecoded(b[len(b):], b[last+1:], maxSignature); !ok || len(p.signature) == 0 {
		return nil, fmt.Errorf("%w: signature is not base64url", ErrMalformed)
	}
	if p.claims.Raw, ok = appendDecoded(nil, b[first+1:last], MaxLength); !ok {
		return nil, fmt.Errorf("%w: claims are not base64url", ErrMalformed)
	}
	if err := p.claims.read(string(p.claims.Raw), f.foreign); err != nil {
		return nil, err
	}
	return p, nil
}

// KeyID returns the kid of the header. It is never empty.
func (p *Parsed) KeyID() string { return p.keyID }

// Algorithm returns the alg of the header, one of those of this package.
func (p *Parsed) Algorithm() Algorithm { return p.alg }

// UnverifiedClaims returns the claims of the token, which may be forged. Use them only to
// find the issuer whose key must verify the token. The claims belong to p.
func (p *Parsed) UnverifiedClaims() *Claims { return &p.claims }

// Verify verifies the signature, and nothing else, and returns the claims, which the caller
// may change. The error is [ErrUnknownKey] if the token names another key, and
// [ErrSignature] if its algorithm is not the key's or the signature does not verify.
func (p *Parsed) Verify(key PublicKey) (*Claims, error) {
	if p.keyID != key.ID() {
		return nil, fmt.Errorf("%w: not the key that the token names", ErrUnknownKey)
	}
	if p.alg != key.Algorithm() {
		return nil, fmt.Errorf("%w: algorithm is not the key's", ErrSignature)
	}
	if !key.verify(p.signed, p.signature) {
		return nil, ErrSignature
	}
	return &p.claims, nil
}

func (p *Parsed) readHeader(encoded []byte, f form) error {
	var text [maxHeader]byte
	header, ok := appendDecoded(text[:0], encoded, maxHeader)
	if !ok {
		return fmt.Errorf("%w: header is too long or not base64url", ErrMalformed)
	}
	var room [4]member
	members, err := readObject(string(header), room[:0])
	if err != nil {
		return fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	var alg string
	typed := false
	for _, m := range members {
		if f.foreign && ignored(m.name) {
			continue
		}
		value, ok := readString(m.value)
		switch {
		case !ok:
			return fmt.Errorf("%w: header: not a string", ErrMalformed)
		case m.name == "alg":
			alg = value
		case m.name == "kid":
			p.keyID = value
		case m.name == "typ" && (value == f.typ || f.foreign && strings.EqualFold(value, f.typ)):
			typed = true
		default:
			return fmt.Errorf("%w: header: a member that is not accepted", ErrMalformed)
		}
	}
	if f.must && !typed {
		return fmt.Errorf("%w: header: typ", ErrMalformed)
	}
	if !validKeyID(p.keyID) {
		return fmt.Errorf("%w: header: kid", ErrMalformed)
	}
	switch p.alg = Algorithm(alg); p.alg {
	case RS256, RS512, ES256, EdDSA:
		return nil
	}
	return errAlgorithm
}

var errAlgorithm = fmt.Errorf("%w: algorithm is not accepted", ErrSignature)

// decode decodes s, in canonical base64url, if the result has 1 to limit bytes.
func decode(s string, limit int) ([]byte, bool) {
	if breaksLine(s) {
		return nil, false
	}
	out, ok := appendDecoded(nil, []byte(s), strict64.EncodedLen(limit))
	return out, ok && len(out) > 0
}

// breaksLine reports whether s has a line break. It calls IndexByte twice, because
// ContainsAny costs half a microsecond.
func breaksLine(s string) bool {
	return strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0
}

// appendDecoded decodes at most limit bytes of base64url without line breaks.
func appendDecoded(dst, encoded []byte, limit int) ([]byte, bool) {
	if len(encoded) > limit {
		return nil, false
	}
	dst, err := strict64.AppendDecode(dst, encoded)
	return dst, err == nil
}

// ignored reports whether a member of a foreign token's header says nothing that counts here.
func ignored(name string) bool {
	switch name {
	case "alg", "kid", "typ", "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip", "enc":
		return false
	}
	return true
}
