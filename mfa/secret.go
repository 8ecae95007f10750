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

// Sizes of a secret in bytes. RFC 4226 (section 4, R6) requires at least 16, but many apps
// and services use 10, which is 16 letters. HMAC-SHA-1 hashes a key that is longer than its
// block of 64.
const (
	newSize = 32
	minSize = 10
	maxSize = 64
)

const redacted = "[redacted]"

// ErrInvalidSecret is returned for a text that is not a secret. It contains nothing of the
// text.
var ErrInvalidSecret = errors.New("mfa: secret is not base32 of 10 to 64 bytes")

var unpadded = base32.StdEncoding.WithPadding(base32.NoPadding)

// A Secret is the key that the server shares with the user's app. It prints as [redacted]
// through fmt and log/slog. [Secret.Text] returns the text for the user. In JSON a Secret
// is base64, like any []byte. The zero Secret has no right codes. Methods do not change a
// Secret, and several goroutines may call them.
type Secret []byte

// NewSecret returns a new Secret of 32 bytes from crypto/rand.
func NewSecret() Secret {
	s := make(Secret, newSize)
	rand.Read(s)
	return s
}

// ParseSecret reads a Secret of 10 to 64 bytes in base32 (RFC 4648, section 6). It accepts
// the form of [Secret.Text] and what users copy: upper and lower case, white space
// anywhere, and any padding at the end. Like apps, it ignores unused bits of the last
// letter. The error is always [ErrInvalidSecret].
func ParseSecret(text string) (Secret, error) {
	text = strings.TrimRight(strings.Map(plain, text), "=")
	// A decoder without padding silently drops letters if no number of bytes has a text of
	// that length. The decoder with padding returns an error.
	padding := strings.Repeat("=", -len(text)&7)
	s, err := base32.StdEncoding.DecodeString(text + padding)
	if err != nil || len(s) < minSize || len(s) > maxSize {
		return nil, ErrInvalidSecret
	}
	return s, nil
}

// plain drops white space and makes ASCII letters upper case. strings.ToUpper would turn a
// dotless i into I.
func plain(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return -1
	case 'a' <= r && r <= 'z':
		return r - 'a' + 'A'
	}
	return r
}

// Text returns s in base32, in upper case and without padding: 52 letters and digits for
// the 32 bytes of [NewSecret]. The text is the secret itself. Show it only to its user.
func (s Secret) Text() string {
	return unpadded.EncodeToString(s)
}

// URI returns the secret for a QR code, in Google's key URI format:
// otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=…&algorithm=SHA1&digits=6&period=30. Do not
// log the URI, because it contains the secret.
//
// issuer is the name of the service. account is the name of the user at that service. The
// app shows both, so neither should be empty. URI percent-encodes everything except ASCII
// letters, digits and -_.~. It leaves out colons in the issuer, because the format cannot
// express them.
//
// See https://github.com/google/google-authenticator/wiki/Key-Uri-Format.
func (s Secret) URI(issuer, account string) string {
	issuer = escape(strings.ReplaceAll(issuer, ":", ""))
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		issuer, escape(account), s.Text(), issuer, Digits, int(Period.Seconds()))
}

// escape writes a space as %20, in the query too, because many apps would show a plus sign.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// String returns "[redacted]"; see [Secret.Text].
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
