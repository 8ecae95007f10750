package mfa

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"unicode"
)

// Sizes of a secret in bytes. RFC 4226 (section 4, R6) wants at least 16, but
// apps and services with 10, which is 16 letters, are many. HMAC-SHA-1
// shortens whatever is longer than its block of 64.
const (
	newSize = 32
	minSize = 10
	maxSize = 64
)

const redacted = "[redacted]"

// ErrInvalidSecret is returned for a text that is no secret. It tells nothing
// of the text.
var ErrInvalidSecret = errors.New("mfa: secret is not base32 of 10 to 64 bytes")

var unpadded = base32.StdEncoding.WithPadding(base32.NoPadding)

// A Secret is the key that the server and the user's app share. It prints as
// [redacted] through fmt and log/slog; [Secret.Text] is what the user may see.
// In JSON it is base64, as any []byte. The zero Secret is none: it has no right
// codes. Methods do not change a Secret, and many goroutines may call them.
type Secret []byte

// NewSecret returns a fresh Secret of 32 bytes from crypto/rand.
func NewSecret() Secret {
	s := make(Secret, newSize)
	rand.Read(s)
	return s
}

// ParseSecret reads a Secret of 10 to 64 bytes in base32 (RFC 4648, section
// 6), as [Secret.Text] writes it and as users copy it: in upper or lower case,
// with white space anywhere, with any padding at the end or none. Bits of the
// last letter beyond the last byte are ignored, as apps do. The error is
// always [ErrInvalidSecret].
func ParseSecret(text string) (Secret, error) {
	text = strings.TrimRight(strings.Map(plain, text), "=")
	// The decoder that wants no padding drops letters in silence from a text
	// of a length that no bytes have; the one that wants it refuses.
	padding := strings.Repeat("=", -len(text)&7)
	s, err := base32.StdEncoding.DecodeString(text + padding)
	if err != nil || len(s) < minSize || len(s) > maxSize {
		return nil, ErrInvalidSecret
	}
	return s, nil
}

// plain drops white space and makes ASCII letters upper case. No others:
// strings.ToUpper would let a dotless i pass for an I.
func plain(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return -1
	case 'a' <= r && r <= 'z':
		return r - 'a' + 'A'
	}
	return r
}

// Text returns s in base32, in upper case and without padding: 52 letters and
// digits for the 32 bytes of [NewSecret]. This is the secret itself, for the
// eyes of its user.
func (s Secret) Text() string {
	return unpadded.EncodeToString(s)
}

// URI returns the secret as apps read it from a QR code, in Google's key URI
// format: otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=…&algorithm=SHA1&digits=6&period=30.
// It holds the secret, so it must not be logged.
//
// The issuer is the name of the service and the account what its user is
// called there; the app shows both, so neither should be empty. All but ASCII letters,
// digits and -_.~ is percent-encoded. The format has no way to write a colon in
// the issuer, so colons are left out there.
//
// See https://github.com/google/google-authenticator/wiki/Key-Uri-Format.
func (s Secret) URI(issuer, account string) string {
	issuer = escape(strings.ReplaceAll(issuer, ":", ""))
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		issuer, escape(account), s.Text(), issuer, Digits, int(Period.Seconds()))
}

// escape writes a space as %20, in the query too: many apps show the plus sign.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// String returns "[redacted]"; see [Secret.Text].
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
