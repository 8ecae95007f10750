package identitytest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cognate-id/cognate/mfa"
)

// A TOTP is an authenticator app with one account. [Server.NewTOTP] makes one on the clock of a server.
type TOTP struct {
	t   testing.TB
	key mfa.Secret
	now func() time.Time
}

// NewTOTP returns an app that shows codes for a key, at the time of the server. The key is the SecretCode of AssociateSoftwareToken, or an
// otpauth URI, such as a QR code has. The test fails if it is neither.
func (s *Server) NewTOTP(key string) *TOTP {
	s.t.Helper()
	secret, err := parseKey(key)
	if err != nil {
		s.t.Fatalf("identitytest: %v", err)
	}
	return &TOTP{s.t, secret, s.fake.Now}
}

func parseKey(text string) (mfa.Secret, error) {
	if strings.HasPrefix(text, "otpauth:") {
		u, err := url.Parse(text)
		if err != nil || u.Host != "totp" {
			return nil, fmt.Errorf("no otpauth URI of a TOTP")
		}
		text = u.Query().Get("secret")
	}
	secret, err := mfa.ParseSecret(text)
	if err != nil {
		return nil, fmt.Errorf("key of an app: %w", err)
	}
	return secret, nil
}

// Code is what the app shows now. A code signs in once: before the next one, move the clock by [mfa.Period] with [Server.Advance].
func (a *TOTP) Code() string { return a.key.Code(a.now()) }
