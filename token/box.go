package token

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

const (
	nonceSize = 12 // bytes
	tagSize   = 16 // bytes
)

// jweHeader is base64url of {"cty":"JWT","enc":"A256GCM","alg":"dir"}.
const jweHeader = "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0"

// boxIDSize is the length of the id of a box that has one, in bytes.
const boxIDSize = 8

// A Box seals strings. Without the key of the box it is not possible to read or make a
// sealed string. [NewBox] makes a Box. It prints as [redacted] and may be used by several
// goroutines.
//
// The cipher is AES-256-GCM with random nonces. Change the key before it has sealed 2³²
// strings, Seal and SealJWE together: beyond that, the same nonce may be used twice. A
// string stays valid for as long as the key is used, and opens any number of times.
type Box struct {
	aead   cipher.AEAD
	id     string // "" or boxIDSize bytes, at the beginning of each sealed string
	header string // of JWEs
}

// NewBox returns a Box for key, which must have 32 bytes. It does not keep key. Its strings
// do not name the key.
func NewBox(key []byte) (*Box, error) {
	return newBox("", jweHeader, key)
}

// NewNamedBox is like [NewBox]. The strings of the box name its key by id, which everybody
// can read, so that [Boxes] finds the key again. The id must have 8 characters, which are
// letters or digits of ASCII. It is the member kid in the header of JWEs.
func NewNamedBox(id string, key []byte) (*Box, error) {
	if len(id) != boxIDSize || strings.ContainsFunc(id, notAlnum) {
		return nil, fmt.Errorf("token: new box: the id must be %d letters and digits", boxIDSize)
	}
	header := `{"cty":"JWT","enc":"A256GCM","alg":"dir","kid":"` + id + `"}`
	return newBox(id, base64.RawURLEncoding.EncodeToString([]byte(header)), key)
}

func notAlnum(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

func newBox(id, header string, key []byte) (*Box, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("token: new box: key has %d bytes, not 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("token: new box: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("token: new box: %w", err)
	}
	return &Box{aead, id, header}, nil
}

// Seal encrypts plain and returns the result in base64url without padding. The string opens
// only with the same bind, which is not part of the string. Use bind to say what the string
// is for, such as a purpose, a pool and a user. plain must have at most 48 KiB less 28
// bytes, 36 if the box has an id, because Open refuses a string longer than [MaxLength].
func (b *Box) Seal(plain, bind []byte) string {
	return base64.RawURLEncoding.EncodeToString(b.seal(b.id, plain, boundTo(bind)))
}

// Open returns the plain text of a string that was sealed under this key with this bind.
// Otherwise it returns [ErrSealed].
func (b *Box) Open(s string, bind []byte) ([]byte, error) {
	if len(s) > MaxLength {
		return nil, ErrSealed
	}
	data, ok := decode(s, MaxLength)
	if !ok || !bytes.HasPrefix(data, []byte(b.id)) {
		return nil, ErrSealed
	}
	return b.openSealed(data[len(b.id):], bind)
}

// openSealed opens the bytes of a sealed string, without the id.
func (b *Box) openSealed(data, bind []byte) ([]byte, error) {
	if len(data) < nonceSize+tagSize {
		return nil, ErrSealed
	}
	return b.open(data[:nonceSize], data[nonceSize:], boundTo(bind))
}

// SealJWE returns plain as a compact JWE (RFC 7516) with the header
// {"cty":"JWT","enc":"A256GCM","alg":"dir"}, and the member kid if the box has an id. Any
// JOSE library that has the key can open it. Otherwise SealJWE is like Seal.
func (b *Box) SealJWE(plain []byte) string {
	enc := base64.RawURLEncoding
	out := b.seal("", plain, []byte(b.header))
	end := len(out) - tagSize
	return b.header + ".." + enc.EncodeToString(out[:nonceSize]) + "." +
		enc.EncodeToString(out[nonceSize:end]) + "." + enc.EncodeToString(out[end:])
}

// OpenJWE returns the plain text of a string made by SealJWE. It accepts exactly the header
// that SealJWE writes, so no other algorithm and no compression is ever used. Otherwise it
// returns [ErrSealed].
func (b *Box) OpenJWE(s string) ([]byte, error) {
	rest, ok := strings.CutPrefix(s, b.header+"..")
	if !ok || len(s) > MaxLength || strings.Count(rest, ".") != 2 {
		return nil, ErrSealed
	}
	parts := strings.Split(rest, ".")
	nonce, ok := decode(parts[0], nonceSize)
	if !ok || len(nonce) != nonceSize {
		return nil, ErrSealed
	}
	tag, ok := decode(parts[2], tagSize)
	if !ok || len(tag) != tagSize {
		return nil, ErrSealed
	}
	var text []byte
	if parts[1] != "" {
		if text, ok = decode(parts[1], MaxLength); !ok {
			return nil, ErrSealed
		}
	}
	return b.open(nonce, append(text, tag...), []byte(b.header))
}

// Format prints [redacted] for every verb.
func (b Box) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// seal returns prefix, nonce, ciphertext and tag.
func (b *Box) seal(prefix string, plain, data []byte) []byte {
	out := make([]byte, len(prefix)+nonceSize, len(prefix)+nonceSize+len(plain)+tagSize)
	nonce := out[copy(out, prefix):]
	_, _ = rand.Read(nonce) // never returns an error: a failure ends the process
	return b.aead.Seal(out, nonce, plain, data)
}

func (b *Box) open(nonce, text, data []byte) ([]byte, error) {
	plain, err := b.aead.Open(nil, nonce, text, data)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// boundTo keeps sealed strings and JWEs apart, for every value of bind.
func boundTo(bind []byte) []byte {
	return append([]byte("sealed\x00"), bind...)
}
