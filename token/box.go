package token

import (
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

// A Box seals strings: without its key nobody can read or make one. It is made by
// [NewBox], prints as [redacted] and may be used by several goroutines.
//
// The cipher is AES-256-GCM with random nonces. Change the key before it has sealed 2³²
// strings, of both kinds together, after which two equal nonces are likely enough to
// matter. Sealing gives no order and no single use: an old string opens as well as a new
// one.
type Box struct{ aead cipher.AEAD }

// NewBox returns a Box for key, which has 32 bytes and is not kept.
func NewBox(key []byte) (*Box, error) {
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
	return &Box{aead}, nil
}

// Seal returns plain, encrypted, in base64url without padding. It opens only with the same
// bind, which is not in the string: the purpose, the pool, the user that it is meant for.
// A plain of more than 48 KiB less 28 bytes makes a string beyond [MaxLength], which Open
// refuses.
func (b *Box) Seal(plain, bind []byte) string {
	out := b.seal(plain, boundTo(bind))
	return base64.RawURLEncoding.EncodeToString(out)
}

// Open returns what Seal was given, if it was sealed under this key with this bind. The
// error is [ErrSealed] whatever is wrong.
func (b *Box) Open(s string, bind []byte) ([]byte, error) {
	if len(s) > MaxLength {
		return nil, ErrSealed
	}
	data, ok := decode(s, MaxLength)
	if !ok || len(data) < nonceSize+tagSize {
		return nil, ErrSealed
	}
	return b.open(data[:nonceSize], data[nonceSize:], boundTo(bind))
}

// SealJWE returns plain as a compact JWE (RFC 7516) with the header
// {"cty":"JWT","enc":"A256GCM","alg":"dir"}, which any JOSE library that has the key can
// open. Otherwise it is as Seal.
func (b *Box) SealJWE(plain []byte) string {
	enc := base64.RawURLEncoding
	out := b.seal(plain, []byte(jweHeader))
	end := len(out) - tagSize
	return jweHeader + ".." + enc.EncodeToString(out[:nonceSize]) + "." +
		enc.EncodeToString(out[nonceSize:end]) + "." + enc.EncodeToString(out[end:])
}

// OpenJWE returns what SealJWE was given. It takes exactly the header that SealJWE writes,
// so that no other algorithm and no compression comes into play. The error is [ErrSealed]
// whatever is wrong.
func (b *Box) OpenJWE(s string) ([]byte, error) {
	rest, ok := strings.CutPrefix(s, jweHeader+"..")
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
	return b.open(nonce, append(text, tag...), []byte(jweHeader))
}

// Format prints [redacted] for every verb.
func (b Box) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// seal returns nonce, ciphertext and tag.
func (b *Box) seal(plain, data []byte) []byte {
	out := make([]byte, nonceSize, nonceSize+len(plain)+tagSize)
	_, _ = rand.Read(out) // never fails: it would end the process instead
	return b.aead.Seal(out, out, plain, data)
}

func (b *Box) open(nonce, text, data []byte) ([]byte, error) {
	plain, err := b.aead.Open(nil, nonce, text, data)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// boundTo keeps sealed strings and JWEs apart, whatever bind is.
func boundTo(bind []byte) []byte {
	return append([]byte("sealed\x00"), bind...)
}
